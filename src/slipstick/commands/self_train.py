"""`slipstick self-train`: rounds of training, solving, grading and curating, each stage a run of its own verb.

problems.jsonl        what is solved in every round
rounds.json           what each round added
start/                the first solutions, if worked steps give them
round-1/train/        the model; train.toml beside it is the stage's recipe
round-1/held-out/     its accuracy on problems that are never trained on
round-1/solve/        its solutions to the problems to learn from, graded
round-1/data/         all that is correct so far, curated: what the next round is trained on
...
final/train/, final/held-out/
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from slipstick.commands import Invocation, load_settings
from slipstick.commands.curate import CurateRecipe, run_curate
from slipstick.commands.evaluate import EvaluateRecipe, run_evaluate
from slipstick.commands.running import running
from slipstick.commands.solve import run_solve
from slipstick.commands.solve_recipe import SolveRecipe
from slipstick.commands.synthesize import run_synthesize
from slipstick.commands.train import run_train
from slipstick.commands.writer import SynthesizeRecipe
from slipstick.errors import RecipeError, UserError
from slipstick.problems.settings import ProblemSettings, take_problems
from slipstick.recipe import check_settings, to_toml
from slipstick.schema import Record
from slipstick.self_train import RoundsSettings, describe_gain, remove_stages, rounds_table, self_train
from slipstick.store import RunFolder, is_run, write_atomically
from slipstick.train.sources import TrainRecipe

# Stage -> its verb's settings, those of them that the rounds fill in, and its command.
_STAGES: Mapping[str, tuple[type[Record], dict[str, Any], Callable[[Invocation, Console], Path]]] = {
    "start": (SynthesizeRecipe, {}, run_synthesize),
    "train": (TrainRecipe, {"data": "-"}, run_train),
    "held_out": (EvaluateRecipe, {"model": "hf:-"}, run_evaluate),
    "solve": (SolveRecipe, {"model": "hf:-", "problems": ["-"]}, run_solve),
    "curate": (CurateRecipe, {"data": ["-"]}, run_curate),
}


class SelfTrainRecipe(RoundsSettings, ProblemSettings):
    """Settings of `slipstick self-train`: the problems to learn from, the rounds, and a table for each stage."""

    def tables(self) -> dict[str, dict[str, Any]]:
        """Stage -> its settings."""
        tables = {"start": self.start, "train": self.train, "held_out": self.held_out}
        return {**tables, "solve": self.solve, "curate": self.curate}


def run_self_train(invocation: Invocation, console: Console) -> Path:
    """`slipstick self-train`: rounds of train, solve, grade and curate, and a last training."""
    recipe, text = load_settings(invocation, SelfTrainRecipe)
    check_stages(recipe, invocation.target)
    problems = take_problems(recipe)
    inputs = [*recipe.files(), *(Path(path) / "solutions.jsonl" for path in recipe.data)]
    with running(invocation, "self-train", recipe, console, text=text, inputs=inputs) as folder:
        if invocation.overwrite:
            remove_stages(folder.path)
        folder.write_problems(problems)

        def run_stage(stage: str, out: Path, filled: dict[str, Any]) -> Path:
            console.rule(str(out.relative_to(folder.path)), align="left")
            if is_run(out) and RunFolder(out).run().status == "finished":
                console.print("already done", highlight=False)
            else:
                _run_stage(stage, {**recipe.tables()[stage], **filled}, out, console)
            return out

        made = self_train(folder.path, recipe, run_stage)
        final = {"group_by": "round", "group": made[-1].name}
        metrics = [metric.model_copy(update=final) for metric in made[-1].held_out]
        counts = {"rounds": recipe.rounds, "examples": made[-1].examples, "added": sum(each.added for each in made)}
        folder.finish("finished", counts=counts, metrics=metrics)
    console.print(rounds_table(made))
    console.print("\n".join(describe_gain(folder.path)), highlight=False)
    console.print(f"{folder.path / 'final' / 'train' / 'model'}", highlight=False, soft_wrap=True)
    return folder.path


def _run_stage(stage: str, settings: dict[str, Any], out: Path, console: Console) -> None:
    """Runs a stage by its command, from a recipe beside its folder. Raises UserError if it does not finish."""
    out.parent.mkdir(parents=True, exist_ok=True)
    recipe = out.with_name(f"{out.name}.toml")
    write_atomically(recipe, to_toml({key: value for key, value in settings.items() if value is not None}))
    try:
        _STAGES[stage][2](Invocation(str(recipe), out=out, resume=True, goes_on=True), console)
    except BaseException:
        if not is_run(out):  # it made nothing, so it leaves nothing
            recipe.unlink()
            if not any(out.parent.iterdir()):
                out.parent.rmdir()
        raise
    if RunFolder(out).run().status != "finished":
        raise UserError(
            f"Stage {out} stopped early (max_cost? estimate?). Fix `{stage}` in the recipe and rerun with --resume"
        )


def check_stages(recipe: SelfTrainRecipe, target: str) -> None:
    """Raises RecipeError with the mistakes of all stages together."""
    mistakes: list[str] = []
    for stage, table in recipe.tables().items():
        settings, filled, _ = _STAGES[stage]
        if stage == "start" and not table:
            continue
        mistakes += [f"{stage}.{key}: the rounds fill this in; leave it out" for key in filled if key in table]
        try:
            check_settings({**table, **filled}, settings)
        except RecipeError as error:
            mistakes += [f"{stage}.{line}" for line in error.mistakes]
    if mistakes:
        raise RecipeError(target, mistakes)
