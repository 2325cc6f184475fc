r"""ToRA's rules: `src/utils/parser.py` (`extract_answer`, `strip_string`) and `src/eval/grader.py` (`math_equal`).

Numbers are the same within one part in ten thousand, also if one is a hundred times the other; anything else is read
by sympy's LaTeX grammar, and the same if the difference simplifies to nothing or is one part in a thousand.
"""

import math
import re
from collections.abc import Callable

from slipstick.equivalence.decision import Method
from slipstick.equivalence.profiles.rewriting import (
    after_last_box,
    as_float,
    braced_fractions,
    last_number,
    leading_zeros,
    replaced,
    right_of_equals,
    slash_as_fraction,
    without_last_stop,
)
from slipstick.equivalence.profiles.rules import NeedsWorkerError, Profile

RELATIVE_TOLERANCE = 1e-4
SYMBOLIC_TOLERANCE = 1e-3
_FENCE = "```output"
_FIRST = (("\n", ""),)
_SIGNS = (
    *((r"\!", ""), ("\\ ", ""), ("\\\\", "\\"), ("\\\\", "\\"), ("tfrac", "frac"), ("dfrac", "frac")),
    *((r"\left", ""), (r"\right", "")),
)
_UNIT = re.compile(r"\\text{.*?}$")
_REMOVED = (r"^{\circ}", r"^\circ", r"\$", "$", r"\text", r"x\in", r"\%", "%")
_WORDS = ("and", r"\mathbf")


def find(output: str, kind: str | None) -> str:
    """The last box, else what follows "the answer is", else the last program's output, else the last number."""
    if "boxed" in output:
        answer = after_last_box(output)
    elif "he answer is" in output:
        answer = output.rpartition("he answer is")[2].strip()
    else:
        printed = output.rpartition(_FENCE)[2].partition("```")[0].strip() if _FENCE in output else ""
        answer = printed or last_number(output.replace(",", ""))
    return without_last_stop(answer.partition("\n")[0].removeprefix(":"))


def match(answer: str, expected: str, kind: str | None, worker: bool) -> Method | None:
    """The rule by which an answer is accepted, None if by none."""
    return _same(strip(answer), strip(expected), worker)


def strip(text: str) -> str:
    """The string that is compared."""
    text = replaced(replaced(text.strip(), pairs=_FIRST).rstrip("."), pairs=_SIGNS)
    text = _UNIT.sub("", text).strip() or text
    text = leading_zeros(replaced(text, removed=_REMOVED)).replace(r"\cdot", "")
    text = infinity(text)
    text = re.sub(r"\\mbox{.*?}", "", replaced(text, removed=_WORDS))
    text = text.replace("j", "i") if "i" not in text else text
    text = re.sub(r"(\d+)\.0+$", r"\1", re.sub(r"(\d+)\.0+([^\d])", r"\1\2", text))
    return finish(text)


def infinity(text: str) -> str:
    """The word as the sign."""
    text = text.replace("infinity", r"\infty")
    return text if r"\infty" in text else text.replace("inf", r"\infty")


def finish(text: str) -> str:
    """The last rewritings, which Qwen's grader shares: zeros, `x=`, roots, spaces, fractions."""
    text = right_of_equals(f"0{text}" if text.startswith(".") else text)
    text = re.sub(r"\\sqrt(\w+)", r"\\sqrt{\1}", text).replace(" ", "")
    return slash_as_fraction(braced_fractions(text), roots=True)


def _same(answer: str, expected: str, worker: bool) -> Method | None:
    given, wanted = (as_float(text.replace(",", "")) for text in (answer, expected))
    if given is not None and wanted is not None:
        return "number" if hundredfold_close(given, wanted) else None
    if not answer:
        return None
    answer, expected = answer.strip(), expected.strip()
    if len(set(without_brackets(answer, expected, other=expected.startswith))) == 1:
        return "text"
    if any(both_in(pair, answer, expected) for pair in ("[]", "()")):
        parts = list(zip(answer[1:-1].split(","), expected[1:-1].split(","), strict=False))
        if answer.count(",") == expected.count(",") and all(_same(a, e, worker) for a, e in parts):
            return "structure"
    if not worker:
        raise NeedsWorkerError
    from slipstick.equivalence.profiles.expressions import simplify_to_zero

    return "symbolic" if simplify_to_zero(answer, expected, tolerance=SYMBOLIC_TOLERANCE) else None


def hundredfold_close(given: float, wanted: float) -> bool:
    """Within one part in ten thousand of the gold, its hundredth or its hundredfold, percent sign or not."""
    return any(math.isclose(value, given, rel_tol=RELATIVE_TOLERANCE) for value in (wanted / 100, wanted, wanted * 100))


def both_in(brackets: str, a: str, b: str) -> bool:
    """Whether both texts begin and end with this pair of brackets."""
    return all(text.startswith(brackets[0]) and text.endswith(brackets[1]) for text in (a, b))


def without_brackets(answer: str, expected: str, *, other: Callable[[str], bool]) -> tuple[str, str]:
    """Both texts without braces and parentheses, and, if the answer has outer brackets, without those.

    other: whether the gold has the bracket given, which the answer has not: then outer brackets are kept.
    """
    for mine, its in (("[]", "("), ("()", "[")):
        if both_in(mine, answer, answer) and not other(its):
            return replaced(answer.strip("[]()"), removed="{}()"), replaced(expected.strip("[]()"), removed="{}()")
    return replaced(answer, removed="{}()"), replaced(expected, removed="{}()")


TORA = Profile(find, match)
