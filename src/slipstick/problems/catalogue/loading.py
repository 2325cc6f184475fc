"""Loads a dataset of the catalogue: from local files if there are any, else from the Hub."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path

from slipstick.errors import InputError
from slipstick.problems.catalogue.local import find_files, how_to_get, problems_folder, remedy
from slipstick.problems.catalogue.readers import READERS
from slipstick.problems.catalogue.readers.facts import Facts
from slipstick.problems.catalogue.selection import Selection, expand, select
from slipstick.problems.choices import letter
from slipstick.problems.conversion import to_problems
from slipstick.problems.files import to_problem
from slipstick.problems.hub import read_hub
from slipstick.schema import Problem
from slipstick.tabular import OnBad, Row, read_rows

_QUESTIONS = ("question", "text", "problem", "instruction")


def load(source: str, *, problems_dir: Path | str | None = None, on_bad: OnBad | None = None) -> Iterator[Problem]:
    """The problems of "NAME:SPLIT,n=COUNT,KEY=VALUE" or of a list of sets, "suite:NAME", one at a time.

    KEY=VALUE takes the problems whose metadata say so. problems_dir: a folder whose files go before the Hub.
    Raises InputError immediately for an unknown name, and while reading: for a source that is neither in the
    folder nor on the Hub, for a row of another shape (unless `on_bad` takes it), and if
    nothing passes the filters.
    """
    selections = [select(one) for one in expand(source)]
    for selection in selections:
        if selection.split.role == "text":
            raise InputError(f"`{selection.source}` is raw text, not problems: use it with stage = 'cpt' or read_texts")
    folder = problems_folder(problems_dir)
    return chain.from_iterable(_load(selection, folder, on_bad) for selection in selections)


def read_texts(source: str, *, problems_dir: Path | str | None = None) -> Iterator[str]:
    """The pages of a dataset of mathematics text ("finemath-4plus", "open-web-math:train,n=1000"), one at a time.

    Raises InputError as `load` does.
    """
    selection = select(source)
    if selection.split.role != "text" or selection.filters:
        raise InputError(f"`{source}` is not raw text; write NAME:SPLIT or NAME:SPLIT,n=COUNT")
    for _, rows in _places(selection, problems_folder(problems_dir), None):
        for row in islice(rows, selection.n):
            if facts := _facts(row, selection):
                yield facts["text"]


def _load(selection: Selection, folder: Path | None, on_bad: OnBad | None) -> Iterator[Problem]:
    loaded = chain.from_iterable(
        to_problems(rows, partial(_problem, selection=selection, prefix=prefix), on_bad=on_bad)
        for prefix, rows in _places(selection, folder, on_bad)
    )
    passed = False
    seen: dict[str, set[str]] = {key: set() for key in selection.filters}
    for problem in islice(_passing(loaded, selection, seen), selection.n):
        passed = True
        yield problem
    if selection.filters and not passed:
        said = "; ".join(f"{key} is {', '.join(sorted(values)[:20]) or 'in no row'}" for key, values in seen.items())
        raise InputError(f"`{selection.source}` has no row with {selection.filters}: {said}")


def _passing(problems: Iterable[Problem], selection: Selection, seen: dict[str, set[str]]) -> Iterator[Problem]:
    for problem in problems:
        for key, values in seen.items():
            if key in problem.metadata and len(values) < 100:
                values.add(str(problem.metadata[key]))
        if selection.passes(problem):
            yield problem


def _places(selection: Selection, folder: Path | None, on_bad: OnBad | None) -> Iterator[tuple[str, Iterator[Row]]]:
    """The files or parts of the Hub's repository that make up a split, each with what tells its rows' ids apart."""
    dataset, split = selection.dataset, selection.split
    files = find_files(selection, folder) if folder else {}
    for name, path in files.items():
        yield f"{name}/" if len(files) > 1 else "", islice(read_rows(path, on_bad=on_bad), split.first)
    if files:
        return
    if dataset.hub is None:
        raise InputError(how_to_get(selection, folder))
    configs: list[str | None] = [*(split.configs or dataset.configs)]
    parts = [(config, name) for config in configs or [None] for name in split.hub or [selection.name]]
    for config, name in parts:
        label = config if len(configs) > 1 else name
        rows = read_hub(dataset.hub, split=name, config=config, revision=dataset.revision, files=dataset.files)
        yield f"{label}/" if len(parts) > 1 else "", islice(_or_say(rows, selection, folder), split.first)


def _or_say(rows: Iterator[Row], selection: Selection, folder: Path | None) -> Iterator[Row]:
    try:
        yield from rows
    except InputError as error:
        reason = str(error).rstrip(".")
        raise InputError(f"`{selection.source}`: {reason}. Without the Hub, {remedy(selection, folder)}") from error


def _problem(row: Row, *, selection: Selection, prefix: str) -> Problem | None:
    if _is_ours(row):
        return _as_written(row, selection)
    facts = _facts(row, selection)
    if facts is None:
        return None
    dataset = selection.dataset
    about = {key: value for key, value in (facts.get("metadata") or {}).items() if value is not None}
    part = dataset.parts.get(str(about.get("source")))
    licence = facts.get("licence") or (part.licence if part else dataset.licence)
    return Problem(
        id=f"{dataset.name}/{selection.name}/{prefix}{facts.get('number', row.number - 1)}",
        text=facts["text"],
        answer=facts.get("answer"),
        kind=facts.get("kind"),
        choices=facts.get("choices"),
        rationale=facts.get("rationale"),
        licence=_stated(licence),
        metadata={**about, "dataset": dataset.name, "split": selection.name},
    )


def _facts(row: Row, selection: Selection) -> Facts | None:
    reader = READERS[selection.split.reader or selection.dataset.reader]
    try:
        return reader(row.values)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        what = f"has no {error}" if isinstance(error, KeyError) else str(error)
        keys = ", ".join(row.values) or "none"
        raise InputError(f"{row.where}: no row of {selection.dataset.title}: {what}; its keys are {keys}") from error


def _is_ours(row: Row) -> bool:
    """Whether a row is laid out as `files` reads it rather than as its source has it: its id is "set/split/number"."""
    values = row.values
    if values.keys() == Problem.model_fields.keys():
        return True
    return isinstance(values.get("id"), str) and "/" in values["id"] and any(key in values for key in _QUESTIONS)


def _as_written(row: Row, selection: Selection) -> Problem:
    problem, dataset = to_problem(row), selection.dataset
    rationale, answer = problem.rationale, problem.answer
    if rationale and "\n####" in rationale:
        rationale = rationale.rpartition("\n####")[0]
    choices = problem.choices or []
    if isinstance(answer, str) and answer in choices and answer not in map(letter, range(len(choices))):
        answer = letter(choices.index(answer))
    own = problem.metadata.get("source_licence")
    licence = str(own) if own else problem.licence
    return problem.model_copy(
        update={
            "rationale": rationale,
            "answer": answer,
            "licence": licence if dataset.licence == "per row" else _stated(dataset.licence),
            "metadata": {**problem.metadata, "dataset": dataset.name, "split": selection.name},
        }
    )


def _stated(licence: str) -> str | None:
    return None if licence in ("none", "per row") else licence
