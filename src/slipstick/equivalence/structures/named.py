r"""Compares values by their names: (a) 3 (b) 4; Ann: 18, Bob: 14; x = 1, y = 2; (x, y) = (1, 2)."""

import re
from collections.abc import Callable, Sequence

from slipstick.equivalence.decision import Decision, Same, structure
from slipstick.equivalence.structures.intervals import is_constant
from slipstick.equivalence.structures.matching import in_any_order, in_order
from slipstick.equivalence.structures.parse import Shape, plus_and_minus, read_shape
from slipstick.equivalence.symbolic.functions import FUNCTIONS
from slipstick.equivalence.text.labels import (
    are_roots,
    arguments,
    head,
    in_usual_order,
    read_names,
    read_parts,
)

MAX_LENGTH = 8_000
"""Longest text, in characters, that is parsed into parts."""
MAX_LETTERS = 4
"""Letters in a row that may be a product, in which a letter may be renamed."""
_CONNECTIVES = re.compile(r"\b(?:and|or)\b|\\(?:land|lor|wedge|vee)(?![A-Za-z])")
_LETTERS = re.compile(r"\\[A-Za-z]+|[A-Za-z]+")
_POINTS = frozenset("abcdpqr")
"""Letters that are rather points than variables: f(a) = 3 is not f(b) = 3, f(x) = 3 is f(t) = 3."""
_Match = Callable[[Sequence[str], Sequence[str], Same], Decision]
Pairs = Sequence[tuple[str, str]]
"""Names and their values."""


def compare_named(a: str, e: str, same: Same) -> Decision | None:
    """Two answers of which one at least is in labelled parts, (a) 3 (b) 4, or values, Ann: 18, Bob: 14."""
    if max(len(a), len(e)) > MAX_LENGTH:
        return None
    if (")" in a or ")" in e) and (found := _parts(a, e, same)) is not None:
        return found
    if not any(":" in text and ("," in text or ";" in text) for text in (a, e)):
        return None
    shape_a, shape_e = read_shape(a), read_shape(e)
    if shape_a is None or shape_e is None:
        return None
    return either_for_both(a, e, shape_a, shape_e) or compare_items(shape_a, shape_e, same)


def _parts(a: str, e: str, same: Same) -> Decision | None:
    """(a) 3 (b) 4 part by part; the parts without their letters are a list in order."""
    parts_a, parts_e = read_parts(a), read_parts(e)
    if parts_a is None and parts_e is None:
        return None
    if parts_a and parts_e:
        return by_name(parts_a, parts_e, same)
    shape = read_shape(a if parts_a is None else e)
    if shape is None:
        return structure(False, "several parts against one value")
    values = [value for _, value in parts_a or parts_e or []]
    return in_order(values, shape.items, same) if parts_a else in_order(shape.items, values, same)


def either_for_both(a: str, e: str, shape_a: Shape, shape_e: Shape) -> Decision | None:
    """x = 1 or y = 2 is not x = 1, y = 2; values and solutions are listed with "and" as with "or"."""
    words = _connective(a), _connective(e)
    if "or" not in words or words[0] == words[1]:
        return None
    if {*words} == {"and", "or"} and _are_statements(shape_e):
        return structure(False, "both against either")
    text, shape = (a, shape_a) if words[0] == "or" else (e, shape_e)
    return structure(False, "both against either") if says_either(text, shape) else None


def says_either(text: str, shape: Shape) -> bool:
    """Whether values of different names are listed with "or": x = 1 or y = 2."""
    if _connective(text) != "or" or (named := read_names(shape.items, colon=True)) is None:
        return False
    return len({head(name) for name, _ in named}) > 1 and not are_roots(named)


def _connective(text: str) -> str:
    """The one word that stands between the items: "and", "or", or nothing."""
    found = {"and" if word in (r"\land", r"\wedge") else word for word in _CONNECTIVES.findall(text)}
    return found.pop().replace(r"\lor", "or").replace(r"\vee", "or") if len(found) == 1 else ""


