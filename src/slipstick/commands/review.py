"""`slipstick review RUN`: people review the suspects of an audit, or samples of a run's solutions."""

import getpass
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

from pydantic import Field
from rich.console import Console
from rich.text import Text

from slipstick.audit.ranking import Suspect
from slipstick.commands.audit import SUSPECTS
from slipstick.errors import InputError
from slipstick.recipe import check_settings
from slipstick.review.corrections import ReviewedItem, agreed_corrections, summarize_decisions, write_corrections
from slipstick.review.decisions import DecisionStore, current_decisions
from slipstick.review.queue import Item, Show, find_problem, sample_items
from slipstick.review.screen import review
from slipstick.schema import Record
from slipstick.store import RunFolder, read_records

_REVIEWS = "reviews.jsonl"


class ReviewSettings(Record):
    """Settings of `slipstick review`."""

    reviewer: str = Field(default_factory=getpass.getuser, min_length=1)
    """Who decides."""
    items: Literal["suspects", "samples"] | None = None
    """An audit's suspects, or samples of solutions; None takes suspects if the run has any."""
    max_items: int = Field(default=100, ge=1)
    """How many: the most suspicious suspects, or random samples."""
    seed: int = 0
    """Seed of the random samples."""
    show: Show = "open"
    """open, skipped, disagreements (with what others decided) or all."""
    min_reviewers: int = Field(default=1, ge=1)
    """Reviewers who have to agree before a label counts as correct or incorrect."""
    corrections_file: Path | None = None
    """Ask nothing; write the corrections that reviewers agree on into this file, for `label_corrections`."""


def run_review(target: str, overrides: list[str], console: Console) -> Path:
    """`slipstick review RUN`: a screen over reviews.jsonl in the run's folder, or the corrections agreed on."""
    settings = check_settings({}, ReviewSettings, overrides=overrides)
    folder = RunFolder(target)
    store = DecisionStore(folder.path / _REVIEWS)
    items = _items(folder, settings)
    if settings.corrections_file is None:
        review(items, store, settings.reviewer, show=settings.show, console=console, ask=console.input)
    reviewed = summarize_decisions(items, current_decisions(store.read()), min_reviewers=settings.min_reviewers)
    _print_states(reviewed, store.path, console)
    if path := settings.corrections_file:
        if corrections := agreed_corrections(reviewed):
            write_corrections(path, corrections)
            said = f"{len(corrections):,} corrections: {path}"
        else:
            said = f"no label is agreed to be incorrect, so {path} is not written"
        console.print(said, highlight=False, soft_wrap=True)
    return store.path


def _items(folder: RunFolder, settings: ReviewSettings) -> list[Item]:
    """What there is to review in a run."""
    file = folder.path / SUSPECTS
    if settings.items == "samples" or (settings.items is None and not file.is_file()):
        samples = sample_items(folder, settings.max_items, seed=settings.seed)
        if not samples:
            raise InputError(f"{folder.path} has no solutions and no {SUSPECTS}: audit it first (slipstick audit)")
        return samples
    problems = {problem.id: problem for problem in folder.problems()}
    return [
        Item(id=suspect.id, problem=find_problem(suspect.id, problems), notes=[each.says for each in suspect.evidence])
        for suspect in islice(read_records(file, Suspect), settings.max_items)
    ]


def _print_states(reviewed: Sequence[ReviewedItem], store: Path, console: Console) -> None:
    counts = Counter(each.state for each in reviewed)
    line = ", ".join(f"{count:,} {state}" for state, count in counts.most_common())
    console.print(f"{line}; decisions: {store}", highlight=False, soft_wrap=True)
    for each in reviewed:
        if each.state == "reviewers differ":
            said = ", ".join(f"{one.reviewer} {one.decision} {one.correction or ''}".rstrip() for one in each.decisions)
            console.print(Text(f"  {each.item.id}: {said}"), soft_wrap=True)
