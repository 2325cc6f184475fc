r"""Compares classes of integers: x \equiv 3 \pmod 7 is x \equiv 10 \pmod 7 and 7k + 3, not x = 3."""

import functools
import math
import re
from dataclasses import dataclass

from slipstick.equivalence.decision import Decision, Same, structure
from slipstick.equivalence.structures.families import integer_line
from slipstick.equivalence.structures.parse import plus_and_minus, read_shape
from slipstick.equivalence.text.labels import NAME, flat, same_name
from slipstick.equivalence.values.numbers import read_plain

MAX_LENGTH = 500
MAX_PERIOD = 10_000
_HINT = re.compile(r"mod(?![A-Za-z])")
_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")
_CLASS = re.compile(
    r"(?:(?P<name>[^=<>]*?)\s*(?P<sign>\\equiv(?![A-Za-z])|=)\s*)?(?P<residues>[^=<>]+?)\s*,?\s*"
    r"(?P<bracket>\\p|\(\s*\\?|\\?)mod(?:ulo)?(?![A-Za-z])\s*\{?\s*(?P<modulus>[^{}()=<>,]{1,40}?)\s*\}?\s*(?P<closed>\)?)"
)


@dataclass(frozen=True, slots=True)
class Congruence:
    """Residues that something has, its name empty if it has none."""

    name: str
    """What has them."""
    residues: tuple[str, ...]
    """As they are written."""
    modulus: str
    """As it is written."""

    def integers(self) -> tuple[int, frozenset[int]] | None:
        """The modulus and the reduced residues, None if a letter is in them."""
        numbers = [read_plain(text) for text in (self.modulus, *self.residues)]
        values = [int(number.value) for number in numbers if number and number.value == int(number.value)]
        if len(values) < len(numbers) or not 0 < values[0] <= MAX_PERIOD:
            return None
        return values[0], frozenset(value % values[0] for value in values[1:])


def compare_congruences(a: str, e: str, same: Same) -> Decision | None:
    """Two answers of which one at least is a class of integers; None if neither is."""
    if not (_HINT.search(a) or _HINT.search(e)) or max(len(a), len(e)) > MAX_LENGTH:
        return None
    class_a, class_e = read_congruence(a), read_congruence(e)
    if class_a and class_e:
        return _classes(class_a, class_e, same)
    if class_a is None and class_e is None:
        return None
    found, other = (class_a, e) if class_a else (class_e, a)
    assert found is not None
    if line := integer_line(other):
        name, start, step = line
        family = Congruence(name, (str(start),), str(step))
        return _classes(family, class_e, same) if class_e else _classes(found, family, same)
    if read_shape(other) or len(found.residues) > 1:
        return structure(False, "a class of integers against something else")
    number = read_plain(other)
    if number is None or (class_e and found.name):
        return structure(False, "a class of integers against a value")
    return same(*((found.residues[0], other) if class_a else (other, found.residues[0])))


def _classes(a: Congruence, e: Congruence, same: Same) -> Decision:
    if a.name and e.name and not same_name(a.name, e.name):
        return structure(False, f"{a.name} against {e.name}")
    integers_a, integers_e = a.integers(), e.integers()
    if integers_a and integers_e:
        (modulus_a, residues_a), (modulus_e, residues_e) = integers_a, integers_e
        period = math.lcm(modulus_a, modulus_e)
        if period > MAX_PERIOD:
            return structure(False, f"modulo {modulus_a} against modulo {modulus_e}")
        equal = _written_out(modulus_a, residues_a, period) == _written_out(modulus_e, residues_e, period)
        return structure(equal, "the same class of integers" if equal else "different classes of integers")
    if len(a.residues) != len(e.residues):
        return structure(False, f"{len(a.residues)} residues against {len(e.residues)}")
    for one, other in ((a.modulus, e.modulus), *zip(a.residues, e.residues, strict=True)):
        if (found := same(one, other)).equal is not True:
            return found
    return structure(True, "the same class of integers")


def _written_out(modulus: int, residues: frozenset[int], period: int) -> set[int]:
    return {residue + modulus * count for residue in residues for count in range(period // modulus)}


@functools.lru_cache(maxsize=256)
def read_congruence(text: str) -> Congruence | None:
    r"""The class of integers a tidied text names; 17 \mod 5 is a number."""
    text = " ".join(_TEXT.sub(r" \1 ", text).split())
    if not _HINT.search(text):
        return None
    shape = read_shape(text)
    if shape and shape.kind == "list" and all(_HINT.search(item) for item in shape.items):
        return _joined([_read_one(item) for item in shape.items])
    return _read_one(text)


def _joined(found: list[Congruence | None]) -> Congruence | None:
    """x = 1 or 5 modulo 8 of both with the modulus; different moduli are two statements."""
    known = [one for one in found if one]
    if len(known) < len(found) or len({one.modulus for one in known}) > 1:
        return None
    names = {one.name for one in known if one.name}
    if len(names) > 1:
        return None
    return Congruence(min(names, default=""), tuple(item for one in known for item in one.residues), known[0].modulus)


def _read_one(text: str) -> Congruence | None:
    match = _CLASS.fullmatch(text)
    if match is None or ("(" in match["bracket"]) != bool(match["closed"]):
        return None
    if match["bracket"] in ("", "\\") and match["sign"] != r"\equiv":
        return None
    name = (match["name"] or "").strip()
    if name and not NAME.fullmatch(name):
        return None
    shape = read_shape(match["residues"])
    residues = shape.items if shape and shape.kind in ("list", "set") else (match["residues"].strip(),)
    residues = tuple(value for item in residues for value in (plus_and_minus(item) or (item,)))
    return Congruence(flat(name), residues, match["modulus"])
