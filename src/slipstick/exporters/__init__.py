"""Writes the correct solutions of a run, or its problems, in the shapes that other tools train on.

A solution that broke off is in no shape that is trained on: a trainer would put the end of a turn behind it.

    shapes          a function from one solution, its problem and its format to one row, for each shape
    files           the rows as JSON, JSON lines or Parquet
    lm_eval         a graded run as lm-evaluation-harness writes its own
    tasks/          problems as tasks of other tools

`SHAPES` says which rows a shape has and what reads them. Every row has the `id` of its solution or problem.
"""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from slipstick.encode.encoding import has_ended
from slipstick.errors import InputError, did_you_mean
from slipstick.exporters import shapes
from slipstick.exporters.files import write_json, write_jsonl, write_parquet
from slipstick.formats import Format
from slipstick.formats.recorded import formats_of
from slipstick.schema import ImportedPrompt, Problem, Solution
from slipstick.store import RunFolder
from slipstick.trainable import split_of, splits_of, trainable

Prompts = Literal["own", "format", "plain"]
_WRITERS = {"json": write_json, "jsonl": write_jsonl, "parquet": write_parquet}


class Shape(NamedTuple):
    """One kind of training file."""

    of: Literal["solutions", "problems", "outcomes"]
    """What a row is made of: a correct solution that ended by itself, a problem with a gold, a solution graded correct
    or incorrect."""
    file: Literal["json", "jsonl", "parquet"]
    """The kind of file, and its ending."""
    row: Callable[[Solution, Problem, Format], dict[str, Any]]
    """Makes a row; for problems the solution is an empty one."""
    reader: str
    """What reads it."""


SHAPES: dict[str, Shape] = {
    "alpaca": Shape("solutions", "json", shapes.alpaca, "MathInstruct's columns: LLaMA-Factory, axolotl"),
    "sharegpt": Shape("solutions", "json", shapes.sharegpt, "ShareGPT with tools: LLaMA-Factory"),
    "messages": Shape("solutions", "jsonl", shapes.messages, "chat messages with tools: TRL, verl's SFT, OpenAI"),
    "prompt_completion": Shape("solutions", "jsonl", shapes.prompt_completion, "TRL"),
    "segments": Shape("solutions", "jsonl", shapes.segments, "axolotl's input_output: an explicit mask"),
    "records": Shape("solutions", "parquet", shapes.records, "our own records, one column a field"),
    "trl_rl": Shape("problems", "parquet", shapes.trl_rl, "TRL's GRPO with slipstick.rewards.trl"),
    "verl_rl": Shape("problems", "parquet", shapes.verl_rl, "verl's RL with slipstick.rewards.verl"),
    "outcomes": Shape("outcomes", "jsonl", shapes.outcomes, "outcome value models: question, solution, 0 or 1"),
}


def export(folder: RunFolder, shape: str, out: Path, *, prompts: Prompts = "own") -> dict[str, int]:
    """Writes a run in one shape, a file for each split of its problems, and gives path -> rows.

    prompts: how dialogues ask: as those did that were imported, else as the format does; all as the format; or with the
    question alone. A file is named SHAPE.json, or SHAPE-SPLIT.json if the run's problems are divided.
    Raises InputError for an unknown shape and if the run has no row for it, PluginError for an unknown format.
    """
    if shape not in SHAPES:
        raise InputError(f"there is no shape `{shape}`{did_you_mean(shape, SHAPES)}; known: {', '.join(SHAPES)}")
    chosen = SHAPES[shape]
    problems = {problem.id: problem for problem in folder.problems()}
    out.mkdir(parents=True, exist_ok=True)
    written = {}
    for split in splits_of(folder) or [""]:
        inside = {name for name, problem in problems.items() if split in ("", split_of(problem))}
        path = out / f"{'-'.join(part for part in (shape, split) if part)}.{chosen.file}"
        fitting = (row for row in _fitting(folder, problems, chosen.of, prompts) if row[1].id in inside)
        if rows := _WRITERS[chosen.file](path, (chosen.row(*row) for row in fitting)):
            written[path.name] = rows
    if not written:
        raise InputError(f"{folder.path} has no rows for the shape `{shape}`: it needs {_WANTED[chosen.of]}")
    return written


def count_broken_off(folder: RunFolder) -> int:
    """The correct solutions that no shape of solutions has, because they broke off."""
    return sum(not has_ended(solution) for solution in trainable(folder))


def count_own_prompts(folder: RunFolder) -> int:
    """The exported solutions whose imported dialogues say how they ask."""
    return sum(has_ended(solution) and solution.imported_prompt is not None for solution in trainable(folder))


_WANTED = {
    "solutions": "solutions that were graded correct and did not break off, or came without a gold",
    "problems": "problems with a gold",
    "outcomes": "solutions that were graded correct or incorrect",
}


def _decided(folder: RunFolder) -> Iterator[Solution]:
    for solution in folder.solutions():
        if solution.verdict and solution.verdict.outcome in ("correct", "incorrect"):
            yield solution


def _fitting(
    folder: RunFolder, problems: dict[str, Problem], of: str, prompts: Prompts
) -> Iterator[tuple[Solution, Problem, Format]]:
    load = functools.cache(formats_of([folder.path]))
    if of == "problems":
        for problem in problems.values():
            if problem.answer is not None:
                yield Solution(id=problem.id, problem_id=problem.id, format="cot", blocks=[]), problem, load("cot")
        return
    whole = (solution for solution in trainable(folder) if has_ended(solution))
    for solution in whole if of == "solutions" else _decided(folder):
        name = shapes.written_format(solution)
        prompt = solution.imported_prompt if prompts == "own" else ImportedPrompt() if prompts == "plain" else None
        asking = solution.model_copy(update={"format": name, "imported_prompt": prompt})
        yield asking, problems[solution.problem_id], load(name)
