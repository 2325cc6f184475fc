"""NeMo-Skills' requests: POST /execute and its sessions (NVIDIA/NeMo-Skills, local_sandbox)."""

import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, Field

from slipstick.interpreters import Result, Script
from slipstick.serve.clients import client_of, unless_disconnected
from slipstick.serve.service import STATE_LOST, Demand, Float, Int, RefusedError, Service

_LANGUAGES = ("ipython", "python", "python3")
_PROCESS_STATUS: dict[str, Literal["completed", "timeout"]] = {"ok": "completed", "timeout": "timeout"}


class ExecuteRequest(BaseModel):
    """A cell of a session (ipython; one of its own if no header names it) or a script (python)."""

    generated_code: str
    timeout: Float = Field(default=10.0, gt=0)
    language: str = Field(default="ipython", json_schema_extra={"enum": [*_LANGUAGES]})
    std_input: str = ""
    max_output_characters: Int = Field(default=1000, ge=0)
    traceback_verbosity: str = "Plain"


class ExecuteResponse(BaseModel):
    """Answer to /execute."""

    process_status: Literal["completed", "timeout", "error"]
    stdout: str
    stderr: str
    new_session_created: bool | None = None
    """Whether the session has nothing of earlier steps; None for scripts."""


def routes(service: Service) -> APIRouter:
    """NeMo-Skills' routes; `GET /health` is in `app`."""
    router = APIRouter()

    @router.post("/execute", response_model_exclude_none=True)
    async def execute(
        body: ExecuteRequest, request: Request, x_session_id: Annotated[str | None, Header(max_length=200)] = None
    ) -> ExecuteResponse:
        if body.language not in _LANGUAGES:
            known = ", ".join(_LANGUAGES)
            raise RefusedError(400, f"language `{body.language}` is not supported; known: {known}", "unsupported")
        if body.language != "ipython":
            return await unless_disconnected(request, _run_script(service, body, client_of(request)))
        name = x_session_id or f"once-{uuid.uuid4().hex}"
        try:
            return await unless_disconnected(request, _run_cell(service, body, name, client_of(request)))
        finally:
            if not x_session_id:
                await service.drop(name)

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


async def _run_cell(service: Service, body: ExecuteRequest, name: str, address: str) -> ExecuteResponse:
    async with service.kept_session(name, Demand(), address) as held, service.place(address, held.lock):
        fresh = held.fresh
        cell = Script(body.generated_code, name=f"<step {held.steps + 1}>", timeout=body.timeout)
        result = await service.run_step(held, name, lambda session: session.run_cell(cell))
    shown = "".join(f"{each}\n" for each in (result.echo, _traceback(result, body.traceback_verbosity)) if each)
    return ExecuteResponse(
        process_status="error" if result.exit_code else _PROCESS_STATUS.get(result.status, "error"),
        stdout=_cut(result.stdout + shown, body.max_output_characters),
        stderr=_cut(_stderr(result, body.timeout), body.max_output_characters),
        new_session_created=fresh or result.status in STATE_LOST,
    )


async def _run_script(service: Service, body: ExecuteRequest, address: str) -> ExecuteResponse:
    script = Script(body.generated_code, body.std_input, name="<string>", timeout=body.timeout)
    result = await service.run_script(script, Demand(), address)
    return ExecuteResponse(
        # there a script that ends in an error is `completed`, its traceback on standard error
        process_status=_PROCESS_STATUS.get(result.status, "error" if result.status == "sandbox_fault" else "completed"),
        stdout=_cut(result.stdout, body.max_output_characters),
        stderr=_cut(_stderr(result, body.timeout), body.max_output_characters),
    )


def _stderr(result: Result, seconds: float) -> str:
    return f"Execution timed out after {seconds:g} seconds\n" if result.status == "timeout" else result.stderr


def _traceback(result: Result, verbosity: str) -> str:
    trace = result.traceback.rstrip("\n")
    return trace.rpartition("\n")[2] if verbosity == "Minimal" else trace


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}<output cut>"
