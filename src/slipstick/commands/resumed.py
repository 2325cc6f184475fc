"""What an interrupted run has: its solutions without those that failed by no fault of the model, and their cost."""

from collections.abc import Sequence

from slipstick.solve.hybrid import Spent, spent_alone
from slipstick.store import RunFolder


def take_over(folder: RunFolder, formats: Sequence[str]) -> tuple[float, int]:
    """US dollars that an interrupted run has spent, and its solutions; those that we failed at are removed."""
    spent, count = Spent(), 0
    for solution in folder.solutions():
        spent, count = spent.plus(spent_alone(solution, formats)), count + 1
    drop_failed(folder)
    return spent.cost, count


def drop_failed(folder: RunFolder) -> set[str]:
    """Removes the solutions at which a server or the interpreter failed; the ids of their problems."""
    every = ((solution, (solution, *solution.previous_attempts)) for solution in folder.solutions())
    failed = {one.id: one.problem_id for one, attempts in every if any(attempt.failed for attempt in attempts)}
    if failed:
        folder.rearrange(key for key in folder.index() if key not in failed)
        (folder.path / "verdicts.jsonl").unlink(missing_ok=True)
    return set(failed.values())
