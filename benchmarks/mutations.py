r"""Makers of operators that make a gold wrong, and an independent check for changes that change nothing.

An operator returns the changed texts of a gold, none if it has nothing to change. What it says is wrong by its rule;
`equal_by_chance` evaluates both texts with another parser (that of math-verify) for what is equal all the same, such as
a changed number that is multiplied by zero. The operators are in `benchmarks.operators`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

import sympy
from latex2sympy2_extended import latex2sympy

Operator = Callable[[str], Iterable[str]]
"""A gold -> the golds made wrong."""
Condition = Callable[[str], bool]
"""Whether a gold is one that an operator is for."""
Replacement = str | Callable[[re.Match[str]], str]
"""What is put for a match: a template of groups, or a function."""

CONSTANT = r"(?<![\\A-Za-z])[cCkK](?![A-Za-z(])"
"""What may be an arbitrary constant, which swallows signs, factors and other constants."""
_RELATION = re.compile(r"[=<>]|\\(?:leq?|geq?|neq?|equiv|in|to|approx|sim|subset|mid)\b")
_FAMILY = re.compile(r"\\[pm][mp]\b|infty|\\\{|begin|,|;|\n|\\quad|:")
_WORDS = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{3,}|\\(?:text|mathrm|mbox|textbf)\b|\$|%")
_THOUSANDS = re.compile(r"(?<=\d)(?:,|\{,\}|,\\!)(?=\d{3}(?!\d))")
_INTERVAL = re.compile(r"(?:\\left)?[(\[][^()\[\]]*,[^()\[\]]*(?:\\right)?[)\]]")
_WORD = re.compile(r"[A-Z]?[a-z]{3,}(?: [A-Z]?[a-z]+)?")


def matches(pattern: str) -> Condition:
    """The condition that all of a gold matches a pattern."""
    compiled = re.compile(pattern)
    return lambda gold: bool(compiled.fullmatch(gold))


is_decimal = matches(r"-?\d{0,12}\.\d{1,12}")
is_whole = matches(r"-?\d{1,15}")
is_option = matches("[A-E]")
is_time = matches(r"\d{1,2}:\d\d(?::\d\d)? ?[aApP]\.?[mM]\.?")


def is_matrix(gold: str) -> bool:
    """Whether a gold is a matrix, or has one in it."""
    return "matrix}" in gold


def is_expression(gold: str) -> bool:
    """Whether a gold is one value or formula: no list, relation, words, family of values or arbitrary constant."""
    text = _THOUSANDS.sub("", gold)
    return not any(found.search(text) for found in (_FAMILY, _RELATION, _WORDS)) and not re.search(CONSTANT, text)


def is_prose(gold: str) -> bool:
    """Whether a gold is a sentence, a whole solution or a yes with its reason: its parts need not be repeated."""
    if re.match(r"(?:Yes|No|True|False)\b.", gold):
        return True
    bare = re.sub(r"\\[A-Za-z]+|\\(?:text|mathrm|mbox|textbf) ?\{[^}]*\}", " ", gold)
    return len(re.findall(r"[A-Za-z]{3,}", bare)) > 3 or len(gold) > 200


def is_word(gold: str) -> bool:
    """Whether a gold is a name or a single word."""
    return bool(_WORD.fullmatch(gold)) and gold.lower() not in ("none", "proof", "undefined")


def is_number(gold: str) -> bool:
    """Whether a gold is a plain number but zero."""
    return (is_whole(gold) or is_decimal(gold)) and float(gold) != 0


def is_integer(gold: str) -> bool:
    """Whether a gold is an integer above one."""
    return is_whole(gold) and int(gold) > 1


def is_interval(gold: str) -> bool:
    """Whether a gold is written as an interval or pair, or as a union."""
    return bool(_INTERVAL.fullmatch(gold)) or r"\cup" in gold


def each(pattern: str, put: Replacement, *, without: str = r"(?!)", among: Condition | None = None) -> Operator:
    """The operator that replaces one match of a pattern at a time, in golds where `without` does not match."""
    compiled, never = re.compile(pattern), re.compile(without)

    def changed(gold: str) -> Iterator[str]:
        if is_prose(gold) or never.search(gold) or (among and not among(gold)):
            return
        for match in compiled.finditer(gold):
            new = match.expand(put) if isinstance(put, str) else put(match)
            yield gold[: match.start()] + new + gold[match.end() :]

    return changed


def whole(*templates: str, among: Condition = is_expression) -> Operator:
    """The operator that puts a whole gold for GOLD into templates."""
    return lambda gold: [template.replace("GOLD", gold) for template in templates] if among(gold) else []


def of_integer(change: Callable[[int], str | None]) -> Operator:
    """The operator that changes a gold that is an integer."""

    def changed(gold: str) -> Iterable[str]:
        new = change(int(gold)) if is_whole(gold) else None
        return [new] if new is not None else []

    return changed


def of_items(change: Callable[[list[str]], Iterable[list[str]]], *, tuples_only: bool = False) -> Operator:
    """The operator that changes the distinct items of a list, set or tuple."""

    def changed(gold: str) -> Iterator[str]:
        left, body, right = _shell(gold)
        items = _split(body)
        if len(items) < 2 or len(set(items)) < len(items) or (tuples_only and left != "(") or is_prose(gold):
            return
        if not _RELATION.search(gold) or all("=" in item for item in items):
            for kept in change(items):
                yield left + ", ".join(kept) + right

    return changed


def of_words(pairs: dict[str, str]) -> Operator:
    """The operator that puts one word for another where it is the gold."""
    both = pairs | {other: one for one, other in pairs.items()}

    def changed(gold: str) -> Iterable[str]:
        other = both.get(gold.strip(". ").lower())
        return [other] if other else []

    return changed


def _shell(gold: str) -> tuple[str, str, str]:
    """The brackets around all of a gold, without their sizes, and what is inside."""
    for left, right in (("\\{", "\\}"), ("\\left(", "\\right)"), ("(", ")"), ("\\left\\{", "\\right\\}")):
        inside = gold[len(left) : -len(right)]
        if gold.startswith(left) and gold.endswith(right) and left not in inside:
            return left.removeprefix("\\left"), inside, right.removeprefix("\\right")
    return "", gold, ""


def _split(body: str) -> list[str]:
    """The items of a list by the commas outside of brackets; none if a comma may be one of thousands."""
    if re.search(r"\d,\d{3}(?!\d)|\\[,!]", body):
        return []
    items, depth, item = [], 0, ""
    for sign in body:
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            items.append(item.strip())
            item = ""
        else:
            item += sign
    return [*items, item.strip()] if depth == 0 else []


def equal_by_chance(one: str, other: str) -> bool:
    """Whether two formulas have the same value at every point tried, by another parser and numeric evaluation."""
    try:
        left, right = (latex2sympy(text.rpartition("=")[2]) for text in (one, other))
        letters = sorted(left.free_symbols | right.free_symbols, key=str)
        for point in ("1.37", "0.52", "2.91", "5.13", "-0.71", "-3.29"):
            values = {letter: sympy.Float(point) + sympy.Rational(place, 7) for place, letter in enumerate(letters)}
            a, b = (complex(side.subs(values).evalf(20)) for side in (left, right))
            if not abs(a - b) <= 1e-9 * max(1e-3, abs(a), abs(b)):
                return False
        return True
    except Exception:  # what another parser cannot read is left to the reader
        return False
