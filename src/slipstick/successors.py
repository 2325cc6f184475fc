"""What follows a recipe: `then = "curate NAME"`, the command line of the next verb, whose recipe may name another.

All parts are checked before the first starts. Their runs lie side by side: `runs/NAME` in a later part means the folder
of the part of that name, wherever it is.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.audit import AuditRecipe
from slipstick.commands.curate import CurateRecipe
from slipstick.commands.evaluate import EvaluateRecipe
from slipstick.commands.export import ExportSettings
from slipstick.commands.self_train import SelfTrainRecipe
from slipstick.commands.solve_recipe import SolveRecipe
from slipstick.commands.synthesize import AnyMethod
from slipstick.commands.teaching import TeachingRecipe
from slipstick.commands.train import AnyStage
from slipstick.commands.writer import SynthesizeRecipe
from slipstick.curate.evaluation_sets import CATALOGUE
from slipstick.errors import InputError, RecipeError, RunFolderError, UserError
from slipstick.problems import check_source
from slipstick.problems.catalogue.local import missing_rows
from slipstick.problems.catalogue.selection import expand
from slipstick.problems.settings import ProblemSettings
from slipstick.recipe import THEN, check_settings, find_recipe, keys_of, parse_value, read_recipe, toml_value
from slipstick.schema import Record
from slipstick.shipped import shipped_recipes
from slipstick.store import RunFolder, hash_file, is_run

SETTINGS: Mapping[str, Any] = {
    "synthesize": AnyMethod,
    "curate": CurateRecipe,
    "train": AnyStage,
    "solve": SolveRecipe,
    "evaluate": EvaluateRecipe,
    "self-train": SelfTrainRecipe,
    "audit": AuditRecipe,
    "export": ExportSettings,
}
"""A verb that may follow -> its settings."""
Run = Callable[[Invocation, Console], object]
_SHAPE = 'then = "VERB NAME --set KEY=VALUE" with a verb of ' + ", ".join(SETTINGS)


class Part(NamedTuple):
    """One verb of several in a row."""

    verb: str
    """Its name on the command line."""
    invocation: Invocation
    """What it is called with."""

    @property
    def name(self) -> str:
        """The recipe's name, which is its folder's; an export, which has no recipe, is "export"."""
        return "export" if self.verb == "export" else Path(self.invocation.target).stem

    def label(self) -> str:
        """As on the command line: "curate mathinstruct-curate"."""
        return f"{self.verb} {self.invocation.target}"

    def is_finished(self) -> bool:
        """Whether its run is there and finished; an export is done again each time."""
        out = self.invocation.out
        return out is not None and is_run(out) and RunFolder(out).run().status == "finished"

    def is_as_asked(self) -> bool:
        """Whether its run, if there is one, has these settings and was made from files as they are now."""
        out = self.invocation.out
        if out is None or not is_run(out):
            return True
        run = RunFolder(out).run()
        same = settings_of(self).model_dump(mode="json") == run.recipe
        return same and all(hash_file(Path(name)) == was for name, was in run.inputs.items() if Path(name).is_file())


def run_with_successors(verb: str, invocation: Invocation, verbs: Mapping[str, Run], console: Console) -> None:
    """Runs a verb and what its recipe says comes after it.

    With --resume, parts that are finished are not run again; one with other settings, or made from other files, is
    refused by its verb. With --resume and --overwrite it is made again, and so is what comes after it.
    verbs: what each verb does. Raises as `parts_of`, and UserError if a part stops early, as at its max_cost.
    """
    parts, again = parts_of(verb, invocation), False
    if len(parts) > 1:
        found = [(part, settings_of(part)) for part in parts]
        if any(getattr(settings, "estimate", False) for _, settings in found):
            _print_plan(found, console)
            parts = _estimated(found)
        _require_rows(parts, invocation)
    for number, part in enumerate(parts, start=1):
        if len(parts) > 1:
            console.rule(f"{number}/{len(parts)} {part.label()}", align="left")
        if len(parts) > 1 and invocation.resume:
            again = again or not part.is_as_asked()
            if part.is_finished() and not again:
                console.print(f"already done in {part.invocation.out}", highlight=False)
                continue
        asked = replace(_resumed(part.invocation, invocation, again=again), goes_on=number < len(parts))
        try:
            verbs[part.verb](asked, console)
        except RunFolderError as error:
            if len(parts) == 1 or not invocation.resume:
                raise
            remedy = "--resume --overwrite replaces it and what comes after it, and keeps what comes before"
            raise RunFolderError(f"{error}. Of several verbs in one command, {remedy}") from None
        if number < len(parts) and not part.is_finished() and not getattr(settings_of(part), "estimate", False):
            raise UserError(f"{part.invocation.out} stopped early, so what comes after it has not begun: see above")


def _resumed(part: Invocation, first: Invocation, *, again: bool) -> Invocation:
    """A part's invocation; with --resume and --overwrite its run is replaced if it is made again, else gone on with."""
    if not (first.resume and first.overwrite):
        return part
    return replace(part, resume=not again, overwrite=again)


