r"""Dollar signs: which are around a formula, and which stand before prices, "$45, not $54"."""

import re

_AMOUNT = r"\d[\d,]*(?:\.\d+)?"
_WORDS = r"[^$\\{}^_\n]{0,1000}"
FORMULA_BEGINS = rf"(?!{_AMOUNT}(?![\d.])(?=[^$\\{{}}^_\n]{{0,1000}}[A-Za-z]{{2}}){_WORDS}[\s(]\$)"
r"""Behind a first sign: no amount with words behind it up to a sign behind a space, "$45, so $x = 45$"."""
FORMULA_ENDED = r"(?!\d)"
"""Behind a second sign: no digit, which makes it a price."""
_BEGINS = re.compile(FORMULA_BEGINS)
_ENDED = re.compile(FORMULA_ENDED)


def is_price(text: str, start: int, end: int) -> bool:
    r"""Whether text[start:end], between two dollar signs, is no formula, but a price and what follows it."""
    return not (_BEGINS.match(text, start) and _ENDED.match(text, end + 1))
