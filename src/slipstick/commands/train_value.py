"""`slipstick train` with stage = "value": graded samples -> a model that writes and scores."""

from pathlib import Path

from pydantic import Field
from rich.console import Console

from slipstick.formats.recorded import formats_of
from slipstick.progress import progress
from slipstick.recipe import Names
from slipstick.schema import Metric
from slipstick.store import RunFolder
from slipstick.trackers import Track
from slipstick.train.settings import ValueSettings
from slipstick.train.sources import files_of, graded_samples
from slipstick.train.value_examples import split_problems
from slipstick.value.display import print_reranking


class TrainValueRecipe(ValueSettings):
    """Settings of `slipstick train` with stage = "value"."""

    data: Names
    """Run folders with several graded samples per problem; one of them or a list."""
    limit: int | None = Field(default=None, ge=1)
    """Use only the first `limit` solutions of each run."""
    split: str = "train"
    """Split that is trained on, of runs that are divided: by a curation, or by the `split` of imported rows."""

    def files(self) -> list[Path]:
        """What the training reads."""
        return files_of(self.data)


def train_and_judge(
    recipe: TrainValueRecipe, folder: RunFolder, console: Console, track: Track
) -> tuple[dict[str, int], list[Metric]]:
    """Trains on most problems' samples and judges the values on the rest; gives the run's counts and metrics."""
    from slipstick.train.value import judge, train_value

    out = folder.path / "model"
    load = formats_of(map(Path, recipe.data))
    samples, problems = graded_samples(recipe.data, limit=recipe.limit, split=recipe.split)
    seen, held_out = split_problems(samples, share=recipe.holdout, seed=recipe.seed)
    with progress("training", 100, "%", console=console) as advance:
        trained = train_value(
            [(solution, problems[solution.problem_id]) for solution in seen],
            settings=recipe,
            out=out,
            progress=lambda done, total, loss: advance(100 * done / total, f"{done:,} tokens, loss {loss:.3f}"),
            track=track,
            load=load,
        )
    console.print(
        f"{trained.examples:,} solutions of {trained.problems:,} problems, half of them correct; {trained.steps:,} "
        f"steps, {trained.tokens:,} tokens in {trained.seconds:,.0f} s; {out}",
        highlight=False,
        soft_wrap=True,
    )
    judged = judge(out, held_out, problems, settings=recipe, result=trained, load=load) if held_out else []
    if not judged:
        console.print("No problem was held out (holdout), so nothing says how good the values are.")
    else:
        names = {row.problem_id for _, rows in judged for row in rows}
        console.print(f"on {len(names):,} problems that were held out:", highlight=False)
    for result, rows in judged:
        print_reranking(result, rows, console)
    metrics = [metric for result, _ in judged for metric in result.named_metrics()]
    return trained.model_dump(exclude={"loss", "seconds"}), metrics