def plan_recipe(target: str, overrides: list[str], console: Console) -> None:
    """`slipstick plan RECIPE`: of a recipe of `synthesize` the sources of all its parts, of any other its training."""
    table = _table("synthesize", target)
    if "method" not in table and ("problems" not in table or "stage" in table):
        from slipstick.commands.plan import run_plan

        run_plan(target, overrides, console)
        return
    try:
        parts = _with_settings(target, overrides)
    except RecipeError as error:
        if not all("model: is missing" in line for line in error.mistakes):
            raise
        parts = _with_settings(target, [*overrides, "model=unnamed"])
    _print_plan(parts, console)


def _with_settings(target: str, overrides: list[str]) -> list[tuple[Part, Record]]:
    parts = parts_of("synthesize", Invocation(target, overrides, resume=True))
    return [(part, settings_of(part)) for part in parts]


def _print_plan(parts: list[tuple[Part, Record]], console: Console) -> None:
    """What the parts that write solutions take, source by source."""
    from slipstick.commands.plan_corpus import print_corpus_plan

    writing = [(part.name, found) for part, found in parts if isinstance(found, SynthesizeRecipe | TeachingRecipe)]
    after = [part.label() for part, found in parts if not isinstance(found, SynthesizeRecipe | TeachingRecipe)]
    print_corpus_plan(writing, after, console)


def _estimated(parts: list[tuple[Part, Record]]) -> list[Part]:
    """The parts that estimate, and those that make what these read; the others wait for what is estimated."""
    kept: list[Part] = []
    read = ""
    for part, settings in reversed(parts):
        if (
            getattr(settings, "estimate", False)
            or f'{part.invocation.out}"' in read
            or f"{part.invocation.out}/" in read
        ):
            kept.insert(0, part)
            read += settings.model_dump_json()
    return kept


def _require_rows(parts: list[Part], invocation: Invocation) -> None:
    """Raises RecipeError for sources of any part that are neither in the folder of problems nor on the Hub."""
    missing: dict[str, None] = {}
    for part in parts:
        found = settings_of(part)
        if isinstance(found, ProblemSettings) and not (invocation.resume and part.is_finished()):
            sources = [each for one in found.sources() for each in expand(one)]
            wanted = (missing_rows(each, problems_dir=found.problems_dir) for each in sources)
            missing |= dict.fromkeys(line for line in wanted if line)
    if missing:
        raise RecipeError(parts[0].invocation.target, [f"{line}; or --set leave_out=NAME" for line in missing])


def parts_of(verb: str, invocation: Invocation) -> list[Part]:
    """A command and what follows its recipe, in their order; the command alone if nothing does.

    An override `NAME.KEY=VALUE` with the name of a part is that part's; any other is that of the first part, if it has
    the key, and of every later part whose recipe leaves the key open. The limit is that of every part with `problems`.
    Raises RecipeError for a `then` that is no command line, for a mistake in any part's recipe and for a source of
    problems that there is not; InputError if a later part's run is there already.
    """
    parts = [Part(verb, invocation), *_following(verb, invocation)]
    if len(parts) == 1:
        return parts
    first = invocation.out or Path("runs") / parts[0].name
    names = [each.name for each in parts]
    folders = {parts[0].name: first} | {name: first.parent / name for name in names[1:]}
    for_all = [each for each in invocation.overrides if each.partition(".")[0] not in names]
    elsewhere = {key for each in parts[1:] for key in _open_keys(each)} - _keys(parts[0])
    own = [each for each in for_all if each.partition("=")[0] not in elsewhere]
    own += [o.partition(".")[2] for o in invocation.overrides if o.partition(".")[0] == names[0]]
    placed = [Part(verb, replace(invocation, overrides=own, out=first))]
    for each in parts[1:]:
        told = [o for o in for_all if o.partition("=")[0] in _open_keys(each)]
        told += [o.partition(".")[2] for o in invocation.overrides if o.partition(".")[0] == each.name]
        placed.append(_placed(each, folders, told, invocation))
    _check(placed)
    return placed


