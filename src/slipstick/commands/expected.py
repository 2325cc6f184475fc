"""What a source will take, before a model is asked: rows at most, tokens, money; what is not known is None."""

from __future__ import annotations

from typing import NamedTuple

from slipstick.commands.augment import AugmentRecipe
from slipstick.commands.questions import QuestionRecipe
from slipstick.commands.rejection import RejectionRecipe
from slipstick.commands.self_instruct import SelfInstructRecipe
from slipstick.commands.teacher import TeacherRecipe
from slipstick.commands.teaching import TeachingRecipe, load_formats
from slipstick.commands.writer import SynthesizeRecipe, writer_of
from slipstick.formats import load_format
from slipstick.models.openai.prices import OFFICIAL, find_price
from slipstick.problems.catalogue import datasets
from slipstick.problems.catalogue.local import local_files
from slipstick.problems.catalogue.selection import select
from slipstick.problems.settings import WRITTEN, each_problem
from slipstick.schema import Problem
from slipstick.synthesize import choose_formats
from slipstick.synthesize.estimate import prompt_tokens

Recipe = SynthesizeRecipe | TeachingRecipe
SOLUTION, QUESTION = 250, 60
"""Tokens that a solution and a question are assumed to have."""
_UNSEEN = Problem(id="", text="x" * 300)
"""Stands for the problems of a source that is not here."""


class Expected(NamedTuple):
    """What is expected of a source."""

    problems: int | None
    """Its problems."""
    rows: int | None
    """Solutions at most."""
    read: int | None
    """Tokens of the first prompts."""
    written: int | None
    """Tokens that are written."""
    cost: float | None
    """US dollars."""


class SourcePlan(NamedTuple):
    """A source of a part."""

    source: str
    """As the recipe names it."""
    licence: str
    """As the catalogue states it; "" for what is not in it."""
    found: str
    """Where its problems are: "here", "the Hub", "to fetch", or "written"."""
    expected: Expected
    """What it takes."""


def plan_sources(recipe: Recipe) -> list[SourcePlan]:
    """The sources of a recipe, without those it leaves out."""
    if isinstance(recipe, SelfInstructRecipe):
        questions = recipe.questions * len(recipe.topics)
        asked = SourcePlan(WRITTEN, "", "written", _asked(recipe, [_UNSEEN], questions))
        return [] if recipe.left_out() else [asked]
    planned = []
    for source in recipe.sources():
        found, problems, count = _look(recipe, source)
        args = (problems, count)
        expected = _asked(recipe, *args) if isinstance(recipe, TeachingRecipe) else _read(recipe, *args)
        planned.append(SourcePlan(source, licence_of(source), found, expected))
    return planned


def licence_of(source: str) -> str:
    """What the catalogue states of a source."""
    name = source.partition(":")[0]
    return datasets()[name].licence if name in datasets() else ""


def _look(recipe: Recipe, source: str) -> tuple[str, list[Problem], int | None]:
    """Where a source's problems are, those that are here, and how many there are in all."""
    dataset = datasets().get(source.partition(":")[0])
    if dataset is None or local_files(source, problems_dir=recipe.problems_dir):
        here = recipe.model_copy(update={"problems": [source], "leave_out": [], "label_corrections": []})
        problems = list(each_problem(here, on_bad=lambda where, what: None, on_notice=lambda line: None))
        return "here", problems, len(problems)
    chosen = select(source)
    whole = dataset.splits.get(chosen.split.part_of or "")
    known = [each for each in (chosen.split.rows or (whole and whole.rows), chosen.n, recipe.limit) if each]
    return "the Hub" if dataset.hub else "to fetch", [], min(known, default=None)


def _read(recipe: SynthesizeRecipe, problems: list[Problem], count: int | None) -> Expected:
    """Without a model."""
    formats, writer = [load_format(name) for name in recipe.formats], writer_of(recipe.method)
    suited = [choose_formats(each, formats, shares=recipe.shares, writer=writer) for each in problems]
    each = 1 if recipe.method == "released" else len(formats)
    rows = sum(map(len, suited)) if suited else None if count is None else count * each
    return Expected(count, rows, 0, 0, 0.0)


def _asked(recipe: TeachingRecipe, problems: list[Problem], count: int | None) -> Expected:
    """By a model. Each request for questions is taken to read QUESTION tokens for each that it brings."""
    if count is None:
        return Expected(None, None, None, None, None)
    new = count * recipe.variants * len(recipe.kinds) if isinstance(recipe, AugmentRecipe) else count
    formats = load_formats(recipe)
    most = kept = sum(step.num_samples for step in recipe.schedule())
    if isinstance(recipe, RejectionRecipe):
        most, kept = recipe.max_attempts, recipe.num_correct
    elif isinstance(recipe, TeacherRecipe) and recipe.stop_after_correct:
        kept = min(most, recipe.stop_after_correct)
    asks = new * len(formats) * most
    questions = new if isinstance(recipe, QuestionRecipe) and recipe.model else 0  # `augment` may need no model
    read = questions * QUESTION + (round(asks * prompt_tokens(problems or [_UNSEEN], formats)) if formats else 0)
    written = asks * SOLUTION + questions * QUESTION
    server = recipe.base_url[0] if recipe.base_url else OFFICIAL
    price = find_price(recipe.model.removeprefix("openai:"), server, recipe)
    cost = price.cost(prompt=read, cached=0, completion=written) if price else None
    return Expected(count, new * len(formats) * kept if formats else new, read, written, cost)
