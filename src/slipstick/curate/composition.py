"""Counts a curated set: by source and format, what each rule dropped, licences, splits; beside a paper's table."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import Field, TypeAdapter
from rich.table import Table

from slipstick.edges import read_json
from slipstick.errors import InputError, counted, did_you_mean
from slipstick.problems.catalogue import Dataset, datasets
from slipstick.schema import Record
from slipstick.store import RunFolder
from slipstick.terminal import headed_table

COMPOSITION = "composition.json"


class GroupCounts(Record):
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
    """Tokens of the rows that stayed, counted as for the length."""
    dropped: dict[str, int]
    """Rule -> rows it dropped."""


class Composition(Record):
    """What a curated set is made of: composition.json of its run folder."""

    groups: list[GroupCounts]
    """By source, then format."""
    problems: int
    """Problems with a solution that stayed."""
    rules: list[str] = Field(default_factory=list)
    """The rules every kept row has passed, in order."""
    splits: dict[str, int] = Field(default_factory=dict)
    """Split -> kept rows."""
    earlier_splits: dict[str, int] = Field(default_factory=dict)
    """Split that the rows came with -> kept rows, if this curation divided them again."""
    licences: dict[str, int] = Field(default_factory=dict)
    """Licence of the problem -> kept rows; "unknown" if none is stated."""
    evaluation: dict[str, int] = Field(default_factory=dict)
    """Evaluation set that questions were compared with -> its problems."""
    not_compared: dict[str, str] = Field(default_factory=dict)
    """Evaluation set that could not be loaded, or not completely -> why."""
    overlaps: dict[str, dict[str, int]] = Field(default_factory=dict)
    """Evaluation set -> kind of overlap -> its problems that overlap with a question of the data."""


class RowCounter:
    """Counts rows by source and format while they are written."""

    def __init__(self) -> None:
        self._kept: Counter[tuple[str, str]] = Counter()
        self._tokens: Counter[tuple[str, str]] = Counter()
        self._dropped: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)

    def keep(self, source: str, format: str, *, tokens: int) -> None:
        """Counts a row that stays."""
        self._kept[source, format] += 1
        self._tokens[source, format] += tokens

    def drop(self, source: str, format: str, *, rule: str) -> None:
        """Counts a row that is dropped."""
        self._dropped[source, format][rule] += 1

    def groups(self) -> list[GroupCounts]:
        """The counts, ordered by source and format."""
        return [
            GroupCounts(
                source=key[0],
                format=key[1],
                read=self._kept[key] + dropped.total(),
                kept=self._kept[key],
                tokens=self._tokens[key],
                dropped=dict(sorted(dropped.items())),
            )
            for key in sorted({*self._kept, *self._dropped})
            for dropped in [self._dropped.get(key, Counter())]
        ]


def read_composition(folder: RunFolder) -> Composition | None:
    """What curation counted; None for a run of another verb."""
    file = folder.path / COMPOSITION
    return read_json(file, TypeAdapter(Composition)) if file.exists() else None


def total_counts(groups: Iterable[GroupCounts]) -> GroupCounts:
    """All groups together; rules ordered by the rows they dropped, most first."""
    groups = list(groups)
    dropped: Counter[str] = Counter()
    for group in groups:
        dropped.update(group.dropped)
    return GroupCounts(
        source="all",
        format="",
        read=sum(group.read for group in groups),
        kept=sum(group.kept for group in groups),
        tokens=sum(group.tokens for group in groups),
        dropped=dict(dropped.most_common()),
    )


class BesidePart(Record):
    """A row of a published table beside ours."""

    name: str
    """The source as the table calls it; the first part of our problems' ids if the table has no such row."""
    rationale: str
    """"CoT" or "PoT", or a format of ours."""
    written_by: str
    """Who wrote the published rows; "" for a row of ours alone."""
    licence: str
    """Licence of the source; "" for a row of ours alone."""
    published: int
    """Rows in the table, as rounded there."""
    ours: int
    """Rows of ours."""


