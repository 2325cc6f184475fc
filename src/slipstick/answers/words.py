"""The words that mark an answer or deny one, from words.toml, as compiled patterns."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files

CJK = "\u2e80-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af"
"""Signs that are written without spaces between words, for use in a character class."""
_OPENINGS, _CLOSINGS = r"[【\[「『(《]", r"[】\]」』)》]"
_ZEROS = "0\uff10\u0660\u06f0\u0966\u09e6\u0e50"
_GROUPS = re.compile(r"(?<=\d)[\u00a0\u202f\u2009](?=\d{3}(?!\d))")
_ASKS = re.compile(r"(?i)(?:^|[.!?\n])[ *]*(?:is|are|could|can|would|does|do|might|should|will)\b[^.!?\n]*$")
_ASKED = re.compile(r"[^.!?\n]{0,60}\?")
"""A question around a value: its beginning and its end."""
NEVER = r"(?!)"
_ENGLISH = re.compile(r"(?i)\b(?:the|of|and|this|we|is|so)\b")
_SIGNS = dict(zip("（）＋－＝％．／＜＞＄［］｛｝＼＾＿｜－٪٫：", r"()+-=%./<>$[]{}\^_|-%.:", strict=True))
_PLAIN = str.maketrans(
    {chr(ord(zero) + digit): str(digit) for zero in _ZEROS for digit in range(10)}
    | {chr(code): chr(code - 0xFEE0) for first in "Ａａ" for code in range(ord(first), ord(first) + 26)}
    | _SIGNS
)


_PRICE = re.compile(
    r"(?:R\$|€|EUR)\s?(?:\d+\.)*\d+,\d\d(?![\d,])|(?<![\d,.])(?:\d++\.)*+\d++,\d\d\s?(?:€|EUR\b|zł|Kč|₽|руб)"
)
"""A price with a decimal comma."""
_WOULD = re.compile(r"(?i)\b(?:would|wäre|serait|sería|seria|sarebbe)\b[^.!?\n]{0,30}$")
_IF = re.compile(
    r"(?i)[\s$)}*]*+(?:\S{0,12}\s?(?:if|wenn|falls|si|se)\b|(?:[^\W\d]{1,12}\s?){0,2},\s(?:but|aber|mais|pero)\s)"
)
"""A value of another case: "would be 11 if the coin were fair", "would give 32, but that is too slow"."""


_OTHER_SUBJECT = re.compile(
    r"(?:[.!?;。！✓✔✅]|\n|,(?=[^,]*\Z))[\s*_#>(-]*(?:[^\W\d][\w']*:?\s+){0,2}[($*\[]*"
    r"(?P<value>[A-HJ]|[-−]?\d[\d,./]*)[)$*\]]*\s+\Z",
    re.IGNORECASE,
)
"""Behind a value, the subject of a sentence of its own that denies that subject: "B. A is wrong"."""


@dataclass(frozen=True)
class Phrases:
    """A pattern for any of some phrases, which is tried only where a word of each phrase is: most texts have none."""

    pattern: re.Pattern[str]
    """The phrases, and what stands around them."""
    hints: tuple[str, ...]
    """Words in lower case, one of which is in every phrase."""
    ascii_hints: tuple[str, ...] = field(init=False)
    """Those that can be in a text of ASCII alone."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "ascii_hints", tuple(hint for hint in self.hints if hint.isascii()))

    def search(self, text: str, start: int = 0, end: int | None = None) -> re.Match[str] | None:
        """As of a pattern."""
        end = len(text) if end is None else end
        return self.pattern.search(text, start, end) if self.may_be_in(text[start:end]) else None

    def match(self, text: str, start: int = 0, end: int | None = None) -> re.Match[str] | None:
        """As of a pattern."""
        end = len(text) if end is None else end
        return self.pattern.match(text, start, end) if self.may_be_in(text[start:end]) else None

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """As of a pattern."""
        return self.pattern.finditer(text) if self.may_be_in(text) else iter(())

    def may_be_in(self, text: str) -> bool:
        """False if no phrase is in a text."""
        lowered = text.lower()
        return any(map(lowered.__contains__, self.ascii_hints if text.isascii() else self.hints))


