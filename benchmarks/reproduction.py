"""Published accuracies, recomputed from the models' own outputs: `python -m benchmarks.reproduction`.

Every program of every output is run again by our interpreter and every answer graded by slipstick's verdict
(`accuracy`); the answers that the authors' own code extracted are graded by the profile closest to their rules
(`by_profile`). The outputs are read from ../shared/data/trajectories. `largest_gap` and
`within_half_point` use the verdict with the smaller gap, `spine_gap` slipstick's own, over the four rows that
docs/reproduction.md shows first. `--spine` recomputes only those, `--voting` only the votes (benchmarks/votes.py);
`--cases FILE` also writes the solutions on which our verdict and the recorded one differ.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.votes import voting
from slipstick.commands import Invocation
from slipstick.commands.evaluate import run_evaluate
from slipstick.grade import grade_solutions
from slipstick.metrics import accuracy
from slipstick.schema import Metric, Problem, Solution
from slipstick.store import RunFolder

DATA = Path(__file__).parents[2] / "shared" / "data"
TRAJECTORIES = DATA / "trajectories"


class Row(NamedTuple):
    """A published figure and the file of outputs it was computed from."""

    file: str
    format: str
    published: float
    """Percent."""
    profile: str
    """The profile nearest to the paper's rules."""
    problems: str | None = None
    """Evaluation set with facts that the outputs lack: the kind of answer, the options."""
    recorded: bool = False
    """Whether the recorded answers are graded: those that a second request to a model chose from the options."""


SPINE = [
    Row("tora-70b-v1.0.gsm8k", "tir", 84.3, "tora"),
    Row("MathCoder-L-7b.gsm8k", "tir", 64.2, "math-verify"),
    Row("MathCoder-L-70b.svamp", "tir", 84.9, "math-verify"),
    Row("pot-codex.gsm8k.fs", "pot", 71.6, "tora"),
]
FURTHER = [
    Row("MathCoder-CL-7b.svamp", "tir", 70.7, "math-verify"),
    Row("MathCoder-CL-13b.svamp", "tir", 78.0, "math-verify"),
    Row("MathCoder-CL-34b.svamp.20230915-1742", "tir", 82.5, "math-verify"),
    Row("MathCoder-L-7b.svamp", "tir", 71.5, "math-verify"),
    Row("MathCoder-CL-34b.gsm8k.20230913-1304", "tir", 81.7, "math-verify"),
    Row("MathCoder-L-70b.gsm8k.20230918-2042", "tir", 83.9, "math-verify"),
    Row("MathCoder-CL-7b.mathematics", "tir", 55.8, "math-verify"),
    Row("MathCoder-CL-13b.mathematics", "tir", 62.5, "math-verify"),
    Row("MathCoder-CL-34b.mathematics", "tir", 75.9, "math-verify"),
    Row("MathCoder-L-7b.mathematics", "tir", 46.9, "math-verify"),
    Row("MathCoder-L-70b.mathematics", "tir", 74.4, "math-verify"),
    Row("MathCoder-CL-7b.simuleq", "tir", 49.6, "math-verify", "simuleq"),
    Row("MathCoder-CL-13b.simuleq", "tir", 60.7, "math-verify", "simuleq"),
    Row("MathCoder-L-7b.simuleq", "tir", 47.5, "math-verify", "simuleq"),
    Row("MathCoder-L-70b.simuleq", "tir", 77.0, "math-verify", "simuleq"),
    Row("tora_7b.gsm8k.unlicensed", "tir", 68.8, "tora"),
    Row("tora_13b.gsm8k.unlicensed", "tir", 72.7, "tora"),
    Row("pot-codex.gsm8k.zs", "pot", 57.0, "tora"),
    Row("pot-codex.svamp.zs", "pot", 70.8, "tora"),
    Row("pot-codex.multiarith.zs", "pot", 92.2, "tora"),
    Row("pot-codex.tabmwp.fs", "pot", 73.2, "mammoth"),
    Row("pot-codex.aqua.fs", "pot", 54.1, "mammoth", "aqua", recorded=True),
    Row("pot-codex.aqua.zs", "pot", 43.9, "mammoth", "aqua", recorded=True),
    Row("pot-gpt-4.aqua.fs", "cot", 72.7, "mammoth", "aqua"),
    Row("gpt-4-1106.pal-prompt.math500.unlicensed", "tir", 52.0, "tora"),
]


