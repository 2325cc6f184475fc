r"""Turns words about real numbers into signs: "all real numbers except 0", "at least 5", "x is greater than 3"."""

import re

_REALS = r"(-\infty,\infty)"
_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")
_SPELLINGS = tuple(
    (re.compile(pattern), meaning.replace("\\", "\\\\"))
    for pattern, meaning in (
        (r"\\(?:lor|vee)(?![A-Za-z])", " or "),
        (r"\\(?:land|wedge)(?![A-Za-z])|\s&&?\s", " and "),
        (r"(?<=\))\s*\|\|?\s*(?=\()", " or "),
        (r"\\colon(?![A-Za-z])", ":"),
        (r"\(-\\infty,\\infty\)\s*(?:\^\s*\{?\s*\+\s*\}?|_\s*\{\s*>\s*0\s*\})", r"(0,\infty)"),
        (r"\(-\\infty,\\infty\)\s*(?:\^\s*\{?\s*-\s*\}?|_\s*\{\s*<\s*0\s*\})", r"(-\infty,0)"),
        (r"^R(?=\s*(?:\\setminus|\\backslash|\\|-)\s*\\?\{)", _REALS),
        (r"\s+", " "),
    )
)
_IS = r"\b(?:is |are )?(?:strictly )?"
_MORE, _LESS = "(?:greater|more|larger|bigger)", "(?:less|smaller|fewer)"
_IN = r"^(?:[A-Za-z] )?(?:(?:is|can be|may be|could be) )?(?:in |over )?(?:the set of )?"
_ALL = "(?:any|all|every|each)(?: of)?(?: the)?"
_NUMBERS = "(?:numbers?|values?)"
_SUCH = "(?:such that|where|with|for which)"
_BUT = "(?:except for|except|other than|but not|but|excluding|besides)"
_WORDS = tuple(
    (re.compile(pattern, re.IGNORECASE), sign.replace("\\", "\\\\"))
    for pattern, sign in (
        (r"^(?:the )?(?:solution|answer|solution set|domain|range) is ", ""),
        (r"^no (?:real )?(?:solutions?|roots?|values?)(?: exists?)?$|^(?:the )?empty set$|^none$", r"\emptyset"),
        (rf"{_IN}(?:an? )?(?:{_ALL} )?positive (?:reals?|real {_NUMBERS})$", r"(0,\infty)"),
        (rf"{_IN}(?:an? )?(?:{_ALL} )?negative (?:reals?|real {_NUMBERS})$", r"(-\infty,0)"),
        (rf"{_IN}(?:an? )?(?:{_ALL} )?non-?negative (?:reals?|real {_NUMBERS})$", r"[0,\infty)"),
        (r"(?<=^[A-Za-z]) is positive$", " > 0"),
        (r"(?<=^[A-Za-z]) is negative$", " < 0"),
        (rf"{_IS}{_MORE} than or equal to\b|{_IS}(?:at least|(?:no|not) (?:less|smaller) than)\b", r" \geq "),
        (rf"{_IS}{_LESS} than or equal to\b|{_IS}(?:at most|(?:no|not) (?:more|greater|larger) than)\b", r" \leq "),
        (rf"{_IS}{_MORE} than\b", " > "),
        (rf"{_IS}{_LESS} than\b", " < "),
        (r"\b(?:is |are )?(?:not equal to|different from)\b", r" \neq "),
        (rf"{_IN}{_ALL} (?:real )?(?:reals?|{_NUMBERS})(?: of| for)?(?=(?: [A-Za-z])? *(?:[<>\\]|{_SUCH}))", ""),
        (rf"{_IN}(?:{_ALL} )?(?:reals?|real {_NUMBERS})(?: of| for)?(?: [A-Za-z])?(?=$|,? {_BUT} )", _REALS),
        (rf"^{_ALL} (?:real )?(?=[A-Za-z]\b)", ""),
        (rf"^,? ?(?:[A-Za-z] )?{_SUCH} ", ""),
    )
)  # fmt: skip
_EXCEPT = re.compile(rf"^\(-\\infty,\\infty\),? {_BUT} (.+)$", re.IGNORECASE)
_SEPARATORS = re.compile(r"\s*,?\s*\b(?:and|or)\b\s*|\s*,\s*")
_BETWEEN = re.compile(
    rf"^(?:(?P<name>[A-Za-z]) )?(?:(?:is|all|real|{_NUMBERS}) )*(?P<strictly>strictly )?between "
    r"(?P<low>\S+) and (?P<high>\S+?),?(?: \(?(?P<ends>inclusive|exclusive)\)?)?$",
    re.IGNORECASE,
)
_HAS_WORDS = re.compile(
    r"\b(?:reals?|solutions?|roots?|empty|none|least|most|than|equal|between|different|any|all|every|each|"
    r"positive|negative|nonnegative)\b",
    re.IGNORECASE,
)


def in_signs(text: str) -> str:
    """The same description with signs for its words; what is no description of numbers stays as it is."""
    text = _TEXT.sub(r" \1 ", text)
    for spelling, sign in _SPELLINGS:
        text = spelling.sub(sign, text)
    text = text.strip()
    if not _HAS_WORDS.search(text):
        return text
    if (between := _BETWEEN.match(text)) and (between["ends"] or between["strictly"]):
        order = r"\leq" if (between["ends"] or "").casefold() == "inclusive" else "<"
        return f"{between['low']} {order} {between['name'] or ''} {order} {between['high']}"
    for words, sign in _WORDS:
        text = words.sub(sign, text).strip()
    if removed := _EXCEPT.match(text):
        values = re.sub(r"(?<![A-Za-z])[A-Za-z] ?= ?", "", _SEPARATORS.sub(",", removed[1]))
        return rf"{_REALS}\setminus \{{{values.strip(',')}\}}"
    return text
