"""The time of one step: processor seconds first, so that the machine's load changes no outcome."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from slipstick.interpreters import Limits

_LOOKS = 20
"""How often a step that lasts as long as its timeout is looked at."""
_SHORTEST = 0.01
"""Seconds between two looks, at least."""
_IDLE_SHARE = 0.02
"""Share of the processor below which a program sleeps or waits for what never comes."""
_WALL = 10
"""The wall-clock limit as a multiple of that of processor time, if none is set."""


@dataclass(frozen=True)
class TimeLimits:
    """How long a step may take, in seconds."""

    processor: float
    """Processor time of all threads, and time without any."""
    wall: float
    spent: float = 0.0
    """Processor time that is used already when the step begins."""

    @classmethod
    def of(cls, limits: Limits) -> TimeLimits:
        """The time of a session's step."""
        return cls(limits.timeout, _WALL * limits.timeout if limits.wall_timeout is None else limits.wall_timeout)

    @property
    def used_up(self) -> str:
        """The last line of a step that has used its processor time."""
        return f"TimeoutError: no end within {self.processor:g} s of processor time"

    def within(self, timeout: float | None) -> TimeLimits:
        """The limits of a step that may use `timeout` seconds, if these are fewer; wall time is as many times that."""
        if timeout is None or timeout >= self.processor:
            return self
        return TimeLimits(timeout, timeout * self.wall / self.processor)

    def share(self, processor: float, wall: float) -> float:
        """How many seconds of the limit of processor time a step has used, if it took so much of both."""
        return max(processor, wall * self.processor / self.wall)

    def after(self, spent: float) -> TimeLimits:
        """What is left of these limits after so many seconds of processor time."""
        return replace(self, spent=spent)


class StepClock:
    """Decides when a running step is looked at next, and whether its time is up."""

    def __init__(self, limits: TimeLimits, began: float) -> None:
        """began: wall-clock time of the step's begin, of the clock whose times `look` gets."""
        self._limits = limits
        self._began = began
        self._interval = max(limits.processor / _LOOKS, _SHORTEST)
        self._next = began + min(self._interval, limits.wall)
        self._seen: deque[tuple[float, float]] = deque([(began, limits.spent)])

    def wait(self, now: float) -> float:
        """Seconds until the next look."""
        return max(self._next - now, 0.0)

    def look(self, now: float, used: float) -> str | None:
        """Takes note of the processor seconds `used` until `now`; why the step must end, if it must."""
        limit = self._limits.processor
        used += self._limits.spent
        while len(self._seen) > 1 and self._seen[1][0] <= now - limit:
            self._seen.popleft()
        since, before = self._seen[0]
        then, by_then = self._seen[-1]
        threads = max((used - by_then) / max(now - then, _SHORTEST), 1.0)  # that run at one time
        self._seen.append((now, used))
        if used >= limit:
            return self._limits.used_up
        if now - since >= limit and used - before < _IDLE_SHARE * limit:
            return f"TimeoutError: idle for {limit:g} s"
        if now - self._began >= self._limits.wall:
            return f"TimeoutError: no end within {self._limits.wall:g} s"
        pause = min(self._interval, max((limit - used) / threads, _SHORTEST))
        self._next = min(now + pause, max(self._began + self._limits.wall, now + _SHORTEST))
        return None
