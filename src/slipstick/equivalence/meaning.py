r"""Decides whether two answers mean the same, cheap layers first: text, number, choice, words, structure, algebra.

The same function runs in the calling process, where `algebra` is None and a comparison that needs it stays open, and in
a worker process, where it is the computer-algebra layer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from slipstick.equivalence import choices
from slipstick.equivalence.bounds import too_large
from slipstick.equivalence.notation import MAX_LENGTH, plain_words, tidy
from slipstick.equivalence.numbers import Number, numbers_equal, read_number, read_plain
from slipstick.equivalence.shapes import (
    Relation,
    Shape,
    as_interval,
    read_label,
    read_relation,
    read_shape,
    without_word_label,
)
from slipstick.equivalence.vocabulary import FUNCTIONS, SAME_WORDS

MAX_ITEMS = 200
MAX_DEPTH = 8
SHORT_WORDS = 4
"""Up to this many words two answers that differ are different; two sentences may still mean the same."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Same, different or (None) open, by which layer and why."""

    equal: bool | None
    method: str
    reason: str


Algebra = Callable[[str, str], Decision]
NEEDS_ALGEBRA = Decision(None, "symbolic", "needs computer algebra")
"""What is decided in the calling process where only algebra can tell."""


def decide(answer: str, expected: str, *, kind: str | None = None, algebra: Algebra | None = None) -> Decision:
    """Whether an answer means the same as the expected one."""
    answer, expected = answer.strip(), expected.strip()
    if answer == expected:
        return Decision(True, "text", "the same text")
    if (a := read_plain(answer)) and (e := read_plain(expected)):
        return _numbers(a, e)
    if len(answer) > MAX_LENGTH or len(expected) > MAX_LENGTH:
        return Decision(None, "bounds", f"longer than {MAX_LENGTH:,} characters")
    a_text, e_text = tidy(answer), tidy(expected)
    if kind == "choice" or choices.is_letter(e_text) or choices.read_letters(e_text):
        decision = _choice(a_text, e_text)
        if decision is not None:
            return decision
    return _same(a_text, e_text, algebra, 0)


def _numbers(answer: Number, expected: Number) -> Decision:
    equal, reason = numbers_equal(answer, expected)
    return Decision(equal, "number", reason)


def _choice(answer: str, expected: str) -> Decision | None:
    gold, letter = choices.read_letter(expected), choices.read_letter(answer)
    if gold and letter:
        return Decision(gold == letter, "choice", f"choice {letter} against {gold}")
    many_gold, many = choices.read_letters(expected), choices.read_letters(answer)
    if many_gold and many:
        return Decision(many_gold == many, "choice", "choice letters")
    return None


def _same(a: str, e: str, algebra: Algebra | None, depth: int) -> Decision:
    if a == e:
        return Decision(True, "text", "the same text") if e else Decision(False, "text", "nothing on both sides")
    if not a or not e or depth > MAX_DEPTH:
        return Decision(False, "text", "empty") if not a or not e else Decision(None, "bounds", "nested too deeply")
    number_a, number_e = read_number(a), read_number(e)
    if number_a and number_e:
        return _numbers(number_a, number_e)
    a, e = without_word_label(a), without_word_label(e)
    number_a, number_e = number_a or read_number(a), number_e or read_number(e)
    if number_a and number_e:
        return _numbers(number_a, number_e)
    a, e = _radians(a, number_a, e), _radians(e, number_e, a)
    if (decision := _decimal_comma(a, e, number_a, number_e)) or (decision := _words(a, e, number_a, number_e)):
        return decision
    for rule in (_relations, _shapes, _ratios):
        if (found := rule(a, e, algebra, depth)) is not None:
            return found
    if "".join(a.split()) == "".join(e.split()):
        return Decision(True, "text", "the same but for white space")
    return _algebra(a, e, algebra)


def _radians(text: str, number: Number | None, other: str) -> str:
    """Degrees in radians beside an answer with pi in it: 30 degrees are pi/6."""
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


