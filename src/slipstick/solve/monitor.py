"""Counts what sampling does while it does it: replies, tokens, money, errors by kind, correct answers."""

import re
import textwrap
import time
from collections import Counter

from slipstick.equivalence.verdicts import acceptable_answers, decide_each, needs_worker
from slipstick.errors import ModelError, UserError, counted
from slipstick.metrics.intervals import wilson
from slipstick.models import Model, Reply, Request
from slipstick.schema import Problem, Solution
from slipstick.solve.gate import Gate

_SHARE = 0.02  # of the time may go into grading
_WORDS = 80
"""Characters of an error that the progress line shows."""
_LETTER = re.compile(r"[A-Z]")
_HOPELESS = 32
"""Replies after which a model of which none was usable is asked no more."""
_UNPRICED = 16
"""Replies after which a budget must have a price to go by."""


class Monitor(Model):
    """A model whose every reply is counted; the solutions that come of them are reported by `add`."""

    def __init__(self, model: Model) -> None:
        self.name = model.name
        self.patient = model.patient
        self.model = model
        self.gate = Gate()
        """Holds requests back if the model cannot."""
        self.paused = False
        """Whether requests wait until somebody says otherwise."""
        self.ask_again = False
        """Whether solutions that failed are to be sampled once more when the others have ended."""
        self.replies = self.cached = self.tokens = self.running = self.solutions = 0
        self.cost = self.cost_before = 0.0
        self.paid_for = 0
        """Solutions that `cost` has paid for, those of an interrupted run included."""
        self._errors: Counter[str] = Counter()
        self._correct = self._graded = 0
        self._grading = 0.0
        self._usable = False
        self._last: Reply | None = None
        self._began = time.monotonic()

    async def generate(self, request: Request) -> Reply:
        """The model's reply, counted. Raises ModelError if none of the first replies says anything."""
        async with self.gate.passed():
            self.running += 1
            try:
                reply = await self.model.generate(request)
            finally:
                self.running -= 1
        self.replies += 1
        self.cached += reply.cached
        self.tokens += reply.tokens
        self.cost += reply.cost
        if reply.finish == "error":
            self._errors[kind_of_error(reply.error)] += 1
        self._usable = self._usable or (reply.finish != "error" and bool(reply.text.strip() or reply.calls))
        self._last = reply
        if self.replies >= _HOPELESS:
            self.require_usable()
        return reply

    def require_usable(self) -> None:
        """Raises ModelError, with the server's words, if there were replies and none says anything."""
        if self._usable or self._last is None:
            return
        why = self._last.error or "they are empty" + (
            "; the model wrote only thoughts: raise max_tokens" if self._last.reasoning else ""
        )
        raise ModelError(f"none of {self.replies:,} replies of {self.name} can be used: {why}")

    def require_price(self, budget: float | None, model: str) -> None:
        """Raises UserError if there is a budget and nothing of what was replied has a price. model: as it was named."""
        if budget is not None and self.replies - self.cached >= _UNPRICED and self.cost == self.cost_before:
            raise UserError(
                f"max_cost = {budget} cannot be enforced: no price is known for {model}. Set price_in and price_out, "
                "or remove max_cost"
            )

    async def close(self) -> None:
        """Leaves the model open: it belongs to whoever opened it."""

    def resume(self, spent: float, solutions: int) -> None:
        """Counts US dollars that an interrupted run has spent already, and the solutions that it has for them."""
        self.cost += spent
        self.cost_before += spent
        self.paid_for += solutions

    def add(self, solution: Solution, problem: Problem) -> None:
        """A solution that ended; graded if that takes next to no time and not too much of it went so far."""
        self.solutions += 1
        self.paid_for += 1
        began = time.monotonic()
        if not problem.answer or self._grading > _SHARE * (began - self._began):
            return
        correct = _is_correct(solution, problem)
        self._grading += time.monotonic() - began
        if correct is not None:
            self._graded += 1
            self._correct += correct

    def throttle(self, *, paused: bool, most: int | None) -> bool:
        """Whether requests wait from now on, and the most at a time (of each of the model's servers, if it has any);
        None: as before."""
        self.paused = paused
        if not self.model.throttle(paused=paused, most=most):
            self.gate.change(paused=paused, most=most)
        return True

    def state(self) -> dict[str, object]:
        """What was done since this process began, in numbers."""
        seconds = max(time.monotonic() - self._began, 1e-9)
        return {
            "requests_open": self.running,
            "replies": self.replies,
            "cached": self.cached,
            "tokens": self.tokens,
            "tokens_per_second": round(self.tokens / seconds, 1),
            "correct": self._correct,
            "checked": self._graded,
            "cost": round(self.cost, 6),
            "errors": dict(self._errors),
            "seconds": round(seconds, 1),
            "batches": self.model.progress(),
            "trouble": self.model.trouble(),
        }

    def note(self) -> str:
        """A few words on how it goes."""
        seconds = max(time.monotonic() - self._began, 1e-9)
        running = f"{counted(self.running, 'request')} running, " if self.running else ""
        parts = [f"{running}{self.tokens / seconds:,.0f} tokens/s"]
        if self.paused:
            parts.insert(0, "paused")
        if self._graded:
            low, high = wilson(self._correct, self._graded)
            share = f"{100 * self._correct / self._graded:.0f} % correct ({100 * low:.0f}-{100 * high:.0f})"
            parts.append(share if self._graded == self.solutions else f"{share} of {self._graded:,} checked")
        if self.cached:
            parts.append(f"{self.cached:,} of {self.replies:,} replies from the cache")
        if self.cost:
            parts.append(f"${self.cost:,.2f}")
        if self._errors:
            kinds = ", ".join(f"{times:,} {kind}" for kind, times in self._errors.most_common(3))
            parts.append(f"errors: {kinds}")
        if progress := self.model.progress():
            parts.append(progress)
        if trouble := self.model.trouble():
            parts.append(trouble)
        return "; ".join(parts)


def kind_of_error(message: str) -> str:
    """An error in a few words, without what differs from one request to the next: its first sentence, numbers of five
    digits and more left out; cut between words."""
    first = re.split(r"(?<=[^.\d])\. |[;\n{]", " ".join(message.split()), maxsplit=1)[0].strip(" .:,-")
    words = re.sub(r"\d{5,}", "...", first)
    return textwrap.shorten(words, _WORDS, placeholder=" ...") or "unknown"


def _is_correct(solution: Solution, problem: Problem) -> bool | None:
    """Whether the answer is correct, None if only computer algebra could decide, or `grade` by what options say."""
    if problem.choices and not all(
        map(_LETTER.fullmatch, (solution.answer or "", *acceptable_answers(problem.answer or [])))
    ):
        return None
    if solution.answer is None:
        return False
    decisions = decide_each(
        solution.answer, acceptable_answers(problem.answer or []), kind=problem.kind, profile="slipstick"
    )
    return None if needs_worker(decisions) else bool(decisions and decisions[-1].equal)
