"""The run folder of a command: opened, recorded so that the run can be repeated, and closed however it ends."""

import platform
import subprocess
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.interrupts import stop_as_by_ctrl_c
from slipstick.errors import UserError, first_error
from slipstick.recipe import find_recipe
from slipstick.schema import Record, Run
from slipstick.store import RunFolder, hash_file

_PACKAGES = ("slipstick", "pydantic", "sympy", "numpy", "scipy", "math-verify", "openai", "torch", "transformers")


@contextmanager
def running(
    invocation: Invocation,
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
    """Opens a command's run folder and closes it; a run that is interrupted or fails says so and can be resumed.

    text: the recipe that gives these settings from any folder; "" for a verb that has none.
    inputs: what the run reads, hashed into its record if it is a file.
    files: what the verb writes beside the files that any run has. journal: the one of them to which results are
    appended as they come.
    may_change: settings that may differ when the run is resumed.
    """
    out = invocation.out or Path("runs") / _name(invocation.target, verb, is_recipe=bool(text))
    run = Run(
        name=out.name,
        verb=verb,
        status="running",
        started=datetime.now(UTC),
        command=invocation.line(verb),
        directory=str(Path.cwd()),
        recipe=settings.model_dump(mode="json"),
        files=list(files),
        inputs={str(path): hash_file(path) for path in inputs if path.is_file()},
        versions=_versions(),
        commit=_commit(),
    )
    stop_as_by_ctrl_c()
    new = invocation.overwrite or not (out / "run.json").exists()
    folder = RunFolder.start(
        out, run, recipe_text=text, resume=invocation.resume, overwrite=invocation.overwrite, may_change=may_change
    )
    try:
        yield folder
    except BaseException as error:
        first, has_rows = first_error(error), folder.has_rows() or (journal is not None and (out / journal).is_file())
        if new and not has_rows and (isinstance(first, UserError) or invocation.overwrite):
            folder.discard()  # nothing was made: once fixed, the same command works
            if (out / "run.json").is_file():
                console.print(f"Nothing was made; {out} holds the run that was there", soft_wrap=True)
            raise
        with suppress(OSError):  # on a full disk run.json stays as it was
            folder.finish("stopped" if isinstance(first, KeyboardInterrupt) else "failed", counts={}, metrics=[])
        again = "the same command" if invocation.resume else "the same command with --resume"
        console.print(f"\nNothing is lost: {again} resumes {out}", soft_wrap=True)
        raise
    finally:
        folder.close()


def _name(target: str, verb: str, *, is_recipe: bool) -> str:
    if not target:
        return verb
    return find_recipe(target).stem if is_recipe else Path(target).name


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _commit() -> str | None:
    tree = Path(__file__).parents[3]
    if not (tree / ".git").exists():
        return None
    found = subprocess.run(["git", "-C", str(tree), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else None
