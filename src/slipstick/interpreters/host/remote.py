"""The interpreter of another process or machine over HTTP: `remote:http://HOST:PORT`, served by `slipstick sandbox`."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from slipstick.errors import InterpreterError
from slipstick.interpreters import Interpreter, Limits, Result, Script, Session
from slipstick.interpreters.host.files import check_path, require_scratch, write_request
from slipstick.interpreters.host.replay import is_same, may_repeat
from slipstick.interpreters.host.timing import TimeLimits
from slipstick.schema import Output, Status

if TYPE_CHECKING:
    import httpx2

R = TypeVar("R", bound=BaseModel)

TOKEN_VARIABLE = "SLIPSTICK_SANDBOX_TOKEN"
"""Environment variable with the token, for the service and for its clients."""
_PATIENCE_SECONDS = 300.0
"""How long a step waits for a worker of a busy service."""
_KEPT: frozenset[Status] = frozenset({"ok", "error", "memory"})
"""Outcomes after which a session still has its variables."""


class _Files(BaseModel):
    """The service's answer to /sessions/NAME/files."""

    files: list[str]


class _File(BaseModel):
    """The service's answer to /sessions/NAME/files/PATH."""

    content: str


class ServiceLostError(Exception):
    """The service does not answer, or not as a sandbox service does."""


class SessionLostError(Exception):
    """The service no longer knows the session."""


def open_interpreter(argument: str, limits: Limits, *, workers: int = 2, seed: int | None = None) -> RemoteInterpreter:
    """The interpreter behind a URL; nothing is sent before the first step.

    A token is read from the environment variable SLIPSTICK_SANDBOX_TOKEN. workers: steps that this client has running
    or waiting there at one time. The limits are demanded of the service, which refuses more than it offers.
    Raises InterpreterError.
    """
    import httpx2

    try:
        url = httpx2.URL(argument)
    except httpx2.InvalidURL:
        url = httpx2.URL("")
    if url.scheme not in ("http", "https") or not url.host or url.path != "/" or url.query or url.userinfo:
        raise InterpreterError(
            f"`remote:{argument}` does not name a service; write remote:http://HOST:PORT, start one with "
            f"`slipstick sandbox --set port=PORT`, and set {TOKEN_VARIABLE} to its token, if it has one"
        )
    return RemoteInterpreter(argument.rstrip("/"), limits, workers=workers, seed=seed)


class RemoteInterpreter(Interpreter):
    """Makes sessions on one service. Belongs to the event loop of its first step."""

    def __init__(self, url: str, limits: Limits, *, workers: int, seed: int | None) -> None:
        self.url = url
        self.limits = limits
        self.seed = seed
        self.slots = asyncio.Semaphore(workers)
        self._client: httpx2.AsyncClient | None = None
        self._answered = False
        self._closed = False

    def session(self, limits: Limits | None = None, *, seed: int | None = None) -> RemoteSession:
        """A fresh session; the service makes it at the first step. Raises InterpreterError once closed."""
        if self._closed:
            raise InterpreterError("this interpreter is closed; open a new one")
        return RemoteSession(self, limits or self.limits, self.seed if seed is None else seed)

    async def run_step(self, name: str, step: dict[str, Any]) -> Output:
        """One step of a session of the service, in the shape of its route.

        Raises SessionLostError, ServiceLostError, and InterpreterError for what a user can fix.
        """
        response = await self._request("POST", f"/sessions/{name}/run", step)
        if response.status_code == 413:
            what = "the files are" if step.get("files") else "the program is"
            return Output(text=f"ValueError: {what} too long for the sandbox service", status="error")
        return self._answer_of(response, Output, may_be_lost=bool(step["step"]))

    async def look(self, path: str, shape: type[R]) -> R:
        """What the service says of a session's files, at a path below /sessions. Raises as `run_step`."""
        return self._answer_of(await self._request("GET", f"/sessions/{path}"), shape, may_be_lost=True)

    def _answer_of(self, response: httpx2.Response, shape: type[R], *, may_be_lost: bool) -> R:
        try:
            answer = response.json()
            if response.status_code == 200:
                output = shape.model_validate(answer)
                self._answered = True
                return output
            message = str(answer["error"])
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise self._unexpected(f"answers {response.status_code} with {response.text[:200]!r}") from error
        if response.status_code == 404 and may_be_lost:
            raise SessionLostError(message)
        if response.status_code in (400, 401, 422):
            hint = f"; set {TOKEN_VARIABLE} to the token" if response.status_code == 401 else ""
            raise InterpreterError(f"the sandbox service at {self.url} refuses: {message}{hint}")
        raise self._unexpected(f"answers {response.status_code}: {message}")

    async def end_session(self, name: str) -> None:
        """Ends a session of the service; if the service cannot be reached, the session expires there."""
        import httpx2

        if self._client is not None and not self._client.is_closed:
            with suppress(httpx2.TransportError):
                await self._client.delete(f"/sessions/{name}", timeout=5.0)

    async def close(self) -> None:
        """Closes the connections."""
        self._closed = True
        if self._client is not None:
            await self._client.aclose()

    async def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
        """One request, sent again once if the connection is lost, and as long as the service is busy."""
        import httpx2

        client = self._connect()
        give_up = time.monotonic() + _PATIENCE_SECONDS
        lost = False
        while True:
            try:
                response = await client.request(method, path, json=body)
            except httpx2.TransportError as error:
                if lost:
                    raise self._unexpected(f"does not answer ({error or type(error).__name__})") from error
                lost = True
                await asyncio.sleep(random.uniform(0.2, 0.5))
                continue
            if response.status_code != 429 or time.monotonic() > give_up:
                return response
            wait = response.headers.get("Retry-After", "")
            await asyncio.sleep(min(int(wait) if wait.isdecimal() else 1, 30) * random.uniform(0.5, 1.5))

    def _connect(self) -> httpx2.AsyncClient:
        import httpx2

        if self._client is None:
            token = os.environ.get(TOKEN_VARIABLE)
            self._client = httpx2.AsyncClient(
                base_url=self.url,
                headers={"Authorization": f"Bearer {token}"} if token else {},
                timeout=httpx2.Timeout(30.0, connect=5.0, read=TimeLimits.of(self.limits).wall + _PATIENCE_SECONDS),
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=256),
                trust_env=False,  # programs go to the named service, never to a proxy
            )
        return self._client

    def _unexpected(self, what: str) -> Exception:
        """The error to raise for a missing or wrong service: a mistake of the user's if it has never answered."""
        if self._answered:
            return ServiceLostError(f"the service at {self.url} {what}")
        return InterpreterError(
            f"the sandbox service at {self.url} {what}; check the address, start one with `slipstick sandbox`, or run "
            "the programs here: interpreter = local"
        )