def _words(a: str, e: str, number_a: Number | None, number_e: Number | None) -> Decision | None:
    """Answers in words: the same words are the same; two short ones that differ are different."""
    words_a, words_e = plain_words(a), plain_words(e)
    if not words_a or not words_e:
        return None
    prose_a, prose_e = _is_prose(a), _is_prose(e)
    if words_a == words_e and (prose_a or prose_e):
        return Decision(True, "words", "the same words")
    if (prose_a and number_e) or (prose_e and number_a):
        return Decision(False, "words", "a number against words")
    if prose_a and not prose_e:
        return Decision(False, "words", "words against mathematics")
    if not prose_e:
        return None
    if not prose_a:
        short = len(words_e.split()) <= SHORT_WORDS
        return Decision(False, "words", "mathematics against words") if short else None
    if SAME_WORDS.get(words_a, words_a) == SAME_WORDS.get(words_e, words_e):
        return Decision(True, "words", "words that mean the same")
    if min(len(words_e.split()), len(words_a.split())) <= SHORT_WORDS:
        return Decision(False, "words", "different words")
    return Decision(None, "words", "two sentences, not compared in meaning")


def _is_prose(text: str) -> bool:
    r"""Whether a text is words and not mathematics: all of it in \text{...}, or words of three letters and more."""
    if re.fullmatch(r"\\text\s*\{[^{}]*[A-Za-z]{2}[^{}]*\}", text) or text.casefold() in SAME_WORDS:
        return True
    if re.search(r"[\\^_=<>+*/|\[\]{}]|[A-Za-z]\(", re.sub(r"\\text\s*\{[^{}]*\}", "", text)):
        return False
    words = re.findall(r"[A-Za-z]+", text)
    longest = max((len(word) for word in words), default=0)
    return longest >= 3 and not any(word.casefold() in FUNCTIONS for word in words) and not re.match(r"[\d(\[]", text)


def _relations(a: str, e: str, algebra: Algebra | None, depth: int) -> Decision | None:
    """Equations and inequalities: x = 3 is 3, 1 < x < 2 is (1, 2); equations with more in them go to algebra."""
    if _is_list(a) or _is_list(e):
        return None
    relation_a, relation_e = read_relation(a), read_relation(e)
    if relation_a is None and relation_e is None:
        return None
    about_a, about_e = _exact_part(relation_a), _exact_part(relation_e)
    if about_a or about_e:
        return _same(about_a or a, about_e or e, algebra, depth + 1)
    label_a, label_e = (relation and read_label(relation) for relation in (relation_a, relation_e))
    if label_a and label_e and _head(label_a[0]) == _head(label_e[0]):
        return _same(label_a[1], label_e[1], algebra, depth + 1)
    if (relation_a is None and label_e) or (relation_e is None and label_a):
        return _same(label_a[1] if label_a else a, label_e[1] if label_e else e, algebra, depth + 1)
    bounded_a, bounded_e = (relation and as_interval(relation) for relation in (relation_a, relation_e))
    if bounded_a and bounded_e:
        if _head(bounded_a[0]) != _head(bounded_e[0]):
            return Decision(False, "structure", f"{bounded_a[0]} is bounded against {bounded_e[0]}")
        return _same(bounded_a[1], bounded_e[1], algebra, depth + 1)
    if (bounded_a and relation_e is None) or (bounded_e and relation_a is None):
        return _same(bounded_a[1] if bounded_a else a, bounded_e[1] if bounded_e else e, algebra, depth + 1)
    if relation_a is None or relation_e is None:
        return Decision(False, "structure", "an equation or inequality against an expression")
    return _algebra(a, e, algebra)


def _exact_part(relation: Relation | None) -> str | None:
    r"""'\sqrt{3} \approx 1.73' -> '\sqrt{3}'; None where it is no such thing."""
    if relation is None or relation.signs != (r"\approx",) or read_label(relation) or not relation.sides[0]:
        return None
    return relation.sides[0]


