r"""Compares solutions with a free integer, \frac{\pi}{4} + n\pi for n \in \mathbb{Z}, whatever its letter is.

Two linear families a + bn and c + dn are the same numbers if b is d or -d and a - c a multiple of it.
"""

import re

from slipstick.equivalence.decision import Decision, Same, structure
from slipstick.equivalence.structures.intervals import real_value
from slipstick.equivalence.symbolic.expression import Expression, symbols
from slipstick.equivalence.symbolic.reader import read

MAX_LENGTH = 300
_SET = r"(?:\\mathbb\s*\{?\s*Z\s*\}?|\\Z|Z|ℤ|Integers|(?:the )?integers)"
_INTEGERS = rf"(?:\\in\s*{_SET}|(?:is |= ?)?any? integer|integer)"
_CONDITION = re.compile(
    r"\s*[,;]?\s*\(?\s*(?:(?:where|for|with|and|any|all|some|every|each|integers?)\s+)*"
    rf"(?P<name>[a-z])\s*{_INTEGERS}\s*\)?$"
    rf"|\s*[,;]?\s*\(?\s*(?:where|for|with)\s+(?:(?:any|all|some|every|each)\s+)?integers?\s+(?P<other>[a-z])\s*\)?$"
)
_OTHER_SET = re.compile(r"\\in(?![A-Za-z])|\b(?:real|rational|complex|natural)\b")
"""What calls a letter a number of another kind."""
_LETTERS = frozenset("nkmlj")
_NEAR = 1e-9


def compare_families(a: str, e: str, same: Same) -> Decision | None:
    """Two families of numbers of which one says that its letter is an integer; None if they are no such thing."""
    if max(len(a), len(e)) > MAX_LENGTH:
        return None
    (body_a, name_a), (body_e, name_e) = _read(a), _read(e)
    if not name_a and not name_e:
        return _undeclared(body_a, body_e, same)
    if any(_OTHER_SET.search(body) for body, name in ((body_a, name_a), (body_e, name_e)) if not name):
        return structure(False, "integers against numbers of another kind")
    name_a = name_a or _only_letter(body_a)
    name_e = name_e or _only_letter(body_e)
    if not name_a or not name_e:
        return structure(False, "a family of numbers against others")
    if name_a != name_e and name_e in _letters(body_a):
        return None
    found = same(_renamed(body_a, name_a, name_e), body_e)
    if found.equal is False and (linear := _linear(body_a, name_a, body_e, name_e, same)):
        return linear
    return found


def _undeclared(a: str, e: str, same: Same) -> Decision | None:
    r"""n\pi and k\pi: beside \pi, n and k are integers even if the text does not say so."""
    if "pi" not in a or "pi" not in e:
        return None
    name_a, name_e = _only_letter(a), _only_letter(e)
    return same(_renamed(a, name_a, name_e), e) if name_a and name_e and name_a != name_e else None


def _read(text: str) -> tuple[str, str]:
    """The text without its condition, and the letter that the condition calls an integer."""
    flat = re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", text).strip()
    condition = _CONDITION.search(flat)
    if condition is None or not condition.start():
        return text, ""
    return flat[: condition.start()].strip(" ,;"), condition["name"] or condition["other"]


def _letters(text: str) -> set[str]:
    return set(re.findall(r"(?<![A-Za-z\\])[a-z](?![A-Za-z])", text))


def _only_letter(text: str) -> str:
    found = _letters(text.rpartition("=")[2]) - {"e", "i"}
    return found.pop() if len(found) == 1 and found <= _LETTERS else ""


def _renamed(text: str, old: str, new: str) -> str:
    return re.sub(rf"(?<![A-Za-z\\]){old}(?![A-Za-z])", new, text)


def _linear(a: str, name_a: str, e: str, name_e: str, same: Same) -> Decision | None:
    """Whether two linear families are the same numbers although they begin elsewhere or run the other way."""
    (before_a, _, a), (before_e, _, e) = a.rpartition("="), e.rpartition("=")
    if name_a in _letters(before_a) or name_e in _letters(before_e):
        return None  # of several families the last is not all
    tree_a, tree_e = read(a), read(e)
    if tree_a is None or tree_e is None or symbols(tree_a) != {name_a} or symbols(tree_e) != {name_e}:
        return None
    line_a, line_e = _line(tree_a, name_a), _line(tree_e, name_e)
    if line_a is None or line_e is None:
        return None
    (start_a, step_a), (start_e, step_e) = line_a, line_e
    shift = (start_a - start_e) / step_e
    if abs(abs(step_a) - abs(step_e)) > _NEAR * abs(step_e) or abs(shift - round(shift)) > _NEAR * max(1, abs(shift)):
        return structure(False, "different families of numbers")
    way = 1 if step_a * step_e > 0 else -1
    for count in (0, 1):
        decision = same(_at(a, name_a, count), _at(e, name_e, round(shift) + way * count))
        if not decision.equal:
            return decision
    return structure(True, "the same family of numbers")


def _line(tree: Expression, name: str) -> tuple[float, float] | None:
    values = [real_value(tree, {name: count}) for count in range(4)]
    known = [value for value in values if value is not None]
    if len(known) < 4:
        return None
    step = known[1] - known[0]
    straight = all(abs(known[n + 1] - known[n] - step) <= _NEAR * abs(step) for n in range(3))
    return (known[0], step) if straight and step else None


def integer_line(text: str) -> tuple[str, int, int] | None:
    """(name, start, step) of x = 7k + 3 with integers, whether or not the text says that k is one."""
    if len(text) > MAX_LENGTH:
        return None
    body, letter = _read(text)
    letter = letter or _only_letter(body)
    left, _, value = body.rpartition("=")
    tree = read(value) if letter else None
    if tree is None or symbols(tree) != {letter} or (line := _line(tree, letter)) is None:
        return None
    start, step = (round(number) for number in line)
    return (left.strip(), start, abs(step)) if line == (start, step) else None


def _at(text: str, name: str, count: int) -> str:
    return re.sub(rf"(?<![A-Za-z\\]){name}(?![A-Za-z])", f"({count})", text)
