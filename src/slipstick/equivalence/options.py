r"""Tells which option of a multiple-choice question an answer names, by its letter, its text or its value."""

from __future__ import annotations

import re
from collections.abc import Sequence

from slipstick.equivalence import compare
from slipstick.equivalence.layers import NEEDS_ALGEBRA, decide
from slipstick.equivalence.normalize.notation import tidy
from slipstick.equivalence.text.choices import read_letter

_OWN_LETTER = re.compile(r"^\s*\(?[A-J][).:]\s*")


def as_letter(answer: str, choices: Sequence[str]) -> str | None:
    """The letter of the one option that an answer names, None where it names none or several.

    A bare number counts as the option of exactly that value: a program's answer to a multiple-choice question.
    """
    options = [_OWN_LETTER.sub("", option) for option in choices]
    same = [place for place, option in enumerate(options) if option.strip() == answer.strip()]
    if len(same) != 1:
        letter = read_letter(tidy(answer))
        if letter and ord(letter) - ord("A") < len(options):
            return letter
        decisions = [decide(answer, option) for option in options]
        same = [place for place, decision in enumerate(decisions) if decision.equal]
        if not same and NEEDS_ALGEBRA in decisions:
            same = [place for place, option in enumerate(options) if compare(answer, option).outcome == "correct"]
    return chr(ord("A") + same[0]) if len(same) == 1 else None
