"""Runs to report on."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from slipstick.schema import Code, Outcome, Output, Problem, Run, Solution, Text, Verdict

FORMATS = ("cot", "pot", "tir", "hybrid")
SPLITS = ("known", "unseen")


def make_run(**changes: object) -> Run:
    started = datetime(2026, 11, 21, 14, 2, 11, tzinfo=UTC)
    run = Run(
        name="demo",
        verb="evaluate",
        status="finished",
        started=started,
        finished=started + timedelta(seconds=253),
        recipe={"problems": "synthetic:eval", "model": "hf:tiny", "formats": ["cot", "pot"], "seed": 1, "limit": None},
        inputs={"recipes/quickstart.toml": "9f2c" * 16},
        versions={"python": "3.11.9", "slipstick": "0.1.0"},
        commit="4be1f0c2d7e8a9b0c1d2e3f4a5b6c7d8e9f0a1b2",
        counts={"problems": 8},
    )
    return run.model_copy(update=changes)


def make_rows(*, n: int = 8, words: str = "") -> tuple[list[Problem], list[Solution]]:
    problems, solutions = [], []
    for i in range(n):
        metadata = {"split": SPLITS[i % 2], "topic": ["gcd", "rate"][i // 2 % 2]}
        problems.append(Problem(id=f"p/{i}", text=f"How many? {words}", answer=str(i), metadata=metadata))
        outcome: Outcome = "correct" if i % 3 else "incorrect"
        pot = Solution(
            id=f"p/{i}#pot#0",
            problem_id=f"p/{i}",
            format="pot",
            blocks=[
                Code(text=f"total = {i}  # {words}\nprint(total)"),
                Output(text=f"{i}{words}\n", status="error" if i == 0 else "ok", seconds=0.0123),
            ],
            answer=f"{i}{words}",
            verdict=Verdict(outcome=outcome, method="number", expected=str(i), reason=f"{outcome} because {words}"),
            model=f"tiny {words}".strip(),
            tokens=12,
        )
        cot = pot.model_copy(
            update={"id": f"p/{i}#cot#0", "format": "cot", "blocks": [Text(text=f"It is {i}. {words}")]}
        )
        tir = pot.model_copy(update={"id": f"p/{i}#tir#0", "format": "tir", "blocks": [*cot.blocks, *pot.blocks]})
        hybrid = cot.model_copy(update={"id": f"p/{i}#hybrid#0", "format": "hybrid", "previous_attempts": [pot]})
        solutions += [cot, pot, tir, hybrid]
    return problems, solutions


def make_samples(*, k: int = 4) -> tuple[list[Problem], list[Solution]]:
    problems, solutions = make_rows()
    rng = random.Random(0)
    sampled = [
        solution.model_copy(
            update={
                "id": f"{solution.problem_id}#{solution.format}#{sample}",
                "sample": sample,
                "cost": 0.001,
                "value": rng.random(),
                "verdict": Verdict(outcome=rng.choice(["correct", "incorrect"]), method="number"),
            }
        )
        for solution in solutions
        if solution.format in ("cot", "pot")
        for sample in range(k)
    ]
    return problems, sampled
