r"""Decides whether an answer means the same as the expected one, and says why.

Cheap layers decide in this process; what needs computer algebra goes to a worker process, killed at its deadline.
In the order in which data passes them: `verdicts` (an answer and those that are acceptable), `layers` (the layers in
their order; a published grader's rules in `profiles/` take their place), then what the layers call: `normalize/`,
`values/`, `relations`, `text/`, `symbolic/`, `structures/`; `decision` is what each returns, `policies` what is decided
by convention. `pool/` has the workers.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from operator import length_hint

from slipstick.equivalence.decision import NEEDS_ALGEBRA
from slipstick.equivalence.layers import decide
from slipstick.equivalence.normalize.notation import tidy
from slipstick.equivalence.policies import OWN, policy_of
from slipstick.equivalence.pool.pool import SECONDS, shared_pool
from slipstick.equivalence.pool.stream import Row, decide_stream
from slipstick.equivalence.profiles import PUBLISHED
from slipstick.equivalence.text.choices import read_letter
from slipstick.equivalence.verdicts import (
    Answer,
    acceptable_answers,
    answer_text,
    decide_each,
    expected_texts,
    needs_worker,
    verdict_of,
)
from slipstick.errors import UserError, did_you_mean
from slipstick.schema import Verdict

__all__ = ["PROFILES", "SECONDS", "as_letter", "check_profile", "compare", "compare_many", "compare_stream"]

PROFILES = (*OWN, *PUBLISHED)
"""Names of rules: ours, and published graders'."""
_SHOWN_EVERY = 1000
_OWN_LETTER = re.compile(r"^\s*\(?[A-J][).:]\s*")


def compare(
    answer: Answer, expected: Answer | Sequence[Answer], *, kind: str | None = None, profile: str = "slipstick"
) -> Verdict:
    """Whether `answer` means the same as `expected`, or as one of several acceptable answers; numbers count as texts.

    `kind` is the problem's ("number", "latex", "choice", "text", "list"), None if it is unknown. Never raises on
    what an answer contains: what cannot be decided at all or in time is `undecided`, with the reason.
    Works in any thread; in an event loop use `await asyncio.to_thread(compare, ...)`.
    Raises UserError for a profile that does not exist, and for an answer that is neither a text nor a number.
    """
    check_profile(profile)
    answer, acceptable = answer_text(answer), acceptable_answers(expected_texts(expected))
    decisions = decide_each(answer, acceptable, kind=kind, profile=profile)
    if needs_worker(decisions):
        decisions = shared_pool().decide_open(answer, acceptable, decisions, kind=kind, profile=profile)
    return verdict_of(acceptable, decisions)


def compare_many(
    pairs: Iterable[tuple[Answer, Answer | Sequence[Answer]]],
    *,
    workers: int | None = None,
    profile: str = "slipstick",
    progress: bool = False,
) -> list[Verdict]:
    """`compare` for many (answer, expected) pairs, in their order; `workers` processes share the work.

    `workers` None means one for each CPU, at most four; this process is one of them, and the others are started only
    if there are many pairs. `progress` shows on standard error how many are done.
    Raises UserError as `compare`, with the number of the pair.
    """
    rows = (_row(place, *pair) for place, pair in enumerate(pairs))
    verdicts = compare_stream(rows, workers=workers, profile=profile)
    return list(_shown(verdicts, length_hint(pairs)) if progress else verdicts)


def compare_stream(rows: Iterable[Row], *, workers: int | None = None, profile: str = "slipstick") -> Iterator[Verdict]:
    """The verdicts of (answer, expected, kind) rows in their order; rows are read as verdicts are consumed.

    The look-ahead grows with what has passed and is bounded, so that memory stays flat; see `compare_many`.
    """
    check_profile(profile)
    return decide_stream(rows, workers=workers or min(4, os.cpu_count() or 1), profile=profile)


def as_letter(answer: str, choices: Sequence[str], *, profile: str = "slipstick", by_letter: bool = True) -> str | None:
    """The letter of the one option that an answer names, None if it names none or several.

    A bare number counts as the option of exactly that value: a program's answer to a multiple-choice question.
    `by_letter` False: only the text or the value of an option names it.
    """
    options = [_OWN_LETTER.sub("", option) for option in choices]
    same = [place for place, option in enumerate(options) if option.strip() == answer.strip()]
    if len(same) != 1:
        letter = read_letter(tidy(answer)) if by_letter else None
        if letter and ord(letter) - ord("A") < len(options):
            return letter
        policy = policy_of(profile)
        decisions = [decide(answer, option, policy=policy) for option in options]
        same = [place for place, decision in enumerate(decisions) if decision.equal]
        if not same and NEEDS_ALGEBRA in decisions:
            found = [compare(answer, option, profile=profile).outcome for option in options]
            same = [place for place, outcome in enumerate(found) if outcome == "correct"]
    return chr(ord("A") + same[0]) if len(same) == 1 else None


def check_profile(profile: str) -> None:
    """Raises UserError for a profile that does not exist, or a setting that it does not have."""
    name, _, settings = profile.partition(":")
    if name not in PROFILES:
        raise UserError(
            f"no grading profile is named `{name}`{did_you_mean(name, PROFILES)}; known: {', '.join(PROFILES)}"
        )
    if name in OWN:
        policy_of(profile)
    elif settings:
        raise UserError(f"profile `{profile}`: {name} has no settings; those that have: {', '.join(OWN)}")


def _row(place: int, answer: Answer, expected: Answer | Sequence[Answer]) -> Row:
    try:
        return answer_text(answer), expected_texts(expected), None
    except UserError as error:
        raise UserError(f"pairs[{place}]: {error}") from None


def _shown(verdicts: Iterator[Verdict], total: int) -> Iterator[Verdict]:
    """The verdicts as they come, with a line or bar of progress."""
    from slipstick.progress import progress
    from slipstick.terminal import terminal

    with progress("grading", total, "pairs", console=terminal(stderr=True)) as advance:
        for done, verdict in enumerate(verdicts, 1):
            if done % _SHOWN_EVERY == 0 or done == total:
                advance(done)
            yield verdict
