r"""Compares answers made of others: lists, sets, tuples, matrices, named values, equations that only name a value.

Their items are compared by the function that is passed down, so that 0.5, 2 is \{2, \frac{1}{2}\}.
"""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from slipstick.equivalence.decision import Decision, Same, structure
from slipstick.equivalence.relations import FLIPPED, Relation, read_relation
from slipstick.equivalence.structures.intervals import is_constant
from slipstick.equivalence.structures.matching import in_any_order, in_order
from slipstick.equivalence.structures.parse import (
    MAX_ITEMS,
    Shape,
    cells_of,
    components,
    expand_dots,
    plus_and_minus,
    read_shape,
)
from slipstick.equivalence.symbolic.reader import read
from slipstick.equivalence.text.labels import (
    are_roots,
    head,
    in_usual_order,
    read_header,
    read_label,
    read_names,
    read_parts,
    same_name,
)
from slipstick.equivalence.values.numbers import listed_like, read_number, read_plain

MAX_LENGTH = 8_000
"""Longest text, in characters, that is parsed into parts."""
_STRUCTURED = re.compile(
    r"[:,;=<>\[{&]|\\(?:begin|pm|mp|cup|cap|in|neq|leq|geq|approx|equiv|sim|lor|vee|land|wedge)(?![A-Za-z])|\b(?:and|or)\b|\+/?-"
)

_CONNECTIVES = re.compile(r"\b(?:and|or)\b|\\(?:land|lor|wedge|vee)(?![A-Za-z])")
_WORDS = re.compile(r"(?:\\text\s*\{)?[A-Za-z ]{3,}\}?")
_HALF_OPEN = frozenset(("(]", "[)"))
_TRUTHS = frozenset(("true", "false", "yes", "no", "t", "f"))
_Match = Callable[[Sequence[str], Sequence[str], Same], Decision]


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
    return _named(shape_a, shape_e, same)


def compare_structure(a: str, e: str, same: Same) -> Decision | None:
    """Two answers of which one at least is made of others; None if neither is, or only algebra can decide."""
    a, e = listed_like(a, e), listed_like(e, a)
    if not (_STRUCTURED.search(a) or _STRUCTURED.search(e)):
        return None
    if max(len(a), len(e)) > MAX_LENGTH:
        return Decision(None, "bounds", f"made of parts and longer than {MAX_LENGTH:,} characters")
    if (":" in a or ":" in e) and (ratio := _ratio_lists(a, e)) is not None:
        return ratio
    found = _relations(a, e, same)
    return _shapes(a, e, same) if found is None else found


def _parts(a: str, e: str, same: Same) -> Decision | None:
    """(a) 3 (b) 4 part by part; the parts without their letters are a list in order."""
    parts_a, parts_e = read_parts(a), read_parts(e)
    if parts_a is None and parts_e is None:
        return None
    if parts_a and parts_e:
        return _by_name(parts_a, parts_e, same)
    shape = read_shape(a if parts_a is None else e)
    if shape is None:
        return structure(False, "several parts against one value")
    values = [value for _, value in parts_a or parts_e or []]
    return in_order(values, shape.items, same) if parts_a else in_order(shape.items, values, same)


def _ratio_lists(a: str, e: str) -> Decision | None:
    """1:2:3 is 2:4:6."""
    ratios = [[read_plain(part.strip()) for part in text.split(":")] for text in (a, e)]
    values = [[part.value for part in ratio if part and part.value > 0] for ratio in ratios]
    if any(len(ratio) < 3 or len(ratio) != len(found) for ratio, found in zip(ratios, values, strict=True)):
        return None
    if len(values[0]) != len(values[1]):
        return structure(False, "ratios of different lengths")
    equal = len({Fraction(x) / Fraction(y) for x, y in zip(*values, strict=True)}) == 1
    return structure(equal, "the same ratio" if equal else "different ratios")


