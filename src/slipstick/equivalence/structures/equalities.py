r"""Compares equations that name a value: x = 3, f(x) = x^2, m + n = 5, \binom{5}{2} = 10; those to be solved are not.

What stands before the sign names a quantity if it is a name, has several letters, is a function of an angle or a
number, or a length; or if it has no letter at all and its value is what stands behind the sign. An equation for one
unknown, 2x = 5 or x^2 = 4, says nothing that could be compared with a value.
"""

import re
import sys
from fractions import Fraction

from slipstick.equivalence.decision import Decision, Same, structure
from slipstick.equivalence.normalize.notation import split_top
from slipstick.equivalence.relations import FLIPPED, Relation, read_relation
from slipstick.equivalence.structures.intervals import is_constant, real_value
from slipstick.equivalence.structures.matching import in_order
from slipstick.equivalence.structures.named import by_name, in_letters_of, says_either
from slipstick.equivalence.structures.parse import plus_and_minus, read_shape
from slipstick.equivalence.symbolic.expression import Expression, heads, symbols
from slipstick.equivalence.symbolic.functions import GREEK
from slipstick.equivalence.symbolic.reader import is_foreign, read
from slipstick.equivalence.text.labels import NAME, read_header, read_label, read_names, same_name
from slipstick.equivalence.values.numbers import read_number
from slipstick.equivalence.values.quantities import read_quantity

_ABOUT = 0.1
"""How far, as a share of it, an approximation may be from the exact value."""
_ANGLES = frozenset(("sin", "cos", "tan", "cot", "sec", "csc"))
_UNKNOWNS = frozenset("xyztuvwn")
"""An equation between these letters, as a gold, is that of a curve."""
_QUANTITIES = re.compile(
    r"\\(?:max|min|det|gcd|dim|rank|deg)(?![A-Za-z]).*|\\text\s*\{\s*[A-Za-z]{2,12}\s*\}\s*\(.*\)"
    r"|\\(?:vec|overrightarrow|overline|angle|triangle)(?![A-Za-z]).*|(?:\\\||\|\|).+(?:\\\||\|\|)"
    r"|\([fgh]\s*\\circ\s*[fgh]\)\s*\(.+\)"
)
_OPERATIONS = re.compile(r"\\(?:i{1,3}nt|oint|sum|prod|lim)(?![A-Za-z])|\\frac\s*\{\s*d\s*\}\s*\{\s*d\s*[a-z]\s*\}")
"""How a side begins that says what is computed: an integral, sum, product, limit or derivative."""
_DERIVATIVES = re.compile(r"\\(?:partial|nabla)(?![A-Za-z])|\\frac\s*\{\s*d\s*\}")
_SUM = re.compile(r"[-+]")
_WORDS = re.compile(r"\\text\s*\{[^{}]*\}")
_CONTRADICTION = structure(False, "its sides contradict each other")


def compare_relations(a: str, e: str, same: Same) -> Decision | None:
    """Equations that only name a value: x = 3 is 3, f(x) = x^2 is x^2; None if they say more, or there are none."""
    relation_a, relation_e = _single_relation(a), _single_relation(e)
    if relation_a is None and relation_e is None:
        return None
    about_a, about_e = _exact_part(relation_a), _exact_part(relation_e)
    if about_a or about_e:
        return same(about_a or a, about_e or e)
    relation_a, relation_e = _shortened(relation_a), _shortened(relation_e)
    if relation_a and _contradicts_itself(relation_a):
        return _CONTRADICTION
    if relation_e and _hides_parts(relation_e):
        if relation_a is None or len(relation_a.sides) != len(relation_e.sides):
            return structure(None, "the expected chain says more than its last side")
        return in_order(relation_a.sides, relation_e.sides, same)
    label_a = read_label(relation_a) if relation_a else None
    label_e = read_label(relation_e) if relation_e else None
    if label_a and label_e:
        return _both_labelled(label_a, label_e, same)
    if relation_a and relation_e:
        return _both_relations(relation_a, relation_e, same)
    if label_a or label_e:
        return _labelled(label_a, label_e, a, e, same)
    if relation_a and (value := _value_stated(relation_a)):
        return same(value, e)
    if relation_e and (value := _value_stated(relation_e, of_gold=True)):
        return same(a, value)
    relation, other = (relation_a, e) if relation_a else (relation_e, a)
    if read_shape(other) or len(set(relation.signs if relation else ())) > 1:
        return None
    return structure(False, "an equation or inequality against an expression")


