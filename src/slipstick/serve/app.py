"""The HTTP application: its own routes, and the server around it."""

import asyncio
import socket
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal, TypeVar

import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field, field_validator
from pydantic_core import PydanticCustomError
from rich.console import Console

from slipstick.errors import InterpreterError
from slipstick.interpreters import Script, Session
from slipstick.interpreters.host.timing import TimeLimits
from slipstick.schema import Output
from slipstick.serve import ServeSettings, nemo_skills, sandbox_fusion
from slipstick.serve.bodies import Bodies
from slipstick.serve.clients import Guard, client_of, unless_disconnected
from slipstick.serve.connections import IDLE_SECONDS, Connection, Listener, raise_file_limit
from slipstick.serve.refusals import REFUSALS, Refusal, add_handlers
from slipstick.serve.service import NUMBER, Demand, Int, RefusedError, Service, wrong_files

T = TypeVar("T")
_STOP_SECONDS = 10
"""Time that running steps have to end when the service is stopped."""


class StepRequest(BaseModel):
    """Body of `POST /sessions/{name}/run`."""

    code: str
    """The step; with no code, `files` alone are written."""
    stdin: str = ""
    """Standard input of the step."""
    files: dict[str, str] = {}
    """Path -> content in base64, written into the session's scratch folder first."""
    step: Int = Field(default=0, ge=0)
    """How many steps of this session the client has had answers to. The latest step is answered again, not run again;
    any other number than the service's own means that the session was lost (404)."""
    seconds: Annotated[float, Field(ge=0.01), NUMBER] | None = None
    """Limit of this step in seconds of processor time, if less than that of the session."""
    demand: Demand = Demand()
    """Limits and seed of the session, which its first step makes."""

    @field_validator("files")
    @classmethod
    def _can_be_written(cls, files: dict[str, str]) -> dict[str, str]:
        if wrong := wrong_files(files):
            raise PydanticCustomError("files", "{wrong}", {"wrong": wrong})
        return files


class SessionFiles(BaseModel):
    """Answer to `GET /sessions/{name}/files`."""

    files: list[str]
    """Paths of the files in the session's scratch folder."""


class SessionFile(BaseModel):
    """Answer to `GET /sessions/{name}/files/{path}`."""

    content: str
    """The file, in base64."""


class Health(BaseModel):
    """Answer to /health and /ready."""

    status: Literal["healthy"] = "healthy"
    service: Literal["slipstick"] = "slipstick"
    state: Literal["warming", "ready"]


def make_app(service: Service, token: str | None) -> FastAPI:
    """The application around a started service, which it closes when the server stops."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        expiring = asyncio.create_task(service.expire())
        yield
        expiring.cancel()
        await service.close()

    app = FastAPI(title="slipstick sandbox", lifespan=lifespan, responses=REFUSALS, redirect_slashes=False)
    app.include_router(_routes(service))
    app.include_router(sandbox_fusion.routes(service))
    app.include_router(nemo_skills.routes(service))
    settings = service.settings
    app.add_middleware(Bodies, most=settings.body_mb << 20)
    app.add_middleware(Guard, token=token, host=settings.host)
    add_handlers(app, service)

    describe = app.openapi

    def openapi() -> dict[str, Any]:
        """The description of the interface, with the most that this service offers."""
        description = describe()
        demand = description["components"]["schemas"]["Demand"]["properties"]
        for name, most in service.most.items():
            demand[name]["anyOf"][0]["maximum"] = most
        demand["isolation"]["enum"] = [None, *filter(None, [service.isolation])]
        return description

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's way to extend it
    return app


async def serve(settings: ServeSettings, token: str | None, listener: socket.socket, console: Console) -> None:
    """Serves on the listening socket until SIGTERM or SIGINT; then no process is left. Raises InterpreterError."""
    raise_file_limit()
    service = Service(settings)
    config = uvicorn.Config(
        make_app(service, token),
        http=Connection,
        log_level="error",  # what clients do wrong would fill the log
        ws="none",
        access_log=False,
        server_header=False,
        proxy_headers=settings.proxies is not None,
        forwarded_allow_ips=settings.proxies,
        timeout_keep_alive=int(IDLE_SECONDS),
        timeout_graceful_shutdown=int(min(TimeLimits.of(settings).wall, _STOP_SECONDS)) + 1,
    )
    address, port = listener.getsockname()[:2]
    where = f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
    console.print(
        f'slipstick sandbox serves at {where}; interpreter = "remote:{where}"', soft_wrap=True, highlight=False
    )
    server = uvicorn.Server(config)
    starting = asyncio.create_task(_start(service, server, console))
    try:
        await server.serve(sockets=[Listener(fileno=listener.detach())])
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await service.close()
    if not starting.cancelled() and (error := starting.exception()):
        raise error


async def _start(service: Service, server: uvicorn.Server, console: Console) -> None:
    """Starts the interpreter's processes while the server already answers; if that fails, the server stops."""
    began = time.perf_counter()
    try:
        await service.start()
    except (
        BaseException
    ):  # cancelled or failed: a server without an interpreter must not go on; the reason is passed on
        server.should_exit = True
        raise
    console.print(f"ready after {time.perf_counter() - began:.1f} s", highlight=False)


