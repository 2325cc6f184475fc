"""The whole value around a number of a text: its unit, a date, "1 hour and 35 minutes", "2 and a half", 4.5 × 10^6.

Only what is written right beside the number belongs to it; what a unit means is known to the comparison alone.
"""

from __future__ import annotations

import functools
import re
import tomllib
from importlib.resources import files

from slipstick.answers.found import Found
from slipstick.number_words import CARDINALS, PARTS

_TABLE = tomllib.loads(files(__package__).joinpath("values.toml").read_text("utf-8"))
NUMBER = (
    r"[-−–]?(?:\d{1,2}(?:[ \u00a0\u202f]\d{3}){2,}(?![\d,.]\d)|\d{1,3}[ \u00a0\u202f]000(?!\d)"
    r"|\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?|\d{1,3}(?:\.\d{3})+,\d+|\d[\d,]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?"
)
DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?"
"""A number as English writes it, without its sign: 1,250.5 or 3/4."""
_WORDS = "|".join(sorted(_TABLE["units"], key=len, reverse=True))
_UNIT = (
    rf"(?i:(?:(?:square|cubic|sq\.?|cu\.?)\s)?(?:degrees?\s(?:celsius|fahrenheit)|light[-\s]years?|(?:{_WORDS})s?)"
    r"(?:\s(?:squared|cubed))?)"
)
_O_CLOCK = (
    r"\d{1,2}(?::\d\d)?\s?[oO]['’]?\s?[cC]lock\b"
    r"(?:\s(?:in\sthe\s(?:morning|afternoon|evening)|at\snight|[aApP]\.?[mM]\b\.?))?"
)
QUANTITY = re.compile(
    rf"(?<![A-Za-z_0-9.À-ɏͰ-ӿ])(?:(?P<time>\d{{1,2}}:\d\d(?:\s?[AaPp]\.?[Mm]\b\.?)?|\d{{1,2}}\s?(?:[ap]m|[AP]M|[ap]\.m|[AP]\.M)\b\.?|{_O_CLOCK})(?![\d:])|(?P<money>\\?[$€£¥])?"
    rf"(?P<number>(?:{NUMBER}(?:/\d+)?)?√\(?\d+\)?(?:/\d+)?|{NUMBER}(?:/\d+)?)(?P<percent>\s?\\?%)?"
    rf"(?P<behind>\s\$(?=\s+[a-zà-ÿ])|\s?[€£¢](?!\d))?"
    rf"(?P<unit>(?:\sm[²³23]|\sm/s[²2]|(?:\s|[ ]{{2,4}})?(?:[kcmd]m[²³23]?|(?:ft|in|yd|mi)[²³23]|k?g|m[lL]|L|lbs?|oz"
    rf"|{_UNIT}|ft|°[CF]?|mph|km/h"
    r"|m/s))(?![\w/^]))?)"
)
"""A number in a text, with its sign of money, percent sign and unit; or a time of day."""
SYMBOL = re.compile(
    r"\s(?P<unit>[gmsLlNJWVCKh]|(?:[kMGmnµμ](?:W|V|A|N|J|K|Pa|Hz|eV|Wh|cal|mol|bar|s|g|L|l)"
    r"|Pa|Hz|Wh|eV|cal|mol|bar|min|ha|dL|dl|cL|cl|hL|hl|ml|kWh)(?!\s*/))(?![\w'’^²³]|\s*[-−+=*/<>^·])"
)
"""The sign of a unit behind a number in prose: no factor of a formula, and no A, which may be an article."""
_RATE = re.compile(
    rf"\s+(?:(?P<per>per)\s+(?:{_UNIT}|min|sec|hr|[kcmd]?m|k?g|m?[lL]|h|s)|an?\s+(?P<time>hour|minute|second))(?![\w/^])"
)
"""What a unit is per: "60 miles per hour"."""
_LENGTH = re.compile(r"(?i)\s*(?:km|m|mi|ft|(?:kilomet|met)(?:er|re)s?|miles?|feet|foot|yards?)")
"""What a speed may be of, if "an hour" is behind it: "5 hours a day" are 5 hours."""
_WINDOW = 80
"""Characters before a number, and behind it, in which the rest of its value is looked for."""
_MONTH, _WEEKDAY = ("|".join(sorted(_TABLE[key], key=len, reverse=True)) for key in ("months", "weekdays"))
_DATE = re.compile(
    r"(?<![\w/.-])(?:\d{4}-\d\d-\d\d|\d{1,2}/\d{1,2}/\d{4})(?![\w/-])"
    rf"|(?<!\w)(?:(?:{_WEEKDAY})\.?,?\s+(?:the\s+)?)?(?:"
    rf"(?:{_MONTH})\.?\s+\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s+(?:of\s+)?\d{{4}}(?!\d|[.,]\d)"
    r"|(?=\W*\Z|\**[.,;:!?)\n]|\s+(?:at|in|on|and|this|next|which|because|since|so|when|after|before|if|for|from|to|is|was"
    r"|by|with)\b)(?![.,/:]\d))"
    rf"|\d{{1,2}}(?:st|nd|rd|th|\.)?\s+(?:of\s+)?(?:{_MONTH})\b(?:\.?,?\s+\d{{4}}(?!\d|[.,]\d))?"
    rf"|(?:{_MONTH})\.?,?\s+\d{{4}}(?!\d|[.,]\d))"
)
"""A date in words; not the count of "in March 20 trees"."""
_SHARE = re.compile(r"(?P<share>(?<![\d.,])\d[\d.,]{0,12}\s?\\?%)\**\s+of\s+(?:the\s+)?[*$€£]*\Z")
"""A percentage before the number it is of: "20 is 40% of 50"."""
SHARE_OF = re.compile(r"\**\d[\d.,]*\s?\\?%\**\s+of\s+(?:the\s+)?[$€£]?\d")
"""A percentage of a number."""
_SPACE = re.compile(r"\s")
_TOKEN = re.compile(r"[-\d.,^*/()√πxyzi+²³]+")
_FORMULA = re.compile(r"√|π|[\d)][*^²³]|[\d)][xyzi](?!\d)")
"""What makes a number one part of a formula: 42x, 3^42, 42π."""
_POWER_OF_TEN = re.compile(r"10(?:\^[-−]?\d+|\^\{[-−]?\d+\}|\^\([-−]?\d+\)|[⁺⁻]?[⁰¹²³⁴-⁹]+)")
_TIMES = re.compile(rf"(?<![\w.,^/])(?P<factor>{NUMBER})\s?(?:×|x|\*|·|⋅|\\times|\\cdot)\s?\Z")
"""What is before the power of ten of 4.5 × 10^6."""
_WHOLE = re.compile(r"(?<![\w.,/])(?<!between )(?P<whole>\d{1,4}\s(?:and\s)?)\Z")
_BELOW_ONE = re.compile(r"([1-9])/(?!\1)[2-9]\d?")
"""The two parts of a mixed number, 1 1/2 or 1 and 1/2."""
_PART = "|".join(sorted(PARTS, key=len, reverse=True))
_AND_A_HALF = re.compile(
    rf"(?i)\s+and\s+(?:(?:an?|one)[\s-](?:{_PART})|(?:{'|'.join(CARDINALS)})[\s-](?:{_PART})s)(?!\w|\s+of\b)"
)
"""A part of one behind a number: "2 and a half", "3 and three quarters"."""
_AFTER_FORMULA = (
    rf"(?:\s|[ ]{{2,4}})(?:{_UNIT}|[kcm]m[²³]?|k?g|m?L|lbs?|oz|ft|mph|km/h|m/s[²2]?|m(?=[\s.!*]*\Z))(?![\w/^²³])"
)
UNIT_BEHIND = re.compile(rf"{_AFTER_FORMULA}(?:{_RATE.pattern})?")
"""A unit behind a number that is a formula, or no number in digits alone."""
_SIGNED = re.compile(
    rf"(?:\\\(|(?<![\\$\w])\$)\s?(?P<number>{NUMBER}(?:/\d+)?)\s?(?:\\\)|\$(?!\$))(?={_AFTER_FORMULA})"
)
"""A formula of a number alone, with its unit behind it: $95$ meters."""
_CARDINAL = "|".join(CARDINALS)
FRACTION_WORDS = (
    rf"(?:(?:{_CARDINAL})\s+and\s+(?:one[-\s]+|an?\s+)(?:{_PART})(?!\w)"
    rf"|(?:one[-\s]+|an?\s+)(?:{_PART})(?=\s+of\b|[.,;!?*]|\s*\Z)"
    rf"|(?:(?:{_CARDINAL})\s+and\s+)?(?:{_CARDINAL})[-\s]+(?:{_PART})s(?!\w))"
)
"""A fraction in words: "three quarters", "two and a half"; no ordinal as in "a third time"."""
CLOCK_WORDS = (
    rf"(?:(?:half|(?:a\s+)?quarter|{_CARDINAL})(?:\s+minutes?)?\s+past"
    r"|(?:a\s+)?quarter\s+to)"
    rf"\s+(?:{_CARDINAL})(?![\w-])"
)
"""A time of day in words: "half past nine"; "five to nine" may be a range."""
_FACTOR = re.compile(r"\s(?:pi|million|billion|trillion|thousand)\b(?!\s+\d)")
_OR = re.compile(r"(?i)(?:\beither\s+)?(?P<one>[-−]?\d[\d.,/]*)\s+or\s+$")
_GAP = re.compile(r"(?:,?\s+and\s+|,\s+|\s*)")
"""What stands between the parts of a quantity in two units."""


