"""`slipstick train`: verified solutions -> weights."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from rich.console import Console

from slipstick.launch import Order, load_order, running
from slipstick.progress import progress
from slipstick.store import RunFolder
from slipstick.train.settings import TrainSettings


class TrainRecipe(TrainSettings):
    """What `slipstick train` can be told."""

    data: str
    """Run folder whose correct solutions are learnt from."""
    limit: int | None = Field(default=None, ge=1)
    """Take only the first so many solutions."""


def run_train(order: Order, console: Console) -> Path:
    """`slipstick train`: correct solutions -> a Hugging Face folder, `model` in the run folder."""
    from slipstick.train import train

    recipe, text = load_order(order, TrainRecipe)
    source = RunFolder(recipe.data)
    problems = {problem.id: problem for problem in source.problems()}
    solutions = [s for s in source.solutions() if s.verdict and s.verdict.outcome == "correct"][: recipe.limit]
    inputs = [source.path / "solutions.jsonl"]
    with running(order, "train", recipe, console, text=text, inputs=inputs) as folder:
        with progress("training", recipe.tokens, "tokens", console=console) as advance:
            trained = train(
                [(solution, problems[solution.problem_id]) for solution in solutions],
                settings=recipe,
                out=folder.path / "model",
                progress=lambda done, total, loss: advance(done, f"loss {loss:.3f}"),
            )
        counts = trained.model_dump(exclude={"loss", "seconds"})
        folder.finish("finished", counts=counts, metrics=[])
    console.print(
        f"{trained.parameters:,} parameters, {trained.steps:,} steps, {trained.tokens:,} tokens in "
        f"{trained.seconds:,.0f} s; {folder.path / 'model'}",
        highlight=False,
        soft_wrap=True,
    )
    return folder.path
