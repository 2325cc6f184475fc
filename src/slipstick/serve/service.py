"""The service behind the routes: sessions, workers, the queue, and what is refused."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from slipstick.interpreters import Interpreter, Limits, Session, open_interpreter
from slipstick.schema import Output, Status
from slipstick.serve import ServeSettings
from slipstick.serve.metrics import Metrics
from slipstick.serve.script import Program, ScriptResult, new_mark, read_parts

STATE_LOST: frozenset[Status] = frozenset({"timeout", "killed", "sandbox_fault"})
"""Outcomes after which a session has lost its variables."""
_MAX_INTERPRETERS = 8
_WARM_UP = ("1", "import sympy\n1", "import numpy\n1")


class RefusedError(Exception):
    """A request that is not run: HTTP status, message to the client, and the reason it is counted under."""

    def __init__(self, status: int, message: str, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason


class Demand(Limits):
    """Limits and seed that a client demands for its session."""

    seed: int | None = None
    """Makes random numbers and hashes of programs repeatable."""


@dataclass
class Shared:
    """An interpreter, shared by all who demand the same of it."""

    interpreter: Interpreter
    users: int = 0
    """Sessions and requests that use it now."""
    started: bool = False
    """Whether its processes have all been started."""


@dataclass
class KeptSession:
    """A session that is kept between requests."""

    session: Session
    shared: Shared
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the step that runs; others of the session wait for it."""
    created: float = field(default_factory=time.time)
    used: float = field(default_factory=time.time)
    """Time of the latest request, in seconds since the epoch as `created`."""
    users: int = 0
    """Requests that run or wait for a step."""
    steps: int = 0
    """Steps that have run."""
    running: asyncio.Task[Output] | None = None
    last: tuple[str, Output] | None = None
    """Code and output of the latest step, for a client whose connection broke before the answer."""


