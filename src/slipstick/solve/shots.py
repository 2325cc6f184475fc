"""Demonstrations for few-shot prompts: from a dataset's worked solutions, or from the correct solutions of a run."""

import logging
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from slipstick.errors import RecipeError
from slipstick.formats import Demonstration, Format, join, render, without_spelling
from slipstick.problems import load_problems
from slipstick.problems.option_columns import FieldMap
from slipstick.schema import Problem
from slipstick.solve.settings import SolveSettings
from slipstick.store import RunFolder, is_run
from slipstick.tabular import read_rows

_LOGGER = logging.getLogger(__name__)
USUAL = 5
"""Demonstrations if a recipe names their source alone."""
_ANNOTATION = re.compile(r"<<[^<>]*>>")


def with_shots(
    format: Format,
    settings: SolveSettings,
    *,
    problems_dir: Path | None = None,
    field_map: FieldMap | None = None,
) -> Format:
    """The format with demonstrations from `shots_from`, the same ones for the same seed.

    It has one more than a prompt shows, for the problem that is itself one of them. Raises RecipeError if the source
    has too few in this format, and what reading it raises.
    """
    source, wanted = settings.shots_from or "", USUAL if settings.num_fewshot is None else settings.num_fewshot
    from_run = is_run(source)
    if from_run:
        found = _of_run(format, RunFolder(source))
    else:
        mapped = _keys_of(source, field_map or {})
        found = _of_problems(format, load_problems(source, problems_dir=problems_dir, field_map=mapped))
    pool = list({without_spelling(example.question): example for example in found}.values())
    if len(pool) < wanted:
        raise RecipeError("shots_from", [_too_few(format, source, len(pool), wanted, from_run=from_run)])
    if len(pool) == wanted:
        _LOGGER.warning(
            "shots_from = %r has just the %s demonstrations of a prompt: a problem that is one of them gets one less",
            source,
            wanted,
        )
    chosen = random.Random(f"{settings.seed}/shots").sample(pool, min(wanted + 1, len(pool)))
    return format.model_copy(update={"demonstrations": chosen, "num_fewshot": wanted})


def _too_few(format: Format, source: str, found: int, wanted: int, *, from_run: bool) -> str:
    what = f"correct solutions in format `{format.name}`" if from_run else "worked solutions"
    line = f"shots_from = {source!r} has {found} {what}, num_fewshot = {wanted} are wanted"
    if not from_run and format.executes != "never":
        return (
            f"{line}: `{format.name}` runs code, which worked solutions in words have not; name a run folder with "
            f"correct solutions in `{format.name}` (of `slipstick evaluate` or `synthesize`)"
        )
    return f"{line}: set num_fewshot to {found} or less, or name another source" if found else f"{line}: name another"


def _of_run(format: Format, folder: RunFolder) -> Iterator[Demonstration]:
    problems = {problem.id: problem for problem in folder.problems()}
    for solution in folder.solutions():
        correct = solution.verdict is not None and solution.verdict.outcome == "correct"
        if correct and solution.format == format.name and solution.finish == "stop":
            text = join(render(format, solution.blocks))
            yield Demonstration(question=problems[solution.problem_id].text, response=text)


def _keys_of(source: str, field_map: FieldMap) -> FieldMap:
    """The mapping of the run's own files, as far as a file of demonstrations has its keys."""
    row = next(read_rows(Path(source)), None) if field_map and Path(source).is_file() else None
    firsts = {field: key if isinstance(key, str) else key[0] for field, key in field_map.items() if key}
    return {field: field_map[field] for field, key in firsts.items() if row and key.partition(".")[0] in row.values}


def _of_problems(format: Format, problems: Iterable[Problem]) -> Iterator[Demonstration]:
    if format.executes != "never":
        return
    for problem in problems:
        if problem.answer is not None and (problem.rationale or problem.kind == "choice"):
            yield Demonstration(question=problem.text, response=_worked(format, problem))


def _worked(format: Format, problem: Problem) -> str:
    """A worked solution as a response: without GSM8K's annotations, with the format's last line; of a choice problem
    without one that line alone."""
    answer = problem.answer[0] if isinstance(problem.answer, list) else str(problem.answer)
    words = _ANNOTATION.sub("", problem.rationale or "").partition("\n####")[0].strip()
    if "\\boxed" in words and format.answer_line == Format.model_fields["answer_line"].default:
        return words
    line = format.answer_line.replace("{answer}", answer)
    return words if words.endswith(line) else f"{words}\n{line}".strip()