@dataclass(frozen=True)
class Words:
    """What words.toml says."""

    states: Phrases
    """A phrase of another language that marks an answer, with the group `tail` behind it."""
    behind: re.Pattern[str]
    """What is glued behind an answer and is no part of it."""
    comma: tuple[re.Pattern[str], ...]
    """Words of each language in which a comma is the decimal sign."""
    comma_states: Phrases
    """The phrases of those languages that mark an answer."""
    placeholders: frozenset[str]
    """Contents of a box that holds nothing."""
    mentions: re.Pattern[str]
    """Words right before a box that only talks about the form of an answer."""
    fields: re.Pattern[str]
    """A key and its value in JSON, Python or YAML, with the groups `key`, `tail`, `quoted` and `bare`."""
    keys: tuple[str, ...]
    """The keys, the strongest first."""
    refusal: Phrases
    """Words that say that there is no answer."""
    negation: Phrases
    """Words that deny what follows, up to where it begins."""
    clause: Phrases
    """Words that deny a value behind them in the same clause."""
    denied: Phrases
    """Words that deny what is before them in their sentence."""
    reason: re.Pattern[str]
    """The beginning of a subordinate clause, which says something of another subject."""
    units: re.Pattern[str]
    """A unit that is glued to a number."""
    unit_names: dict[str, str]
    """Those units as the comparison knows them."""


def plain_signs(text: str) -> str:
    """The text with full-width letters and signs, and the digits of all scripts, as ASCII; as long as before."""
    return text if text.isascii() else _GROUPS.sub(",", text.translate(_PLAIN))


@functools.cache
def words() -> Words:
    """words.toml, compiled once."""
    table = tomllib.loads(files(__package__).joinpath("words.toml").read_text("utf-8"))
    languages = table["languages"]
    keys = "|".join(_phrase(key) for key in table["fields"]["keys"])
    negations = table["negations"]
    return Words(
        states=_states(languages),
        behind=_any(_all(languages, "behind"), after=r"(?=[\s.。!！]*$)"),
        comma=tuple(_any(one["words"], before=r"(?<!\w)", after=r"(?!\w)") for one in languages if one.get("comma")),
        comma_states=_states([one for one in languages if one.get("comma")]),
        placeholders=frozenset(table["boxes"]["placeholders"]),
        mentions=re.compile(rf"(?i)(?:\b(?:{_alternatives(table['boxes']['mentions'])})|[\"'`“])[\s$\\(\[`:]*$"),
        fields=re.compile(
            rf"(?i)(?:[{{,\n]|^)[ \t]*[\"']?(?P<key>{keys})[\"']?\s*:\s*"
            r"""(?:"(?P<tail>(?:[^"\\]|\\.){0,1000})"|'(?P<quoted>[^'\n]{0,1000})'"""
            r"""|\[(?P<list>[^\[\]\n]{1,500})\]|(?P<bare>[^\s"'\[\]{},}][^\n"',}]{0,99}))\s*(?=[,}\n]|$)"""
        ),
        keys=tuple(table["fields"]["keys"]),
        refusal=_phrases(table["refusals"]["phrases"]),
        negation=_phrases(
            negations["words"],
            before=r"(?:(?<!\w)|(?<=n't)|(?<=[" + CJK + "]))",
            after=r"[\s$\\(\[*{]*(?:equal to\s|(?:at|for|when|bei|en|em|à|при)\s)?\$?(?:[a-z]\s?=)?"
            r"[\s$\\(\[*]*(?:\\text\w*\{)?$",
        ),
        clause=_phrases(negations["clauses"], before=r"(?<!\w)", after=r"[^.!?;\n]{0,40}$"),
        denied=_phrases(
            negations["behind"],
            before=rf"[\s$)\]}}*.,!。(\\]*(?:[{CJK}]{{0,3}}?|(?:[^\s.!?]+\s){{0,2}}?|[^.?!\n]{{0,60}}?\b(?:this|that|it|which)\s(?:\w+\s)?)(?P<phrase>)",
        ),
        reason=_any(
            negations["reasons"],
            before=r"[\s$)\]}*,(\\]*(?<!\w)(?:",
            after=r"|(?:as|for)(?=\s[($*\\]*(?:[-−]?\d|(?-i:[A-J])\b)))(?!\w|\s+(?:it|this|that|which)\b)"
            r"(?![\s\S]*,\s*(?:(?:but|however|yet)\b[\s\S]*)?$)",
        ),
        units=re.compile("|".join(sorted(map(re.escape, table["units"]), key=len, reverse=True))),
        unit_names=dict(table["units"]),
    )


