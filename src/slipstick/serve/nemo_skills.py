"""NeMo-Skills' request shapes: POST /execute and the sessions behind it (NVIDIA/NeMo-Skills, local_sandbox)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, Field

from slipstick.serve.clients import unless_gone
from slipstick.serve.script import Program, Ran, new_mark, read
from slipstick.serve.service import STATE_LOST, RefusedError, Service

_LANGUAGES = ("ipython", "python", "python3")
_PROCESS_STATUS: dict[str, Literal["completed", "timeout"]] = {"ok": "completed", "timeout": "timeout"}


class ExecuteRequest(BaseModel):
    """A cell of a session (ipython) or a script of its own (python)."""

    generated_code: str
    timeout: float = Field(default=10.0, gt=0)
    language: str = "ipython"
    std_input: str = ""
    max_output_characters: int = Field(default=1000, ge=0)
    traceback_verbosity: str = "Plain"


class ExecuteResponse(BaseModel):
    """Answer to /execute."""

    process_status: Literal["completed", "timeout", "error"]
    stdout: str
    stderr: str
    new_session_created: bool | None = None
    """Whether nothing of earlier steps is there any more; only of sessions."""


def routes(service: Service) -> APIRouter:
    """Their routes, on this service; `GET /health` is everybody's."""
    router = APIRouter()

    @router.post("/execute", response_model_exclude_none=True)
    async def execute(
        body: ExecuteRequest, request: Request, x_session_id: Annotated[str | None, Header(max_length=200)] = None
    ) -> ExecuteResponse:
        if body.language not in _LANGUAGES:
            known = ", ".join(_LANGUAGES)
            raise RefusedError(400, f"language `{body.language}` is not served here; known: {known}", "unsupported")
        if body.language == "ipython" and not x_session_id:
            raise RefusedError(400, "X-Session-ID header required for ipython sessions", "malformed")
        work = (
            _run_cell(service, body, x_session_id or "") if body.language == "ipython" else _run_script(service, body)
        )
        return await unless_gone(request, work)

    @router.get("/sessions")
    async def sessions() -> dict[str, Any]:
        rows = {
            name: {"backend": "ipython", "created": held.created, "last_used": held.used, "alive": True}
            for name, held in service.held.items()
        }
        return {"sessions": rows, "backend": "ipython"}

    @router.delete("/sessions/{name}")
    async def delete(name: str) -> dict[str, str]:
        if not await service.drop(name):
            raise RefusedError(404, f"IPython session {name} not found", "lost")
        return {"message": f"IPython session {name} deleted successfully"}

    return router


async def _run_cell(service: Service, body: ExecuteRequest, name: str) -> ExecuteResponse:
    async with service.kept_session(name, service.default) as held, service.place(held.lock):
        fresh = held.fresh
        program = Program(body.generated_code, name=f"<cell {held.steps + 1}>", echo=True)
        mark = new_mark()
        seconds = min(body.timeout, service.settings.timeout)
        output = await service.run_step(held, name, program.wrapped(mark), seconds=seconds)
    ran = read(output, mark)
    service.metrics.count(ran.status, ran.seconds)
    echo = f"{ran.echo}\n" if ran.echo else ""
    return ExecuteResponse(
        process_status=_PROCESS_STATUS.get(ran.status, "error"),
        stdout=_cut(f"{ran.stdout}{echo}{_traceback(ran, body.traceback_verbosity)}", body.max_output_characters),
        stderr=_cut(_stderr(ran, body.timeout), body.max_output_characters),
        new_session_created=fresh or ran.status in STATE_LOST,
    )


async def _run_script(service: Service, body: ExecuteRequest) -> ExecuteResponse:
    program = Program(body.generated_code, name="<string>", stdin=body.std_input)
    async with service.place(), service.fresh_session(service.default) as session:
        ran = await service.run_program(session, program, body.timeout)
    return ExecuteResponse(
        # a script that ends in an error is completed there; its traceback is on standard error
        process_status=_PROCESS_STATUS.get(ran.status, "error" if ran.status == "sandbox_fault" else "completed"),
        stdout=_cut(ran.stdout, body.max_output_characters),
        stderr=_cut(_stderr(ran, body.timeout) + ran.traceback, body.max_output_characters),
    )


def _stderr(ran: Ran, seconds: float) -> str:
    return f"Execution timed out after {seconds:g} seconds\n" if ran.status == "timeout" else ran.stderr


def _traceback(ran: Ran, verbosity: str) -> str:
    if verbosity == "Minimal" and ran.traceback:
        return ran.traceback.rstrip("\n").rpartition("\n")[2] + "\n"
    return ran.traceback


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}<output cut>"
