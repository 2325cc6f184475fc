"""The card of a data set, written from the run that made it: every figure in it is counted.

It follows the Hub's dataset card: a head of metadata, then composition, licences, who wrote it and what that cost,
corrected labels, overlaps with evaluation sets, what was left out, and how to build it again.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from pydantic import Field
from rich.table import Table
from rich.text import Text

from slipstick.curate.composition import BesidePart, beside, read_composition
from slipstick.edges import read_text
from slipstick.problems.catalogue import Dataset
from slipstick.problems.label_corrections import read_corrections
from slipstick.schema import Problem, Record, Run
from slipstick.store import RunFolder, is_run
from slipstick.terminal import headed_table
from slipstick.trainable import count_unchecked, trainable

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_HUB_LICENCES = {
    "mit": "mit",
    "apache-2.0": "apache-2.0",
    "cc-by-4.0": "cc-by-4.0",
    "cc-by-sa-4.0": "cc-by-sa-4.0",
    "cc-by-nc-4.0": "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0": "cc-by-nc-sa-4.0",
}
_UNKNOWN = "not stated"


class WriterCounts(Record):
    """The rows of one source, format and writer."""

    source: str
    """First part of the problems' ids: "gsm8k"."""
    format: str
    """Format of the solutions."""
    writer: str
    """Model or method that wrote them."""
    rows: int = 0
    """Solutions that may be trained on."""
    tokens: int = 0
    """Tokens that the writer generated, if it is a model."""
    cost: float = 0.0
    """US dollars."""


class RunCounts(Record):
    """The rows of a run."""

    writers: list[WriterCounts]
    """By source, format and writer."""
    problems: int
    """Problems of the run."""
    unchecked: int
    """Solutions that have no gold to be compared with."""
    licences: dict[str, int]
    """Licence -> rows."""
    dropped: dict[str, int]
    """Rule -> rows it dropped, most first."""

    def beside(self, dataset: Dataset) -> list[BesidePart]:
        """These rows beside the published composition of a dataset."""
        ours: Counter[tuple[str, str]] = Counter()
        for each in self.writers:
            ours[each.source, each.format] += each.rows
        return beside(ours, dataset)


class SourceRun(Record):
    """A run that the data was made from, itself included."""

    path: str
    """Its folder."""
    run: Run
    """The run."""
    label_corrections: list[str] = Field(default_factory=list)
    """Files of corrected labels that were applied when its problems were loaded."""


def count_rows(folder: RunFolder) -> RunCounts:
    """Counts the solutions of a run that may be trained on, and its drops."""
    problems: dict[str, Problem] = {problem.id: problem for problem in folder.problems()}
    writers: dict[tuple[str, str, str], WriterCounts] = {}
    licences: Counter[str] = Counter()
    for solution in trainable(folder):
        key = (solution.problem_id.partition("/")[0], solution.format, solution.model)
        old = writers.get(key) or WriterCounts(source=key[0], format=key[1], writer=key[2])
        writers[key] = old.model_copy(
            update={"rows": old.rows + 1, "tokens": old.tokens + solution.tokens, "cost": old.cost + solution.cost}
        )
        licences[problems[solution.problem_id].licence or _UNKNOWN] += 1
    dropped = Counter(drop.rule for drop in folder.dropped())
    return RunCounts(
        writers=[writers[key] for key in sorted(writers)],
        problems=len(problems),
        unchecked=count_unchecked(folder),
        licences=dict(licences.most_common()),
        dropped=dict(dropped.most_common()),
    )


def rows_table(folder: RunFolder) -> Table:
    """What a run made, by source, format and writer, and what was dropped, by rule."""
    counted = count_rows(folder)
    table = headed_table("source", "format", "written by", right=("rows", "tokens"))
    for each in counted.writers:
        cells = (each.source, each.format, each.writer or "annotations and worked steps", f"{each.rows:,}")
        table.add_row(*map(Text, cells), Text(f"{each.tokens:,}" if each.tokens else ""))
    for rule, rows in counted.dropped.items():
        table.add_row(Text("dropped"), Text(rule), Text(""), Text(f"{rows:,}"), Text(""))
    return table


def find_source_runs(folder: RunFolder) -> list[SourceRun]:
    """The run and the runs its recipe names as `data`, earliest first; folders that no longer exist are left out."""
    run = folder.run()
    named = run.recipe.get("data") or []
    before: list[SourceRun] = []
    for path in [named] if isinstance(named, str) else named:
        if is_run(path):
            before += find_source_runs(RunFolder(path))
    corrections = [str(path) for path in run.recipe.get("label_corrections") or []]
    own = SourceRun(path=str(folder.path), run=run, label_corrections=corrections)
    return list({source.path: source for source in [*before, own]}.values())


def render_card(
    folder: RunFolder, files: Mapping[str, int], *, name: str | None = None, beside: Dataset | None = None
) -> str:
    """The card as Markdown, its metadata as YAML at the head.

    files: exported file -> rows. name: of the data set; by default that of the run. beside: a dataset whose published
    composition is shown beside this one.
    """
    counted = count_rows(folder)
    sources = find_source_runs(folder)
    rows = sum(writer.rows for writer in counted.writers)
    # "other" if there are several licences or the Hub has no name for it.
    found = {_HUB_LICENCES.get(licence.lower(), "other") for licence in counted.licences}
    configs: dict[str, dict[str, str]] = {}
    for file in files:
        shape, _, split = file.partition(".")[0].partition("-")
        configs.setdefault(shape, {})[split or "train"] = file
    return _template().render(
        name=name or folder.run().name,
        counted=counted,
        rows=rows,
        cost=sum(writer.cost for writer in counted.writers),
        licence=found.pop() if len(found) == 1 else "other",
        size=next((size for most, size in _SIZES if rows < most), "n>1M"),
        configs=configs,
        files=files,
        sources=sources,
        recipes={source.path: _recipe(Path(source.path)) for source in sources},
        made=read_composition(folder),
        published=beside,
        run=folder.run(),
        corrections=_count_corrections(sources),
    )


def _recipe(path: Path) -> str:
    file = path / "recipe.toml"
    return read_text(file).strip() if file.is_file() else ""


def _count_corrections(sources: list[SourceRun]) -> dict[str, int]:
    """File of corrected labels -> its corrections; -1 for a file that no longer exists."""
    names = dict.fromkeys(name for source in sources for name in source.label_corrections)
    return {name: len(read_corrections([name])) if Path(name).is_file() else -1 for name in names}


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("slipstick", package_path=""),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["n"] = lambda number: f"{number:,}"
    return environment.get_template("card.md.j2")
