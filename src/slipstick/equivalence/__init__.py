r"""Decides whether an answer means the same as the expected one, and says why.

Cheap layers decide in this process; what needs computer algebra goes to a worker process, killed at its deadline.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from slipstick.answers import final_answer
from slipstick.equivalence.meaning import NEEDS_ALGEBRA, Decision, decide
from slipstick.equivalence.workers import shared_pool
from slipstick.errors import UserError, did_you_mean
from slipstick.schema import Verdict

__all__ = ["PROFILES", "compare", "compare_many", "compare_stream"]

PROFILES = ("slipstick",)
SECONDS = 5.0
"""Deadline of one verdict, wall clock, from when a worker takes it up."""
_WINDOW = 1000
"""Verdicts that may wait for a worker while later ones are reached here."""
_MAX_GOLDS = 100


def compare(answer: str, expected: str | list[str], *, kind: str | None = None, profile: str = "slipstick") -> Verdict:
    """Whether `answer` means the same as `expected`, or as one of several acceptable golds.

    `kind` is the problem's ("number", "latex", "choice", "text", "list"), None where it is unknown. Never raises on
    what an answer contains: what cannot be decided at all or in time is `undecided`, with the reason.
    Raises UserError for a profile that does not exist.
    """
    check_profile(profile)
    golds, decisions = _decide_here(answer, expected, kind)
    if NEEDS_ALGEBRA in decisions:
        decisions = _decide_there(answer, golds, decisions, kind)
    return _verdict(golds, decisions)


def compare_many(
    pairs: Iterable[tuple[str, str | list[str]]], *, workers: int | None = None, profile: str = "slipstick"
) -> list[Verdict]:
    """`compare` for many (answer, expected) pairs, in their order; `workers` processes share what needs algebra.

    `workers` None means one for each CPU, at most four. Raises UserError for a profile that does not exist.
    """
    return list(
        compare_stream(((answer, expected, None) for answer, expected in pairs), workers=workers, profile=profile)
    )


def compare_stream(
    rows: Iterable[tuple[str, str | list[str], str | None]], *, workers: int | None = None, profile: str = "slipstick"
) -> Iterator[Verdict]:
    """The verdicts of (answer, expected, kind) rows in their order; rows are drawn as verdicts are taken."""
    check_profile(profile)
    waiting: deque[Verdict | Future[Verdict]] = deque()
    with ThreadPoolExecutor(workers or min(4, os.cpu_count() or 1), thread_name_prefix="slipstick-compare") as threads:
        for answer, expected, kind in rows:
            golds, decisions = _decide_here(answer, expected, kind)
            if NEEDS_ALGEBRA in decisions:
                waiting.append(threads.submit(_finish, answer, golds, decisions, kind))
            elif waiting:
                waiting.append(_verdict(golds, decisions))
            else:
                yield _verdict(golds, decisions)
            while waiting and (len(waiting) > _WINDOW or _is_ready(waiting[0])):
                yield _taken(waiting.popleft())
        while waiting:
            yield _taken(waiting.popleft())


def check_profile(profile: str) -> None:
    """Raises UserError where no profile is called so."""
    if profile not in PROFILES:
        raise UserError(
            f"no grading profile is named `{profile}`{did_you_mean(profile, PROFILES)}; known: {', '.join(PROFILES)}"
        )


def _finish(answer: str, golds: list[str], decisions: list[Decision], kind: str | None) -> Verdict:
    return _verdict(golds, _decide_there(answer, golds, decisions, kind))


def _is_ready(entry: Verdict | Future[Verdict]) -> bool:
    return isinstance(entry, Verdict) or entry.done()


def _taken(entry: Verdict | Future[Verdict]) -> Verdict:
    return entry if isinstance(entry, Verdict) else entry.result()


def _decide_here(answer: str, expected: str | list[str], kind: str | None) -> tuple[list[str], list[Decision]]:
    """The golds and, up to the first that matches, what the layers without computer algebra say of each."""
    golds = [expected] if isinstance(expected, str) else expected[:_MAX_GOLDS]
    answer = _unboxed(answer)
    decisions = []
    for gold in golds:
        decisions.append(decide(answer, _unboxed(gold), kind=kind))
        if decisions[-1].equal:
            break
    return golds, decisions


def _decide_there(answer: str, golds: list[str], decisions: list[Decision], kind: str | None) -> list[Decision]:
    """The decisions with the open ones decided by a worker, within one deadline."""
    decided = list(decisions)
    deadline = 0.0
    for place, decision in enumerate(decisions):
        if decision is not NEEDS_ALGEBRA:
            continue
        left = deadline - time.monotonic() if deadline else SECONDS
        if left <= 0:
            decided[place] = Decision(None, "symbolic", f"not decided within {SECONDS:g} s")
            continue
        decided[place] = shared_pool().compare(_unboxed(answer), _unboxed(golds[place]), kind=kind, seconds=left)
        deadline = deadline or time.monotonic() + SECONDS
        if decided[place].equal:
            break
    return decided


def _unboxed(text: str) -> str:
    """What stands in the box of an answer or gold that still carries one."""
    return final_answer(text) or "" if "boxed{" in text or "fbox{" in text else text


def _verdict(golds: list[str], decisions: list[Decision]) -> Verdict:
    for gold, decision in zip(golds, decisions, strict=False):
        if decision.equal:
            return Verdict(outcome="correct", method=decision.method, expected=gold, reason=decision.reason)
    for gold, decision in zip(golds, decisions, strict=False):
        if decision.equal is None:
            return Verdict(outcome="undecided", method=decision.method, expected=gold, reason=decision.reason)
    if not decisions:
        return Verdict(outcome="undecided", method="none", reason="there is no expected answer")
    return Verdict(outcome="incorrect", method=decisions[0].method, expected=golds[0], reason=decisions[0].reason)
