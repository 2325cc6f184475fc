"""`slipstick doctor`: what this machine has, and whether each part of slipstick works on it."""

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from rich.console import Console
from rich.table import Table

from slipstick.errors import UserError
from slipstick.event_loop import run_async
from slipstick.extras import how_to_install
from slipstick.interpreters import InterpreterSettings, open_interpreter
from slipstick.models import ModelSettings, open_model
from slipstick.recipe import check_settings

_WITHOUT = "comparing, grading, reports, and solving in the format cot work; every format that runs programs does not"

_FAILS = "fails:"
"""How the finding begins of a model that was named and cannot be used."""


class DoctorSettings(ModelSettings, InterpreterSettings):
    """Settings of `slipstick doctor`."""

    model: str | None = None
    """A model to try, as a recipe names it."""


def run_doctor(overrides: list[str], console: Console) -> bool:
    """Prints what was found; False if a model that was named does not answer. Raises as `examine`."""
    table, works = Table("", "", box=None, show_header=False), True
    for name, finding in examine(overrides):
        table.add_row(name, finding)
        works = works and not (name == "model" and finding.startswith(_FAILS))
    console.print(table)
    return works


def examine(overrides: list[str]) -> Iterator[tuple[str, str]]:
    """Yields what was looked at and what was found; a part that does not work is a finding, not an error.

    Raises RecipeError if an override does not hold.
    """
    settings = check_settings({}, DoctorSettings, overrides=overrides)
    yield "python", f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores"
    for package in ("slipstick", "sympy", "numpy", "math-verify", "torch", "transformers"):
        try:
            yield package, version(package)
        except PackageNotFoundError:
            yield package, f"not installed: {how_to_install(package)}"
    yield from run_async(_try_interpreter(settings))
    if settings.model:
        yield from run_async(_try_model(settings.model, settings))


async def _try_interpreter(settings: InterpreterSettings) -> list[tuple[str, str]]:
    try:
        interpreter = open_interpreter(settings)
    except UserError as error:
        return [("interpreter", f"cannot start: {error}"), ("without it", _WITHOUT)]
    try:
        session = interpreter.session()
        first = await session.run("import sympy\nsympy.Rational(1, 3) + 1")
        second = await session.run("1 + 1")
        await session.close()
    finally:
        await interpreter.close()
    if (first.text, second.text) != ("4/3", "2"):
        wrong = f"`{settings.interpreter}` answers wrongly: {first.status} {first.text!r}, {second.text!r}"
        return [("interpreter", wrong)]
    times = f"a first step with sympy took {first.seconds * 1000:.0f} ms, a further one {second.seconds * 1000:.1f} ms"
    return [("interpreter", f"`{settings.interpreter}` works; {times}"), *(await interpreter.describe()).items()]


async def _try_model(spec: str, settings: ModelSettings) -> list[tuple[str, str]]:
    try:
        model = open_model(spec, settings)
    except UserError as error:
        return [("model", f"{_FAILS} {spec} cannot be opened: {error}")]
    except ModuleNotFoundError as error:
        return [("model", f"{_FAILS} {spec} cannot be opened: {error}; {how_to_install(error.name or '')}")]
    try:
        facts = await model.describe()
        unlisted = facts.pop("server.models", "")
        return [("model", f"{model.name} opens{f', but {unlisted}' if unlisted else ''}"), *facts.items()]
    except UserError as error:
        return [("model", f"{_FAILS} {model.name} opens and does not answer: {error}")]
    finally:
        await model.close()
