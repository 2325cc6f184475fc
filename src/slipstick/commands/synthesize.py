"""`slipstick synthesize`: problems -> solutions, every program executed, by one of several methods."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from rich.console import Console

from slipstick.commands import Invocation, load_settings
from slipstick.commands.augment import AugmentRecipe, run_augment
from slipstick.commands.rejection import RejectionRecipe, run_rejection
from slipstick.commands.self_instruct import SelfInstructRecipe, run_self_instruct
from slipstick.commands.teacher import TeacherRecipe, run_teacher
from slipstick.commands.writer import SynthesizeRecipe, run_writer

AnyMethod = Annotated[
    SynthesizeRecipe | TeacherRecipe | RejectionRecipe | SelfInstructRecipe | AugmentRecipe,
    Field(discriminator="method"),
]


def run_synthesize(invocation: Invocation, console: Console) -> Path:
    """`slipstick synthesize`: by the method that the recipe names."""
    recipe, text = load_settings(invocation, AnyMethod)
    match recipe:
        case TeacherRecipe():
            return run_teacher(invocation, recipe, text, console)
        case RejectionRecipe():
            return run_rejection(invocation, recipe, text, console)
        case SelfInstructRecipe():
            return run_self_instruct(invocation, recipe, text, console)
        case AugmentRecipe():
            return run_augment(invocation, recipe, text, console)
        case SynthesizeRecipe():
            return run_writer(invocation, recipe, text, console)
