"""SandboxFusion's requests, for Python: POST /run_code and /run_jupyter (its sandbox/server/sandbox_api.py)."""

import base64
import contextlib
import time
from dataclasses import replace
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from slipstick.errors import InterpreterError
from slipstick.interpreters import Result, Script, Session
from slipstick.interpreters.host.timing import TimeLimits
from slipstick.serve.clients import client_of, unless_disconnected
from slipstick.serve.service import STATE_LOST, Demand, Float, Int, Service, wrong_files

RunStatus = Literal["Success", "Failed", "SandboxError"]
Ending = Literal["Finished", "Error", "TimeLimitExceeded"]
_ENDINGS: dict[str, Ending] = {"timeout": "TimeLimitExceeded", "sandbox_fault": "Error"}


class RunCodeRequest(BaseModel):
    """A script, for `run_timeout` seconds of processor time; `compile_timeout` is for other languages."""

    code: str
    language: str
    compile_timeout: Float = 10
    run_timeout: Float = Field(default=10, gt=0)
    memory_limit_MB: Int = -1  # noqa: N815 - their name
    stdin: str | None = None
    files: dict[str, str | None] = {}
    fetch_files: list[str] = []


class CommandRunResult(BaseModel):
    """How one process ended."""

    status: Ending
    execution_time: float | None = None
    return_code: int | None = None
    stdout: str | None = None
    stderr: str | None = None


class RunCodeResponse(BaseModel):
    """Answer to /run_code."""

    status: RunStatus
    message: str = ""
    compile_result: CommandRunResult | None = None
    run_result: CommandRunResult | None = None
    executor_pod_name: str | None = None
    files: dict[str, str] = {}


class RunJupyterRequest(BaseModel):
    """Cells that share variables; times are of the processor, a `cell_timeout` of 0 is no limit."""

    cells: list[str]
    cell_timeout: Float = Field(default=0, ge=0)
    total_timeout: Float = Field(default=45, gt=0)
    memory_limit_MB: Int = -1  # noqa: N815 - their name
    kernel: Literal["python3"] = "python3"
    files: dict[str, str | None] = {}
    fetch_files: list[str] = []


class CellRunResult(BaseModel):
    """Outputs of one cell."""

    stdout: str
    stderr: str
    display: list[dict[str, Any]] = []
    error: list[dict[str, Any]] = []


class RunJupyterResponse(BaseModel):
    """Answer to /run_jupyter; after a timeout, the cells that ended before it."""

    status: RunStatus
    message: str = ""
    driver: CommandRunResult | None = None
    cells: list[CellRunResult] = []
    executor_pod_name: str | None = None
    files: dict[str, str] = {}


def routes(service: Service) -> APIRouter:
    """SandboxFusion's routes."""
    router = APIRouter()

    @router.post("/run_code")
    async def run_code(body: RunCodeRequest, request: Request) -> RunCodeResponse:
        if message := _unsupported(service, body):
            service.metrics.reject("unsupported")
            return RunCodeResponse(status="SandboxError", message=message)
        return _code_response(await unless_disconnected(request, _run_script(service, body, client_of(request))))

    @router.post("/run_jupyter")
    async def run_jupyter(body: RunJupyterRequest, request: Request) -> RunJupyterResponse:
        if message := _unsupported(service, body):
            service.metrics.reject("unsupported")
            return RunJupyterResponse(status="SandboxError", message=message)
        return await unless_disconnected(request, _run_cells(service, body, request))

    @router.get("/v1/ping")
    async def ping() -> str:
        return "pong"

    return router


def _unsupported(service: Service, body: RunCodeRequest | RunJupyterRequest) -> str:
    if body.fetch_files and isinstance(body, RunCodeRequest):
        return "fetch_files is not supported for scripts; print what you need, or send a cell to /run_jupyter"
    if wrong := wrong_files(_files(body)):
        return f"files: {wrong}"
    if (body.files or body.fetch_files) and not service.settings.scratch_mb:
        return "files need a scratch folder; start the service with --set scratch_mb=16"
    if isinstance(body, RunCodeRequest) and body.language != "python":
        return f"language `{body.language}` is not supported; use `python`"
    return ""


