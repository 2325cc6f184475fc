"""Value models: `slipstick train` with stage = "value", and `slipstick value`, which scores a finished run by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from slipstick.commands import Invocation, count, load_order, running
from slipstick.commands.memory import check_memory
from slipstick.equivalence import compare
from slipstick.errors import InputError, UserError
from slipstick.metrics import group_problems, order_formats, summarize
from slipstick.progress import progress
from slipstick.recipe import check_settings
from slipstick.report.table import metrics_table
from slipstick.schema import Metric, Problem, Record, Solution
from slipstick.store import RunFolder
from slipstick.train.value_examples import split_problems
from slipstick.train.value_head import ValueSettings
from slipstick.value import Bin, Reranked, reliability, rerank, samples_a_problem, say


class TrainValueRecipe(ValueSettings):
    """What `slipstick train` can be told with stage = "value"."""

    data: Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]
    """Run folders with several graded samples a problem; one of them or a list."""
    limit: int | None = Field(default=None, ge=1)
    """Take only the first so many solutions of each."""


class ValueRecipe(Record):
    """What `slipstick value` can be told."""

    run: str
    """Run folder whose solutions are scored."""
    value_model: str
    """Folder of the value model: what `slipstick train` with stage = "value" left in `model`."""
    device: str = "auto"
    """"cpu", "cuda" or "auto"."""
    batch_tokens: int = Field(default=8192, gt=0)
    """Most tokens that are scored together, padding included."""
    ks: list[int] = Field(default_factory=list)
    """k for maj@k, best@k and weighted@k beside that of all samples."""
    limit: int | None = Field(default=None, ge=1)
    """Take only the first so many problems."""


def run_train_value(order: Invocation, console: Console) -> Path:
    """`slipstick train` with stage = "value": graded samples -> a model that writes and scores, in `model`."""
    from slipstick.train.card import write_any_card
    from slipstick.train.value_head import train_value

    recipe, text = load_order(order, TrainValueRecipe)
    check_memory(recipe.as_train())
    sources = [RunFolder(path) for path in recipe.data]
    inputs = [source.path / "solutions.jsonl" for source in sources]
    with running(order, "train", recipe, console, text=text, inputs=inputs) as folder:
        problems = {problem.id: problem for source in sources for problem in source.problems()}
        graded = [solution for source in sources for solution in list(source.solutions())[: recipe.limit]]
        _require_verdicts(graded, recipe.data)
        seen, held = split_problems(graded, share=recipe.holdout, seed=recipe.seed)
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
        metrics, judgement = _judge_held_out(folder.path / "model", held, problems, recipe, console)
        write_any_card(
            folder.path / "model",
            recipe,
            told=f"{trained.examples:,} graded solutions of {trained.problems:,} problems, half of them right",
            numbers=[(f"{metric.name} (n = {metric.n:,})", _plain(metric)) for metric in metrics],
            closing=f"On the problems held out. {judgement} `value_head.json` says how the head is read.",
        )
        counts = trained.model_dump(exclude={"loss", "seconds"})
        folder.finish("finished", counts=counts, metrics=metrics)
    return folder.path


def run_value(order: Invocation, console: Console) -> Path:
    """`slipstick value RUN`: scores a run's solutions, into a run of its own, and chooses among them by score."""
    recipe, text, order = _value_order(order)
    source = RunFolder(recipe.run)
    inputs = [source.path / "solutions.jsonl", Path(recipe.value_model) / "value_head.safetensors"]
    with running(order, "value", recipe, console, text=text, inputs=inputs) as folder:
        problems = list(source.problems())[: recipe.limit]
        known = {problem.id: problem for problem in problems}
        solutions = [solution for solution in source.solutions() if solution.problem_id in known]
        _require_verdicts(solutions, [recipe.run])
        folder.write_problems(problems)
        done = folder.index()
        waiting = [solution for solution in solutions if solution.id not in done]
        _score_into(folder, waiting, known, recipe, console)
        folder.rearrange(solution.id for solution in solutions)
        scored = list(folder.solutions())
        found = list(_rerank_all(problems, scored))
        ks = sorted({*recipe.ks, *(each.k for each, _ in found)} - {1})
        metrics = summarize(problems, scored, ks=ks, same=_same)
        metrics += [metric for each, _ in found for metric in _named(each)]
        folder.finish("finished", counts=count(problems, scored), metrics=metrics)
        console.print(metrics_table(metrics))
        for each, rows in found:
            _show(each, rows, console)
        console.print(f"solutions with values: {folder.path / 'solutions.jsonl'}", highlight=False, soft_wrap=True)
    return folder.path