def denied(text: str, start: int, end: int) -> bool:
    """Whether the words around text[start:end] say that it is not the answer, in its sentence or right behind it."""
    if words().negation.search(text, max(0, start - 60), start) or words().clause.search(
        text, max(0, start - 80), start
    ):
        return True
    end -= text.endswith(",", start, end)
    if _IF.match(text, end) and _WOULD.search(text, max(0, start - 40), start):
        return True
    if _ASKED.match(text, end) and _ASKS.search(text, max(0, start - 80), start):
        return True
    return denied_behind(text, end, end + 150, text[start:end])


def denied_behind(text: str, start: int, end: int, value: str) -> bool:
    """Whether text[start:end] denies the value before it, and no other one in a reason: "5, since 4 is wrong"."""
    denial = words().denied.match(text, start, min(end, len(text)))
    if denial is None:
        return False
    subject = text[start : denial.start("phrase")]
    if (other := _OTHER_SUBJECT.search(subject)) and other["value"] != value.strip(" $()*"):
        return False
    return not words().reason.match(subject) or value.strip(" $()*") in re.split(r"[\s$()*,]+", subject)


def decimal_comma(text: str) -> bool:
    """Whether a text writes 3,5 for three and a half: it has a price like 4,50 € or two words of such a language."""
    if _PRICE.search(text[:3000]):
        return True
    if len(_ENGLISH.findall(text[:3000])) >= 2:
        return False
    return bool(words().comma_states.search(text)) or any(
        len({match.group().lower() for match in pattern.finditer(text[:3000])}) >= 2 for pattern in words().comma
    )


def _all(languages: Iterable[dict[str, list[str]]], key: str) -> list[str]:
    return [phrase for language in languages for phrase in language.get(key, ())]


def _phrase(phrase: str) -> str:
    return re.escape(phrase).replace(r"\ ", r"\s+").replace("'", "['’]")


def _alternatives(phrases: Iterable[str]) -> str:
    return "|".join(map(_phrase, sorted(set(phrases), key=len, reverse=True)))


def _any(phrases: Iterable[str], *, before: str = "", after: str = "") -> re.Pattern[str]:
    return re.compile(f"(?i){before}(?:{_alternatives(phrases)}){after}")


def _phrases(phrases: Iterable[str], *, before: str = "", after: str = "") -> Phrases:
    return Phrases(_any(phrases, before=before, after=after), hints(phrases))


def hints(phrases: Iterable[str]) -> tuple[str, ...]:
    """The longest word of each phrase, but for those that contain another one."""
    longest = {max(re.split(r"[\s'’]+", phrase.lower()), key=len) for phrase in phrases}
    return tuple(sorted(word for word in longest if not any(other in word for other in longest - {word})))


def _states(languages: list[dict[str, list[str]]]) -> Phrases:
    """Statements with a verb, headings with a colon or on a line of their own, and headings in brackets: 【答案】."""
    glued = re.compile(f"[{CJK}\u0e00-\u0e7f]")
    statements, headings = _all(languages, "is"), _all(languages, "colon")
    spaced_is, glued_is = ([one for one in statements if bool(glued.match(one)) is g] for g in (False, True))
    spaced_colon, glued_colon = ([one for one in headings if bool(glued.match(one)) is g] for g in (False, True))
    letters = _alternatives(_all(languages, "letter")) or NEVER
    pattern = re.compile(
        rf"(?im)(?:(?<!\w)(?:{_alternatives(spaced_is)})(?!\w)\s*:?"
        rf"|(?:{_alternatives(glued_is) or NEVER})\s*:?"
        rf"|(?<!\w)(?:{_alternatives(spaced_colon)})\s?\*{{0,3}}\s?:\*{{0,3}}"
        rf"|(?:{_alternatives(glued_colon) or NEVER})\s?\*{{0,3}}\s?:\*{{0,3}}"
        rf"|(?:{_alternatives(glued_colon) or NEVER})[ \u3000]+(?=[-−\d$\\])"
        rf"|^[ #*_]*(?:{_alternatives(headings)})[ *_#]*$"
        rf"|{_OPENINGS}\s*(?:{_alternatives(headings)})\s*{_CLOSINGS}\s*:?"
        rf"|(?:{letters})\s?(?=[(*]{{0,3}}[A-J](?![A-Za-z]|\s*[=<>])))"
        r"[ \t*]*(?=(?P<tail>[^。;；।\n【]{0,2000}))"
    )
    return Phrases(pattern, hints([*statements, *headings, *_all(languages, "letter")]))
