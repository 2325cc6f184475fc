"""Recipes: one flat TOML file per run, checked completely before anything starts, all mistakes reported together."""

from __future__ import annotations

import json
import math
import os
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from inspect import isclass
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ValidationError

from slipstick.edges import reading, shorten
from slipstick.errors import InputError, RecipeError, did_you_mean
from slipstick.shipped import no_recipe, shipped_recipes

if TYPE_CHECKING:
    from typing_extensions import TypeForm

S = TypeVar("S", bound=BaseModel)
_LARGEST = 2**63 - 1
"""Largest whole number that all that takes one knows: TOML, JSON, islice, numpy."""
_FOLDERS = ("data", "base", "run", "value_model", "model")
"""Keys that name a folder, also one without a slash."""

_UNSHOWN = ("extra_headers", "extra_body", "judge_settings")
"""Keys whose values may be secrets, which no message repeats."""

_RENAMED = {
    "fields": "field_map",
    "pasted": "allow_hardcoded_answers",
    "patches": "label_corrections",
    "in_flight": "max_concurrent_solutions",
    "concurrency": "max_concurrent_requests",
    "shots": "num_fewshot",
    "samples": "num_samples",
    "settled": "consistency_threshold",
    "turns": "max_turns",
    "draws": "sampling_schedule",
    "workers": "sandbox_workers",
    "seconds": "timeout",
    "level": "isolation",
    "silent": "empty_output",
    "endpoint": "api",
    "model_name_or_path": "base",
    "max_seq_length": "max_length",
    "lora_r": "lora_rank",
    "target_modules": "lora_target_modules",
    "optim": "optimizer",
    "eval_steps": "eval_every",
    "save_steps": "checkpoint_every",
}
"""Keys of early recipes, and of TRL -> their names today."""

_ELSEWHERE = {
    "max_steps": ("max_train_tokens", "a training's length is max_train_tokens, or num_train_epochs"),
    "logging_steps": ("max_train_tokens", "the loss of every step is in losses.jsonl"),
    "use_peft": ("lora_rank", "lora_rank = 16 trains adapters, 0 all weights"),
    "assistant_only_loss": ("max_length", "the loss is always on what the model writes, never on prompts and outputs"),
    "completion_only_loss": ("max_length", "the loss is always on what the model writes, never on prompts and outputs"),
    "output_dir": ("base", "the folder is said by --out"),
    "judge": ("num_generations", "a reward is the verdict of rules alone; a judge is for `evaluate` and `grade`"),
}
"""Keys of TRL -> a setting of the recipes that they would be in, and what there is here in their place."""

THEN = "then"
"""A recipe's key that says what is run after it (commands/successors.py); it is no setting of the verb."""
COMMAND_LINE = "the command line"
"""What a message names if settings come from no recipe."""


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str) and not _is_unquoted(value) else value


ONE_OR_MORE = BeforeValidator(_one_or_more)
Names = Annotated[list[str], ONE_OR_MORE]
"""A list of names; a recipe may give a single one without brackets."""


def load_recipe(name: str, settings: TypeForm[S], *, overrides: list[str] | None = None) -> tuple[S, str]:
    """A recipe as typed settings, and the TOML that gives the same settings from any folder (see `resolved`).

    name: a path, or the name of a shipped recipe. settings: as for `check_settings`. overrides: `key=value` each, the
    value as TOML or a bare string.
    Raises RecipeError with every mistake: unknown keys (with the nearest known one), wrong types, bad overrides.
    """
    path = find_recipe(name, _choose(settings, {}, [])[1])
    table = read_recipe(path)
    found = check_settings(table, settings, overrides=overrides, where=str(path))
    return found, resolved(found)


def read_recipe(path: Path) -> dict[str, Any]:
    """A recipe's file as a table. Raises RecipeError if it is no TOML."""
    try:
        with reading(path):
            return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except InputError as error:
        said = str(error).removeprefix(f"{path} ").removeprefix("cannot be read: ")
        raise RecipeError(str(path), [f"not TOML: {said}{_unquoted(path, said)}"]) from error


def _unquoted(path: Path, said: str) -> str:
    """The end of a message about a line whose value is a text without quotation marks; "" for other mistakes."""
    place = re.search(r"Invalid value \(at line (\d+)", said)
    line = path.read_text("utf-8-sig").split("\n")[int(place[1]) - 1] if place else ""
    bare = re.match(r"\s*([\w.-]+)\s*=\s*([^\W\d][^#\"']*)", line)
    return f'; a text needs quotation marks: {bare[1]} = "{bare[2].strip()}"' if bare else ""


