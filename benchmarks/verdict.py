"""How often the grader is correct, and how fast: `python -m benchmarks.verdict [--disagreements FILE]`.

Reads labelled pairs, probes, reported cases and recorded answers from ../shared, and whole outputs from tests/cases.
Percentages and CPU seconds; false positives are incorrect answers that are accepted, false negatives correct answers
that are rejected. `undecided` counts as not accepted. math-verify is measured in the same run, "tuned" (both sides in
`$`, sets and relations compared) and as its README shows.
"""

from __future__ import annotations

import gzip
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import math_verify
from rich.console import Console
from rich.table import Table

import slipstick
from slipstick.equivalence.pool.pool import shared_pool
from slipstick.metrics.intervals import wilson

SHARED = Path(__file__).parents[2] / "shared"
STUDENTS = ("doenet_corpus", "kas_tests")
"""Sources of answers that students typed; all others are of the kind that language models write."""
CANARIES = ("/tmp/PWN_", "/tmp/pwn")
"""How files begin that the probes would make if they were run."""
OUTPUTS = Path(__file__).parents[1] / "tests" / "cases" / "outputs.jsonl"
"""Whole outputs in the ways of a dozen model families and eight languages, written for this project."""
Row = tuple[str, str, str, str | None]
"""(answer, expected, "answer" or "output", the problem's kind)."""
Judge = Callable[[str, str, str, str | None], bool]
"""A row -> accepted."""


def slipstick_judge(answer: str, expected: str, mode: str, kind: str | None) -> bool:
    """Ours, extraction included if a whole output is given."""
    judge = slipstick.grade if mode == "output" else slipstick.compare
    return judge(answer, expected, kind=kind).outcome == "correct"


def math_verify_judge(answer: str, expected: str, mode: str, kind: str | None, *, tuned: bool) -> bool:
    """The peer, which has no kinds; what it raises counts as a rejection."""
    if tuned:
        expected = f"${expected}$"
        answer = answer if mode == "output" else f"${answer}$"
    try:
        gold, found = math_verify.parse(expected), math_verify.parse(answer)
        return bool(math_verify.verify(gold, found, allow_set_relation_comp=tuned))
    except Exception:  # a peer that fails has not accepted
        return False


JUDGES: dict[str, Judge] = {
    "slipstick": slipstick_judge,
    "math-verify tuned": partial(math_verify_judge, tuned=True),
    "math-verify README": partial(math_verify_judge, tuned=False),
}


