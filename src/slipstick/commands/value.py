"""`slipstick value`: scores a finished run's solutions by a value model and chooses among them by score."""

from dataclasses import replace
from pathlib import Path

from pydantic import Field
from rich.console import Console

from slipstick.commands import Invocation, count, load_settings
from slipstick.commands.running import running
from slipstick.formats.recorded import copy_formats, formats_of
from slipstick.metrics import summarize
from slipstick.metrics.groups import first_of_each
from slipstick.models import Device
from slipstick.progress import progress
from slipstick.recipe import check_settings
from slipstick.report import metrics_table
from slipstick.schema import Record
from slipstick.store import RunFolder, is_run
from slipstick.value import open_value_model, score
from slipstick.value.display import print_reranking
from slipstick.value.reranking import require_verdicts, rerank_groups, same_answer


class ScoringSettings(Record):
    """Settings of `slipstick value`."""

    run: str
    """Run folder whose solutions are scored."""
    value_model: str
    """Folder of the value model: what `slipstick train` with stage = "value" wrote to `model`."""
    device: Device = "auto"
    """"cpu", "cuda" or "auto"."""
    batch_tokens: int = Field(default=8192, gt=0)
    """Most tokens that are scored together, padding included."""
    ks: list[int] = Field(default_factory=list)
    """k for maj@k, best@k and weighted@k, in addition to the number of samples."""
    limit: int | None = Field(default=None, ge=1)
    """Use only the first `limit` problems of each set."""


def run_value(invocation: Invocation, console: Console) -> Path:
    """`slipstick value RUN`: scores a run's solutions, writes them to a new run, and chooses among them by score."""
    recipe, text, invocation = _load(invocation)
    source = RunFolder(recipe.run)
    inputs = [source.path / "solutions.jsonl", Path(recipe.value_model) / "value_head.safetensors"]
    with running(invocation, "value", recipe, console, text=text, inputs=inputs) as folder:
        problems = list(first_of_each(source.problems(), recipe.limit))
        by_id = {problem.id: problem for problem in problems}
        solutions = [solution for solution in source.solutions() if solution.problem_id in by_id]
        require_verdicts(solutions, [recipe.run])
        folder.write_problems(problems)
        copy_formats(folder, [source.path])
        done, load = folder.index(), formats_of([source.path])
        waiting = [solution for solution in solutions if solution.id not in done]
        scorer = open_value_model(Path(recipe.value_model), device=recipe.device)
        with progress("scoring", len(waiting), "solutions", console=console) as advance:
            scores = score(waiting, by_id, with_model=scorer, batch_tokens=recipe.batch_tokens, load=load)
            for number, solution in enumerate(scores, start=1):
                folder.append(solution)
                advance(number)
        folder.rearrange(solution.id for solution in solutions)
        scored = list(folder.solutions())
        reranked = list(rerank_groups(problems, scored))
        ks = sorted({*recipe.ks, *(result.k for result, _ in reranked)} - {1})
        metrics = summarize(problems, scored, ks=ks, same=same_answer)
        metrics += [metric for result, _ in reranked for metric in result.named_metrics()]
        folder.finish("finished", counts=count(problems, scored), metrics=metrics)
        console.print(metrics_table(metrics))
        for result, rows in reranked:
            print_reranking(result, rows, console)
        console.print(f"solutions with values: {folder.path / 'solutions.jsonl'}", highlight=False, soft_wrap=True)
    return folder.path


def _load(invocation: Invocation) -> tuple[ScoringSettings, str, Invocation]:
    """Settings, recipe text, and the order with the folder to write to, for a recipe or a run's folder."""
    source = Path(invocation.target)
    if not is_run(source):
        return *load_settings(invocation, ScoringSettings), invocation
    recipe = check_settings({"run": invocation.target}, ScoringSettings, overrides=invocation.changes)
    return recipe, "", replace(invocation, out=invocation.out or source.with_name(f"{source.name}-valued"))
