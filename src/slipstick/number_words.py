"""English number words, one table for all that read them; each reader takes the parts that it understands."""

from collections.abc import Mapping
from typing import Final

_ONES = "zero one two three four five six seven eight nine ten eleven twelve"
_TEENS = "thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_FIRST = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_TENTHS = "twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth hundredth"

CARDINALS: Final[Mapping[str, int]] = {
    **{word: value for value, word in enumerate(f"{_ONES} {_TEENS}".split())},
    **{word: 10 * value for value, word in enumerate(_TENS.split(), start=2)},
}
"""zero to nineteen, twenty to ninety."""
MAGNITUDES: Final[Mapping[str, int]] = {
    "hundred": 100,
    "thousand": 1000,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "lakh": 10**5,
    "crore": 10**7,
    "dozen": 12,
}
"""What a number before them is multiplied by."""
ORDINALS: Final[Mapping[str, int]] = {
    **{word: place for place, word in enumerate([*_FIRST.split(), *(f"{word}th" for word in _TEENS.split())], start=1)},
    **{word: 10 * place for place, word in enumerate(_TENTHS.split(), start=2)},
    "thousandth": 1000,
    "millionth": 10**6,
}
PARTS: Final[Mapping[str, int]] = {
    "half": 2,
    "halve": 2,
    "quarter": 4,
    **{word: value for word, value in ORDINALS.items() if value > 2},
}
"""Word -> what it divides by, in the singular."""
MULTIPLES: Final[Mapping[str, int]] = {
    "once": 1,
    **dict.fromkeys(("twice", "double", "doubled", "doubles"), 2),
    **dict.fromkeys(("thrice", "triple", "tripled", "triples"), 3),
    **dict.fromkeys(("quadruple", "quadrupled"), 4),
}
GROUPS: Final[Mapping[str, int]] = {"pair": 2, "couple": 2, "dozen": 12, "score": 20}
"""Nouns that count what they are of."""
