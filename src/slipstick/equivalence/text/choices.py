r"""Reads choice letters and compares answers to multiple-choice questions."""

import re

from slipstick.equivalence.decision import Decision

_PREFIX = (
    r"(?:(?:so|thus|hence|therefore),?\s+)?(?:the\s+)?(?:(?:correct|right|best|final)\s+)?"
    r"(?:option|choice|answer|letter|statement)\b(?:\s+(?:is|would\s+be)\b)?[\s:]*"
)
_LETTER = re.compile(
    rf"(?:\\text\s*\{{|[({{\[\s*]|{_PREFIX}){{0,6}}(?P<letter>[A-Ja-j])(?![A-Za-z0-9'^_=+*/-])(?P<rest>.*)",
    re.DOTALL | re.IGNORECASE,
)
_SEPARATOR = re.compile(r"[\s,;&+/]+(?:and\b\s*)?|\band\b\s*", re.IGNORECASE)
_ONE = re.compile(r"(?:\\text\s*\{)?\s*(?:\(?\s*[A-J]\s*\)?|\(\s*[a-j]\s*\))\s*\}?\.?")
_CAPITAL = re.compile("[A-JV]")
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")


def compare_choices(answer: str, expected: str) -> Decision | None:
    """Whether two answers name the same options; None if one of them names none."""
    letter_a, letter_e = read_letter(answer), read_letter(expected)
    if letter_a and letter_e:
        return Decision(letter_a == letter_e, "choice", f"choice {letter_a} against {letter_e}")
    letters_a, letters_e = (
        tuple(read_letters(text) or letter or ()) for text, letter in ((answer, letter_a), (expected, letter_e))
    )
    return Decision(letters_a == letters_e, "choice", "choice letters") if letters_a and letters_e else None


def names_letters(text: str) -> bool:
    r"""Whether an expected answer is letters of options and nothing else: B, (b), \text{(B)}, "A and C"."""
    return _ONE.fullmatch(text) is not None or read_letters(text) is not None


def read_letter(text: str) -> str | None:
    r"""The letter an answer begins with if it is marked as one ("(B) 12", "B.", "\text{(b)}"), in upper case."""
    match = _LETTER.fullmatch(text.strip()) if len(text) <= 1000 else None
    if match is None:
        return None
    closed = re.match(r"[\s)\]}$*.:,]*", match["rest"])
    rest = match["rest"][closed.end() if closed else 0 :]
    marked = re.match(r"(?:\\text\s*\{)?\s*[(\[]", text.strip()) or re.match(r"\s*[).:\]]", match["rest"])
    if rest and (not marked or re.match(r"[-+*/^=_<>!]", rest) or len(rest) > 200):
        return None
    return match["letter"].upper()


def read_letters(text: str) -> tuple[str, ...] | None:
    """The letters or Roman numerals of an answer that names several: "A, C", "AC", "A and C", "I and II only"."""
    if len(text) > 100 or "\\frac" in text or not _CAPITAL.search(text):
        return None
    flat = re.sub(r"[(){}\[\].*]|\bonly\b", " ", re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", text)).strip()
    flat = re.sub(r"^(?:(?:options|choices|answers|statements)\b|both\b)[\s:]*", "", flat, flags=re.IGNORECASE)
    words = [word for word in _SEPARATOR.split(flat) if word]
    if words and all(word in _ROMAN for word in words) and (len(words) > 1 or "only" in text):
        return tuple(sorted(set(words)))
    if len(words) == 1 and re.fullmatch("[A-J]{2,5}", words[0]) and len(set(words[0])) == len(words[0]):
        words = list(words[0])
    if len(words) > 1 and all(re.fullmatch("[A-J]", word) for word in words):
        return tuple(sorted(words))
    return None