def _following(verb: str, invocation: Invocation) -> Iterator[Part]:
    """What a recipe says comes after it, and what its successors say."""
    seen = {Path(invocation.target).stem}
    while (line := then_of(verb, invocation)) is not None:
        words = shlex.split(line)
        pairs = words[2:]
        settings = pairs[1::2]
        if len(words) < 2 or words[0] not in SETTINGS or pairs != [w for s in settings for w in ("--set", s)]:
            raise RecipeError(invocation.target, [f"then = {line!r} is no command line: write {_SHAPE}"])
        beside = find_recipe(invocation.target).parent / words[1]
        target = str(beside) if beside.suffix == ".toml" and beside.is_file() else words[1]
        verb, invocation = words[0], Invocation(target, settings)
        part = Part(verb, invocation)
        if part.name in seen:
            raise RecipeError(target, [f"then = {line!r} comes a second time: a later part needs a name of its own"])
        seen.add(part.name)
        yield part


def then_of(verb: str, invocation: Invocation) -> str | None:
    """The successor that a recipe names; --set then="" leaves it out."""
    said = [each.partition("=")[2] for each in invocation.overrides if each.startswith(f"{THEN}=")]
    if said:
        return str(parse_value(said[-1])) or None
    found = _table(verb, invocation.target).get(THEN)
    return None if found is None else str(found)


def _table(verb: str, target: str) -> dict[str, Any]:
    """A recipe as a table; {} if the target is a run, a file of problems or the name of a set."""
    is_recipe = target.endswith(".toml") or target in shipped_recipes()
    return read_recipe(find_recipe(target)) if is_recipe and verb != "export" else {}


def _placed(part: Part, folders: Mapping[str, Path], told: list[str], first: Invocation) -> Part:
    """A later part with its own folder, and the folders of the parts that it reads."""
    if part.verb == "export":
        return Part("export", Invocation(_moved(part.invocation.target, folders), [*part.invocation.overrides, *told]))
    table = _table(part.verb, part.invocation.target)
    moved = [f"{key}={toml_value(new)}" for key, old in table.items() if (new := _moved(old, folders)) != old]
    changed = [*moved, *part.invocation.overrides, *told]
    out = folders[part.name]
    if is_run(out) and not (first.resume or first.overwrite):
        raise InputError(f"{out} is there already, which {part.verb} {part.name} would write: --resume goes on with it")
    limit = first.limit if "problems" in _keys(part) else None
    invocation = replace(part.invocation, overrides=changed, out=out, limit=limit)
    return Part(part.verb, replace(invocation, resume=first.resume, overwrite=first.overwrite and is_run(out)))


def _keys(part: Part) -> set[str]:
    """The keys that a part has: those of its own method or stage."""
    return keys_of(SETTINGS[part.verb], _table(part.verb, part.invocation.target), part.invocation.overrides)


def _open_keys(part: Part) -> set[str]:
    """Keys of a part that its recipe leaves open; `limit` is meant for problems, as --limit is."""
    keys = _keys(part)
    return keys - _table(part.verb, part.invocation.target).keys() - ({"limit"} if "problems" not in keys else set())


def _moved(value: Any, folders: Mapping[str, Path]) -> Any:
    """A setting in which `runs/NAME`, at the beginning or after a plug-in's name, is that part's folder."""
    if isinstance(value, list):
        return [_moved(each, folders) for each in value]
    if not isinstance(value, str):
        return value
    plugin, colon, path = value.rpartition(":")
    top, name, *rest = [*Path(path).parts, "", ""][:2] + list(Path(path).parts[2:])
    return f"{plugin}{colon}{folders[name].joinpath(*rest)}" if top == "runs" and name in folders else value


def _check(parts: list[Part]) -> None:
    """Raises RecipeError with the mistakes of all parts together, names of sources that there are not among them."""
    mistakes: list[str] = []
    made = [str(each.invocation.out) for each in parts]
    for each in parts:
        try:
            settings = settings_of(each)
        except RecipeError as error:
            mistakes += [f"{each.name}.{line}" for line in error.mistakes]
            continue
        for key in ("problems", "decontaminate_against"):
            for source in getattr(settings, key, ()):
                try:
                    if source != CATALOGUE and not source.startswith(tuple(f"{folder}/" for folder in made)):
                        check_source(source)
                except UserError as error:
                    mistakes.append(f"{each.name}.{key}: {error}")
    if mistakes:
        raise RecipeError(parts[0].invocation.target, mistakes)


def settings_of(part: Part) -> Record:
    """The settings of a part. Raises RecipeError with every mistake."""
    table = _table(part.verb, part.invocation.target)
    found: Record = check_settings(table, SETTINGS[part.verb], overrides=part.invocation.changes)
    return found
