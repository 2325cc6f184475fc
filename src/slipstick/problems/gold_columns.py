"""Finds the gold of a row: under the keys that hold golds, or at the end of a worked solution."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from slipstick.errors import InputError
from slipstick.golds import placeholder, read_gold, stated_answer
from slipstick.problems.choices import Options, read_object, whole_number
from slipstick.schema import Kind, Problem
from slipstick.tabular import Row

ANSWERS = (
    *("answer", "gold", "target", "expected_answer", "gold_answer", "final_answer", "gt", "correct", "correct_answer"),
    *("answerkey", "ground_truth", "reward_model.ground_truth", "gts", "reference_answer", "solutions", "label"),
)
"""Keys of golds; those whose value is true or false, or a label that is no option, hold something else."""
REPLY = "the assistant's message"
SOLUTIONS = ("solution", REPLY)
"""Worked solutions, which count if there is no gold of its own."""
_REPLIES = {"query": "response", "instruction": "output"}
"""The key of a question -> that of the worked solution beside it: MetaMathQA, MathInstruct."""
_COMMAND = re.compile(r"\\[A-Za-z]+")
_SENTENCE = re.compile(r"[A-Za-z]{2,}\W*\s+[A-Za-z]{2,}")
_WORKED_KEY = re.compile(r"solution|rationale|explanation|reasoning|(?:^|_)cot(?:_|$)", re.IGNORECASE)
"""Names of columns that hold worked solutions; `ANSWERS` has one that does not."""
_DERIVES = re.compile(
    r"^\W*(?:so|thus|hence|therefore|clearly|first|then|now|since|because|let|we|adding|subtracting|multiplying|dividing)"
    r"\b(?=.*\d)|\bwe (?:get|have|find|obtain|see)\b|\b(?:gives?|equals)\b",
    re.IGNORECASE | re.DOTALL,
)
"""Words of a derivation, which no bare answer has."""
_CALCULATION = re.compile(r"\d\s*(?:[-+*×·÷]|\\times|\\cdot|\\div)\s*\d[\d\s+*×·÷/().,$-]*=\s*\$?-?\d")
_PROGRAM = re.compile(r"^(?:import |from \w+ import|def |print\()|\bprint\(", re.MULTILINE)
_REMEDY = "--set field_map.answer=KEY picks another key, KEY.INNER one inside an object"
_INNER = ("answer", "value", "ground_truth", "target", "gold", "expected_answer", "final_answer")
"""Keys of the gold in an object that holds it, as in verl's `ground_truth` of some sets."""
FLAGS_OR_GOLDS = ("correct", "label")
"""Keys of golds that verdicts have too."""


class Gold(NamedTuple):
    """What a row says of its answer."""

    answer: str | list[str] | None
    """The gold; several acceptable ones as a list."""
    missing: str = ""
    """Why there is none."""
    rationale: str | None = None
    """The worked solution that it was the end of."""
    is_choice: bool = False
    """Whether it is the letter of an option."""
    number: Literal["place", "option"] | None = None
    """What a whole number beside options was read as."""


def holds_gold(key: str, value: Any, *, has_options: bool) -> bool:
    """Whether the value under one of `ANSWERS` may be a gold."""
    if key in FLAGS_OR_GOLDS and (isinstance(value, bool) or (not isinstance(value, str) and not has_options)):
        return False
    return value is not None and value != ""


