r"""Several answers that stand side by side: "**6** and **8**", `$$x_1 = 2$$` over `$$x_2 = 3$$`, a bullet for each."""

import re
from fractions import Fraction
from itertools import takewhile

from slipstick.answers.bold import without_bold
from slipstick.answers.found import Found
from slipstick.answers.values import DIGITS

_NUMBER = rf"[-−]?[$€£]?{DIGITS}"
_PLAIN = re.compile(
    rf"(?:(?P<name>[^\W\d_](?:_?\{{?[1-9]\}}?)?)\s?=\s?|(?P<label>[^\W\d_]+(?:\s[^\W\d_]+)?):\s)?(?P<value>{_NUMBER})(?P<unit>%|\s?[^\W\d_]+)?"
)
"""A number, the value of a variable or what someone has: "8", "x_1 = 8", "Ann: 8 kg"."""
_BOLD_BEFORE = re.compile(r"(?:\*\*[^*\n]{1,60}\*\*(?:,\s|,?\s(?:and|or)\s)){1,9}\Z")
_BOLD = re.compile(r"\*\*([^*\n]{1,60})\*\*")
_BULLET = re.compile(r"[ \t]*[-*•][ \t]+(?P<item>[^\n]{1,80}?)[ \t.]*")
_DISPLAYED = re.compile(r"[ \t]*(?:\$\$(?P<a>[^$\n]{1,80})\$\$|\\\[(?P<b>[^$\n]{1,80}?)\\\])[ \t.,]*")
_LIST = re.compile(
    rf"\s*(?:[^\W\d_]+\s){{0,4}}[^\W\d_]+(?:\s\d+)?:[ \t]+\**(?P<run>{_NUMBER}(?:,[ \t]+(?:and\s)?{_NUMBER}){{2,}})"
    r"\**[\s.!]*"
)
"""A reply of one line that lists numbers: "Factors of 6: 1, 2, 3, 6"."""
_SIGNS = re.compile(r"\A\s*(?:\$|\\\()(?P<inner>[^$]*?)(?:\$|\\\))\s*\Z|\A\s+|\s+\Z")
_UNKNOWNS = ("xyz", "abcd", "mn", "pq", "uv", "st")
"""Variables that are solved for together."""
_SUMS = frozenset(
    (
        *("total", "sum", "answer", "result", "remaining", "left", "remainder", "difference", "profit", "net", "all"),
        *("average", "mean", "final", "change", "altogether", "product", "together", "overall", "check", "step"),
    )
)
"""Words before what is computed from the items before it."""
_MOST = 12
"""Items that are one answer."""


def with_others(text: str, found: Found) -> Found:
    """A guess with the answers that stand beside it in the same way; as it was if it stands alone."""
    if found.rule == "bold" and (listed := _BOLD_BEFORE.search(text, max(0, found.start - 400), found.start)):
        return _joined(
            text,
            found,
            [m.group(1) for m in _BOLD.finditer(text, listed.start(), found.end)],
            listed.start(),
            found.end,
        )
    if found.rule == "last number" and len(text) <= 300 and (run := _LIST.fullmatch(text)):
        return Found(run["run"], *run.span("run"), found.rule)
    end = len(text.rstrip())
    lines = text[max(0, end - 1000) : end].split("\n")
    if len(lines) < 2 or found.start < end - len(lines[-1]):
        return found
    for shape in (_BULLET, _DISPLAYED):
        matches = list(takewhile(bool, (shape.fullmatch(line) for line in reversed(lines))))[::-1]
        if len(matches) > 1:
            items = [match[match.lastgroup or 0] for match in matches if match]
            before = "\n".join(lines[: -len(items)]).rstrip()
            start = end - len("\n".join(lines[-len(items) :]))
            return _joined(text, found, items, start, end, names=not before or before.endswith(":"))
    return found


def with_items_below(text: str, found: Found) -> Found:
    """A marked answer in a bullet with those in the bullets below it; as it was if they are no answers of its kind."""
    begin = text.rfind("\n", 0, found.start) + 1
    items: list[str] = []
    place = begin
    while _BULLET.match(text, place) and len(items) <= _MOST:
        stop = text.find("\n", place)
        stop = len(text) if stop < 0 else stop
        if not (match := _BULLET.fullmatch(text, place, stop)):
            return found
        items.append(match["item"])
        place = min(stop + 1, len(text))
    if len(items) < 2:
        return found
    return _joined(text, found, items, begin, place, names=True)


def _joined(text: str, found: Found, items: list[str], start: int, end: int, *, names: bool = False) -> Found:
    """The items as one answer, if they are of one kind and none is computed from the others."""
    plain = [_PLAIN.fullmatch(_SIGNS.sub(r"\g<inner>", without_bold(item.strip()))) for item in items]
    parts = [part for part in plain if part]
    if len(parts) < len(items) or len(items) > _MOST or not _alike(parts, names=names):
        return found
    either = re.search(r"\*\*\sor\s", text[start:end])
    return Found((" or " if either else ", ").join(part.group() for part in parts), start, end, found.rule)


def _alike(parts: list[re.Match[str]], *, names: bool) -> bool:
    """Whether values are several answers: of one variable, of unknowns, of several people, or plain."""
    variables = [part["name"] for part in parts]
    labels = [part["label"] for part in parts]
    values = [_value(part["value"]) for part in parts]
    if None in values or len({part["unit"] for part in parts}) > 1:
        return False
    if all(variables):
        letters = [name[0] for name in variables]
        if len(set(letters)) == 1:
            return len(set(zip(variables, values, strict=True))) == len(parts) and len(set(variables)) in (
                1,
                len(parts),
            )
        return len(set(variables)) == len(parts) and any(set(letters) <= set(family) for family in _UNKNOWNS)
    if any(variables):
        return False
    numbers = [value for value in values if value is not None]
    if all(labels):
        sums = any(word in _SUMS for label in labels for word in label.lower().split())
        return names and len(set(labels)) == len(parts) and not sums and not _computed(numbers)
    return not any(labels) and len(set(numbers)) == len(parts)


def _computed(values: list[Fraction]) -> bool:
    """Whether the last value is the sum or the product of the others, or their difference if they are two."""
    *others, last = values
    product = Fraction(1)
    for other in others:
        product *= other
    return len(others) > 1 and last in (sum(others), product, abs(others[0] - others[-1]))


def _value(text: str) -> Fraction | None:
    top, _, bottom = re.sub(r"[$€£,]", "", text).replace("−", "-").partition("/")
    return None if bottom and not int(bottom) else Fraction(top) / int(bottom or 1)
