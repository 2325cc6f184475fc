"""Counts what a run of `solve` does while it does it: replies, tokens, money, errors by kind, right answers."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator

from slipstick.equivalence.verdicts import acceptable_answers, decide_each, needs_worker
from slipstick.metrics import wilson
from slipstick.models import Model, Reply, Request
from slipstick.schema import Problem, Solution

_KEPT = 20_000  # problems whose golds are kept; those under way are among the last
_SHARE = 0.02  # of the time may go into grading beside the work


class Tally(Model):
    """Stands between `solve` and its model, and hears of every problem and solution."""

    def __init__(self, model: Model, *, spent: float = 0.0) -> None:
        """spent: US dollars that an interrupted run has spent already."""
        self.name = model.name
        self.replies = self.tokens = self.asked = self.solutions = 0
        self.cost = spent
        self._model = model
        self._golds: OrderedDict[str, Problem] = OrderedDict()
        self._errors: Counter[str] = Counter()
        self._right = self._graded = 0
        self._grading = 0.0
        self._began = time.monotonic()

    async def generate(self, request: Request) -> Reply:
        """The model's reply, counted."""
        self.asked += 1
        try:
            reply = await self._model.generate(request)
        finally:
            self.asked -= 1
        self.replies += 1
        self.tokens += reply.tokens
        self.cost += reply.cost
        if reply.finish == "error":
            self._errors[_kind(reply.error)] += 1
        return reply

    async def close(self) -> None:
        """Leaves the model open: it belongs to whoever opened it."""

    def hear_of(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        """The problems, their golds kept for a while."""
        for problem in problems:
            self._golds[problem.id] = problem
            if len(self._golds) > _KEPT:
                self._golds.popitem(last=False)
            yield problem

    def add(self, solution: Solution) -> None:
        """A solution that ended; graded where that takes next to no time and not too much of it went so far."""
        self.solutions += 1
        began = time.monotonic()
        problem = self._golds.get(solution.problem_id)
        if problem is None or not problem.answer or self._grading > _SHARE * (began - self._began):
            return
        right = _is_right(solution, problem)
        self._grading += time.monotonic() - began
        if right is not None:
            self._graded += 1
            self._right += right

    def note(self) -> str:
        """A few words on how it goes."""
        seconds = max(time.monotonic() - self._began, 1e-9)
        parts = [f"{self.asked:,} asked, {self.tokens / seconds:,.0f} tokens/s"]
        if self._graded:
            low, high = wilson(self._right, self._graded)
            parts.append(f"{100 * self._right / self._graded:.0f} % right ({100 * low:.0f}-{100 * high:.0f})")
        if self.cost:
            parts.append(f"${self.cost:,.2f}")
        if self._errors:
            kinds = ", ".join(f"{times:,} {kind}" for kind, times in self._errors.most_common(3))
            parts.append(f"errors: {kinds}")
        return "; ".join(parts)


def _is_right(solution: Solution, problem: Problem) -> bool | None:
    """Whether the answer is right, None where only computer algebra could tell."""
    if solution.answer is None:
        return False
    decisions = decide_each(
        solution.answer, acceptable_answers(problem.answer or []), kind=problem.kind, profile="slipstick"
    )
    return None if needs_worker(decisions) else bool(decisions and decisions[-1].equal)


def _kind(error: str) -> str:
    """The first words of an error, by which errors are counted together."""
    return error.partition(":")[0][:40] or "unknown"
