"""The verdicts of each grading profile on the same outputs: `python -m benchmarks.profiles`.

Reads recorded answers and labelled pairs from ../shared. First table: correct answers of every recorded run by every
profile, and the accuracy that the run's authors published. Second: accuracy, false positives (of the incorrect ones)
and false negatives (of the correct ones) on the labelled pairs, and the same figures of the graders themselves.
`undecided` counts as not accepted. The last line is a JSON object.
"""

from __future__ import annotations

import gzip
import json
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import slipstick
from slipstick.equivalence import PROFILES, compare_stream
from slipstick.metrics.intervals import wilson

SHARED = Path(__file__).parents[2] / "shared"
RUNS = {
    "MathCoder-L-7b.gsm8k": "number",
    "tora-70b-v1.0.gsm8k": "number",
    "MathCoder-L-70b.svamp": "number",
    "MathCoder-CL-13b.mathematics": "number",
    "MathCoder-CL-7b.simuleq": "number",
    "MathCoder-L-7b.math.correct-only": "latex",
    "pot-codex.tabmwp.fs": None,
}
"""Recorded runs and the kind of their problems, which chooses MAmmoTH's rule."""
ROWS = 1500
"""Rows read of each run, from its beginning."""
MEASURED = {
    "tora": (69.9, 10.4, 43.0),
    "qwen": (68.5, 17.0, 41.0),
    "mario": (81.2, 11.8, 23.3),
    "math-verify": (88.0, 1.7, 18.7),
}
"""Accuracy, false positives and false negatives of the graders themselves on the same pairs, in percent."""


def recorded(run: str) -> list[dict[str, Any]]:
    """The first rows of a recorded run."""
    with gzip.open(SHARED / "data" / "trajectories" / f"{run}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in islice(lines, ROWS)]


def as_text(value: Any) -> str:
    """A recorded answer as a string; "" if there is none."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def measure_runs(console: Console) -> dict[str, dict[str, Any]]:
    """How many answers of each run each profile accepts, and how many it leaves undecided."""
    rows = {run: recorded(run) for run in RUNS}
    pairs = {
        run: [(as_text(row["recorded_answer"]), as_text(row["gold"]), kind) for row in rows[run]]
        for run, kind in RUNS.items()
    }
    figures: dict[str, dict[str, Any]] = {
        run: {"n": len(rows[run]), "published": rows[run][0].get("paper_accuracy"), "right": {}, "undecided": {}}
        for run in RUNS
    }
    distinct = list(dict.fromkeys(pair for run in RUNS for pair in pairs[run]))
    for profile in PROFILES:
        console.print(f"{profile}: {len(distinct)} distinct recorded pairs")
        outcomes = {
            pair: verdict.outcome
            for pair, verdict in zip(distinct, compare_stream(distinct, profile=profile), strict=True)
        }
        for run in RUNS:
            said = [outcomes[pair] for pair in pairs[run]]
            figures[run]["right"][profile] = said.count("correct")
            figures[run]["undecided"][profile] = said.count("undecided")
    return figures


def measure_pairs() -> dict[str, dict[str, Any]]:
    """Accuracy with its 95 % interval, false positives and false negatives of each profile, in percent."""
    rows = [json.loads(line) for line in (SHARED / "grading" / "pairs.jsonl").read_text().splitlines()]
    figures = {}
    for profile in PROFILES:
        accepted = [accepts(row, profile) for row in rows]
        by_label = {
            label: [said for row, said in zip(rows, accepted, strict=True) if row["label"] is label]
            for label in (True, False)
        }
        right = sum(by_label[True]) + by_label[False].count(False)
        low, high = wilson(right, len(rows))
        figures[profile] = {
            "accuracy": round(100 * right / len(rows), 1),
            "interval": [round(100 * low, 1), round(100 * high, 1)],
            "fp": round(100 * sum(by_label[False]) / len(by_label[False]), 1),
            "fn": round(100 * by_label[True].count(False) / len(by_label[True]), 1),
            "n": len(rows),
        }
    return figures


def accepts(row: dict[str, Any], profile: str) -> bool:
    """Whether a profile takes a labelled answer, or the answer of a labelled output, for the gold."""
    judge = slipstick.grade if row["mode"] == "output" else slipstick.compare
    return judge(row["pred"], row["gold"], profile=profile).outcome == "correct"


def main() -> None:
    """Measures, prints two tables and the JSON object."""
    if not SHARED.is_dir():
        raise SystemExit(f"benchmarks.profiles needs recorded answers and labelled pairs in {SHARED}, which is absent")
    runs = measure_runs(Console(stderr=True))
    pairs = measure_pairs()
    console = Console(width=160)
    table = Table("run", "n", "published", *PROFILES, title="correct answers, percent (undecided)")
    for run, figures in runs.items():
        said = (
            f"{100 * figures['right'][profile] / figures['n']:.1f} ({figures['undecided'][profile]})"
            for profile in PROFILES
        )
        table.add_row(run, str(figures["n"]), str(figures["published"]), *said)
    console.print(table)
    table = Table("profile", "accuracy", "95 % interval", "FP", "FN", "the grader itself", title="labelled pairs")
    for profile, rate in pairs.items():
        interval = "{} to {}".format(*rate["interval"])
        itself = " / ".join(map(str, MEASURED.get(profile, ("not measured",))))
        table.add_row(profile, str(rate["accuracy"]), interval, str(rate["fp"]), str(rate["fn"]), itself)
    console.print(table)
    print(json.dumps({"runs": runs, "pairs": pairs, "measured": MEASURED}))


if __name__ == "__main__":
    main()
