r"""The answer of a short reply that is nothing but an answer: "x=2, y=3", "March 1, 2023", "3 ft 4 in", "No solution".

A plain number, whatever is around it, is left to `guesses`, and a letter to `letters`. What is said here is only where
the answer begins and ends; several values in a row are one answer, which the comparison refuses for a gold of one.
"""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files

from slipstick.answers.found import Found
from slipstick.answers.guesses import OPERATION, breaks_off
from slipstick.answers.remarks import without_denial
from slipstick.answers.trim import formulas, trim
from slipstick.answers.values import NUMBER, QUANTITY, SHARE_OF
from slipstick.answers.words import CJK, denied, words
from slipstick.number_words import CARDINALS, MAGNITUDES, ORDINALS, PARTS

_LONGEST = 200
"""Characters of a reply that may be nothing but an answer."""
_LONGEST_WORDS = 6
_NO_ANSWER = re.compile(
    rf"[?？\n{CJK}]|</?[A-Za-z][^<>]*>|==|\+=|://|\\boxed|\\fbox|\b(?:print|import|def|return|lambda|input|assert)\b"
    r"|\A\W*[A-J][.):](?:\s|\Z)|\A\s*[-*•#>]\s*[-−$]?\d[\d.,]*\W*\Z|\A\d{1,2}[.)]\s+[-−$]?\d[\d.,]*\W*\Z|\A<[^,]*>\Z"
)
"""What is in a question, a program, markup, the letter of an option with its text, a bullet with a number."""
_CUT_OFF = re.compile(r"(?:[-+*/×÷=<>≤≥≈^_(,;:&]|\\(?:times|cdot|div|pm|approx|leq?|geq?))\s*\Z")
"""The end of a reply that was to go on."""
_ARITHMETIC = re.compile(r"\d\s*[+*×·÷]\s*\d|\d\s+[-−–/x]\s+(?!10\s?[\^*⁰¹²³⁴-⁹⁻])\d")
"""A computation of plain numbers, but not the power of ten of 6.02 x 10^23: a sentence that ends with one may go on."""
_ARROW = re.compile(r"->|=>|→|⇒")
_EXCLAIMED = re.compile(r"(?<=[^\W\d_]{2})!+\Z")
_LEAD = re.compile(r"(?:[-=]>|[=≈~∴→⇒])\s*|(?:der|den|am|le|il)\s+(?=\d{1,2}(?:\.|er)\s)")
_SENTENCES = re.compile(r"(?:(?<!\d)[.!]|;|\d[.!](?!\s+[^\W\d_]+\s+\d{4}))\s+\S")
"""Where a second sentence begins; not behind the day of a date, "1. März 2023"."""
_ENDS_IN_A = re.compile(r"[-=+*/^∈∋⊂⊃]\s*[aA]\Z")
_QUOTES = (('"', '"'), ("'", "'"), ("“", "”"), ("„", "“"), ("«", "»"), ("‘", "’"), ("**", "**"), ("__", "__"))
_STARS = re.compile(r"\*\*(?!\s*[\w(\\-])|(?<![\w)}])\s*\*\*")
"""A mark of bold that is left, and no power."""
_GLUED = re.compile(rf"{NUMBER}[msghlLJWNVKAC]")
"""A number with a letter that may be its unit: 42m."""
_ASIDE = re.compile(
    r"(?<!\sU)(?<=[\w%°}$)])\s+\((?!\s*(?:or|mod)\b)(?:(?:[=≈~]|about|approximately)?\s*[-−$€£]?\d"
    r"(?:[^()A-Za-z]|[A-Za-z]{2,}(?![A-Za-z]))*|[^()]*(?:=|[A-Za-z]{2})[^()]*)\)\W*\Z"
)
"""A value in brackets behind the answer: "3/4 (0.75)"."""
_PLAIN_VALUE = r"[-−]?[$€£]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?:/\d+)?\s?%?"
_TWO_VALUES = re.compile(
    rf"(?:[A-Za-z]\s?=\s?)?(?P<value>{_PLAIN_VALUE})(?P<unit>\s?[^\W\d_]+)?"
    rf"\s+\((?:[=≈~]|about|approximately)?\s?(?P<again>{_PLAIN_VALUE})(?P<other>(?(unit)\s?[^\W\d_]+|(?!)))?\)"
)
"""A number and another one in brackets, which has a unit only if the first has one."""
_WORD = r"(?:(?![α-ωΑ-Ω])[^\W\d_]){2,}(?:['’.-][^\W\d_]+)*"
_TOKEN = re.compile(
    r"(?P<run>(?:(?<=[-=+*/^{|<>∠])|(?<=[-=+*/^<>] ))[A-Za-z]{2,3}(?![A-Za-z'’])|[A-Za-z]{2,3}(?=[-^=+*/}<>_|]))"
    rf"|(?P<word>{_WORD})|(?P<number>\d+(?:[.,]\d+)*|\.\d+|[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])(?:(?:st|nd|rd|th)\b)?"
    r"|(?P<letter>[A-Za-zα-ωΑ-Ω])"
    r"|(?P<said>\\(?:text|mathrm|textbf|operatorname|mathbb|mathbf|begin|end)\s*\{[^{}]{0,40}\})"
    r"|(?P<command>\\[A-Za-z]+)"
    r"|(?P<sign>\\[{}%$,;:!| \\]|[-−–+*/^_=<>|()\[\]{}.,;:!'′%&°√∞…×·÷±∓≤≥≠≈≡~∪∩∈∉∋∌⊂⊃⊆⊇⊄⊅⊈⊉∠∅²³⁰¹⁴-⁹⁺⁻€£¥$])"
    r"|(?P<space>\s+)"
)
_JOINT = re.compile(r"[,;]|\b(?:and|or|und|oder|et|ou)\b")
_RELATION = re.compile(r"[<>!]=|=>|\\(?:neq?|leq?|geq?|equiv)(?![A-Za-z])")
_INDEX = re.compile(r"_\s*\{[^{}]*\}")
_SAID = re.compile(r"\\(?:text|mathrm)\s*\{([^{}]*)\}")
_NAME = re.compile(r"\\?[A-Za-zα-ωΑ-Ω]+(?:_\w|_\{[^{}]*\})?'*(?:\([^()]{1,12}\))?")
_PLAIN = re.compile(rf"{QUANTITY.pattern}(?:\s+[^\W\d_]+)?")
_LABELLED = re.compile(rf"(?:[^\W\d_]+\s)?{_WORD}\s*[:=]\s*")
_ONLY_WORDS = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*(?:,?\s+[^\W\d_]+(?:['’-][^\W\d_]+)*)*")


@dataclass(frozen=True)
class _Known:
    """What whole.toml says; all_words: those that are no product of letters such as xy."""

    values: frozenset[str]
    joints: frozenset[str]
    steps: frozenset[str]
    sentence: frozenset[str]
    all_words: frozenset[str]
    nothing: tuple[str, ...]
    verbs: re.Pattern[str]
    supposes: re.Pattern[str]
    doubts: re.Pattern[str]


@functools.cache
def _known() -> _Known:
    table = tomllib.loads(files(__package__).joinpath("whole.toml").read_text("utf-8"))
    parts = [*PARTS, *(f"{part}s" for part in PARTS), "halves"]
    verbs, supposes, doubts = ("|".join(map(re.escape, table[key])) for key in ("verbs", "supposes", "doubts"))
    values = frozenset([*table["values"], *CARDINALS, *MAGNITUDES, *ORDINALS, *parts])
    return _Known(
        values=values,
        joints=frozenset(table["joints"]),
        steps=frozenset(table["steps"]),
        sentence=frozenset(table["sentence"]),
        all_words=frozenset([*values, *table["joints"], *table["steps"], *table["sentence"], "no", "yes"]),
        nothing=tuple(table["nothing"]),
        verbs=re.compile(rf"(?i)(?<![\w'])(?:{verbs})\s+(?:also\s+)?(?=\S)"),
        supposes=re.compile(rf"(?i)\W*(?:{supposes})\b"),
        doubts=re.compile(rf"(?i)(?<!\w)(?:{doubts})(?!\w)"),
    )


def find_whole(text: str, *, kind: str | None) -> Found | None:
    """The answer that a reply of one short line is, or that its one sentence states; None for any other text.

    `kind` as of `find_answer`; if a number is asked, words that are no number are no answer.
    """
    start, line = len(text) - len(text.lstrip()), text.strip()
    if (
        not line
        or len(line) > _LONGEST
        or _NO_ANSWER.search(line)
        or (breaks_off(line) and not _ENDS_IN_A.search(line))
        or words().refusal.search(line)
    ):
        return None
    answer = _EXCLAIMED.sub("", _undecorated(line) or "")
    said = without_denial(answer) if kind == "text" else answer
    if not answer:
        return None
    if _is_value(said) or _is_words(said, kind=kind, alone="$" not in line and said == answer):
        return Found(said, start, start + len(line), "whole")
    return _stated(text, start, line, kind=kind)


def _undecorated(line: str) -> str | None:
    """A line without its bold marks, quotes, formula signs and full stop; None if it was to go on."""
    before = None
    while line != before:
        before = line = line.strip()
        for opening, closing in _QUOTES:
            inner = line.removesuffix(".")[len(opening) : -len(closing)].strip()
            wrapped = line.startswith(opening) and line.removesuffix(".").endswith(closing) and inner
            if wrapped and opening not in inner and closing not in inner:
                line = inner
    if _CUT_OFF.search(line):
        return None
    if line.endswith("..") and not line.rstrip(". ")[-1:].isdigit():
        return None
    if lead := _LEAD.match(line):
        line = line[lead.end() :]
    return trim(_without_signs(trim(line)))


def _without_signs(line: str) -> str:
    r"""A line with its formulas as they are, "$24$ m^3" as "24 m^3", but not the dollars of "$5 and $6"."""
    end, parts = 0, []
    for one in formulas(line):
        if one.text != one.text.strip() or line[one.end : one.end + 1].isdigit():
            return line
        parts += [line[end : one.start], one.text]
        end = one.end
    return "".join([*parts, line[end:]])


def _is_value(answer: str) -> bool:
    """Whether a text is a value, or several, in mathematical notation or with units; not a plain number."""
    if (len(answer) == 1 and answer.isalpha()) or _ARROW.search(answer):
        return False
    if (two := _TWO_VALUES.fullmatch(answer)) and not _says_again(two):
        return True
    if (
        QUANTITY.fullmatch(answer.strip("()[]{}<> "))
        or _GLUED.fullmatch(answer)
        or _STARS.search(answer)
        or _ASIDE.search(answer)
        or not _balanced(answer)
        or _computes(answer)
    ):
        return False
    if (label := _LABELLED.match(answer)) and _PLAIN.fullmatch(answer, label.end()):
        return False
    if (
        (quantity := QUANTITY.match(answer))
        and quantity["unit"]
        and re.fullmatch(rf"\s+{_WORD}", answer[quantity.end() :])
    ):
        return True
    return _reads(answer)


def _says_again(two: re.Match[str]) -> bool:
    """Whether the number in brackets is the one before it, or that one rounded; not if their units differ."""
    if two["other"] and two["other"].strip() != two["unit"].strip():
        return False
    (value, places), (again, others) = (_plain_value(two[name]) for name in ("value", "again"))
    shown = min((one for one in (places, others) if one), default=None)
    if value is None or again is None:
        return False
    return value == again or (shown is not None and abs(value - again) <= Fraction(1, 2 * 10**shown))


def _plain_value(text: str) -> tuple[Fraction | None, int]:
    """A number and its decimal places; None of a fraction of nothing."""
    percent, digits = "%" in text, re.sub(r"[$€£%,\s]", "", text).replace("−", "-")
    top, _, bottom = digits.partition("/")
    if bottom and not int(bottom):
        return None, 0
    places = len(top.partition(".")[2]) + (2 if percent else 0)
    return Fraction(top) / int(bottom or 1) / (100 if percent else 1), places


def _reads(answer: str) -> bool:
    """Whether a text has only numbers, letters, signs, things behind numbers and words of values, and one of them."""
    place, holds, before = 0, False, "begin"
    while place < len(answer):
        token = _TOKEN.match(answer, place)
        if token is None:
            return False
        place = token.end()
        if token["space"]:
            continue
        word = (token["word"] or token["run"] or "").lower()
        if token["run"] and word not in _known().all_words:
            holds, before = True, "letters"
        elif word:
            role = _role(word, before, answer[place : place + 9].lstrip())
            if role is None:
                return False
            holds, before = holds or role in ("number", "value"), role
        else:
            before = _KINDS.get(token["sign"] or "", "sign") if token["sign"] else "number"
            before = "letters" if (token["letter"] or token["command"]) not in ("π", r"\pi", None) else before
            holds = holds or token["sign"] is None or token["sign"] in "∞∅"
    return holds and before != "joint"


_KINDS = {",": "begin", ";": "begin", **dict.fromkeys("/%°²³})", "number")}
"""Signs behind which a part begins, or what is counted may stand."""


def _role(word: str, before: str, behind: str) -> str | None:
    """What a word is behind what is before it: part of a value, a joint, what is counted, a label; None if none."""
    known = _known()
    if word in ("per", "square", "cubic"):
        return "measure"
    if word in known.values:
        return "number" if word in MAGNITUDES else "value"
    counts = before in ("number", "measure")
    if word in known.joints and not (word == "in" and counts and behind[:1] in ("", ",", ".")):  # inches
        return "joint"
    if counts and word not in known.sentence and not behind.startswith("("):
        return "thing"
    labels = before in ("begin", "joint") and behind.startswith((":", "=")) and word not in known.steps
    return "label" if labels else None


def _balanced(answer: str) -> bool:
    """Whether every bracket has its other half; the halves of an interval may differ: [0, 1), ]1, 5]."""
    plain = re.sub(r"\\[\[\](){}]", "", answer)
    if len(re.findall(r"\|(?!\s)|(?<!\s)\|", plain)) % 2:
        return False
    round_and_square = sum(map(plain.count, "()[]"))
    return plain.count("{") == plain.count("}") and round_and_square % 2 == 0 and not re.search(r"\A[)}]", plain)


def _computes(answer: str) -> bool:
    """Whether a part is a computation with its result behind it, "5 + 3 = 8" or "x = 2 + 2 = 4", and no equation."""
    for part in _parts(_SAID.sub(r" \1 ", _INDEX.sub("_", _RELATION.sub("<", answer)))):
        sides = [side.strip() for side in part.split("=")]
        if len(sides) > 2 and not all(_NAME.fullmatch(side) for side in sides[:-1]):
            return True
        if len(sides) == 2:
            left = re.sub(r"(?<=\d)\s*x\s*(?=\d)", "*", sides[0])
            if OPERATION.match(left) or not re.search(r"[^\W\d_]", left):
                return True
            letters = re.search(r"(?<![A-Za-z])[A-Za-z](?![A-Za-z])", re.sub(r"\\[A-Za-z]+", " ", left))
            if re.search(r"\d", left) and not letters:
                return True
    return False


def _parts(answer: str) -> list[str]:
    """The parts of a list, outside of brackets."""
    depth, begin, parts = 0, 0, []
    for sign in re.finditer(rf"[()\[\]{{}}]|{_JOINT.pattern}", answer):
        if sign.group() in "([{":
            depth += 1
        elif sign.group() in ")]}":
            depth -= 1
        elif depth <= 0:
            parts.append(answer[begin : sign.start()])
            begin = sign.end()
    return [*parts, answer[begin:]]


def _is_words(answer: str, *, kind: str | None, alone: bool) -> bool:
    """Whether a text is some words that are no sentence: "No solution", "isosceles triangle", "two thirds"."""
    if not _ONLY_WORDS.fullmatch(answer):
        return False
    said = re.split(r"[\s,]+", answer.lower().replace("’", "'"))
    if len(said) == 1 and alone:
        return len(answer) == 1 and kind != "number" and not re.fullmatch("[A-J]", answer)
    known = _known()
    if kind == "number":
        return all(part in known.values or part in ("and", "a") for word in said for part in word.split("-"))
    if answer.lower().startswith(known.nothing):
        return len(said) <= 2 * _LONGEST_WORDS
    return len(said) <= _LONGEST_WORDS and not known.sentence.intersection(said)


def _stated(text: str, start: int, line: str, *, kind: str | None) -> Found | None:
    """The value behind the verb of a reply of one sentence: "The ratio is 3:2."."""
    known = _known()
    if (
        known.supposes.match(line)
        or known.doubts.search(line)
        or _SENTENCES.search(line)
        or len(list(formulas(line))) > 1
    ):
        return None
    for verb in reversed(list(known.verbs.finditer(line))[-3:]):
        answer = _undecorated(line[verb.end() :].rstrip("!"))
        if not answer or _NO_ANSWER.search(answer) or not _is_value(answer):
            continue
        if SHARE_OF.match(answer):
            return None  # the percentage alone, which a guess takes
        begin = start + verb.end()
        if (
            verb.start() == 0
            or _ARITHMETIC.search(answer)
            or not _has_parts(answer, kind=kind)
            or denied(text, begin, start + len(line))
        ):
            return None
        return Found(answer, begin, start + len(line), "sentence")
    return None


def _has_parts(answer: str, *, kind: str | None) -> bool:
    """Whether a value is more than one number, which if a number is asked is one with its unit too."""
    exponents = r"\^\s*\{?\s*\d\s*\}?" if kind == "number" else r"(?!)"
    numbers = re.findall(r"\d+(?:[.,]\d+)*", re.sub(exponents, "", answer))
    return len(numbers) > 1 or re.search(r"[()\[\]∞π√½⅓⅔¼¾]|\binf(?:ty|inity)?\b|\bpi\b", answer) is not None
