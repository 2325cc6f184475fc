r"""Qwen2.5-Math's rules: `evaluation/parser.py` (`extract_answer`, `strip_string`) and `evaluation/grader.py`.

They grew out of ToRA's: units and number words are taken out of both sides, letters match letters, matrices and
equations have a rule, and the tolerance is one part in ten thousand everywhere. Its exceptions for
single data sets are left out.
"""

import functools
import re

from slipstick.equivalence.decision import Method
from slipstick.equivalence.profiles.rewriting import (
    after_last_box,
    as_float,
    last_number,
    leading_zeros,
    replaced,
    without_last_stop,
)
from slipstick.equivalence.profiles.rules import NeedsWorkerError, Profile, words_of
from slipstick.equivalence.profiles.tora import (
    RELATIVE_TOLERANCE,
    both_in,
    finish,
    hundredfold_close,
    infinity,
    without_brackets,
)

_WORDS = words_of("qwen")
_NUMBERS: dict[str, int] = _WORDS["numbers"]
_SCALES: dict[str, int] = _WORDS["scales"]
_LETTERS = frozenset("ABCDE")
_LETTER = re.compile(r"\b(A|B|C|D|E)\b")
_CHOICE_TRIGGERS = ("choice is", "answer is")
_MARKERS = ("he answer is", "final answer is")
_SIGNS = (
    *(("bmatrix", "pmatrix"), ("tfrac", "frac"), ("dfrac", "frac"), (r"\neq", r"\ne"), (r"\leq", r"\le")),
    *((r"\geq", r"\ge"), (r"\left", ""), (r"\right", ""), (r"\{", "{"), (r"\}", "}")),
)
_UNIT = re.compile(r"\\text{.*?}$")
_WORD_UNITS = tuple(
    re.compile(rf"(^|\W){unit}{plural}($|\W)") for _ in range(2) for plural in ("", "s") for unit in _WORDS["units"]
)
_DOLLARS = (r"^{\circ}", r"^\circ", r"\$", "$", r"\(", r"\)")
_UNKNOWNS = tuple(f"{letter}{sign}" for sign in ("=", r"\in", r"\to") for letter in "xyz")
_MATRICES = (r"\begin{pmatrix}", r"\begin{bmatrix}")


def find(output: str, kind: str | None) -> str:
    """The answer of an output: Minerva's phrase, the last box, what follows "the answer is", the last number."""
    output = output.replace("ки", "")
    if kind == "choice":
        return _choice(output)
    if "final answer is $" in output and "$. I hope" in output:
        answer = output.partition("final answer is $")[2].partition("$. I hope")[0].strip()
    elif "boxed" in output:
        answer = after_last_box(output)
    elif marker := next((marker for marker in _MARKERS if marker in output), None):
        answer = output.rpartition(marker)[2].strip()
    elif "答案是" in output:
        answer = output.split("答案是")[1].strip().partition("\n\n")[0].strip()
    else:
        answer = last_number(output.replace(",", ""))
    return without_last_stop(re.sub(r"\n\s*", "", answer).removeprefix(":"))


def match(answer: str, expected: str, kind: str | None, worker: bool) -> Method | None:
    """The rule by which an answer is accepted, None if by none."""
    return _same(strip(answer), strip(expected), worker)


def _choice(output: str) -> str:
    """The first letter behind a trigger, the last one if there is none."""
    output = output.strip("\n")
    if any(output.count(trigger) > 1 for trigger in _CHOICE_TRIGGERS):
        output = output.partition("\n\n")[0]
    *before, tail = re.split("|".join(_CHOICE_TRIGGERS), output)
    return _letter(tail, place=0 if before else -1)


def _letter(text: str, *, place: int) -> str:
    text = text.strip("\n").rstrip(".").rstrip("/").strip(" ").lstrip(":")
    candidates = _LETTER.findall(text.upper()) or [text.strip().strip(".")]
    return str(candidates[place]).rstrip(".").rstrip("/")


@functools.lru_cache(maxsize=4096)
def strip(text: str) -> str:
    """The string that is compared."""
    text = text.strip().replace("\n", "").rstrip(".").replace(r"\!", "")
    text = re.sub(r"\\begin\{array\}\{.*?\}", r"\\begin{pmatrix}", text).replace(r"\end{array}", r"\end{pmatrix}")
    text = replaced(text, pairs=_SIGNS)
    text = _UNIT.sub("", text).strip() or text
    for unit in _WORD_UNITS:
        text = unit.sub(r"\1\2", text) or text
    text = _number_words(replaced(text, removed=_DOLLARS))
    text = replaced(re.sub(r"\\text\{(.*?)\}", r"\1", text), removed=_UNKNOWNS)
    text = replaced(text, pairs=((r"\emptyset", "{}"), (r"(-\infty,\infty)", r"\mathbb{R}")), removed=(r"\%", "%"))
    text = infinity(leading_zeros(text))
    text = re.sub(r"\\mbox{.*?}", "", replaced(text, removed=("and", r"\mathbf")))
    text = text.replace("j", "i") if "i" not in text else text
    text = re.sub(r"(\d+)\.0*$", r"\1", re.sub(r"(\d+)\.0*([^\d])", r"\1\2", text))
    return finish(text)


