"""The settings of every command that solves problems, and what is opened and shown by them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import Field
from rich.console import Console

from slipstick.interpreters import Interpreter, InterpreterSettings, open_interpreter
from slipstick.models import Model, ModelSettings
from slipstick.problems.settings import ProblemSettings
from slipstick.progress import duration
from slipstick.recipe import Names
from slipstick.solve import SolveSettings
from slipstick.solve.estimate import Range, estimate_table

MAY_CHANGE = frozenset(
    {"estimate", "max_cost", "price_in", "price_out"}
    | {"base_url", "max_concurrent_requests", "request_timeout", "max_concurrent_solutions", "sandbox_workers"}
)
"""Settings that may differ when a run is resumed: they say how it is worked, not what comes out."""
_AT_ONCE = 32
"""Requests that an estimate of the time assumes if the server's concurrency is still to be found out."""


class SolveRecipe(ProblemSettings, SolveSettings, ModelSettings, InterpreterSettings):
    """Settings of `slipstick solve`."""

    model: str
    """"openai:NAME", "hf:PATH", "replay:FILE", "fake:FILE"."""
    formats: Names = Field(min_length=1)
    """Formats to solve in, and "hybrid"."""
    estimate: bool = False
    """Solve only a few problems, say what all of them will take, and stop."""


def input_files(recipe: SolveRecipe) -> list[Path]:
    """The files that a run reads: problems, and its model or the script or recording of one."""
    model = Path(recipe.model.partition(":")[2])
    weights = [model / "model.safetensors"] if model.is_dir() else [model]
    return [*recipe.files(), *(weights if recipe.model else [])]


@asynccontextmanager
async def opened(recipe: SolveRecipe, model: Model | None) -> AsyncIterator[Interpreter]:
    """The interpreter of a recipe; it and the model, opened before, are closed in the end."""
    interpreter = open_interpreter(recipe, seed=recipe.seed)
    try:
        yield interpreter
    finally:
        await interpreter.close()
        if model:
            await model.close()


def print_estimate(
    title: str,
    found: Mapping[str, Range],
    recipe: SolveRecipe,
    *,
    rows: Mapping[str, Range] | None = None,
    seconds: float,
    console: Console,
) -> None:
    """What all will take. found: by field of Spent; rows: what else will come of it; seconds: what these took."""
    most = recipe.max_concurrent_requests
    at_once = min(recipe.max_concurrent_solutions, _AT_ONCE if most == "auto" else most)
    console.print(estimate_table(title, found, rows=rows or {}, at_once=at_once))
    console.print(
        f"They took {duration(seconds)}. Their solutions are kept: the same command with --resume and estimate = false "
        "does the rest",
        highlight=False,
        soft_wrap=True,
    )
