"""Reads the options of a multiple-choice question and appends them to it."""

import re
from collections.abc import Sequence
from typing import Any

_LETTERED = re.compile(r"^\s*\(?([A-Za-z])\s*[).:]\s*")


def letter(index: int) -> str:
    """0 -> "A"."""
    return chr(ord("A") + index)


def read_choices(value: Any) -> list[str] | None:
    """The texts of the options in order, without letters in front; None if there are none.

    value: a list of texts, with or without letters, or an object {"A": "21", ...} or {"text": [...], ...}.
    Raises ValueError for anything else.
    """
    if isinstance(value, dict):
        value = value["text"] if isinstance(value.get("text"), list) else list(value.values())
    if not value:
        return None
    if not isinstance(value, list) or any(isinstance(item, dict | list) for item in value):
        raise ValueError(f"choices is {str(value)[:60]}, not a list of texts")
    texts = [str(item) for item in value]
    letters = [match[1].upper() if (match := _LETTERED.match(text)) else "" for text in texts]
    if letters == [letter(index) for index in range(len(texts))]:
        return [_LETTERED.sub("", text, count=1) for text in texts]
    return texts


def with_choices(text: str, choices: Sequence[str] | None) -> str:
    """The question followed by its options, as MathInstruct's AQuA-RAT rows have them, unless it shows them."""
    if not choices or all(
        re.search(rf"\b{letter(index)}\s*[).:]\s*{re.escape(choice.strip())}", text)
        for index, choice in enumerate(choices)
    ):
        return text
    options = " ".join(f"({letter(index)}) {choice}" for index, choice in enumerate(choices))
    return f"{text}\nAnswer Choices: {options}"
