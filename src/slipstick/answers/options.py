"""Whether a reply names an option, for a question that is only known to have a letter as its answer."""

import re

from slipstick.answers import find_answer
from slipstick.answers.letters import find_choice
from slipstick.thoughts import split_thoughts

_OPTION = re.compile(
    r"[\s*$({\[\\]*(?:text\s*\{)?(?:(?:option|choice|answer)\s+)?[({\[*]*[A-J](?![\w'])"
    r"(?:[*$}]*\s*(?:\Z|\n|[.,;:!]\s*(?:\Z|[^\s=<>+*/^-])|\(|(?:because|since|as|is)\b)|[)\]}*$]+\s*(?![\s=<>+*/^-]))",
    re.IGNORECASE,
)
"""The letter of an option, alone or with its text, and no variable: "C", "(C) Jupiter", "C: Jupiter", not "C = 5"."""


def names_option(text: str) -> bool:
    """Whether what a reply marks, begins with or chooses is the letter of one option; "V = 2C" only has a letter."""
    found = find_answer(text, kind="choice")
    if found is None or not re.fullmatch("[A-J]", found.text):
        return False
    if found.rule == "letter":
        return find_choice(split_thoughts(text).said, sure=True) is not None
    return _OPTION.match(text[found.start : found.start + 200]) is not None
