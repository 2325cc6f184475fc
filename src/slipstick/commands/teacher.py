"""`slipstick synthesize` with method = "teacher": a model's attempts by a schedule; the correct ones are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from rich.console import Console

from slipstick.commands import Invocation, sound_problems
from slipstick.commands.teaching import TeachingRecipe, run_teaching
from slipstick.models import Model
from slipstick.synthesize.selection import TeacherInput


class TeacherRecipe(TeachingRecipe):
    """Settings of `slipstick synthesize` with `method = "teacher"`."""

    method: Literal["teacher"] = "teacher"
    """A model's attempts by a schedule."""
    formats: list[str] = Field(min_length=1)
    """Formats to write in."""
    stop_after_correct: int | None = Field(default=None, ge=1)
    """Stop sampling a problem in a format once it has so many correct attempts; None takes all."""


def run_teacher(order: Invocation, recipe: TeacherRecipe, text: str, console: Console, model: Model | None) -> Path:
    """A model's attempts by a schedule; the correct ones are kept. model: in place of the recipe's."""
    problems, corrupt = sound_problems(recipe)
    method = recipe.sampling(stop_after_correct=recipe.stop_after_correct)
    asked = TeacherInput(problems, refused=corrupt)
    return run_teaching(order, recipe, text, asked, method, console=console, model=model)