def _are_statements(shape: Shape) -> bool:
    """Whether the items are statements, A and x > 1, and not values or solutions, of which "and" and "or" list all."""
    if shape.kind != "list" or all(is_constant(item) or item.count("=") > 1 for item in shape.items):
        return False
    named = read_names(shape.items, colon=False)
    return named is None or len({head(name) for name, _ in named}) > 1


def compare_items(a: Shape, e: Shape, same: Same) -> Decision | None:
    """Values with names on one side or both: x = 1, y = 2 is y = 2, x = 1, and (1,2); None if there are no names."""
    named_a, named_e = (read_names(shape.items, colon=True) for shape in (a, e))
    if named_a and named_e:
        return _both_named(named_a, named_e, same)
    named, other = (named_a, e) if named_a else (named_e, a)
    if not named:
        return None
    values = [value for _, value in named]
    if len({head(name) for name, _ in named}) < len(named):
        if (other.kind, other.brackets) == ("tuple", "()"):
            return _sided(in_order, values, other.items, same, first=named is named_a)
        return _sided(in_any_order, _each(values), _each(other.items), same, first=named is named_a)
    ordered = _sided(in_order, in_usual_order(named), other.items, same, first=named is named_a)
    if ordered.equal or other.kind == "tuple" or len(named) != len(other.items):
        return ordered
    any_order = _sided(in_any_order, values, other.items, same, first=named is named_a)
    if other.kind == "set" or not any_order.equal or are_roots(named):
        return any_order
    return structure(None, "the values are the same, but nothing says which of them has which name")


def _each(values: Sequence[str]) -> list[str]:
    r"""Both values of each \pm."""
    return [one for value in values for one in (plus_and_minus(value) or (value,))]


def _sided(match: _Match, values: Sequence[str], others: Sequence[str], same: Same, *, first: bool) -> Decision:
    return match(values, others, same) if first else match(others, values, same)


def _both_named(a: Pairs, e: Pairs, same: Same) -> Decision:
    heads_a, heads_e = ([head(name) for name, _ in pairs] for pairs in (a, e))
    if set(heads_a) != set(heads_e):
        return structure(False, f"values of {', '.join(heads_a[:5])} against values of {', '.join(heads_e[:5])}")
    if len(set(heads_a)) == len(heads_a) and len(set(heads_e)) == len(heads_e):
        return by_name(a, e, same)
    if len(set(heads_e)) == 1:
        return in_any_order(_each([value for _, value in a]), _each([value for _, value in e]), same)
    return in_any_order([f"{name}={value}" for name, value in a], [f"{name}={value}" for name, value in e], same)


def by_name(a: Pairs, e: Pairs, same: Same) -> Decision:
    """The values under each name, which each side has once."""
    pairs_a, pairs_e = ({head(name): (name, value) for name, value in pairs} for pairs in (a, e))
    if pairs_a.keys() != pairs_e.keys():
        return structure(False, f"values of {', '.join(pairs_a)} against values of {', '.join(pairs_e)}")
    values_a = [in_letters_of(pairs_a[key], name) for key, (name, _) in pairs_e.items()]
    values_e = [value for _, value in pairs_e.values()]
    known = [(value_a, value_e) for value_a, value_e in zip(values_a, values_e, strict=True) if value_a is not None]
    if len(known) < len(values_e):
        return structure(False, "a function of another letter")
    return in_order([value for value, _ in known], values_e, same)


def in_letters_of(pair: tuple[str, str], name: str) -> str | None:
    """The value of f(m) = 2m + 1 as one of f(n): 2n + 1; None if n stands for something else in it."""
    old, new = arguments(pair[0]), arguments(name)
    if not old or not new or old == new or len(old) != len(new):
        return pair[1]
    letters = dict(zip(old, new, strict=True))
    found: set[str] = set()

    def rename(match: re.Match[str]) -> str:
        run = match[0]
        if run[0] == "\\" or len(run) > MAX_LETTERS or run in FUNCTIONS:
            found.add(run)
            return letters.get(run, run)
        found.update(run)
        return "".join(f" {letters[letter]} " if letter in letters else letter for letter in run)

    renamed = _LETTERS.sub(rename, pair[1])
    if not found & set(old) and {*old, *new} & _POINTS:
        return None
    return None if found & (set(new) - set(old)) else renamed
