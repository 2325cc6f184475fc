r"""Takes tidied answers apart: lists, sets, tuples, unions, matrices, vectors, equations and inequalities."""

import functools
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from slipstick.equivalence.normalize.notation import closing_place, split_top
from slipstick.equivalence.structures.vectors import sum_of_vectors
from slipstick.equivalence.values.numbers import read_number

MAX_ITEMS = 200
MAX_NUMBER = 100
"""Longest text, in characters, of which it is asked whether it is a number with a unit."""
_OR = re.compile(r"[;,]?\s*(?:\\text\s*\{\s*or\s*\}|\bor\b|\\(?:lor|vee)(?![A-Za-z]))\s*|\s*;\s*")
_LIST = re.compile(
    r"[;,]?\s*(?:\\text\s*\{[^{}]*\b(?:and|or)\s*\}|\b(?:and|or)\b|\\(?:lor|vee|land|wedge)(?![A-Za-z]))\s*|\s*(?:;|\\\\)\s*|\s+&\s+"
)
_HAS_WORD = re.compile(r";|\\\\|and|or|\\vee|\\wedge|&")
_COMMA = re.compile(r"\s*,\s*")
_SPACED_COMMA = re.compile(r"\s*,\s+")
_THOUSANDS = re.compile(r"[-$]{0,2}\d{1,3}(?:,\d{3})+(?:\.\d+)?")
CUP = re.compile(r"\s*(?:\\cup(?![A-Za-z])|\bU\b)\s*")
CAP = re.compile(r"\s*\\cap(?![A-Za-z])\s*")
_MEMBER = re.compile(r"^[A-Za-z\\_{}0-9()]{1,20}\s*\\in(?![A-Za-z])\s*")
_MATRIX = re.compile(
    r"^(.*?)\(?\\begin\{(?P<kind>(?:[pb]|small)?matrix|array)\}(?:\{[^{}]*\})?(.*?)\\end\{(?P=kind)\}\)?$", re.DOTALL
)
_SYSTEM = re.compile(
    r"^(?:\\\{)?\s*\\begin\{(?P<kind>cases|aligned|array|gathered)\}(?:\{[^{}]*\})?(.*?)\\end\{(?P=kind)\}\.?$",
    re.DOTALL,
)
# Some corpora lost a backslash: "1\0" ends a row too.
_ROW_END = re.compile(r"\\\\(?:\[[^\]]*\])?|\\(?=\s*[-\d])")
_TRANSPOSED = re.compile(r"(.*[)\]}])\s*\^\s*\{?\s*(?:T|\\top|\\intercal|\\text\s*\{\s*T\s*\})\s*\}?", re.DOTALL)
_PRINTED_ROW = re.compile(r"\[?\s*[-+]?[\d.][\d.eE+-]*(?:\s+[-+]?[\d.][\d.eE+-]*)+\s*\]?")
_TERM = re.compile(
    r"\s*([-+]?)\s*(.*?)\s*(?:\\cdot\s*|\*\s*)?"
    r"(?:\\(?:hat|vec)\s*\{?\s*\\?([ijk])(?:math)?\s*\}?|\b([ijk])|(?<=[\d)}])([ijk]))\s*"
)
_PLUS = re.compile(r"\s*\+\s*")
_MINUS = re.compile(r"(?<=[\w})])\s*-\s*")

Kind = Literal["list", "set", "tuple", "union", "intersection", "matrix"]


@dataclass(frozen=True, slots=True)
class Shape:
    """An answer made of others. `brackets` are those of a tuple or an interval: "()", "[)" ..."""

    kind: Kind
    """What it is: a list, a tuple, a set, ..."""
    items: tuple[str, ...]
    """The texts of its elements, in order."""
    brackets: str = ""
    """Those of a tuple or an interval: "()", "[)"."""


@functools.lru_cache(maxsize=256)
def read_shape(text: str) -> Shape | None:
    """What a text is made of, None if it is one thing; of more than MAX_ITEMS items one too many."""
    text = _MEMBER.sub("", text).strip()
    if "^" in text and (transposed := _TRANSPOSED.fullmatch(text)):
        return _transpose(read_shape(transposed[1]))
    for read in (_read_list, _read_matrix, _read_union, _read_plus_minus, _read_bracketed, _read_vectors):
        if shape := read(text):
            return shape if len(shape.items) <= MAX_ITEMS else Shape(shape.kind, shape.items[: MAX_ITEMS + 1])
    return None


