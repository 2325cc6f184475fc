r"""Decides whether two answers mean the same: the first of `LAYERS` that can decide does, cheap ones first.

The same layers run in the calling process, where there is no computer algebra and a comparison that needs it stays
open, and in a worker process, where there is. `docs/grade.md` has this table in words.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass

from slipstick.equivalence.decision import NEEDS_ALGEBRA, Algebra, Decision
from slipstick.equivalence.glosses import without_gloss
from slipstick.equivalence.lazy import lazy
from slipstick.equivalence.normalize.notation import MAX_LENGTH, tidy, with_escapes, without_spaces
from slipstick.equivalence.normalize.printed import as_written
from slipstick.equivalence.normalize.separators import separate, usual_marks
from slipstick.equivalence.policies import SLIPSTICK, Policy
from slipstick.equivalence.structures.compare import compare_structure
from slipstick.equivalence.structures.congruences import compare_congruences
from slipstick.equivalence.structures.families import compare_families
from slipstick.equivalence.structures.named import compare_named
from slipstick.equivalence.structures.qualifiers import compare_qualified
from slipstick.equivalence.structures.sets import compare_sets
from slipstick.equivalence.structures.written_out import compare_repeated, says_how_often
from slipstick.equivalence.symbolic.bounds import too_large
from slipstick.equivalence.text.choices import compare_choices, names_letters
from slipstick.equivalence.text.labels import doubts, is_denial, same_words, without_word_label
from slipstick.equivalence.text.prose import compare_words
from slipstick.equivalence.text.statements import behind_verdict, is_hedged, is_value
from slipstick.equivalence.unfinished import left_to_do
from slipstick.equivalence.values.commas import ONE_DIGIT, is_one_value, read_otherwise, with_point
from slipstick.equivalence.values.in_words import as_arithmetic
from slipstick.equivalence.values.measured import scaled, take_unit_off
from slipstick.equivalence.values.numbers import Number, numbers_equal, read_number, read_plain
from slipstick.equivalence.values.quantities import read_quantity, read_quoted
from slipstick.equivalence.values.ratios import compare_ratios
from slipstick.equivalence.values.remainders import compare_remainders, quotient
from slipstick.equivalence.values.times import same_moment
from slipstick.equivalence.values.units import conversion

MAX_DEPTH = 8
"""Levels of parts within parts below the answers themselves."""
MAX_PARTS = 450
"""Pairs of parts that are compared before the answers are too large."""
_PI = re.compile(r"\\pi(?![A-Za-z])|\bpi\b")
_GREEK_UNIT = re.compile(r"(?<=[\d\s}])(?:\\mu\s*[A-Za-z]|\\Omega)\s*$")
_STRUCK_OUT = re.compile(r"~~[^~]+~~|\\(?:cancel|xcancel|bcancel|sout|st)\s*\{[^{}]*\}")
_RADIANS = re.compile(r"\s*(?:\\text\s*\{\s*)?\brad(?:ian)?s?\s*\}?$")


def decide(
    answer: str, expected: str, *, kind: str | None = None, policy: Policy = SLIPSTICK, algebra: Algebra | None = None
) -> Decision:
    """Whether an answer means the same as the expected one, NEEDS_ALGEBRA if only `algebra` could decide."""
    answer, expected = with_escapes(answer).strip(), with_escapes(expected).strip()
    if answer == expected:
        return Decision(True, "text", "the same text")
    if not answer or not expected:
        return Decision(False, "text", "empty")
    if (number_a := read_plain(answer)) and (number_e := read_plain(expected)):
        return _or_with_another_mark(_numbers(number_a, number_e, policy), answer, expected, policy)
    if len(answer) > MAX_LENGTH or len(expected) > MAX_LENGTH:
        return Decision(None, "bounds", f"longer than {MAX_LENGTH:,} characters")
    if _STRUCK_OUT.fullmatch(answer):
        return Decision(False, "text", "struck out")
    a, e = in_one_notation(answer), in_one_notation(expected)
    found = Context(kind, algebra, policy).same(a, e)
    if found.equal and policy.approximate == "incorrect" and is_hedged(answer) and _is_exact(expected):
        return Decision(False, found.method, f"about an exact value ({policy.setting('approximate')})")
    if not found.equal or a == e:
        return found
    return left_to_do(a, e, policy, Context(kind, algebra, policy).same) or found


def _is_exact(expected: str) -> bool:
    """Whether an expected answer is neither a decimal, which may be rounded, nor says that it is about right."""
    number = read_quantity(tidy(expected))
    return not is_hedged(expected) and (number is None or number.places is None)


def in_one_notation(text: str) -> str:
    """What the layers compare: the text in LaTeX of one kind, its parts separated by signs, each value said once."""
    return (_in_one_notation if len(text) <= _SHORT else _in_one_notation.__wrapped__)(text)


@functools.lru_cache(maxsize=10_000)
def _in_one_notation(text: str) -> str:
    return without_gloss(as_arithmetic(as_written(usual_marks(tidy(separate(text))))))


_SHORT = 200
"""Characters of a text that is remembered: every sample of a problem has the same gold, and many the same answer."""


@dataclass
class Side:
    """One of two tidied texts that are compared; what it is read as is computed when first needed, and once."""

    text: str
    other: str
    """The text of the other side."""

    @lazy
    def number(self) -> Number | None:
        r"""The number that the text is, with its unit; \\Omega and \\mu m are units only beside the same unit."""
        number = read_quoted(self.text, self.other) or read_quantity(self.text)
        if number is None and (marked := _GREEK_UNIT.sub(r"\\text{\g<0>}", self.text)) != self.text:
            greek, other = read_quantity(marked), read_quantity(self.other)
            return greek if greek and other and greek.unit == other.unit else None
        return number

    @lazy
    def measured(self) -> tuple[str, str | None] | None:
        r"""A value and the unit behind it: 4\sqrt{2} and cm."""
        return None if says_how_often(self.text) else take_unit_off(self.text, self.number)

    @lazy
    def in_radians(self) -> str:
        """The text, with an angle as a number if pi is in either: pi/6 of "pi/6 rad" and of 30 degrees."""
        if self.number is None:
            return _RADIANS.sub("", self.text) if "rad" in self.text and _PI.search(self.text) else self.text
        if self.number.unit != "degree" or not _PI.search(self.other):
            return self.text
        return rf"\frac{{{self.number.value}\pi}}{{180}}"


@dataclass(slots=True)
class Context:
    """What the layers of one comparison share."""

    kind: str | None
    """The problem's kind."""
    algebra: Algebra | None
    """None in the calling process."""
    policy: Policy = SLIPSTICK
    """What is decided by convention."""
    parts_left: int = MAX_PARTS
    depth: int = -1

    def same(self, answer: str, expected: str) -> Decision:
        """The decision of the first layer that can decide on two answers, or about a part of each."""
        a, e = Side(answer, expected), Side(expected, answer)
        self.depth += 1
        for layer in LAYERS:
            if (decision := layer(a, e, self)) is not None:
                break
        else:
            decision = NEEDS_ALGEBRA
        self.depth -= 1
        return decision


