"""The card of a data set, written from the run that made it: nothing in it is claimed, all of it was counted.

Follows the Hub's dataset card: a head of metadata, then composition, licences, who wrote it and what that cost,
corrected labels, overlaps with evaluation sets, what was left out, and how to build it again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import Field

from slipstick.schema import Problem, Record, Run
from slipstick.store import RunFolder

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_HUB_LICENCES = {
    "mit": "mit",
    "apache-2.0": "apache-2.0",
    "cc-by-4.0": "cc-by-4.0",
    "cc-by-sa-4.0": "cc-by-sa-4.0",
    "cc-by-nc-4.0": "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0": "cc-by-nc-sa-4.0",
}
_UNKNOWN = "not stated"


class Part(Record):
    """Rows of one source, format and writer."""

    source: str
    format: str
    writer: str
    """Model or method that wrote them."""
    rows: int = 0
    tokens: int = 0
    """Tokens that the writer generated, where it is a model."""
    cost: float = 0.0
    """US dollars."""


class Counted(Record):
    """What a run's rows amount to."""

    parts: list[Part]
    """By source, format and writer."""
    problems: int
    licences: dict[str, int]
    """Licence -> rows."""
    dropped: dict[str, int]
    """Rule -> rows it took out, most first."""


class Origin(Record):
    """A run that the data was made from, itself included."""

    path: str
    run: Run
    patches: list[str] = Field(default_factory=list)
    """Files of corrected labels that were put in as its problems were loaded."""


def count_rows(folder: RunFolder) -> Counted:
    """Counts the correct solutions of a run, and its drops."""
    problems: dict[str, Problem] = {problem.id: problem for problem in folder.problems()}
    parts: dict[tuple[str, str, str], Part] = {}
    licences: Counter[str] = Counter()
    for solution in folder.solutions():
        if solution.verdict is None or solution.verdict.outcome != "correct":
            continue
        key = (solution.problem_id.partition("/")[0], solution.format, solution.model)
        old = parts.get(key) or Part(source=key[0], format=key[1], writer=key[2])
        parts[key] = old.model_copy(
            update={"rows": old.rows + 1, "tokens": old.tokens + solution.tokens, "cost": old.cost + solution.cost}
        )
        licences[problems[solution.problem_id].licence or _UNKNOWN] += 1
    dropped = Counter(drop.rule for drop in folder.dropped())
    return Counted(
        parts=[parts[key] for key in sorted(parts)],
        problems=len(problems),
        licences=dict(licences.most_common()),
        dropped=dict(dropped.most_common()),
    )


def find_origins(folder: RunFolder) -> list[Origin]:
    """The run and the runs its recipe names as `data`, first ones first; folders that are gone are left out."""
    run = folder.run()
    named = run.recipe.get("data") or []
    before: list[Origin] = []
    for path in [named] if isinstance(named, str) else named:
        if (Path(path) / "run.json").is_file():
            before += find_origins(RunFolder(path))
    patches = [str(path) for path in run.recipe.get("label_corrections") or []]
    seen = {origin.path: origin for origin in [*before, Origin(path=str(folder.path), run=run, patches=patches)]}
    return list(seen.values())


def render_card(folder: RunFolder, files: Mapping[str, int], *, name: str | None = None) -> str:
    """The card as Markdown, its metadata as YAML at the head.

    files: exported file -> rows. name: of the data set; by default that of the run.
    """
    counted = count_rows(folder)
    origins = find_origins(folder)
    rows = sum(part.rows for part in counted.parts)
    card: str = _template().render(
        name=name or folder.run().name,
        counted=counted,
        rows=rows,
        cost=sum(part.cost for part in counted.parts),
        licence=_hub_licence(counted.licences),
        size=next((size for most, size in _SIZES if rows < most), "n>1M"),
        configs=_configs(files),
        files=files,
        origins=origins,
        recipes={origin.path: _recipe(Path(origin.path)) for origin in origins},
        made=_composition(folder),
        run=folder.run(),
        correct=_corrections(origins),
    )
    return card


def _hub_licence(licences: Mapping[str, int]) -> str:
    """The one licence of all rows as the Hub names it; "other" where there are several or the Hub has no name."""
    found = {_HUB_LICENCES.get(licence.lower(), "other") for licence in licences}
    return found.pop() if len(found) == 1 else "other"


def _configs(files: Mapping[str, int]) -> dict[str, dict[str, str]]:
    """Shape -> split -> file."""
    configs: dict[str, dict[str, str]] = {}
    for file in files:
        shape, _, split = file.partition(".")[0].partition("-")
        configs.setdefault(shape, {})[split or "train"] = file
    return configs


def _composition(folder: RunFolder) -> dict[str, Any]:
    """What curation counted, where the run is one of `curate`."""
    file = folder.path / "composition.json"
    found: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return found


def _recipe(path: Path) -> str:
    file = path / "recipe.toml"
    return file.read_text("utf-8").strip() if file.is_file() else ""


def _corrections(origins: list[Origin]) -> dict[str, int]:
    """Patch file -> its corrections; -1 for a file that is gone."""
    counts = {}
    for patch in (patch for origin in origins for patch in origin.patches):
        path = Path(patch)
        counts[patch] = sum(1 for line in path.open(encoding="utf-8") if line.strip()) if path.is_file() else -1
    return counts


def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("slipstick.card", package_path=""),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["n"] = lambda number: f"{number:,}"
    return environment.get_template("card.md.j2")
