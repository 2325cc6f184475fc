"""Whether GRPO improves a model on problems it was not trained on: `python -m benchmarks.grpo FOLDER [KEY=VALUE ...]`.

FOLDER has the quickstart's model in `train/model` (`slipstick quickstart` makes it in runs/quickstart). The recipe
quickstart-grpo is run on it, with the settings that are given; HELD_OUT is solved greedily before and after. Accuracies
are in percent with the ends of their 95 % intervals; p is McNemar's exact test on the same problems. A control without
learning is the model before: an update of rate 0 changes nothing. What is finished in FOLDER/grpo-* is not run again.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from rich.console import Console

import slipstick
from slipstick.commands import Invocation
from slipstick.commands.train import run_train
from slipstick.metrics.paired import accuracy_by_problem, compare_paired
from slipstick.store import RunFolder, is_run

HELD_OUT = {"digits7": "synthetic:digits7,n=300,seed=2", "known": "synthetic:known,n=200,seed=2"}
"""What the recipe trains on the like of, and what it must not unlearn."""


def solved(model: Path, out: Path, *, format: str) -> RunFolder:
    """A run of the held-out problems by a model."""
    if not (is_run(out) and RunFolder(out).run().status == "finished"):
        slipstick.evaluate(
            list(HELD_OUT.values()), f"hf:{model}", out=out, resume=is_run(out), formats=format, max_tokens=128
        )
    return RunFolder(out)


def compared(before: RunFolder, after: RunFolder, split: str) -> dict[str, Any]:
    """Accuracies of a split before and after, and the test of their difference."""
    asked = {problem.id for problem in before.problems() if problem.metadata["split"] == split}
    first, second = (
        accuracy_by_problem(each for each in run.solutions() if each.problem_id in asked) for run in (before, after)
    )
    found = compare_paired(first, second)
    figures: dict[str, Any] = {"n": found.n, "difference": percent(found.difference), "p": found.p}
    figures["difference_interval"] = [percent(found.low), percent(found.high)]
    for name, run in (("before", before), ("after", after)):
        metric = next(
            each
            for each in run.metrics()
            if (each.measure, each.group_by, each.group) == ("accuracy", "split", split) and each.format
        )
        figures[name] = [percent(metric.value), percent(metric.low), percent(metric.high)]
    return figures


def percent(value: float) -> float:
    """A share in percent, to a tenth."""
    return round(100 * value, 1)


def main() -> None:
    """Evaluates, trains, evaluates again, and prints the figures as JSON."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder, settings = Path(sys.argv[1]), sys.argv[2:]
    out = folder / "grpo-train"
    if not (is_run(out) and RunFolder(out).run().status == "finished"):
        overrides = [f"base={folder / 'train' / 'model'}", *settings]
        run_train(Invocation("quickstart-grpo", overrides, out=out, resume=is_run(out)), Console(stderr=True))
    format = str(tomllib.loads((out / "recipe.toml").read_text())["format"])
    before = solved(folder / "train" / "model", folder / "grpo-before", format=format)
    after = solved(out / "model", folder / "grpo-after", format=format)
    print(json.dumps({split: compared(before, after, split) for split in HELD_OUT} | {"settings": settings}))


if __name__ == "__main__":
    main()
