"""The HTTP application: its own routes, the token, what refusals look like, and the server around it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from rich.console import Console
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from slipstick.errors import InterpreterError
from slipstick.interpreters.host.timing import TimeLimits
from slipstick.schema import Output
from slipstick.serve import ServeSettings, nemo_skills, sandbox_fusion
from slipstick.serve.clients import Guard, address_of, unless_disconnected
from slipstick.serve.connections import IDLE_SECONDS, Connection, Listener, raise_file_limit
from slipstick.serve.service import Demand, RefusedError, Service

_RETRY_SECONDS = "1"
_STOP_SECONDS = 10
"""Time that running steps have to end when the service is stopped."""


class Refusal(BaseModel):
    """Body of every answer that is an error."""

    error: str
    """What is wrong, and what to do."""


_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": description}
    for status, description in (
        (400, "the service does not offer what is asked"),
        (401, "the token is missing or wrong"),
        (404, "no such route, or the session was lost"),
        (405, "another method is needed"),
        (413, "the body is too long"),
        (421, "the request names another host"),
        (422, "the body is malformed"),
        (429, "busy; try again after Retry-After"),
        (499, "the client has disconnected"),
        (500, "the interpreter cannot start"),
        (504, "busy, on /run_code; try again after Retry-After"),
    )
}


class StepRequest(BaseModel):
    """Body of `POST /sessions/{name}/run`."""

    code: str
    step: int = Field(default=0, ge=0)
    """How many steps of this session the client has had answers to. The latest step is answered again, not run again;
    any other number than the service's own means that the session was lost (404)."""
    seconds: float | None = Field(default=None, ge=0.01)
    """Limit of this step in seconds of processor time, if less than that of the session."""
    demand: Demand = Demand()


def make_app(service: Service, token: str | None) -> FastAPI:
    """The application around a started service, which it closes when the server stops."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        expiring = asyncio.create_task(service.expire())
        yield
        expiring.cancel()
        await service.close()

    app = FastAPI(title="slipstick sandbox", lifespan=lifespan, responses=_REFUSALS)
    app.include_router(_routes(service))
    app.include_router(sandbox_fusion.routes(service))
    app.include_router(nemo_skills.routes(service))
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=service.settings.body_mb << 20)
    settings = service.settings
    app.add_middleware(Guard, token=token, host=settings.host, max_body=settings.body_mb << 20)

    @app.exception_handler(RefusedError)
    async def refused(request: Request, error: RefusedError) -> Response:
        service.metrics.reject(error.reason)
        # verl's client of /run_code tries again after 504 only
        busy = error.status == 429 and request.url.path == "/run_code"
        return _refusal(request, 504 if busy else error.status, error.message)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        service.metrics.reject("malformed")
        lines = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
        return _refusal(request, 422, "; ".join(lines))

    @app.exception_handler(HTTPException)
    async def failed(request: Request, error: HTTPException) -> Response:
        return _refusal(request, error.status_code, str(error.detail), error.headers)

    @app.exception_handler(InterpreterError)
    async def broken(request: Request, error: InterpreterError) -> Response:
        return _refusal(request, 500, str(error))

    return app


async def serve(settings: ServeSettings, token: str | None, listener: socket.socket, console: Console) -> None:
    """Serves on the listening socket until SIGTERM or SIGINT; then no process is left. Raises InterpreterError."""
    raise_file_limit()
    service = Service(settings)
    config = uvicorn.Config(
        make_app(service, token),
        http=Connection,
        log_level="warning",
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


def _refusal(request: Request, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    body = {"error": message}
    if request.url.path == "/execute":  # its clients read these three whatever the status
        body |= {"process_status": "error", "stdout": "", "stderr": f"{message}\n"}
    return JSONResponse(body, status, {"Retry-After": _RETRY_SECONDS} if status in (429, 504) else headers)


def _routes(service: Service) -> APIRouter:
    router = APIRouter()

    @router.post("/sessions/{name}/run")
    async def run_step(name: str, body: StepRequest, request: Request) -> Output:
        """Runs one step of a session; step 0 makes the session."""

        async def work() -> Output:
            held = service.held.get(name)
            if held is None and body.step:
                raise RefusedError(
                    404, f"there is no session {name}; it has expired or the service was restarted", "lost"
                )
            address = address_of(request)
            async with service.kept_session(name, body.demand, address) as held, service.place(address, held.lock):
                if held.last and (body.step, body.code) == (held.steps - 1, held.last[0]):
                    return held.last[1]
                if body.step != held.steps:
                    raise RefusedError(404, f"session {name} has {held.steps} steps, not {body.step}", "lost")
                output = await service.run_step(held, name, body.code, seconds=body.seconds)
            service.metrics.count(output.status, output.seconds)
            return output

        return await unless_disconnected(request, work())

    @router.get("/health")
    async def health() -> dict[str, str]:
        """Whether the service is up; needs no token."""
        return {"status": "healthy", "service": "slipstick"}

    @router.get("/metrics")
    async def metrics() -> Response:
        """Counters for Prometheus."""
        return Response(service.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router
