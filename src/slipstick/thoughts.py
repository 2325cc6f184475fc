"""Separates what a model thought from what it said, by the markers of thoughts.toml: `<think>`, channels and others.

`split_thoughts("<think>2+2 is 4</think>The answer is 4.")` said "The answer is 4.", and its thinking is finished.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice
from typing import Any, NamedTuple

_MOST = 10_000
"""Markers that are looked at; a text with more is no answer of a model."""
_JOINT = "\n"
"""Between two parts that were said, with thoughts between them."""
_MESSAGE = re.compile(
    r"(?:<\|channel\|>|\A\s*)(?P<channel>[a-z]+)\b(?P<to>[^<\n]{0,80})(?:<\|constrain\|>[^<\n]{0,40})?<\|message\|>"
)
_MESSAGE_END = re.compile(r"<\|(?:end|return|call|start|channel)\|>|\Z")


@dataclass(frozen=True)
class Thoughts:
    """A model's text, taken apart."""

    text: str
    """The whole text."""
    thought: str
    """What it thought, the markers left out."""
    said: str
    """What it said; parts with thoughts between them are on lines of their own. All, if there are no thoughts."""
    finished: bool
    """Whether no thought was left open at the end."""
    places: tuple[tuple[int, int], ...]
    """Start and end in the text of each part that was said, in order."""
    thought_places: tuple[tuple[int, int], ...] = ()
    """The same of each part that was thought."""

    def place(self, offset: int) -> int:
        """The offset in the text of an offset in what was said."""
        for start, end in self.places:
            if offset <= end - start:
                return start + offset
            offset -= end - start + len(_JOINT)
        return self.places[-1][1] if self.places else 0

    def said_from(self, offset: int) -> str:
        """What was said behind an offset in the text."""
        return _JOINT.join(self.text[max(start, offset) : end] for start, end in self.places if end > offset)


def split_thoughts(text: str) -> Thoughts:
    """What a model's whole output thought and said, and whether it finished thinking.

    A closing marker alone ends thoughts that began in the prompt. A marker that the text only mentions, in quotation
    marks or behind a word like "tag", is no marker.
    """
    table = _table()
    if not table.hint.search(text):
        return Thoughts(text, "", text, True, ((0, len(text)),) if text else ())
    found = _from_channels(text, table)
    if found is None:
        found = _from_markers(text, table)
    thoughts, said, finished = found
    said = [(start, end) for start, end in said if text[start:end].strip()]
    return Thoughts(
        text,
        "".join(text[start:end] for start, end in thoughts),
        _JOINT.join(text[start:end] for start, end in said),
        finished,
        tuple(said),
        tuple(sorted((start, end) for start, end in thoughts if text[start:end].strip())),
    )


def thoughts_in(message: Mapping[str, Any]) -> str:
    """What a chat message thought, if it has that under a key of its own or as parts of its content; "" if not."""
    fields = thought_fields()
    told = (_text_of(message.get(key), fields) for key in (*fields.keys, *fields.read))
    if text := next((text for text in told if text.strip()), ""):
        return text
    parts = message.get("content")
    return (
        "".join(_text_of(part, fields) for part in parts if _is_thought(part, fields))
        if isinstance(parts, list)
        else ""
    )


def words_in(content: Any) -> str:
    """What the content of a chat message says: a text, or the texts of a list of parts but those that are thoughts."""
    if not isinstance(content, list):
        return content if isinstance(content, str) else ""
    fields = thought_fields()
    parts = (part for part in content if isinstance(part, dict) and not _is_thought(part, fields))
    return "".join(str(part.get("text") or "") for part in parts)


class ThoughtFields(NamedTuple):
    """Where servers give thoughts apart from the words."""

    keys: tuple[str, ...]
    """Keys of a message under which a server also takes them back."""
    read: tuple[str, ...]
    """Keys that are only read."""
    parts: frozenset[str]
    """Types of parts of a message."""


@functools.cache
def thought_fields() -> ThoughtFields:
    """The fields of thoughts.toml."""
    fields = _toml()["fields"]
    return ThoughtFields(tuple(fields["keys"]), tuple(fields["read"]), frozenset(fields["parts"]))


