"""`slipstick synthesize` with method = "rejection": attempts until enough are correct."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.teacher import run_teaching
from slipstick.commands.teaching import TeachingRecipe
from slipstick.errors import InputError
from slipstick.formats import FormatNames
from slipstick.problems.settings import sound_problems
from slipstick.schema import Problem, Solution
from slipstick.synthesize.rejection import RejectionSettings, refuse_without_gold, take_enough, until_correct
from slipstick.synthesize.selection import Method, TeacherInput
from slipstick.synthesize.teacher import Selection


class RejectionRecipe(TeachingRecipe, RejectionSettings):
    """Settings of `slipstick synthesize` with `method = "rejection"`."""

    method: Literal["rejection"] = "rejection"
    """Attempts until enough are correct, more of them if a problem is hard."""
    formats: FormatNames = Field(min_length=1)
    """Formats to write in."""
    temperature: float = Field(default=0.7, ge=0, le=100)
    """The same for all attempts."""

    @model_validator(mode="after")
    def _counts_correct_ones(self) -> RejectionRecipe:
        if self.sampling_schedule or "num_samples" in self.model_fields_set:
            raise ValueError(
                "num_samples, sampling_schedule: rejection samples until `num_correct` are correct, at most "
                "`max_attempts`; remove them"
            )
        return self


def run_rejection(invocation: Invocation, recipe: RejectionRecipe, text: str, console: Console) -> Path:
    """Attempts until enough are correct, more of them if a problem is hard."""
    problems, corrupt = sound_problems(recipe)
    known = [problem for problem in problems if problem.answer is not None]
    if not known:
        raise InputError(
            f'problems = {recipe.problems}: no gold, so no attempt can be graded; method = "teacher" decides by '
            "agreement instead"
        )

    def review(problem: Problem, attempts: Sequence[Solution]) -> Selection:
        found = recipe.review(problem, attempts)
        taken, surplus = take_enough(recipe, found.kept, attempts)
        return found._replace(kept=taken, dropped=[*found.dropped, *surplus])

    method = Method(until_correct(recipe, temperature=recipe.temperature), recipe.max_attempts, review)
    asked = TeacherInput(known, refused=[*corrupt, *refuse_without_gold(problems)])
    return run_teaching(invocation, recipe, text, asked, method, console=console)
