r"""Reads choice letters and compares answers to multiple-choice questions."""

from __future__ import annotations

import re

from slipstick.equivalence.notation import plain_words

_LETTER = re.compile(
    r"(?:\\text\s*\{|[({\[\s*]|(?:option|choice|answer)\b[\s:]*)*(?P<letter>[A-Ja-j])(?![A-Za-z0-9'^_=+*/-])(?P<rest>.*)",
    re.DOTALL | re.IGNORECASE,
)


def read_letter(text: str) -> str | None:
    r"""The letter an answer begins with where it is marked as one ("(B) 12", "B.", "\text{(b)}"), in upper case."""
    match = _LETTER.fullmatch(text.strip())
    if match is None:
        return None
    closed = re.match(r"[\s)\]}$*.:,]*", match["rest"])
    rest = match["rest"][closed.end() if closed else 0 :]
    marked = re.match(r"(?:\\text\s*\{)?\s*[(\[]", text.strip()) or re.match(r"\s*[).:\]]", match["rest"])
    if rest and (not marked or re.match(r"[-+*/^=_<>!]", rest) or len(rest) > 200):
        return None
    return match["letter"].upper()


def is_letter(text: str) -> bool:
    r"""Whether a gold is nothing but a choice letter: B, (B), \text{(B)}."""
    return bool(re.fullmatch(r"(?:\\text\s*\{)?\s*\(?\s*[A-J]\s*\)?\s*\}?\.?", text))


def read_letters(text: str) -> tuple[str, ...] | None:
    """The letters of an answer that names several: "A, C", "AC", "A and C"; None where it is no such answer."""
    words = plain_words(text).upper().replace(" AND ", " ").split()
    if len(words) == 1 and re.fullmatch("[A-J]{2,5}", words[0]):
        words = list(words[0])
    if len(words) > 1 and all(re.fullmatch("[A-J]", word) for word in words):
        return tuple(sorted(words))
    return None