def _routes(service: Service) -> APIRouter:
    router = APIRouter()

    @router.post("/sessions/{name}/run")
    async def run_step(name: str, body: StepRequest, request: Request) -> Output:
        """Runs one step of a session; step 0 makes the session."""

        async def work() -> Output:
            held = service.held.get(name)
            if held is None and body.step:
                raise service.gone(name)
            address = client_of(request)
            async with service.kept_session(name, body.demand, address) as held, service.place(address, held.lock):
                asked = (body.code, body.stdin, body.files)
                if held.last and (body.step, asked) == (held.steps - 1, held.last[0]):
                    return held.last[1]
                if body.step != held.steps:
                    raise RefusedError(404, f"session {name} has {held.steps} steps, not {body.step}", "lost")
                output = await service.run_step(held, name, lambda each: _step(each, body))
                held.last = (asked, output)
                return output

        return await unless_disconnected(request, work())

    @router.get("/sessions/{name}/files")
    async def list_files(name: str, request: Request) -> SessionFiles:
        """The files in a session's scratch folder."""
        return SessionFiles(files=await _looked(service, name, request, lambda session: session.files()))

    @router.get("/sessions/{name}/files/{path:path}")
    async def read_file(name: str, path: str, request: Request) -> SessionFile:
        """One file of a session's scratch folder."""
        content = await _looked(service, name, request, lambda session: session.read(path))
        return SessionFile(content=b64encode(content).decode("ascii"))

    @router.get("/health")
    async def health() -> Health:
        """Whether the service is up; needs no token."""
        return Health(state="ready" if service.ready else "warming")

    @router.get("/ready", responses={503: {"model": Refusal, "description": "not yet"}})
    async def ready() -> Health:
        """Whether steps run without waiting for processes that still start; needs no token."""
        if not service.ready:
            raise RefusedError(503, "the interpreter's processes still start; steps wait until then", "warming")
        return Health(state="ready")

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Counters for Prometheus."""
        return Response(service.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


async def _step(session: Session, body: StepRequest) -> Output:
    """Runs a step as its request has it."""
    if not body.stdin and not body.files:
        return await session.run(body.code, seconds=body.seconds)
    try:
        if body.code:
            cell = Script(body.code, body.stdin, files=body.files, timeout=body.seconds, together=True)
            return (await session.run_cell(cell)).output()
        for path, content in body.files.items():
            await session.write(path, b64decode(content))
    except InterpreterError as error:
        raise RefusedError(400, str(error), "settings") from error
    return Output(text="", status="ok")


async def _looked(service: Service, name: str, request: Request, look: Callable[[Session], Awaitable[T]]) -> T:
    """What a look at the files of a session that is kept finds; it is no step."""
    held = service.held.get(name)
    if held is None:
        raise service.gone(name)

    async def work() -> T:
        owner = client_of(request)
        async with service.kept_session(name, Demand(), owner) as held, service.place(owner, held.lock):
            try:
                return await look(held.session)
            except InterpreterError as error:
                raise RefusedError(400, str(error), "settings") from error

    return await unless_disconnected(request, work())