def cpu_seconds() -> float:
    """CPU seconds of this process, of the grading workers it has and of those it had."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    ticks = 0
    for pid in shared_pool().pids():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ended.ru_utime + ended.ru_stime + ticks / os.sysconf("SC_CLK_TCK")


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON lines file."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.splitlines()]


def recorded_pairs() -> dict[tuple[str, str], str]:
    """The distinct (recorded answer, gold) pairs of all trajectories and the file each was first met in."""
    pairs: dict[tuple[str, str], str] = {}
    for file in sorted((SHARED / "data" / "trajectories").glob("*.jsonl.gz")):
        for row in read(file):
            answer, gold = row.get("recorded_answer"), row.get("gold")
            if answer is not None and gold is not None:
                pairs.setdefault((_as_text(answer), _as_text(gold)), file.name.removesuffix(".jsonl.gz"))
    return pairs


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def judge_all(judge: Judge, rows: Iterable[Row]) -> tuple[list[bool], float, float]:
    """The judgements, CPU seconds of all and wall seconds of the slowest."""
    began, slowest, accepted = cpu_seconds(), 0.0, []
    for row in rows:
        start = time.perf_counter()
        accepted.append(judge(*row))
        slowest = max(slowest, time.perf_counter() - start)
    return accepted, cpu_seconds() - began, slowest


def as_row(case: dict[str, Any]) -> Row:
    """What judges get of a labelled pair, probe or output."""
    return case["pred"], case["gold"], case["mode"], case.get("problem_kind")


def rates(rows: list[dict[str, Any]], accepted: list[bool]) -> dict[str, float]:
    """Accuracy with its 95 % interval, false positives and false negatives, in percent, with counts."""
    right = sum(row["label"] == said for row, said in zip(rows, accepted, strict=True))
    wrong_ones = [said for row, said in zip(rows, accepted, strict=True) if not row["label"]]
    right_ones = [said for row, said in zip(rows, accepted, strict=True) if row["label"]]
    low, high = wilson(right, len(rows))
    return {
        "accuracy": round(100 * right / len(rows), 2),
        "low": round(100 * low, 1),
        "high": round(100 * high, 1),
        "fp": round(100 * sum(wrong_ones) / max(1, len(wrong_ones)), 2),
        "fn": round(100 * (1 - sum(right_ones) / max(1, len(right_ones))), 2),
        "n": len(rows),
    }


def by_group(rows: list[dict[str, Any]], accepted: list[bool], key: str) -> dict[str, dict[str, float]]:
    """`rates` for each value of a column."""
    groups: dict[str, list[tuple[dict[str, Any], bool]]] = {}
    for row, said in zip(rows, accepted, strict=True):
        groups.setdefault(row[key], []).append((row, said))
    return {name: rates([row for row, _ in group], [said for _, said in group]) for name, group in groups.items()}


def measure_pairs(console: Console) -> dict[str, dict[str, Any]]:
    """Every judge on the labelled pairs: rates by source and by kind, pairs per CPU second."""
    rows = read(SHARED / "grading" / "pairs.jsonl")
    figures = {}
    for name, judge in JUDGES.items():
        accepted, seconds, _ = judge_all(judge, map(as_row, rows))
        llm = [place for place, row in enumerate(rows) if row["source"] not in STUDENTS]
        figures[name] = {
            "all": rates(rows, accepted),
            "llm": rates([rows[place] for place in llm], [accepted[place] for place in llm]),
            "by_source": by_group(rows, accepted, "source"),
            "by_kind": by_group(rows, accepted, "category"),
            "pairs_per_cpu_second": round(len(rows) / seconds, 1),
            "misses": [row["id"] for row, said in zip(rows, accepted, strict=True) if row["label"] != said],
        }
        console.print(f"{name}: {figures[name]['all']}, {figures[name]['pairs_per_cpu_second']} pairs per CPU second")
    return figures


def measure_probes() -> dict[str, Any]:
    """Ours on the hostile and tricky probes; open policies count for the time, not for the percentage."""
    rows = read(SHARED / "grading" / "probes.jsonl")
    before = canaries()
    accepted, _, slowest = judge_all(slipstick_judge, map(as_row, rows))
    closed = [(row, said) for row, said in zip(rows, accepted, strict=True) if not row["policy"]]
    right = sum(row["label"] == said for row, said in closed)
    return {
        "right": round(100 * right / len(closed), 2),
        "n": len(closed),
        "slowest_s": round(slowest, 2),
        "code_executed": len(canaries() - before),
        "misses": [row["id"] for row, said in closed if row["label"] != said],
        "worker_peak_mb": max((_peak_mb(pid) for pid in shared_pool().pids()), default=0),
    }


def fresh_cases() -> list[dict[str, Any]]:
    """The pairs found by attacking the grader, and what was reported of other graders' verdicts."""
    cases = read(SHARED / "grading" / "attack_pairs.jsonl")
    for row in read(SHARED / "reports" / "reports.jsonl"):
        given = row["input"]
        if row["area"] != "grading" or "(5000 digits)" in given["expected"]:
            continue  # the latter stand for texts too long to be listed
        allowed = row["right"].split("|")
        if len({outcome == "correct" for outcome in allowed}) > 1:
            continue
        cases.append(
            {
                "pred": given["grade"] if "grade" in given else given["compare"],
                "gold": given["expected"],
                "mode": "output" if "grade" in given else "answer",
                "problem_kind": given.get("kind"),
                "label": "correct" in allowed,
            }
        )
    return cases


def output_cases() -> list[dict[str, Any]]:
    """The project's whole outputs as cases."""
    return [
        {**row, "pred": row["output"], "gold": row["expected"], "mode": "output", "problem_kind": row.get("kind")}
        for row in read(OUTPUTS)
    ]