def _both_relations(a: Relation, e: Relation, same: Same) -> Decision | None:
    """Two equations of the same quantity by its value; what else they say is algebra's."""
    if _is_mirrored(a, e):
        return structure(True, "the same, its sides exchanged")
    values = _value_stated(a), _value_stated(e)
    if values[0] and values[1] and "".join(a.sides[0].split()) == "".join(e.sides[0].split()):
        return same(values[0], values[1])
    return None


def _both_labelled(a: tuple[str, str], e: tuple[str, str], same: Same) -> Decision | None:
    if same_name(_in_latex(a[0]), _in_latex(e[0])):
        value = in_letters_of(a, e[0])
        return structure(False, "a function of another letter") if value is None else same(value, e[1])
    if (named_a := read_header(*a)) and (named_e := read_header(*e)):
        return by_name(named_a, named_e, same)
    only_names = is_constant(a[1]) and is_constant(e[1])
    return structure(False, f"{a[0]} against {e[0]}") if only_names else None


def _in_latex(name: str) -> str:
    """A Greek letter in words, theta or theta_1, as LaTeX writes it."""
    return "\\" + name if len(name) > 1 and name.partition("_")[0] in GREEK else name


def _labelled(
    label_a: tuple[str, str] | None, label_e: tuple[str, str] | None, a: str, e: str, same: Same
) -> Decision | None:
    label, other = (label_a, e) if label_a else (label_e, a)
    assert label is not None
    if header := read_header(*label):
        return _header(header, label[1], other, same, answer_is_named=label is label_a)
    return same(label[1], e) if label_a else same(a, label[1])


def _header(
    named: list[tuple[str, str]], values: str, other: str, same: Same, *, answer_is_named: bool
) -> Decision | None:
    """(x,y) = (1,2) against x = 1, y = 2 or against (1,2)."""
    shape = read_shape(other)
    others = read_names(shape.items, colon=shape.kind == "set") if shape else None
    if shape and says_either(other, shape):
        return structure(False, "both against either")
    if others:
        return by_name(named, others, same) if answer_is_named else by_name(others, named, same)
    return same(values, other) if answer_is_named else same(other, values)


def _single_relation(text: str) -> Relation | None:
    """The relation a text is, None if it is none or a list, so that an equals sign belongs to one of its items."""
    relation = read_relation(text)
    if relation is None:
        return None
    shape = read_shape(text)
    if shape and shape.kind == "list" and shape.items != plus_and_minus(text):
        return None
    return None if shape and shape.kind == "union" and "=" not in text else relation


def _exact_part(relation: Relation | None) -> str | None:
    r"""'\sqrt{3} \approx 1.73' -> '\sqrt{3}'; None if it is no such thing, or the sides are not near: 6 \approx 7."""
    if relation is None or relation.signs != (r"\approx",) or read_label(relation) or not relation.sides[0]:
        return None
    trees = [read(side) if is_constant(side) else None for side in relation.sides]
    exact, about = (real_value(tree) if tree else None for tree in trees)
    far = exact is not None and about is not None and abs(exact - about) > _ABOUT * abs(exact)
    return None if far else relation.sides[0]


def _is_mirrored(a: Relation, e: Relation) -> bool:
    """Whether one says from right to left what the other says from left to right."""
    flat_a, flat_e = (["".join(side.split()) for side in relation.sides] for relation in (a, e))
    return flat_a == flat_e[::-1] and list(a.signs) == [FLIPPED.get(sign, sign) for sign in reversed(e.signs)]


def _shortened(relation: Relation | None) -> Relation | None:
    """m + n = 256 + 37 = 293 as m + n = 293 if its sides agree; a last side that only rounds the one before goes."""
    if relation is None or len(relation.sides) < 3 or set(relation.signs) != {"="}:
        return relation
    first, *between, last = relation.sides
    if not all(map(is_constant, (*between, last))) or _contradicts_itself(relation):
        return relation
    exact = [side for side in between if _rounds(last, side)]
    return Relation((first, exact[-1] if exact else last), ("=",))


