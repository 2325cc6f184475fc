r"""Bounds what is handed to computer algebra in a worker, by the text alone: length, nesting, exponents, sums."""

import itertools
import re

MAX_ALGEBRA_LENGTH = 2_000
MAX_NESTING = 60
MAX_EXPONENT_DIGITS = 4
MAX_FACTORIAL_DIGITS = 3
_BIG_EXPONENT = re.compile(rf"(?:\^|\*\*)\s*[{{(]?\s*[-+]?\s*\d{{{MAX_EXPONENT_DIGITS + 1},}}")
_TOWER = re.compile(r"(?:\^|\*\*)\s*\(?\{?\s*-?\(?\s*\d+\s*\}?\)?\s*(?:\^|\*\*)")
_BOUNDS = re.compile(r"\\(?:sum|prod|int)\s*_\s*(?:\{[^{}]*\}|\w)\s*\^")
_TALL = re.compile(r"[\w}]\s*\^\s*\{[^{}]*(?:\^\s*\{[^{}]*\^|\d\s*\^\s*\{?\s*\d)")
_POWERS_IN_FACTORIAL = re.compile(r"\([^()]*(?:\^|\*\*)[^()]*\)\s*!")
_COUNTED = re.compile(r"\\(?:d|t)?binom|\\choose|\\prod|\bnCr|\bnPr|binom")


def too_large(text: str) -> str | None:
    """Why a text is too large for computer algebra, None if it is not."""
    if len(text) > MAX_ALGEBRA_LENGTH:
        return f"longer than {MAX_ALGEBRA_LENGTH:,} characters"
    levels = itertools.accumulate((sign in "([{") - (sign in ")]}") for sign in text)
    if max(levels, default=0) > MAX_NESTING:
        return f"nested more than {MAX_NESTING} deep"
    if _BIG_EXPONENT.search(text):
        return f"an exponent of more than {MAX_EXPONENT_DIGITS} digits"
    powers = _BOUNDS.sub(" ", text)
    if _TOWER.search(powers) or _TALL.search(powers):
        return "a tower of exponents"
    if _POWERS_IN_FACTORIAL.search(text) or re.search(rf"\d{{{MAX_FACTORIAL_DIGITS + 1},}}\s*\)?\s*!", text):
        return f"a factorial of more than {MAX_FACTORIAL_DIGITS} digits"
    if _COUNTED.search(text) and (re.search(r"\d{5,}|\d\s*\^\s*\{?\s*\d", text)):
        return "a sum, product or binomial over large numbers"
    if re.search(r"\d{4001,}", text):
        return "a number of more than 4,000 digits"
    return None