class Service:
    """The state that the routes share. Belongs to one event loop."""

    def __init__(self, settings: ServeSettings) -> None:
        self.settings = settings
        self.default = Demand(**settings.model_dump(include=set(Demand.model_fields)))
        self.held: dict[str, KeptSession] = {}
        self.metrics = Metrics(sessions=lambda: len(self.held), waiting=lambda: self._waiting)
        self._waiting = 0
        self._free = asyncio.Semaphore(settings.sandbox_workers)
        self._interpreters: dict[Demand, Shared] = {}
        self._starting = asyncio.Lock()
        self._closing: set[asyncio.Future[None]] = set()

    async def start(self) -> None:
        """Starts the interpreter's processes before the first program. Raises InterpreterError."""
        async with self.fresh_session(self.default):
            pass

    async def close(self) -> None:
        """Ends every session and every process."""
        self.held.clear()
        await asyncio.gather(*(shared.interpreter.close() for shared in self._interpreters.values()), *self._closing)

    @asynccontextmanager
    async def place(self, lock: asyncio.Lock | None = None) -> AsyncIterator[None]:
        """Waits for the session's lock and a worker, and holds both. Raises RefusedError if the queue is full."""
        if self._waiting >= self.settings.queue and self._free.locked():
            raise RefusedError(429, f"{self._waiting} steps are waiting already; try again later", "queue")
        async with AsyncExitStack() as stack:
            self._waiting += 1
            try:
                if lock:
                    await stack.enter_async_context(lock)
                await stack.enter_async_context(self._free)
            finally:
                self._waiting -= 1
            yield

    @asynccontextmanager
    async def fresh_session(self, demand: Demand) -> AsyncIterator[Session]:
        """A session for one request, on an interpreter whose processes have started."""
        shared = self._take(demand)
        try:
            await self._start_processes(shared)
            session = shared.interpreter.session()
            try:
                yield session
            finally:
                await session.close()
        finally:
            shared.users -= 1

    @asynccontextmanager
    async def kept_session(self, name: str, demand: Demand) -> AsyncIterator[KeptSession]:
        """The session of that name, made if there is none, and kept once it has run a step."""
        held = self.held.get(name)
        if held is None:
            if len(self.held) >= self.settings.sessions:
                raise RefusedError(429, f"{len(self.held)} sessions are kept already; try again later", "sessions")
            shared = self._take(demand)
            held = self.held[name] = KeptSession(shared.interpreter.session(), shared)
        held.users += 1
        try:
            yield held
        finally:
            held.users -= 1
            held.used = time.time()
            if not held.users and not held.steps and self.held.get(name) is held:
                await self.drop(name)

    async def drop(self, name: str) -> bool:
        """Ends the session of that name and its running step; False if there is no such session."""
        held = self.held.pop(name, None)
        if held is None:
            return False
        held.shared.users -= 1
        if held.running:
            held.running.cancel()
        await held.session.close()
        return True

    async def expire(self) -> None:
        """Ends unused sessions, for ever."""
        while True:
            await asyncio.sleep(min(self.settings.idle_seconds / 4, 10))
            oldest = time.time() - self.settings.idle_seconds
            for name in [name for name, held in self.held.items() if not held.users and held.used < oldest]:
                await self.drop(name)

    async def run_step(self, held: KeptSession, name: str, code: str, *, seconds: float | None = None) -> Output:
        """Runs one step of a kept session, inside a `place`; a cancelled step ends its session.

        Raises RefusedError if the session was ended meanwhile.
        """
        if self.held.get(name) is not held:
            raise RefusedError(404, f"session {name} was ended meanwhile", "lost")
        try:
            held.running = asyncio.ensure_future(run_within(held.session, code, seconds))
            output = await held.running
        except asyncio.CancelledError:
            if self.held.get(name) is held:
                await self.drop(name)
            task = asyncio.current_task()
            if task and task.cancelling():
                raise
            raise RefusedError(404, f"session {name} was ended meanwhile", "lost") from None
        finally:
            held.running = None
        held.steps += 1
        held.last = (code, output)
        return output

    async def run_program(self, session: Session, program: Program, seconds: float) -> ScriptResult:
        """Runs one program, inside a `place`, for at most `seconds` and the service's timeout."""
        mark = new_mark()
        output = await run_within(session, program.wrapped(mark), min(seconds, self.settings.timeout))
        result = read_parts(output, mark)
        self.metrics.count(result.status, result.seconds)
        return result

    async def _start_processes(self, shared: Shared) -> None:
        """Starts every process of an interpreter, once: that does not count as a request's time."""
        if shared.started:
            return
        async with self._starting:
            for code in _WARM_UP if not shared.started else ():
                session = shared.interpreter.session()
                await session.run(code)
                await session.close()
            shared.started = True

    def _take(self, demand: Demand) -> Shared:
        """The interpreter for a demand, in use from now on. Raises RefusedError if the service does not offer it."""
        demand = self._checked(demand)
        if demand not in self._interpreters:
            self._make_room()
            settings = self.settings.model_copy(update=demand.model_dump(exclude={"seed"}))
            self._interpreters[demand] = Shared(open_interpreter(settings, seed=demand.seed))
        self._interpreters[demand].users += 1
        return self._interpreters[demand]

    def _make_room(self) -> None:
        """Closes an unused interpreter if there are too many. Raises RefusedError if all are in use."""
        if len(self._interpreters) < _MAX_INTERPRETERS:
            return
        idle = [demand for demand, each in self._interpreters.items() if not each.users and demand != self.default]
        if not idle:
            raise RefusedError(429, f"sessions of {_MAX_INTERPRETERS} different settings are kept already", "settings")
        closing = asyncio.ensure_future(self._interpreters.pop(idle[0]).interpreter.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _checked(self, demand: Demand) -> Demand:
        """The demand with this service's isolation. Raises RefusedError if it is more than this service offers."""
        demanded, offered = demand.model_dump(), self.settings.model_dump()
        for name in ("timeout", "memory_mb", "scratch_mb"):
            if demanded[name] > offered[name]:
                message = f"{name} = {demanded[name]:g} is more than the {offered[name]:g} that this service offers; "
                message += f"ask for less, or start the service with --set {name}={demanded[name]:g}"
                raise RefusedError(400, message, "settings")
        if demand.isolation not in (None, self.settings.isolation):
            message = f"isolation = {demand.isolation} is requested, but this service was started with isolation = "
            message += f"{self.settings.isolation}; remove it, or start the service with that isolation"
            raise RefusedError(400, message, "settings")
        return demand.model_copy(update={"isolation": self.settings.isolation})


async def run_within(session: Session, code: str, seconds: float | None) -> Output:
    """Runs one step for at most `seconds`, if they are fewer than the interpreter's own timeout."""
    start = time.perf_counter()
    try:
        async with asyncio.timeout(seconds):
            return await session.run(code)
    except TimeoutError:
        took = time.perf_counter() - start
        return Output(text=f"TimeoutError: no end within {seconds:g} s", status="timeout", seconds=took)
