"""The operators that make a gold wrong, as a table: changed numbers, formulas, structures, units, words and options."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from benchmarks.mutations import (
    CONSTANT,
    Operator,
    each,
    is_decimal,
    is_expression,
    is_integer,
    is_interval,
    is_matrix,
    is_number,
    is_option,
    is_prose,
    is_time,
    is_word,
    matches,
    of_integer,
    of_items,
    of_words,
    whole,
)

NUMBER = r"(?<![\d._^\\,{A-Za-z])(?<!frac )\d{1,9}(?![\d.,}])"
"""A number of a formula that is no power, index or part of a larger one."""
POWER = r"\^(?:\{(\d)\}|(\d))"
FRACTION = r"\\d?frac ?\{([^{}]+)\}\{([^{}]+)\}"
ORDER = r"<|>|\\leq?\b|\\geq?\b"
STRICTNESS = {"<": r"\le ", ">": r"\ge ", r"\le": "<", r"\leq": "<", r"\ge": ">", r"\geq": ">"}
REVERSED = {"<": ">", ">": "<", r"\le": r"\ge ", r"\leq": r"\geq ", r"\ge": r"\le ", r"\geq": r"\leq "}
FUNCTIONS = {
    "sin": "cos",
    "cos": "sin",
    "tan": "cot",
    "arcsin": "arccos",
    "arctan": "arcsin",
    "sec": "csc",
    "exp": "ln",
}
UNITS = {"cm": "km", "m": "cm", "km": "m", "ft": "in", "kg": "g", "g": "kg", "s": "h", "inches": "feet"}
UNITS |= {"feet": "miles", "hours": "minutes", "minutes": "seconds", "days": "weeks", "meters": "kilometers"}
UNITS |= {"mph": "miles", "years": "months", "cents": "dollars", "dollars": "cents", "hour": "minute"}


def _one_more(match: re.Match[str]) -> str:
    return str(int(match[0]) + 1)


def _power_raised(match: re.Match[str]) -> str:
    return f"^{{{int(match[1] or match[2]) + 1}}}"


def _inverted(match: re.Match[str]) -> str:
    return rf"\frac{{{match[2]}}}{{{match[1]}}}" if match[1] != match[2] else match[0] + "+1"


def _turned(match: re.Match[str]) -> str:
    one, sign, other = match.groups()
    return f"{other}{sign}{one}" if one != other else f"{one}{sign}{other}1"


def _other_bracket(match: re.Match[str]) -> str:
    return match[0][:-1] + {"(": "[", "[": "(", ")": "]", "]": ")"}[match[0][-1]]


def _other_step(match: re.Match[str]) -> str:
    name = "ceil" if match[1] == "floor" else "floor"
    return rf"\l{name}{match[2]}\r{name}"


def _modulus(match: re.Match[str]) -> str:
    return f"{match[1]}{int(match[2]) + 1}"


def _digits_swapped(number: int) -> str | None:
    digits = str(abs(number))
    for place, (one, other) in enumerate(pairwise(digits)):
        if one != other and not (place == 0 and other == "0"):
            return ("-" if number < 0 else "") + digits[:place] + other + one + digits[place + 2 :]
    return None


def _renamed(gold: str) -> Iterator[str]:
    """One letter everywhere by another one, where a letter is no dummy, label or arbitrary constant."""
    if is_expression(gold) and not re.search(r"\\(?:int|sum|prod|lim)|\bd[a-z]\b", gold):
        for letter in dict.fromkeys(re.findall(r"(?<![A-Za-z\\])[a-zA-Z](?![A-Za-z])", gold)):
            if letter not in "eidCcKk":
                yield re.sub(rf"(?<![A-Za-z\\]){letter}(?![A-Za-z])", "w" if letter != "w" else "u", gold)


def _one_letter(gold: str) -> Iterator[str]:
    """One occurrence of a letter by another letter of the same formula."""
    letters = [m for m in re.finditer(r"(?<![A-Za-z\\_{])[a-zA-Z](?![A-Za-z(_])", gold) if m[0] not in "eid"]
    names = list(dict.fromkeys(match[0] for match in letters))
    if is_expression(gold) and len(names) > 1:
        for match in letters[:2]:
            other = names[(names.index(match[0]) + 1) % len(names)]
            yield gold[: match.start()] + other + gold[match.end() :]


def _values_swapped(items: list[str]) -> Iterator[list[str]]:
    """The values of two equations exchanged: x=1, y=2 -> x=2, y=1."""
    sides = [item.strip("$").partition("=") for item in items]
    if (
        " or " not in "".join(items)
        and all(middle for _, middle, _ in sides)
        and len({name.strip() for name, _, _ in sides}) == len(sides)
    ):
        (first, _, one), (second, _, other), *rest = sides
        if one.strip() != other.strip():
            yield [f"{first}={other.strip()}", f"{second}={one.strip()}", *("".join(side) for side in rest)]


def _rows_swapped(gold: str) -> Iterator[str]:
    found = re.search(r"(\\begin\{[a-z]*matrix\})(.*?)(\\end\{[a-z]*matrix\})", gold, re.DOTALL)
    if found and not is_prose(gold):
        rows = found[2].split(r"\\")
        if len(rows) > 1 and rows[0].strip() != rows[1].strip():
            yield gold.replace(found[2], r"\\".join([rows[1], rows[0], *rows[2:]]))


def _lines(gold: str) -> Iterator[str]:
    """A gold of several lines without its first, and without its last."""
    lines = [line for line in gold.split("\n") if line.strip()]
    equations = all("=" in line and "&" not in line and "\\\\" not in line for line in lines)
    if len(lines) > 1 and equations and not is_prose(gold):
        yield from ("\n".join(lines[1:]), "\n".join(lines[:-1]))


def _options_added(gold: str) -> Iterable[str]:
    return [f"{gold}, {other}" for other in "ABCDE" if other != gold] if is_option(gold) else []


def _other_options(gold: str) -> Iterable[str]:
    return [other for other in "ABCDE" if other != gold] if is_option(gold) else []


NUMBERS: dict[str, Operator] = {
    "one more": of_integer(lambda n: str(n + 1)),
    "one less": of_integer(lambda n: str(n - 1)),
    "doubled": of_integer(lambda n: str(2 * n) if n else None),
    "negated": of_integer(lambda n: str(-n) if n else None),
    "negated in brackets": whole("-(GOLD)", among=lambda g: is_number(g) and not g.startswith("-")),
    "ten times": of_integer(lambda n: f"{n}0" if n else None),
    "last digit dropped": of_integer(lambda n: str(n)[:-1] if abs(n) > 9 else None),
    "digits swapped": of_integer(_digits_swapped),
    "digits apart": each(r"^(\d+)(\d)$", r"\1 \2", among=lambda g: is_integer(g) and int(g) < 1000),
    "reciprocal": of_integer(lambda n: rf"\frac{{1}}{{{n}}}" if abs(n) > 1 else None),
    "squared": of_integer(lambda n: f"{n}^2" if n > 1 else None),
    "a half more": of_integer(lambda n: rf"{n}\frac{{1}}{{2}}" if n > 0 else None),
    "factorial": of_integer(lambda n: f"{n}!" if 2 < n < 20 else None),
    "digit of a decimal": each(r"(?<=\.)\d", lambda m: str((int(m[0]) + 3) % 10), among=is_decimal),
    "decimal point moved": each(r"(\d)\.(\d)", r"\1\2.", among=lambda g: is_decimal(g) and is_number(g)),
    "one added to a decimal": whole("GOLD+1", among=is_decimal),
    "word that multiplies": whole("GOLD thirds", "GOLD dozen", "GOLD million", "GOLD squared", among=is_integer),
    "and a half": whole("GOLD and a half", among=is_integer),
    "group of thousands cut": each(r"(?<=\d),0(\d\d)(?!\d)", r",\1"),
    "fraction a/b turned": each(r"^(\d+)(/)(\d+)$", _turned),
    "base changed": each(r"(?<=\d_)\d|(?<=\d_\{)\d(?=\})", _one_more),
    "modulus changed": each(r"(mod\D{0,3})(\d+)", _modulus),
}
FORMULAS: dict[str, Operator] = {
    "a number plus one": each(NUMBER, _one_more, without=CONSTANT + r"|[cC]_|\$"),
    "a number doubled": each(f"(?!0){NUMBER}", lambda m: str(2 * int(m[0])), without=CONSTANT + "|:|[cC]_"),
    "one added": whole("GOLD+1"),
    "one subtracted": whole("GOLD-1"),
    "formula doubled": whole(r"2\left(GOLD\right)", among=lambda g: is_expression(g) and g != "0"),
    "formula negated": whole(r"-\left(GOLD\right)", among=lambda g: is_expression(g) and g != "0"),
    "formula squared": whole(r"\left(GOLD\right)^2", among=lambda g: is_expression(g) and g not in "01"),
    "sign of a term": each(
        r"(?<=[\w})] )[+-](?= [\w\\({])|(?<=[\w})])[+-](?=[\w\\({])",
        lambda m: "-" if m[0] == "+" else "+",
        among=is_expression,
    ),
    "term dropped": each(r"(?<=[\w})]) ?[+-] ?(?:\d+|[a-z]|\d[a-z])$", "", among=is_expression),
    "letter renamed": _renamed,
    "one letter for another": _one_letter,
    "letter in capitals": each(
        r"(?<![A-Za-z\\{_])[abmnpqrvxyz](?![A-Za-z])", lambda m: m[0].upper(), among=is_expression
    ),
    "factor of a letter dropped": each(r"(?<=\d) ?[abmnpqrstuvwxyz](?![A-Za-z_^(])", "", among=is_expression),
    "power raised": each(POWER, _power_raised, without=CONSTANT),
    "power dropped": each(rf"(?<=[A-Za-z)]){POWER}", "", without=CONSTANT + r"|\\text|\\mathrm"),
    "sign of a power": each(r"\^\{-", "^{", without=CONSTANT),
    "index changed": each(r"(?<=[abd-jl-zABD-JL-Z]_)\d|(?<=[a-z]_\{)\d(?=\})", _one_more, among=is_expression),
    "other function": each(
        r"\\(arcsin|arctan|sin|cos|tan|sec|exp)\b", lambda m: rf"\{FUNCTIONS[m[1]]}", without=CONSTANT
    ),
    "argument of a function": each(r"(?<=[a-zA-Z]\()\d(?=\))", _one_more),
    "argument doubled": each(r"(\\(?:sin|cos|tan|ln|log)) ?(?=[a-z])", r"\g<1> 2 ", among=is_expression),
    "cube root for a root": each(r"\\sqrt(?=\{[^}]*[2-9a-z])", r"\\sqrt[3]", without=CONSTANT),
    "root dropped": each(r"\\sqrt ?\{([2-9]|\d\d+|[a-z])\}", r"\1", without=CONSTANT),
    "fraction inverted": each(FRACTION, _inverted, among=is_expression),
    "numerator only": each(FRACTION, r"(\1)", among=is_expression),
    "pi dropped": each(r"(?<=\d) ?\\pi\b", " ", among=is_expression),
    "pi doubled": each(r"\\pi\b", r"2\\pi", among=is_expression),
    "imaginary unit dropped": each(r"(?<=\d) ?i(?![A-Za-z])", "", among=is_expression),
    "absolute value dropped": each(r"\|([^|]*[a-z-][^|]*)\|(?!\^)", r"\1", without=r"\\(?:ln|log)|" + CONSTANT),
    "factorial dropped": each(r"(?<=[\w})])!", "", without=r"\\!"),
    "floor for ceiling": each(r"\\l(floor|ceil)\b(.*?)\\r(?:floor|ceil)\b", _other_step),
    "max for min": each(r"\\(max|min)\b", lambda m: r"\min" if m[1] == "max" else r"\max"),
    "one of plus-minus": each(r"\\pm\b", "+"),
    "right side one more": each(
        r"^([a-zA-Z] ?(?:\([a-z]\))? ?= ?[^=,;]*[\w})])$",
        r"\1+1",
        without=CONSTANT + r"|\\text|\n|\\pm|\\infty|\\quad|:",
    ),
}
STRUCTURES: dict[str, Operator] = {
    "item dropped": of_items(lambda items: [items[1:], items[:-1]]),
    "item added": of_items(lambda items: [[*items, "9973"]]),
    "item for another": of_items(lambda items: [[items[1], *items[1:]]]),
    "item of a tuple doubled": of_items(lambda items: [[items[0], *items]], tuples_only=True),
    "tuple swapped": of_items(lambda items: [[items[1], items[0], *items[2:]]], tuples_only=True),
    "values of two letters swapped": of_items(_values_swapped),
    "line dropped": _lines,
    "left bracket of an interval": each(r"[(\[](?=-?[\d\\][^()\[\]]*,)(?!-\\infty)", _other_bracket, among=is_interval),
    "right bracket of an interval": each(
        r"(?<=,)[^,()\[\]]*?[\d}](?:\\right)?[)\]]", _other_bracket, among=is_interval
    ),
    "part of a union dropped": each(r"^.*?\\cup ?", ""),
    "intersection for union": each(r"\\cup\b", r"\\cap"),
    "finite end": each(r"-\\infty", "-9973"),
    "strictness changed": each(ORDER, lambda m: STRICTNESS[m[0]], without=r"\\left<|\\right>|->"),
    "order reversed": each(ORDER, lambda m: REVERSED[m[0]], without="->"),
    "bound moved": each(rf"((?:{ORDER}) ?-? ?)(\d+)(?![\d./])", _modulus),
    "letter of a relation renamed": each(rf"^ ?[a-z](?= ?(?:=|{ORDER}) ?-? ?\d+$)", "w"),
    "not equal": each("=", r"\\neq ", among=lambda g: g.count("=") == 1),
    "rows of a matrix swapped": _rows_swapped,
    "entry of a matrix": each(r"(?<=[&\s])\d{1,6}(?=\s*[&\\])", _one_more, among=is_matrix),
    "ratio turned": each(r"^(\d+)(:)(\d+)$", _turned),
}
WORDS: dict[str, Operator] = {
    "unit changed": each(
        r"(?<=[\s{~])(?:" + "|".join(UNITS) + r")(?=\}|$)", lambda m: UNITS[m[0]], without=r"\bif\b|\\omega"
    ),
    "power of a unit": each(r"(?<=\})\^\{?[23]\}?$", "^4", among=lambda g: "text" in g or "mathrm" in g),
    "one taken from an amount": whole("GOLD-1", among=matches(r"\\\$ ?\d+(?:\.\d+)?|\d+ ?(?:\\%|\^\{?\\circ\}?)")),
    "amount negated": whole("-(GOLD)", among=matches(r"\\\$ ?\d+(?:\.\d+)?|\d+ ?\\(?:text|mathrm) ?\{.*\}")),
    "percent point more": each(r"\d+(?= ?\\?%)", _one_more),
    "degree more": each(r"\d+(?= ?\^\{?\\circ)", _one_more),
    "option added": _options_added,
    "other option": _other_options,
    "option refuted": whole("not GOLD", "(GOLD) is wrong", among=is_option),
    "opposite": of_words({"yes": "no", "true": "false", "even": "odd", "linear": "nonlinear", "surplus": "shortage"}),
    "word refuted": whole("not GOLD", "GOLD is wrong", "anything but GOLD", among=is_word),
    "word with another": whole("GOLD and Zelda", "GOLD or Zelda", among=is_word),
    "minute later": each(r"(?<=:)[0-4]\d(?=\D*$)", lambda m: f"{int(m[0]) + 1:02}", among=is_time),
    "other half of the day": each(r"[apAP](?=\.?[mM])", lambda m: "p" if m[0] in "aA" else "a", among=is_time),
}
OPERATORS: dict[str, Operator] = NUMBERS | FORMULAS | STRUCTURES | WORDS
"""Name -> operator."""
