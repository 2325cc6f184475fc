"""`slipstick export`: a finished run in the shapes other tools train on, with the data set's card."""

from pathlib import Path

from pydantic import Field, field_validator
from rich.console import Console

from slipstick.card import count_rows, render_card
from slipstick.commands import Invocation
from slipstick.commands.export_problems import FOLDER, export_problems, files_table
from slipstick.curate.composition import beside_table, compiled
from slipstick.errors import InputError, did_you_mean
from slipstick.exporters import SHAPES, Prompts, count_broken_off, count_own_prompts, export
from slipstick.exporters.lm_eval import write_lm_eval
from slipstick.exporters.tasks import TASKS, TaskSettings, write_task
from slipstick.recipe import Names, check_settings
from slipstick.store import RunFolder, is_run, write_atomically

LOGS = ("lm_eval", *TASKS)
"""What a run can be written as, apart from the shapes of training files."""
READERS = "lm-evaluation-harness and what reads its folders"
CARD = "README.md"
_DIALOGUES = {"messages", "sharegpt", "alpaca"}


class ExportSettings(TaskSettings):
    """Settings of `slipstick export`."""

    shapes: Names = Field(default_factory=lambda: ["messages"], min_length=1)
    """Shapes to write: "alpaca", "sharegpt", "messages", ..., "lm_eval", or a task of another tool, "inspect_task",
    "verifiers", ...: one, a list, or "all" (of the training files)."""
    prompts: Prompts = "own"
    """How "messages", "sharegpt" and "alpaca" ask: "own": as the imported dialogue did, else as the format
    of the solution; "format": all as the format, like `train`; "plain": the question alone, no system message."""
    name: str | None = None
    """Name of the data set on its card; None takes the run's."""
    beside: str | None = None
    """A compiled dataset of the catalogue ("mathinstruct") whose published composition is shown beside this one, in the
    terminal and on the card."""
    limit: int | None = Field(default=None, ge=1)
    """Takes only the first `limit` problems of each set, if problems are exported and no run."""

    @field_validator("beside")
    @classmethod
    def _has_a_table(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                compiled(name)
            except InputError as error:
                raise ValueError(str(error)) from error
        return name


def run_export(invocation: Invocation, console: Console) -> Path:
    """`slipstick export RUN`: writes RUN/exports, or the folder --out names, and a card beside the files.

    Problems that belong to no run become tasks of other tools, in `exports` or the folder --out names, without a card.
    """
    settings = check_settings({}, ExportSettings, overrides=invocation.overrides)
    every = settings.shapes == ["all"]
    if unknown := [] if every else [shape for shape in settings.shapes if shape not in (*SHAPES, *LOGS)]:
        near = did_you_mean(unknown[0], (*SHAPES, *LOGS))
        raise InputError(f"there is no shape `{unknown[0]}`{near}; known: {', '.join((*SHAPES, *LOGS))}, all")
    if not is_run(invocation.target) and all(shape in TASKS for shape in settings.shapes):
        return export_problems(invocation, settings.shapes, settings, console, limit=settings.limit)
    folder = RunFolder(invocation.target)
    if folder.run().status == "running":
        raise InputError(f"{folder.path} is not finished: finish it first (--resume), then export it")
    out = invocation.out or folder.path / FOLDER
    table, written = files_table(), dict[str, int]()
    for shape in SHAPES if every else settings.shapes:
        try:
            files = _write(folder, shape, out, settings)
        except InputError as error:
            if not every or shape not in SHAPES:
                raise
            console.print(str(error), highlight=False, soft_wrap=True)
            continue
        for file, rows in files.items():
            table.add_row(file, f"{rows:,}", _reader(shape))
        written |= files
    dataset = compiled(settings.beside) if settings.beside else None
    write_atomically(out / CARD, render_card(folder, written, name=settings.name, beside=dataset))
    console.print(table)
    if dataset:
        console.print(beside_table(count_rows(folder).beside(dataset), dataset))
    shapes = [name for name in (SHAPES if every else settings.shapes) if name in SHAPES]
    if settings.prompts == "own" and _DIALOGUES & {*shapes} and (own := count_own_prompts(folder)):
        said = f"rows of imported dialogues: {own:,}; they ask as there (--set prompts=format: as `train` asks)"
        console.print(said, highlight=False, soft_wrap=True)
    if any(SHAPES[name].of == "solutions" for name in shapes) and (broken_off := count_broken_off(folder)):
        what = "correct solution was" if broken_off == 1 else "correct solutions were"
        said = f"{broken_off:,} {what} left out: not ended by the model (out of tokens or turns, or still thinking)"
        console.print(said, highlight=False, soft_wrap=True)
    console.print(f"{sum(written.values()):,} rows and their card; {out}", highlight=False, soft_wrap=True)
    return out


def _reader(shape: str) -> str:
    return TASKS[shape].reader if shape in TASKS else SHAPES[shape].reader if shape in SHAPES else READERS


def _write(folder: RunFolder, shape: str, out: Path, settings: ExportSettings) -> dict[str, int]:
    if shape in TASKS:
        return write_task(shape, folder.problems(), out, name=folder.path.name, settings=settings)
    return write_lm_eval(folder, out) if shape == "lm_eval" else export(folder, shape, out, prompts=settings.prompts)
