"""Turns what a command line says into settings, objects and a run folder; one module here for each command."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from slipstick.errors import RecipeError
from slipstick.event_loop import run_async
from slipstick.recipe import check_settings, load_recipe, resolved
from slipstick.schema import Problem, Record, Run, Solution

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from slipstick.interpreters import Interpreter
    from slipstick.models import Model

S = TypeVar("S", bound=Record)
T = TypeVar("T")


@dataclass(frozen=True)
class Invocation:
    """What a command line or a call from Python said: one argument and five flags, the same for every verb."""

    target: str
    """A recipe's path or name; for verbs that work on a finished run, its folder; "" if all settings are overrides."""
    overrides: list[str] = field(default_factory=list)
    """What `--set` says, each "KEY=VALUE"."""
    limit: int | None = None
    """The first so many problems of each set; None: all."""
    out: Path | None = None
    """The run's folder; None: runs/ and a name."""
    resume: bool = False
    """Whether a run that was interrupted is continued."""
    overwrite: bool = False
    """Whether an existing run is replaced."""
    model: Model | None = None
    """A model in place of the recipe's; whoever opened it closes it."""
    interpreter: Interpreter | None = None
    """An interpreter in place of the recipe's; whoever opened it closes it."""
    goes_on: bool = False
    """Whether the caller goes on with what was made, so that no command is named that does."""

    @property
    def changes(self) -> list[str]:
        """What it changes of a recipe's settings: the overrides, and the limit among them."""
        return self.overrides + ([f"limit={self.limit}"] if self.limit else [])

    def line(self, verb: str) -> str:
        """The command line of a verb, to be typed again; how an existing folder was treated is left out."""
        more = [each for override in self.overrides for each in ("--set", override)]
        more += ["--limit", str(self.limit)] if self.limit else []
        more += ["--out", str(self.out)] if self.out else []
        return shlex.join(["slipstick", verb, *([self.target] if self.target else []), *more])

    def run_async(self, work: Coroutine[Any, Any, T]) -> T:
        """What a coroutine returns, also in a notebook; with objects that were given in the event loop they share."""
        return run_async(work, shared=self.model is not None or self.interpreter is not None)


def load_settings(invocation: Invocation, settings: TypeForm[S]) -> tuple[S, str]:
    """The typed settings of a recipe, and its text. Raises RecipeError with every mistake at once.

    settings: a class, or `Annotated[A | B, Field(discriminator="method")]` (see `check_settings`).
    """
    if not invocation.target:
        found = check_settings({}, settings, overrides=invocation.changes)
        return found, resolved(found)
    return load_recipe(invocation.target, settings, overrides=invocation.changes)


def require_same_place(path: Path, run: Run) -> None:
    """Raises RecipeError if a run names problems from the folder in which it was begun, and this is another."""
    for source in run.recipe.get("problems") or []:
        file = Path(str(source).removeprefix("files:"))
        if not file.exists() and Path(run.directory, file).is_file():
            where = f"it names `{file}` from the folder in which it was begun: cd {run.directory}, and go on from there"
            raise RecipeError(str(path), [where])


def settings_for_run(invocation: Invocation, run: Run, settings: type[S]) -> S:
    """Settings of a verb that works on a finished run: as that run had them, with the overrides applied."""
    own = {key: value for key, value in run.recipe.items() if key in settings.model_fields}
    return check_settings(own, settings, overrides=invocation.overrides)


def count(problems: Sequence[Problem], solutions: Sequence[Solution], **more: int) -> dict[str, int]:
    """A run's counts: problems, solutions, and solutions by outcome."""
    outcomes = Counter[str](solution.verdict.outcome for solution in solutions if solution.verdict)
    return {"problems": len(problems), "solutions": len(solutions), **outcomes, **more}
