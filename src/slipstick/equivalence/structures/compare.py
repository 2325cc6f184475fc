r"""Compares answers made of others: lists, sets, tuples, matrices, named values, equations that only name a value.

Their items are compared by the function that is passed down, so that 0.5, 2 is \{2, \frac{1}{2}\}.
"""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from slipstick.equivalence.decision import Decision, Same, structure
from slipstick.equivalence.normalize.notation import split_top
from slipstick.equivalence.policies import SLIPSTICK, Policy
from slipstick.equivalence.structures.equalities import compare_relations
from slipstick.equivalence.structures.matching import in_any_order, in_order
from slipstick.equivalence.structures.named import compare_items, either_for_both
from slipstick.equivalence.structures.parse import (
    MAX_ITEMS,
    Shape,
    cells_of,
    components,
    expand_dots,
    plus_and_minus,
    read_shape,
)
from slipstick.equivalence.structures.piecewise import compare_piecewise
from slipstick.equivalence.structures.vectors import same_line
from slipstick.equivalence.structures.written_out import chains_written_out, signs_written_out
from slipstick.equivalence.symbolic.reader import read
from slipstick.equivalence.text.labels import read_names
from slipstick.equivalence.values.numbers import listed_like, read_number, read_plain

MAX_LENGTH = 8_000
"""Longest text, in characters, that is parsed into parts."""
_STRUCTURED = re.compile(
    r"[:,;=<>\[{&]|\\(?:begin|pm|mp|cup|cap|in|neq|leq|geq|approx|equiv|sim|lor|vee|land|wedge)(?![A-Za-z])|\b(?:and|or)\b|\+/?-"
)

_WORDS = re.compile(r"(?:\\text\s*\{)?[A-Za-z ]{3,}\}?")
_PLUS = re.compile(r"\+")
_HALF_OPEN = frozenset(("(]", "[)"))
_TRUTHS = frozenset(("true", "false", "yes", "no", "t", "f"))
_Match = Callable[[Sequence[str], Sequence[str], Same], Decision]


def compare_structure(a: str, e: str, same: Same, policy: Policy = SLIPSTICK) -> Decision | None:
    """Two answers of which one at least is made of others; None if neither is, or only algebra can decide."""
    a, e = listed_like(a, e), listed_like(e, a)
    if not (_STRUCTURED.search(a) or _STRUCTURED.search(e)):
        return None
    if max(len(a), len(e)) > MAX_LENGTH:
        return Decision(None, "bounds", f"made of parts and longer than {MAX_LENGTH:,} characters")
    if (":" in a or ":" in e) and (ratio := _ratio_lists(a, e)) is not None:
        return ratio
    if policy.interval == "interval" and _lacks_brackets(read_shape(a), read_shape(e)):
        return structure(False, f"values without the brackets of an interval or a point ({policy.setting('interval')})")
    e = chains_written_out(e)
    a = chains_written_out(a) if read_shape(e) else a
    written_a, written_e = signs_written_out(a), signs_written_out(e)
    found = _compare(written_a, written_e, same)
    if (written_a, written_e) == (a, e) or found is None or found.equal is not False:
        return found
    together = _compare(a, e, same)
    return structure(None, "signs that go together, or each with each") if together and together.equal else found


def _lacks_brackets(answer: Shape | None, expected: Shape | None) -> bool:
    """Whether two values are listed for what may be an interval or a point, [0,1] or (1,2)."""
    if answer is None or expected is None or answer.kind not in ("list", "set") or expected.kind != "tuple":
        return False
    if len(expected.items) != 2 or any(map(read_shape, expected.items)) or read_names(answer.items, colon=True):
        return False
    low, high = (read_number(item) for item in expected.items)
    return expected.brackets == "()" or low is None or high is None or low.value < high.value


def _compare(a: str, e: str, same: Same) -> Decision | None:
    if (line := same_line(a, e)) is not None:
        return structure(line, "the same line" if line else "different lines")
    if "..." in a and "..." in e and (terms := _sums_with_dots(a, e, same)) is not None:
        return terms
    found = compare_piecewise(a, e, same) or compare_relations(a, e, same)
    return _shapes(a, e, same) if found is None else found


def _sums_with_dots(a: str, e: str, same: Same) -> Decision | None:
    """1 + x + ... + x^n term by term."""
    terms_a, terms_e = ([term.strip() for term in split_top(text, _PLUS)] for text in (a, e))
    if "..." not in terms_a or "..." not in terms_e or not all((*terms_a, *terms_e)):
        return None
    found = in_order(terms_a, terms_e, same)
    return found if found.equal else structure(None, "sums with dots of other terms")


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


def _shapes(a: str, e: str, same: Same) -> Decision | None:
    shape_a, shape_e = read_shape(a), read_shape(e)
    if shape_a is None and shape_e is None:
        return None
    if shape_a and shape_e:
        if _wraps_one(shape_a) and len(shape_e.items) > 1:
            return same(shape_a.items[0], e)
        if _wraps_one(shape_e) and len(shape_a.items) > 1:
            return same(a, shape_e.items[0])
        return either_for_both(a, e, shape_a, shape_e) or _match(shape_a, shape_e, same)
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
    if (named := compare_items(a, e, same)) is not None:
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