def _is_list(text: str) -> bool:
    """Whether a text is a list at its top level, so that an equals sign belongs to one of its items."""
    shape = read_shape(text)
    if shape is None:
        return False
    return (shape.kind == "list" and r"\pm" not in text) or (shape.kind == "union" and "=" not in text)


def _head(name: str) -> str:
    """f(x) and f(n) are the same label, x and y are not."""
    return re.sub(r"\s+|(?<=\w)\(.*\)$", "", name)


def _shapes(a: str, e: str, algebra: Algebra | None, depth: int) -> Decision | None:
    shape_a, shape_e = _read_any_shape(a), _read_any_shape(e)
    if shape_a is None and shape_e is None:
        return None
    if shape_a is None or shape_e is None:
        one, other = (shape_a, e) if shape_e is None else (shape_e, a)
        assert one is not None
        if one.kind in ("list", "set") or (one.kind == "tuple" and one.brackets == "[]"):
            if len(set(one.items)) != 1:
                return Decision(False, "structure", f"{len(one.items)} values against one")
            pair = (one.items[0], other) if shape_e is None else (other, one.items[0])
            return _same(*pair, algebra, depth + 1)
        if one.kind == "tuple" and (read_number(other) or _is_prose(other)):
            return Decision(False, "structure", "a tuple against a single value")
        return _algebra(a, e, algebra)
    return _match_shapes(shape_a, shape_e, algebra, depth)


def _read_any_shape(text: str) -> Shape | None:
    shape = read_shape(text)
    if shape and shape.kind == "list" and len(shape.items) > 1:
        bounds = [
            bounded for item in shape.items if (relation := read_relation(item)) and (bounded := as_interval(relation))
        ]
        if (
            len(bounds) == len(shape.items)
            and len({name for name, _ in bounds}) == 1
            and re.search(r"\bor\b|\\text", text)
        ):
            return Shape("union", tuple(interval for _, interval in bounds))
    return shape


def _match_shapes(a: Shape, e: Shape, algebra: Algebra | None, depth: int) -> Decision:
    if max(len(a.items), len(e.items)) > MAX_ITEMS:
        return Decision(None, "bounds", f"more than {MAX_ITEMS} items")
    if "matrix" in (a.kind, e.kind):
        if a.kind != e.kind:
            return _all_rows(a, e, algebra, depth)
        rows = [(row_a.split("&"), row_e.split("&")) for row_a, row_e in zip(a.items, e.items, strict=False)]
        if len(a.items) != len(e.items) or any(len(row_a) != len(row_e) for row_a, row_e in rows):
            return Decision(False, "structure", "matrices of different sizes")
        return _in_order(
            [cell for row, _ in rows for cell in row], [cell for _, row in rows for cell in row], algebra, depth
        )
    if "union" in (a.kind, e.kind) and a.kind != e.kind:
        return Decision(False, "structure", f"a {a.kind} against a {e.kind}")
    items_a, items_e = _by_label(a, e)
    if "tuple" in (a.kind, e.kind) and (a.kind == e.kind or len(items_a) > 1):
        if a.kind == e.kind and len(items_a) == len(items_e) == 2 and not _same_brackets(a.brackets, e.brackets):
            return Decision(False, "structure", f"brackets {a.brackets} against {e.brackets}")
        if a.kind == e.kind or "[]" not in (a.brackets, e.brackets):
            return _in_order(items_a, items_e, algebra, depth)
    return _in_any_order(items_a, items_e, algebra, depth)


def _same_brackets(a: str, e: str) -> bool:
    return a == e or {a, e} == {"()", "<>"}


def _all_rows(a: Shape, e: Shape, algebra: Algebra | None, depth: int) -> Decision:
    """A column or row vector is the tuple of its entries; anything else against a matrix is different."""
    matrix, other = (a, e) if a.kind == "matrix" else (e, a)
    cells = [cell for row in matrix.items for cell in row.split("&")]
    vector = len(matrix.items) == 1 or all("&" not in row for row in matrix.items)
    if not vector or other.kind != "tuple":
        return Decision(False, "structure", f"a matrix against a {other.kind}")
    pair = (cells, list(other.items)) if matrix is a else (list(other.items), cells)
    return _in_order(*pair, algebra, depth)


