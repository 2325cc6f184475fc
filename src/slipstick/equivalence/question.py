r"""Tells an answer from a formula of the question given back: "Simplify \sqrt{72}" answered by \sqrt{72}.

Such an answer has the value that is asked for, and nobody has done anything. It is one only if it is a formula of the
question but for notation, has an operation to do, and if the gold is written otherwise.
"""

import functools
import math
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from slipstick.equivalence.normalize.notation import split_top, tidy
from slipstick.equivalence.normalize.printed import as_written
from slipstick.equivalence.relations import read_relation
from slipstick.equivalence.values.quantities import read_quantity

_CONVERT = re.compile(r"\b(?:convert|express|rewrite|write|change)\b[^.?!]*$", re.IGNORECASE)
_MAX_QUESTION = 20_000
_MAX_ANSWER = 1_000
_MAX_FORMULAS = 300
_OPTIONS = re.compile(
    r"\bwhich (?:one )?of (?:the following|these)\b|(?:^|[\s(])\(?A[).:]\s.{0,300}?[\s(]\(?B[).:]\s"
    r"|\b(?:options?|choices?):",
    re.IGNORECASE | re.DOTALL,
)
"""A question with options: one of its formulas is the answer."""
_FORMULA = re.compile(
    r"\$\$(?P<a>[^$]{1,1000})\$\$|\\\[(?P<b>.{1,1000}?)\\\]|\\\((?P<c>.{1,1000}?)\\\)|(?<!\\)\$(?P<d>[^$]{1,1000}?)(?<!\\)\$"
    r"|\\begin\{(?P<env>align|equation|gather)\*?\}(?P<e>.{1,1000}?)\\end\{(?P=env)\*?\}",
    re.DOTALL,
)
_RUN = re.compile(
    r"(?:\\[A-Za-z]+|(?<![A-Za-z\\])(?:sqrt|sin|cos|tan|cot|sec|csc|log|ln|exp|gcd|lcm|mod|factorial|abs)(?![A-Za-z])"
    r"|\d+(?:[.,]\d+)*|(?<![A-Za-z\\'’])[A-Za-z](?![A-Za-z'’])|[-+*/^=<>|!%()\[\]{}_·×÷−²³√π]|[ ](?=[^ ]))+"
)
"""What reads as a formula in a question without formula signs."""
_ARTICLE = re.compile(r"^(?:[aAI] )+|(?: [aAI])+$")
_ITEMS = re.compile(r"\s*,\s*|\s*;\s*|\\\\|&|\s+and\s+|\\text\s*\{\s*and\s*\}")
_SAME = ((r"\cdot", "*"), (r"\times", "*"), ("**", "^"), (r"\div", "/"), (r"\bigl", ""), (r"\bigr", ""), ("·", "*"))
_SINGLE = re.compile(r"([\^_])\{([\w*])\}")
_NAME = re.compile(r"(?:\\[A-Za-z]+|[A-Za-z])(?:_\{?\w+\}?)?'?(?:\([\w,\\]+\))?")
_TOKEN = re.compile(r"\\[A-Za-z]+|\d+(?:\.\d+)?|[^\s(){}\[\]*]")
_ADDITION = re.compile(r"(?<=[\w)}\]!%'])[-+]|\\(?:pm|mp)(?![A-Za-z])")
_FRACTION = re.compile(r"\\frac\{([^{}]*)\}\{([^{}]*)\}|^([^/]+)/([^/]+)$")
_TERM = re.compile(
    r"-?(?P<number>\d+(?:\.\d+)?)?\*?(?:\\sqrt\{(?P<root>\d+|[A-Za-z])\})?\*?(?P<letters>(?:(?:[A-Za-z]|\\[A-Za-z]+)"
    r"(?:_\w|_\{\w+\})?(?:\^(?:[2-9]|\{\d+\}))?\*?)*)"
)
_FUNCTION = re.compile(
    r"\\(?:a?(?:rc)?(?:sin|cos|tan|cot|sec|csc)h?|log|ln|exp|int|i+nt|sum|prod|lim|gcd|lcm|det|bmod|mod|pmod|binom|lfloor"
    r"|lceil|frac|d?frac|sqrt|div|operatorname|begin|max|min|circ|overline|dot|Re|Im|partial|nabla)(?![A-Za-z])"
)
_BASE = re.compile(r"\w+_\{?(\d+)\}?")
_CUT = re.compile(r"[,;]|\\cup(?![A-Za-z])")
_LETTER = re.compile(r"\\[A-Za-z]+|[A-Za-z]")


