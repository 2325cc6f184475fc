"""What `estimate = true` prints: what all problems will take, judged by a few."""

from collections.abc import Mapping

from rich.console import Console

from slipstick.commands.solve_recipe import SolveRecipe
from slipstick.progress import duration
from slipstick.solve.estimate import Range, estimate_table

_AT_ONCE = 32
"""Requests that an estimate of the time assumes if the server's concurrency is still to be found out."""


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
