r"""Writes out what answers abbreviate: \pm in sets and tuples, x = y = 1, a double root."""

import itertools
import re
from collections.abc import Sequence

from slipstick.equivalence.decision import Decision, Same, structure
from slipstick.equivalence.normalize.notation import closing_place, split_top
from slipstick.equivalence.structures.matching import in_any_order
from slipstick.equivalence.structures.parse import plus_and_minus, read_shape

MAX_LENGTH = 500
"""Longest text, in characters, in which chains and multiplicities are looked for."""
MAX_TUPLES = 16
"""Most tuples that the signs of one are written out to."""
_VALUE = r"-?(?:\d+(?:[./]\d+)?|\\frac\{\d+\}\{\d+\}|\\sqrt\{\d+\})"
_CHAIN = re.compile(
    rf"(?<![\w\\=+*/^-])(?P<names>[a-z](?:_\d)?(?:\s*=\s*[a-z](?:_\d)?)+)\s*=\s*(?P<value>{_VALUE})(?=\s*(?:[,;.)]|$|or\b|and\b|\\text))"
)
_TIMES = {"double": 2, "twice": 2, "repeated": 2, "triple": 3, "thrice": 3, "quadruple": 4}
_REPEATED = re.compile(
    r"(?P<value>.*?\S)\s*[\s(\\{](?:\s*\\?text\s*\{)?\s*\(?\s*(?:an?\s+|is\s+|with\s+|of\s+)*"
    rf"(?:(?P<times>{'|'.join(_TIMES)})(?:\s+(?:root|solution|zero|pole))?|mult(?:iplicity|\.)?\s*(?P<count>[2-9]))\s*[)}}\s]*"
)
_COMMA = re.compile(r"\s*,\s*")
_MARKS = re.compile(rf"\b(?:{'|'.join(_TIMES)}|mult)")


def chains_written_out(text: str) -> str:
    """x = y = 1 as x = 1, y = 1."""

    def each(match: re.Match[str]) -> str:
        names = [name.strip() for name in match["names"].split("=")]
        return ", ".join(f"{name}={match['value']}" for name in names) if len(set(names)) == len(names) else match[0]

    return _CHAIN.sub(each, text) if text.count("=") > 1 and len(text) <= MAX_LENGTH else text


def signs_written_out(text: str) -> str:
    r"""(\pm 3, \pm 4) as four points, \{\pm 3, 0\} as \{3, -3, 0\}; signs that go together, \pm and \mp, stay."""
    if r"\pm" not in text or r"\mp" in text:
        return text
    begin = 1 if text.startswith(r"\{") else 0
    if text[begin] not in "({[" or closing_place(text, begin) != len(text) - 1:
        items = split_top(text, _COMMA)
        return ", ".join(map(signs_written_out, items)) if len(items) > 1 else text
    inside = text[begin + 1 : -1 - begin]
    values = [plus_and_minus(item) or (item,) for item in split_top(inside, _COMMA)]
    if text[begin] == "{":
        return rf"\{{{', '.join(itertools.chain.from_iterable(values))}\}}"
    points = list(itertools.islice(itertools.product(*values), MAX_TUPLES + 1))
    if len(points) > MAX_TUPLES or len(values) < 2:
        return text
    return ", ".join(f"{text[0]}{','.join(point)}{text[-1]}" for point in points)


def says_how_often(text: str) -> bool:
    """Whether a text may say that a value is one several times: 2 (double)."""
    return len(text) <= MAX_LENGTH and _MARKS.search(text) is not None


def compare_repeated(a: str, e: str, same: Same) -> Decision | None:
    """Roots of which one at least says how often it is one: 2 (double), 3 is 2, 2, 3; None if none does."""
    if not (says_how_often(a) or says_how_often(e)):
        return None
    items_a, items_e = _items(a), _items(e)
    repeated_a, repeated_e = _repeated(items_a), _repeated(items_e)
    if repeated_a == items_a and repeated_e == items_e:
        return None
    found = in_any_order(repeated_a, repeated_e, same)
    if len(repeated_a) == len(repeated_e) or (len(set(repeated_e)) == len(repeated_e) and found.equal):
        return found
    once = in_any_order(list(dict.fromkeys(repeated_a)), list(dict.fromkeys(repeated_e)), same)
    if once.equal and repeated_a == items_a and len(set(repeated_a)) == len(repeated_a):
        return structure(None, "the same roots, which of them are multiple is missing")
    return structure(False, f"{len(repeated_a)} roots against {len(repeated_e)}")


def _items(text: str) -> list[str]:
    shape = read_shape(text)
    return list(shape.items) if shape and shape.kind in ("list", "set") else [text]


def _repeated(items: Sequence[str]) -> list[str]:
    found: list[str] = []
    for item in items:
        match = _REPEATED.fullmatch(item)
        count = 1 if match is None else _TIMES[match["times"]] if match["times"] else int(match["count"])
        found += [match["value"].strip() if match else item] * count
    return found