Layer = Callable[[Side, Side, Context], Decision | None]
"""Compares an answer with the expected one; None leaves it to a later layer."""


def choice(answer: Side, expected: Side, context: Context) -> Decision | None:
    """Letters of options: B, (b), "A and C"."""
    if context.depth or not (context.kind == "choice" or names_letters(expected.text)):
        return None
    return compare_choices(answer.text, expected.text)


def same_text(answer: Side, expected: Side, context: Context) -> Decision | None:
    """The same characters, or none at all on a side."""
    if answer.text == expected.text:
        return (
            Decision(True, "text", "the same text")
            if expected.text
            else Decision(False, "text", "nothing on both sides")
        )
    return None if answer.text and expected.text else Decision(False, "text", "empty")


def size(answer: Side, expected: Side, context: Context) -> Decision | None:
    """Too many parts, or too deep within one another."""
    context.parts_left -= 1
    if context.depth > MAX_DEPTH:
        return Decision(None, "bounds", "nested too deeply")
    return Decision(None, "bounds", f"more than {MAX_PARTS:,} parts") if context.parts_left < 0 else None


def number(answer: Side, expected: Side, context: Context) -> Decision | None:
    """Two numbers with their units."""
    a, e = answer.number, expected.number
    if not a or not e:
        return None
    return _or_with_another_mark(_numbers(a, e, context.policy), answer.text, expected.text, context.policy)