def _by_label(a: Shape, e: Shape) -> tuple[list[str], list[str]]:
    """The items without their labels; where only one side has them, in the order of their names: y=2, x=1 is (1, 2)."""
    sides: list[list[tuple[str, str]] | None] = []
    for shape in (a, e):
        labels = [
            label for item in shape.items if (relation := read_relation(item)) and (label := read_label(relation))
        ]
        sides.append(labels if len(labels) == len(shape.items) else None)
    labels_a, labels_e = sides
    if labels_a and labels_e and len({name for name, _ in labels_a}) == len(labels_a) == len(labels_e):
        if {name for name, _ in labels_a} == {name for name, _ in labels_e}:
            return [value for _, value in sorted(labels_a)], [value for _, value in sorted(labels_e)]
        return list(a.items), list(e.items)
    items = []
    for shape, named in zip((a, e), sides, strict=True):
        distinct = named is not None and len({name for name, _ in named}) == len(named)
        items.append([value for _, value in sorted(named)] if named and distinct else list(shape.items))
    return items[0], items[1]


def _in_order(a: Sequence[str], e: Sequence[str], algebra: Algebra | None, depth: int) -> Decision:
    if len(a) != len(e):
        return Decision(False, "structure", f"{len(a)} items against {len(e)}")
    open_decision: Decision | None = None
    for item_a, item_e in zip(a, e, strict=True):
        decision = _same(item_a, item_e, algebra, depth + 1)
        if decision.equal is False:
            return Decision(False, "structure", f"items differ: {decision.reason}")
        if decision.equal is None:
            open_decision = decision
    return open_decision or Decision(True, "structure", "the same items in order")


def _in_any_order(a: Sequence[str], e: Sequence[str], algebra: Algebra | None, depth: int) -> Decision:
    if len(a) > len(e):
        a = list(dict.fromkeys(a))  # a solution that is named twice; where the gold repeats one, so must the answer
    if len(a) != len(e):
        return Decision(False, "structure", f"{len(a)} different items against {len(e)}")
    left = list(a)
    open_decision: Decision | None = None
    for item_e in e:
        decisions = []
        for item_a in left:
            decisions.append(_same(item_a, item_e, algebra, depth + 1))
            if decisions[-1].equal:
                break
        if decisions and decisions[-1].equal:
            left.pop(len(decisions) - 1)
        elif unsure := [decision for decision in decisions if decision.equal is None]:
            open_decision = unsure[0]
        else:
            return Decision(False, "structure", "an expected item is missing")
    return open_decision or Decision(True, "structure", "the same items")


def _ratios(a: str, e: str, algebra: Algebra | None, depth: int) -> Decision | None:
    """1:2 is 2:4 and 1/2; 3:30 is a time and only itself."""
    sides = [re.fullmatch(r"(-?\d+(?:\.\d+)?)\s*:\s*(\d+(?:\.\d+)?)(.*)", text) for text in (a, e)]
    if not any(sides):
        return None
    values = []
    for match, text in zip(sides, (a, e), strict=True):
        if match and (match[3].strip() or re.match("0", match[2])):
            return Decision(False, "structure", "different times") if all(sides) else None
        values.append(read_number(f"{match[1]}/{match[2]}" if match else text))
    return _numbers(values[0], values[1]) if values[0] and values[1] else None


_CONSTANT_OF_INTEGRATION = re.compile(r"\s*\+\s*[CcKk](?:_\{?\d\}?)?$")


def _algebra(a: str, e: str, algebra: Algebra | None) -> Decision:
    if _CONSTANT_OF_INTEGRATION.search(a) and _CONSTANT_OF_INTEGRATION.search(e):
        a, e = _CONSTANT_OF_INTEGRATION.sub("", a), _CONSTANT_OF_INTEGRATION.sub("", e)
    if too_long := too_large(a) or too_large(e):
        return Decision(None, "bounds", too_long)
    return algebra(a, e) if algebra else NEEDS_ALGEBRA
