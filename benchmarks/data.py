"""The mathinstruct recipe from local files to an exported set with its card, and the known contamination.

    python -m benchmarks.data [--parts recipe overlaps]

Reads ../shared/data, calls no model. `gsm8k_pot`, `gsm8k_tir`, `mathqa_pot` count problems with a solution whose
program was run and printed the gold; `minutes` and `peak_gib` are those of synthesize, curate and export together, in a
separate process and its children (memory: the largest process). `overlaps_known` are the pairs of equal training
and evaluation questions that the data pack lists, `overlaps_found` those that `slipstick.curate.contamination` finds.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from slipstick.schema import Problem
from slipstick.store import RunFolder

SHARED = Path("../shared/data")
PAIRS = SHARED / "label_errors" / "train_eval_exact_overlap.jsonl"


def build(folder: Path) -> None:
    """Synthesize, curate, export, as users call them; writes their times and memory into the folder."""
    from rich.console import Console

    from slipstick.commands import Invocation
    from slipstick.commands.curate import run_curate
    from slipstick.commands.export import run_export
    from slipstick.commands.synthesize import run_synthesize

    os.environ["SLIPSTICK_PROBLEMS_DIR"] = str(SHARED.resolve())
    console = Console(stderr=True)
    marks = {"begin": time.monotonic()}
    made = run_synthesize(Invocation("mathinstruct", out=folder / "made"), console)
    marks["synthesize"] = time.monotonic()
    curated = run_curate(Invocation("mathinstruct-curate", [f'data="{made}"'], out=folder / "curated"), console)
    marks["curate"] = time.monotonic()
    run_export(Invocation(str(curated), ['shapes="alpaca"'], out=folder / "exports"), console)
    marks["export"] = time.monotonic()
    used = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = [sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    (folder / "used.json").write_text(json.dumps({"marks": marks, "peak": max(used) / 2**20, "cpu": sum(cpu)}))


def rebuild() -> dict[str, Any]:
    """The figures of the whole recipe."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = multiprocessing.get_context("spawn").Process(target=build, args=(folder,))
        process.start()
        process.join()
        used = json.loads((folder / "used.json").read_text())
        marks = used["marks"]
        run = RunFolder(folder / "made")
        kept = Counter((solution.problem_id.split("/")[0], solution.format) for solution in run.solutions())
        dropped = Counter((row.rule, row.row["id"].partition("#")[2][:3]) for row in run.dropped())
        exported = sorted(str(path.relative_to(folder)) for path in (folder / "exports").rglob("*") if path.is_file())
        steps = list(marks)
        return {
            "gsm8k_pot": kept["gsm8k", "pot"],
            "gsm8k_tir": kept["gsm8k", "tir"],
            "mathqa_pot": sum(count for (source, form), count in kept.items() if "mathqa" in source and form == "pot"),
            "minutes": round((marks["export"] - marks["begin"]) / 60, 2),
            "peak_gib": round(used["peak"], 2),
            "cpu_minutes": round(used["cpu"] / 60, 2),
            "seconds": {step: round(marks[step] - marks[before]) for before, step in pairwise(steps)},
            "kept": {"/".join(key): count for key, count in sorted(kept.items())},
            "dropped": {f"{rule} ({form})": count for (rule, form), count in dropped.most_common()},
            "curated": RunFolder(folder / "curated").run().counts,
            "exported": exported,
        }


def overlaps() -> dict[str, int]:
    """How many of the known pairs of equal questions are found."""
    from slipstick.curate.contamination import find_overlaps as find

    known: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for line in PAIRS.read_text("utf-8").splitlines():
        pair = json.loads(line)
        sets = pair["train_id"].split("/")[0], pair["eval_id"].split("/")[0]
        known[sets].add((pair["train_id"], pair["eval_id"]))
    train, evaluation = questions(SHARED / "train"), questions(SHARED / "eval")
    by_set: dict[str, set[str]] = defaultdict(set)
    for train_set, eval_set in known:
        by_set[train_set].add(eval_set)
    found = 0
    for train_set, eval_sets in by_set.items():
        held = [problem for name in eval_sets for problem in evaluation[name]]
        hits = {(hit.problem_id, hit.evaluation_id) for hit in find(train[train_set], held)}
        found += sum(len(known[train_set, name] & hits) for name in eval_sets)
    return {"overlaps_found": found, "overlaps_known": sum(map(len, known.values()))}


def questions(folder: Path) -> dict[str, list[Problem]]:
    """First part of the id -> questions of the files in a folder."""
    from slipstick.tabular import read_rows

    found: dict[str, list[Problem]] = defaultdict(list)
    for path in sorted(folder.glob("*.jsonl*")):
        for row in read_rows(path):
            problem = Problem(id=row.values["id"], text=row.values["question"])
            found[problem.id.split("/")[0]].append(problem)
    return found


def main() -> None:
    """Prints the figures as one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=("recipe", "overlaps"), default=["recipe", "overlaps"])
    parts = parser.parse_args().parts
    if not SHARED.is_dir():
        print(json.dumps({"skipped": f"{SHARED} is absent"}))
        return
    figures: dict[str, Any] = rebuild() if "recipe" in parts else {}
    figures |= overlaps() if "overlaps" in parts else {}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
