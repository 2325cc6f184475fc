r"""Reads which options an answer names, all of them, and compares answers to multiple-choice questions.

"(A), (B)" names two, "A or B" one of two, "not B or C, but D" one, "A is wrong" none. Words around the letters that are
not of a small list leave an answer to the other layers.
"""

import re
from dataclasses import dataclass

from slipstick.equivalence.decision import Decision
from slipstick.equivalence.normalize.vocabulary import CHOICE_DENIALS, CHOICE_WORDS

_MAX_LENGTH = 1_000
_MAX_REST = 200
_MAX_LIST = 100
_PREFIX = (
    r"(?:(?:so|thus|hence|therefore),?\s+)?(?:the\s+)?(?:(?:correct|right|best|final)\s+)?"
    r"(?:options?|choices?|answers?|letters?|statements?)\b(?:\s+(?:is|are|would\s+be)\b)?[\s:]*"
)
_OPENING = re.compile(rf"(?:\\text\s*\{{|[({{\[\s*]|{_PREFIX}){{0,6}}", re.IGNORECASE)
_FIRST = re.compile(r"(?P<letter>[A-Ja-j])(?![A-Za-z0-9'^_=+*/-])(?P<rest>.*)", re.DOTALL)
_BRACKETED = re.compile(r"[(\[]\s*[A-Ja-j]\s*[)\]]")
_ONE = re.compile(r"(?:\\text\s*\{)?\s*(?:\(?\s*[A-J]\s*\)?|[(\[]\s*[A-Ja-j]\s*[)\]])\s*\}?\.?")
_TITLE = re.compile(r"\([A-J]\)\s*(?:[A-J]\b(?!\))|\d)|[A-J]:\s*[A-J]\b(?!:)")
"""The letter of an option whose text are letters: (B) A and C."""
_NEXT = re.compile(r"[\s,;][A-Ja-j](?P<mark>[.):])\s+\S")
"""The letter of the next option, in a list of them with their texts."""
_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")
_BRACKETS = re.compile(r"\\?[{}]|[()\[\].*:]")
_LEAD = re.compile(r"^(?:(?:options|choices|answers|statements)\b|both\b|either\b)[\s:]*", re.IGNORECASE)
_SEPARATOR = re.compile(r"[\s,;&+/]+")
_REASON = re.compile(r"[,;]?\s*\b(?:because|since|as|due)\b.*", re.DOTALL | re.IGNORECASE)
_DENIAL = rf"(?:{'|'.join(CHOICE_DENIALS)})(?![\w'])"
_GOES_ON = re.compile(
    r"[-+*/^=_<>!]|(?:and|or|nor|but)\s+[(\[]?[A-J]\b|(?:wrong|incorrect|fails?|eliminated|rejected)\b"
    rf"|(?:is|are|was|were)\s+(?:\w+\s+)?{_DENIAL}|(?:isn't|aren't|can't\s+be|cannot\s+be)\s+(?:correct|right|true|the\b|it\b)"
)
"""What behind a letter belongs to a sentence about it, and is not the option's text."""
_JOINT = r"\s*(?:,\s*)?\b(?:and|or|nor)\b\s*|\s*[,;/&]\s*"
_LETTERS = rf"(?-i:[(\[]?\b[A-J]\b[)\].:]?(?:(?:{_JOINT})[(\[]?\b[A-J]\b[)\].:]?)*)"
_BEFORE = (
    r"not|neither|nor|(?:all|any|every|anything|everything|any(?:\s+one)?)\s+but|cannot\s+be|can't\s+be|isn't|aren't|except|rather\s+than|instead\s+of|eliminat\w+|rul\w+\s+out"
    r"|exclud\w+|reject\w*"
)
_DENIED = re.compile(
    rf"\b(?:{_BEFORE})\s+(?:(?:the|options?|choices?|either|be)\s+){{0,3}}{_LETTERS}"
    rf"|(?:\b(?:options?|choices?|both|either|neither)\s+)?{_LETTERS}\s*"
    r"(?:(?:is|are|was|were|do|does|can|could|must|has|have)\s+)?(?:(?:been|be|all|both|also|clearly)\s+)?"
    rf"{_DENIAL}(?:\s+be\b)?(?:\s+(?:correct|right|true|the\s+(?:answer|one)))?",
    re.IGNORECASE,
)
"""Letters with the words that deny them, before them or behind."""
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")


@dataclass(frozen=True, slots=True)
class Options:
    """The options that an answer names."""

    letters: frozenset[str]
    """Capital letters or Roman numerals; none if all that are named are denied."""
    either: bool = False
    """Whether it says that one of them is right without saying which: A or B."""


