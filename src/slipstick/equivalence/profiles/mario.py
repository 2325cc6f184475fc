r"""MARIO's rules: MARIO_EVAL's `math_evaluation/core` (`latex_normalize.string_normalize`, `evaluations.is_equiv`).

Answers are rewritten to one or several strings that may be meant (50% to 0.5 and 50, 30 degrees to 30 and pi/6), then
compared as intervals, tuples, sets, matrices and expressions. The answer of an output is what follows
"Final Answer:" (`react.py`).
"""

import functools
import re
from collections.abc import Callable, Iterator, Sequence

from slipstick.equivalence.decision import Method
from slipstick.equivalence.profiles.rewriting import after_last_box, as_float, replaced
from slipstick.equivalence.profiles.rules import NeedsWorkerError, Profile, words_of

_POWER = r"(?:\^\d|\^\{\d+\})?"
_WORDS = words_of("mario")
_ANY_UNIT = "|".join(map(re.escape, (*_WORDS["long_units"], *_WORDS["short_units"], *_WORDS["letter_units"])))
_UNITS = (
    re.compile(rf"\\+(?:text|mbox)\{{\s*(?:{_ANY_UNIT})(?:es|s)? *{_POWER}\}} *{_POWER}"),
    re.compile(rf"\\+text\{{[a-zA-Z ]+{_POWER} *\}} *{_POWER}"),
    re.compile(rf" *(?:{'|'.join(_WORDS['long_units'])})(?:es|s)? *{_POWER}"),
    re.compile(rf" +(?:{'|'.join(map(re.escape, _WORDS['short_units']))})(?:es|s)? *{_POWER}"),
)
_WHOLE_TEXT = re.compile(r"\\\s*(?:text|mbox)\{\s*(.+?)\}", re.DOTALL)
_BASED = re.compile(r"(\d+)_(?:(\d)|\{(\d+)\})")
_JOINED = re.compile(r",? *(?:\\text\{ *(?:and|or) *\}| (?:and|or) )")
_DEGREES = re.compile(r"\^ *(?:\{ *\\circ *\}|\\circ)")
_MIXED = (re.compile(r"(\d+) +(\d+/\d+)"), re.compile(r"(\d+) *(\\frac(?:\d|\{\d+\})(?:\d|\{\d+\}))"))
_THOUSANDS = re.compile(r"\d{1,3}(?:, ?\d{3})+")
_MERIDIEM = r"(?:\\text\{\s*)?(?P<half>[ap])\.?m\.?(?:\s*\})?"
_TIMES = (
    re.compile(rf"(?P<hour>\d{{1,2}})\s*{_MERIDIEM}", re.IGNORECASE),
    re.compile(rf"(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?::(?P<second>\d\d))?\s*(?:{_MERIDIEM})?", re.IGNORECASE),
)
_MATRIX = re.compile(r"\\begin\{[a-zA-Z]?matrix\}(.*?)\\end\{[a-zA-Z]?matrix\}", re.DOTALL)
_SPACES = (r"\:", r"\,", r"\;", r"\!")
_FRACTIONS = tuple((rf"\{letter}frac", r"\frac") for letter in "tcd")
_SIGNS = (("√", "sqrt"), ("π", "pi"), ("∞", "inf"), ("∪", "U"), ("·", "*"), ("×", "*"))
_LARGE = (("million", "*10^6"), ("billion", "*10^9"), ("trillion", "*10^12"))
_BRACKETS = ((r"\left(", "("), (r"\left[", "["), (r"\right)", ")"), (r"\right]", "]"))
_MAX_DEPTH = 20
_SHORT = 200
"""Longer texts are rewritten in a worker only: the patterns may take the square of their length."""


def find(output: str, kind: str | None) -> str:
    """What follows the last "Final Answer:", else the last box; MARIO's models write the first, in dollars."""
    if "Final Answer:" in output:
        return output.rpartition("Final Answer:")[2].strip()
    return after_last_box(output) if "boxed" in output else ""


def match(answer: str, expected: str, kind: str | None, worker: bool) -> Method | None:
    """The rule by which an answer is accepted, None if by none."""
    if answer.strip() == expected.strip():
        return "text"
    short = max(len(answer), len(expected)) <= _SHORT
    if short and len(normalize(expected)) == 1 and normalize(answer) == normalize(expected):
        return "text"
    if not worker:
        raise NeedsWorkerError
    return "symbolic" if _same(expected, answer, 0) else None