def recompute(row: Row, folder: Path, console: Console) -> tuple[dict[str, object], list[dict[str, object]]]:
    """A row's accuracy by both verdicts, in percent, and the cases in which ours differs from the recorded one."""
    file = _once(TRAJECTORIES / f"{row.file}.jsonl.gz", folder)
    overrides = [f"problems={file}", f"model=replay:{file}", f"formats=['{row.format}']", "rerun=false"]
    if row.problems:
        overrides[0] = f"problems={DATA / 'eval' / row.problems}.jsonl"
        overrides += ["field_map.id=id", "field_map.answer=answer"]
    run = RunFolder(run_evaluate(Invocation("replay", overrides, out=folder / row.file), console))
    read = list(_outputs(file))
    recorded = {str(values["problem_id"]): values for values in read}
    problems = [problem for problem in run.problems() if problem.id in recorded]
    solutions = [solution for solution in run.solutions() if solution.problem_id in recorded]
    found_by_them = [
        s.model_copy(update={"answer": str(recorded[s.problem_id]["recorded_answer"] or ""), "blocks": []})
        for s in solutions
    ]
    ours = _by("slipstick", problems, found_by_them if row.recorded else solutions)
    found = {(metric.measure, metric.format): metric for metric in run.metrics()}
    # The authors of the PoT outputs published results, not what their interpreter printed.
    equal = found.get(("outputs_equal", "tir"))
    mine, theirs = accuracy(ours), accuracy(_by(row.profile, problems, found_by_them))
    return {
        "row": row.file,
        "published": row.published,
        "accuracy": round(100 * mine.value, 2),
        "interval": _interval(mine),
        "profile": row.profile,
        "by_profile": round(100 * theirs.value, 2),
        "n": mine.n,
        "gap": round(100 * mine.value - row.published, 2),
        "profile_gap": round(100 * theirs.value - row.published, 2),
        "outputs_equal": round(100 * equal.value, 2) if equal else None,
        "outputs": equal.n if equal else 0,
    }, list(_differing(row, ours, recorded))


def _once(file: Path, folder: Path) -> Path:
    """The file, or a copy in `folder` with the first row of each problem: MultiArith asks some questions twice."""
    rows = {values["problem_id"]: values for values in reversed(list(_outputs(file)))}
    if len(rows) == sum(1 for _ in _outputs(file)):
        return file
    copy = folder / file.name
    with gzip.open(copy, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(values) + "\n" for values in reversed(rows.values()))
    return copy


def _outputs(file: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _by(profile: str, problems: list[Problem], solutions: list[Solution]) -> list[Solution]:
    ungraded = [solution.model_copy(update={"verdict": None}) for solution in solutions]
    return list(grade_solutions(ungraded, problems, profile=profile))


def _interval(metric: Metric) -> list[float]:
    return [round(100 * metric.low, 1), round(100 * metric.high, 1)]


def _differing(row: Row, ours: list[Solution], recorded: dict[str, dict[str, Any]]) -> Iterator[dict[str, object]]:
    """The solutions whose recorded verdict is not ours."""
    for solution in ours:
        values = recorded[solution.problem_id]
        correct = values.get("recorded_correct")
        correct = values.get("recomputed_correct") if correct is None else correct
        if correct is None or solution.verdict is None or correct == (solution.verdict.outcome == "correct"):
            continue
        yield {
            "row": row.file,
            "problem": solution.problem_id,
            "recorded": correct,
            "recorded_answer": values["recorded_answer"],
            "gold": values["gold"],
            "ours": solution.verdict.outcome,
            "answer": solution.answer,
            "reason": solution.verdict.reason,
            "question": values["question"],
            "end": "".join(block["content"] for block in values["blocks"][-2:])[-400:],
        }


def _nearer(row: dict[str, object]) -> float:
    return min(abs(float(str(row["gap"]))), abs(float(str(row["profile_gap"]))))


def _table(rows: list[dict[str, object]]) -> Table:
    keys = (
        "row",
        "published",
        "accuracy",
        "interval",
        "by_profile",
        "profile",
        "n",
        "gap",
        "profile_gap",
        "outputs_equal",
    )
    table = Table(*keys)
    for row in rows:
        table.add_row(*(str(row[key]) for key in keys))
    return table


def main() -> None:
    """Recomputes the rows, prints them as a table and as JSON."""
    console = Console(stderr=True)
    if not TRAJECTORIES.is_dir():
        raise SystemExit(f"benchmarks.reproduction needs recorded outputs in {TRAJECTORIES}, which does not exist")
    arguments = sys.argv[1:]
    wanted = [] if "--voting" in arguments else SPINE if "--spine" in arguments else SPINE + FURTHER
    rows, cases = [], []
    with tempfile.TemporaryDirectory() as folder:
        for row in wanted:
            figures, differing = recompute(row, Path(folder), console)
            rows.append(figures)
            cases += differing
            console.print(json.dumps(figures), soft_wrap=True)
    if "--cases" in arguments:
        Path(arguments[arguments.index("--cases") + 1]).write_text("".join(f"{json.dumps(case)}\n" for case in cases))
    votes = [] if "--spine" in arguments else voting(DATA / "samples")
    Console().print(_table(rows))
    spine = [abs(float(str(row["gap"]))) for row in rows[: len(SPINE)]]
    print(
        json.dumps(
            {
                "rows": len(rows),
                "within_half_point": sum(_nearer(row) <= 0.5 for row in rows),
                "within_by_our_verdict": sum(abs(float(str(row["gap"]))) <= 0.5 for row in rows),
                "largest_gap": max(map(_nearer, rows), default=None),
                "spine_rows": len(spine),
                "spine_gap": max(spine, default=None),
                "voting_rows": len(votes),
                "voting_within": sum(vote["within"] for vote in votes),
                "voting_within_by_our_verdict": sum(abs(vote["gap"]) <= 0.2 for vote in votes),
                "parted": len(cases),
                "by_row": rows,
                "by_vote": votes,
            }
        )
    )


if __name__ == "__main__":
    main()
