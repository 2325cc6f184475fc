"""What `slipstick grade` says: of files before it grades them, and of another tool's verdicts afterwards."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import Field
from rich.console import Console

from slipstick.agreement import agreement_table, compare_with_recorded, disagreements_table
from slipstick.errors import counted
from slipstick.evaluate import GradeSettings
from slipstick.importers import Attempt, Recorded, Source
from slipstick.judge import JudgeSettings
from slipstick.report import write_report
from slipstick.schema import Drop
from slipstick.store import RunFolder, read_records, write_records

RECORDED = "recorded.jsonl"
DISAGREEMENTS = "disagreements.jsonl"


class KeptSettings(GradeSettings, JudgeSettings):
    """Settings of grading that a run keeps, so that it is graded by them again."""


class GradeRunSettings(KeptSettings):
    """Settings of `slipstick grade` for a finished run."""

    print_top: int = Field(default=10, ge=0)
    """How many disagreements with another tool's verdicts are printed; disagreements.jsonl has all."""
    limit: int | None = Field(default=None, ge=1)
    """Grade only the first `limit` problems of each set; a finished run's need a folder of their own (--out)."""


def notices(
    sources: Sequence[Source], skipped: Mapping[Path, str], attempts: Sequence[Attempt], drops: Sequence[Drop]
) -> Iterator[str]:
    """One line for what was skipped, guessed, dropped, is empty, and has no gold."""
    for why in dict.fromkeys(skipped.values()):
        names = [path.name for path, reason in skipped.items() if reason == why]
        yield f"skipped {len(names)} {why}: {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
    for source in sources:
        if source.field_map:
            yield f"{source.path.name}: " + ", ".join(f"{field} = `{key}`" for field, key in source.field_map.items())
    if drops:
        yield f"dropped {len(drops):,} of {len(attempts) + len(drops):,} samples: {drops[0].reason}"
    empty = [one.recorded[0].where for one in attempts if "".join(b.text for b in one.solution.blocks).strip() == ""]
    if empty:
        yield f"{len(empty):,} of {len(attempts):,} outputs are empty, {empty[0]} first: no answer"
    without = list(dict.fromkeys(one.problem.id for one in attempts if not one.problem.answer))
    if without:
        yield f"{counted(len(without), 'problem')} without a gold, {without[0]} first: undecided"


def print_agreement(folder: RunFolder, settings: GradeRunSettings, console: Console) -> None:
    """Writes disagreements.jsonl and prints the counts, if the run holds another tool's verdicts."""
    recorded = list(read_records(folder.path / RECORDED, Recorded, missing_ok=True))
    if not recorded:
        return
    counts, found = compare_with_recorded(folder.problems(), folder.solutions(), recorded, profile=settings.profile)
    write_records(folder.path / DISAGREEMENTS, found)
    write_report(folder)  # now with the disagreements
    console.print(agreement_table(counts))
    if found and settings.print_top:
        console.print(disagreements_table(found, most=settings.print_top))
    path = folder.path / DISAGREEMENTS
    console.print(f"{counted(len(found), 'disagreement')}: {path}", highlight=False, soft_wrap=True)
