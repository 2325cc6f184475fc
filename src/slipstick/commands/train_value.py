"""`slipstick train` with stage = "value": graded samples -> a model that writes and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field
from rich.console import Console

from slipstick.commands import Invocation, load_order, running
from slipstick.commands.memory import check_memory
from slipstick.metrics import metric_label
from slipstick.progress import progress
from slipstick.recipe import Names
from slipstick.schema import Metric, Problem, Solution
from slipstick.store import RunFolder
from slipstick.train.value_examples import split_problems
from slipstick.train.value_head import ValueSettings
from slipstick.value import advice, open_value_model, require_verdicts, rerank_groups, score
from slipstick.value.display import plain, print_reranking


class TrainValueSettings(ValueSettings):
    """Settings of `slipstick train` with stage = "value"."""

    data: Names
    """Run folders with several graded samples per problem; one of them or a list."""
    limit: int | None = Field(default=None, ge=1)
    """Take only the first so many solutions of each."""


def run_train_value(order: Invocation, console: Console) -> Path:
    """`slipstick train` with stage = "value": graded samples -> a model that writes and scores, in `model`."""
    from slipstick.train.card import write_any_card
    from slipstick.train.value_head import train_value

    recipe, text = load_order(order, TrainValueSettings)
    check_memory(recipe.as_train())
    sources = [RunFolder(path) for path in recipe.data]
    inputs = [source.path / "solutions.jsonl" for source in sources]
    with running(order, "train", recipe, console, text=text, inputs=inputs) as folder:
        problems = {problem.id: problem for source in sources for problem in source.problems()}
        graded = [solution for source in sources for solution in list(source.solutions())[: recipe.limit]]
        require_verdicts(graded, recipe.data)
        seen, held_out = split_problems(graded, share=recipe.holdout, seed=recipe.seed)
        with progress("training", 100, "%", console=console) as advance:
            trained = train_value(
                [(solution, problems[solution.problem_id]) for solution in seen],
                settings=recipe,
                out=folder.path / "model",
                progress=lambda done, total, loss: advance(100 * done / total, f"{done:,} tokens, loss {loss:.3f}"),
            )
        console.print(
            f"{trained.examples:,} solutions of {trained.problems:,} problems, half of them right; {trained.steps:,} "
            f"steps, {trained.tokens:,} tokens in {trained.seconds:,.0f} s; {folder.path / 'model'}",
            highlight=False,
            soft_wrap=True,
        )
        metrics, judgement = _judge_held_out(folder.path / "model", held_out, problems, recipe, console)
        write_any_card(
            folder.path / "model",
            recipe,
            told=f"{trained.examples:,} graded solutions of {trained.problems:,} problems, half of them right",
            numbers=[(f"{metric_label(metric)} (n = {metric.n:,})", plain(metric)) for metric in metrics],
            closing=f"On the problems held out. {judgement} `value_head.json` says how the head is read.",
        )
        counts = trained.model_dump(exclude={"loss", "seconds"})
        folder.finish("finished", counts=counts, metrics=metrics)
    return folder.path


def _judge_held_out(
    model: Path,
    held_out: Sequence[Solution],
    problems: Mapping[str, Problem],
    recipe: TrainValueSettings,
    console: Console,
) -> tuple[list[Metric], str]:
    """Scores the held-out problems' samples and says how good the values are, in numbers and in words."""
    if not held_out:
        nothing = "No problem was held out (holdout), so nothing says how good the values are."
        console.print(nothing)
        return [], nothing
    scored = list(score(held_out, problems, with_model=open_value_model(model, device=recipe.device)))
    known = [problems[name] for name in dict.fromkeys(solution.problem_id for solution in scored)]
    console.print(f"on {len(known):,} problems that were held out:", highlight=False)
    metrics, sentences = [], []
    for result, rows in rerank_groups(known, scored):
        if not result.group:
            metrics += result.named_metrics()
            sentences.append(f"{result.format}: {advice(result)}")
            print_reranking(result, rows, console)
    return metrics, " ".join(sentences)
