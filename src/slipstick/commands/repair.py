"""`slipstick repair RUN`: moves rows that cannot be read out of a run's files, so that every command reads it again."""

from rich.console import Console

from slipstick.recipe import check_settings
from slipstick.repair import repair
from slipstick.schema import Record
from slipstick.store import RunFolder


class RepairSettings(Record):
    """Settings of `slipstick repair`: there are none."""


def run_repair(target: str, overrides: list[str], console: Console) -> None:
    """Prints, for each file that was repaired, how many rows stayed and where the others are."""
    check_settings({}, RepairSettings, overrides=overrides)
    repaired = repair(target)
    for file in repaired:
        moved = f"{file.moved:,} moved to {file.beside}" if file.moved else "rows that stood on one line parted"
        console.print(f"{file.name}: {file.kept:,} sound rows kept, {moved}", highlight=False, soft_wrap=True)
    run = RunFolder(target).run()
    if not repaired:
        said = f"{target} is sound: every row of it can be read"
    elif run.status == "stopped":
        said = f"To make what is missing again: slipstick {run.verb} with the run's recipe, --out {target} --resume"
    else:
        said = f"{target} can be read again"
    console.print(said, highlight=False, soft_wrap=True)
