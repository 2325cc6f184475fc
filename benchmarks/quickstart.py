"""How good the quickstart's model gets, and how long it takes: `python -m benchmarks.quickstart [SEED ...]`.

Accuracies are in percent, means over the seeds; `by_seed` has each, with the interval's ends.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean

from rich.console import Console

from slipstick.launch.quickstart import run_quickstart
from slipstick.schema import Metric
from slipstick.store import RunFolder

FIGURES = {
    "pot_known": "accuracy/pot/known",
    "tir_known": "accuracy/tir/known",
    "pot_unseen": "accuracy/pot/phrasing",
    "pot_skeleton": "accuracy/pot/skeleton",
    "cot_3digit": "accuracy/cot/digits3",
    "abstract_cot": "accuracy/cot/abstract",
    "hybrid": "accuracy/hybrid/mix",
    "cot_mix": "accuracy/cot/mix",
    "pot_mix": "accuracy/pot/mix",
    "tir_mix": "accuracy/tir/mix",
}


def measure(seed: int, folder: Path) -> tuple[float, dict[str, Metric]]:
    """Minutes and metrics by name of one quickstart."""
    began = time.monotonic()
    run = run_quickstart(folder, [f"seed={seed}"], Console(stderr=True))
    minutes = (time.monotonic() - began) / 60
    return minutes, {metric.name: metric for metric in RunFolder(run).metrics()}


def main() -> None:
    """Runs the quickstart once a seed and prints its figures."""
    seeds = [int(seed) for seed in sys.argv[1:]] or [0]
    by_seed = {}
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            minutes, metrics = measure(seed, Path(folder))
        figures = {key: round(100 * metrics[name].value, 1) for key, name in FIGURES.items()}
        ends = {key: [round(100 * metrics[n].low, 1), round(100 * metrics[n].high, 1)] for key, n in FIGURES.items()}
        counts = {key: metrics[name].n for key, name in FIGURES.items()}
        best = max(figures["cot_mix"], figures["pot_mix"], figures["tir_mix"])
        by_seed[seed] = {"minutes": round(minutes, 2), **figures, "best_single": best, "intervals": ends, "n": counts}
    keys = ["minutes", *FIGURES, "best_single"]
    means = {key: round(mean(row[key] for row in by_seed.values()), 2) for key in keys}  # type: ignore[type-var]
    print(json.dumps({**means, "seeds": seeds, "by_seed": by_seed}))


if __name__ == "__main__":
    main()
