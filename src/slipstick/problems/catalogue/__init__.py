"""The catalogue: datasets by name, where to find their rows, under which licence, and lists of them that papers use.

The table is data, the `*.toml` beside this file; `docs/datasets.md` explains it.
"""

import tomllib
from functools import lru_cache
from importlib import resources
from typing import Any, Literal

from pydantic import Field

from slipstick.errors import InputError, did_you_mean
from slipstick.schema import Kind, Record

Role = Literal["train", "eval", "text"]


class Split(Record):
    """A part of a dataset."""

    rows: int | None = None
    """How many rows it was published with; None if unknown."""
    role: Role
    """What it is for: to train on, to evaluate on, or text to read before that."""
    part_of: str | None = None
    """The dataset's split that holds all its rows and more."""
    hub: list[str] = Field(default_factory=list)
    """Names of the Hub's splits that make it up; empty if the Hub's is called the same."""
    configs: list[str] = Field(default_factory=list)
    """The Hub's configurations that make it up, if they are not the dataset's."""
    first: int | None = None
    """How many rows, from the first, if the split is the beginning of a longer one."""
    local: list[str] = Field(default_factory=list)
    """Names without ending that its file may have in a local folder, in addition to those that follow from its name."""
    reader: str | None = None
    """Reads its rows, if it is not the dataset's reader."""


class Part(Record):
    """What one value of a compiled dataset's `source` means."""

    name: str
    """The source's name in the paper's table."""
    rationale: Literal["CoT", "PoT"]
    """What its outputs are."""
    rows: int | None = None
    """Size in the paper's table, rounded as printed there."""
    written_by: str
    """Who wrote the outputs, and whether they were checked."""
    licence: str
    """Licence of the source; "none" if there is none."""
    problems: str | None = None
    """The source of the catalogue that its problems come from."""
    method: str | None = None
    """The method of `synthesize` that makes its problems, which their ids begin with, if no source has them."""

    def key(self) -> tuple[str, str]:
        """Source and format, as our rows have them: ("gsm8k", "cot")."""
        return (self.problems or self.method or "").partition(":")[0], self.rationale.lower()


class Dataset(Record):
    """One dataset of the catalogue."""

    name: str
    """What a recipe says before the colon."""
    title: str
    """What people call it."""
    hub: str | None = None
    """Repository on the Hugging Face Hub; None if there are only local files."""
    home: str = ""
    """Where the rows can be had by hand, for a dataset without a repository on the Hub."""
    revision: str | None = None
    """Commit of that repository; None uses the newest."""
    unpinned: str = ""
    """Why `revision` is no commit, for a dataset on the Hub."""
    configs: list[str] = Field(default_factory=list)
    """The Hub's configurations, read one after the other; empty for the default one."""
    files: str | None = None
    """Pattern of the repository's files, "{config}" and "{split}" filled in, if it does not declare its splits."""
    splits: dict[str, Split]
    """Name -> part."""
    licence: str
    """As its owner names it; "none" if no licence is stated; "per row" if each row has its own."""
    caveat: str = ""
    """What to know before using it."""
    kind: Kind | Literal["mixed"]
    """What its answers are."""
    reader: str
    """The function in `readers` that reads a row as the source has it."""
    parts: dict[str, Part] = Field(default_factory=dict)
    """Value of the column `source` -> its meaning, in a dataset compiled from others."""
    printed: str = ""
    """Where the sizes of its parts are printed."""

    def sources(self, role: Role) -> list[str]:
        """What `load_problems` takes for each of its splits of that role: ["gsm8k:test"]."""
        return [f"{self.name}:{name}" for name, split in self.splits.items() if split.role == role]


class SetList(Record):
    """Sets that go together."""

    about: str
    """What they are, in a line."""
    sources: list[str]
    """As `load_problems` takes them: ["gsm8k:test", ...]."""


@lru_cache(maxsize=1)
def datasets() -> dict[str, Dataset]:
    """Name -> dataset, in the table's order."""
    found: dict[str, Dataset] = {}
    for table in ("evaluation", "training", "text"):
        for name, values in _table(table).items():
            found[name] = Dataset(name=name, **values)
    return found


@lru_cache(maxsize=1)
def lists() -> dict[str, SetList]:
    """Name of a list of sets ("mammoth-nine") -> what is in it."""
    return {name: SetList(**values) for name, values in _table("lists").items()}


def datasets_of(name: str) -> list[str]:
    """The sources of a list of sets: datasets_of("mario-four") == ["gsm8k:test", "math:test", ...].

    Raises InputError for a list there is not.
    """
    known = lists()
    if name not in known:
        raise InputError(f"there is no list of datasets `{name}`{did_you_mean(name, known)}; known: {', '.join(known)}")
    return list(known[name].sources)


def evaluation_sets() -> list[Dataset]:
    """Every dataset with a split to evaluate on; `dataset.sources("eval")` names those splits."""
    return [dataset for dataset in datasets().values() if dataset.sources("eval")]


def _table(name: str) -> dict[str, dict[str, Any]]:
    return tomllib.loads((resources.files(__name__) / f"{name}.toml").read_text("utf-8"))
