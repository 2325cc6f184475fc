"""`slipstick quickstart`: three recipes in a row, each in its own run folder; finished steps are skipped."""

import time
from pathlib import Path

from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.evaluate import run_evaluate
from slipstick.commands.synthesize import run_synthesize
from slipstick.commands.train import run_train
from slipstick.errors import RecipeError
from slipstick.extras import require
from slipstick.store import RunFolder

STAGES = (
    ("quickstart-data", run_synthesize, "Making problems and writing solutions; every program is run and compared"),
    ("quickstart-train", run_train, "Training a small model from scratch on the verified solutions"),
    ("quickstart-evaluate", run_evaluate, "Solving problems the model has never seen, and grading the answers"),
)


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
    for number, (name, run, doing) in enumerate(STAGES, start=1):
        stage = name.removeprefix("quickstart-")
        out = folder / stage
        console.rule(f"{number}/{len(STAGES)} {doing}", align="left")
        if (out / "run.json").is_file() and RunFolder(out).run().status == "finished":
            console.print(f"already done in {out}", highlight=False)
            continue
        own = [item.removeprefix(f"{stage}.") for item in overrides if item.startswith(f"{stage}.")]
        shared = [item for item in overrides if item.startswith("seed=")]
        paths = {"train": [f"data={folder / 'data'}"], "evaluate": [f"model=hf:{folder / 'train' / 'model'}"]}
        run(Invocation(name, [*paths.get(stage, []), *shared, *own], out=out, resume=True), console)
    console.print(f"\nFinished in {(time.monotonic() - began) / 60:.1f} minutes.", highlight=False)
    _where_to_go(folder / "evaluate", console)
    return folder / "evaluate"


def _where_to_go(run: Path, console: Console) -> None:
    console.print(f"Open the report in a browser: {(run / 'report.html').resolve()}", highlight=False, soft_wrap=True)
