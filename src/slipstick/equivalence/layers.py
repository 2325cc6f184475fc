r"""Decides whether two answers mean the same, cheap layers first: text, number, choice, words, structure, algebra.

The same function runs in the calling process, where `algebra` is None and a comparison that needs it stays open, and in
a worker process, where it is the computer-algebra layer.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from slipstick.equivalence.decision import NEEDS_ALGEBRA, Algebra, Decision
from slipstick.equivalence.normalize.notation import MAX_LENGTH, tidy
from slipstick.equivalence.normalize.printed import as_written
from slipstick.equivalence.structures.compare import compare_named, compare_structure
from slipstick.equivalence.structures.families import compare_families
from slipstick.equivalence.structures.sets import compare_sets
from slipstick.equivalence.symbolic.bounds import too_large
from slipstick.equivalence.text import choices
from slipstick.equivalence.text.labels import same_words, without_word_label
from slipstick.equivalence.text.prose import compare_words
from slipstick.equivalence.values.numbers import Number, listed_like, numbers_equal, read_number, read_plain
from slipstick.equivalence.values.quantities import read_quantity
from slipstick.equivalence.values.ratios import compare_ratios
from slipstick.equivalence.values.times import same_moment

MAX_DEPTH = 8
MAX_PARTS = 450
"""Parts of two answers that are held against each other before the answers are too large."""


@dataclass(slots=True)
class _Comparison:
    """One comparison: its algebra, and how many parts of the two answers it may still hold against each other."""

    algebra: Algebra | None
    parts_left: int = MAX_PARTS


def decide(answer: str, expected: str, *, kind: str | None = None, algebra: Algebra | None = None) -> Decision:
    """Whether an answer means the same as the expected one."""
    answer, expected = answer.strip(), expected.strip()
    if answer == expected:
        return Decision(True, "text", "the same text")
    if not answer or not expected:
        return Decision(False, "text", "empty")
    if (a := read_plain(answer)) and (e := read_plain(expected)):
        return _numbers(a, e)
    if len(answer) > MAX_LENGTH or len(expected) > MAX_LENGTH:
        return Decision(None, "bounds", f"longer than {MAX_LENGTH:,} characters")
    a_text, e_text = as_written(tidy(answer)), as_written(tidy(expected))
    if kind == "choice" or choices.is_letter(e_text) or choices.read_letters(e_text):
        decision = _choice(a_text, e_text)
        if decision is not None:
            return decision
    return _same(a_text, e_text, comparison=_Comparison(algebra), depth=0)


def _numbers(answer: Number, expected: Number) -> Decision:
    equal, reason = numbers_equal(answer, expected)
    return Decision(equal, "number", reason)


def _choice(answer: str, expected: str) -> Decision | None:
    gold, letter = choices.read_letter(expected), choices.read_letter(answer)
    if gold and letter:
        return Decision(gold == letter, "choice", f"choice {letter} against {gold}")
    many_gold, many = choices.read_letters(expected), choices.read_letters(answer)
    if (many_gold or gold) and (many or letter):
        many_gold, many = many_gold or (gold or "",), many or (letter or "",)
        return Decision(many_gold == many, "choice", "choice letters")
    return None


def _same(a: str, e: str, *, comparison: _Comparison, depth: int) -> Decision:
    if a == e:
        return Decision(True, "text", "the same text") if e else Decision(False, "text", "nothing on both sides")
    if not a or not e:
        return Decision(False, "text", "empty")
    comparison.parts_left -= 1
    if depth > MAX_DEPTH or comparison.parts_left < 0:
        return Decision(None, "bounds", "nested too deeply" if depth > MAX_DEPTH else f"more than {MAX_PARTS:,} parts")
    number_a, number_e = read_quantity(a), read_quantity(e)
    if number_a and number_e:
        return _numbers(number_a, number_e)
    if (moment := same_moment(a, e)) is not None:
        return moment
    (label_a, a), (label_e, e) = without_word_label(a), without_word_label(e)
    same = functools.partial(_same, comparison=comparison, depth=depth + 1)
    if label_a or label_e:
        found = same(a, e)
        if found.equal and label_a and label_e and not same_words(label_a, label_e):
            return Decision(None, "words", f"the same value, as {label_a} and as {label_e}")
        return found
    for early in (compare_families, compare_sets, compare_named):
        if (part := early(a, e, same)) is not None:
            return part
    if (ratio := compare_ratios(a, e, number_a, number_e)) is not None:
        return ratio
    a, e = listed_like(a, e), listed_like(e, a)
    a, e = _radians(a, number_a, e), _radians(e, number_e, a)
    if (decision := _decimal_comma(a, e, number_a, number_e)) or (decision := compare_words(a, e, number_a, number_e)):
        return decision
    if (made_of := compare_structure(a, e, same)) is not None:
        return made_of
    if "".join(a.split()) == "".join(e.split()):
        return Decision(True, "text", "the same but for white space")
    return _algebra(a, e, comparison.algebra)


def _radians(text: str, number: Number | None, other: str) -> str:
    """Degrees in radians beside an answer with pi in it: 30 degrees are pi/6."""
    if number is None and "rad" in text and re.search(r"\\pi(?![A-Za-z])|\bpi\b", text):
        return re.sub(r"\s*(?:\\text\s*\{\s*)?\brad(?:ian)?s?\s*\}?$", "", text)
    if number is None or number.unit != "degree" or not re.search(r"\\pi(?![A-Za-z])|\bpi\b", other):
        return text
    return rf"\frac{{{number.value}\pi}}{{180}}"


def _decimal_comma(a: str, e: str, number_a: Number | None, number_e: Number | None) -> Decision | None:
    """3,5 is 3.5 beside a number with a decimal point, and a list elsewhere."""
    comma, other = (a, number_e) if number_a is None else (e, number_a)
    if other is None or other.places is None or not re.fullmatch(r"-?\d+,\d+", comma):
        return None
    read = read_number(comma.replace(",", "."))
    return _numbers(read, other) if read else None


def _algebra(a: str, e: str, algebra: Algebra | None) -> Decision:
    """What this process reads and evaluates itself; what only computer algebra knows is left to a worker."""
    from slipstick.equivalence.symbolic.comparison import compare_symbolically

    found = compare_symbolically(a, e)
    if found is not None:
        return Decision(found[0], "symbolic", found[1])
    if too_long := too_large(a) or too_large(e):
        return Decision(None, "bounds", too_long)
    return algebra(a, e) if algebra else NEEDS_ALGEBRA