def _relations(a: str, e: str, same: Same) -> Decision | None:
    """Equations that only name a value: x = 3 is 3, f(x) = x^2 is x^2; those that say more are algebra's."""
    relation_a, relation_e = _single_relation(a), _single_relation(e)
    if relation_a is None and relation_e is None:
        return None
    about_a, about_e = _exact_part(relation_a), _exact_part(relation_e)
    if about_a or about_e:
        return same(about_a or a, about_e or e)
    label_a, label_e = (relation and read_label(relation) for relation in (relation_a, relation_e))
    if label_a and label_e:
        if same_name(label_a[0], label_e[0]):
            return same(label_a[1], label_e[1])
        if (named_a := read_header(*label_a)) and (named_e := read_header(*label_e)):
            return _by_name(named_a, named_e, same)
        only_names = is_constant(label_a[1]) and is_constant(label_e[1])
        return structure(False, f"{label_a[0]} against {label_e[0]}") if only_names else None
    if relation_a and relation_e:
        return structure(True, "the same, its sides exchanged") if _is_mirrored(relation_a, relation_e) else None
    label, other = (label_a, e) if label_a else (label_e, a)
    if label and (header := read_header(*label)):
        return _header(header, label[1], other, same, answer_is_named=label is label_a)
    if label:
        return same(label[1], e) if label_a else same(a, label[1])
    chain, other = (relation_a, e) if relation_a else (relation_e, a)
    if chain and set(chain.signs) == {"="} and all(map(is_constant, chain.sides)) and not read_number(chain.sides[0]):
        return same(chain.sides[-1], e) if relation_a else same(a, chain.sides[-1])
    if read_shape(other) or len(set(chain.signs if chain else ())) > 1:
        return None
    return structure(False, "an equation or inequality against an expression")


def _is_mirrored(a: Relation, e: Relation) -> bool:
    """Whether one says from right to left what the other says from left to right."""
    flat_a, flat_e = (["".join(side.split()) for side in relation.sides] for relation in (a, e))
    return flat_a == flat_e[::-1] and list(a.signs) == [FLIPPED.get(sign, sign) for sign in reversed(e.signs)]


def _header(
    named: list[tuple[str, str]], values: str, other: str, same: Same, *, answer_is_named: bool
) -> Decision | None:
    """(x,y) = (1,2) against x = 1, y = 2 or against (1,2)."""
    shape = read_shape(other)
    others = read_names(shape.items, colon=shape.kind == "set") if shape else None
    if others:
        return _by_name(named, others, same) if answer_is_named else _by_name(others, named, same)
    return same(values, other) if answer_is_named else same(other, values)


def _single_relation(text: str) -> Relation | None:
    """The relation a text is, None if it is none or a list, so that an equals sign belongs to one of its items."""
    relation = read_relation(text)
    if relation is None:
        return None
    shape = read_shape(text)
    if shape and shape.kind == "list" and plus_and_minus(text) is None:
        return None
    return None if shape and shape.kind == "union" and "=" not in text else relation


def _exact_part(relation: Relation | None) -> str | None:
    r"""'\sqrt{3} \approx 1.73' -> '\sqrt{3}'; None if it is no such thing."""
    if relation is None or relation.signs != (r"\approx",) or read_label(relation) or not relation.sides[0]:
        return None
    return relation.sides[0]


def _shapes(a: str, e: str, same: Same) -> Decision | None:
    shape_a, shape_e = read_shape(a), read_shape(e)
    if shape_a is None and shape_e is None:
        return None
    if shape_a and shape_e:
        if _wraps_one(shape_a) and len(shape_e.items) > 1:
            return same(shape_a.items[0], e)
        if _wraps_one(shape_e) and len(shape_a.items) > 1:
            return same(a, shape_e.items[0])
        if {_connective(a), _connective(e)} == {"and", "or"} and _are_statements(shape_e):
            return structure(False, "both against either")
        return _match(shape_a, shape_e, same)
    shape = shape_a or shape_e
    assert shape is not None
    other = e if shape_a else a
    if shape.kind in ("list", "set") or (shape.kind == "tuple" and shape.brackets == "[]"):
        return _one_value(shape, other, same, answer_is_shape=shape_a is not None)
    if unit_vectors := components(other, _size(shape)):
        vector = Shape("tuple", unit_vectors, "()")
        return _match(shape, vector, same) if shape_a else _match(vector, shape, same)
    if shape.kind == "tuple":
        if point := re.fullmatch(r"[A-Z](?:_\{?\d\}?|')?\s*(\(.*\))", other):
            return same(a, point[1]) if shape_a else same(point[1], e)
        if read_number(other) or _WORDS.fullmatch(other) or ("(" not in other and read(other)):
            return structure(False, "a tuple against a single value")
    return None