_NEGATIVE = re.compile(r"(?<![\w-])[Nn]egative\s(?=\Z)")
"""A sign in words: "negative 7"."""
_NO_DIGIT = re.compile(r"\D")
_BOTH_SIGNS = re.compile(r"(?<![\w)])(?<![\w)]\s)(?:±|\\pm|\+/)\s?$")
"""What makes a number two: ±7, but not 5 ± 2."""


def value_at(text: str, match: re.Match[str], *, bare: bool) -> Found:
    """The value of which a match of QUANTITY is the last number, with its unit and sign of money unless `bare`."""
    if match["time"]:
        if bare and ":" not in match["time"]:
            return Found(_NO_DIGIT.split(match["time"])[0], *match.span(), "last number")
        time = match["time"] if "." in match["time"][:-1] else match["time"].rstrip(".")
        return Found(time, *match.span(), "last number")
    if share := _SHARE.search(text, max(0, match.start() - 40), match.start()):
        return Found(share["share"].strip(), share.start(), share.end("share"), "last number")
    if not bare and (whole := _date_at(text, match) or _compound_at(text, match)):
        return whole
    if formula := _formula_around(text, match, bare=bare):
        return formula
    number, start = match["number"].rstrip(",") + ("%" if match["percent"] else ""), match.start("number")
    if signs := _BOTH_SIGNS.search(text, max(0, start - 8), start):
        return Found(rf"\pm {number.lstrip('-−')}", signs.start(), match.end(), "last number")
    if negative := _NEGATIVE.search(text, max(0, start - 12), start):
        number, start = f"-{number}", negative.start()
    whole_part = _WHOLE.search(text, max(0, match.start() - 12), match.start())
    if whole_part and match.start() == start and _BELOW_ONE.fullmatch(number):
        number, start = whole_part["whole"] + number, whole_part.start("whole")
    if either := _OR.search(text, max(0, match.start() - 40), match.start("number")):
        return Found(f"{either['one']} or {number}", either.start(), match.end(), "last number")
    half = _AND_A_HALF.match(text, match.end()) if number.isdigit() or match["unit"] else None
    if bare:
        half = half if half and not match["unit"] else None
        return Found(number + (half.group() if half else ""), start, half.end() if half else match.end(), "last number")
    if half:
        unit = match["unit"] or ""
        if not unit and (behind := UNIT_BEHIND.match(text, half.end())):
            unit = behind.group()
        end = half.end() if match["unit"] else half.end() + len(unit)
        return Found(
            " ".join(f"{match['money'] or ''}{number}{half.group()} {unit}".split()), start, end, "last number"
        )
    unit, end = _unit_behind(text, match)
    value = (match["money"] or "") + number + (match["behind"] or "").strip(" $") + unit
    return Found(" ".join(value.split()), min(start, match.start()), end, "last number")


