"""A judge of known error rates on labelled pairs: whether the corrected figure is the one expected.

    python -m benchmarks.judge [--pairs FILE] [--keep DIR]

Reads the labelled pairs of answers in ../shared/grading/pairs.jsonl (pred, gold, label). A random half becomes a run,
the other half the labelled set. Rules grade the run; a scripted judge, which knows every label and errs with the
chances given, is asked as `slipstick grade RUN --set judge=...` asks any judge. One line of JSON for each judge:

measured, answers: the error rates on those labelled pairs that rules do not call correct, and of how many correct and
incorrect pairs. pairs, labels: of the run, of the labelled set. asked: pairs that rules do not call correct.
rules_accuracy, judged_accuracy, corrected, interval: the report's figures in percent. expected: what the corrected
figure estimates, the pairs that rules call correct and those of the others whose label is correct. covered: whether the
interval holds it.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.grade import run_grade
from slipstick.judge import Pair, read_summary
from slipstick.judge.chosen import choose
from slipstick.judge.labelled import read_labels
from slipstick.judge.summary import NOT_ACCEPTED
from slipstick.schema import Problem, Run, Solution, Text
from slipstick.store import RunFolder

PAIRS = Path(__file__).parents[2] / "shared" / "grading" / "pairs.jsonl"
JUDGES = (
    ("slipstick", 1.0, 1.0),
    ("slipstick", 0.95, 0.97),
    ("slipstick", 0.85, 0.9),
    ("slipstick", 0.7, 0.8),
    ("mammoth", 0.95, 0.97),
    ("mammoth", 0.85, 0.9),
)
"""Grading profile, and the judge's sensitivity and specificity."""


def read_pairs(path: Path) -> list[dict[str, Any]]:
    """The pairs, shuffled with a fixed seed; of pairs that are equal the first."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    distinct = {json.dumps([row.get("question"), row["gold"], row["pred"]]): row for row in reversed(rows)}
    return random.Random(0).sample(list(distinct.values()), len(distinct))


def write_run(folder: Path, rows: Iterable[dict[str, Any]]) -> RunFolder:
    """A run whose solutions are pairs: answers as they are, outputs as what a model said."""
    run = Run(name=folder.name, verb="grade", status="running", started=datetime.now(UTC), recipe={})
    made, problems = RunFolder.start(folder, run), []
    for row in rows:
        problems.append(Problem(id=row["id"], text=row.get("question") or "", answer=row["gold"]))
        output = row["mode"] == "output"
        blocks, answer = ([Text(text=row["pred"])], None) if output else ([], row["pred"])
        made.append(Solution(id=f"{row['id']}#cot#0", problem_id=row["id"], format="cot", blocks=blocks, answer=answer))
    made.write_problems(problems)
    made.finish("finished", counts={}, metrics=[])
    return made


def write_labels(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """The labelled set."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            labelled = {"expected": row["gold"], "answer": row["pred"], "correct": row["label"]}
            file.write(json.dumps({"question": row.get("question") or "", **labelled}) + "\n")


def write_script(path: Path, truth: dict[Pair, bool], *, sensitivity: float, specificity: float) -> None:
    """What a judge with these error rates says of each pair."""
    rng = random.Random(f"{sensitivity} {specificity}")
    with path.open("w", encoding="utf-8") as file:
        for pair, correct in truth.items():
            says = rng.random() < (sensitivity if correct else 1 - specificity)
            text = f"Verdict: {'correct' if says else 'incorrect'}"
            file.write(json.dumps({"problem_id": pair.key, "text": text}) + "\n")


def measure(folder: Path, pairs: Path, profile: str, sensitivity: float, specificity: float) -> dict[str, Any]:
    """The figures of one judge."""
    rows = read_pairs(pairs)
    half, console = len(rows) // 2, Console(quiet=True)
    run, labels, script = folder / "run", folder / "labels.jsonl", folder / "script.jsonl"
    made = write_run(run, rows[:half])
    write_labels(labels, rows[half:])
    run_grade(Invocation(str(run), [f"profile={profile}"]), console)
    solutions = list(made.solutions())
    chosen = choose(list(made.problems()), solutions, sample=100)
    label_of = {f"{row['id']}#cot#0": bool(row["label"]) for row in rows[:half]}
    truth = {pair: label_of[name] for name, pair in {**chosen.asked, **chosen.sample}.items()}
    truth |= {labelled.pair: labelled.correct for labelled in read_labels(labels)}
    write_script(script, truth, sensitivity=sensitivity, specificity=specificity)
    run_grade(Invocation(str(run), [f"judge=fake:{script}", f"judge_labels={labels}"]), console)
    summary = read_summary(run)
    assert summary
    found = {metric.measure: metric for metric in summary.metrics}
    rules, judged, corrected = (found.get(f"accuracy{name}") for name in ("", "_with_judge", "_corrected"))
    assert rules and judged
    accepted = sum(one.verdict is not None and one.verdict.outcome == "correct" for one in solutions)
    expected = (accepted + sum(label_of[name] for name in chosen.asked)) / half
    quality = {metric.measure: metric for metric in summary.quality if metric.group == NOT_ACCEPTED}
    return {
        "profile": profile,
        "judge": [sensitivity, specificity],
        "measured": [round(quality[f"judge_{name}"].value, 3) for name in ("sensitivity", "specificity")],
        "answers": [quality[f"judge_{name}"].n for name in ("sensitivity", "specificity")],
        "pairs": half,
        "labels": len(rows) - half,
        "asked": summary.asked,
        "rules_accuracy": round(100 * rules.value, 1),
        "judged_accuracy": round(100 * judged.value, 1),
        "corrected": round(100 * corrected.value, 1) if corrected else summary.notes[0],
        "interval": [round(100 * corrected.low, 1), round(100 * corrected.high, 1)] if corrected else None,
        "expected": round(100 * expected, 1),
        "covered": corrected.low <= expected <= corrected.high if corrected else None,
    }


def main() -> None:
    """Prints a line of JSON for each judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, default=PAIRS)
    parser.add_argument("--keep", type=Path, help="a folder in which the runs stay")
    options = parser.parse_args()
    if not options.pairs.is_file():
        raise SystemExit(f"benchmarks.judge needs labelled pairs in {options.pairs}, which is absent")
    with tempfile.TemporaryDirectory() as name:
        for place, judge in enumerate(JUDGES):
            folder = (options.keep or Path(name)) / str(place)
            folder.mkdir(parents=True)
            print(json.dumps(measure(folder, options.pairs, *judge)), flush=True)


if __name__ == "__main__":
    main()