def resolved(settings: BaseModel) -> str:
    """Settings as TOML: defaults filled in, files and folders that exist by their absolute paths.

    A `problems_dir` that came from the environment is written down; None is left out, as TOML has no such value.
    """
    table = {key: _absolute(value, key) for key, value in settings.model_dump(mode="json", exclude_none=True).items()}
    if "problems_dir" in type(settings).model_fields and (folder := os.environ.get("SLIPSTICK_PROBLEMS_DIR")):
        table.setdefault("problems_dir", str(placed(folder)))
    return to_toml(table)


def _absolute(value: Any, key: str) -> Any:
    """A value of settings in which every name of an existing file or folder is an absolute path.

    A name without a slash or a suffix, as `cot`, counts as a folder in the keys that take one alone.
    """
    if isinstance(value, list):
        return [_absolute(each, key) for each in value]
    if isinstance(value, dict):
        return {name: _absolute(each, key) for name, each in value.items()}
    if not isinstance(value, str):
        return value
    plugin, colon, path = value.rpartition(":")
    named = "/" in path or Path(path).suffix or key in _FOLDERS
    return f"{plugin}{colon}{Path(path).absolute()}" if path and named and exists(Path(path)) else value


def placed(path: str) -> Path:
    """An absolute path; a `~` at its beginning is the user's home, which a shell leaves alone behind `--set NAME=`."""
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:  # a user that there is not
        return Path(path).absolute()


def exists(path: Path) -> bool:
    """Whether a path is there; False for a text that cannot be one."""
    try:
        return path.exists()
    except (OSError, ValueError):  # too long for a path, or with a NUL: a text
        return False


def check_settings(
    table: dict[str, Any], settings: TypeForm[S], *, overrides: list[str] | None = None, where: str = COMMAND_LINE
) -> S:
    """A table of settings, with `key=value` overrides applied, as typed settings.

    settings: a class of settings, or several of which one key says which is meant:
    `Annotated[A | B, Field(discriminator="method")]`; without that key the default of the first class holds.
    Raises RecipeError, which names `where`, with every mistake.
    """
    mistakes: list[str] = []
    merged = dict(table)
    for override in overrides or []:
        key, found, value = override.partition("=")
        if not found or not key.strip():
            mistakes.append(f"--set {override}: write it as --set KEY=VALUE")
        elif not _put(merged, key.strip(), parse_value(value.strip())):
            mistakes.append(f"--set {override}: `{key.strip().rpartition('.')[0]}` is no table")
    merged.pop(THEN, None)
    chosen, fields = _choose(settings, merged, mistakes)
    mistakes += [f"{key}: no such setting{_nearest(key, fields)}" for key in merged if key not in fields]
    known = {key: _listed(value, chosen, key) for key, value in merged.items() if key in fields}
    loaded = None
    if chosen is not None:
        try:
            loaded = chosen.model_validate(known)
        except ValidationError as error:
            mistakes += [_describe(problem, known, by_command=where == COMMAND_LINE) for problem in error.errors()]
        else:
            mistakes += [line for key, value in known.items() for line in _unlike(value, getattr(loaded, key), key)]
    if mistakes or loaded is None:
        raise RecipeError(where, mistakes)
    return loaded


def _nearest(key: str, fields: set[str]) -> str:
    """What is added about an unknown key: the name it has today, or the known one that is spelt nearly so."""
    name = _RENAMED.get(key)
    if key in ("api_key", "key", "token") and "api" in fields:
        return (
            "; a key is no setting, as it would stand in the run's record: set OPENAI_API_KEY in the environment, or "
            "ANTHROPIC_API_KEY for Anthropic's API"
        )
    setting, said = _ELSEWHERE.get(key, ("", ""))
    if setting in fields:
        return f"; {said}"
    return f"; it is named `{name}`" if name in fields else did_you_mean(key, fields)


def _listed(value: Any, settings: type[BaseModel] | None, key: str) -> Any:
    """A value for a setting: a single one for a setting that is a list is a list of one, `formats = "cot"`."""
    if settings is None or value is None or isinstance(value, list | dict):
        return value
    annotation = settings.model_fields[key].annotation
    kinds = [annotation, *(get_args(annotation) if isinstance(annotation, UnionType) else ())]
    is_list = any(get_origin(kind) is list for kind in kinds) and str not in kinds
    return [value] if is_list and not _is_unquoted(value) else value


def _is_unquoted(value: Any) -> bool:
    """Whether a text is a list that is no TOML, `[cot, pot]`."""
    return isinstance(value, str) and value.startswith("[") and "," in value


