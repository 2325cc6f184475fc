"""Reads what a recipe says of a dataset: "gsm8k:test", "math:test,subject=Algebra,n=100"."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from slipstick.errors import InputError, did_you_mean
from slipstick.plugins import split_spec
from slipstick.problems.catalogue import Dataset, Split, datasets, datasets_of
from slipstick.schema import Problem


class Selection(NamedTuple):
    """Which rows are meant."""

    dataset: Dataset
    """Name in the catalogue."""
    name: str
    """Name of the split."""
    split: Split
    """Name of the split."""
    n: int | None
    """How many of those that pass, from the first."""
    filters: dict[str, str]
    """Key of a problem's metadata -> the value it must have."""

    @property
    def source(self) -> str:
        """Dataset and split as a recipe names them."""
        return f"{self.dataset.name}:{self.name}"

    def passes(self, problem: Problem) -> bool:
        """Whether a problem has what the filters ask for."""
        return all(_is(problem.metadata.get(key), wanted) for key, wanted in self.filters.items())


def expand(source: str) -> list[str]:
    """The sources that one stands for: those of a list of sets ("suite:mario-four"), or itself. Raises InputError."""
    name, argument = split_spec(source)
    return datasets_of(argument) if name == "suite" else [source]


def leaves_out(patterns: Sequence[str], source: str) -> bool:
    """Whether patterns name a source: itself, its dataset, or the licence that the catalogue states of that.

    Licences are compared as `slipstick curate` compares them: with `*`, case ignored, "none" if none is stated.
    """
    name = split_spec(source)[0]
    said = [source, name, *([datasets()[name].licence] if name in datasets() else [])]
    return any(fnmatchcase(each.lower(), pattern.lower()) for pattern in patterns for each in said)


def check_left_out(patterns: Sequence[str], *, more: Sequence[str] = ()) -> None:
    """Raises ValueError for a pattern that names no dataset or licence of the catalogue, and none of `more`."""
    known = {*more, *datasets(), *(each.licence for each in datasets().values())}
    for pattern in patterns:
        if not any(fnmatchcase(each.lower(), pattern.lower()) for each in known):
            near = did_you_mean(pattern, sorted(known))
            what = f"leave_out: there is neither a dataset nor a licence `{pattern}`{near}"
            raise ValueError(f"{what}; `slipstick list problems` shows both")


def select(source: str) -> Selection:
    """The selection a source names. Raises InputError for a dataset, split or setting there is not.

    The split may be left out if a dataset has only one.
    """
    name, argument = split_spec(source)
    known = datasets()
    if name not in known:
        raise InputError(f"there is no dataset `{name}`{did_you_mean(name, known)}; see `slipstick list problems`")
    dataset = known[name]
    parts = [part.strip() for part in argument.split(",") if part.strip()]
    named = [part for part in parts if "=" not in part] or (list(dataset.splits) if len(dataset.splits) == 1 else [])
    if len(named) != 1 or named[0] not in dataset.splits:
        wrong = f"no split `{named[0]}`{did_you_mean(named[0], dataset.splits)}" if named else "several splits"
        example = f"{name}:{next(reversed(dataset.splits))}"
        raise InputError(f"`{name}` has {wrong}; say which of {', '.join(dataset.splits)} is meant, as in {example}")
    filters = dict(_setting(source, part) for part in parts if "=" in part)
    n = filters.pop("n", None)
    if n is not None and not (n.isdecimal() and int(n) > 0):
        raise InputError(f"`{source}`: n={n} is not a number of rows")
    return Selection(dataset, named[0], dataset.splits[named[0]], int(n) if n else None, filters)


def _setting(source: str, part: str) -> tuple[str, str]:
    key, _, value = (side.strip() for side in part.partition("="))
    if not key or not value:
        raise InputError(f"`{source}`: `{part}` is neither n=COUNT nor KEY=VALUE of the rows' metadata")
    return key, value


def _is(value: object, wanted: str) -> bool:
    """Equal as text; of a path ("data/CoT/gsm_rft.json") a part without its ending will do ("CoT", "gsm_rft")."""
    path = f"/{value}/".replace(".json/", "/")
    return str(value) == wanted or f"/{wanted.removesuffix('.json').strip('/')}/" in path
