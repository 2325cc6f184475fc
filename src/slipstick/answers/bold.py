"""Marks of bold in an answer: the value that a sentence puts in bold, and an answer without its marks."""

import re

_PAIR = re.compile(r"(?<![\w)}\]*])\*\*(?=[^\s*])(?P<inner>[^*\n]{1,300})(?<=[^\s*])\*\*(?![\w(*])")
"""Something in bold, and no powers: `2**3 + 4**5`."""
_HALF = re.compile(r"^\*\*(?=[^\s*])|(?<=[^\s*])\*\*(?=[\s.,;:!?)]|$)")
"""One mark around a part of an answer, the other of which was cut off: `**30 apples`."""
_AT_THE_END = re.compile(
    r"[\s*]*(?=[^\W\d_])[^*\n\d=$\\]{1,200}?\s\*\*(?P<value>[^*\n]{0,100}?\d[^*\n]{0,100})\*\*[\s.!]*\Z"
)
"""Words without a number, and a value in bold behind them: "Anna pays **$7.50**"."""


def without_bold(text: str) -> str:
    """A text without the marks of bold around it or a part of it."""
    if "**" not in text:
        return text
    text = _PAIR.sub(r"\g<inner>", text)
    return _HALF.sub("", text) if text.count("**") <= 2 else text


def bold_at_the_end(sentence: str) -> tuple[int, int] | None:
    """Where the only value of a sentence is, if it ends with it and has it in bold; None if not."""
    match = _AT_THE_END.match(sentence)
    return match.span("value") if match else None
