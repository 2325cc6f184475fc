r"""MAmmoTH's rules: `math_eval/utils.py` (`answer_clean`, `compare_both_string_and_number_format`), `data_loader.py`.

MAmmoTH has a rule for each of its sets. Here the kind of a problem replaces the set: "number" is graded as GSM8K,
SVAMP, SimulEq and Mathematics are, by equal strings; "choice" as AQuA, SAT and MMLU are; anything else as MATH is, by
numbers: an answer need only round to a whole gold, and may be four per cent off any other.
"""

import functools
import math
import re

from slipstick.equivalence.decision import Method
from slipstick.equivalence.profiles.rewriting import (
    after_last_box,
    braced_fractions,
    last_number,
    leading_zeros,
    replaced,
    right_of_equals,
    slash_as_fraction,
    without_last_stop,
)
from slipstick.equivalence.profiles.rules import Profile
from slipstick.equivalence.profiles.syntax_tree import evaluate

TOLERANCE = 0.04
_TRIGGERS = ("####", "The answer is")
_LETTER = re.compile(r"\b(A|B|C|D|E)\b")
_NUMBER = re.compile(r"-?\d+/?\.?\d*")
_FRACTION = re.compile(r"\\frac\{([^{}]+)\}\{([^{}]+)\}")
_REMOVED = (r"\left", r"\right", r"^{\circ}", r"^\circ", r"\$")


def find(output: str, kind: str | None) -> str:
    """The answer of an output."""
    if kind in ("number", "choice"):
        return _from_candidates(output, kind)
    return _math_answer(output) if output else ""


def match(answer: str, expected: str, kind: str | None, worker: bool) -> Method | None:
    """The rule by which an answer equals the expected one; MAmmoTH needs no computer algebra.

    An answer is read as what a program printed is: behind "The answer is".
    """
    answer = find(f"The answer is {answer}", kind)
    if kind == "choice":
        return "choice" if answer == expected.strip() else None
    if kind == "number":
        return "text" if answer == _plain(expected.strip().replace(",", "")) else None
    expected = _strip(expected)
    if answer == expected:
        return "text"
    given, wanted = _number(answer), _number(expected)
    return "number" if given is not None and wanted is not None and _close(given, wanted) else None


def _from_candidates(output: str, kind: str) -> str:
    """The first candidate after a trigger, the last one if there is no trigger."""
    if any(output.count(trigger) > 1 for trigger in _TRIGGERS):
        output = output.partition("\n\n")[0]
    *before, tail = re.split("|".join(_TRIGGERS), output)
    tail = tail.rpartition("=")[2].strip() if "=" in tail else tail
    if kind == "choice":
        candidates = _LETTER.findall(tail.upper()) or [tail.strip().strip(".")]
    else:
        candidates = [_plain(number) for number in _NUMBER.findall(tail.replace(",", ""))]
    return without_last_stop(candidates[0 if before else -1]) if candidates else ""


def _math_answer(output: str) -> str:
    for trigger in ("The answer is ", "the answer is "):
        if trigger in output:
            answer = output.rpartition(trigger)[2].strip()
            break
    else:
        answer = _strip(after_last_box(output)) if "boxed" in output else last_number(output)
    answer = _strip(without_last_stop(answer))
    return _strip(after_last_box(answer)) if "boxed" in answer else answer


def _strip(text: str) -> str:
    """The string that is compared: MATH's own normalisation."""
    text = replaced(text, pairs=(("\n", ""), (r"\!", ""), ("\\\\", "\\"), ("tfrac", "frac"), ("dfrac", "frac")))
    text = replaced(text, removed=_REMOVED).partition(r"\text{ ")[0].replace(r"\%", "")
    text = leading_zeros(text)
    text = right_of_equals(f"0{text}" if text.startswith(".") else text)
    text = re.sub(r"\\sqrt([^{])", r"\\sqrt{\1}", text).replace(" ", "")
    return slash_as_fraction(braced_fractions(text), roots=False)


def _plain(number: str) -> str:
    """Without a point or zeros that say nothing: `18.0` and `18.` are `18`."""
    try:
        shown = str(float(number)).rstrip("0")
        return str(int(shown.rstrip("."))) if shown.endswith(".") else str(float(shown))
    except ValueError:
        return number


@functools.lru_cache(maxsize=1024)
def _number(text: str) -> float | None:
    """The value of a decimal, a fraction or a line of arithmetic; of a list or tuple, that of its first element."""
    text = _FRACTION.sub(r"\1/\2", text) if "frac" in text else text.replace(",", "")
    if (value := _as_float(text)) is not None:
        return value
    try:
        result = evaluate(text, number=lambda _, value: value, name=_no_name)
        return _as_float(result[0] if isinstance(result, (list, tuple)) else result)
    except (ValueError, ArithmeticError, TypeError, IndexError, RecursionError):
        return None


def _no_name(name: str, is_called: bool) -> float:
    raise ValueError(f"`{name}` is not a number")


def _as_float(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (ValueError, TypeError, OverflowError):
        return None
    return round(number) if number.is_integer() else number


def _close(given: float, wanted: float) -> bool:
    if math.isnan(given) or math.isnan(wanted) or math.isinf(given):
        return False
    if isinstance(wanted, int):
        return round(given) == wanted
    margin = abs(wanted) * TOLERANCE
    return wanted - margin <= given <= wanted + margin


MAMMOTH = Profile(find, match)