def compiled(name: str) -> Dataset:
    """A dataset of the catalogue that is compiled from others. Raises InputError if it is none."""
    found = {each.name: each for each in datasets().values() if each.printed}
    if name not in found:
        near = did_you_mean(name, found)
        raise InputError(f"no table of the composition of `{name}` is known{near}; known: {', '.join(found)}")
    return found[name]


def beside(ours: Mapping[tuple[str, str], int], dataset: Dataset) -> list[BesidePart]:
    """Our rows beside a published table of a compiled dataset; rows of ours that it does not have come last.

    ours: (source, format) -> rows.
    """
    parts = [part for part in dataset.parts.values() if part.rows]
    found = [
        BesidePart(
            name=part.name,
            rationale=part.rationale,
            written_by=part.written_by,
            licence=part.licence,
            published=part.rows or 0,
            ours=ours.get(part.key(), 0),
        )
        for part in parts
    ]
    others = sorted(ours.keys() - {part.key() for part in parts})
    alone = {"written_by": "", "licence": "", "published": 0}
    return [*found, *(BesidePart(name=key[0], rationale=key[1], **alone, ours=ours[key]) for key in others)]


def beside_table(rows: Sequence[BesidePart], dataset: Dataset) -> Table:
    """The rows as a table."""
    table = headed_table("source", "", "there by", "licence", right=("rows there", "share", "rows here", "share"))
    table.title, table.title_justify = f"beside {dataset.title} ({dataset.printed})", "left"
    there, here = sum(row.published for row in rows), sum(row.ours for row in rows)

    def add(cells: Sequence[str], published: int, ours: int) -> None:
        both = ((published, there), (ours, here))
        counts = [text for part, whole in both for text in (f"{part:,}", f"{part / whole:.1%}" if whole else "")]
        table.add_row(*cells, *(text if text not in ("0", "0.0%") else "" for text in counts))

    for row in rows:
        add((row.name, row.rationale, row.written_by, row.licence), row.published, row.ours)
    table.add_section()
    add(("all", "", "", ""), there, here)
    return table


def composition_table(composition: Composition) -> Table:
    """A line for each source and format, and a column for every rule that dropped a row."""
    total = total_counts(composition.groups)
    table = headed_table("source", "format", right=("read", *total.dropped, "kept", "tokens", "share"))

    def add(group: GroupCounts) -> None:
        counts = [group.read, *(group.dropped.get(rule, 0) for rule in total.dropped), group.kept, group.tokens]
        share = f"{group.kept / total.kept:.1%}" if total.kept else ""
        table.add_row(group.source, group.format, *(f"{count:,}" if count else "" for count in counts), share)

    for group in composition.groups:
        add(group)
    if len(composition.groups) > 1:
        table.add_section()
        add(total)
    return table


def describe_composition(made: Composition) -> Iterator[str]:
    """What the table does not show, a line each: overlaps, sets that were not compared, licences, splits."""
    for name, kinds in made.overlaps.items():
        if kinds:
            counts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
            yield f"overlap with {name}: {counts} of {made.evaluation[name]:,} problems"
    if made.evaluation:
        compared = sum(made.evaluation.values())
        yield (
            f"compared with {counted(compared, 'problem')} of {counted(len(made.evaluation), 'evaluation set')} "
            "(contamination.jsonl)"
        )
    else:
        yield "compared with no evaluation set: name some in `decontaminate_against`"
    for name, reason in made.not_compared.items():
        yield f"NOT compared with {name}: {reason.splitlines()[0]}"
    if made.licences.get("unknown"):
        yield f"{made.licences['unknown']:,} kept rows state no licence"
    if made.splits:
        yield f"splits: {_counts(made.splits)}"
    if made.earlier_splits:
        yield (
            f"the rows were divided already ({_counts(made.earlier_splits)}): `splits` divided them again, and the "
            "split that each had is its `origin_split`"
        )


def _counts(splits: dict[str, int]) -> str:
    return ", ".join(f"{name} {rows:,}" for name, rows in splits.items())
