"""Problems of two sets, and solutions of which as many are correct as a test asks for."""

from slipstick.schema import Outcome, Problem, Solution, Verdict

SETS = ("apples", "pears")


def problems(n: int = 40) -> list[Problem]:
    return [Problem(id=f"{SETS[i % 2]}/test/{i}", text=f"What is {i} + 1?", answer=str(i + 1)) for i in range(n)]


def solve(given: list[Problem], solved: int, format: str = "pot") -> list[Solution]:
    """The first problems are solved, as many as `solved`."""
    rows = []
    for place, problem in enumerate(given):
        outcome: Outcome = "correct" if place < solved else "incorrect"
        verdict = Verdict(outcome=outcome, method="number")
        rows.append(
            Solution(id=f"{problem.id}#{format}#0", problem_id=problem.id, format=format, blocks=[], verdict=verdict)
        )
    return rows