def _same(expected: str, answer: str, depth: int) -> bool:
    """In any of three spellings (without spaces, with them, with capitals), or as they were written."""
    from slipstick.equivalence.profiles.mario_algebra import equal_expressions

    if expected.strip() == answer.strip():
        return True
    if depth > _MAX_DEPTH:
        return False
    for spaces, capitals in ((False, False), (True, False), (False, True)):
        expected_forms, answer_forms = (
            normalize(text, spaces=spaces, capitals=capitals) for text in (expected, answer)
        )
        if expected_forms == answer_forms and len(expected_forms) == 1:
            return True
        try:
            if any(_same_latex(e, a, depth + 1) for e in sorted(expected_forms) for a in sorted(answer_forms)):
                return True
        except ValueError:  # brackets that do not match
            continue
    return equal_expressions(expected, answer)


def _same_latex(expected: str, answer: str, depth: int) -> bool:
    from slipstick.equivalence.profiles.mario_algebra import equal_expressions, equal_intervals

    if not answer:
        return False
    if set(expected) & set("()[]") and equal_intervals(expected, answer):
        return True
    same = _same_parts(expected, answer, _split, depth)
    if not same and ("matrix" in expected or "matrix" in answer):
        same = _same_parts(expected, answer, _split_matrix, depth)
    return equal_expressions(expected, answer) if same is None else same


def _same_parts(
    expected: str, answer: str, split: Callable[[str], str | Sequence[object] | set[str]], depth: int
) -> bool | None:
    """Whether the parts of both are the same; None if neither has parts."""
    expected_parts, answer_parts = split(expected), split(answer)
    if isinstance(expected_parts, str) and isinstance(answer_parts, str):
        return (
            None if (expected_parts, answer_parts) == (expected, answer) else _same(expected_parts, answer_parts, depth)
        )
    if type(expected_parts) is not type(answer_parts) or len(expected_parts) != len(answer_parts):
        return False
    if isinstance(expected_parts, set):
        left = list(answer_parts)
        return all(_taken(part, left, depth) for part in expected_parts)
    return all(_same_entry(e, a, depth) for e, a in zip(expected_parts, answer_parts, strict=True))


def _taken(expected: object, left: list[object], depth: int) -> bool:
    """Whether one of those left is this; then it is left no more."""
    for place, answer in enumerate(left):
        if _same(str(expected), str(answer), depth):
            del left[place]
            return True
    return False


def _same_entry(expected: object, answer: object, depth: int) -> bool:
    if isinstance(expected, list) and isinstance(answer, list):
        return len(expected) == len(answer) and all(_same(e, a, depth) for e, a in zip(expected, answer, strict=True))
    return isinstance(expected, str) and isinstance(answer, str) and _same(expected, answer, depth)


@functools.lru_cache(maxsize=4096)
def normalize(text: str, *, spaces: bool = False, capitals: bool = False) -> frozenset[str]:
    """The strings that a text may mean, nearly always one."""
    text = text.strip(" ").replace("{cases}", "{matrix}").replace("{array}", "{matrix}")
    if not (r"\begin" in text and "matrix" in text and r"\\begin" not in text):
        text = text.replace("\\\\", "\\")
    if whole := _WHOLE_TEXT.fullmatch(text):
        return normalize(whole.group(1), spaces=spaces, capitals=capitals)
    text = replaced(text, removed=_SPACES).replace("{,}", ",")
    if based := _BASED.fullmatch(text):
        return frozenset({based.group(1), str(_in_base(based.group(1), int(based.group(2) or based.group(3))))})
    if "%" in text:
        text = text.replace(r"\%", "%").replace("%", "")
        if (value := as_float(text)) is not None:
            return frozenset({str(value / 100), str(value)})
    text = _JOINED.sub(" , ", text.replace(r"\$", "$").replace("$", ""))
    text = re.sub(r"[a-zA-Z]+\s*\\in", "", replaced(text, pairs=(*_LARGE, *_BRACKETS)))
    times = list(_times(text))
    if len(times) > 1:
        return frozenset(times)
    text = times[0] if times else text
    for unit in _UNITS:
        text = unit.sub("", text)
    radians = re.sub(rf"(\d*)(\.\d+)? *{_DEGREES.pattern}", r"\1\2/180*\\pi", text)
    meant = {_DEGREES.sub("", text), radians} if _DEGREES.search(text) else {text}
    return frozenset(_spelled(one, spaces, capitals) for one in meant)


