"""Decides by all rows of a file whether the columns A, B, ... are options, and what whole numbers as golds mean."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any, Literal, NamedTuple

from slipstick.problems.choices import Options, letter, whole_number

FieldMap = Mapping[str, str | list[str]]
"""Field of a problem -> the row's own key; `choices` may have a list of keys that hold an option each."""
_LETTERS = [letter(index).lower() for index in range(10)]
_BEFORE = ("option_", "choice_", "option", "choice")
_FAMILIES = [
    ("", _LETTERS),
    *((before, [before + name for name in _LETTERS]) for before in (*_BEFORE, "answer_")),
    *((before, [f"{before}{number}" for number in range(1, 10)]) for before in _BEFORE),
]
"""What stands before the letter or number in the names of columns, and the names."""
_FEW = 3
"""Columns named by letters alone are options without a gold that shows it if there are this many, in upper case."""


class Decided(NamedTuple):
    """What holds for all rows of a file."""

    lettered: bool | None = None
    """Whether columns named by letters alone hold options; None decides row by row."""
    number: Literal["place", "option"] | None = None
    """What a whole number is that could be the place of an option or an option; None leaves it to convention."""
    first: int = 0
    """The number of the first place."""


UNDECIDED = Decided()
"""Nothing is known but the row itself."""


def lettered_columns(places: Mapping[str, Any], lettered: bool | None = None) -> list[str]:
    """The columns that hold an option each, as in MMMLU: a, b, ... or option_a, choice_a, option_1, ...; [] if none do.

    places: the row's values by their keys in lower case. Empty cells at the end are no options. Columns named by a
    letter alone may hold anything: `lettered` says whether they are options; None takes them for options if another
    column has one of these letters.
    """
    for before, names in _FAMILIES:
        found = list(takewhile(lambda name: isinstance(places.get(name), str | int | float), names))
        while found and str(places[found[-1]]).strip() == "":
            found.pop()
        if len(found) > 1 and (before or (_shown(places, found) if lettered is None else lettered)):
            return found
    return []


def _shown(places: Mapping[str, Any], found: Sequence[str]) -> bool:
    others = [str(value).strip().lower() for name, value in places.items() if name not in found]
    return any(name in others for name in found)


class Survey:
    """Counts, over the rows of a file, what their golds are beside their options."""

    def __init__(self) -> None:
        self._golds: Counter[str] = Counter()
        self._numbers: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
        self._columns: list[str] = []

    def add(self, gold: Any, options: Options, columns: Sequence[str], places: Mapping[str, Any]) -> None:
        """Counts a row. columns: those named by letters alone if the options are from them, in the row's own case."""
        if len(columns) > len(self._columns):
            self._columns = list(columns)
        what = _gold(gold, options)
        if columns:
            shown = what == "none" and _shown(places, [name.lower() for name in columns])
            self._golds["letter" if shown else what] += 1
        if what in ("number", "option") and whole_number(gold):
            count, number = len(options.texts), int(gold)
            tally = self._numbers[bool(columns)]
            tally["zero"] += number == 0
            tally["last"] += number == count and what == "number"
            tally["from 0" if number < count else "from 1"] += what == "number" and number <= count
            tally["both"] += what == "option" and number <= count
            tally["option"] += what == "option" and number > count
            tally["end"] += what == "option" and number == count

    def decided(self, source: str, on_notice: Callable[[str], None]) -> Decided:
        """What the rows say together; `on_notice` takes a line for what could have been read otherwise."""
        lettered = self._are_options(source, on_notice) if self._columns else None
        counts = self._numbers[False] + (self._numbers[True] if lettered else Counter())
        from_0 = counts["zero"] or not (counts["last"] or (counts["end"] and counts["from 0"]))
        first = 0 if from_0 else 1
        places = counts["from 0"] + (counts["from 1"] if first else 0)
        options = counts["option"] + (0 if first else counts["end"])
        if not places and not options and not counts["both"]:
            return Decided(lettered)
        if places and options:
            return Decided(lettered, first=first)  # the first row that contradicts another is refused
        if options:
            on_notice(
                f"{source}: whole numbers as golds are read as options themselves, as {options} are no place of one"
            )
            return Decided(lettered, "option", first)
        number: Literal["place"] | None = "place" if places else None
        why = "" if number else "each of them is a place and an option as well"
        if first:
            why = "some are as high as the number of options, none is 0"
        elif number and not counts["zero"]:
            why = "none says whether the first is 0 or 1"
        elif number and counts["both"]:
            why = f"{places} are no option"
        if number and why:
            on_notice(f"{source}: whole numbers as golds are read as places of options, counted from {first}: {why}")
        elif why:
            on_notice(f"{source}: {why}: write letters if whole numbers as golds are read wrongly")
        return Decided(lettered, number, first)

    def _are_options(self, source: str, on_notice: Callable[[str], None]) -> bool:
        golds = self._golds
        named, listed = golds["letter"] + golds["option"], ", ".join(self._columns)
        many = len(self._columns) >= _FEW and self._columns[0].isupper()
        shown, total = named + (golds["number"] if many else 0), golds.total() - golds["none"]
        found = 2 * shown >= total if total else many
        if not found:
            on_notice(
                f"{source}: the columns {listed} are not read as options, as {shown} of {total} golds name one or are "
                f'one; --set "field_map.choices={self._columns}" makes them options'
            )
        elif golds["letter"] < golds.total():
            why = f"as {shown} of {total} golds name one or are one" if total else "as there are no golds"
            on_notice(f"{source}: the columns {listed} are read as options, {why}")
        return found


def _gold(gold: Any, options: Options) -> str:
    """What a gold is beside the options: "none", a "letter", an "option", perhaps both place and option, ..."""
    text = str(gold).strip()
    if gold is None or text == "" or isinstance(gold, list | dict):
        return "none"
    if options.is_label(gold):
        return "letter"
    if text in (each.strip() for each in options.texts) or (whole_number(gold) and options.has_value(text)):
        return "option"
    return "number" if whole_number(gold) and 0 <= int(gold) <= len(options.texts) else "other"