def _unit_behind(text: str, match: re.Match[str]) -> tuple[str, int]:
    """The unit behind a number, with what it is per, and where it ends."""
    unit, end = match["unit"] or "", match.end()
    if not (unit or match["percent"] or match["money"] or match["behind"]) and (symbol := SYMBOL.match(text, end)):
        unit, end = symbol.group(), symbol.end()
    if match["percent"]:
        return "", end
    rate = _RATE.match(text, end) if unit or match["money"] else None
    if rate and (rate["per"] or _LENGTH.fullmatch(unit)):
        return unit + (rate.group() if rate["per"] else f" per {rate['time']}"), rate.end()
    return unit, end


def _date_at(text: str, match: re.Match[str]) -> Found | None:
    """The date of which a number is the day or the year."""
    begin, number = max(0, match.start() - _WINDOW), match.end("number") - 1
    if not re.fullmatch(r"[-−]?(?:\d{1,2}(?:/\d{1,2})?|\d{4})", match["number"].rstrip(",.")):
        return None
    for date in _DATE.finditer(text, begin, min(len(text), match.end() + _WINDOW)):
        if date.start() <= number < date.end():
            return Found(" ".join(date.group().split()), *date.span(), "last number")
    return None


@functools.cache
def _part() -> tuple[re.Pattern[str], dict[str, frozenset[tuple[int, int]]]]:
    """A number with a unit of a family, and unit -> its families, each with its rank there."""
    places: dict[str, set[tuple[int, int]]] = {}
    for family, ranks in enumerate(_TABLE["families"]):
        for rank, names in enumerate(ranks):
            for name in names:
                for spelling in [name] if len(name) == 1 else [name, f"{name}s"]:
                    places.setdefault(spelling, set()).add((family, rank))
    units = "|".join(re.escape(unit) for unit in sorted(places, key=len, reverse=True) if unit[-1].isalpha())
    pattern = re.compile(
        rf"(?<![\w.,/^])(?:(?P<money>[$€£])(?P<amount>\d[\d,]*)(?!\.?\d)"
        rf"|\d[\d,]*+(?:\.\d++)?(?:\s\d++/\d++)?\s{{0,4}}(?P<unit>(?i:{units})|€)(?![^\W\d]|[/^²³]))"
    )
    return pattern, {unit: frozenset(found) for unit, found in places.items()}