def _contradicts_itself(relation: Relation) -> bool:
    """Whether the last side is another value than the first that has no letters: 10^3 = 100, m + n = 3 + 4 = 8."""
    if set(relation.signs) != {"="}:
        return False
    *before, last = relation.sides
    first = next((side for side in before if (tree := _constant(side)) and tree.head != "constant"), None)
    return first is not None and _differ(first, last)


def _hides_parts(relation: Relation) -> bool:
    """Whether a chain is several equations that nothing separates: b = 2a - 2a c = 3x."""
    if len(relation.sides) < 3 or set(relation.signs) != {"="} or not NAME.fullmatch(relation.sides[0]):
        return False
    trees = [read(side) for side in relation.sides[-2:]]
    if trees[0] is None or trees[1] is None or not symbols(trees[1]) or "symbol" in (trees[0].head, trees[1].head):
        return False
    from slipstick.equivalence.symbolic.equality import same_expression  # loaded only when a value is needed

    return same_expression(trees[0], trees[1], "", "")[0] is False


def _differ(left: str, right: str) -> bool:
    from slipstick.equivalence.symbolic.equality import same_expression  # loaded only when a value is needed

    numbers = read_number(left), read_number(right)
    if numbers[0] and numbers[1] and numbers[0].value == numbers[1].value:
        return False
    trees = _constant(left), _constant(right)
    if trees[0] is None or trees[1] is None or same_expression(trees[0], trees[1], left, right)[0] is not False:
        return False
    return not _rounds(right, left)


def _constant(text: str) -> Expression | None:
    tree = read(text)
    return None if tree is None or symbols(tree) or "apply" in heads(tree) else tree


def _rounds(shown: str, exact: str) -> bool:
    """Whether a decimal is another value, rounded: 1.41 for \\sqrt{2}."""
    number, tree = read_number(shown), _constant(exact)
    if number is None or number.places is None or tree is None or not isinstance(number.value, Fraction):
        return False
    value = real_value(tree)
    if value is None or abs(number.value) > sys.float_info.max:
        return False
    return 0 < abs(value - float(number.value)) <= 0.5000001 * 10.0**-number.places


def _value_stated(relation: Relation, *, of_gold: bool = False) -> str | None:
    """The last side of a chain of which the first names or computes a quantity; None if it has to be solved."""
    if set(relation.signs) != {"="}:
        return None
    first, value = relation.sides[0], relation.sides[-1]
    if of_gold and _DERIVATIVES.search(first) and len(split_top(first, _SUM)) > 1:
        return None  # a differential equation
    if _OPERATIONS.match(first) and not _OPERATIONS.match(value):
        return value
    if not (is_constant(value) or read_quantity(value)):
        return None
    bare = _WORDS.sub("", first)
    if is_constant(bare):
        return value
    return value if _names_a_quantity(first, of_gold=of_gold, zero=value == "0") else None


def _names_a_quantity(text: str, *, of_gold: bool, zero: bool) -> bool:
    tree = read(text)
    if tree is None:
        return is_foreign(text) or _QUANTITIES.fullmatch(text) is not None
    letters = symbols(tree)
    if not letters:
        return True
    unknown = letters <= _UNKNOWNS
    if (of_gold or zero) and unknown:
        return False
    if of_gold and len(letters) > 1:
        indexed = all("_" in letter for letter in letters)
        if any(map(_is_derivative, letters)) or (zero and not indexed):
            return False
    if len(letters) > 1:
        return True
    if tree.head == "abs":
        return not letters <= _UNKNOWNS - {"z", "w"}
    return not unknown and _only_in_angles(tree)


def _is_derivative(letter: str) -> bool:
    """Whether a letter is y' or dy/dx: an equation with others is a differential one."""
    return "'" in letter or "/" in letter


def _only_in_angles(tree: Expression) -> bool:
    """Whether letters stand in functions of angles only."""
    return tree.head in _ANGLES or (tree.head != "symbol" and all(map(_only_in_angles, tree.args)))
