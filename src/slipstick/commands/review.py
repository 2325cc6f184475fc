"""`slipstick review RUN`: people decide upon the suspects of an audit, or upon samples of a run's solutions."""

from __future__ import annotations

import getpass
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

from pydantic import Field
from rich.console import Console
from rich.text import Text

from slipstick.audit import Suspect
from slipstick.commands.audit import SUSPECTS
from slipstick.errors import InputError, RunFolderError, UserError
from slipstick.problems.label_corrections import Correction, read_corrections
from slipstick.recipe import check_settings
from slipstick.review.corrections import Standing, agreed_corrections, stand
from slipstick.review.decisions import DecisionStore, standing
from slipstick.review.queue import Item, Show
from slipstick.review.screen import review
from slipstick.schema import Problem, Record, Solution
from slipstick.store import RunFolder, read_records, write_atomically

_REVIEWS = "reviews.jsonl"


class ReviewSettings(Record):
    """What `slipstick review` can be told."""

    reviewer: str = Field(default_factory=getpass.getuser, min_length=1)
    """Who decides."""
    what: Literal["suspects", "samples"] | None = None
    """An audit's suspects or samples of solutions; None takes suspects where the run has any."""
    first: int = Field(default=100, ge=1)
    """How many: the most suspicious, or samples drawn at random."""
    seed: int = 0
    """Which samples are drawn."""
    show: Show = "open"
    """open, skipped, disagreements (with what others said) or all."""
    min_reviewers: int = Field(default=1, ge=1)
    """Reviewers who have to say the same before a label counts as wrong or right."""
    patch: Path | None = None
    """Ask nothing; write the corrections that reviewers agree upon into this patch file."""


def run_review(target: str, overrides: list[str], console: Console) -> Path:
    """`slipstick review RUN`: a screen over reviews.jsonl in the run's folder; with `patch` what was agreed upon."""
    settings = check_settings({}, ReviewSettings, overrides=overrides)
    folder = RunFolder(target)
    store = DecisionStore(folder.path / _REVIEWS)
    items = _items(folder, settings)
    if settings.patch is None:
        review(items, store, settings.reviewer, show=settings.show, console=console, ask=console.input)
    standings = stand(items, standing(store.read()), min_reviewers=settings.min_reviewers)
    _show(standings, store.path, console)
    if settings.patch is not None:
        _write_patch(settings.patch, agreed_corrections(standings), console)
    return store.path


def _items(folder: RunFolder, settings: ReviewSettings) -> list[Item]:
    """What there is to decide in a run."""
    problems = {problem.id: problem for problem in folder.problems()}
    suspects_file = folder.path / SUSPECTS
    if settings.what == "samples" or (settings.what is None and not suspects_file.is_file()):
        samples = _draw(list(folder.solutions()), settings)
        if not samples:
            raise InputError(f"{folder.path} has no solutions and no {SUSPECTS}: audit it first (slipstick audit)")
        return [Item(id=each.id, problem=_find(each.problem_id, problems), solution=each) for each in samples]
    suspects = islice(read_records(suspects_file, Suspect), settings.first)
    return [
        Item(id=suspect.id, problem=_find(suspect.id, problems), notes=[each.says for each in suspect.evidence])
        for suspect in suspects
    ]


def _find(problem_id: str, problems: Mapping[str, Problem]) -> Problem:
    if problem_id not in problems:
        raise RunFolderError(f"the run is damaged: its problems.jsonl lacks {problem_id}; make the run anew")
    return problems[problem_id]


def _draw(solutions: Sequence[Solution], settings: ReviewSettings) -> list[Solution]:
    """A random sample, the same for every reviewer; a longer one begins with a shorter one."""
    order = sorted(solutions, key=lambda solution: solution.id)
    random.Random(settings.seed).shuffle(order)
    return order[: settings.first]


def _show(standings: Sequence[Standing], store: Path, console: Console) -> None:
    counts = Counter(each.state for each in standings)
    line = ", ".join(f"{count:,} {state}" for state, count in counts.most_common())
    console.print(f"{line}; decisions: {store}", highlight=False, soft_wrap=True)
    for each in standings:
        if each.state == "reviewers differ":
            said = ", ".join(
                f"{made.reviewer} {made.decision} {made.correction or ''}".rstrip() for made in each.decisions
            )
            console.print(Text(f"  {each.item.id}: {said}"), soft_wrap=True)


def _write_patch(path: Path, corrections: Sequence[Correction], console: Console) -> None:
    """Writes a patch file; one that is there may only grow. Raises UserError where a line of it would be lost."""
    if not corrections:
        console.print(f"no label is agreed to be wrong, so {path} is not written", highlight=False, soft_wrap=True)
        return
    if path.exists():
        new = {(each.id, str(each.new)) for each in corrections}
        placed = read_corrections([path])
        lost = [name for name, line in placed.items() if (name, str(line.correction.new)) not in new]
        if lost:
            raise UserError(
                f"{path} has {len(lost)} corrections that these reviews do not, {lost[0]} first: write to another file "
                "with --set patch=FILE; a recipe takes several (label_corrections = [...])"
            )
    write_atomically(path, "".join(f"{each.model_dump_json()}\n" for each in corrections))
    console.print(f"{len(corrections):,} corrections: {path}", highlight=False, soft_wrap=True)