def _compound_at(text: str, match: re.Match[str]) -> Found | None:
    """The quantity in two units or more of which a number is a part: "5 feet 4 inches"; a list of things is none."""
    pattern, places = _part()
    parts = list(pattern.finditer(text, max(0, match.start() - _WINDOW), min(len(text), match.end() + _WINDOW)))
    at = next((at for at, part in enumerate(parts) if part.start() <= match.start() < part.end()), None)
    if at is None:
        return None
    first = last = at
    left = right = _places(parts[at], places)
    while first and _GAP.fullmatch(text, parts[first - 1].end(), parts[first].start()):
        left = _beside(_places(parts[first - 1], places), left, -1)
        if not left:
            break
        first -= 1
    while last + 1 < len(parts) and _GAP.fullmatch(text, parts[last].end(), parts[last + 1].start()):
        right = _beside(_places(parts[last + 1], places), right, 1)
        if not right:
            break
        last += 1
    if first == last:
        return None
    start, end = parts[first].start(), parts[last].end()
    return Found(" ".join(text[start:end].split()), start, end, "last number")


def _beside(
    these: frozenset[tuple[int, int]], others: frozenset[tuple[int, int]], way: int
) -> frozenset[tuple[int, int]]:
    """The places of a unit that is larger (way -1) or smaller (1) than another one of its family."""
    return frozenset((f, rank) for f, rank in these if any(f == g and way * (rank - r) > 0 for g, r in others))


def _places(part: re.Match[str], places: dict[str, frozenset[tuple[int, int]]]) -> frozenset[tuple[int, int]]:
    unit = part["money"] or part["unit"]
    return places.get(unit) or places.get(unit.lower()) or frozenset()


def _formula_around(text: str, match: re.Match[str], *, bare: bool) -> Found | None:
    """The formula of which a number is a part, where no space stands in it, or the number with "million" or "pi"."""
    if not match["percent"] and (factor := _FACTOR.match(text, match.end())):
        return _with_unit(text, match.start(), factor.end(), bare=bare)
    begin, number_end = max(0, match.start() - 40), match.end("number")
    spaces = [space.end() for space in _SPACE.finditer(text, begin, match.start())]
    start = spaces[-1] if spaces else begin
    space = _SPACE.search(text, number_end)
    end = space.start() if space else len(text)
    token = text[start:end].strip("*.,;:!?`'\"_")
    if _POWER_OF_TEN.fullmatch(token) and (times := _TIMES.search(text, max(0, start - 40), start)):
        end = text.index(token, start) + len(token)
        return _with_unit(text, times.start("factor"), end, bare=bare)
    if len(token) > 60 or not _TOKEN.fullmatch(token) or not _FORMULA.search(token) or token == match["number"]:
        return None
    if text.endswith(token, start, end):
        return _with_unit(text, end - len(token), end, bare=bare)
    return Found(token, start, end, "last number")


def _with_unit(text: str, start: int, end: int, *, bare: bool) -> Found:
    unit = None if bare else UNIT_BEHIND.match(text, end)
    end = unit.end() if unit else end
    return Found(text[start:end].strip(), start, end, "last number")


def without_signs(text: str) -> str:
    """The text with blanks for the signs of formulas that are a number with its unit behind; as long as before."""
    return _SIGNED.sub(lambda one: one["number"].rjust(one.end("number") - one.start()).ljust(len(one[0])), text)
