"""The settings of every command that solves problems, and what they open."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, model_validator

from slipstick.commands import Invocation, load_settings, require_same_place
from slipstick.errors import RecipeError, did_you_mean
from slipstick.formats import FormatNames, name_of_format
from slipstick.interpreters import Interpreter, InterpreterSettings
from slipstick.interpreters.later import open_for
from slipstick.models import CHANGES_NO_REPLY, Model, ModelSettings
from slipstick.plugins import list_plugins
from slipstick.problems.catalogue import datasets
from slipstick.problems.catalogue.local import local_files
from slipstick.problems.settings import ProblemSettings
from slipstick.recipe import COMMAND_LINE, check_settings, resolved
from slipstick.shipped import shipped_recipes
from slipstick.solve import SolveSettings
from slipstick.store import RunFolder, is_run

MAY_CHANGE = {"estimate", "max_cost", "max_concurrent_solutions", "sandbox_workers"} | CHANGES_NO_REPLY - {"mode"}
"""Settings that may differ when a run is resumed: they say how it is worked, not what comes out. Not `mode`: replies to
batches that are open would be paid for and come to nobody.
"""

R = TypeVar("R", bound="SolveRecipe")


class SolveRecipe(ProblemSettings, SolveSettings, ModelSettings, InterpreterSettings):
    """Settings of `slipstick solve`."""

    model: str
    """"openai:NAME", "hf:PATH", "replay:FILE", "fake:FILE"."""
    formats: FormatNames = Field(min_length=1)
    """Formats to solve in, "hybrid", and files of your own ("my.toml")."""
    estimate: bool = False
    """Solve only a few problems, say what all of them will take, and stop."""

    @model_validator(mode="before")
    @classmethod
    def _many_in_batches(cls, values: Any) -> Any:
        """Of requests that go in batches as many run at one time as fill one."""
        in_batches = isinstance(values, dict) and values.get("mode") == "batch"
        return {"max_concurrent_solutions": 50_000, **values} if in_batches else values

    def format_names(self) -> list[str]:
        """The names of the formats, which solutions have."""
        return [name_of_format(name) for name in self.formats]


def load_solving(invocation: Invocation, settings: type[R]) -> tuple[R, str, Invocation]:
    """The settings of what a command names, the recipe that gives them again, and the command with its folder.

    It may name a recipe; problems (a file, a dataset, a suite), which are then solved in the format `cot` unless the
    command says otherwise; or a run, to go on with it. Raises RecipeError.
    """
    target, where = Path(invocation.target), COMMAND_LINE
    if not invocation.target:
        table, out = {"formats": ["cot"]}, invocation.out
    elif is_run(target):
        run, own = RunFolder(target).run(), "evaluate" if "profile" in settings.model_fields else "solve"
        if run.verb != own and (invocation.out is None or run.verb not in ("solve", "evaluate")):
            remedy = f"`slipstick grade {target}` grades its solutions, `slipstick report {target}` shows its numbers"
            raise RecipeError(str(target), [f"it is a run of `{run.verb}`, which {own} cannot continue: {remedy}"])
        table = {key: value for key, value in run.recipe.items() if value is not None}
        require_same_place(target, run)
        where, out = invocation.target, invocation.out or target
    elif invocation.target not in shipped_recipes() and _are_problems(invocation.target):
        table = {"problems": [invocation.target], "formats": ["cot"]}
        out = invocation.out or Path("runs") / re.sub(r"[^\w.=-]+", "-", target.name.partition(".")[0])
    elif invocation.target in shipped_recipes() or target.suffix == ".toml":
        return *load_settings(invocation, settings), invocation
    else:
        near = [str(path) for path in target.parent.glob("*") if path.suffix]
        hint = did_you_mean(invocation.target, [*near, *shipped_recipes(), *datasets()])
        raise RecipeError(
            invocation.target,
            [
                f"no such recipe, file, dataset or run{hint}; name a recipe (mine.toml, or one that `slipstick list "
                "recipes` shows), a file of problems (mine.jsonl), a dataset (gsm8k:test), or a run's folder"
            ],
        )
    recipe = check_settings(table, settings, overrides=invocation.changes, where=where)
    return recipe, resolved(recipe), replace(invocation, out=out)


def _are_problems(target: str) -> bool:
    path, name = Path(target), target.partition(":")[0]
    return name in {*datasets(), *list_plugins("problems")} or (path.is_file() and path.suffix != ".toml")


def input_files(recipe: SolveRecipe) -> list[Path]:
    """The files that a run reads: problems, and its model or the script or recording of one."""
    model = Path(recipe.model.partition(":")[2])
    weights = [model / "model.safetensors"] if model.is_dir() else [model]
    texts = [name for name in (*recipe.formats, recipe.system or "", recipe.shots_from or "") if "\n" not in name]
    asked = [path for name in texts for path in (Path(name), Path(name) / "solutions.jsonl") if path.is_file()]
    shots = local_files(recipe.shots_from, problems_dir=recipe.problems_dir) if recipe.shots_from else []
    return [*recipe.files(), *asked, *shots, *(weights if recipe.model else [])]


@asynccontextmanager
async def opened(recipe: SolveRecipe, model: Model | None, invocation: Invocation) -> AsyncIterator[Interpreter]:
    """The interpreter of a recipe; it and the model, opened before, are closed in the end unless they were given."""
    interpreter = invocation.interpreter or open_for(recipe.formats, recipe, seed=recipe.seed)
    try:
        yield interpreter
    finally:
        if interpreter is not invocation.interpreter:
            await interpreter.close()
        if model and model is not invocation.model:
            await model.close()
