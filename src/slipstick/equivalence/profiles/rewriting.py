r"""Rewrites LaTeX answers as the graders descended from the MATH benchmark do: boxes, fractions, roots, last numbers.

The rules are those of `_strip_string` and its parts (MATH, Hendrycks et al. 2021), kept by MAmmoTH, ToRA and Qwen.
"""

import re
from collections.abc import Iterable

_LAST_NUMBER = re.compile(r"-?\d*\.?\d+")


def replaced(text: str, *, pairs: Iterable[tuple[str, str]] = (), removed: Iterable[str] = ()) -> str:
    """The text with each first replaced by its second, in this order, and then each of `removed` left out."""
    for old, new in pairs:
        text = text.replace(old, new)
    for old in removed:
        text = text.replace(old, "")
    return text


def after_last_box(text: str) -> str:
    """What stands in the last box; of one without braces, what comes before the next `$`."""
    rest = text.rpartition("boxed")[2]
    if not rest.startswith("{"):
        return rest.partition("$")[0].strip()
    depth = 0
    for place, character in enumerate(rest):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return rest[1:place]
    return rest[1:]


def last_number(text: str) -> str:
    """The last run of digits with its sign and point, "" if there is none."""
    numbers = _LAST_NUMBER.findall(text)
    return numbers[-1] if numbers else ""


def as_float(text: str) -> float | None:
    """The number that Python reads, None if it reads none."""
    try:
        return float(text)
    except ValueError:
        return None


def without_last_stop(text: str) -> str:
    """Without one full stop and then one slash at the end."""
    return text.removesuffix(".").removesuffix("/")


def leading_zeros(text: str) -> str:
    """A decimal that begins with its point gets a zero before it."""
    return replaced(text, pairs=((" .", " 0."), ("{.", "{0.")))


def right_of_equals(text: str) -> str:
    """`x=3` -> `3`, if at most two characters stand before the only equals sign."""
    sides = text.split("=")
    return sides[1] if len(sides) == 2 and len(sides[0]) <= 2 else text


def braced_fractions(text: str) -> str:
    r"""`\frac12` -> `\frac{1}{2}`, `\frac1{72}` -> `\frac{1}{72}`; as it was if a fraction is cut short."""
    head, *pieces = text.split(r"\frac")
    if any(len(piece) < 2 for piece in pieces):
        return text
    return head + "".join(r"\frac" + _braced(piece) for piece in pieces)


def _braced(piece: str) -> str:
    if piece[0] == "{":
        return piece
    return f"{{{piece[0]}}}{piece[1:]}" if piece[1] == "{" else f"{{{piece[0]}}}{{{piece[1]}}}{piece[2:]}"


def slash_as_fraction(text: str, *, roots: bool) -> str:
    r"""`3/4` -> `\frac{3}{4}`, for two integers only; with `roots` also if a side has a root."""
    sides = text.split("/")
    if len(sides) == 2 and all(
        (roots and "sqrt" in side) or re.fullmatch(r"0|-?[1-9][0-9]*", side) is not None for side in sides
    ):
        return rf"\frac{{{sides[0]}}}{{{sides[1]}}}"
    return text