def _is_thought(part: Any, fields: ThoughtFields) -> bool:
    return isinstance(part, dict) and part.get("type") in fields.parts


def _text_of(value: Any, fields: ThoughtFields) -> str:
    """The text of a field or a part: a text, a list of parts, or a table with one of these."""
    if isinstance(value, list):
        return "".join(_text_of(each, fields) for each in value)
    if isinstance(value, dict):
        return next(
            (text for key in ("text", *fields.read, *fields.keys) if (text := _text_of(value.get(key), fields))), ""
        )
    return value if isinstance(value, str) else ""


_Spans = list[tuple[int, int]]


class _Role(NamedTuple):
    """What a marker does, for which pair of markers and for which entry of the table."""

    family: int
    entry: int
    opens: bool = False
    closes: bool = False
    ends: bool = False
    drops: bool = False
    prefilled: bool = True
    heading: bool = False


@dataclass(frozen=True)
class _Table:
    """thoughts.toml, compiled."""

    hint: re.Pattern[str]
    marker: re.Pattern[str]
    roles: dict[str, _Role]
    mention: re.Pattern[str]
    channel: re.Pattern[str]
    begins: re.Pattern[str]
    said: frozenset[str]


def _toml() -> dict[str, Any]:
    return tomllib.loads(files("slipstick").joinpath("thoughts.toml").read_text("utf-8"))


@functools.cache
def _table() -> _Table:
    table = _toml()
    roles = dict(_roles(table["families"]))
    said, others = table["channels"]["said"], table["channels"]["others"]
    names = _any([*said, *others])
    words = [marker for marker in roles if marker[0] not in "<[◁&"]
    return _Table(
        hint=re.compile(rf"[<\[◁&]|assistantfinal|analysis|{_any(words)}", re.IGNORECASE),
        # ASCII: a Turkish i fits one without a dot otherwise, in words that no role has.
        marker=re.compile(rf"(?=<[/|a-z ]|[^<])(?:{_by_start(roles)})", re.IGNORECASE | re.ASCII),
        roles=roles,
        mention=re.compile(rf"\b(?:{_any(table['mentions']['words'])}) $", re.IGNORECASE),
        channel=re.compile(rf"(?:assistant|\A\s*)(?P<channel>{names})"),
        begins=re.compile(rf"\s*(?:{_any(others)})(?=[^\sa-z,;:.])"),
        said=frozenset(said),
    )