_Signs = tuple[object, ...]


class _Question(NamedTuple):
    """The formulas of a question."""

    formulas: frozenset[str]
    """All of them, the sides of their equations and the items of their lists, in one notation."""
    signs: frozenset[_Signs]
    """The signs of all of them."""
    converted: frozenset[str]
    """Those that the question wants to be written otherwise: "Convert ... to", "Express ... as"."""


def is_given_back(answer: str, golds: Sequence[str], question: str, *, reordered: bool = False) -> bool:
    """Whether an answer that is equal to one of the golds is only a formula of the question, given back.

    reordered: also with its terms and factors in another order.
    False for a question with options, for an answer that is written as a gold is but for order and brackets, and for
    plain values (numbers, reduced fractions, single terms, points, intervals, x = 3), unless the question says to
    convert it or the gold is an equation.
    """
    if len(answer) > _MAX_ANSWER or len(question) > _MAX_QUESTION:
        return False
    written, normal = _normal(answer), [_normal(gold) for gold in golds]
    value = _value(written)
    signs = {_signs(written), _signs(value)}
    if any(_signs(form) in signs for gold in normal for form in (gold, _value(gold))):
        return False
    asked = _read(question)
    if not {written, value} & asked.formulas and not (reordered and signs & asked.signs):
        return False
    return written in asked.converted or not _is_finished(written, normal)


@functools.lru_cache(maxsize=256)
def _read(question: str) -> _Question:
    if _OPTIONS.search(question):
        return _Question(frozenset(), frozenset(), frozenset())
    found, converted = {_normal(question)}, set()
    for formula, before in islice(_written(question), _MAX_FORMULAS):
        for part in (formula, *split_top(formula, _ITEMS)):
            whole = _normal(part.strip(" .,;:?"))
            relation = read_relation(whole)
            forms = {
                whole,
                whole.removesuffix("=?").removesuffix("="),
                *map(_normal, relation.sides if relation else ()),
            }
            found |= forms
            converted |= forms if _CONVERT.search(before) else set()
    found -= {""}
    return _Question(frozenset(found), frozenset(map(_signs, found)), frozenset(converted))


def _written(question: str) -> Iterator[tuple[str, str]]:
    """The formulas of a question, each with the text between it and the formula before it."""
    place = 0
    for match in _FORMULA.finditer(question):
        yield next(match[name] for name in "abcde" if match[name]), question[place : match.start()]
        place = match.end()
    words = _FORMULA.sub(" . ", question)
    place = 0
    for match in _RUN.finditer(words):
        for run in {match.group().strip(), _ARTICLE.sub("", match.group().strip())}:
            yield run, words[place : match.start()]
        place = match.end() if len(match.group().strip()) > 1 else place


@functools.lru_cache(maxsize=1024)
def _normal(text: str) -> str:
    """A formula without what does not matter: white space, braces around one sign, ways to write times."""
    text = "".join(as_written(tidy(text.strip().rstrip(".,;:?"))).split())
    for old, new in _SAME:
        text = text.replace(old, new)
    return _SINGLE.sub(r"\1\2", text)


def _value(text: str) -> str:
    """The right side of x = 3 and f(x) = 3, anything else itself."""
    left, equals, right = text.rpartition("=")
    return right if equals and right and _NAME.fullmatch(left) else text


