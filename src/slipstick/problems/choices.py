"""Reads the options of a multiple-choice question, and which of them is the answer; appends them to the question."""

import ast
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple

from slipstick.surrogates import load_json, replace_surrogates

_LETTERED = re.compile(r"^\s*\(?([A-Za-z])\s*[).:]\s*")
_IN_A_ROW = re.compile(r"(?:^|(?<=[\s,;]))\(?([A-Ja-j])\s*[).:]\s*")
_LETTER = re.compile(r"\(?[A-J]\)?")
_SECOND = re.compile(r"\bB\s?[).:]")
_OF_OPTION = re.compile(r"\A(?:OPTION|CHOICE|ANSWER)[ _]?(?=[A-J1-9]\Z)")
_LABELS = ("label", "key", "letter", "id")
_TEXTS = ("text", "content", "value", "option")


class Options(NamedTuple):
    """The options of a question."""

    texts: list[str]
    """In order, without letters in front."""
    labels: list[str]
    """What the row calls each, in upper case; the letters from A if it has no names of its own."""
    is_cell: bool = False
    """Whether they stand in one text, as in a CSV file, where a number is a text as well."""

    number: Literal["place", "option"] | None = None
    """What a whole number is that could be the place of an option or an option; None leaves it to convention."""
    first: int = 0
    """The number of the first place."""

    def letter_of(self, answer: Any) -> str | None:
        """The letter of the option that an answer names by its label, its letter or its place; None if it names none.

        A whole number is what `number` says; by convention the place, also if it is itself one of the options, as in
        MMLU, and the text of one only if it is no option. Raises ValueError for a number that is neither a place nor
        an option.
        """
        meant = self.number if whole_number(answer) else None
        text = isinstance(answer, str) and not self.is_cell and meant is None
        if text and answer in self.texts and answer not in self.labels:
            return None
        name, count = _name(answer), len(self.texts)
        if name in self.labels and not isinstance(answer, bool):
            return letter(self.labels.index(name))
        if self.is_label(answer):
            return name
        if not whole_number(answer) or meant == "option" or (text and self.has_value(answer)):
            return None
        if 0 <= int(answer) - self.first < count:
            return letter(int(answer) - self.first)
        if type(answer) is int and str(answer) not in self.texts:
            raise ValueError(f"the answer is option {answer} (counted from {self.first}) of only {count}")
        return None

    def is_label(self, answer: Any) -> bool:
        """Whether an answer is what the row calls an option, or its letter if the row calls none by a letter."""
        name, letters = _name(answer), [letter(index) for index in range(26)]
        own = name in self.labels and not isinstance(answer, bool)
        return own or (name in letters[: len(self.texts)] and not set(self.labels) & set(letters))

    def has_value(self, number: str) -> bool:
        """Whether an option is this number."""
        return any(re.fullmatch(rf"\$?0*{number.strip()}(\.0*)?", text.strip()) for text in self.texts)


def _name(answer: Any) -> str:
    name = str(answer).strip().strip("()").rstrip(".)").strip().upper()
    return _OF_OPTION.sub("", name)


def whole_number(answer: Any) -> bool:
    """Whether an answer is a whole number, or the text of a small one: perhaps the place of an option."""
    return type(answer) is int or (isinstance(answer, str) and bool(re.fullmatch(r"\s*\d{1,3}\s*", answer)))


def letter(index: int) -> str:
    """0 -> "A"."""
    return chr(ord("A") + index)


def read_choices(value: Any) -> list[str] | None:
    """The texts of the options in order; None if there are none. Raises ValueError as `read_options` does."""
    options = read_options(value)
    return options.texts if options else None


def read_options(value: Any) -> Options | None:
    """The options; None if there are none.

    value: a list of texts, with or without letters, an object {"A": "21", ...} or {"text": [...], "label": [...]}, a
    list of objects {"label", "text"}, or the text of a list, of JSON or Python, or of lettered options in a row.
    Raises ValueError for anything else.
    """
    if isinstance(value, str):
        listed = read_listed(value)
        if listed is None:
            raise ValueError(f"choices is {value[:60]!r}, not a list of texts")
        options = read_options(listed)
        return options._replace(is_cell=True) if options else None
    labels: list[str] = []
    if isinstance(value, dict):
        if isinstance(value.get("text"), list):
            labels, value = [str(label) for label in value.get("label") or []], value["text"]
        else:
            labels, value = list(map(str, value)), list(value.values())
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        labels = [str(_first(item, _LABELS)) for item in value if _first(item, _LABELS) is not None]
        value = [_first(item, _TEXTS) for item in value]
    if not value:
        return None
    if not isinstance(value, list) or any(isinstance(item, dict | list | None) for item in value):
        raise ValueError(f"choices is {str(value)[:60]}, not a list of texts")
    texts = [str(item) for item in value]
    own = [match[1].upper() if (match := _LETTERED.match(text)) else "" for text in texts]
    if own[0] == "A" and len(set(own)) == len(own) and all("A" <= each <= "J" for each in own):
        texts = [_LETTERED.sub("", text, count=1) for text in texts]
        labels = labels or own
    if len(set(labels)) != len(texts):
        labels = [letter(index) for index in range(len(texts))]
    return Options(texts, [label.upper() for label in labels])


def with_choices(text: str, choices: Sequence[str] | None) -> str:
    """The question followed by its options, as MathInstruct's AQuA-RAT rows have them, unless it shows them."""
    if not choices or all(
        re.search(rf"\b{letter(index)}\s*[).:]\s*{re.escape(choice.strip())}", text)
        for index, choice in enumerate(choices)
    ):
        return text
    options = " ".join(f"({letter(index)}) {choice}" for index, choice in enumerate(choices))
    return f"{text}\nAnswer Choices: {options}"


def read_listed(text: str) -> Any:
    """The options in one text: a list of JSON or Python, or "a ) 38 , b ) 27.5"; None if there are none."""
    bare = text.strip()
    if bare.startswith(("[", "{")):
        for read in (json.loads, ast.literal_eval):
            with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
                return replace_surrogates(read(bare))
        return None
    marks = list(_IN_A_ROW.finditer(bare))
    if len(marks) < 2 or [mark[1].upper() for mark in marks] != [letter(index) for index in range(len(marks))]:
        return None
    ends = [*(mark.start() for mark in marks[1:]), len(bare)]
    return [bare[mark.end() : end].strip(" ,;\n") for mark, end in zip(marks, ends, strict=True)]


def read_object(value: Any) -> dict[str, Any] | None:
    """An object, or the one that a text holds as JSON, as cells of CSV and Parquet do; None for anything else."""
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        with suppress(ValueError, RecursionError):
            value = load_json(value)
    return value if isinstance(value, dict) else None


def _first(item: dict[str, Any], keys: Sequence[str]) -> Any:
    return next((item[key] for key in keys if key in item), None)


def asks_for_a_letter(question: str, answer: Any) -> bool:
    """Whether a gold is a letter and the question lists options by theirs, "(A) 21 (B) 20"."""
    return isinstance(answer, str) and bool(_LETTER.fullmatch(answer.strip()) and _SECOND.search(question))
