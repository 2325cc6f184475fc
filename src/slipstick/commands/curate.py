"""`slipstick curate`: finished runs -> the rows a training set should hold."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path

from pydantic import Field
from rich.console import Console

from slipstick.commands import Invocation, load_settings
from slipstick.commands.running import running
from slipstick.curate import curate
from slipstick.curate.composition import composition_table, describe_composition, total_counts
from slipstick.curate.evaluation_sets import list_sets, load_sets
from slipstick.curate.rerun import EXECUTED, OnProgress
from slipstick.curate.settings import CurateSettings
from slipstick.curate.writing import FILES
from slipstick.errors import InputError, counted
from slipstick.interpreters import InterpreterSettings, open_interpreter
from slipstick.problems.catalogue.local import local_files
from slipstick.progress import Advance, progress
from slipstick.recipe import Names
from slipstick.store import RunFolder
from slipstick.trainable import SPLIT_COUNT, open_run

_READ = ("problems.jsonl", "solutions.jsonl", "verdicts.jsonl")
# An interrupted run keeps only what its programs printed, and these settings do not change that.
_MAY_CHANGE = {"sandbox_workers", "limit", "problems_dir", *CurateSettings.model_fields} - {"seed"}


class CurateRecipe(CurateSettings, InterpreterSettings):
    """Settings of `slipstick curate`."""

    data: Names = Field(min_length=1)
    """Run folders of `synthesize`, `solve`, `evaluate` or `curate`, one or a list; of equal rows the earlier one
    stays."""
    problems_dir: Path | None = None
    """A folder in which evaluation sets are looked for before the Hub; None uses SLIPSTICK_PROBLEMS_DIR."""
    limit: int | None = Field(default=None, ge=1)
    """Use only the first `limit` problems of each set."""

    def files(self) -> list[Path]:
        """The files of the runs, and those evaluation sets that are files."""
        runs = [Path(run) / name for run in self.data for name in _READ]
        sources = [Path(source.removeprefix("files:")) for source in self.decontaminate_against]
        sets = list_sets(self.decontaminate_against, problems_dir=self.problems_dir)
        local = (local_files(name, problems_dir=self.problems_dir) for name in sets)
        return [*(path for path in [*runs, *sources] if path.is_file()), *chain.from_iterable(local)]


def run_curate(invocation: Invocation, console: Console) -> Path:
    """`slipstick curate`: the rows of finished runs that pass every rule, and all others with rule and reason."""
    recipe, text = load_settings(invocation, CurateRecipe)
    runs = [open_run(path) for path in recipe.data]
    _require_finished(runs)
    with running(
        invocation,
        "curate",
        recipe,
        console,
        text=text,
        inputs=recipe.files(),
        files=FILES,
        journal=EXECUTED,
        may_change=_MAY_CHANGE,
    ) as folder:
        evaluation = load_sets(recipe.decontaminate_against, problems_dir=recipe.problems_dir)
        with _progress(console) as on_progress:
            made = curate(
                runs,
                folder,
                recipe,
                evaluation=evaluation,
                open_interpreter=lambda: open_interpreter(recipe, seed=recipe.seed),
                limit=recipe.limit,
                on_progress=on_progress,
            )
        rows = total_counts(made.groups)
        counts = {"problems": made.problems, "solutions": rows.kept, "correct": rows.kept}
        counts |= {f"{SPLIT_COUNT}{name}": rows for name, rows in made.splits.items()}
        folder.finish("finished", counts={**counts, "dropped": rows.read - rows.kept}, metrics=[])
    console.print(composition_table(made))
    for line in (
        *describe_composition(made),
        f"{counted(rows.kept, 'row')} of {counted(made.problems, 'problem')} kept; {folder.path}",
    ):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return folder.path


def _require_finished(runs: list[RunFolder]) -> None:
    """Raises InputError for a run that is still being written."""
    for run in runs:
        if run.run().status == "running":
            raise InputError(f"{run.path} is not finished: finish it first (--resume), then curate it")


@contextmanager
def _progress(console: Console) -> Iterator[OnProgress]:
    """A line for each stage, and a bar for programs."""
    with ExitStack() as stack:
        stage = ""
        advance: Advance | None = None

        def on_progress(what: str, done: int, total: int) -> None:
            nonlocal stage, advance
            if what != stage:
                stack.close()
                stage, advance = what, None
                if total:
                    advance = stack.enter_context(progress(what, total, "rows", console=console, done=done - 1))
                else:
                    stack.enter_context(console.status(what))
            if advance:
                advance(done)

        yield on_progress