def _value_order(order: Invocation) -> tuple[ValueRecipe, str, Invocation]:
    """Settings, recipe text, and the order with the folder to write to, for a recipe or a run's folder."""
    if not (Path(order.target) / "run.json").is_file():
        return *load_order(order, ValueRecipe), order
    overrides = order.overrides + ([f"limit={order.limit}"] if order.limit else [])
    recipe = check_settings({"run": order.target}, ValueRecipe, overrides=overrides)
    source = Path(order.target)
    out = order.out or source.with_name(f"{source.name}-valued")
    return recipe, "", Invocation(order.target, order.overrides, order.limit, out, order.resume, order.overwrite)


def _score_into(
    folder: RunFolder, solutions: Sequence[Solution], known: dict[str, Problem], recipe: ValueRecipe, console: Console
) -> None:
    from slipstick.value import open_value_model, score

    scorer = open_value_model(Path(recipe.value_model), device=recipe.device)
    with progress("scoring", len(solutions), "solutions", console=console) as advance:
        scored = score(solutions, known, with_model=scorer, batch_tokens=recipe.batch_tokens)
        for number, solution in enumerate(scored, start=1):
            folder.append(solution)
            advance(number)


def _judge_held_out(
    model: Path, held: Sequence[Solution], problems: dict[str, Problem], recipe: TrainValueRecipe, console: Console
) -> tuple[list[Metric], str]:
    """Scores the held-out problems' samples and says how good the values are, in numbers and in words."""
    from slipstick.value import open_value_model, score

    if not held:
        said = "No problem was held out (holdout), so nothing says how good the values are."
        console.print(said)
        return [], said
    scored = list(score(held, problems, with_model=open_value_model(model, device=recipe.device)))
    known = [problems[name] for name in dict.fromkeys(solution.problem_id for solution in scored)]
    console.print(f"on {len(known):,} problems that were held out:", highlight=False)
    metrics, sentences = [], []
    for each, rows in _rerank_all(known, scored):
        if not each.group:
            metrics += _named(each)
            sentences.append(f"{each.format}: {say(each)}")
            _show(each, rows, console)
    return metrics, " ".join(sentences)


def _rerank_all(
    problems: Sequence[Problem], solutions: Sequence[Solution]
) -> Iterator[tuple[Reranked, list[Solution]]]:
    """For every format, over all problems and over every split: what choosing by value does, and to which solutions."""
    groups = {"": [problem.id for problem in problems], **group_problems(problems).sets}
    for format in order_formats({solution.format for solution in solutions}):
        for group, members in groups.items():
            ids = set(members)
            rows = [solution for solution in solutions if solution.format == format and solution.problem_id in ids]
            if rows:
                yield rerank(rows, same=_same, format=format, group=group), rows


def _named(found: Reranked) -> list[Metric]:
    place = f"{found.format}/{found.group}" if found.group else found.format
    metrics = (found.auc, found.brier, found.ece)
    return [metric.model_copy(update={"name": f"{metric.name}/{place}"}) for metric in metrics]


def _show(found: Reranked, solutions: Sequence[Solution], console: Console) -> None:
    """Numbers of one group, its reliability table where it is all problems, and what follows in words."""
    title = f"{found.format}, {found.group or 'all problems'}, {samples_a_problem(found)}"
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    for name in (f"maj@{found.k}", f"best@{found.k}", f"weighted@{found.k}", "AUC within problems", "Brier", "ECE"):
        table.add_column(name, justify="right")
    shares = (found.majority, found.best, found.weighted, found.auc)
    cells = [_percent(metric) for metric in shares] + [_plain(metric) for metric in (found.brier, found.ece)]
    table.add_row(*cells)
    console.print(table)
    if not found.group:
        console.print(_reliability_table(reliability(solutions)))
    console.print(Text(say(found)), soft_wrap=True)


def _reliability_table(rows: Sequence[Bin]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("value", "solutions", "mean value", "correct, %"):
        table.add_column(name, justify="right")
    for row in rows:
        cells = (f"{row.low:.1f}-{row.high:.1f}", f"{row.n:,}", f"{row.value:.3f}", _percent(row.correct))
        table.add_row(*cells)
    return table


def _percent(metric: Metric) -> str:
    return f"{100 * metric.value:.1f} ({100 * metric.low:.1f}-{100 * metric.high:.1f})"


def _plain(metric: Metric) -> str:
    return f"{metric.value:.3f} ({metric.low:.3f}-{metric.high:.3f})"


def _require_verdicts(solutions: Sequence[Solution], places: Sequence[str]) -> None:
    where = ", ".join(places)
    if not solutions:
        raise InputError(f"{where} has no solutions")
    missing = next((solution.id for solution in solutions if solution.verdict is None), None)
    if missing:
        raise UserError(f"{where}: solution {missing} has no verdict; grade the run first (slipstick grade RUN)")


def _same(first: str, second: str) -> bool:
    return compare(first, second).outcome == "correct"