def _connective(text: str) -> str:
    """The one word that stands between the items: "and", "or", or nothing."""
    found = {"and" if word in (r"\land", r"\wedge") else word for word in _CONNECTIVES.findall(text)}
    return found.pop().replace(r"\lor", "or").replace(r"\vee", "or") if len(found) == 1 else ""


def _are_statements(shape: Shape) -> bool:
    """Whether the items are statements, A and x > 1, and not values or solutions, of which "and" and "or" list all."""
    if shape.kind != "list" or all(map(is_constant, shape.items)):
        return False
    named = read_names(shape.items, colon=False)
    return named is None or len({head(name) for name, _ in named}) > 1


def _wraps_one(shape: Shape) -> bool:
    """[(1, 2)] and {(1, 2)}: brackets of a list around one thing."""
    return len(shape.items) == 1 and shape.kind != "matrix" and shape.brackets in ("[]", "{}")


def _size(shape: Shape) -> int:
    return sum(len(row) for row in cells_of(shape)) if shape.kind == "matrix" else len(shape.items)


def _one_value(shape: Shape, other: str, same: Same, *, answer_is_shape: bool) -> Decision | None:
    if shape.kind == "tuple" and (vector := components(other, len(shape.items))):
        return in_order(shape.items, vector, same) if answer_is_shape else in_order(vector, shape.items, same)
    first, *more = dict.fromkeys(shape.items) or [""]
    if len(more) > 3 or not all(same(item, first).equal for item in more):
        if "=" in other and (solved := _solved(shape.items, other)) is not None:
            return solved
        return structure(False, f"{len(shape.items)} values against one")
    return same(first, other) if answer_is_shape else same(other, first)


def _solved(values: Sequence[str], equation: str) -> Decision | None:
    r"""x=\pm 2 is x^2=4."""
    from slipstick.equivalence.symbolic.comparison import compare_solutions

    solved = compare_solutions(values, equation)
    reason = "what solves the equation" if solved else "not what solves the equation"
    return None if solved is None else structure(solved, reason)


def _match(a: Shape, e: Shape, same: Same) -> Decision:
    if max(len(a.items), len(e.items)) > MAX_ITEMS:
        return Decision(None, "bounds", f"more than {MAX_ITEMS} items")
    if any(shape.brackets in _HALF_OPEN for shape in (a, e)) and a.brackets != e.brackets:
        return structure(False, "a half-open interval against something else")
    if "matrix" in (a.kind, e.kind):
        return _matrices(a, e, same)
    if a.kind != e.kind and {"union", "intersection"} & {a.kind, e.kind}:
        return structure(False, f"a {a.kind} against a {e.kind}")
    if (named := _named(a, e, same)) is not None:
        return named
    items_a, items_e = _spread(a), _spread(e)
    if {item.casefold() for item in (*items_a, *items_e)} <= _TRUTHS:
        return in_order(items_a, items_e, same)
    if "..." in items_a or "..." in items_e:
        return in_order(items_a, items_e, same)
    pairs = a.kind == e.kind == "tuple" and len(items_a) == len(items_e) == 2
    if pairs and a.brackets != e.brackets and {a.brackets, e.brackets} != {"()", "<>"}:
        return structure(False, f"brackets {a.brackets} against {e.brackets}")
    if "tuple" in (a.kind, e.kind) and len(items_a) > 1 and (a.kind == e.kind or "[]" not in (a.brackets, e.brackets)):
        return in_order(items_a, items_e, same)
    return in_any_order(items_a, items_e, same, as_sets=a.kind == e.kind == "set")


def _spread(shape: Shape) -> list[str]:
    r"""The items with \pm and dots written out: \pm 1, \pm 2 are four values."""
    items = [value for item in shape.items for value in (plus_and_minus(item) or (item,))]
    return expand_dots(items, MAX_ITEMS) or items


