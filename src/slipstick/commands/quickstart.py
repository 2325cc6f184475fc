"""`slipstick quickstart`: three recipes in a row, each in its own run folder; finished steps are skipped."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.evaluate import EvaluateRecipe, run_evaluate
from slipstick.commands.synthesize import AnyMethod, run_synthesize
from slipstick.commands.train import AnyStage, run_train
from slipstick.errors import RecipeError
from slipstick.extras import require
from slipstick.recipe import load_recipe
from slipstick.store import RunFolder, is_run

STAGES = (
    ("quickstart-data", run_synthesize, "Making problems and writing solutions; every program is run and compared"),
    ("quickstart-train", run_train, "Training a small model from scratch on the verified solutions"),
    ("quickstart-evaluate", run_evaluate, "Solving problems the model has never seen, and grading the answers"),
)

_SETTINGS: Mapping[str, Any] = {"data": AnyMethod, "train": AnyStage, "evaluate": EvaluateRecipe}
"""Stage -> its settings."""


def run_quickstart(folder: Path, overrides: list[str], console: Console) -> Path:
    """Runs the stages that are not finished yet and gives the evaluation's run folder.

    overrides: `seed=N` for all stages, and `STAGE.KEY=VALUE` for one of data, train, evaluate. Raises RecipeError for
    any other.
    """
    require("torch", "transformers", to="the quickstart")
    began = time.monotonic()
    stages = [name.removeprefix("quickstart-") for name, _, _ in STAGES]
    stray = [item for item in overrides if not item.startswith(("seed=", *(f"{stage}." for stage in stages)))]
    if stray:
        ways = "seed=N or STAGE.KEY=VALUE with a stage of " + ", ".join(stages)
        raise RecipeError("quickstart", [f"--set {item}: write {ways}" for item in stray])
    changes = {stage: _changes(stage, folder, overrides) for stage in stages}
    _check(changes)
    for number, (name, run, doing) in enumerate(STAGES, start=1):
        stage = name.removeprefix("quickstart-")
        out = folder / stage
        console.rule(f"{number}/{len(STAGES)} {doing}", align="left")
        if is_run(out) and RunFolder(out).run().status == "finished":
            console.print(f"already done in {out}", highlight=False)
            continue
        run(Invocation(name, changes[stage], out=out, resume=True), console)
    console.print(f"\nFinished in {(time.monotonic() - began) / 60:.1f} minutes.", highlight=False)
    _where_to_go(folder / "evaluate", console)
    return folder / "evaluate"


def _changes(stage: str, folder: Path, overrides: list[str]) -> list[str]:
    """What a stage changes of its recipe: the folders it reads, the seed, and what was said for it alone."""
    paths = {"train": [f"data={folder / 'data'}"], "evaluate": [f"model=hf:{folder / 'train' / 'model'}"]}
    shared = [item for item in overrides if item.startswith("seed=")]
    return [
        *paths.get(stage, []),
        *shared,
        *(item.removeprefix(f"{stage}.") for item in overrides if item.startswith(f"{stage}.")),
    ]


def _check(changes: Mapping[str, list[str]]) -> None:
    """Raises RecipeError with the mistakes of all stages, before the first one starts."""
    mistakes: list[str] = []
    for stage, settings in _SETTINGS.items():
        try:
            load_recipe(f"quickstart-{stage}", settings, overrides=changes[stage])
        except RecipeError as error:
            mistakes += [f"{stage}.{line}" for line in error.mistakes]
    if mistakes:
        raise RecipeError("quickstart", mistakes)


def _where_to_go(run: Path, console: Console) -> None:
    console.print(f"Open the report in a browser: {(run / 'report.html').resolve()}", highlight=False, soft_wrap=True)
