"""`slipstick import FILE`: training data that people have, as a run folder that curate, export and train take."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Literal

from pydantic import Field
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.import_folder import Programs, grade_rows, write_rows
from slipstick.commands.import_notices import notices
from slipstick.commands.running import running
from slipstick.edges import without_wildcards
from slipstick.equivalence import check_profile
from slipstick.errors import InputError
from slipstick.importers.rows import check_map
from slipstick.importers.training import Imported, Names, Notes, read_training
from slipstick.interpreters import InterpreterSettings
from slipstick.problems.hub import read_hub
from slipstick.recipe import check_settings
from slipstick.schema import Drop
from slipstick.store import is_run
from slipstick.tabular import Row, files_at, read_rows, saved_files

HUB = "hub:"


class ImportSettings(InterpreterSettings):
    """Settings of `slipstick import`."""

    shape: (
        Literal["messages", "sharegpt", "alpaca", "prompt_completion", "records", "segments", "outcomes", "rows"] | None
    ) = None
    """How the rows are written; None recognises it. "rows": a question and a solution under any keys."""
    field_map: dict[str, str] = Field(default_factory=dict)
    """Field -> key, for keys of your own: text (the question), response (the solution), answer (the gold); verdict,
    id, kind, choices."""
    licence: str | None = None
    """Licence of rows that state none."""
    split: str = "train"
    """Split of a dataset of the Hub."""
    config: str | None = None
    """Configuration of a dataset of the Hub."""
    revision: str | None = None
    """Commit of a dataset of the Hub; None takes the newest."""
    run_programs: Programs = "pot"
    """Which programs are run if the file does not hold their outputs: those that are a whole solution ("pot"), "all"
    (their outputs become part of the solution), or "none"."""
    profile: str = "slipstick"
    """The grading rules for rows with a gold."""
    limit: int | None = Field(default=None, ge=1)
    """Take only the first `limit` rows of each file."""


def run_import(invocation: Invocation, console: Console) -> Path:
    """`slipstick import TARGET`: files or "hub:OWNER/NAME". Rows with a gold are graded, unreadable rows dropped."""
    settings = check_settings({}, ImportSettings, overrides=invocation.changes)
    check_profile(settings.profile)
    check_map(settings.field_map)
    target = invocation.target
    if is_run(target):
        raise InputError(f"{target} is a run folder already: `slipstick train`, `curate` and `export` take it as it is")
    files = [] if target.startswith(HUB) else files_at(target)
    out = invocation.out or Path("runs") / (_stem(target) or Path(target).absolute().parent.name)
    notes, names, drops = Notes(), Names(), list[Drop]()

    def drop(where: str, reason: str) -> None:
        drops.append(Drop(row={"id": where}, rule="unreadable row", reason=f"{where}: {reason}"))

    def read(source: str, rows: Iterator[Row]) -> Iterator[Imported]:
        return read_training(
            rows,
            stem=_stem(source),
            shape=settings.shape,
            field_map=settings.field_map,
            licence=settings.licence,
            on_bad=drop,
            notes=notes,
            names=names,
        )

    sources = [(str(file), read_rows(file, on_bad=drop)) for file in files] or [(target, _hub(target, settings))]
    found = chain.from_iterable(read(source, islice(rows, settings.limit)) for source, rows in sources)
    inputs = [part for file in files for part in saved_files(file) or [file]]
    with running(replace(invocation, out=out), "import", settings, console, inputs=inputs) as folder:
        written = invocation.run_async(write_rows(found, folder, settings, programs=settings.run_programs))
        counts = grade_rows(folder, settings.profile) + written
        if not counts["solutions"]:
            shape = f" as `{notes.shape}` (--set shape=NAME names another)" if notes.shape else ""
            raise InputError(f"not one row can be read{shape}: {drops[0].reason}")
        folder.write_dropped(drops)
        folder.finish("finished", counts={**counts, "dropped": len(drops)}, metrics=[])
        for line in notices(counts, notes, drops):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        console.print(f"train on it: --set data={folder.path}", highlight=False, markup=False, soft_wrap=True)
    return folder.path


def _stem(source: str) -> str:
    """The name of a file, of those that fit a pattern, or of a dataset: what ids begin with."""
    return without_wildcards(source.removeprefix(HUB).rpartition("/")[2].partition(".")[0])


def _hub(target: str, settings: ImportSettings) -> Iterator[Row]:
    name = target.removeprefix(HUB)
    return read_hub(name, split=settings.split, config=settings.config, revision=settings.revision)