def _matrices(a: Shape, e: Shape, same: Same) -> Decision:
    """Entry by entry; a column or a row is the tuple of its entries, a list of rows the matrix of them."""
    if a.kind == e.kind:
        rows_a, rows_e = cells_of(a), cells_of(e)
        if [len(row) for row in rows_a] != [len(row) for row in rows_e]:
            return structure(False, "matrices of different sizes")
        return in_order([cell for row in rows_a for cell in row], [cell for row in rows_e for cell in row], same)
    matrix, other = (a, e) if a.kind == "matrix" else (e, a)
    rows = cells_of(matrix)
    cells = [cell for row in rows for cell in row]
    items = other.items
    if matrix.brackets == "[]" and other.kind in ("set", "list"):
        brackets = "[]" if other.kind == "set" else "()"
        listed = [f"{brackets[0]}{','.join(row)}{brackets[1]}" for row in rows]
        return in_any_order(listed, items, same) if matrix is a else in_any_order(items, listed, same)
    if other.kind in ("tuple", "list") and other.brackets != "{}" and len(rows) > 1 and len(rows[0]) > 1:
        inner = [read_shape(item) for item in other.items]
        if not all(row and row.kind == "tuple" for row in inner) or [len(row.items) for row in inner if row] != [
            len(row) for row in rows
        ]:
            return structure(False, f"a matrix against a {other.kind}")
        items = tuple(cell for row in inner if row for cell in row.items)
    elif other.kind != "tuple" or (len(rows) > 1 and len(rows[0]) > 1):
        return structure(False, f"a matrix against a {other.kind}")
    return in_order(cells, items, same) if matrix is a else in_order(items, cells, same)


def _named(a: Shape, e: Shape, same: Same) -> Decision | None:
    """Values with names on one side or both: x = 1, y = 2 is y = 2, x = 1, and (1,2)."""
    named_a, named_e = (read_names(shape.items, colon=True) for shape in (a, e))
    if named_a and named_e:
        return _both_named(named_a, named_e, same)
    named, other = (named_a, e) if named_a else (named_e, a)
    if not named:
        return None
    values = [value for _, value in named]
    if len({head(name) for name, _ in named}) < len(named):
        match = in_order if (other.kind, other.brackets) == ("tuple", "()") else in_any_order
        return _sided(match, values, other.items, same, first=named is named_a)
    ordered = _sided(in_order, in_usual_order(named), other.items, same, first=named is named_a)
    if ordered.equal or other.kind == "tuple" or len(named) != len(other.items):
        return ordered
    any_order = _sided(in_any_order, values, other.items, same, first=named is named_a)
    if other.kind == "set" or not any_order.equal or are_roots(named):
        return any_order
    return structure(None, "the values are the same, but nothing says which of them has which name")


def _sided(match: _Match, values: Sequence[str], others: Sequence[str], same: Same, *, first: bool) -> Decision:
    return match(values, others, same) if first else match(others, values, same)


def _both_named(a: list[tuple[str, str]], e: list[tuple[str, str]], same: Same) -> Decision:
    heads_a, heads_e = ([head(name) for name, _ in pairs] for pairs in (a, e))
    if set(heads_a) != set(heads_e):
        return structure(False, f"values of {', '.join(heads_a[:5])} against values of {', '.join(heads_e[:5])}")
    if len(set(heads_a)) == len(heads_a) and len(set(heads_e)) == len(heads_e):
        return _by_name(a, e, same)
    if len(set(heads_e)) == 1:
        return in_any_order([value for _, value in a], [value for _, value in e], same)
    return in_any_order([f"{name}={value}" for name, value in a], [f"{name}={value}" for name, value in e], same)


def _by_name(a: list[tuple[str, str]], e: list[tuple[str, str]], same: Same) -> Decision:
    values_a, values_e = ({head(name): value for name, value in pairs} for pairs in (a, e))
    if values_a.keys() != values_e.keys():
        return structure(False, f"values of {', '.join(values_a)} against values of {', '.join(values_e)}")
    return in_order([values_a[name] for name in values_e], list(values_e.values()), same)
