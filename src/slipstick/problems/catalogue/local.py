"""Finds a dataset's files in a local folder."""

import os
from pathlib import Path

from slipstick.errors import InputError
from slipstick.plugins import list_plugins, split_spec
from slipstick.problems.catalogue import datasets, evaluation_sets
from slipstick.problems.catalogue.selection import Selection, expand, select

VARIABLE = "SLIPSTICK_PROBLEMS_DIR"
_ENDINGS = [kind + zipped for kind in (".jsonl", ".json", ".ndjson", ".csv", ".tsv") for zipped in ("", ".gz")]


def problems_folder(problems_dir: Path | str | None) -> Path | None:
    """The folder that is given, else the one that SLIPSTICK_PROBLEMS_DIR names. Raises InputError if it is none."""
    given = problems_dir or os.environ.get(VARIABLE)
    if not given:
        return None
    folder = Path(given).expanduser()
    if not folder.is_dir():
        name = "problems_dir" if problems_dir else VARIABLE
        raise InputError(f"{name} = {given} is not a folder; name one with files such as gsm8k_test.jsonl")
    return folder


def local_files(source: str, *, problems_dir: Path | str | None = None) -> list[Path]:
    """The files that serve a dataset ("gsm8k:test") or a list ("suite:modern"); none for what is not in the folder.

    Raises InputError for a split or a list there is not; any other source has no files here.
    """
    folder = problems_folder(problems_dir)
    if folder is None:
        return []
    known = datasets().keys() - list_plugins("problems").keys()
    selections = [select(one) for one in expand(source) if split_spec(one)[0] in known]
    return [path for selection in selections for path in find_files(selection, folder).values()]


def missing_rows(source: str, *, problems_dir: Path | str | None = None) -> str:
    """How to get the rows of a dataset that is neither in the folder nor on the Hub; "" for any other source."""
    if split_spec(source)[0] not in datasets().keys() - list_plugins("problems").keys():
        return ""
    selection, folder = select(source), problems_folder(problems_dir)
    here = selection.dataset.hub or (folder and find_files(selection, folder))
    return "" if here else how_to_get(selection, folder)


def how_to_get(selection: Selection, folder: Path | None) -> str:
    """Where the rows of a dataset are that is not on the Hub, and where to put them."""
    return f"`{selection.source}` is not on the Hub but at {selection.dataset.home}: {remedy(selection, folder)}"


def remedy(selection: Selection, folder: Path | None) -> str:
    """What to do for a dataset that is in no folder."""
    names = ", ".join(f"{name}.jsonl" for name in file_names(selection)[:6])
    where = f"the folder {folder}" if folder else f"the folder that problems_dir or {VARIABLE} names"
    return f"put one of these files into {where} (also .json, .csv, .parquet, .gz): {names}"


def evaluation_sources(*, problems_dir: Path | str | None = None) -> list[str]:
    """Sources that together hold every problem of the catalogue to evaluate on, as `load_problems` takes them.

    Of a split and its part ("tabmwp:test", "tabmwp:test1k") the whole is named, unless only the part has a file.
    """
    found: list[str] = []
    for dataset in evaluation_sets():
        sources = dataset.sources("eval")
        here = [source for source in sources if local_files(source, problems_dir=problems_dir)]
        wholes = [source for source in sources if select(source).split.part_of is None]
        parts = [source for source in here if source not in wholes]
        needed = [f"{dataset.name}:{select(source).split.part_of}" for source in parts]
        found += [source for source in wholes if source in here or source not in needed]
        found += [source for source, whole in zip(parts, needed, strict=True) if whole not in here]
    return found


def find_files(selection: Selection, folder: Path) -> dict[str, Path]:
    """Split -> its file; several if it is made up of others that have files, none if there is no file."""
    own = _find(selection, folder)
    if own:
        return {selection.name: own}
    others = [name for name in selection.split.hub if name in selection.dataset.splits]
    found = {name: _find(select(f"{selection.dataset.name}:{name}"), folder) for name in others}
    return {name: path for name, path in found.items() if path} if others and all(found.values()) else {}


def file_names(selection: Selection) -> list[str]:
    """The names its file may have in the folder, without ending, the one that comes first winning."""
    dataset, split, role = selection.dataset, selection.split, selection.split.role
    alone = [name for name, other in dataset.splits.items() if other.role == role] == [selection.name]
    names = []
    for stem in dict.fromkeys((dataset.name, dataset.name.replace("-", "_"))):
        both = [f"{stem}_{selection.name}", f"{stem}-{selection.name}"]
        names += [*both, f"{stem}/{selection.name}", *(f"{role}/{name}" for name in both), f"{selection.name}/{stem}"]
        names += [f"{role}/{stem}"] if alone or selection.name == role else []
        names += [stem] if len(dataset.splits) == 1 else []
    names += [name for place in split.local for name in (place, f"{role}/{place}")]
    return list(dict.fromkeys(names))


def _find(selection: Selection, folder: Path) -> Path | None:
    candidates = (folder / f"{name}{ending}" for name in file_names(selection) for ending in [*_ENDINGS, ".parquet"])
    return next((path for path in candidates if path.is_file()), None)