class RemoteSession(Session):
    """One program's variables on the service; if it loses them, the steps that made them are run there again."""

    def __init__(self, remote: RemoteInterpreter, limits: Limits, seed: int | None) -> None:
        self._remote = remote
        self._demand = {**limits.model_dump(), "seed": seed}
        self._time = TimeLimits.of(limits)
        self._name = ""
        self._steps = 0
        """Steps that the service has run in the session of this name."""
        self._done: list[tuple[dict[str, Any], Output]] = []
        self._turn = asyncio.Lock()
        """Held by the step that runs; steps that are asked for at one time run in that order."""

    async def run(self, code: str, *, seconds: float | None = None) -> Output:
        """Runs one step; see `slipstick.interpreters.Session`."""
        return await self._run_step({"code": code}, seconds)

    async def run_cell(self, cell: Script) -> Result:
        """Runs one step, all of its output in one text. Raises InterpreterError if the parts are asked for."""
        if not cell.together:
            raise InterpreterError("`remote:` keeps no outputs apart; use the interpreter `local`")
        asked = {"code": cell.code, "stdin": cell.stdin, "files": cell.files}
        output = await self._run_step(asked, cell.timeout)
        return Result(
            output.status,
            output.text,
            images=output.images,
            seconds=output.seconds,
            cpu_seconds=output.cpu_seconds,
        )

    async def write(self, path: str, content: bytes) -> None:
        """Writes a file; see `slipstick.interpreters.Session`."""
        output = await self._run_step({"code": "", "files": write_request(path, content).files}, None)
        if output.status != "ok":
            raise InterpreterError(f"`{path}` cannot be written into the session's folder: {output.text}")

    async def read(self, path: str) -> bytes:
        """The content of a file; see `slipstick.interpreters.Session`."""
        check_path(path)
        if not self._has_begun():
            raise InterpreterError(f"`{path}` cannot be read from the session's folder: no step has run yet")
        return base64.b64decode((await self._look(f"/{quote(path)}", _File)).content)

    async def files(self) -> list[str]:
        """The paths of the files; see `slipstick.interpreters.Session`."""
        return (await self._look("", _Files)).files if self._has_begun() else []

    def _has_begun(self) -> bool:
        """Whether there may be a file. Raises InterpreterError if there can be none for lack of a folder."""
        if self._steps or self._done:
            return True
        require_scratch(self._demand["scratch_mb"])
        return False

    async def _look(self, path: str, shape: type[R]) -> R:
        """What the service says of the files; the session is made first, and once more if it was lost."""
        try:
            async with self._turn, self._remote.slots:
                for again in (True, False):
                    if not self._steps:
                        await self._restore()
                    try:
                        return await self._remote.look(f"{self._name}/files{path}", shape)
                    except SessionLostError:
                        if not again:
                            raise
                        self._steps = 0
        except (ServiceLostError, SessionLostError) as error:
            raise InterpreterError(str(error)) from error
        raise AssertionError

    async def _run_step(self, step: dict[str, Any], seconds: float | None) -> Output:
        async with self._turn, self._remote.slots:
            try:
                output = await self._run(step, seconds)
            except ServiceLostError as error:
                return Output(text=f"SandboxFault: {error}", status="sandbox_fault")
            except SessionLostError as error:
                self._forget()
                return Output(text=f"SandboxFault: {error}", status="sandbox_fault")
            if output.status in _KEPT:
                self._done.append((step, output))
            return output

    async def close(self) -> None:
        """Ends the session."""
        name = self._name
        self._forget()
        if name:
            await self._remote.end_session(name)

    async def _run(self, step: dict[str, Any], seconds: float | None) -> Output:
        if not self._name:
            await self._restore()
        try:
            return await self._step(step, seconds)
        except SessionLostError:
            await self._restore()
            return await self._step(step, seconds)

    async def _step(self, step: dict[str, Any], seconds: float | None = None) -> Output:
        asked = {**step, "step": self._steps, "demand": self._demand, "seconds": seconds}
        output = await self._remote.run_step(self._name, asked)
        self._steps += 1
        return output

    async def _restore(self) -> None:
        """Starts a session and runs the earlier steps in it.

        Raises SessionLostError if they take too long, or their outputs differ from before.
        """
        self._name, self._steps = uuid.uuid4().hex, 0
        if not may_repeat(self._done, self._time):
            raise SessionLostError(
                f"the service at {self._remote.url} lost a session that took too long to be repeated"
            )
        for step, output in self._done:
            again = await self._step(step)
            if not is_same(output, again):
                raise SessionLostError(f"the service at {self._remote.url} lost a session that cannot be repeated")

    def _forget(self) -> None:
        """Forgets the session: the next step starts a new one."""
        self._name, self._steps, self._done = "", 0, []