def _number_words(text: str) -> str:
    """The number in words in a text, whatever other words stand in it; the text itself if none is."""
    if text.isdecimal():
        return str(int(text)) if len(text) < 4_000 else text
    spoken = [word for word in text.replace("-", " ").lower().split() if word in _NUMBERS or word in _SCALES]
    if not spoken:
        return text
    total = current = 0
    for word in spoken:
        if word in _NUMBERS:
            current += _NUMBERS[word]
        elif word == "hundred":
            current = (current or 1) * 100
        else:
            total, current = total + (current or 1) * _SCALES[word], 0
    return str(total + current)


def _same(answer: str, expected: str, worker: bool) -> Method | None:
    if answer.strip().lower() == expected.strip().lower():
        return "text"
    if expected in _LETTERS and _letter(answer, place=-1) == expected:
        return "choice"
    given, wanted = _as_float(answer), _as_float(expected)
    if given is not None and wanted is not None and hundredfold_close(given, wanted):
        return "number"
    if not answer:
        return None
    answer, expected = answer.strip(), expected.strip()
    if "pmatrix" in answer and "pmatrix" not in expected:
        # As the grader writes a matrix: rows parted by one backslash.
        rows = (found.strip("{}").replace(",", "\\") for found in re.findall(r"\{.*,.*\}", expected))
        expected = ", ".join(rf"\begin{{pmatrix}}{row}\end{{pmatrix}}" for row in rows)
    bare = without_brackets(
        answer, expected, other=lambda opening: both_in({"(": "()", "[": "[]"}[opening], expected, expected)
    )
    if bare[0].lower() == bare[1].lower():
        return "text"
    if all(re.match(r"[(\[].+[)\]]", text) for text in (answer, expected)):
        return _all_same([answer[1:-1].split(",")], [expected[1:-1].split(",")], worker)
    if all(_is_matrix(text) for text in (answer, expected)):
        return _all_same(_entries(answer), _entries(expected), worker)
    return _same_equation(answer, expected, worker)


def _same_equation(answer: str, expected: str, worker: bool) -> Method | None:
    """Two equations up to their sign; an equation with a short left side by its right side alone."""
    if answer.count("=") == expected.count("=") == 1:
        given, wanted = (" - (".join(side.strip() for side in text.split("=")) + ")" for text in (answer, expected))
        return _symbolic(given, wanted, worker) or _symbolic(f"-({given})", wanted, worker)
    if _is_short_equation(answer) and "=" not in expected:
        return _same(answer.split("=")[1], expected, worker)
    if _is_short_equation(expected) and "=" not in answer:
        return _same(answer, expected.split("=")[1], worker)
    return _symbolic(answer, expected, worker)


def _symbolic(answer: str, expected: str, worker: bool) -> Method | None:
    if not worker:
        raise NeedsWorkerError
    from slipstick.equivalence.profiles.expressions import equal_by_any_test

    return "symbolic" if equal_by_any_test(answer, expected, tolerance=RELATIVE_TOLERANCE) else None


def _all_same(answer: list[list[str]], expected: list[list[str]], worker: bool) -> Method | None:
    if [len(row) for row in answer] != [len(row) for row in expected]:
        return None
    pairs = (pair for rows in zip(answer, expected, strict=True) for pair in zip(*rows, strict=True))
    return "structure" if all(_same(a, e, worker) for a, e in pairs) else None


def _is_matrix(text: str) -> bool:
    return text.startswith(_MATRICES) and text.endswith(tuple(begin.replace("begin", "end") for begin in _MATRICES))


def _entries(matrix: str) -> list[list[str]]:
    rows = matrix[len(_MATRICES[0]) : -len(r"\end{pmatrix}")].split("\\\\")
    return [row.strip().split("&") for row in rows if row.strip()]


def _is_short_equation(text: str) -> bool:
    return text.count("=") == 1 and len(text.partition("=")[0].strip()) <= 2


def _as_float(text: str) -> float | None:
    """A number, also one in percent."""
    text = text.replace(",", "")
    percent = as_float(text.removesuffix("%").removesuffix("\\")) if text.endswith("%") else None
    return as_float(text) if percent is None else percent / 100


QWEN = Profile(find, match)