def compare_choices(answer: str, expected: str) -> Decision | None:
    """Whether two answers name the same options; None if one of them names none."""
    options_a, options_e = read_options(answer), read_options(expected)
    if options_a is None or options_e is None or not options_e.letters:
        return None
    named_a, named_e = (_said(options) for options in (options_a, options_e))
    return Decision(options_a == options_e, "choice", f"choice {named_a} against {named_e}")


def names_letters(text: str) -> bool:
    r"""Whether an expected answer is letters of options and nothing else: B, (b), \text{(B)}, "A and C"."""
    return _ONE.fullmatch(text) is not None or len((_read_list(text) or Options(frozenset())).letters) > 1


def read_letter(text: str) -> str | None:
    r"""The one letter an answer names ("(B) 12", "B.", "\text{(b)}", "not A, but B"), in upper case."""
    options = read_options(text)
    if options is None or options.either or len(options.letters) != 1:
        return None
    letter = next(iter(options.letters))
    return letter if len(letter) == 1 else None


def read_options(text: str) -> Options | None:
    """The options an answer names, None if it does not name options."""
    text = text.strip()
    if not text or len(text) > _MAX_LENGTH:
        return None
    return _read_list(text) or _read_described(text) or _read_said(text)


def _said(options: Options) -> str:
    return (" or " if options.either else ", ").join(sorted(options.letters)) or "none"


def _read_list(text: str) -> Options | None:
    """Letters and nothing else: "A, C", "AC", "(A) (B)", "A) B)", "A or B", "I and II only"."""
    if len(text) > _MAX_LIST or "\\frac" in text or _TITLE.match(text):
        return None
    flat = _BRACKETS.sub(" ", _TEXT.sub(r" \1 ", text)).strip()
    flat = re.sub(r"\bonly\b|\bboth\b", " ", _LEAD.sub("", flat)).strip()
    words = [word for word in _SEPARATOR.split(flat) if word]
    joints = {word for word in words if word in ("and", "or")}
    words = [word for word in words if word not in joints]
    if not words or not re.search("[A-JV]", flat):
        return None
    if all(word in _ROMAN for word in words) and (len(words) > 1 or "only" in text):
        return Options(frozenset(words), "or" in joints)
    if len(words) == 1 and re.fullmatch("[A-J]{2,5}", words[0]) and len(set(words[0])) == len(words[0]):
        words = list(words[0])
    if len(words) > 1 and all(re.fullmatch("[A-J]", word) for word in words):
        return Options(frozenset(words), "or" in joints)
    return None


def _read_described(text: str) -> Options | None:
    """A letter, alone or with its text: B, "(B) 12", "B: because ..."."""
    opening = _OPENING.match(text)
    match = _FIRST.fullmatch(text, opening.end() if opening else 0)
    if match is None:
        return None
    closed = re.match(r"[\s)\]}$*.:,]*", match["rest"])
    rest = match["rest"][closed.end() if closed else 0 :]
    marked = re.match(r"(?:\\text\s*\{)?\s*[(\[]", text) or re.match(r"\s*[).:\]]", match["rest"])
    if rest and not (marked or _REASON.match(rest)):
        return None
    if len(rest) > _MAX_REST or _BRACKETED.search(rest) or _GOES_ON.match(rest):
        return None
    mark = "" if text[match.start() - 1 : match.start()] in ("(", "[") else match["rest"][:1]
    if any(other["mark"] == mark for other in _NEXT.finditer(rest)):
        return Options(frozenset())
    return Options(frozenset(match["letter"].upper()))


def _read_said(text: str) -> Options | None:
    """A sentence that affirms and denies options: "(A) is incorrect, so (B)", "not B or C, but D"."""
    flat = _TEXT.sub(r" \1 ", text).replace("*", "")
    left = _DENIED.sub(" ; ", flat)
    denied = left != flat
    left = _REASON.sub(" ", left)
    words = [
        word
        for word in re.findall(r"[A-Za-z']+|\d+|[^\sA-Za-z\d'()\[\].,;:!&/]", left)
        if not re.fullmatch("[A-J]", word)
    ]
    if any(word.casefold() not in CHOICE_WORDS for word in words):
        return None
    letters = frozenset(re.findall(r"\b[A-J]\b", left))
    if not letters and not denied:
        return None
    return Options(letters, bool(re.search(r"\bor\b|/", left)) and len(letters) > 1)
