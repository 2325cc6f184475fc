"""`slipstick train`: solutions, raw text, graded samples or problems -> a model, by the stage that the recipe names."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from rich.console import Console

from slipstick.commands import Invocation, load_settings
from slipstick.commands.grpo import GrpoRecipe, train_by_grpo
from slipstick.commands.running import running
from slipstick.commands.train_value import TrainValueRecipe, train_and_judge
from slipstick.errors import counted
from slipstick.extras import require
from slipstick.plan.fit import check_memory
from slipstick.progress import Advance, progress
from slipstick.schema import Metric
from slipstick.store import RunFolder
from slipstick.trackers import Track, check_trackers, open_trackers
from slipstick.train.result import Evaluation
from slipstick.train.settings import CHANGES_NO_NUMBER
from slipstick.train.sources import TrainRecipe, correct_solutions
from slipstick.trainable import is_unchecked

AnyStage = Annotated[TrainRecipe | TrainValueRecipe | GrpoRecipe, Field(discriminator="stage")]


def run_train(invocation: Invocation, console: Console) -> Path:
    """`slipstick train`: trains as the recipe's stage says -> a Hugging Face folder, `model` in the run folder."""
    require("torch", "transformers", to="training")
    recipe, text = load_settings(invocation, AnyStage)
    check_memory(recipe)
    inputs = recipe.files()
    check_trackers(recipe.report_to, trl=_by_trl(recipe))
    with (
        running(invocation, "train", recipe, console, text=text, inputs=inputs, may_change=CHANGES_NO_NUMBER) as folder,
        open_trackers(folder, recipe, console) as track,
    ):
        match recipe:
            case TrainRecipe():
                counts, metrics = _train(recipe, folder, console, track)
            case TrainValueRecipe():
                counts, metrics = train_and_judge(recipe, folder, console, track)
            case GrpoRecipe():
                counts, metrics = train_by_grpo(recipe, folder, console, track)
        folder.finish("finished", counts=counts, metrics=metrics)
    return folder.path


def _by_trl(recipe: TrainRecipe | TrainValueRecipe | GrpoRecipe) -> bool:
    from slipstick.train.build import trainer_of

    return trainer_of(recipe) == "trl" if isinstance(recipe, TrainRecipe) else isinstance(recipe, GrpoRecipe)


def _train(
    recipe: TrainRecipe, folder: RunFolder, console: Console, track: Track
) -> tuple[dict[str, int], list[Metric]]:
    from slipstick.train import train, train_on_texts
    from slipstick.train.sft import which_weights

    out = folder.path / "model"

    def say(found: Evaluation) -> None:
        console.print(f"after {found.tokens:,} tokens: {found.says()}", highlight=False, soft_wrap=True)

    with _shown(console) as show:
        told: dict[str, Any] = {"settings": recipe, "out": out, "progress": show, "on_evaluation": say, "track": track}
        if recipe.stage == "cpt":
            trained = train_on_texts(recipe.texts(), **told)
        else:
            _say_unchecked(recipe, console)
            problems = recipe.accuracy_problems()
            told |= {"valid": recipe.valid_pairs(), "eval_problems": problems, "load": recipe.formats()}
            trained = train(recipe.pairs(), **told)
    left_out = f", {trained.too_long:,} examples too long" if trained.too_long else ""
    left_out += f", {trained.unlabelled:,} with nothing to learn" if trained.unlabelled else ""
    console.print(
        f"{trained.parameters:,} parameters, {trained.steps:,} steps, {trained.tokens:,} tokens{left_out} in "
        f"{trained.seconds:,.0f} s; {out}",
        highlight=False,
        soft_wrap=True,
    )
    if trained.valid_loss is not None:
        console.print(
            f"loss on {trained.says_held_out()} {trained.valid_loss:.4f}, on the last tenth of the "
            f"steps {trained.loss:.4f} nats per labelled token",
            highlight=False,
            soft_wrap=True,
        )
    if recipe.evaluates:
        console.print(which_weights(trained, recipe), highlight=False, markup=False, soft_wrap=True)
    left = {"loss", "valid_loss", "seconds", "accuracy", *({"kept_step"} if trained.kept_step is None else ())}
    return trained.model_dump(exclude=left), trained.accuracy


def _say_unchecked(recipe: TrainRecipe, console: Console) -> None:
    trained = correct_solutions(recipe.data, split=recipe.split)
    if unchecked := sum(is_unchecked(solution) for solution, _ in trained):
        said = f"{counted(unchecked, 'solution')} without a gold to be graded by: trained on unchecked"
        console.print(said, highlight=False, soft_wrap=True)


@contextmanager
def _shown(console: Console) -> Iterator[Callable[[int, int, float], None]]:
    """A function that shows how far a training is; how many tokens it has in all is known with the first step."""
    with ExitStack() as stack:
        advance: Advance | None = None

        def show(done: int, total: int, loss: float) -> None:
            nonlocal advance
            if advance is None:
                advance = stack.enter_context(progress("training", total, "tokens", console=console, done=done))
            advance(done, f"loss {loss:.3f}")

        yield show
