"""The semaphore that `multiprocessing` is made of, for a single process.

The system's own needs a shared folder and serves processes, of which there are none here: with this one, locks, queues
and pools of threads of `multiprocessing` work.
"""

from __future__ import annotations

import threading
from types import TracebackType

_RECURSIVE = 0


class Semaphore:
    """As `_multiprocessing.SemLock`; see there for arguments and methods."""

    SEM_VALUE_MAX = 2**31 - 1
    handle = 0

    def __init__(self, kind: int, value: int, maxvalue: int, name: str, unlink: bool) -> None:
        self.kind = kind
        self.maxvalue = maxvalue
        self.name = None if unlink else name  # one that has a name is registered with a process that removes it
        self._value = value
        self._freed = threading.Condition(threading.Lock())
        self._owner = 0
        self._held = 0

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Takes one; whether that succeeded."""
        with self._freed:
            if self.kind == _RECURSIVE and self._is_mine():
                self._held += 1
                return True
            if not self._freed.wait_for(lambda: self._value > 0, timeout if block else 0):
                return False
            self._value -= 1
            self._owner = threading.get_ident()
            self._held += 1
            return True

    def release(self) -> None:
        """Gives one back. Raises AssertionError or ValueError as the system's does."""
        with self._freed:
            if self.kind == _RECURSIVE:
                if not self._is_mine():
                    raise AssertionError("attempt to release recursive lock not owned by thread")
                self._held -= 1
                if self._held:
                    return
            elif self._value >= self.maxvalue:
                raise ValueError("semaphore or lock released too many times")
            else:
                self._held -= 1
            self._value += 1
            self._freed.notify()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _is_mine(self) -> bool:
        return self._held > 0 and self._owner == threading.get_ident()

    def _count(self) -> int:
        return self._held

    def _get_value(self) -> int:
        return self._value

    def _is_zero(self) -> bool:
        return self._value == 0

    def _after_fork(self) -> None:
        pass