def _transpose(shape: Shape | None) -> Shape | None:
    """The column of a row and the rows of columns; None of what is neither a tuple nor a matrix."""
    if shape is None or shape.kind not in ("tuple", "matrix"):
        return None
    if shape.kind == "tuple":
        return Shape("tuple", shape.items, "()")
    rows = cells_of(shape)
    if len({len(row) for row in rows}) != 1:
        return None
    return Shape("matrix", tuple("&".join(column) for column in zip(*rows, strict=True)))


def cells_of(shape: Shape) -> list[list[str]]:
    """The rows of a matrix, each a list of its cells."""
    return [row.split("&") for row in shape.items]


def _read_list(text: str) -> Shape | None:
    if _HAS_WORD.search(text):
        either = [part.strip() for part in split_top(text, _OR) if part.strip()]
        if len(either) > 1 and all(_is_group(part) for part in either):
            return Shape("list", tuple(either))
        parts = [part for part in split_top(text, _LIST) if part.strip()]
    else:
        parts = [text]
    if len(parts) > 1 and any(re.fullmatch(r"[A-Za-z ]{4,}", part.strip()) for part in parts):
        return None  # prose, not a list
    if len(parts) > 1 and ";" in text and all("," in part for part in parts):
        return Shape("list", tuple(part.strip() for part in parts))
    items: list[str] = []
    for part in parts:
        items.extend(_split_commas(part))
    items = [item.strip() for item in items if item.strip()]
    return Shape("list", tuple(items)) if len(items) > 1 else None


def _is_group(text: str) -> bool:
    """Whether a text names several values of different names: x = 1, y = 2."""
    text = text[1:-1] if text[:1] == "(" and closing_place(text, 0) == len(text) - 1 else text
    names = [part.partition("=")[0].strip() for item in split_top(text, _LIST) for part in split_top(item, _COMMA)]
    return len(names) > 1 and text.count("=") == len(names) == len(set(names))


def _is_one_number(text: str) -> bool:
    """Whether the commas of a text are those of thousands: 350,000 and 350,000 pages."""
    text = text.removeprefix(r"\approx").lstrip()
    return _THOUSANDS.fullmatch(text) is not None or (len(text) <= MAX_NUMBER and read_number(text) is not None)


def _split_commas(text: str) -> list[str]:
    if "," not in text or _is_one_number(text.strip()):
        return [text]
    spaced = split_top(text, _SPACED_COMMA)
    if len(spaced) > 1 and all("," not in part or _is_one_number(part.strip()) for part in spaced):
        return spaced
    return split_top(text, _COMMA)


def _read_matrix(text: str) -> Shape | None:
    if r"\begin" in text:
        return _read_environment(text)
    if text[:1] != "[" or text[-1:] != "]":
        return None
    inside = text[1:-1].strip()
    if "," not in inside and (shape := _read_printed(inside)):
        return shape
    if inside[:1] not in ("[", "("):
        return None
    rows = split_top(inside, _COMMA)
    if not all(row[:1] == "[" and row[-1:] == "]" for row in rows):
        return None
    return Shape("matrix", tuple("&".join(split_top(row[1:-1].strip(), _COMMA)) for row in rows), "[]")


def _read_environment(text: str) -> Shape | None:
    text = re.sub(r"^\[\s*(\\begin\{array\}.*\\end\{array\})\s*\]$", r"\1", text, flags=re.DOTALL)
    if text.count(r"\begin") != 1:
        return None
    if (system := _SYSTEM.match(text)) and "=" in system[2]:
        rows = [row.strip(" ,;") for row in _ROW_END.split(system[2].replace("&", "")) if row.strip(" ,;")]
        return Shape("list", tuple(rows)) if len(rows) > 1 and "&&" not in system[2] else None
    match = _MATRIX.match(text)
    if match is None or (factor := match[1].strip()).endswith("="):
        return None
    rows = [row for row in _ROW_END.split(match[3].replace(r"\hline", "")) if row.strip()]
    cells = [[cell.strip() for cell in row.split("&")] for row in rows]
    if factor := factor.removesuffix(r"\cdot").removesuffix("*").strip():
        factor = "-1" if factor == "-" else factor
        cells = [[f"({factor})({cell})" for cell in row] for row in cells]
    return Shape("matrix", tuple("&".join(row) for row in cells))


def _read_printed(inside: str) -> Shape | None:
    """Rows as numpy prints them: [1. 2.] and [[1 2] [3 4]]."""
    if _PRINTED_ROW.fullmatch(inside) and "[" not in inside:
        return Shape("tuple", tuple(inside.split()), "[]")
    rows = re.findall(r"\[[^\[\]]*\]", inside) if inside[:1] == "[" else []
    if not rows or "".join(rows) != re.sub(r"\]\s+\[", "][", inside):
        return None
    cells = [row[1:-1].split() for row in rows]
    if not all(re.fullmatch(r"[-+]?[\d.][\d.eE+-]*", cell) for row in cells for cell in row):
        return None
    return Shape("matrix", tuple("&".join(row) for row in cells))


