"""Runs the first steps of a training recipe in a process of its own, to measure its speed and memory."""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from slipstick.errors import UserError
from slipstick.schema import Record
from slipstick.train.sources import TrainRecipe

_WARMUP_STEPS = 3  # not measured: the first ones allocate memory


class DryRunResult(Record):
    """What was measured."""

    start_seconds: float
    """From the command to the first step: reading, encoding, opening the model."""
    tokens_per_second: float
    """Of the steps after the first few."""
    peak_bytes: float
    """Most memory of all its processes together, shared memory counted once (resident set); on a GPU, of the GPU."""
    total_tokens: int
    """Tokens the whole run will be trained on."""


class _Enough(Exception):  # noqa: N818  no error: the dry run is over
    pass


def dry_run(recipe: TrainRecipe, *, seconds: float) -> DryRunResult:
    """Trains for so many seconds by the recipe and discards the result. Raises UserError if it fails."""
    command = [sys.executable, "-m", __name__, recipe.model_dump_json(), str(seconds)]
    began = time.monotonic()
    peak = 0.0
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:  # an unread pipe would fill up
        with subprocess.Popen(command, stdout=out, stderr=err) as process:
            while process.poll() is None:
                peak = max(peak, tree_bytes(process.pid))
                time.sleep(0.1)
        out.seek(0)
        err.seek(0)
        printed, complaint = out.read().splitlines(), err.read().splitlines()
    if process.returncode:
        raise UserError(f"the first steps of this recipe fail: {''.join(complaint[-1:]) or process.returncode}")
    measured: dict[str, Any] = json.loads(printed[-1])
    if "error" in measured:
        raise UserError(f"the first steps of this recipe fail: {measured['error']}")
    return DryRunResult(
        start_seconds=measured["first"] - began, peak_bytes=measured["on_gpu"] or peak, **measured["rest"]
    )


def tree_bytes(pid: int) -> float:
    """Current memory of a process, and of its children what they do not share with it."""
    return _bytes(pid, "Rss:") + sum(_bytes(child, "Private_Clean:", "Private_Dirty:") for child in _children(pid))


def _children(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):  # they may end while they are looked at
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text("ascii").split():
                yield int(child)
                yield from _children(int(child))


def _bytes(pid: int, *names: str) -> float:
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
        return sum(1024.0 * int(line.split()[1]) for line in lines if line.startswith(names))
    return 0.0


def _train_for(recipe: TrainRecipe, seconds: float) -> dict[str, Any]:
    from slipstick.train import train, train_on_texts
    from slipstick.train.build import device_of, most_on_gpu

    marks: list[tuple[float, int, int]] = []

    def mark(done: int, total: int, loss: float) -> None:
        marks.append((time.monotonic(), done, total))
        if len(marks) > _WARMUP_STEPS + 2 and marks[-1][0] - marks[_WARMUP_STEPS][0] > seconds:
            raise _Enough

    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(_Enough):
        if recipe.stage == "cpt":
            train_on_texts(recipe.texts(), settings=recipe, out=Path(folder), progress=mark)
        else:
            train(recipe.pairs(), settings=recipe, out=Path(folder), progress=mark)
    (begun, early, _), (ended, late, total) = marks[min(_WARMUP_STEPS, len(marks) - 1)], marks[-1]
    rate = (late - early) / max(ended - begun, 1e-6) if late > early else late / max(ended - marks[0][0], 1e-3)
    on_gpu = None if device_of(recipe) == "cpu" else most_on_gpu()
    return {"first": marks[0][0], "rest": {"tokens_per_second": rate, "total_tokens": total}, "on_gpu": on_gpu}


if __name__ == "__main__":
    try:
        result = _train_for(TrainRecipe.model_validate_json(sys.argv[1]), float(sys.argv[2]))
    except UserError as error:
        result = {"error": str(error)}
    print(json.dumps(result))
