r"""Takes tidied answers apart: lists, sets, tuples, intervals, unions, matrices, equations, inequalities, labels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from slipstick.equivalence.notation import closing_place, split_top

_LIST = re.compile(r"[;,]?\s*(?:\\text\s*\{[^{}]*\b(?:and|or)\s*\}|\b(?:and|or)\b)\s*|\s*;\s*")
_COMMA = re.compile(r"\s*,\s*")
_SPACED_COMMA = re.compile(r"\s*,\s+")
_THOUSANDS = re.compile(r"[-$]{0,2}\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_CUP = re.compile(r"\s*(?:\\cup|\bU\b)\s*")
_RELATION = re.compile(r"\\(?:leq|geq|neq|approx|equiv|sim)(?![A-Za-z])|[<>=]")
_ORDER = {"<": "<", ">": ">", r"\leq": "<=", r"\geq": ">="}
_MEMBER = re.compile(r"^[A-Za-z\\_{}0-9()]{1,20}\s*\\in(?![A-Za-z])\s*")
_NAME = re.compile(
    r"""\\?[A-Za-z](?:_\{?[\w,]+\}?)?'*                       # x, x_{12}, f', \alpha
    | \\(?:alpha|beta|gamma|delta|theta|lambda|mu|phi|rho|sigma|tau|omega|Delta|Omega|ell)(?:_\{?\w+\}?)?
    | \\?[A-Za-z]\w*(?:_\{?\w+\}?)?'?\s*\([^()=<>]{1,20}\)     # f(x), P(n)
    | \|?[A-Z]{2,}\|?(?:_\{?\w+\}?)?                          # AB, |AB|
    | \\text\s*\{[^{}]+\}
    | [A-Za-z]{3,}(?:\ [A-Za-z]+){0,4}                        # area, number of apples
    | \(\s*[A-Za-z]\w*(?:\s*,\s*[A-Za-z]\w*)*\s*\)            # (p, q)
    | \\(?:angle|overline|vec|triangle)\s*\{?\s*[A-Za-z]+\s*\}?
    | \\frac\s*\{[A-Z]+\}\s*\{[A-Z]+\}
    | [A-Za-z]\w*(?:_\{?\w+\}?)?\s*:\s*[A-Za-z]\w*(?:_\{?\w+\}?)?   # A:B
    """,
    re.VERBOSE,
)
_WORD_LABEL = re.compile(r"^(?:\\text\s*\{\s*)?([A-Za-z][A-Za-z ]{2,40})(?:\s*\})?\s*:\s*(?=\S)")
_MATRIX = re.compile(
    r"^\(?\\begin\{(?:[pbvB]?matrix|array)\}(?:\{[^{}]*\})?(.*?)\\end\{(?:[pbvB]?matrix|array)\}\)?$", re.DOTALL
)

# Some corpora lost a backslash: "1\0" ends a row too.
_ROW_END = re.compile(r"\\\\(?:\[[^\]]*\])?|\\(?=\s*[-\d])")

Kind = Literal["list", "set", "tuple", "union", "matrix"]


@dataclass(frozen=True, slots=True)
class Shape:
    """An answer made of others. `brackets` are those of a tuple or an interval: "()", "[)" ..."""

    kind: Kind
    items: tuple[str, ...]
    brackets: str = ""


@dataclass(frozen=True, slots=True)
class Relation:
    """A chain of sides with the signs between them: 1 < x <= 2 has three sides."""

    sides: tuple[str, ...]
    signs: tuple[str, ...]


def read_shape(text: str) -> Shape | None:
    """What a text is made of, None where it is one thing."""
    text = _MEMBER.sub("", text).strip()
    for read in (_read_list, _read_matrix, _read_union, _read_plus_minus, _read_bracketed):
        if shape := read(text):
            return shape
    return None


def read_relation(text: str) -> Relation | None:
    """The equation or inequality a text is, None where it is none."""
    if not _RELATION.search(text):
        return None
    sides = split_top(text, _RELATION)
    if len(sides) < 2:
        return None
    signs = _signs(text, sides)
    return Relation(tuple(side.strip() for side in sides), tuple(signs))


def _signs(text: str, sides: list[str]) -> list[str]:
    signs: list[str] = []
    place = 0
    for side, following in zip(sides, [*sides[1:], ""], strict=True):
        place += len(side)
        match = _RELATION.match(text, place)
        if match and (following or len(signs) < len(sides) - 1):
            signs.append(match.group())
            place = match.end()
    return signs


def read_label(relation: Relation) -> tuple[str, str] | None:
    """(name, value) where an equation only names a value: x = 3, f(x) = x^2, AB = 5; None where it says more."""
    if r"\approx" in relation.signs:
        cut = relation.signs.index(r"\approx")
        if cut == 0:
            relation = Relation(relation.sides, ("=", *relation.signs[1:]))
        else:
            relation = Relation(relation.sides[: cut + 1], relation.signs[:cut])
    if not relation.signs or not set(relation.signs) <= {"=", r"\equiv"} or not relation.sides[-1]:
        return None
    name, value = relation.sides[0], re.sub(r"\s*\\p?mod\s*(?:\{[^{}]*\}|\d+)$", "", relation.sides[-1])
    if not _NAME.fullmatch(name) or (
        len(name) == 1 and re.search(rf"(?<![A-Za-z\\]){re.escape(name)}(?![A-Za-z])", value)
    ):
        return None
    return re.sub(r"[\s{}]|\\text", "", name), value


def without_word_label(text: str) -> str:
    """'Minimum: 1' -> '1'."""
    return _WORD_LABEL.sub("", text)


def as_interval(relation: Relation) -> tuple[str, str] | None:
    """(what is bounded, the interval or union it lies in) of an inequality between it and constants, else None."""
    signs = [_ORDER.get(sign) for sign in relation.signs]
    if relation.signs == (r"\neq",) and not _is_constant(relation.sides[0]) and _is_constant(relation.sides[1]):
        point = relation.sides[1]
        return relation.sides[0], rf"(-\infty,{point})\cup({point},\infty)"
    if None in signs or not all(relation.sides):
        return None
    sides = relation.sides
    if len(sides) == 3 and signs[0] and signs[1] and signs[0][0] == signs[1][0]:
        low, middle, high, first, second = sides[0], sides[1], sides[2], signs[0], signs[1]
        if first[0] == ">":
            low, high, first, second = high, low, second, first
        if not (_is_constant(low) and _is_constant(high)) or _is_constant(middle):
            return None
        return middle, f"{'[' if '=' in first else '('}{low},{high}{']' if '=' in second else ')'}"
    if len(sides) == 2 and signs[0] and _is_constant(sides[0]) != _is_constant(sides[1]):
        sign, (left, right) = signs[0], sides
        if _is_constant(left):
            left, right, sign = right, left, {"<": ">", ">": "<"}[sign[0]] + sign[1:]
        if not _NAME.fullmatch(left):
            return None
        if sign[0] == "<":
            return left, rf"(-\infty,{right}{']' if '=' in sign else ')'}"
        return left, rf"{'[' if '=' in sign else '('}{right},\infty)"
    return None


def _is_constant(text: str) -> bool:
    bare = re.sub(r"\\text\s*\{[^{}]*\}|\\(?:frac|sqrt|pi|infty|cdot|times|log|ln|sin|cos|tan)(?![A-Za-z])", " ", text)
    bare = re.sub(r"(?<![A-Za-z])(?:pi|sqrt|e|oo|infinity|inf|ln|log)(?![A-Za-z])", " ", bare)
    return bool(text.strip()) and not re.search(r"[A-Za-z\\]", bare)


def _read_list(text: str) -> Shape | None:
    parts = [part for part in split_top(text, _LIST) if part.strip()] if re.search(r";|and|or", text) else [text]
    if len(parts) > 1 and any(re.fullmatch(r"[A-Za-z ]{4,}", part.strip()) for part in parts):
        return None  # prose, not a list
    if len(parts) > 1 and ";" in text and all("," in part for part in parts):
        return Shape("list", tuple(part.strip() for part in parts))
    items: list[str] = []
    for part in parts:
        items.extend(_split_commas(part))
    items = [item.strip() for item in items if item.strip()]
    return Shape("list", tuple(items)) if len(items) > 1 else None


def _split_commas(text: str) -> list[str]:
    if "," not in text or _THOUSANDS.fullmatch(text.strip()):
        return [text]
    spaced = split_top(text, _SPACED_COMMA)
    if len(spaced) > 1 and all("," not in part or _THOUSANDS.fullmatch(part.strip()) for part in spaced):
        return spaced
    return split_top(text, _COMMA)


def _read_matrix(text: str) -> Shape | None:
    text = re.sub(r"^\[\s*(\\begin\{array\}.*\\end\{array\})\s*\]$", r"\1", text, flags=re.DOTALL)
    match = _MATRIX.match(text)
    if match and text.count(r"\begin") == 1:
        body = re.sub(r"\\hline", "", match.group(1))
        rows = [row for row in _ROW_END.split(body) if row.strip()]
        return Shape("matrix", tuple("&".join(cell.strip() for cell in row.split("&")) for row in rows))
    if re.match(r"^\[\s*\[", text) and text.endswith("]"):
        rows = split_top(text[1:-1].strip(), _COMMA)
        if all(row.startswith("[") and row.endswith("]") for row in rows):
            return Shape("matrix", tuple("&".join(split_top(row[1:-1].strip(), _COMMA)) for row in rows))
    return None


def _read_union(text: str) -> Shape | None:
    if r"\cup" not in text and not re.search(r"[)\]}]\s*U\s*[(\[{\\]", text):
        return None
    parts = split_top(text, _CUP)
    return Shape("union", tuple(part.strip() for part in parts)) if len(parts) > 1 else None


def _read_plus_minus(text: str) -> Shape | None:
    if r"\pm" not in text and r"\mp" not in text and "+/-" not in text:
        return None
    text = text.replace("+/-", r"\pm ")
    upper = re.sub(r"\\pm(?![A-Za-z])\s*", "+", re.sub(r"\\mp(?![A-Za-z])\s*", "-", text))
    lower = re.sub(r"\\pm(?![A-Za-z])\s*", "-", re.sub(r"\\mp(?![A-Za-z])\s*", "+", text))
    if upper == lower:
        return None
    return Shape("list", (re.sub(r"^\+|(?<=[=(])\s*\+", "", upper), lower))


def _read_bracketed(text: str) -> Shape | None:
    french = re.fullmatch(r"([\[\]])\s*([^\[\](){}]*,[^\[\](){}]*)\s*([\[\]])", text)
    if french and (french[1] == "]" or french[3] == "["):
        text = ("(" if french[1] == "]" else "[") + french[2] + (")" if french[3] == "[" else "]")
    if text.startswith(r"\{") and text.endswith(r"\}") and closing_place(text, 1) == len(text) - 1:
        return Shape("set", _items(text[2:-2]), "{}")
    if len(text) < 2 or text[0] not in "([{" or closing_place(text, 0) != len(text) - 1:
        return None
    items = _items(text[1:-1])
    if len(items) < 2 and text[0] != "{":
        return Shape("tuple", items, "[]") if text[0] == "[" and text[-1] == "]" else None
    return Shape("set", items, "{}") if text[0] == "{" else Shape("tuple", items, text[0] + text[-1])


def _items(inside: str) -> tuple[str, ...]:
    parts = split_top(inside, _LIST if ";" in inside else _COMMA)
    return tuple(item.strip() for item in parts if item.strip())
