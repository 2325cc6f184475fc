"""`slipstick train`: verified solutions, or raw text -> weights."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from rich.console import Console

from slipstick.commands import Invocation, load_order, running
from slipstick.commands.memory import check_memory
from slipstick.errors import InputError, RecipeError, did_you_mean
from slipstick.problems import load_problems
from slipstick.progress import Advance, progress
from slipstick.recipe import find_recipe
from slipstick.schema import Problem, Solution
from slipstick.store import RunFolder
from slipstick.tabular import read_rows
from slipstick.train.settings import TrainSettings

_STAGES = ("sft", "cpt", "value", "grpo")


class TrainRecipe(TrainSettings):
    """What `slipstick train` can be told."""

    data: Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)] = Field(
        min_length=1
    )
    """Run folders whose correct solutions are learnt from; for stage "cpt" files of raw text or problem sources."""
    text_field: str = "text"
    """Key of the text in JSONL files of raw text."""
    limit: int | None = Field(default=None, ge=1)
    """Take only the first so many solutions or texts."""


def run_train(order: Invocation, console: Console) -> Path:
    """`slipstick train`: correct solutions or raw text -> a Hugging Face folder, `model` in the run folder."""
    stage = _stage(order)
    if stage == "value":
        from slipstick.commands.train_value import run_train_value

        return run_train_value(order, console)
    if stage == "grpo":
        from slipstick.commands.grpo import run_grpo

        return run_grpo(order, console)
    if stage not in _STAGES:
        raise RecipeError(
            order.target, [f"stage = {stage!r} is not known{did_you_mean(stage, _STAGES)}; known: {', '.join(_STAGES)}"]
        )
    from slipstick.train import NO_PART, train, train_on_texts

    recipe, text = load_order(order, TrainRecipe)
    check_memory(recipe)
    inputs = input_files(recipe)
    with running(order, "train", recipe, console, text=text, inputs=inputs, may_change=NO_PART) as folder:
        out = folder.path / "model"
        with _shown(console) as show:
            if recipe.stage == "cpt":
                trained = train_on_texts(take_texts(recipe), settings=recipe, out=out, progress=show)
            else:
                trained = train(take_pairs(recipe), settings=recipe, out=out, progress=show)
        counts = trained.model_dump(exclude={"loss", "seconds"})
        folder.finish("finished", counts=counts, metrics=[])
    left_out = f", {trained.too_long:,} examples too long" if trained.too_long else ""
    left_out += f", {trained.unlabelled:,} with nothing to learn" if trained.unlabelled else ""
    console.print(
        f"{trained.parameters:,} parameters, {trained.steps:,} steps, {trained.tokens:,} tokens{left_out} in "
        f"{trained.seconds:,.0f} s; {folder.path / 'model'}",
        highlight=False,
        soft_wrap=True,
    )
    return folder.path


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


def _stage(order: Invocation) -> str:
    """The stage a recipe names, which decides what else it can say; mistakes are left to whoever loads it."""
    said = [item.partition("=")[2].strip() for item in order.overrides if item.startswith("stage=")]
    if said:
        return said[-1]
    try:
        return str(tomllib.loads(find_recipe(order.target).read_text("utf-8")).get("stage", "sft"))
    except tomllib.TOMLDecodeError:
        return "sft"


def take_pairs(recipe: TrainRecipe) -> Iterator[tuple[Solution, Problem]]:
    """The correct solutions of the runs a recipe names, with their problems, one by one."""
    return islice(chain.from_iterable(_pairs(source) for source in recipe.data), recipe.limit)


def take_texts(recipe: TrainRecipe) -> Iterator[str]:
    """The raw texts a recipe names, one by one: files of text, JSONL, or problems with their reference solutions."""
    return islice(chain.from_iterable(_texts(source, recipe.text_field) for source in recipe.data), recipe.limit)


def input_files(recipe: TrainRecipe) -> Sequence[Path]:
    """What a training run reads."""
    sources = [Path(source) for source in recipe.data]
    return [source / "solutions.jsonl" if source.is_dir() else source for source in sources]


def _pairs(source: str) -> Iterator[tuple[Solution, Problem]]:
    run = RunFolder(source)
    problems = {problem.id: problem for problem in run.problems()}
    for solution in run.solutions():
        if solution.verdict and solution.verdict.outcome == "correct":
            if solution.problem_id not in problems:
                raise InputError(f"{run.path}: solution {solution.id} answers a problem that problems.jsonl has not")
            yield solution, problems[solution.problem_id]


def _texts(source: str, field: str) -> Iterator[str]:
    path = Path(source)
    if not path.suffix:
        problems = load_problems(source)
        yield from ("\n".join(filter(None, (problem.text, problem.rationale))) for problem in problems)
    elif ".json" in path.name:
        for row in read_rows(path):
            text = row.values.get(field)
            if not isinstance(text, str):
                keys = ", ".join(row.values)
                raise InputError(f"{row.where} has no text in `{field}`; set text_field to one of its keys: {keys}")
            yield text
    else:
        try:
            yield path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"data = {source!r} cannot be read as text: {error}") from error
