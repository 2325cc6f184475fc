"""`slipstick solve`: problems -> solutions in a run folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rich.console import Console

from slipstick.commands import Invocation, load_order, running
from slipstick.commands.drawing import MAY_CHANGE, SolveRecipe, SolveResult, check_problems, draw
from slipstick.models import open_model
from slipstick.store import RunFolder


def run_solve(order: Invocation, console: Console) -> Path:
    """`slipstick solve`: problems -> solutions in a run folder."""
    recipe, text = load_order(order, SolveRecipe)
    check_problems(recipe)
    model, inputs = open_model(recipe.model, recipe), input_files(recipe)
    with running(order, "solve", recipe, console, text=text, inputs=inputs, may_change=MAY_CHANGE) as folder:
        finish(folder, asyncio.run(draw(folder, model, recipe, console)))
    return folder.path


def finish(folder: RunFolder, drawn: SolveResult) -> None:
    """Closes the record of a run that solved problems: finished, or stopped before its end."""
    counts = {"problems": drawn.problems, "solutions": drawn.solutions}
    folder.finish("finished" if drawn.finished else "stopped", counts=counts, metrics=[])


def input_files(recipe: SolveRecipe) -> list[Path]:
    """The files a run of `solve` reads: problems, and its model."""
    model = Path(recipe.model.partition(":")[2])
    return [*recipe.files(), model / "model.safetensors" if model.is_dir() else model]
