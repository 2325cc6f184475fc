r"""Reads sets of real numbers in every spelling as one union of intervals and points, and compares them.

(1,2], 1 < x \leq 2, \{x \mid x \neq 0\}, |x| < 2, \mathbb{R} \setminus \{1\}, "all real numbers except 0".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from slipstick.equivalence.decision import Decision, Same, structure
from slipstick.equivalence.normalize.notation import closing_place, split_top
from slipstick.equivalence.relations import FLIPPED, Relation, read_relation
from slipstick.equivalence.structures.intervals import (
    EMPTY,
    REALS,
    End,
    OpenOrderError,
    Piece,
    complement,
    intersection,
    is_constant,
    may_precede,
    point,
    read_end,
    same_pieces,
    union,
)
from slipstick.equivalence.structures.parse import CAP, CUP, plus_and_minus
from slipstick.equivalence.structures.prose_sets import in_signs
from slipstick.equivalence.text.labels import NAME, occurs, same_name
from slipstick.equivalence.values.numbers import read_number

MAX_LENGTH = 2_000
MAX_DEPTH = 6
_HINT = re.compile(
    r"[<>]|\\(?:cup|cap|in|notin|neq|leq|geq|infty|setminus|emptyset|backslash)(?![A-Za-z])"
    r"|(?<![A-Za-z])(?:oo|inf|infinity|U)(?![A-Za-z])|\b(?:real|reals|solutions?|empty|between|positive|negative|least|most|than|none|None)\b"
    r"|^R\s*(?:\\|-)\s*\\?\{|^(?:\\\{ ?\\\}|\{ ?\}|\[ ?\])$"
)
_HALF_OPEN = frozenset(("(]", "[)", "][", "]]", "[[", "([", "])"))
_OR, _AND = re.compile(r"\s*,?\s*\bor\b\s*"), re.compile(r"\s*,?\s*\band\b\s*")
_COMMA = re.compile(r"\s*[,;]\s*")
_MINUS = re.compile(
    r"\s*(?:\\setminus|\\backslash)(?![A-Za-z])\s*|(?<=[)\]}])\s*(?:\\|-)\s*(?=\\?\{)|(?<=infty\))\s*-\s*(?=[(\[])"
)
_MEMBER = re.compile(r"([A-Za-z]\w*(?:_\{\w+\})?(?:\([A-Za-z]\))?)\s*\\(in|notin)(?![A-Za-z])\s*(.+)")
_BUILT = re.compile(
    r"(?:\\?\{)?\s*(?P<name>[A-Za-z](?:_\{?\w+\}?)?)\s*(?:\\in\s*(?P<among>\([^()]*\)|\[[^\[\]]*\])\s*)?"
    r"(?:\\mid|\||:)\s*(?P<condition>.+?)\s*(?:\\?\})?"
)
_BRACKETS = re.compile(r"([(\[\]])([^,;]*)[,;]([^,;]*)([)\]\[])")
_DISTANCE = re.compile(r"(?:\||abs\()\s*([A-Za-z])\s*(?:([-+])\s*([\d./]+|\\frac\{\d+\}\{\d+\})\s*)?(?:\||\))")
_ORDER = re.compile(r"[<>]|\\[lgn]eq(?![A-Za-z])")
_RISING, _FALLING = frozenset(("<", r"\leq")), frozenset((">", r"\geq"))


@dataclass(frozen=True, slots=True)
class RealSet:
    """Intervals and points. `name` is what is said to lie in them; `sure`: the text cannot mean anything else."""

    name: str
    pieces: tuple[Piece, ...]
    sure: bool


class _NoSet(Exception):  # noqa: N818 - ends a reading that fails, never seen outside
    pass


def compare_sets(a: str, e: str, same: Same) -> Decision | None:
    """Two sets of real numbers, at least one of them surely one; None if they are no such thing."""
    if not any(text[0] + text[-1] in _HALF_OPEN or _HINT.search(text) for text in (a, e)):
        return None
    set_a, set_e = read_set(a), read_set(e)
    if not (set_a and set_a.sure) and not (set_e and set_e.sure):
        return None
    if set_a is None or set_e is None:
        other = a if set_a is None else e
        plain = read_number(other) is not None or not re.search(r"[A-Za-z\\]", other)
        return structure(False, "a set of numbers against something else") if plain else None
    if set_a.name and set_e.name and not same_name(set_a.name, set_e.name):
        if any(None in (piece.low.value, piece.high.value) for piece in (*set_a.pieces, *set_e.pieces)):
            return None  # x < y is y > x
        return structure(False, f"{set_a.name} is bounded against {set_e.name}")
    return same_pieces(set_a.pieces, set_e.pieces, same)


def read_set(text: str) -> RealSet | None:
    """The set of real numbers a tidied text describes, None if it describes none or its ends have no known order."""
    if len(text) > MAX_LENGTH:
        return None
    try:
        return _read(in_signs(text), 0)
    except (_NoSet, OpenOrderError):
        return None


def _read(text: str, depth: int) -> RealSet:
    text = text.strip(" .")
    if depth > MAX_DEPTH or not text:
        raise _NoSet
    if built := _BUILT.fullmatch(text):
        return _read_built(built, depth)
    if text[0] == "(" and closing_place(text, 0) == len(text) - 1 and _ORDER.search(text):
        return _read(text[1:-1], depth + 1)
    for separators, combine in ((_OR, union), (_AND, intersection)):
        if len(parts := split_top(text, separators)) > 1:
            both = [_read(part, depth + 1) for part in parts]
            # (1,2) and (3,4) names two intervals, 1 and 2 two points
            listed = all(_BRACKETS.fullmatch(part.strip()) for part in parts) or all(
                _all_points(part.pieces) for part in both
            )
            return _combined(both, union if listed else combine)
    if member := _MEMBER.fullmatch(text):
        inside = _read(member[3], depth + 1)
        if member[2] == "notin":
            return RealSet(member[1], complement(inside.pieces), sure=True)
        return RealSet(member[1], inside.pieces, inside.sure or not _all_points(inside.pieces))
    if len(parts := split_top(text, _COMMA)) > 1:
        return _read_listed(parts, depth)
    for separators, combine in ((CUP, union), (CAP, intersection), (_MINUS, _difference)):
        if len(parts := split_top(text, separators)) > 1:
            read = _combined([_read(part, depth + 1) for part in parts], combine)
            return RealSet(read.name, read.pieces, sure=True)
    if relation := read_relation(text):
        return _read_relation(relation)
    return _read_one(text)


def _read_built(built: re.Match[str], depth: int) -> RealSet:
    condition = _read(built["condition"], depth + 1)
    if condition.name and not same_name(condition.name, built["name"]):
        raise _NoSet
    pieces = condition.pieces
    if built["among"]:
        pieces = intersection([pieces, _read(built["among"], depth + 1).pieces])
    return RealSet("", pieces, sure=True)


def _combined(parts: Sequence[RealSet], combine: object) -> RealSet:
    names = {part.name for part in parts if part.name}
    first = next(iter(names), "")
    if any(not same_name(first, name) for name in names) or not callable(combine):
        raise _NoSet
    return RealSet(first, combine([part.pieces for part in parts]), any(part.sure for part in parts))


def _difference(sets: Sequence[tuple[Piece, ...]]) -> tuple[Piece, ...]:
    return intersection([sets[0], *(complement(removed) for removed in sets[1:])])


def _read_listed(parts: Sequence[str], depth: int) -> RealSet:
    r"""x > 1, x \leq 2 means both, x < -1, x > 1 means either, x \neq 1, 2 neither; 1, 2 are two points."""
    if not all(part.strip() for part in parts):
        raise _NoSet
    relation = read_relation(parts[0])
    if relation and relation.signs == (r"\neq",) and all(is_constant(part) for part in parts[1:]):
        excluded = [_read_relation(relation).pieces, *(complement(_points(part)) for part in parts[1:])]
        return RealSet(relation.sides[0], intersection(excluded), sure=True)
    if all(is_constant(part) and part[0] not in "([]" for part in parts):
        return RealSet("", union([_points(part) for part in parts]), sure=False)
    read = [_read(part, depth + 1) for part in parts]
    if all(_all_points(part.pieces) for part in read) or all(part.strip()[0] in "([]" for part in parts):
        return _combined(read, union)
    both = _combined(read, intersection)
    return both if both.pieces else _combined(read, union)


def _read_relation(relation: Relation) -> RealSet:
    sides, signs = relation.sides, relation.signs
    if len(sides) == 3 and (_RISING.issuperset(signs) or _FALLING.issuperset(signs)):
        return _between(sides, signs)
    if len(sides) != 2:
        raise _NoSet
    left, sign, right = sides[0], signs[0], sides[1]
    if left and is_constant(left) and not is_constant(right):
        left, right, sign = right, left, FLIPPED.get(sign, sign)
    return _half(left, sign, right)


def _between(sides: Sequence[str], signs: Sequence[str]) -> RealSet:
    """1 < x <= 2, and 1 < |x| <= 2 in two parts."""
    first, second = _half(sides[1], FLIPPED[signs[0]], sides[0]), _half(sides[1], signs[1], sides[2])
    if _DISTANCE.fullmatch(sides[1]):
        return _combined([first, second], intersection)
    (above,), (below,) = (first.pieces, second.pieces) if signs[0] in _RISING else (second.pieces, first.pieces)
    piece = Piece(above.low, above.low_in, below.high, below.high_in)
    if may_precede(piece.low, piece.high):
        return RealSet(first.name, (piece,), sure=True)
    single = piece.low_in and piece.high_in and piece.low.value == piece.high.value
    return RealSet(first.name, (point(piece.low),) if single else EMPTY, sure=True)


def _half(left: str, sign: str, right: str) -> RealSet:
    """What a variable, or its distance from a number, satisfies that is compared with a constant."""
    if sign in ("=", r"\neq"):
        if not _is_variable(left):
            raise _NoSet
        pieces = _points(right)
        return RealSet(left, pieces, sure=False) if sign == "=" else RealSet(left, complement(pieces), sure=True)
    if sign not in FLIPPED:
        raise _NoSet
    end = read_end(right)
    if end is None:
        raise _NoSet
    if distance := _DISTANCE.fullmatch(left):
        return RealSet(distance[1], _around(distance, sign, end), sure=True)
    if (left and not _is_variable(left)) or (end.value is None and (not left or occurs(left, end.text))):
        raise _NoSet
    return RealSet(left, (_ray(sign, end),), sure=True)


def _ray(sign: str, end: End) -> Piece:
    closed = sign in (r"\leq", r"\geq")
    if sign in ("<", r"\leq"):
        return Piece(REALS[0].low, False, end, closed and not end.infinite)
    return Piece(end, closed and not end.infinite, REALS[0].high, False)


def _around(distance: re.Match[str], sign: str, radius: End) -> tuple[Piece, ...]:
    """|x - c| < r is (c - r, c + r)."""
    centre = read_end((distance[2] or "") + distance[3]) if distance[3] else End("0", Fraction(0))
    if centre is None or radius.value is None or radius.infinite:
        raise _NoSet
    centre_value = -(centre.value or Fraction(0))
    if radius.value < 0:
        return EMPTY if sign in ("<", r"\leq") else REALS
    if isinstance(radius.value, Fraction) and isinstance(centre_value, Fraction):
        low, high = (End(str(value), value) for value in (centre_value - radius.value, centre_value + radius.value))
    elif centre_value == 0:
        low, high = End(f"-({radius.text})", -radius.value), radius
    else:
        raise _NoSet
    closed = sign in (r"\leq", r"\geq")
    if sign in ("<", r"\leq"):
        return union([(Piece(low, closed, high, closed),)])
    return union([(_ray("<" if sign == ">" else r"\leq", low),), (_ray(sign, high),)])


def _read_one(text: str) -> RealSet:
    if text in (r"\emptyset", r"\{\}", r"\{ \}", "{}", "{ }", "[]", "[ ]"):
        return RealSet("", EMPTY, sure=text == r"\emptyset" or text[0] != "[")
    inside = text[2:-2] if text[:2] == r"\{" else text[1:-1] if text[0] == "{" else ""
    if inside and closing_place(text, text.index("{")) == len(text) - 1:
        if "{" in re.sub(r"\\(?:frac|sqrt)\s*\{|\}\s*\{", "", inside):
            raise _NoSet  # a set of sets
        return RealSet("", union([_points(part) for part in split_top(inside, _COMMA)]), sure=False)
    match = _BRACKETS.fullmatch(text)
    if match is None:
        raise _NoSet
    low, high = read_end(match[2]), read_end(match[3])
    if low is None or high is None or not may_precede(low, high):
        raise _NoSet
    low_in, high_in = match[1] == "[" and not low.infinite, match[4] == "]" and not high.infinite
    plain = match[1] + match[4] in ("()", "[]")
    return RealSet("", (Piece(low, low_in, high, high_in),), sure=not plain or low.infinite or high.infinite)


def _points(text: str) -> tuple[Piece, ...]:
    r"""The points a text names: 3, x = 3, \pm 2, \{1, 2\}."""
    text = text.strip()
    if text[:2] == r"\{" and text[-2:] == r"\}":
        return union([_points(part) for part in split_top(text[2:-2], _COMMA)])
    found = []
    for value in plus_and_minus(text) or (text,):
        end = read_end(value)
        if end is None or end.infinite:
            raise _NoSet
        found.append((point(end),))
    return union(found)


def _all_points(pieces: Sequence[Piece]) -> bool:
    return all(piece.low.text == piece.high.text for piece in pieces)


def _is_variable(text: str) -> bool:
    return NAME.fullmatch(text) is not None and not is_constant(text)
