"""Grading profiles: the rules of published graders, so that a score can be compared with a published one.

In the order in which data passes them: `rules` (what a profile is), `rewriting`, `syntax_tree`, `expressions` (what
several share), then a file for each grader. Each answers as its grader does, mistakes included.
None passes text to eval, and computer algebra runs in workers only.
"""

import functools
from collections.abc import Sequence

from slipstick.equivalence.decision import NEEDS_ALGEBRA, Decision
from slipstick.equivalence.profiles.rules import MAX_CHARACTERS, NeedsWorkerError, Profile, UndecidableError
from slipstick.schema import Block

PUBLISHED = ("mammoth", "tora", "qwen", "mario", "minerva", "math-verify")
"""The names of the profiles."""


@functools.cache
def rules_of(profile: str) -> Profile:
    """The rules of a profile, loaded when first used."""
    match profile:
        case "mammoth":
            from slipstick.equivalence.profiles.mammoth import MAMMOTH as RULES
        case "tora":
            from slipstick.equivalence.profiles.tora import TORA as RULES
        case "qwen":
            from slipstick.equivalence.profiles.qwen import QWEN as RULES
        case "mario":
            from slipstick.equivalence.profiles.mario import MARIO as RULES
        case "minerva":
            from slipstick.equivalence.profiles.minerva import MINERVA as RULES
        case _:
            from slipstick.equivalence.profiles.mathverify import MATH_VERIFY as RULES
    return RULES


def decide_by(profile: str, answer: str, expected: str, *, kind: str | None, worker: bool) -> Decision:
    """Whether a profile's grader accepts an answer; NEEDS_ALGEBRA if only a worker can decide."""
    if max(len(answer), len(expected)) > MAX_CHARACTERS:
        return Decision(None, "bounds", f"longer than {MAX_CHARACTERS} characters")
    try:
        rule = rules_of(profile).match(answer, expected, kind, worker)
    except NeedsWorkerError:
        return NEEDS_ALGEBRA
    except UndecidableError as error:
        return Decision(None, "symbolic", str(error))
    if rule is None:
        return Decision(False, "symbolic" if worker else "text", f"not the same by the rules of {profile}")
    return Decision(True, rule, f"the same by the rules of {profile}")


def find_by(profile: str, attempt: str | Sequence[Block], *, kind: str | None) -> str | None:
    """The answer that a profile's grader takes from an output or a solution's blocks, None if it takes none.

    If a solution ends in a program's output, that is its answer, if the program ran; else the grader sees text,
    programs and outputs as one text with fences, as ToRA's models write it.
    """
    if isinstance(attempt, str):
        return rules_of(profile).find(attempt, kind) or None
    if not attempt:
        return None
    last = attempt[-1]
    if last.type == "output":
        return last.text.strip() or None if last.status == "ok" else None
    fences = {"text": "{}", "code": "\n```python\n{}\n```\n", "output": "```output\n{}\n```\n"}
    return find_by(profile, "".join(fences[block.type].format(block.text) for block in attempt), kind=kind)
