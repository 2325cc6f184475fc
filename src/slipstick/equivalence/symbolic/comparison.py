r"""Compares two texts as mathematics in this process: reads both, then compares expressions or relations."""

import re
from collections.abc import Sequence

from slipstick.equivalence.relations import read_relation
from slipstick.equivalence.symbolic.equality import Answer, same_expression, same_up_to_a_constant
from slipstick.equivalence.symbolic.equations import same_relation, solves
from slipstick.equivalence.symbolic.expression import Expression, nodes, symbols
from slipstick.equivalence.symbolic.functions import APPLIED, FUNCTIONS
from slipstick.equivalence.symbolic.parameters import without_constant
from slipstick.equivalence.symbolic.reader import has_words, is_foreign, read

MAX_VALUES = 20
"""Most values that are tried in an equation."""
_UNIT = re.compile(
    r"(?<=\S)(?<![-+*/=^_({])(?<!\\cdot)(?<!\\times)(?<!\\div)\s*(?<![-+*/=] )(?<!\\cdot )(?<!\\times )"
    r"\\text\s*\{[^{}\d]*\}\s*(?:\^\{?\d\}?)?$"
)
_DEGREES = re.compile(r"\s*\^\s*\\circ$")
_DEGREE = re.compile(r"\s*\^\s*\\circ(?![A-Za-z])")
_TRIGONOMETRY = re.compile(r"\\?(?:arc)?(?:sin|cos|tan|cot|sec|csc)|pi(?![A-Za-z])")
_BEFORE_BRACKET = re.compile(
    r"\\[A-Za-z]+|(?<![A-Za-z])(?P<run>[A-Za-z]+)(?P<power>\s?(?:\^\s?(?:\{\s?\d+\s?\}|\d))?)\s?\("
)
_IN_DEGREES = re.compile(r"(?:\(.*\)|[\w.+-]+)\s*\^\s*\\circ")


def compare_symbolically(answer: str, expected: str) -> Answer | None:
    """Whether two tidied texts are the same mathematics; None if only computer algebra can decide.

    Open (None and the reason) if the expected answer cannot be read or no value can be computed; an answer that
    cannot be read is incorrect.
    """
    foreign = is_foreign(answer) or is_foreign(expected)
    relation_a, relation_e = read_relation(answer), read_relation(expected)
    if relation_a and relation_e:
        found = same_relation(relation_a, relation_e)
        if found is None and foreign and not (has_words(answer) or has_words(expected)):
            return None
        return found or (None, "a relation that cannot be read")
    e, a = _read(expected), _read(answer)
    if e is None and not (foreign and not has_words(expected)):
        return None, "the expected answer cannot be read as mathematics"
    if a is None and not (foreign and not has_words(answer)):
        return False, "the answer cannot be read as mathematics"
    if e is None or a is None:
        return None
    rest_a, rest_e = without_constant(a), without_constant(e)
    found = (rest_a and rest_e and same_up_to_a_constant(rest_a, rest_e)) or same_expression(a, e, answer, expected)
    if found[0] is False and (_IN_DEGREES.fullmatch(answer) or _IN_DEGREES.fullmatch(expected)):
        found = _same_number_of_degrees(answer, expected) or found
    if found[0] is False and (answer_in := bool(_DEGREE.search(answer))) != bool(_DEGREE.search(expected)):
        found = _same_angle(*((answer, expected) if answer_in else (expected, answer))) or found
    if found[0] is False and (letters := _factors(a, e)):
        a, e = (read(_with_products(text, letters)) for text in (answer, expected))
        found = (same_expression(a, e, "", "") if a and e else None) or found
    return None if found[0] is None and foreign else found


def compare_solutions(values: Sequence[str], equation: str) -> bool | None:
    """Whether some values, with or without a name, are what solves an equation; None if it is no such equation."""
    relation = read_relation(equation)
    if relation is None or relation.signs != ("=",) or len(values) > MAX_VALUES:
        return None
    found = []
    for value in values:
        named = read_relation(value)
        tree = read(named.sides[-1] if named and named.signs == ("=",) and len(named.sides) == 2 else value)
        if tree is None:
            return None
        found.append(tree)
    return solves(found, relation)


def _read(text: str) -> Expression | None:
    return read(_UNIT.sub("", text) if text.endswith(("}", "}^2", "}^3")) or text[-1:].isdigit() else text)


def _factors(a: Expression, e: Expression) -> frozenset[str]:
    """Letters before a bracket that are no functions, since they stand alone too: h in h(a + b) and ha + hb.

    Before a bracket with a single letter or number, f(x), they stay functions.
    """
    applied = [node for tree in (a, e) for node in nodes(tree) if node.head == "apply" and node.value in APPLIED]
    simple = {node.value for node in applied if len(node.args) != 1 or not node.args[0].args}
    letters = frozenset(str(node.value) for node in applied if node.value not in simple)
    return letters & (symbols(a) | symbols(e))


def _with_products(text: str, letters: frozenset[str]) -> str:
    """The text with a sign of multiplication between these letters, or a power of them, and a bracket."""

    def with_sign(match: re.Match[str]) -> str:
        run = match["run"]
        known = run is None or run in FUNCTIONS or run == "log" or run[-1] not in letters
        return match[0] if known else f"{run}{match['power']} * ("

    return _BEFORE_BRACKET.sub(with_sign, text)


def _same_angle(in_degrees: str, plain: str) -> Answer | None:
    """All signs of degrees in a sum of angles may be missing, 180 - 2a for 180° - 2a; not those within functions."""
    if _TRIGONOMETRY.search(in_degrees) or _TRIGONOMETRY.search(plain):
        return None
    a, e = read(_DEGREE.sub("", in_degrees)), read(plain)
    found = same_expression(a, e, "", "") if a and e else None
    return found if found and found[0] else None


def _same_number_of_degrees(answer: str, expected: str) -> Answer | None:
    """The sign of degrees around the whole of one side may be missing on the other, as a unit may."""
    if _DEGREES.search(answer) and _DEGREES.search(expected):
        return None
    a, e = (read(_DEGREES.sub("", text)) for text in (answer, expected))
    found = same_expression(a, e, "", "") if a and e else None
    return found if found and found[0] else None