def gold_of(row: Row, key: str, value: Any, options: Options | None, kind: Kind | None) -> Gold:
    """The gold that a value is. Raises InputError, with file and line, for an object and for no place of an option."""
    if isinstance(value, list):
        if options and value and all(type(item) is int for item in value):
            letters = [_option(row, item, options) or str(item) for item in value]
            return Gold(", ".join(letters), is_choice=True)
        if any(isinstance(item, list) for item in value):
            raise InputError(f"{row.where}: the answer is a list of lists, {str(value)[:60]}; {_REMEDY}")
        golds = [gold for item in value if (gold := gold_of(row, key, item, None, kind).answer) is not None]
        if row.values.get("is_multiple_answer") or (key == "final_answer" and len(golds) > 1):  # OlympiadBench
            return Gold(", ".join(map(str, golds)) or None, missing=f"key `{key}` is empty")
        flat = [gold for gold in golds if isinstance(gold, str)]
        return Gold(_one_or_several(key, flat), missing=f"key `{key}` is empty")
    if held := read_object(value):
        inner = [held[name] for name in _INNER if held.get(name) is not None]
        if len(inner) == 1:
            return gold_of(row, key, inner[0], options, kind)
        value = held
    if isinstance(value, dict):
        raise InputError(
            f"{row.where}: the answer is an object, {str(value)[:60]}, not text, a number or a list of acceptable "
            f"answers; {_REMEDY}"
        )
    number = options is not None and whole_number(value) and str(value).strip().upper() not in options.labels
    if options and (found := _option(row, value, options)):
        return Gold(found, is_choice=True, number="place" if number else None)
    text = str(value).strip()
    gold = read_gold(text)
    if gold == text and kind != "text" and _is_worked(key, text):
        return Gold(None, f"`{key}` marks no answer", text)
    if number and isinstance(gold, str):
        return Gold(gold, number="option")
    if isinstance(gold, list):
        return Gold(gold[0] if len(gold) == 1 else gold)
    if gold and placeholder(gold, kind):
        return Gold(None, missing=f"`{key}` is {gold!r}")
    worked = text.rpartition("\n####")[0] if "\n####" in text else text if gold != text else None
    return Gold(gold, f"key `{key}` is empty", worked if gold and len(worked or "") > len(gold) else None)


def gold_of_solution(key: str, text: str) -> Gold:
    """The answer that a worked solution marks, or the solution itself if it is a bare value."""
    if key not in SOLUTIONS and _PROGRAM.search(text):
        return Gold(None, f"`{key}` is a program")
    gold = stated_answer(text).strip()
    if gold == text.strip():
        bare = len(gold) <= 100 and "\n" not in gold and not _SENTENCE.search(_COMMAND.sub("", gold))
        if not bare or _DERIVES.search(gold):
            return Gold(None, f"`{key}` marks no answer")
        if placeholder(gold):
            return Gold(None, f"`{key}` is {gold!r}")
        return Gold(gold or None, f"key `{key}` is empty")
    if not gold or placeholder(gold):
        return Gold(None, f"`{key}` marks an empty answer")
    return Gold(gold, rationale=text)


def _is_worked(key: str, text: str) -> bool:
    """Whether the text under a key is a worked solution rather than an answer, though it marks none.

    A column that is named so may hold answers as well, in words too ("12 square metres"); in any other column a text
    is an answer unless it derives a number by a calculation.
    """
    derives = bool(_DERIVES.search(text))
    name = key.rpartition(".")[2].lower()
    if name in ANSWERS or not _WORKED_KEY.search(name):
        return derives and bool(_CALCULATION.search(text))
    sentence = bool(_SENTENCE.search(_COMMAND.sub("", text)))
    return derives or (sentence and (len(text) > 100 or "\n" in text or text.endswith(".")))


def solution_keys(text_key: str | None) -> tuple[str, ...]:
    """Keys of worked solutions in a row whose question is under `text_key`."""
    beside = _REPLIES.get(text_key or "")
    return (*SOLUTIONS, beside) if beside else SOLUTIONS


class Counted:
    """Counts problems without a gold, and says so at the end."""

    def __init__(self, source: str, on_notice: Callable[[str], None]) -> None:
        self._source, self._on_notice = source, on_notice
        self._missing: Counter[str] = Counter()
        self._first: dict[str, int] = {}

    def add(self, number: int, missing: str) -> None:
        """A problem of this line has no gold."""
        self._missing[missing] += 1
        self._first.setdefault(missing, number)

    def count(self, problems: Iterator[Problem]) -> Iterator[Problem]:
        """The problems; afterwards one line is said if some have no gold."""
        total = 0
        try:
            for total, problem in enumerate(problems, start=1):  # noqa: B007  said below
                yield problem
        finally:
            if missing := self._missing.total():
                why = "; ".join(
                    f"{reason}, line {self._first[reason]} first" + (f" ({n})" if n < missing else "")
                    for reason, n in self._missing.most_common(3)
                )
                self._on_notice(f"{self._source}: {missing:,} of {total:,} problems have no gold: {why}")


def _option(row: Row, value: Any, options: Options) -> str | None:
    try:
        return options.letter_of(value)
    except ValueError as error:
        raise InputError(f"{row.where}: {error}") from error


def _one_or_several(key: str, golds: list[str]) -> str | list[str] | None:
    """OlympiadBench and AReaL write one gold as a list; a list under any other key stays one."""
    if key in ("final_answer", "solutions", "gts", "reward_model.ground_truth") and len(golds) == 1:
        return golds[0]
    return golds or None
