"""The methods of `slipstick synthesize` that ask a model: teacher and rejection; questioning.py has the other two."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from rich.console import Console

from slipstick.commands import Invocation, load_order, running, sound_problems
from slipstick.commands.attempting import (
    ATTEMPTS,
    AskRecipe,
    Method,
    TeacherInput,
    at_work,
    by_problem,
    inputs_of,
    review_by,
    say_estimate,
    teach,
)
from slipstick.commands.drawing import MAY_CHANGE
from slipstick.commands.questioning import run_augment, run_self_instruct
from slipstick.errors import InputError
from slipstick.models import Model, open_model
from slipstick.schema import Drop, Problem, Solution
from slipstick.solve.estimate import choose
from slipstick.store import RunFolder
from slipstick.synthesize.rejection import RejectionSettings, take_enough, until_correct
from slipstick.synthesize.teacher import Selection, scheduled, sort_out

__all__ = ["run_augment", "run_rejection", "run_self_instruct", "run_teacher"]


class TeacherRecipe(AskRecipe):
    """What `slipstick synthesize` can be told with `method = "teacher"`."""

    method: Literal["teacher"] = "teacher"
    formats: list[str] = Field(min_length=1)
    """Formats to write in."""
    stop_after_correct: int | None = Field(default=None, ge=1)
    """A problem that has so many correct attempts in a format is not drawn any more; None draws all."""


class RejectionRecipe(AskRecipe, RejectionSettings):
    """What `slipstick synthesize` can be told with `method = "rejection"`."""

    method: Literal["rejection"] = "rejection"
    formats: list[str] = Field(min_length=1)
    """Formats to write in."""
    temperature: float = Field(default=0.7, ge=0)
    """The same for all attempts."""

    @model_validator(mode="after")
    def _counts_correct_ones(self) -> RejectionRecipe:
        if self.sampling_schedule or "num_samples" in self.model_fields_set:
            raise ValueError(
                "num_samples, sampling_schedule: rejection samples until `num_correct` are correct, at most "
                "`max_attempts`; remove them"
            )
        return self


def run_teacher(order: Invocation, console: Console) -> Path:
    """`method = "teacher"`: a model's attempts by a schedule; the correct ones are kept."""
    recipe, text = load_order(order, TeacherRecipe)
    plan = scheduled(recipe.schedule(), stop_after_correct=recipe.stop_after_correct)
    method = Method(plan, sum(draw.num_samples for draw in recipe.schedule()), review_by(recipe))
    problems, corrupt = sound_problems(recipe)
    return _run(order, recipe, text, TeacherInput(problems, refused=corrupt), method, console)


def run_rejection(order: Invocation, console: Console) -> Path:
    """`method = "rejection"`: attempts until enough are correct, more of them where a problem is hard."""
    recipe, text = load_order(order, RejectionRecipe)
    problems, corrupt = sound_problems(recipe)
    known = [problem for problem in problems if problem.answer is not None]
    refused = [
        Drop(
            row=problem.model_dump(mode="json"),
            rule="no gold",
            reason="nothing tells a correct attempt from a wrong one",
        )
        for problem in problems
        if problem.answer is None
    ]
    if not known:
        raise InputError(
            f'problems = {recipe.problems}: none has a gold, so no attempt can be rejected; method = "teacher" goes by '
            "agreement instead"
        )

    def review(problem: Problem, attempts: Sequence[Solution]) -> Selection:
        found = sort_out(problem, attempts, min_votes=recipe.min_votes)
        taken, surplus = take_enough(recipe, found.kept, attempts)
        return found._replace(kept=taken, dropped=[*found.dropped, *surplus])

    plan = until_correct(recipe, temperature=recipe.temperature)
    method = Method(plan, recipe.max_attempts, review)
    return _run(order, recipe, text, TeacherInput(known, refused=[*corrupt, *refused]), method, console)


def _run(
    order: Invocation, recipe: AskRecipe, text: str, asked: TeacherInput, method: Method, console: Console
) -> Path:
    model, inputs = open_model(recipe.model, recipe), inputs_of(recipe)
    with running(
        order, "synthesize", recipe, console, text=text, inputs=inputs, files=[ATTEMPTS], may_change=MAY_CHANGE
    ) as folder:
        finished = asyncio.run(_draw(folder, model, recipe, asked, method, console))
        sorted_out = finished and not recipe.estimate
        counts = {"problems": len(asked.problems), "solutions": len(folder.index())}
        folder.finish(
            "finished" if sorted_out else "stopped", counts=folder.run().counts if sorted_out else counts, metrics=[]
        )
    console.print(f"{folder.path}", highlight=False, soft_wrap=True)
    return folder.path


async def _draw(
    folder: RunFolder, model: Model, recipe: AskRecipe, asked: TeacherInput, method: Method, console: Console
) -> bool:
    """Draws what is asked for, or for an estimate a few of it; False where a budget ended it."""
    began, total = time.monotonic(), len(asked.problems)
    if recipe.estimate:
        asked = asked._replace(problems=list(choose(asked.problems, total, seed=recipe.seed)))
    async with at_work(recipe, model) as interpreter:
        finished = await teach(folder, asked, recipe, method, model=model, interpreter=interpreter, console=console)
    if finished and recipe.estimate:
        index, ids = folder.index(), by_problem(folder)
        drawn = {problem.id: [index[key] for key in ids.get(problem.id, [])] for problem in asked.problems}
        rows = {problem.id: len(method.review(problem, drawn[problem.id]).kept) for problem in asked.problems}
        seconds = time.monotonic() - began
        say_estimate(drawn, total, recipe, unit="problems", rows=rows, seconds=seconds, console=console)
    return finished
