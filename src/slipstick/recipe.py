"""Recipes: one flat TOML file per run, checked whole before anything starts, every mistake reported at once."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from slipstick.errors import RecipeError, did_you_mean

S = TypeVar("S", bound=BaseModel)


def load_recipe(name: str, settings: type[S], *, overrides: list[str] | None = None) -> tuple[S, str]:
    """A recipe as typed settings, and its text as TOML with the overrides put in.

    name: a path, or the name of a shipped recipe. overrides: `key=value` each, the value as TOML or a bare string.
    Raises RecipeError with every mistake: unknown keys (with the nearest known one), wrong types, bad overrides.
    """
    path = find_recipe(name)
    text = path.read_text("utf-8")
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(str(path), [f"not TOML: {error}"]) from error
    settings_found = check_settings(table, settings, overrides=overrides, where=str(path))
    return settings_found, text + "".join(f"# --set {override}\n" for override in overrides or [])


def check_settings(
    table: dict[str, Any], settings: type[S], *, overrides: list[str] | None = None, where: str = "the command line"
) -> S:
    """A table of settings, with `key=value` overrides put in, as typed settings.

    Raises RecipeError, which names `where`, with every mistake at once.
    """
    mistakes: list[str] = []
    changes: dict[str, Any] = {}
    for override in overrides or []:
        key, found, value = override.partition("=")
        if not found or not key.strip():
            mistakes.append(f"--set {override}: write it as --set KEY=VALUE")
            continue
        _put(changes, key.strip(), parse_value(value.strip()))
    merged = _merge(table, changes)
    mistakes += [
        f"{key}: no such setting{did_you_mean(key, settings.model_fields)}"
        for key in merged
        if key not in settings.model_fields
    ]
    known = {key: value for key, value in merged.items() if key in settings.model_fields}
    loaded = None
    try:
        loaded = settings.model_validate(known)
    except ValidationError as error:
        mistakes += [_describe(problem, known) for problem in error.errors()]
    if mistakes or loaded is None:
        raise RecipeError(where, mistakes)
    return loaded


def find_recipe(name: str) -> Path:
    """The file of a recipe: a path, or the name of a shipped one. Raises RecipeError where there is none."""
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    shipped = shipped_recipes()
    if name in shipped:
        return shipped[name]
    hint = did_you_mean(name, shipped)
    raise RecipeError(name, [f"no such file, and no shipped recipe of that name{hint}; shipped: {', '.join(shipped)}"])


def shipped_recipes() -> dict[str, Path]:
    """Name -> file of the recipes that come with slipstick."""
    package = Path(__file__).parent
    # In an installed wheel they lie in the package, in a source tree at its root.
    folder = package / "recipes" if (package / "recipes").is_dir() else package.parents[1] / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def parse_value(text: str) -> Any:
    """A value as on the command line: TOML where it is TOML (4, true, ["a"]), else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _put(table: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    for parent in parents:
        table = table.setdefault(parent, {})
    table[last] = value


def _merge(table: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(table)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _describe(problem: Any, given: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return f"{where}: is missing; add `{where} = ...` or --set {where}=..."
    message: str = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return message  # about several settings, which it names
    value = given.get(str(problem["loc"][0]))
    return f"{where} = {value!r}: {message[0].lower()}{message[1:]}"