def time(answer: Side, expected: Side, context: Context) -> Decision | None:
    """Times of day and dates."""
    return same_moment(answer.text, expected.text)


def measure(answer: Side, expected: Side, context: Context) -> Decision | None:
    r"""Values of any kind with a unit behind: 4\sqrt{2} cm is neither 4\sqrt{2} m nor 4\sqrt{2} "or more"."""
    a, e = answer.measured, expected.measured
    if (answer.number or a is None) and (expected.number or e is None):
        return None
    (value_a, unit_a), (value_e, unit_e) = a or (answer.text, ""), e or (expected.text, "")
    if unit_a is None or unit_e is None:
        return _behind_value(answer, expected, context, value_a, value_e)
    converted = conversion(unit_a, unit_e)
    if converted is None:
        return Decision(False, "number", f"the units differ: {unit_a} and {unit_e}")
    there = scaled(value_a, converted[0]) if not converted[1] else None
    if there is not None:
        return context.same(there, value_e)
    same = context.same(value_a, value_e).equal
    return Decision(False if same else None, "number", f"several values in {unit_a} and {unit_e}")


def _behind_value(answer: Side, expected: Side, context: Context, value_a: str, value_e: str) -> Decision | None:
    r"""Values of which one has words behind that are not read: 9\pi \text{ or more}."""
    if without_spaces(answer.text[len(value_a) :]) == without_spaces(expected.text[len(value_e) :]):
        return context.same(value_a, value_e)
    found = context.same(value_a, value_e)
    return Decision(None, "number", "what stands behind the value is not read") if found.equal else found


def label(answer: Side, expected: Side, context: Context) -> Decision | None:
    """A word before the value: "Minimum: 1" is 1, and no "Maximum: 1"."""
    (label_a, a), (label_e, e) = without_word_label(answer.text), without_word_label(expected.text)
    if not label_a and not label_e:
        return None
    if label_a != label_e and doubts(label_a):
        return Decision(False, "words", f"a value that is said to be {label_a.casefold()}")
    found = context.same(a, e)
    if found.equal and label_a.casefold() != label_e.casefold() and is_denial(label_a):
        return Decision(False, "words", f'it stands behind "{label_a}"')
    if found.equal and label_a and label_e and not same_words(label_a, label_e):
        return Decision(None, "words", f"the same value, as {label_a} and as {label_e}")
    return found


def family(answer: Side, expected: Side, context: Context) -> Decision | None:
    r"""Solutions with a free integer: \frac{\pi}{4} + n\pi, x \equiv 3 \pmod 7."""
    found = compare_congruences(answer.text, expected.text, context.same)
    return found or compare_families(answer.text, expected.text, context.same)


def real_set(answer: Side, expected: Side, context: Context) -> Decision | None:
    """Sets of real numbers as unions of intervals and points."""
    return compare_sets(answer.text, expected.text, context.same)


def qualifier(answer: Side, expected: Side, context: Context) -> Decision | None:
    r"""What is said behind an answer about its letters: f(x) = cx, c \in \mathbb{R}; a_n = 2^n for n \geq 1."""
    return compare_qualified(answer.text, expected.text, context.same)


def named_values(answer: Side, expected: Side, context: Context) -> Decision | None:
    """Labelled parts, values by name and roots by number: (a) 3 (b) 4; Ann: 18, Bob: 14; 2 (double), 3."""
    repeated = compare_repeated(answer.text, expected.text, context.same)
    return repeated or compare_named(answer.text, expected.text, context.same)


def remainder(answer: Side, expected: Side, context: Context) -> Decision | None:
    """A quotient with a remainder: 7 R 2; its quotient alone if the gold has no remainder."""
    found = compare_remainders(answer.text, expected.text, answer.number)
    if found is None and expected.number and (value := quotient(answer.text)) is not None:
        return _numbers(Number(value), expected.number, context.policy)
    return found


def ratio(answer: Side, expected: Side, context: Context) -> Decision | None:
    """Ratios: 6:8 is 3:4 and 3/4."""
    return compare_ratios(answer.text, expected.text, answer.number, expected.number)


