"""`slipstick export`: a finished run in the shapes other tools train on, with the data set's card."""

from pathlib import Path

from pydantic import Field, field_validator
from rich import box
from rich.console import Console
from rich.table import Table

from slipstick.card import count_rows, render_card
from slipstick.commands import Invocation
from slipstick.curate.composition import beside_table, compiled
from slipstick.errors import InputError, did_you_mean
from slipstick.exporters import SHAPES, count_broken_off, export
from slipstick.exporters.lm_eval import write_lm_eval
from slipstick.exporters.lm_eval_tasks import write_lm_eval_tasks
from slipstick.recipe import Names, check_settings
from slipstick.schema import Record
from slipstick.store import RunFolder, write_atomically

FOLDER = "exports"
LOGS = ("lm_eval", "lm_eval_tasks")
"""What a run can be written as, apart from the shapes of training files."""
READERS = "lm-evaluation-harness and what reads its folders"
CARD = "README.md"


class ExportSettings(Record):
    """Settings of `slipstick export`."""

    shapes: Names = Field(default_factory=lambda: ["messages"], min_length=1)
    """Shapes to write: "alpaca", "sharegpt", "messages", ..., "lm_eval", "lm_eval_tasks": one, a list, or "all" (of the
    training files)."""
    name: str | None = None
    """Name of the data set on its card; None takes the run's."""
    beside: str | None = None
    """A compiled dataset of the catalogue ("mathinstruct") whose published composition is shown beside this one, in the
    terminal and on the card."""
    ks: list[int] = Field(default_factory=list)
    """k of the filters maj@k in "lm_eval_tasks"; the largest is the number of samples of each problem."""

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
    """`slipstick export RUN`: writes RUN/exports, or the folder --out names, and a card beside the files."""
    settings = check_settings({}, ExportSettings, overrides=invocation.overrides)
    every = settings.shapes == ["all"]
    if unknown := [] if every else [shape for shape in settings.shapes if shape not in (*SHAPES, *LOGS)]:
        near = did_you_mean(unknown[0], (*SHAPES, *LOGS))
        raise InputError(f"there is no shape `{unknown[0]}`{near}; known: {', '.join((*SHAPES, *LOGS))}, all")
    folder = RunFolder(invocation.target)
    if folder.run().status == "running":
        raise InputError(f"{folder.path} is not finished: finish it first (--resume), then export it")
    out = invocation.out or folder.path / FOLDER
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in ("file", "rows", "for"):
        table.add_column(name, justify="right" if name == "rows" else "left")
    written: dict[str, int] = {}
    for shape in SHAPES if every else settings.shapes:
        try:
            files = _write(folder, shape, out, settings)
        except InputError as error:
            if not every or shape not in SHAPES:
                raise
            console.print(str(error), highlight=False, soft_wrap=True)
            continue
        for file, rows in files.items():
            table.add_row(file, f"{rows:,}", READERS if shape in LOGS else SHAPES[shape].reader)
        written |= files
    dataset = compiled(settings.beside) if settings.beside else None
    write_atomically(out / CARD, render_card(folder, written, name=settings.name, beside=dataset))
    console.print(table)
    if dataset:
        console.print(beside_table(count_rows(folder).beside(dataset), dataset))
    if any(name in SHAPES and SHAPES[name].of == "solutions" for name in (SHAPES if every else settings.shapes)) and (
        broken_off := count_broken_off(folder)
    ):
        what = "correct solution was" if broken_off == 1 else "correct solutions were"
        said = f"{broken_off:,} {what} left out: not ended by the model (out of tokens or turns, or still thinking)"
        console.print(said, highlight=False, soft_wrap=True)
    console.print(f"{sum(written.values()):,} rows and their card; {out}", highlight=False, soft_wrap=True)
    return out


def _write(folder: RunFolder, shape: str, out: Path, settings: ExportSettings) -> dict[str, int]:
    match shape:
        case "lm_eval":
            return write_lm_eval(folder, out)
        case "lm_eval_tasks":
            return write_lm_eval_tasks(folder, out, ks=settings.ks)
        case _:
            return export(folder, shape, out)
