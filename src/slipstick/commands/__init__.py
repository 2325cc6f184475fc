"""Turns what a command line says into settings, objects and a run folder; one module here for each command."""

from __future__ import annotations

import asyncio
import platform
import subprocess
from collections import Counter
from collections.abc import Collection, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console

from slipstick.errors import UserError
from slipstick.recipe import check_settings, find_recipe, load_recipe
from slipstick.schema import Problem, Record, Run, Solution
from slipstick.store import RunFolder, hash_file

if TYPE_CHECKING:
    from typing_extensions import TypeForm

S = TypeVar("S", bound=Record)
T = TypeVar("T")
_PACKAGES = ("slipstick", "pydantic", "sympy", "numpy", "scipy", "math-verify", "openai", "torch", "transformers")


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


def load_order(order: Invocation, settings: TypeForm[S]) -> tuple[S, str]:
    """The typed settings of a recipe, and its text. Raises RecipeError with every mistake at once.

    settings: a class, or `Annotated[A | B, Field(discriminator="method")]` (see `check_settings`).
    """
    return load_recipe(order.target, settings, overrides=order.changes)


def settings_for_run(order: Invocation, run: Run, settings: type[S]) -> S:
    """Settings of a verb that works on a finished run: as that run had them, with the overrides applied."""
    own = {key: value for key, value in run.recipe.items() if key in settings.model_fields}
    return check_settings(own, settings, overrides=order.overrides)


@contextmanager
def running(
    order: Invocation,
    verb: str,
    settings: Record,
    console: Console,
    *,
    text: str = "",
    inputs: Iterable[Path],
    files: Collection[str] = (),
    journal: str | None = None,
    may_change: Collection[str] = (),
) -> Iterator[RunFolder]:
    """Opens an order's run folder and sees it closed; a run that is interrupted or fails says so and can be resumed.

    inputs: what the run reads, hashed into its record if it is a file.
    files: what the verb writes beside the files that any run has. journal: the one of them to which results are
    appended as they come.
    may_change: settings that may differ when the run is resumed.
    """
    out = order.out or Path("runs") / (find_recipe(order.target).stem if text else Path(order.target).name)
    run = Run(
        name=out.name,
        verb=verb,
        status="running",
        started=datetime.now(UTC),
        recipe=settings.model_dump(mode="json"),
        files=list(files),
        inputs={str(path): hash_file(path) for path in inputs if path.is_file()},
        versions=_versions(),
        commit=_commit(),
    )
    new = order.overwrite or not (out / "run.json").exists()
    folder = RunFolder.start(
        out, run, recipe_text=text, resume=order.resume, overwrite=order.overwrite, may_change=may_change
    )
    try:
        yield folder
    except BaseException as error:
        has_rows = folder.has_rows() or (journal is not None and (out / journal).is_file())
        if new and isinstance(first_error(error), UserError) and not has_rows:
            folder.discard()  # nothing was made: once fixed, the same command works
            raise
        stopped = isinstance(first_error(error), KeyboardInterrupt)
        folder.finish("stopped" if stopped else "failed", counts={}, metrics=[])
        again = "the same command" if order.resume else "the same command with --resume"
        console.print(f"\nNothing is lost: {again} goes on in {out}", soft_wrap=True)
        raise
    finally:
        folder.close()


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns, also if the caller is in a running event loop (a notebook): then in a thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def count(problems: Sequence[Problem], solutions: Sequence[Solution], **more: int) -> dict[str, int]:
    """A run's counts: problems, solutions, and solutions by outcome."""
    outcomes = Counter[str](solution.verdict.outcome for solution in solutions if solution.verdict)
    return {"problems": len(problems), "solutions": len(solutions), **outcomes, **more}


def first_error(error: BaseException) -> BaseException:
    """What a group of exceptions is about: the first one in it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _versions() -> dict[str, str]:
    found: dict[str, Any] = {"python": platform.python_version(), "platform": platform.platform()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    tree = Path(__file__).parents[3]
    if not (tree / ".git").exists():
        return None
    found = subprocess.run(["git", "-C", str(tree), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else None