def _unlike(given: Any, taken: Any, where: str) -> Iterator[str]:
    """What was given and means nothing where it was given, though pydantic takes it: a mistake a line."""
    if isinstance(given, dict) and isinstance(taken, dict):
        yield from (
            line for key in given.keys() & taken.keys() for line in _unlike(given[key], taken[key], f"{where}.{key}")
        )
    elif isinstance(given, list) and isinstance(taken, list) and len(given) == len(taken):
        yield from (line for one, other in zip(given, taken, strict=True) for line in _unlike(one, other, where))
    elif isinstance(given, bool) and isinstance(taken, int | float) and not isinstance(taken, bool):
        yield f"{where} = {str(given).lower()}: a number is wanted"
    elif isinstance(taken, int) and not -_LARGEST <= taken <= _LARGEST:
        yield f"{where} = {shorten(str(taken), 40)}: at most {_LARGEST} is possible"
    elif isinstance(taken, str | Path) and "\0" in str(taken):
        yield f"{where} = {str(taken)!r}: a text without NUL is wanted"
    elif isinstance(taken, float) and not math.isfinite(taken):
        yield f"{where} = {given}: a finite number is wanted"


def _choose(settings: TypeForm[S], table: dict[str, Any], mistakes: list[str]) -> tuple[type[S] | None, set[str]]:
    """The class a table is for, and the keys it has; None and all keys if the table names an unknown one, a mistake."""
    if isclass(settings):
        only = cast("type[S]", settings)
        return only, set(only.model_fields)
    union, discriminated = get_args(settings)
    key: str = discriminated.discriminator
    classes: dict[object, type[S]] = {
        name: each for each in get_args(union) for name in get_args(each.model_fields[key].annotation)
    }
    name = table.get(key, next(iter(classes.values())).model_fields[key].default)
    if isinstance(name, str) and name in classes:
        return classes[name], set(classes[name].model_fields)
    names = [str(each) for each in classes]
    mistakes.append(f"{key} = {name!r} is not known{did_you_mean(str(name), names)}; known: {', '.join(names)}")
    return None, {field for each in classes.values() for field in each.model_fields}


def keys_of(settings: TypeForm[S], table: Mapping[str, Any], overrides: list[str]) -> set[str]:
    """The keys that settings have, as `check_settings` takes them; of several classes, those of the one meant."""
    said = {key: parse_value(value) for key, _, value in (each.partition("=") for each in overrides)}
    return _choose(settings, {**table, **said}, [])[1]


def find_recipe(name: str, settings: Collection[str] = ()) -> Path:
    """The file of a recipe: a path, or the name of a shipped one; settings: keys that the command has.

    Raises RecipeError, which says what it is instead, if there is none.
    """
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    shipped = shipped_recipes()
    if name in shipped:
        return shipped[name]
    raise RecipeError(name, [no_recipe(name, settings)])


def parse_value(text: str) -> Any:
    """A value from the command line: TOML if it is TOML (4, true, ["a"]), else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # no TOML, an integer of too many digits, nested too deeply
        return text


def to_toml(table: Mapping[str, Any]) -> str:
    """A table of settings as TOML, one key a line."""
    return "".join(f"{_toml_key(key)} = {toml_value(value)}\n" for key, value in table.items())


def toml_value(value: Any) -> str:
    """A value as TOML: texts, numbers, truth values, lists and tables."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_toml_key(key)} = {toml_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)  # JSON's strings, numbers and truth values are TOML's too


def _toml_key(key: str) -> str:
    return key if key.replace("_", "").isalnum() and key.isascii() else json.dumps(key)


def _put(table: dict[str, Any], dotted: str, value: Any) -> bool:
    """Sets a key, `field_map={}` the whole table and `field_map.answer=gold` one key of it; False if it is no table."""
    *parents, last = dotted.split(".")
    for parent in parents:
        inner = table.get(parent, {})
        if not isinstance(inner, dict):
            return False
        table[parent] = table = dict(inner)
    table[last] = value
    return True


def _describe(problem: Any, given: dict[str, Any], *, by_command: bool) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return f"{where}: is missing; add {'' if by_command else f'`{where} = ...` or '}--set {where}=..."
    message: str = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return message  # about several settings, which it names
    if problem["loc"][0] in _UNSHOWN:
        return f"{where}: {message[0].lower()}{message[1:]}"
    value = given.get(str(problem["loc"][0]))
    if problem["type"] == "list_type":
        example = f"{where} = ['a', 'b'], on the command line --set \"{where}=['a', 'b']\""
        return f"{where} = {shorten(repr(value))}: a list is written {example}"
    return f"{where} = {shorten(repr(value))}: {message[0].lower()}{message[1:]}"
