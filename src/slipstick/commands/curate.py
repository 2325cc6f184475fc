"""`slipstick curate`: finished runs -> the rows a training set should hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path

from pydantic import Field
from rich.console import Console

from slipstick.commands import Invocation, load_order, running
from slipstick.curate import EXECUTED, FILES, Notice, curate
from slipstick.curate.composition import Composition, composition_table
from slipstick.curate.settings import CurateSettings, Names
from slipstick.errors import InputError
from slipstick.interpreters import InterpreterSettings, open_interpreter
from slipstick.problems import load_problems
from slipstick.problems.catalogue.local import evaluation_sources, local_files
from slipstick.problems.catalogue.selection import expand
from slipstick.progress import Advance, progress
from slipstick.schema import Problem
from slipstick.store import RunFolder, write_atomically

CATALOGUE = "catalogue"
_READ = ("problems.jsonl", "solutions.jsonl", "verdicts.jsonl")
# All that is kept of an interrupted run is what its programs said, and these do not change that.
_MAY_CHANGE = {"sandbox_workers", "limit", "problems_dir", *CurateSettings.model_fields} - {"seed"}


class CurateRecipe(CurateSettings, InterpreterSettings):
    """What `slipstick curate` can be told."""

    data: Names = Field(min_length=1)
    """Run folders of `synthesize`, `solve`, `evaluate` or `curate`, one or a list; of rows that say the same the
    earlier one stays."""
    problems_dir: Path | None = None
    """A folder whose files serve evaluation sets before the Hub does; None takes what SLIPSTICK_PROBLEMS_DIR names."""
    limit: int | None = Field(default=None, ge=1)
    """Take only the first so many problems."""

    def files(self) -> list[Path]:
        """The files of the runs and of the evaluation sets, as far as they are files."""
        runs = [Path(run) / name for run in self.data for name in _READ]
        sources = [Path(source.removeprefix("files:")) for source in self.decontaminate_against]
        local = (local_files(source, problems_dir=self.problems_dir) for source in _expand(self))
        return [*(path for path in [*runs, *sources] if path.is_file()), *chain.from_iterable(local)]


def run_curate(order: Invocation, console: Console) -> Path:
    """`slipstick curate`: the rows of finished runs that pass every rule, and all others with rule and reason."""
    recipe, text = load_order(order, CurateRecipe)
    runs = [RunFolder(path) for path in recipe.data]
    _require_finished(runs)
    with running(
        order,
        "curate",
        recipe,
        console,
        text=text,
        inputs=recipe.files(),
        files=FILES,
        journal=EXECUTED,
        may_change=_MAY_CHANGE,
    ) as folder:
        write_atomically(folder.path / "recipe.toml", text)
        evaluation, missing = load_evaluation(recipe)
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
        made = made.model_copy(update={"not_compared": missing})
        write_atomically(folder.path / "composition.json", made.model_dump_json(indent=2))
        folder.finish("finished", counts=_counts(made), metrics=[])
    _say(made, folder, console)
    return folder.path


def load_evaluation(recipe: CurateRecipe) -> tuple[dict[str, list[Problem]], dict[str, str]]:
    """Evaluation set -> its problems, and set -> why it, or rows of it, could not be loaded.

    Raises InputError where sets are asked for and none can be loaded, PluginError for a source nobody knows.
    """
    loaded: dict[str, list[Problem]] = {}
    missing: dict[str, str] = {}
    for source in _expand(recipe):
        try:
            loaded[source], bad = _load(source, recipe.problems_dir)
        except InputError as error:
            missing[source] = str(error)
            continue
        if bad:
            missing[source] = f"{len(bad)} rows cannot be read, the first: {bad[0]}"
    if missing and not loaded:
        name, reason = next(iter(missing.items()))
        raise InputError(
            f"decontaminate_against = {recipe.decontaminate_against}: none of {len(missing)} sets can be loaded; "
            f"`{name}`: {reason}\n(decontaminate_against = [] leaves decontamination out)"
        )
    return loaded, missing


def _load(source: str, problems_dir: Path | None) -> tuple[list[Problem], list[str]]:
    """The problems of a source, and what is wrong with the rows that are none."""
    bad: list[str] = []
    found = load_problems(source, problems_dir=problems_dir, on_bad=lambda where, what: bad.append(f"{where}: {what}"))
    return list(found), bad


def _expand(recipe: CurateRecipe) -> list[str]:
    """The evaluation sets, "catalogue" and lists of sets taken apart so that each is reported by its own name."""
    found: list[str] = []
    for source in recipe.decontaminate_against:
        found += evaluation_sources(problems_dir=recipe.problems_dir) if source == CATALOGUE else expand(source)
    return list(dict.fromkeys(found))


def _require_finished(runs: list[RunFolder]) -> None:
    """Raises InputError for a run that is still being written."""
    for run in runs:
        status = run.run().status
        if status == "running":
            raise InputError(f"{run.path} is not finished: go on with it first (--resume), then curate it")


@contextmanager
def _progress(console: Console) -> Iterator[Notice]:
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


def _counts(made: Composition) -> dict[str, int]:
    kept, read = sum(part.kept for part in made.parts), sum(part.read for part in made.parts)
    return {"problems": made.problems, "solutions": kept, "correct": kept, "dropped": read - kept}


def _say(made: Composition, folder: RunFolder, console: Console) -> None:
    console.print(composition_table(made))

    def say(line: str) -> None:
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    found = {name: kinds for name, kinds in made.overlaps.items() if kinds}
    for name, kinds in found.items():
        counts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
        say(f"overlap with {name}: {counts} of {made.evaluation[name]:,} problems")
    if made.evaluation:
        compared = sum(made.evaluation.values())
        say(f"compared with {compared:,} problems of {len(made.evaluation)} evaluation sets (contamination.jsonl)")
    else:
        say("compared with no evaluation set: name some in `decontaminate_against`")
    for name, reason in made.not_compared.items():
        say(f"NOT compared with {name}: {reason.splitlines()[0]}")
    if made.licences.get("unknown"):
        say(f"{made.licences['unknown']:,} kept rows are of a licence that nobody states")
    if made.splits:
        say("splits: " + ", ".join(f"{name} {rows:,}" for name, rows in made.splits.items()))
    kept = sum(part.kept for part in made.parts)
    say(f"{kept:,} rows of {made.problems:,} problems kept; {folder.path}")
