r"""Reads sums of multiples of vectors component by component: (1,2) + t(3,4) is (1 + 3t, 2 + 4t)."""

import re
from collections.abc import Sequence
from fractions import Fraction

from slipstick.equivalence.normalize.notation import closing_place, split_top
from slipstick.equivalence.values.numbers import read_number

MAX_LENGTH = 500
MAX_TERMS = 6
_PLUS = re.compile(r"\s*\+\s*")
_MINUS = re.compile(r"(?<=[\w)}\]])\s*-\s*(?=[\w(\[\\])")
_COMMA = re.compile(r"\s*,\s*")
_COLUMN = re.compile(r"(?P<factor>.*?)\\begin\{(?P<kind>[pb]matrix)\}(?P<rows>[^&]*?)\\end\{(?P=kind)\}", re.DOTALL)
_NUMBER = r"\d+(?:\.\d+)?|\\frac\{\d+\}\{\d+\}|\d+/\d+"
_FACTOR = re.compile(
    rf"-?\s*(?:{_NUMBER})?\s*(?:[abckmnrstuv]|\\(?:lambda|mu|alpha|beta|theta))?\s*(?:\\cdot\s*|\*\s*)?"
)
"""What may stand before a vector; f, g, P and C are functions, points and binomials."""


def sum_of_vectors(text: str) -> tuple[str, ...] | None:
    """The components of a sum of multiples of vectors, None if a text is none, or one vector alone."""
    terms = _terms(text)
    if terms is None:
        return None
    rows = zip(*(vector for _, vector in terms), strict=True)
    return tuple("+".join(f"({factor})({item})" for (factor, _), item in zip(terms, row, strict=True)) for row in rows)


def _terms(text: str) -> list[tuple[str, tuple[str, ...]]] | None:
    if (
        len(text) > MAX_LENGTH
        or text[-1:] not in ")]}"
        or not re.search(r"[\w)\]}]\s*(?:[+*-]|\\cdot)?\s*(?:\(|\[|\\begin)", text)
    ):
        return None
    terms = [_term(part.strip()) for part in split_top(_MINUS.sub("+-", text), _PLUS)]
    known = [term for term in terms if term]
    if len(known) < len(terms) or len(known) > MAX_TERMS or len({len(vector) for _, vector in known}) > 1:
        return None
    if len(known) == 1 and (known[0][0] == "1" or not re.fullmatch(_NUMBER, known[0][0])):
        return None  # a point; a letter before one bracket may be a function
    return known


def _term(text: str) -> tuple[str, tuple[str, ...]] | None:
    if column := _COLUMN.fullmatch(text):
        factor, items = column["factor"], [row.strip() for row in column["rows"].split(r"\\") if row.strip()]
    else:
        place = next(
            (n for n, sign in enumerate(text) if sign in "([" and closing_place(text, n) == len(text) - 1), None
        )
        if place is None:
            return None
        factor, items = text[:place], split_top(text[place + 1 : -1], _COMMA)
    if len(items) < 2 or not _FACTOR.fullmatch(factor):
        return None
    factor = re.sub(r"\s|\\cdot|\*", "", factor)
    return {"": "1", "-": "-1"}.get(factor, factor), tuple(items)


def same_line(a: str, e: str) -> bool | None:
    """Whether two lines, a point plus a free multiple of a direction, are the same; None if one is no such line."""
    lines = [_line(text) for text in (a, e)]
    if lines[0] is None or lines[1] is None or len(lines[0][0]) != len(lines[1][0]):
        return None
    (start_a, way_a), (start_e, way_e) = lines[0], lines[1]
    return _parallel(way_a, way_e) and _parallel([x - y for x, y in zip(start_a, start_e, strict=True)], way_e)


def _line(text: str) -> tuple[list[Fraction], list[Fraction]] | None:
    """Point and direction."""
    terms = _terms(text)
    if terms is None or len(terms) != 2:
        return None
    found = [[number.value for item in vector if (number := read_number(item))] for _, vector in terms]
    values = [[value for value in row if isinstance(value, Fraction)] for row in found]
    if any(len(row) < len(terms[0][1]) for row in values) or not any(values[1]):
        return None
    return (values[0], values[1]) if terms[0][0] == "1" and re.fullmatch(r"-?(?:[a-z]|\\[a-z]+)", terms[1][0]) else None


def _parallel(a: Sequence[Fraction], e: Sequence[Fraction]) -> bool:
    """Whether one is a multiple of the other, which is not nothing; nothing is one of all."""
    return all(a[n] * e[m] == a[m] * e[n] for n in range(len(a)) for m in range(n))
