"""How many requests one server is sent at a time: the level finds itself, between one and the most that is allowed.

It grows while that brings more per second and shrinks when the server refuses too often (additive increase,
multiplicative decrease; Chiu and Jain 1989). At first it doubles with every round of answers, as a TCP sender starts.
Where a server queues what it cannot take, too high a level costs nothing and too low a one leaves the server idle, so
it starts high, and goes on growing while the first answers are still being written. All times are given, in seconds.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Literal

START = 32
"""Where "auto" begins."""
PATIENCE = 2.0
"""Seconds without an answer or a refusal, after which a server is held to have room for more."""
_UNPROVEN = 256  # no further than this without answers
_MOST = 4096
_DOUBLING_PAYS = 1.2  # least gain, as a ratio, of a round in which the level doubled
_ADDING_PAYS = 1.05
_WINDOW, _TOO_MANY = 64, 12  # refusals among so many outcomes; fewer are a server's bad luck, whatever the level
_RESTED = 8  # rounds after which it is tried again whether more brings more


class Level:
    """How many requests may be under way at one server."""

    def __init__(self, setting: int | Literal["auto"], *, deadline: float = math.inf) -> None:
        """setting: the most there may be, where it also starts; "auto" starts at 32 and knows no end but 4096.

        deadline: of one request; where answers take a quarter of it, they wait in the server's queue long enough.
        """
        self._slow = deadline / 4
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
        self._rested = 0
        self._refusals.clear()
        self._grown = math.inf
        self._open_round(math.inf)

    def limit(self, slots: int) -> None:
        """The server says how many it works on at once: twice as many keep it busy, more would only wait there."""
        self._most = min(self._most, max(2 * slots, 8))
        self.value = min(self.value, self._most)

    def answered(self, now: float, *, sent: float, work: int, wanted: bool) -> None:
        """An answer came. work: its tokens, or 1; wanted: whether other requests wait for their turn."""
        self._refusals.append(False)
        if not wanted:
            self._open_round(now)  # a level that nobody fills says nothing of the next
            return
        self._began = min(self._began, sent)
        self._answers += 1
        self._work += work
        if self._doubling:
            self._grow(now, 1)
        if self._answers >= self._size and sent >= self._began:
            self._close_round(now, slow=now - sent >= self._slow)

    def waited(self, now: float) -> None:
        """Requests wait for their turn: where nothing was refused for a while, the server has room or a queue."""
        self._grown = min(self._grown, now)
        if self._doubling and self.value < _UNPROVEN and now - self._grown >= PATIENCE:
            self._grow(now, min(self.value, _UNPROVEN - self.value))

    def refused(self, now: float, *, sent: float, under_way: int) -> None:
        """The server had no room (429, 503, no answer in time): where many are refused, sends less."""
        self._refusals.append(True)
        few = sum(self._refusals) < _TOO_MANY
        if sent < self._halved or few:
            return
        self._refusals.clear()
        self.value = max(1, min(self.value, under_way) * 7 // 10)
        self._halved = now
        self._doubling = False
        self._rate = 0.0
        self._open_round(now)

    def _close_round(self, now: float, *, slow: bool) -> None:
        rate = self._work / max(now - self._began, 1e-9)
        gain = rate / self._rate if self._rate else math.inf
        if self._doubling:
            self._rested = 0 if gain >= _DOUBLING_PAYS else self._rested + 1
            self._doubling = self._rested < 2 and not slow
            self._rate = max(rate, self._rate)
        elif not slow and (gain >= _ADDING_PAYS or self._rested >= _RESTED):
            self._grow(now, max(1, self.value // 8))
            self._rate, self._rested = rate, 0
        else:
            self._rate, self._rested = (self._rate + rate) / 2, self._rested + 1
        self._open_round(now)

    def _open_round(self, now: float) -> None:
        self._began, self._answers, self._work, self._size = now, 0, 0, self.value

    def _grow(self, now: float, more: int) -> None:
        self.value = min(self._most, self.value + more)
        self._grown = now