def _any(words: Iterable[str]) -> str:
    """A pattern for any of these words, the longest first."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def _by_start(words: Iterable[str]) -> str:
    """The same, with words of the same three first signs together: a search that fails early in most places."""
    groups: dict[str, list[str]] = {}
    for word in words:
        groups.setdefault(word[:3], []).append(word[3:])
    return "|".join(f"{re.escape(start)}(?:{_any(ends)})" for start, ends in sorted(groups.items()))


def _roles(families: Iterable[dict[str, Any]]) -> Iterator[tuple[str, _Role]]:
    """Each marker, in lower case, with its role; each tag is a family of its own."""
    number = 0
    for entry, family in enumerate(families):
        drops, ends = ({marker.lower() for marker in family.get(key, ())} for key in ("drop", "ends"))
        pairs = [([f"<{tag}>"], [f"</{tag}>"]) for tag in family.get("tags", ())]
        for opening, closing in pairs or [(family["open"], family["close"])]:
            number += 1
            opens, closes = {marker.lower() for marker in opening}, {marker.lower() for marker in closing}
            for marker in opens | closes | drops | ends:
                yield (
                    marker,
                    _Role(
                        family=number,
                        entry=entry,
                        opens=marker in opens,
                        closes=marker in closes,
                        ends=marker in ends,
                        drops=marker in drops,
                        prefilled=family.get("prefilled", True),
                        heading=family.get("heading", False),
                    ),
                )


def _from_channels(text: str, table: _Table) -> tuple[_Spans, _Spans, bool] | None:
    """Thoughts and words of a text in channels, with the tokens around their names or without; None if it is none."""
    tokens = list(_MESSAGE.finditer(text)) if "<|message|>" in text else []
    if tokens:
        return _from_messages(text, tokens, table)
    marks = list(table.channel.finditer(text)) if "assistantfinal" in text or table.begins.match(text) else []
    if not marks or not ("assistantfinal" in text or table.begins.match(text)):
        return None
    thoughts: _Spans = [(0, marks[0].start())]
    said: _Spans = []
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=True):
        (said if mark["channel"] in table.said else thoughts).append((mark.end(), end))
    return thoughts, said, marks[-1]["channel"] in table.said


def _from_messages(text: str, messages: Sequence[re.Match[str]], table: _Table) -> tuple[_Spans, _Spans, bool]:
    """Messages with their tokens: the bodies of those to the user were said, what is before the first was thought."""
    thoughts: _Spans = [(0, messages[0].start())]
    said: _Spans = []
    last = False
    for message in messages:
        end = _MESSAGE_END.search(text, message.end())
        body = (message.end(), end.start() if end else len(text))
        last = message["channel"] in table.said and "to=" not in message["to"]
        (said if last else thoughts).append(body)
    return thoughts, said, last


def _from_markers(text: str, table: _Table) -> tuple[_Spans, _Spans, bool]:
    """Thoughts and words of a text with opening and closing markers."""
    markers, last = list(islice(_used(text, table), _MOST)), len(text.rstrip())
    thoughts: _Spans = []
    said: _Spans = []
    cursor, depth, begun = 0, 0, 0
    inside: _Role | None = None
    for place, (start, end, role) in enumerate(markers):
        if inside:
            if role.ends and role.entry == inside.entry:
                thoughts.append((begun, start))
                cursor, inside = end if role.drops else start, None
            elif role.opens and role.family == inside.family:
                depth += 1
            elif role.closes and role.family == inside.family:
                if depth and any(
                    next.closes and next.family == role.family for _, _, next in markers[place + 1 : place + 2]
                ):
                    depth -= 1  # thoughts in thoughts, unless only the inner ones are ever closed
                else:
                    thoughts.append((begun, start))
                    cursor, inside = end, None
        elif role.opens and not (role.heading and not _closes_later(markers, place)):
            said.append((cursor, start))
            inside, depth, begun = role, 0, end
        elif role.closes and role.prefilled:
            # Thoughts whose beginning was in the prompt; or a stray marker at the end of what was said.
            if thoughts and end >= last:
                said.append((cursor, start))
            else:
                thoughts += [*said, (cursor, start)]
                said = []
            cursor = end
        elif role.drops:
            said.append((cursor, start))
            cursor = end
    if inside:
        thoughts.append((begun, len(text)))
    else:
        said.append((cursor, len(text)))
    return thoughts, said, inside is None


def _closes_later(markers: Sequence[tuple[int, int, _Role]], place: int) -> bool:
    family = markers[place][2].family
    return any(role.closes and role.family == family for _, _, role in markers[place + 1 :])


def _used(text: str, table: _Table) -> Iterator[tuple[int, int, _Role]]:
    """Start, end and role of every marker that the text uses and does not only mention."""
    begin, line_end, depth = len(text) - len(text.lstrip()), -1, 0
    for match in table.marker.finditer(text):
        start, end = match.span()
        role = table.roles[match.group().lower()]
        if role.heading and role.opens:
            if start != begin:
                continue
        elif _quoted(text, start, end, opens=role.opens) or table.mention.search(text, max(0, start - 12), start):
            if role.opens and not depth:
                line_end = text.find("\n", end) if "\n" in text[end : end + 500] else len(text)
            if role.opens or not depth or text.find(match.group(), end) >= 0:
                continue  # the last closing marker after an opening one is always used
        elif role.closes and start < line_end:
            line_end = -1
            continue
        depth = max(0, depth + role.opens - role.closes)
        yield start, end, role


def _quoted(text: str, start: int, end: int, *, opens: bool) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    return bool(before) and before in "`'\"“‘" and (opens or after == before or (before + after) in ("“”", "‘’"))
