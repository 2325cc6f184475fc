"""How many requests one server is sent at a time: a limit that adapts, between one and the most that is allowed.

It grows while that brings more tokens per second and shrinks when the server refuses too often (additive increase,
multiplicative decrease; Chiu and Jain 1989). At first it doubles with every round of answers, as TCP's slow start does.
If a server queues what it cannot work on, too high a limit costs nothing and too low a one leaves the server idle, so
it starts high, and keeps growing while the first answers are still being written. The caller passes all times, in
seconds.
"""

import math
from collections import deque
from typing import Literal

START = 32
"""Limit with which "auto" starts."""
PATIENCE = 2.0
"""Seconds without an answer or a refusal, after which a server is assumed to have room for more."""
_MOST_UNPROVEN = 256  # without answers
_MOST = 4096
_DOUBLING_PAYS = 1.2  # least gain, as a ratio, of a round in which the limit doubled
_ADDING_PAYS = 1.05
_WINDOW, _TOO_MANY = 64, 12  # refusals among so many outcomes; fewer are chance, whatever the limit
_RETRY_ROUNDS = 8  # rounds without growth after which growth is tried again


class ConcurrencyLimit:
    """How many requests may run at one server."""

    def __init__(self, setting: int | Literal["auto"], *, timeout: float = math.inf) -> None:
        """setting: the most there may be, with which it also starts; "auto" starts at 32 and grows to at most 4096.

        timeout: of one request; if answers take a quarter of it, the server's queue is long enough.
        """
        self._slow = timeout / 4
        self._start = START if setting == "auto" else setting
        self._most = _MOST if setting == "auto" else setting
        self._halved = -math.inf
        self._refusals: deque[bool] = deque(maxlen=_WINDOW)
        self._began, self._answers, self._work, self._size = math.inf, 0, 0, 0
        self.restart()

    def restart(self) -> None:
        """Forgets what was learnt: the server was away and may be another now."""
        self.value = min(self._start, self._most)
        self._doubling = self.value < self._most
        self._rate = 0.0
        self._rounds_without_gain = 0
        self._refusals.clear()
        self._grown = math.inf
        self._open_round(math.inf)

    def set_slots(self, slots: int) -> None:
        """The server says how many it works on at a time: twice as many keep it busy, more would only wait there."""
        self._most = min(self._most, max(2 * slots, 8))
        self.value = min(self.value, self._most)

    def fix(self, most: int) -> None:
        """From now on there may be so many, which it starts with."""
        self._start = self._most = most
        self.restart()

    def answered(self, now: float, *, sent: float, work: int, waiting: bool) -> None:
        """An answer came. work: its tokens, or 1; waiting: whether other requests wait for their turn."""
        self._refusals.append(False)
        if not waiting:
            self._open_round(now)  # a limit that is not reached says nothing of the next
            return
        self._began = min(self._began, sent)
        self._answers += 1
        self._work += work
        if self._doubling:
            self._grow(now, 1)
        if self._answers >= self._size and sent >= self._began:
            self._close_round(now, slow=now - sent >= self._slow)

    def waited(self, now: float) -> None:
        """Requests wait for their turn: if nothing was refused for a while, the server has room or a queue."""
        self._grown = min(self._grown, now)
        if self._doubling and self.value < _MOST_UNPROVEN and now - self._grown >= PATIENCE:
            self._grow(now, min(self.value, _MOST_UNPROVEN - self.value))

    def refused(self, now: float, *, sent: float, running: int) -> None:
        """The server had no room (429, 503, no answer in time): if many are refused, the limit falls."""
        self._refusals.append(True)
        few = sum(self._refusals) < _TOO_MANY
        if sent < self._halved or few:
            return
        self._refusals.clear()
        self.value = max(1, min(self.value, running) * 7 // 10)
        self._halved = now
        self._doubling = False
        self._rate = 0.0
        self._open_round(now)

    def _close_round(self, now: float, *, slow: bool) -> None:
        rate = self._work / max(now - self._began, 1e-9)
        gain = rate / self._rate if self._rate else math.inf
        if self._doubling:
            self._rounds_without_gain = 0 if gain >= _DOUBLING_PAYS else self._rounds_without_gain + 1
            self._doubling = self._rounds_without_gain < 2 and not slow
            self._rate = max(rate, self._rate)
        elif not slow and (gain >= _ADDING_PAYS or self._rounds_without_gain >= _RETRY_ROUNDS):
            self._grow(now, max(1, self.value // 8))
            self._rate, self._rounds_without_gain = rate, 0
        else:
            self._rate, self._rounds_without_gain = (self._rate + rate) / 2, self._rounds_without_gain + 1
        self._open_round(now)

    def _open_round(self, now: float) -> None:
        self._began, self._answers, self._work, self._size = now, 0, 0, self.value

    def _grow(self, now: float, more: int) -> None:
        self.value = min(self._most, self.value + more)
        self._grown = now