def _signs(text: str) -> _Signs:
    """The signs of each side in no order, so that brackets and the order of terms and factors do not matter."""
    relation = read_relation(text)
    if relation:
        return (*relation.signs, *map(_signs, relation.sides))
    signs = (("/" if sign == r"\frac" else sign) for sign in _TOKEN.findall(text) if sign != r"\text")
    return tuple(sorted(signs))


def _is_finished(answer: str, golds: Sequence[str]) -> bool:
    """Whether there is no operation to do: a plain value, or a sum of plain terms for a gold that is a sum."""
    value, values = _value(answer), [_value(gold) for gold in golds]
    if value != answer and all(_subject(gold) not in ("", _subject(answer)) for gold in golds):
        return False  # solved for another letter
    if read_relation(value) is None and not any(map(_is_plain, values)) and all(map(read_relation, values)):
        return False  # an equation is asked for, and its solutions are given
    if (base := _BASE.fullmatch(value)) and all(_BASE.sub(r"\1", gold) not in (gold, base[1]) for gold in values):
        return False  # a number in another base than that of the gold
    if _is_plain(value):
        return True
    terms, *sums = (split_top(each, _ADDITION) for each in (value.removeprefix("-"), *values))
    parts = {_letters(term) for term in terms}
    return all(len(each) > 1 for each in sums) and len(parts) == len(terms) > 1 and all(map(_is_term, terms))


def _subject(text: str) -> str:
    """The letter that an equation is solved for, "" if it is not solved."""
    left, equals, _ = text.rpartition("=")
    return left if equals and _NAME.fullmatch(left) else ""


def _is_plain(text: str) -> bool:
    """A number, a reduced fraction, a single term, x = 3, or a point, set, interval or list of them."""
    inner = text.removeprefix(r"\{").removesuffix(r"\}")
    items = [item.strip("()[]") for item in _CUT.split(inner)]
    if len(items) > 1:
        return all(map(_is_plain, filter(None, items)))
    relation = read_relation(text)
    if relation:
        return len(relation.sides) == 2 and bool(_NAME.fullmatch(relation.sides[0])) and _is_plain(relation.sides[1])
    return _is_term(text.strip("()"))


def _is_term(text: str) -> bool:
    """A number with its unit, or a product of a number, a root that cannot be simplified and different letters."""
    text = text.removeprefix("\\pm").removeprefix("+")
    if fraction := _FRACTION.fullmatch(text.removeprefix("-")):
        top, bottom = fraction[1] or fraction[3] or "", fraction[2] or fraction[4] or ""
        over, under = _TERM.fullmatch(top), _TERM.fullmatch(bottom)
        if not (over and under and _is_term(top) and _is_term(bottom)) or under["root"]:
            return False
        numbers = [int(match["number"] or 1) if (match["number"] or "1").isdigit() else 0 for match in (over, under)]
        return math.gcd(*numbers) == 1 and not set(_LETTER.findall(top)) & set(_LETTER.findall(bottom))
    if not _FUNCTION.search(text) and read_quantity(text):
        return True
    match = _TERM.fullmatch(text)
    if match is None or _FUNCTION.search(match["letters"]):
        return text in (r"\infty", r"-\infty", r"\emptyset") or text.isalpha()
    letters = _LETTER.findall(match["letters"])
    if "i^" in match["letters"]:
        return False
    return len(set(letters)) == len(letters) and (not match["root"] or _is_bare_root(match["root"]))


def _letters(term: str) -> tuple[str, ...]:
    """The letters of a term with their powers, by which like terms are told."""
    return tuple(sorted(re.findall(r"(?:\\[A-Za-z]+|[A-Za-z])(?:_\w)?(?:\^\w|\^\{\w+\})?|\\sqrt\{\w+\}", term)))


def _is_bare_root(radicand: str) -> bool:
    """Whether a root of a whole number or a letter cannot be simplified: no square divides it."""
    if not radicand.isdigit():
        return True
    number = int(radicand)
    return 1 < number < 10**6 and all(number % (factor * factor) for factor in range(2, math.isqrt(number) + 1))