def _read_union(text: str) -> Shape | None:
    if r"\cap" in text:
        parts = [part.strip() for part in split_top(text, CAP)]
        if len(parts) > 1:
            return Shape("intersection", tuple(parts))
    if r"\cup" not in text and not re.search(r"[)\]}]\s*U\s*[(\[{\\]", text):
        return None
    parts = [part.strip() for part in split_top(text, CUP)]
    sets = [_read_bracketed(part) for part in parts]
    if all(part and part.kind == "set" for part in sets):
        return Shape("set", tuple(item for part in sets if part for item in part.items), "{}")
    return Shape("union", tuple(parts)) if len(parts) > 1 else None


def _read_plus_minus(text: str) -> Shape | None:
    values = plus_and_minus(text)
    return Shape("list", values) if values else None


def plus_and_minus(text: str) -> tuple[str, ...] | None:
    r"""The two values of 1 \pm \sqrt{2}, None if a text has no such sign."""
    if r"\pm" not in text and r"\mp" not in text and "+/-" not in text:
        return None
    text = text.replace("+/-", r"\pm ")
    upper = re.sub(r"\\pm(?![A-Za-z])\s*", "+", re.sub(r"\\mp(?![A-Za-z])\s*", "-", text))
    lower = re.sub(r"\\pm(?![A-Za-z])\s*", "-", re.sub(r"\\mp(?![A-Za-z])\s*", "+", text))
    if upper == lower:
        return None
    return re.sub(r"^\+|(?<=[=(])\s*\+", "", upper), re.sub(r"^\+|(?<=[=(])\s*\+", "", lower)


def _read_bracketed(text: str) -> Shape | None:
    if text.startswith(r"\{") and text.endswith(r"\}") and closing_place(text, 1) == len(text) - 1:
        return Shape("set", _items(text[2:-2]), "{}")
    if len(text) < 2 or text[0] not in "([{" or closing_place(text, 0) != len(text) - 1:
        return None
    items = _items(text[1:-1])
    if len(items) < 2 and text[0] != "{":
        return Shape("tuple", items, "[]") if text[0] == "[" and text[-1] == "]" else None
    return Shape("set", items, "{}") if text[0] == "{" else Shape("tuple", items, text[0] + text[-1])


def _read_vectors(text: str) -> Shape | None:
    items = sum_of_vectors(text) if "(" in text or r"\begin" in text else None
    return Shape("tuple", items, "()") if items else None


def _items(inside: str) -> tuple[str, ...]:
    separators = _LIST if ";" in inside else _COMMA
    parts = split_top(inside, separators) if separators is _LIST else _split_commas(inside)
    return tuple(item.strip() for item in parts if item.strip())


def components(text: str, size: int) -> tuple[str, ...] | None:
    r"""The components of 3\mathbf{i} + 4\mathbf{j} as a vector of that size, None if it is no such sum."""
    if len(text) > 500 or not 2 <= size <= 3:
        return None
    found = {"i": "0", "j": "0", "k": "0"}
    seen: set[str] = set()
    for part in split_top(_MINUS.sub("+-", text), _PLUS):
        match = _TERM.fullmatch(part)
        name = next((group for group in match.groups()[2:] if group), "") if match else ""
        if match is None or not name or name in seen or "ijk".index(name) >= size:
            return None
        seen.add(name)
        found[name] = match[1].replace("+", "") + (match[2] or "1")
    if not seen or (seen == {"i"} and r"\hat" not in text):
        return None  # 2i alone is a complex number
    return tuple(found[name] for name in "ijk"[:size])


def expand_dots(items: Sequence[str], most: int) -> list[str] | None:
    """1, 2, ..., 10 with all its items; None if it is no such progression or has more than `most`."""
    if items.count("...") != 1 or not 2 <= (place := items.index("...")) == len(items) - 2:
        return None
    if not all(re.fullmatch(r"-?\d{1,9}", item) for item in (*items[:place], items[-1])):
        return None
    shown, last = [int(item) for item in items[:place]], int(items[-1])
    step = shown[1] - shown[0]
    if not step or any(b - a != step for a, b in itertools.pairwise(shown)) or (last - shown[0]) % step:
        return None
    count = (last - shown[0]) // step + 1
    return [str(shown[0] + step * n) for n in range(count)] if len(shown) <= count <= most else None