def _demand(service: Service, memory_mb: int) -> Demand:
    """Their -1 is no demand, and so is more than the service offers."""
    if memory_mb <= 0 or memory_mb >= service.settings.memory_mb:
        return Demand()
    return Demand(memory_mb=max(memory_mb, 64))


def _files(body: RunCodeRequest | RunJupyterRequest) -> dict[str, str]:
    return {path: content for path, content in body.files.items() if content is not None}


async def _run_script(service: Service, body: RunCodeRequest, address: str) -> Result:
    script = Script(body.code, body.stdin or "", files=_files(body), timeout=body.run_timeout)
    return await service.run_script(script, _demand(service, body.memory_limit_MB), address)


async def _run_cells(service: Service, body: RunJupyterRequest, request: Request) -> RunJupyterResponse:
    began = time.perf_counter()
    cells: list[CellRunResult] = []
    late = f"TimeoutError: no end of all cells within {body.total_timeout:g} s of processor time\n"
    files, left, limits = _files(body), body.total_timeout, TimeLimits.of(service.settings)
    client = client_of(request)
    async with service.fresh_session(_demand(service, body.memory_limit_MB)) as session:
        for number, code in enumerate(body.cells, start=1):
            if left > 0:
                whole = left < limits.processor and not 0 < body.cell_timeout <= left
                cell = Script(
                    code,
                    name=f"<step {number}>",
                    files=files if number == 1 else {},
                    timeout=max(min(left, body.cell_timeout or left), 0.01),
                )
                async with service.place(client):
                    result = await service.run_cell(session, cell)
                if result.status == "timeout" and whole:
                    before = result.stderr.rstrip("\n").rpartition("\n")[0]
                    result = replace(result, stderr=f"{before}\n{late}".lstrip("\n"))
                left -= limits.share(result.cpu_seconds, result.seconds)
            else:
                result = Result("timeout", stderr=late, exit_code=None)
            if result.status in STATE_LOST:
                return RunJupyterResponse(
                    status="SandboxError" if result.status == "sandbox_fault" else "Failed",
                    message=result.stderr,
                    driver=_result(result),
                    cells=cells,
                )
            cells.append(_cell(result))
        fetched = await _fetch(session, body.fetch_files)
    took = time.perf_counter() - began
    driver = CommandRunResult(status="Finished", execution_time=took, return_code=0, stdout="", stderr="")
    return RunJupyterResponse(status="Success", driver=driver, cells=cells, files=fetched)


async def _fetch(session: Session, paths: list[str]) -> dict[str, str]:
    """Files of the session in base64, of those that are there."""
    found = {}
    for path in paths:
        with contextlib.suppress(InterpreterError):
            found[path] = base64.b64encode(await session.read(path)).decode("ascii")
    return found


def _code_response(result: Result) -> RunCodeResponse:
    if result.status == "sandbox_fault":
        return RunCodeResponse(status="SandboxError", message=result.stderr, run_result=_result(result))
    return RunCodeResponse(status="Success" if result.status == "ok" else "Failed", run_result=_result(result))


def _result(result: Result) -> CommandRunResult:
    return CommandRunResult(
        status=_ENDINGS.get(result.status, "Finished"),
        execution_time=result.seconds,
        return_code=result.exit_code,
        stdout=result.stdout,
        stderr=result.stderr,
    )


def _cell(result: Result) -> CellRunResult:
    error: list[dict[str, Any]] = []
    if result.error:
        name, value = result.error
        error = [{"ename": name, "evalue": value, "traceback": result.traceback.splitlines()}]
    display = [{"image/png": image} for image in result.images]
    display += [{"text/plain": result.echo}] if result.echo else []
    return CellRunResult(stdout=result.stdout, stderr=result.stderr, display=display, error=error)
