r"""Reads units and says whether two of them go together; a unit may be missing, not different."""

from __future__ import annotations

import re

from slipstick.equivalence.vocabulary import DIMENSIONLESS, MONEY, NO_UNITS, UNIT_LETTERS, UNITS


def read_unit(text: str, *, glued: bool) -> str | None:
    r"""The canonical unit of what follows a number, '' where it says nothing, None where it is no unit.

    `glued` says that no space stood before it: then 5x is algebra, 5cm a length.
    """
    marked = bool(re.match(r"\\?(?:text\s*)?\{", text))
    if len(text) > 200:
        return None
    flat = re.sub(r"\\text\s*\{([^{}]*)\}|\{([^{}]*)\}", lambda m: m.group(1) or m.group(2) or "", text)
    flat = re.sub(r"\^\s*\\circ\s*([CF])?(?![A-Za-z])", lambda m: f" degree{m.group(1) or ''} ", flat)
    flat = re.sub(r"\^\s*\(?(\d)\)?", r"^\1", flat).replace("\\", " ").strip(" .,()")
    if flat == "$":
        return "dollar"
    if not re.fullmatch(r"[A-Za-z°'€£][A-Za-z\s/^°'.€£\-\d]*", flat) or re.search(r"(?<!\^)\d", flat):
        return None
    words = flat.split()
    if len(words) > 8 or (any(word.casefold() in NO_UNITS for word in words) and not marked):
        return None
    first = words[0]
    if not marked and len(re.sub(r"\W.*", "", first)) == 1 and (glued or first[0] not in UNIT_LETTERS):
        return None
    if not marked and (glued or len(first) == 2) and _known(first) is None:
        return None
    return _canonical(words)


def units_agree(a: str, b: str) -> bool:
    """Whether two units go together: one is missing, they are the same, or both name the same thing in other words."""
    if not a or not b or a == b:
        return True
    words_a, words_b = set(a.split()) - DIMENSIONLESS, set(b.split()) - DIMENSIONLESS
    if not words_a or not words_b:
        return True
    if all(word.partition("^")[0] in UNITS.values() for word in words_a | words_b):
        return words_a == words_b
    return bool(words_a & words_b)


def _known(word: str) -> str | None:
    """The canonical name of a unit or of a quotient of units, None where it is not known."""
    parts = []
    for part in word.strip(".").split("/"):
        stem, _, power = part.partition("^")
        name = UNITS.get(stem.casefold()) or UNITS.get(stem.casefold().removesuffix("s"))
        if name is None and part:
            return None
        parts.append(f"{name}^{power}" if power else name or "")
    return "/".join(parts)


def _canonical(words: list[str]) -> str:
    named: list[str] = []
    power = ""
    for word in words:
        lower = word.casefold().strip(".,")
        if lower in ("square", "sq", "cubic", "cu"):
            power = "^2" if lower.startswith("sq") else "^3"
        elif lower in ("squared", "cubed") and named:
            named[-1] += "^2" if lower == "squared" else "^3"
        elif lower == "per" and named:
            named[-1] += "/"
        elif lower not in ("of", "the", "in", "each", "per", "a"):
            name = (_known(word) or _stem(lower)) + power
            if named and named[-1].endswith("/"):
                named[-1] += name
            else:
                named.append(name)
            power = ""
    unit = " ".join(named)
    if unit.startswith(MONEY):
        return unit.partition("/")[0]  # "18 dollars per day" and "$18" name the same money
    return {"mi/h": "mph"}.get(unit, unit)


def _stem(word: str) -> str:
    return word.removesuffix("s") if len(word) > 3 else word
