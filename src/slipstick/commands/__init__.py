"""Turns what a command line says into settings, objects and a run folder; one module here for each command."""

from __future__ import annotations

import asyncio
import shlex
from collections import Counter
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from slipstick.recipe import check_settings, load_recipe
from slipstick.schema import Problem, Record, Run, Solution

if TYPE_CHECKING:
    from typing_extensions import TypeForm

S = TypeVar("S", bound=Record)
T = TypeVar("T")


@dataclass(frozen=True)
class Invocation:
    """What a command line said: one argument and five flags, the same for every verb."""

    target: str
    """A recipe's path or name; for verbs that work on a finished run, its folder."""
    overrides: list[str] = field(default_factory=list)
    limit: int | None = None
    out: Path | None = None
    resume: bool = False
    overwrite: bool = False

    @property
    def changes(self) -> list[str]:
        """What it changes of a recipe's settings: the overrides, and the limit among them."""
        return self.overrides + ([f"limit={self.limit}"] if self.limit else [])

    def line(self, verb: str) -> str:
        """The command line of a verb, to be typed again; how an existing folder was treated is left out."""
        more = [each for override in self.overrides for each in ("--set", override)]
        more += ["--limit", str(self.limit)] if self.limit else []
        more += ["--out", str(self.out)] if self.out else []
        return shlex.join(["slipstick", verb, self.target, *more])


def load_settings(invocation: Invocation, settings: TypeForm[S]) -> tuple[S, str]:
    """The typed settings of a recipe, and its text. Raises RecipeError with every mistake at once.

    settings: a class, or `Annotated[A | B, Field(discriminator="method")]` (see `check_settings`).
    """
    return load_recipe(invocation.target, settings, overrides=invocation.changes)


def settings_for_run(invocation: Invocation, run: Run, settings: type[S]) -> S:
    """Settings of a verb that works on a finished run: as that run had them, with the overrides applied."""
    own = {key: value for key, value in run.recipe.items() if key in settings.model_fields}
    return check_settings(own, settings, overrides=invocation.overrides)


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns, also if the caller is in a running event loop (a notebook): then in a thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        found = asyncio.run(_until_interrupted(work))
    else:
        with ThreadPoolExecutor(1) as thread:
            found = thread.submit(asyncio.run, _until_interrupted(work)).result()
    if isinstance(found, KeyboardInterrupt):
        raise found
    return found


async def _until_interrupted(work: Coroutine[Any, Any, T]) -> T | KeyboardInterrupt:
    """What a coroutine returns; an interrupt that asyncio has not made a cancellation of is no error of its task."""
    try:
        return await work
    except KeyboardInterrupt as error:  # where a shell's background job ignores SIGINT, SIGTERM comes as this
        return error


def count(problems: Sequence[Problem], solutions: Sequence[Solution], **more: int) -> dict[str, int]:
    """A run's counts: problems, solutions, and solutions by outcome."""
    outcomes = Counter[str](solution.verdict.outcome for solution in solutions if solution.verdict)
    return {"problems": len(problems), "solutions": len(solutions), **outcomes, **more}