def decimal_comma(answer: Side, expected: Side, context: Context) -> Decision | None:
    """3,5 is 3.5 if the kind is "number" or one side is a single value; one digit behind the comma may be a list."""
    point_a, point_e = with_point(answer.text), with_point(expected.text)
    other = expected if point_a else answer
    if context.kind == "list" or not (point_a or point_e):
        return None
    if not (point_a and point_e) and other.number is None and not is_one_value(other.text):
        return None
    found = context.same(point_a or answer.text, point_e or expected.text)
    if found is NEEDS_ALGEBRA or context.kind == "number":
        return _same_value(found) if found.equal else found
    if not found.equal:
        return found if other.number and other.number.places is not None and found.equal is False else None
    listed = structure(answer, expected, context) if point_a and point_e else None
    if listed and listed.equal:
        return listed
    whole = other.number is not None and other.number.places is None and other.number.value == int(other.number.value)
    if (point_a and point_e) or (point_e and ONE_DIGIT.fullmatch(expected.text)) or (point_a and whole):
        return Decision(
            None, "number", f"{'an' if point_a else 'the expected'} answer has a decimal comma, or is a list"
        )
    return _same_value(found)


def _same_value(found: Decision) -> Decision:
    return Decision(True, "number", "the same value" if found.method == "text" else found.reason)


def words(answer: Side, expected: Side, context: Context) -> Decision | None:
    """Words, and a number within a sentence."""
    found = compare_words(answer.in_radians, expected.in_radians, answer.number, expected.number, context.policy)
    if found and found.equal and is_value(value := behind_verdict(expected.in_radians)):
        said = behind_verdict(answer.in_radians)
        return context.same(said, value) if said else Decision(False, "words", "no value behind yes or no")
    return found


def structure(answer: Side, expected: Side, context: Context) -> Decision | None:
    """Lists, sets, tuples, matrices, x = 3: item by item."""
    return compare_structure(answer.in_radians, expected.in_radians, context.same, context.policy)


def spacing(answer: Side, expected: Side, context: Context) -> Decision | None:
    """The same characters but for white space; between two digits it counts, as 1 2 is not 12."""
    same = without_spaces(answer.in_radians) == without_spaces(expected.in_radians)
    return Decision(True, "text", "the same but for white space") if same else None


def symbolic(answer: Side, expected: Side, context: Context) -> Decision | None:
    """Expressions, equations and inequalities, as far as our own reader and evaluation go."""
    from slipstick.equivalence.symbolic.comparison import compare_symbolically
    from slipstick.equivalence.symbolic.equality import ROUNDED

    found = compare_symbolically(answer.in_radians, expected.in_radians)
    if found == (True, ROUNDED) and context.policy.rounding == "none":
        return Decision(False, "symbolic", f"the expected value is rounded ({context.policy.setting('rounding')})")
    return None if found is None else Decision(found[0], "symbolic", found[1])


def expression_size(answer: Side, expected: Side, context: Context) -> Decision | None:
    """Expressions too large for computer algebra."""
    reason = too_large(answer.in_radians) or too_large(expected.in_radians)
    return Decision(None, "bounds", reason) if reason else None


def algebra(answer: Side, expected: Side, context: Context) -> Decision | None:
    """Integrals, limits, matrix arithmetic: computer algebra, in a worker process."""
    return context.algebra(answer.in_radians, expected.in_radians) if context.algebra else None


LAYERS: tuple[Layer, ...] = (
    choice, same_text, size, number, time, measure, label, family, real_set, qualifier, named_values, remainder, ratio,
    decimal_comma, words, structure, spacing, symbolic, expression_size, algebra,
)  # fmt: skip
"""Every layer, in the order in which they are tried; the order is part of what answers mean: 3:30 is a time before a
ratio, 1,2 a list only if it is no number."""


def _numbers(answer: Number, expected: Number, policy: Policy) -> Decision:
    equal, reason = numbers_equal(answer, expected, policy)
    return Decision(equal, "number", reason)


def _or_with_another_mark(found: Decision, answer: str, expected: str, policy: Policy) -> Decision:
    """Open if numbers differ but for the meaning of a gold's one mark before three digits: 1.250 is 1250 in German."""
    changed = None if found.equal else read_otherwise(expected)
    number, other = (read_number(answer), read_number(changed)) if changed else (None, None)
    if number and other and _numbers(number, other, policy).equal:
        return Decision(None, "number", f"the expected {expected} may be {changed}, with the mark of another language")
    return found
