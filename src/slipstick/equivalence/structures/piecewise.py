r"""Compares functions by cases, \begin{cases} x & x \geq 0 \\ -x & x < 0 \end{cases}, whatever their order."""

import re

from slipstick.equivalence.decision import Decision, Same, structure

MAX_CASES = 12
_CASES = re.compile(
    r"(?:\\\{)?\s*\\begin\{(?P<kind>cases|array|dcases)\}(?:\{[^{}]*\})?(?P<rows>.*?)\\end\{(?P=kind)\}", re.DOTALL
)
_ROW_END = re.compile(r"\\\\(?:\[[^\]]*\])?")
_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")
_LEAD = re.compile(r"^(?:,|if|when|for|where|as|provided|in case|\s)+(?![A-Za-z])")
_OTHERWISE = frozenset(("otherwise", "else", "elsewhere", "in other cases"))


def compare_piecewise(a: str, e: str, same: Same) -> Decision | None:
    """Case by case, each with its condition; None if one of the two is no function by cases."""
    if r"\begin" not in a or r"\begin" not in e:
        return None
    cases_a, cases_e = _read(a), _read(e)
    if cases_a is None or cases_e is None:
        return None
    left = list(cases_a)
    for value, condition in cases_e:
        place = next((n for n, case in enumerate(left) if _same_condition(case[1], condition, same)), None)
        if place is None:
            return structure(None, "functions by cases with other conditions")
        found = same(left.pop(place)[0], value)
        if found.equal is not True:
            return found
    return structure(None, "more cases than expected") if left else structure(True, "the same in each case")


def _same_condition(a: str, e: str, same: Same) -> bool:
    return a == e or same(a, e).equal is True


def _read(text: str) -> list[tuple[str, str]] | None:
    match = _CASES.fullmatch(text)
    if match is None:
        return None
    rows = [row.split("&") for row in _ROW_END.split(match["rows"]) if row.strip()]
    if not 1 < len(rows) <= MAX_CASES or any(len(row) != 2 or not row[0].strip() for row in rows):
        return None
    cases = [(row[0].strip(" ,;"), _condition(row[1])) for row in rows]
    if any(not condition or condition[0] in "=<>" for _, condition in cases):
        return None  # a system of equations, aligned
    return cases


def _condition(text: str) -> str:
    words = _LEAD.sub("", " ".join(_TEXT.sub(r" \1 ", text).split())).strip(" ,;.")
    return "otherwise" if words in _OTHERWISE else words
