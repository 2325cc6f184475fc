r"""Reads and compares times of day and dates: 3:30 pm, half past three, noon; March 5, 2024, 5. März 2024."""

import re
from dataclasses import dataclass, field

from slipstick.equivalence.decision import Decision
from slipstick.equivalence.normalize.vocabulary import MONTHS, WEEKDAYS
from slipstick.equivalence.values.numerals import read_numeral

_HALF_DAY = 12 * 60 * 60
_HALF = r"(?P<half>a\.?\s?m\b\.?|p\.?\s?m\b\.?|in the morning|in the afternoon|in the evening|at night|noon|midnight)"
_CLOCK = re.compile(
    rf"(?P<hour>[01]?\d|2[0-4])(?:[:.](?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?)?\s*(?:o'?\s?clock)?\s*{_HALF}?",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"(?P<minutes>[\w -]{1,20}?)(?: minutes?)? (?P<side>past|after|to|before|till) "
    rf"(?P<hour>[\w-]{{1,10}})(?: {_HALF})?"
)
_O_CLOCK = re.compile(rf"(?P<hour>[a-z]{{3,6}}) o'?\s?clock(?: {_HALF})?")
_MONTH = r"(?P<month>[a-zä]{3,9})\.?"
_DAY = r"(?P<day>\d{1,2})(?:\s?(?:st|nd|rd|th)|\.)?"
_YEAR = r"(?P<year>\d{4})"
_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_MONTH}\s*(?:the\s)?{_DAY}(?:\s*,?\s*{_YEAR})?",
        rf"(?:the\s)?{_DAY}\s*(?:of\s)?{_MONTH}(?:\s*,?\s*{_YEAR})?",
        rf"{_YEAR}(?P<sign>[-/.])(?P<m>\d{{1,2}})(?P=sign)(?P<day>\d{{1,2}})",
        rf"(?P<first>\d{{1,2}})(?P<sign>[-/.])(?P<then>\d{{1,2}})(?P=sign){_YEAR}",
    )
)
_BARE = re.compile(r"\d{1,2}:\d\d")
_MAX_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day."""

    seconds: int
    """Since midnight, or since midnight or noon if it is not known which."""
    whole_day: bool
    """Whether it is known which half of the day is meant."""
    half: bool = field(default=False, compare=False)
    """Whether words say so: 3:30 pm, not 15:30."""


def same_moment(answer: str, expected: str) -> Decision | None:
    """Whether two times of day or two dates are the same; None if they are neither."""
    if max(len(answer), len(expected)) > _MAX_LENGTH:
        return None
    if _BARE.fullmatch(answer) and _BARE.fullmatch(expected):
        # two times or two ratios
        return Decision(True, "time", "the same time of day") if answer.zfill(5) == expected.zfill(5) else None
    clock = read_clock(expected)
    if clock and (other := read_clock(answer)):
        return _same_clock(other, clock)
    if (clock or read_clock(answer)) and (hours := _of_an_hour(answer, expected)):
        return hours
    dates, found = read_dates(expected), read_dates(answer)
    if dates and found:
        return _same_date(found, dates)
    if (dates or found) and (answer if dates else expected).isdigit():
        return Decision(False, "time", "a date against a number")
    return None


def _of_an_hour(answer: str, expected: str) -> Decision | None:
    """A full hour compared with a number alone: 3 is 3:00; a time with minutes may be a ratio too."""
    bare = next((text for text in (answer, expected) if re.fullmatch(r"\d{1,6}", text)), None)
    clock = read_clock(expected if bare is answer else answer)
    if bare is None or clock is None or clock.seconds % 3600:
        return None
    if int(bare) > 24:
        return Decision(None, "time", "a time of day, or how long something takes, against a number")
    hour = Clock(int(bare) % 24 * 3600, whole_day=int(bare) >= 12 or int(bare) == 0)
    return _same_clock(hour, clock) if bare is answer else _same_clock(clock, hour)


def read_clock(text: str) -> Clock | None:
    """The time of day a text is; a bare number is none."""
    flat = _flat(text)
    if flat in ("noon", "midday", "midnight"):
        return Clock(0 if flat == "midnight" else _HALF_DAY, whole_day=True)
    if flat[:1].isdigit() and (match := _CLOCK.fullmatch(flat)):
        if match["minute"] is None and match["half"] is None and "clock" not in flat:
            return None
        if "." in flat[: match.end("minute")] and match["half"] is None:
            return None  # 3.30 is a number
        return _clock(int(match["hour"]), int(match["minute"] or 0), int(match["second"] or 0), match["half"])
    if match := _PAST.fullmatch(flat):
        hour, minutes = _count(match["hour"]), _minutes(match["minutes"])
        if hour is None or minutes is None or not 1 <= hour <= 12 or not 0 < minutes < 60:
            return None
        past = match["side"] in ("past", "after")
        return _clock(hour if past else (hour - 2) % 12 + 1, minutes if past else 60 - minutes, 0, match["half"])
    if (match := _O_CLOCK.fullmatch(flat)) and (hour := _count(match["hour"])) and 1 <= hour <= 12:
        return _clock(hour, 0, 0, match["half"])
    return None


def _flat(text: str) -> str:
    flat = re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", text).casefold().replace("\\", " ").replace("’", "'")
    flat = re.sub(r" (?:sharp|exactly|on the dot)$", "", " ".join(flat.split()))
    return re.sub(r"^(?:(?:exactly|precisely) )?(?:at |on |by |am |der |den )?", "", flat)


def _count(word: str) -> int | None:
    if word.isdigit():
        return int(word)
    read = read_numeral(word)
    return int(read[0]) if read and not read[1] and read[0].denominator == 1 else None


def _minutes(words: str) -> int | None:
    words = words.removeprefix("a ")
    return {"half": 30, "quarter": 15}.get(words) or _count(words)


def _clock(hour: int, minute: int, second: int, half: str | None) -> Clock | None:
    seconds = minute * 60 + second
    if half is None:
        return Clock(seconds + hour * 3600 % (2 * _HALF_DAY), whole_day=hour >= 12 or hour == 0)
    if hour > 12:
        late = half[0] == "p" or "noon" in half or "evening" in half
        return Clock(seconds + hour * 3600, True) if late and hour < 24 else None
    morning = (half[0] == "a" and half != "at night") or "morning" in half or half == "midnight"
    if half == "at night":
        morning = hour == 12 or hour < 6
    return Clock(seconds + hour % 12 * 3600 + (0 if morning else _HALF_DAY), True, half=True)


def _same_clock(a: Clock, e: Clock) -> Decision:
    if a.seconds % _HALF_DAY != e.seconds % _HALF_DAY or (a.whole_day and e.whole_day and a != e):
        return Decision(False, "time", "different times")
    if a.whole_day and not e.whole_day and a.seconds != e.seconds and e.seconds // 3600 > 12:
        return Decision(False, "time", "different times")
    if e.whole_day and not a.whole_day and not e.half:
        return Decision(None, "time", "the answer does not say which half of the day it means")
    return Decision(True, "time", "the same time of day")


Dates = frozenset[tuple[int | None, int, int]]


def read_dates(text: str) -> Dates | None:
    """The (year, month, day) that a text may mean, two if day and month may change places; None for no date."""
    flat = _flat(text)
    if not re.search(r"\d", flat) or (
        flat[0].isdigit() and not re.match(r"\d{1,4}(?:[-/.]\d|\s?(?:st|nd|rd|th|\.)?\s*(?:of\s)?[a-zä]{3})", flat)
    ):
        return None
    weekday, _, rest = flat.partition(" ")
    if weekday.strip(".,") in WEEKDAYS:
        flat = rest
    for pattern in _DATES:
        if match := pattern.fullmatch(flat):
            return _readings(match.groupdict())
    return None


def _readings(group: dict[str, str | None]) -> Dates | None:
    year = int(group.get("year") or 0) or None
    if group.get("first") and group.get("then"):
        first, then = int(group["first"] or 0), int(group["then"] or 0)
        swapped = group["sign"] != "." or then > 12  # with full stops the day is first
        pairs = {(first, then), (then, first)} if swapped else {(then, first)}
    else:
        month = MONTHS.get(group["month"] or "", 0) if "month" in group else int(group["m"] or 0)
        pairs = {(month, int(group["day"] or 0))}
    found = frozenset((year, month, day) for month, day in pairs if 1 <= month <= 12 and 1 <= day <= 31)
    return found or None


def _same_date(a: Dates, e: Dates) -> Decision:
    """Dates as far as both name them: a year may be missing."""
    pairs = [(one, other) for one in a for other in e]
    same = [one[1:] == other[1:] and (one[0] == other[0] or None in (one[0], other[0])) for one, other in pairs]
    if not any(same):
        return Decision(False, "time", "different dates")
    if len(a) > 1 or len(e) > 1:
        return Decision(None, "time", "day and month may change places")
    return Decision(True, "time", "the same date")
