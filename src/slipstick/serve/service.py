"""The service behind the routes: sessions, workers, the queue, and what is refused."""

import asyncio
import base64
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from slipstick.errors import InterpreterError
from slipstick.interpreters import Limits, Result, Script, Session, open_interpreter
from slipstick.interpreters.host.files import check_path
from slipstick.interpreters.host.timing import TimeLimits
from slipstick.schema import Output, Record, Status
from slipstick.serve import ServeSettings
from slipstick.serve.fair_queue import FairQueue
from slipstick.serve.memory import half_of_memory_mb, memory_below_mb
from slipstick.serve.metrics import Metrics

T = TypeVar("T", Output, Result)

STATE_LOST: frozenset[Status] = frozenset({"timeout", "killed", "sandbox_fault"})
"""Outcomes after which a session has lost its variables."""
_OLD_SHARE = 0.25
"""A session unused for this share of `idle_seconds` makes room for a new one if there are too many."""
_MOST_REASONS = 1000
_END_SECONDS = 0.1
"""How long the process of a session may take to give its memory back."""
_WARM_UP = ("1", "import sympy\n1", "import numpy\n1")


class RefusedError(Exception):
    """A request that is not run: HTTP status, message to the client, and the reason it is counted under."""

    def __init__(self, status: int, message: str, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason


def _is_number(value: object) -> object:
    """Refuses what JSON does not call a number although Python makes one of it."""
    if isinstance(value, bool | str):
        raise PydanticCustomError("number", "Input should be a number")
    return value


def wrong_files(files: dict[str, str]) -> str:
    """What is wrong with files that are to be written; "" if nothing is."""
    for path, content in files.items():
        try:
            check_path(path)
            base64.b64decode(content, validate=True)
        except InterpreterError as error:
            return str(error)
        except ValueError:
            return f"the content of `{path}` is no base64"
    return ""


NUMBER = BeforeValidator(_is_number)
Int = Annotated[int, NUMBER]
Float = Annotated[float, NUMBER]


class Demand(Record):
    """What a client asks for its session; None takes what the service gives, which is also the most."""

    timeout: Annotated[float, Field(ge=0.01), NUMBER] | None = None
    """Limit of one step, in seconds of processor time."""
    wall_timeout: Annotated[float, Field(ge=0.01), NUMBER] | None = None
    """Wall-clock limit of one step, in seconds; None takes as many times `timeout` as the service does."""
    memory_mb: Annotated[int, Field(ge=16), NUMBER] | None = None
    """Memory limit, in MB."""
    isolation: str | None = None
    """How the session is confined; the service has one isolation for all."""
    scratch_mb: Annotated[int, Field(ge=0), NUMBER] | None = None
    """Size of the scratch folder, in MB."""
    output_kb: Annotated[int, Field(ge=1), NUMBER] | None = None
    """Output kept of one step, in kB."""
    seed: Int | None = None
    """Makes random numbers of programs repeatable."""


@dataclass
class KeptSession:
    """A session that is kept between requests."""

    session: Session
    owner: str = ""
    """Address of the client that made it."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the step that runs; others of the session wait for it."""
    created: float = field(default_factory=time.time)
    used: float = field(default_factory=time.time)
    """Time of the latest request, in seconds since the epoch as `created`."""
    users: int = 0
    """Requests that run or wait for a step."""
    steps: int = 0
    """Steps that have run."""
    fresh: bool = True
    """Whether it has nothing of earlier steps."""
    made_room: bool = False
    """Whether it was ended for a session of another client."""
    running: asyncio.Task[Any] | None = None
    last: tuple[tuple[str, str, dict[str, str]], Output] | None = None
    """Code, input, files and output of the latest step, for a client whose connection broke before the answer."""


class Service:
    """The state that the routes share. Belongs to one event loop."""

    def __init__(self, settings: ServeSettings) -> None:
        self.settings = settings
        self.held: dict[str, KeptSession] = {}
        self._queue = FairQueue(settings.sandbox_workers, settings.queue)
        self.metrics = Metrics(sessions=lambda: len(self.held), waiting=lambda: self._queue.waiting)
        self._interpreter = open_interpreter(settings)
        self._reasons: dict[str, str] = {}
        """Why sessions were ended before their time."""
        self.ready = False
        """Whether every process of the interpreter has started."""

    @property
    def isolation(self) -> str | None:
        """The isolation of all sessions: what was set, else the strongest that there is."""
        return self._interpreter.isolation or self.settings.isolation

    @property
    def most(self) -> dict[str, float]:
        """The most of each limit that a client may ask for."""
        limits: dict[str, float] = self.settings.model_dump(include=set(Limits.model_fields) - {"isolation"})
        return limits | {"wall_timeout": TimeLimits.of(self.settings).wall}

    async def start(self) -> None:
        """Starts every process of the interpreter: that does not count as a request's time. Raises InterpreterError.

        Steps may run once the standard library's has started; those that need another wait for it.
        """
        first, *others = _WARM_UP
        await self._warm_up(first)
        self._queue.open()
        await asyncio.gather(*map(self._warm_up, others))
        self.ready = True

    async def _warm_up(self, code: str) -> None:
        session = self._interpreter.session()
        await session.run(code)
        await session.close()

    async def close(self) -> None:
        """Ends every session and every process."""
        await asyncio.gather(*(self.drop(name) for name in list(self.held)))
        await self._interpreter.close()

    @asynccontextmanager
    async def place(self, address: str, lock: asyncio.Lock | None = None) -> AsyncIterator[None]:
        """Waits for the session's lock and a worker, and holds both. Raises RefusedError if the queue is full."""
        try:
            async with self._queue.place(address, lock):
                yield
        except asyncio.QueueFull:
            waiting = self._queue.waiting
            raise RefusedError(429, f"{waiting} steps are waiting already; try again later", "queue") from None

    @asynccontextmanager
    async def fresh_session(self, demand: Demand) -> AsyncIterator[Session]:
        """A session for one request. Raises RefusedError if the service does not offer what is demanded."""
        session = self._session(demand)
        try:
            yield session
        finally:
            await session.close()

    @asynccontextmanager
    async def kept_session(self, name: str, demand: Demand, address: str) -> AsyncIterator[KeptSession]:
        """The session of that name, made if there is none, and kept once it has run a step.

        address: of the client, for its share of the sessions.
        """
        held = self.held.get(name)
        if held is None:
            held = KeptSession(self._session(demand), address)
            replaced = self._replaced_for(address) if len(self.held) >= self.settings.sessions else None
            self.held[name] = held
        else:
            replaced = None
        held.users += 1
        try:
            if replaced:
                self.held[replaced].made_room = True
                await self.drop(replaced)
            yield held
        finally:
            held.users -= 1
            held.used = time.time()
            if not held.users and not held.steps and self.held.get(name) is held:
                await self.drop(name)

    def _replaced_for(self, address: str) -> str:
        """The session that ends for a new one of this client, as there are too many.

        It is the one unused for longest: of the client with the most sessions, if that has more than this one, and of
        those that nobody has used for some time. If all are used, it is that client's newest whose step still waits.
        Raises RefusedError if there is none.
        """
        counts = Counter(held.owner for held in self.held.values())
        most, _ = counts.most_common(1)[0]
        old = time.time() - self.settings.idle_seconds * _OLD_SHARE
        crowded = counts[most] > counts[address] + 1
        ended = [
            (held.users > 0, -held.used if held.users else held.used, name)
            for name, held in self.held.items()
            if (not held.users and held.used < old) or (crowded and held.owner == most and held.running is None)
        ]
        if not ended:
            raise RefusedError(429, f"{len(self.held)} sessions are kept already; try again later", "sessions")
        return min(ended)[2]

    async def drop(self, name: str) -> bool:
        """Ends the session of that name and its running step; False if there is no such session."""
        held = self.held.pop(name, None)
        if held is None:
            return False
        if held.running:
            held.running.cancel()
        await held.session.close()
        return True

    async def expire(self) -> None:
        """Ends unused sessions, for ever."""
        while True:
            await asyncio.sleep(min(self.settings.idle_seconds / 4, 10))
            await self.end_unused(self.settings.idle_seconds)
            await self.end_largest()

    async def end_largest(self) -> None:
        """While all sessions together take too much memory, ends the one unused for longest, if any is unused."""
        most = self.settings.sessions_mb or half_of_memory_mb()
        while await asyncio.to_thread(memory_below_mb, os.getpid()) > most:
            unused = [(held.used, name) for name, held in self.held.items() if not held.users]
            if not unused:
                return
            _, name = min(unused)
            self._reasons[name] = f"all sessions together had more than the {most:,} MB of this service (sessions_mb)"
            while len(self._reasons) > _MOST_REASONS:
                del self._reasons[next(iter(self._reasons))]
            await self.drop(name)
            await asyncio.sleep(_END_SECONDS)

    def gone(self, name: str) -> RefusedError:
        """The answer to a step of a session that is no more."""
        why = self._reasons.get(name, "it has expired or the service was restarted")
        return RefusedError(404, f"there is no session {name}; {why}", "lost")

    async def end_unused(self, seconds: float) -> None:
        """Ends the sessions that nobody has used for so many seconds."""
        oldest = time.time() - seconds
        for name in [name for name, held in self.held.items() if not held.users and held.used < oldest]:
            if (held := self.held.get(name)) and not held.users:  # unless it was used meanwhile
                await self.drop(name)

    async def run_step(self, held: KeptSession, name: str, step: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
        """Runs one step of a kept session, inside a `place`; a cancelled step ends its session.

        Raises RefusedError if the session was ended meanwhile.
        """
        if self.held.get(name) is not held:
            if held.made_room and not held.steps:  # nothing is lost
                raise RefusedError(429, f"session {name} made room for another client's; try again later", "sessions")
            raise RefusedError(404, f"session {name} was ended meanwhile", "lost")
        try:
            held.running = asyncio.ensure_future(step(held.session))
            output: T = await held.running
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
        held.fresh = output.status in STATE_LOST
        self.metrics.count(output.status, output.seconds)
        return output

    async def run_script(self, script: Script, demand: Demand, address: str) -> Result:
        """Runs a script. Raises RefusedError as `place`, and if the service does not offer what is demanded."""
        limits = self._limits(demand)
        async with self.place(address):
            result = await self._interpreter.run_script(script, limits, seed=demand.seed)
        self.metrics.count(result.status, result.seconds)
        return result

    async def run_cell(self, session: Session, cell: Script) -> Result:
        """Runs a cell of a session of one request, inside a `place`."""
        result = await session.run_cell(cell)
        self.metrics.count(result.status, result.seconds)
        return result

    def _session(self, demand: Demand) -> Session:
        """A session of the demanded limits. Raises RefusedError if they are more than this service offers."""
        return self._interpreter.session(self._limits(demand), seed=demand.seed)

    def _limits(self, demand: Demand) -> Limits:
        """The limits demanded. Raises RefusedError if they are more than this service offers."""
        if demand.isolation not in (None, self.isolation):
            raise RefusedError(
                400,
                f"isolation = {demand.isolation} is requested, but this service has isolation = {self.isolation} for "
                f"all sessions; remove it, or start the service with --set isolation={demand.isolation}",
                "settings",
            )
        asked, limits = demand.model_dump(include=set(self.most), exclude_none=True), self.most
        for name, value in asked.items():
            if value > limits[name]:
                message = f"{name} = {value:g} is more than the {limits[name]:g} that this service offers; "
                message += f"ask for less, or start the service with --set {name}={value:g}"
                raise RefusedError(400, message, "settings")
        limits["wall_timeout"] = TimeLimits.of(self.settings).within(demand.timeout).wall
        return Limits.model_validate({"isolation": self.settings.isolation, **limits, **asked})
