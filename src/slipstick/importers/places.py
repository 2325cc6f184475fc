"""Which files of a folder are of one run, and what their tasks are called in it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from os.path import commonpath
from pathlib import Path
from typing import NamedTuple


class OutputFile(NamedTuple):
    """A file of another tool, as its name, its first row and what is beside it say."""

    path: Path
    """Where it is."""
    task: str
    """The short name of its task."""
    models_apart: bool
    """Whether its tool keeps the files of each model in a folder."""
    model: str
    """The model that wrote it, "" if that is not known."""
    date: str
    """When it was written, as text that sorts; "" if its name does not say."""
    place: Path
    """Its folder if all files of that are samples of the same problems, else its path without what every name has."""


class Place(NamedTuple):
    """Where the rows of a file belong."""

    run: str
    """Folder name of its run, "" if all files are of one."""
    model: str
    """The model that wrote it, "" if that is not known."""
    label: str
    """The name of its task, unique in its run unless the files are samples of the same problems."""


def older(files: Iterable[OutputFile]) -> set[Path]:
    """The files of a task and model that were written again, later, in the same folder."""
    newest: dict[tuple[Path, str, str], str] = {}
    dated = [(file, (file.path.parent, file.model, file.task)) for file in files if file.date]
    for file, key in dated:
        newest[key] = max(newest.get(key, ""), file.date)
    return {file.path for file, key in dated if file.date < newest[key]}


def places(root: Path, files: Iterable[OutputFile]) -> dict[Path, Place]:
    """File -> its run: the files of a model are one run, or those of a folder if two folders have the same task."""
    files = [*files]
    nameless = [file for file in files if file.models_apart and not file.model]
    if _repeats(nameless):  # a folder for each model, whatever it is called
        files = [file._replace(model=file.path.parent.name) if file in nameless else file for file in files]
    runs: dict[str, list[OutputFile]] = {}
    for model in dict.fromkeys(file.model for file in files):
        of_model = [file for file in files if file.model == model]
        apart = bool(model) and _repeats(of_model)
        for file in of_model:
            folder = file.path.parent.relative_to(root) if apart else run_of(model)
            runs.setdefault(str(folder).replace("/", "-") or root.name, []).append(file)
    found: dict[Path, Place] = {}
    for run, members in runs.items():
        apart = len(runs) > 1 or all(file.models_apart for file in members)
        base = Path(commonpath([file.path.parent for file in members])) if apart else root
        labels = _labels(base, {file.path: (file.task, file.place) for file in members})
        found |= {file.path: Place(run if len(runs) > 1 else "", file.model, labels[file.path]) for file in members}
    return found


def run_of(model: str) -> str:
    """The name of the folder for a model's run: no path of its own."""
    return model.replace("/", "__").replace("\\", "__").lstrip(".")


def _repeats(files: Iterable[OutputFile]) -> bool:
    """Whether two folders have a file of the same task."""
    return max(Counter(task for task, _ in {(file.task, file.path.parent) for file in files}).values(), default=0) > 1


def _labels(root: Path, tasks: Mapping[Path, tuple[str, Path]]) -> dict[Path, str]:
    """File -> its task's name, or its place under `root` if several files, or folders of samples, share the name."""
    shared = Counter(task for task, _ in set(tasks.values()))
    return {path: task if shared[task] == 1 else str(place.relative_to(root)) for path, (task, place) in tasks.items()}
