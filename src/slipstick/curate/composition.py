"""What a curated set is made of: rows by source and format, what each rule took out, licences, splits, overlaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pydantic import Field
from rich import box
from rich.table import Table

from slipstick.schema import Record


class Part(Record):
    """The rows of one source in one format."""

    source: str
    """First part of the problems' ids: "gsm8k"."""
    format: str
    """Format of the solutions; "" for lines that could not be read."""
    read: int
    """Rows that were read."""
    kept: int
    """Rows that stayed."""
    tokens: int
    """Tokens of the rows that stayed, as they were counted for the length."""
    dropped: dict[str, int]
    """Rule -> rows it took out."""


class Composition(Record):
    """What curation made; `composition.json` of its run folder."""

    parts: list[Part]
    """By source, then format."""
    problems: int
    """Problems with a solution that stayed."""
    rules: list[str]
    """The rules every kept row has passed, in order."""
    splits: dict[str, int] = Field(default_factory=dict)
    """Split -> kept rows."""
    licences: dict[str, int] = Field(default_factory=dict)
    """Licence of the problem -> kept rows; "unknown" where nobody states one."""
    evaluation: dict[str, int] = Field(default_factory=dict)
    """Evaluation set that questions were compared with -> its problems."""
    not_compared: dict[str, str] = Field(default_factory=dict)
    """Evaluation set that could not be loaded, or not whole -> why."""
    overlaps: dict[str, dict[str, int]] = Field(default_factory=dict)
    """Evaluation set -> kind of overlap -> its problems that overlap with a question of the data."""


class Tally:
    """Counts rows while they are written."""

    def __init__(self) -> None:
        self._read: Counter[tuple[str, str]] = Counter()
        self._kept: Counter[tuple[str, str]] = Counter()
        self._tokens: Counter[tuple[str, str]] = Counter()
        self._dropped: dict[tuple[str, str], Counter[str]] = {}

    def keep(self, source: str, format: str, *, tokens: int) -> None:
        """Counts a row that stays."""
        self._read[source, format] += 1
        self._kept[source, format] += 1
        self._tokens[source, format] += tokens

    def drop(self, source: str, format: str, *, rule: str) -> None:
        """Counts a row that goes."""
        self._read[source, format] += 1
        self._dropped.setdefault((source, format), Counter())[rule] += 1

    def parts(self) -> list[Part]:
        """What was counted, by source and format."""
        return [
            Part(
                source=key[0],
                format=key[1],
                read=self._read[key],
                kept=self._kept[key],
                tokens=self._tokens[key],
                dropped=dict(sorted(self._dropped.get(key, Counter()).items())),
            )
            for key in sorted(self._read)
        ]


def dropped_by_rule(parts: Iterable[Part]) -> dict[str, int]:
    """Rule -> rows it took out of all parts, most first."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part.dropped)
    return dict(total.most_common())


def composition_table(composition: Composition) -> Table:
    """A line a source and format, and a column for every rule that took a row out."""
    rules = list(dropped_by_rule(composition.parts))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for name in ("source", "format"):
        table.add_column(name)
    for name in ("read", *rules, "kept", "tokens", "share"):
        table.add_column(name, justify="right")
    total = sum(part.kept for part in composition.parts)
    lines = [*composition.parts]
    if len(lines) > 1:
        lines.append(_sum(lines))
    for number, part in enumerate(lines, start=1):
        counts = [part.read, *(part.dropped.get(rule, 0) for rule in rules), part.kept, part.tokens]
        share = f"{part.kept / total:.1%}" if total else ""
        table.add_row(part.source, part.format, *(f"{count:,}" if count else "" for count in counts), share)
        if number == len(lines) - 1 and len(lines) > 1:
            table.add_section()
    return table


def _sum(parts: list[Part]) -> Part:
    return Part(
        source="all",
        format="",
        read=sum(part.read for part in parts),
        kept=sum(part.kept for part in parts),
        tokens=sum(part.tokens for part in parts),
        dropped=dropped_by_rule(parts),
    )