def measure_cases(cases: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Every judge on labelled cases: rates, counts of the incorrect ones and the misses to read."""
    figures = {}
    for name, judge in JUDGES.items():
        accepted, _, slowest = judge_all(judge, map(as_row, cases))
        figures[name] = {
            **rates(cases, accepted),
            "n_incorrect": sum(not case["label"] for case in cases),
            "slowest_s": round(slowest, 2),
            "misses": [
                {"accepted": said, "answer": case["pred"][-160:], "expected": case["gold"]}
                for case, said in zip(cases, accepted, strict=True)
                if case["label"] != said
            ],
        }
    return figures


def canaries() -> set[str]:
    """The files that probes have left behind."""
    return {str(path) for path in Path("/tmp").iterdir() if str(path).startswith(CANARIES)}


def _peak_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def measure_speed(console: Console, disagreements: Path | None) -> dict[str, Any]:
    """CPU seconds of both on the recorded answers of published models, and where they differ."""
    pairs = recorded_pairs()
    rows: list[Row] = [(answer, gold, "answer", None) for answer, gold in pairs]
    figures = {}
    said = {}
    for name in ("slipstick", "math-verify tuned"):
        said[name], seconds, _ = judge_all(JUDGES[name], rows)
        figures[name] = round(len(rows) / seconds, 1)
        console.print(f"{name}: {figures[name]} recorded pairs per CPU second")
    differ = [place for place in range(len(rows)) if said["slipstick"][place] != said["math-verify tuned"][place]]
    if disagreements:
        with disagreements.open("w") as file:
            for place in differ:
                answer, gold, *_ = rows[place]
                verdict = slipstick.compare(answer, gold)
                row = {"answer": answer, "gold": gold, "file": pairs[answer, gold], **verdict.model_dump()}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return {"pairs": len(rows), "disagreements": len(differ), "pairs_per_cpu_second": figures}


def main() -> None:
    """Measures, prints a table and the JSON object."""
    console = Console(stderr=True)
    if not SHARED.is_dir():
        raise SystemExit(f"benchmarks.verdict needs the labelled pairs in {SHARED}, which is absent")
    wanted = sys.argv[sys.argv.index("--disagreements") + 1] if "--disagreements" in sys.argv else None
    # A worker's start and the loading of libraries and tables are no part of a comparison.
    slipstick.grade("Die Antwort ist 4.", "4")
    slipstick.compare_many(
        [(r"\lim_{x\to 0} x", r"\lim_{y\to 0} 2y"), ("5 km", "5000 m"), ("\\sqrt{2}", "2")], workers=1
    )
    math_verify_judge(r"\frac{x}{2}", "x/2", "answer", None, tuned=True)
    pairs, probes = measure_pairs(console), measure_probes()
    fresh, outputs = measure_cases(fresh_cases()), measure_cases(output_cases())
    speed = measure_speed(console, Path(wanted) if wanted else None)
    ours, tuned = pairs["slipstick"], pairs["math-verify tuned"]
    table = Table("grader", "group", "accuracy", "95 % interval", "FP", "FN", "n")
    for name, figures in pairs.items():
        groups = {"all": figures["all"], "LLM-style": figures["llm"], **figures["by_source"], **figures["by_kind"]}
        groups |= {"fresh": fresh[name], "outputs": outputs[name]}
        for group, rate in groups.items():
            interval = f"{rate['low']} to {rate['high']}"
            table.add_row(
                name, group, str(rate["accuracy"]), interval, str(rate["fp"]), str(rate["fn"]), str(rate["n"])
            )
    Console().print(table)
    real = speed["pairs_per_cpu_second"]
    print(
        json.dumps(
            {
                "pairs_accuracy": ours["all"]["accuracy"],
                "pairs_fp": ours["all"]["fp"],
                "pairs_fn": ours["all"]["fn"],
                "llm_accuracy": ours["llm"]["accuracy"],
                "probes_right": probes["right"],
                "probes_slowest_s": probes["slowest_s"],
                "code_executed": probes["code_executed"],
                "fresh_accuracy": fresh["slipstick"]["accuracy"],
                "fresh_fp": fresh["slipstick"]["fp"],
                "outputs_right": round(100 - outputs["slipstick"]["fn"], 2),
                "outputs_wrong_accepted": outputs["slipstick"]["fp"],
                "speed_real_vs_math_verify": round(real["slipstick"] / real["math-verify tuned"], 1),
                "speed_pairs_vs_math_verify": round(ours["pairs_per_cpu_second"] / tuned["pairs_per_cpu_second"], 1),
                "probes": probes,
                "speed_real": speed,
                "peers": {
                    name: {key: pairs[name][key] for key in ("all", "llm", "pairs_per_cpu_second")} for name in pairs
                },
                "fresh": fresh,
                "outputs": outputs,
                "misses": ours["misses"],
            }
        )
    )


if __name__ == "__main__":
    main()
