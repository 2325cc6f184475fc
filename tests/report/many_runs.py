"""Graded runs of several models on several sets, written as folders."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from slipstick.metrics import summarize
from slipstick.schema import Code, Finish, Outcome, Output, Problem, Solution, Status, Text, Verdict
from slipstick.store import RunFolder
from tests.report.runs_to_report import make_run


def make_problems(name: str, n: int) -> list[Problem]:
    return [
        Problem(id=f"{name}/test/{i}", text=f"What is {i} + {i}?", answer=str(2 * i), metadata={"dataset": name})
        for i in range(n)
    ]


def make_solution(problem: Problem, format: str, sample: int, *, skill: float, rng: random.Random) -> Solution:
    right = rng.random() < skill
    outcome: Outcome = "correct" if right else rng.choice(["incorrect", "incorrect", "no_answer"])
    status: Status = "ok" if right or rng.random() < 0.6 else rng.choice(["error", "timeout"])
    finish: Finish = "stop" if right or rng.random() < 0.8 else rng.choice(["length", "turns", "error"])
    printed = "Traceback (most recent call last):\nNameError: name 'x' is not defined" if status == "error" else "4"
    code = [Code(text="print(4)"), Output(text=printed, status=status, seconds=0.02)]
    blocks = {"cot": [Text(text="It is 4.")], "pot": code}.get(format, [Text(text="We add.\n"), *code])
    return Solution(
        id=f"{problem.id}#{format}#{sample}",
        problem_id=problem.id,
        sample=sample,
        format=format,
        blocks=blocks,
        finish=finish,
        error="Error code: 429 - busy: try later" if finish == "error" else "",
        answer=None if outcome == "no_answer" else problem.answer if right else "7",
        verdict=Verdict(outcome=outcome, method="number", expected=str(problem.answer)),
        tokens={"cot": 220, "pot": 60}.get(format, 140) + rng.randrange(30),
        prompt_tokens=80,
        cost=0.0002 + 0.0001 * rng.random(),
        seconds=1.5 + rng.random(),
        model="tiny",
    )


def write_run(
    path: Path,
    *,
    model: str,
    sets: dict[str, int],
    skills: dict[str, float],
    samples: int = 1,
    ks: Sequence[int] = (),
    **changes: object,
) -> RunFolder:
    """A graded run; skills: format -> chance of a correct solution."""
    rng = random.Random(str(path.name))
    problems = [problem for name, n in sets.items() for problem in make_problems(name, n)]
    solutions = [
        make_solution(problem, format, sample, skill=skill, rng=rng)
        for problem in problems
        for format, skill in skills.items()
        for sample in range(samples)
    ]
    recipe: dict[str, object] = {"model": model, "problems": [f"{name}:test" for name in sets], "formats": list(skills)}
    recipe["num_samples"] = samples
    run = make_run(name=path.name, status="running", recipe=recipe)
    folder = RunFolder.start(path, run.model_copy(update=changes), recipe_text="seed = 1\n")
    folder.write_problems(problems)
    for solution in solutions:
        folder.append(solution.model_copy(update={"verdict": None}))
    folder.write_verdicts(solutions)
    counts = {"problems": len(problems), "solutions": len(solutions)}
    folder.finish("finished", counts=counts, metrics=summarize(problems, solutions, ks=list(ks), same=str.__eq__))
    return folder
