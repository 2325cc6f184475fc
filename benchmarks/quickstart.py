"""Accuracy of the quickstart's model, and the time it takes: `python -m benchmarks.quickstart [SEED ...]`.

Accuracies are in percent, means over the seeds; `by_seed` has those of each, with the ends of the intervals.
`p_hybrid_pot` and `p_hybrid_cot` are McNemar's exact two-sided p, hybrid compared with each alone on the problems of
`mix`; above `by_seed` they are the largest of the seeds.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Any

from rich.console import Console

from slipstick.commands.quickstart import run_quickstart
from slipstick.metrics.labels import metric_label
from slipstick.metrics.paired import accuracy_by_problem, compare_paired
from slipstick.store import RunFolder

FIGURES = {
    "pot_known": "accuracy, pot, known",
    "tir_known": "accuracy, tir, known",
    "pot_combination": "accuracy, pot, phrasing",
    "pot_unseen": "accuracy, pot, skeleton",
    "tir_unseen": "accuracy, tir, skeleton",
    "pot_digits7": "accuracy, pot, digits7",
    "cot_3digit": "accuracy, cot, digits3",
    "abstract_cot": "accuracy, cot, abstract",
    "hybrid": "accuracy, hybrid, mix",
    "cot_mix": "accuracy, cot, mix",
    "pot_mix": "accuracy, pot, mix",
    "tir_mix": "accuracy, tir, mix",
}


def measure(seed: int, folder: Path) -> dict[str, object]:
    """The figures of one quickstart."""
    began = time.monotonic()
    run = RunFolder(run_quickstart(folder, [f"seed={seed}"], Console(stderr=True)))
    minutes = round((time.monotonic() - began) / 60, 2)
    metrics = {metric_label(metric): metric for metric in run.metrics()}
    return {
        "minutes": minutes,
        **{key: round(100 * metrics[name].value, 1) for key, name in FIGURES.items()},
        **{f"p_hybrid_{other}": p_against(run, other) for other in ("pot", "cot")},
        "intervals": {k: [round(100 * metrics[n].low, 1), round(100 * metrics[n].high, 1)] for k, n in FIGURES.items()},
        "n": {key: metrics[name].n for key, name in FIGURES.items()},
    }


def p_against(run: RunFolder, other: str) -> float:
    """McNemar's exact p of hybrid against another format on `mix`; 1 if hybrid is not the better one."""
    mix = {problem.id for problem in run.problems() if problem.metadata["split"] == "mix"}
    solved = {
        format: accuracy_by_problem(s for s in run.solutions() if s.format == format and s.problem_id in mix)
        for format in (other, "hybrid")
    }
    compared = compare_paired(solved[other], solved["hybrid"])
    return compared.p if compared.difference > 0 else 1.0


def main() -> None:
    """Runs the quickstart once per seed and prints its figures."""
    seeds = [int(seed) for seed in sys.argv[1:]] or [0, 1, 2]
    by_seed: dict[int, dict[str, Any]] = {}
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            by_seed[seed] = measure(seed, Path(folder))
    means = {key: round(mean(row[key] for row in by_seed.values()), 2) for key in ["minutes", *FIGURES]}
    worst = {key: max(row[key] for row in by_seed.values()) for key in ("p_hybrid_pot", "p_hybrid_cot")}
    print(json.dumps({**means, **worst, "seeds": seeds, "by_seed": by_seed}))


if __name__ == "__main__":
    main()
