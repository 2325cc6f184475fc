"""Votes over published samples, recomputed: pass@n, maj@n and the best of n by a reward model, with our verdict.

The reference figures are those of ../shared/data/README.md; each uses the same tie rule as ours: answers that
tie share their credit. `by_flags` is the same measure from the recorded flags (correct or not) and the equality of the
answers as strings, which shows what our verdict changes; `within` is by either of the two.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from slipstick import Sandbox, compare_many
from slipstick.evaluate import same_by
from slipstick.execute import load_prelude
from slipstick.metrics import accuracy, best_of_k, maj_at_k, pass_at_k
from slipstick.schema import Metric, Outcome, Solution, Verdict

REFERENCES: dict[str, dict[str, float]] = {
    "openai_gsm8k_4models": {"mean": 37.9, "pass": 67.3, "maj": 48.2},
    "panel_gsm8k": {"mean": 77.6, "pass": 96.7, "maj": 89.1},
    "panel_simuleq": {"mean": 60.6, "pass": 89.7, "maj": 76.4},
    "qwen_math100_n8_rm.unlicensed": {"mean": 91.0, "pass": 96.0, "maj": 92.5, "best": 94.0},
}
OPTIONS = 58.2
"""Published for 30 programs per problem on AQuA."""
_NUMBER = re.compile(r"-?\d[\d,]*\.?\d*")


def voting(folder: Path) -> list[dict[str, Any]]:
    """Each reference figure beside ours, in percent."""
    rows = []
    for name, references in REFERENCES.items():
        read = list(_rows(folder / f"{name}.jsonl.gz"))
        ours, flagged = list(_judged(read)), list(_flagged(read))
        for measure, reference in references.items():
            found = _measure(measure, ours, same_by("slipstick"))
            plain = _measure(measure, flagged, str.__eq__)
            rows.append(_row(f"{name} {found.measure}", reference, found, by_flags=round(100 * plain.value, 2)))
            rows[-1]["within"] |= abs(100 * plain.value - reference) <= 0.2
    return [*rows, *_programs(list(_rows(folder / "pot_codex_aqua_sc_programs.jsonl.gz")))]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _row(name: str, reference: float, found: Metric, **more: float) -> dict[str, Any]:
    value = round(100 * found.value, 2)
    interval = [round(100 * found.low, 1), round(100 * found.high, 1)]
    figures = {"figure": name, "reference": reference, "ours": value, "interval": interval, "n": found.n}
    return {**figures, "gap": round(value - reference, 2), "within": abs(value - reference) <= 0.2, **more}


def _measure(measure: str, solutions: list[Solution], same: Callable[[str, str], bool]) -> Metric:
    k = len(solutions) // len({solution.problem_id for solution in solutions})
    match measure:
        case "mean":
            return accuracy(solutions)
        case "pass":
            return pass_at_k(solutions, k)
        case "best":
            return best_of_k(solutions, k)
        case _:
            return maj_at_k(solutions, k, same=same)


def _judged(rows: list[dict[str, Any]]) -> Iterator[Solution]:
    """The samples with our verdict on their answers."""
    pairs = [(str(sample["answer"] or ""), row["gold"]) for row in rows for sample in row["samples"]]
    verdicts = iter(compare_many(pairs))
    for row in rows:
        for place, sample in enumerate(row["samples"]):
            yield _solution(row, place, sample, next(verdicts).outcome)


def _flagged(rows: list[dict[str, Any]]) -> Iterator[Solution]:
    for row in rows:
        for place, sample in enumerate(row["samples"]):
            yield _solution(row, place, sample, "correct" if sample["correct"] else "incorrect")


def _solution(row: dict[str, Any], place: int, sample: dict[str, Any], outcome: Outcome) -> Solution:
    return Solution(
        id=f"{row['problem_id']}#cot#{place}",
        problem_id=row["problem_id"],
        sample=place,
        format="cot",
        blocks=[],
        answer=str(sample["answer"]) if sample["answer"] is not None else None,
        value=sample.get("score"),
        verdict=Verdict(outcome=outcome, method="text"),
    )


def _programs(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """AQuA: the option recorded for the majority; then all programs run again, and the majority's nearest option.

    The authors' own rule maps a number to an option, partly by a second request to a model, so the second may differ.
    """
    prelude = load_prelude("program_of_thoughts")
    programs = [f"{prelude}\n{program}\nprint(ans)" for row in rows for program in row["programs"]]
    with Sandbox(workers=2, timeout=5.0, scratch_mb=0) as sandbox:
        outputs = iter(sandbox.run_many(programs))
    recorded, executed = [], []
    for row in rows:
        right = row["majority_option"] == row["gold"]
        recorded.append(_solution(row, 0, {"answer": row["majority_option"]}, "correct" if right else "incorrect"))
        for place in range(len(row["programs"])):
            output = next(outputs)
            said = _NUMBER.findall(output.text) if output.status == "ok" else []
            value = f"{_value(said[-1]):.4g}" if said else None
            letter = nearest(said[-1], row["choices"]) if said else None
            executed.append(
                _solution(row, place, {"answer": value}, "correct" if letter == row["gold"] else "incorrect")
            )
    k = len(rows[0]["programs"])
    voted = maj_at_k(executed, k, same=str.__eq__)
    return [
        _row("pot_codex_aqua_sc recorded option of the majority", OPTIONS, accuracy(recorded)),
        _row(f"pot_codex_aqua_sc {voted.measure} of {k} programs run again, nearest option", OPTIONS, voted),
    ]


def nearest(printed: str, choices: Iterable[str]) -> str | None:
    """The letter of the option whose first number is nearest to the last number printed, None if none has one."""
    said = _NUMBER.findall(printed.strip().rpartition("\n")[2])
    options = {choice[0]: _NUMBER.findall(choice[2:]) for choice in choices}
    near = {letter: abs(_value(found[0]) - _value(said[-1])) for letter, found in options.items() if found and said}
    return min(near, key=lambda letter: near[letter], default=None)


def _value(text: str) -> float:
    return float(text.replace(",", "").rstrip("."))
