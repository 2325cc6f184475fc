"""`slipstick train` with stage = "grpo": problems with answers -> a model that was rewarded for correct solutions."""

from rich.console import Console

from slipstick.problems.settings import ProblemSettings, take_problems
from slipstick.progress import progress
from slipstick.schema import Metric
from slipstick.store import RunFolder
from slipstick.trackers import Track
from slipstick.train.settings import GrpoSettings


class GrpoRecipe(GrpoSettings, ProblemSettings):
    """Settings of `slipstick train` with stage = "grpo"."""


def train_by_grpo(
    recipe: GrpoRecipe, folder: RunFolder, console: Console, track: Track
) -> tuple[dict[str, int], list[Metric]]:
    """Trains on the recipe's problems, with slipstick's verdicts as rewards; gives the run's counts and metrics."""
    from slipstick.encode.settings import load_prompt_config
    from slipstick.equivalence import check_profile
    from slipstick.models.hf.packaged import located
    from slipstick.rewards.trl import accuracy
    from slipstick.train.grpo import train_grpo
    from slipstick.train.rollouts import open_rollout

    check_profile(recipe.profile)
    trained_in = load_prompt_config(located(recipe.base))
    if trained_in and {trained_in.template, recipe.template} == {"format", "chat"}:
        console.print(
            f'{recipe.base} was trained with template = "{trained_in.template}" and is asked with "{recipe.template}", '
            f'prompts that it has not seen: set template = "{trained_in.template}"',
            highlight=False,
            soft_wrap=True,
        )
    problems, out = take_problems(recipe), folder.path / "model"
    folder.write_problems(problems)
    with (
        open_rollout(recipe, seed=recipe.seed, template=recipe.template) as rollout,
        progress("reinforcing", recipe.max_steps, "updates", console=console) as advance,
    ):
        trained = train_grpo(
            problems,
            rollout=rollout,
            reward=accuracy(profile=recipe.profile),
            settings=recipe,
            out=out,
            progress=lambda step, mean: advance(step, f"reward {mean:.3f}"),
            track=track,
        )
    rewards = ", ".join(f"{mean:.3f} in {what}" for what, mean in trained.numbers())
    console.print(
        f"{trained.steps:,} updates, {trained.solutions:,} solutions in {trained.seconds:,.0f} s; mean reward "
        f"{rewards}; {out}",
        highlight=False,
        soft_wrap=True,
    )
    return {"problems": trained.problems, "solutions": trained.solutions}, []
