"""Sessions and places behind the HTTP door: who may run now, who waits, who is told to come back later."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from slipstick.interpreters import Interpreter, Limits, Session, open_interpreter
from slipstick.schema import Output, Status
from slipstick.serve import ServeSettings
from slipstick.serve.metrics import Metrics
from slipstick.serve.script import Program, Ran, new_mark, read

STATE_LOST: frozenset[Status] = frozenset({"timeout", "killed", "sandbox_fault"})
"""Outcomes that end a session's process."""
_MOST_INTERPRETERS = 8
_WARM_UP = ("1", "import sympy\n1", "import numpy\n1")


class RefusedError(Exception):
    """A request that is not run: its HTTP status, what the client is told, and the name it is counted under."""

    def __init__(self, status: int, message: str, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason


class Demand(Limits):
    """What a client asks of the interpreter that runs its session, as in a recipe."""

    seed: int | None = None
    """Makes random numbers and hashes of programs repeatable."""


@dataclass
class Held:
    """A session that is kept between requests."""

    session: Session
    demand: Demand
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    created: float = field(default_factory=time.time)
    used: float = field(default_factory=time.time)
    users: int = 0
    steps: int = 0
    running: asyncio.Task[Output] | None = None
    last: tuple[str, Output] | None = None
    """The latest step's code and output, for a client whose connection broke before it heard."""

    @property
    def fresh(self) -> bool:
        """Whether its process is a new one."""
        return self.last is None or self.last[1].status in STATE_LOST


class Service:
    """Everything the routes share. Belongs to one event loop."""

    def __init__(self, settings: ServeSettings) -> None:
        self.settings = settings
        self.default = Demand(**settings.model_dump(include=set(Demand.model_fields)))
        self.held: dict[str, Held] = {}
        self.metrics = Metrics(sessions=lambda: len(self.held), waiting=lambda: self._waiting)
        self._waiting = 0
        self._free = asyncio.Semaphore(settings.sandbox_workers)
        self._interpreters: dict[Demand, Interpreter] = {}
        self._in_use: dict[Demand, int] = {}
        self._warm: set[Demand] = set()
        self._warming = asyncio.Lock()
        self._closing: set[asyncio.Future[None]] = set()

    async def start(self) -> None:
        """Starts the interpreter's processes, so that no program waits for them. Raises InterpreterError."""
        async with self.fresh_session(self.default):
            pass

    async def close(self) -> None:
        """Ends every session and every process."""
        self.held.clear()
        await asyncio.gather(*(interpreter.close() for interpreter in self._interpreters.values()), *self._closing)

    @asynccontextmanager
    async def place(self, lock: asyncio.Lock | None = None) -> AsyncIterator[None]:
        """One of the workers, once the session's lock and a worker are free. Raises RefusedError in a full queue."""
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
        """A session for one request, its interpreter's processes warm already."""
        demand, interpreter = self._take(demand)
        try:
            await self._warm_up(demand, interpreter)
            session = interpreter.session()
            try:
                yield session
            finally:
                await session.close()
        finally:
            self._in_use[demand] -= 1

    @asynccontextmanager
    async def kept_session(self, name: str, demand: Demand) -> AsyncIterator[Held]:
        """The session of that name, made where there is none, and kept where it has run a step."""
        held = self.held.get(name)
        if held is None:
            if len(self.held) >= self.settings.sessions:
                raise RefusedError(429, f"{len(self.held)} sessions are kept already; try again later", "sessions")
            demand, interpreter = self._take(demand)
            held = self.held[name] = Held(interpreter.session(), demand)
        held.users += 1
        try:
            yield held
        finally:
            held.users -= 1
            held.used = time.time()
            if not held.users and not held.steps and self.held.get(name) is held:
                await self.drop(name)

    async def drop(self, name: str) -> bool:
        """Ends the session of that name, its step as well where one is running; False where there is none."""
        held = self.held.pop(name, None)
        if held is None:
            return False
        self._in_use[held.demand] -= 1
        if held.running:
            held.running.cancel()
        await held.session.close()
        return True

    async def expire(self) -> None:
        """Ends sessions that are not used any more, for ever."""
        while True:
            await asyncio.sleep(min(self.settings.idle_seconds / 4, 10))
            oldest = time.time() - self.settings.idle_seconds
            for name in [name for name, held in self.held.items() if not held.users and held.used < oldest]:
                await self.drop(name)

    async def run_step(self, held: Held, name: str, code: str, *, seconds: float | None = None) -> Output:
        """One step of a kept session, inside a place; a step that is cancelled takes its session with it.

        Raises RefusedError where the session was ended meanwhile.
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

    async def run_program(self, session: Session, program: Program, seconds: float) -> Ran:
        """One program in parts, inside a place; the shorter of its own and the service's time holds."""
        mark = new_mark()
        output = await run_within(session, program.wrapped(mark), min(seconds, self.settings.timeout))
        ran = read(output, mark)
        self.metrics.count(ran.status, ran.seconds)
        return ran

    async def _warm_up(self, demand: Demand, interpreter: Interpreter) -> None:
        """Has every process of an interpreter started, once: a request's own clock does not wait for them."""
        if demand in self._warm:
            return
        async with self._warming:
            for code in _WARM_UP if demand not in self._warm else ():
                session = interpreter.session()
                await session.run(code)
                await session.close()
            self._warm.add(demand)

    def _take(self, demand: Demand) -> tuple[Demand, Interpreter]:
        """What is demanded as this service gives it, and the interpreter for it, in use from now on.

        Raises RefusedError where this service does not give it.
        """
        demand = self._given(demand)
        if demand not in self._interpreters:
            self._make_room()
            settings = self.settings.model_copy(update=demand.model_dump(exclude={"seed"}))
            self._interpreters[demand] = open_interpreter(settings, seed=demand.seed)
            self._in_use[demand] = 0
        self._in_use[demand] += 1
        return demand, self._interpreters[demand]

    def _make_room(self) -> None:
        """Closes an interpreter that nobody uses where there are too many; raises RefusedError where all are in use."""
        if len(self._interpreters) < _MOST_INTERPRETERS:
            return
        idle = [demand for demand, users in self._in_use.items() if not users and demand != self.default]
        if not idle:
            raise RefusedError(429, f"sessions of {_MOST_INTERPRETERS} different settings are kept already", "settings")
        del self._in_use[idle[0]]
        self._warm.discard(idle[0])
        closing = asyncio.ensure_future(self._interpreters.pop(idle[0]).close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _given(self, demand: Demand) -> Demand:
        for name in ("timeout", "memory_mb", "scratch_mb"):
            asked, most = getattr(demand, name), getattr(self.settings, name)
            if asked > most:
                raise RefusedError(
                    400,
                    f"{name} = {asked:g} is more than the {most:g} that this service gives; ask for less, or start the "
                    f"service with --set {name}={asked:g}",
                    "settings",
                )
        if demand.isolation not in (None, self.settings.isolation):
            raise RefusedError(
                400,
                f"isolation = {demand.isolation} is demanded, but this service was started with isolation = "
                f"{self.settings.isolation}; "
                f"demand none, or start the service with --set isolation={demand.isolation}",
                "settings",
            )
        return demand.model_copy(update={"isolation": self.settings.isolation})


async def run_within(session: Session, code: str, seconds: float | None) -> Output:
    """One step, of at most that many seconds where they are fewer than the interpreter's own."""
    start = time.perf_counter()
    try:
        async with asyncio.timeout(seconds):
            return await session.run(code)
    except TimeoutError:
        took = time.perf_counter() - start
        return Output(text=f"TimeoutError: no end within {seconds:g} s", status="timeout", seconds=took)