def _spelled(text: str, spaces: bool, capitals: bool) -> str:
    """One spelling: whole numbers without a point, mixed numbers as sums, small letters."""
    if len(text) > 1 and text[0] == "{" and text[-1] == "}":
        text = text[1:-1]
    value = as_float(text)
    if value is not None and _is_whole(value):
        text = f"{value:e}".replace("e", "*10^{") + "}" if "e" in text and value else str(round(value))
    if "\\" in text:
        text = replaced(text, pairs=(*_FRACTIONS, *_SIGNS)).strip()
    text = re.sub("- *", "-", text)
    for mixed in _MIXED:
        text = mixed.sub(r"\1+\2", text)
    text = text if spaces else text.replace(" ", "")
    text = text if capitals else text.lower()
    value = as_float(_without_thousands(text))
    return str(round(value)) if value is not None and _is_whole(value) else text


def _times(text: str) -> Iterator[str]:
    """A time of day as a list of its numbers; in the afternoon, with either hour."""
    for pattern in _TIMES:
        if time := pattern.fullmatch(text):
            parts = time.groupdict()
            hour = int(parts["hour"])
            numbers = [int(parts.get("minute") or 0), int(parts.get("second") or 0)]
            while numbers and not numbers[-1]:
                numbers.pop()
            afternoon = (parts.get("half") or "").lower() == "p"
            for meant in (hour % 12, hour % 12 + 12) if afternoon else (hour,):
                yield str([meant, *numbers]) if numbers else str(meant)
            return


def _split(text: str) -> str | list[str] | tuple[str, ...] | set[str]:
    """`[1,2]` a list, `(1,2)` a tuple, `1,2` and `{1,2}` a set of their parts; the text itself if it has one part.

    Raises ValueError if the brackets do not match.
    """
    text = _without_thousands(text)
    depth, enclosed, commas = 0, len(text) > 2, [-1]
    outer = text[:1] + text[-1:]
    inner = 1 if outer in ("[]", "()", "{}") else 0
    for place, character in enumerate(text):
        depth += (character in "[({") - (character in "])}")
        if depth == 0 and place < len(text) - 1:
            enclosed = False
    if depth:
        raise ValueError("brackets do not match")
    if enclosed and inner:
        text = text[1:-1]
    for place, character in enumerate(text):
        depth += (character in "[({") - (character in "])}")
        if character == "," and depth == 0:
            commas.append(place)
    parts = [text[a + 1 : b].strip() for a, b in zip(commas, [*commas[1:], len(text)], strict=True)]
    if not parts[-1]:
        parts.pop()
    if len(parts) < 2:
        return text
    if enclosed and outer == "[]":
        return parts
    return tuple(parts) if enclosed and outer == "()" else set(parts)


def _split_matrix(text: str) -> str | list[str | list[str]]:
    """A matrix row by row, a row or column of one as a plain list; a nested list likewise."""
    if matrix := _MATRIX.fullmatch(text):
        cells = [row.split("&") for row in matrix.group(1).split("\\\\")]
    else:
        rows = _split(text)
        cells = [_as_list(_split(row)) for row in ([rows] if isinstance(rows, str) else list(rows))]
    entries: list[str | list[str]] = [row[0] if len(row) == 1 else row for row in cells]
    if len(entries) == 1:
        only = entries[0]
        return only if isinstance(only, str) else [*only]
    widths = {len(row) for row in cells}
    return entries if len(widths) == 1 else text


def _as_list(parts: str | list[str] | tuple[str, ...] | set[str]) -> list[str]:
    return [parts] if isinstance(parts, str) else list(parts)


def _without_thousands(text: str) -> str:
    return _THOUSANDS.sub(lambda number: number.group().replace(",", ""), text)


def _in_base(digits: str, base: int) -> int:
    return sum(int(digit) * base**place for place, digit in enumerate(reversed(digits[:1000])))


def _is_whole(value: float) -> bool:
    return abs(value) < 1e300 and abs(value - round(value)) <= 1e-7


MARIO = Profile(find, match)
