"""Published accuracies, recomputed from the models' own outputs: `python -m benchmarks.reproduction [--spine]`.

Every program of every output is run again by our interpreter, every answer graded by our grader. The outputs are read
from ../shared/data/trajectories. `spine_gap` is the largest distance from a published figure in points, over the four
rows that docs/reproduction.md shows; `--spine` recomputes only those.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from slipstick.launch import Order
from slipstick.launch.solving import run_evaluate
from slipstick.store import RunFolder

DATA = Path(__file__).parents[2] / "shared" / "data"
TRAJECTORIES = DATA / "trajectories"


class Row(NamedTuple):
    """A published figure and the file of outputs it was computed from."""

    file: str
    format: str
    published: float
    """Percent."""
    problems: str | None = None
    """Evaluation set that says more of the problems than the outputs do: here, that one number is asked for."""


SPINE = [
    Row("tora-70b-v1.0.gsm8k", "tir", 84.3),
    Row("MathCoder-L-7b.gsm8k", "tir", 64.2),
    Row("MathCoder-L-70b.svamp", "tir", 84.9),
    Row("pot-codex.gsm8k.fs", "pot", 71.6),
]
FURTHER = [
    Row("MathCoder-CL-7b.svamp", "tir", 70.7),
    Row("MathCoder-CL-13b.svamp", "tir", 78.0),
    Row("MathCoder-CL-34b.svamp.20230915-1742", "tir", 82.5),
    Row("MathCoder-L-7b.svamp", "tir", 71.5),
    Row("MathCoder-CL-34b.gsm8k.20230913-1304", "tir", 81.7),
    Row("MathCoder-L-70b.gsm8k.20230918-2042", "tir", 83.9),
    Row("MathCoder-CL-7b.simuleq", "tir", 49.6, "simuleq"),
    Row("MathCoder-CL-13b.simuleq", "tir", 60.7, "simuleq"),
    Row("MathCoder-L-7b.simuleq", "tir", 47.5, "simuleq"),
    Row("MathCoder-L-70b.simuleq", "tir", 77.0, "simuleq"),
    Row("pot-codex.gsm8k.zs", "pot", 57.0),
    Row("pot-codex.svamp.zs", "pot", 70.8),
]


def recompute(row: Row, folder: Path, console: Console) -> dict[str, object]:
    """Accuracy, its interval and the share of equal outputs of a row, in percent."""
    file = TRAJECTORIES / f"{row.file}.jsonl.gz"
    overrides = [f"problems={file}", f"model=replay:{file}", f"formats=['{row.format}']"]
    if row.problems:
        overrides[0] = f"problems={DATA / 'eval' / row.problems}.jsonl"
        overrides += ["fields.id=id", "fields.answer=answer"]
    run = RunFolder(run_evaluate(Order("replay", overrides, out=folder / row.file), console))
    metrics = {metric.name: metric for metric in run.metrics()}
    accuracy = metrics[f"accuracy/{row.format}"]
    # The authors of the PoT outputs published results, not what their interpreter printed.
    equal = metrics.get("outputs_equal/tir")
    return {
        "row": row.file,
        "published": row.published,
        "accuracy": round(100 * accuracy.value, 2),
        "interval": [round(100 * accuracy.low, 1), round(100 * accuracy.high, 1)],
        "n": accuracy.n,
        "gap": round(100 * accuracy.value - row.published, 2),
        "outputs_equal": round(100 * equal.value, 2) if equal else None,
        "outputs": equal.n if equal else 0,
    }


def main() -> None:
    """Recomputes the rows, prints them as a table and as JSON."""
    console = Console(stderr=True)
    if not TRAJECTORIES.is_dir():
        raise SystemExit(f"benchmarks.reproduction needs recorded outputs in {TRAJECTORIES}, which is absent")
    wanted = SPINE if "--spine" in sys.argv[1:] else SPINE + FURTHER
    with tempfile.TemporaryDirectory() as folder:
        rows = [recompute(row, Path(folder), console) for row in wanted]
    table = Table("outputs", "published", "ours", "95 % interval", "n", "gap", "outputs equal")
    for row in rows:
        table.add_row(
            *(str(row[key]) for key in ("row", "published", "accuracy", "interval", "n", "gap", "outputs_equal"))
        )
    Console().print(table)
    gaps = [abs(float(str(row["gap"]))) for row in rows]
    print(
        json.dumps(
            {
                "rows": len(rows),
                "within_half_point": sum(gap <= 0.5 for gap in gaps),
                "spine_rows": len(SPINE),
                "spine_gap": max(gaps[: len(SPINE)]),
                "largest_gap": max(gaps),
                "by_row": rows,
            }
        )
    )


if __name__ == "__main__":
    main()
