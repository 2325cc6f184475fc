"""Loads problems, solves them with a scripted model, grades and prints. In a notebook: `await main()`."""

import asyncio

from slipstick import Solution, grade, load_problems
from slipstick.formats import load_format
from slipstick.interpreters import open_interpreter
from slipstick.models.fake import FakeModel  # a real one: slipstick.models.open_model("openai:NAME")
from slipstick.solve import SolveSettings, solve


async def main() -> None:
    problems, solutions = list(load_problems("synthetic:known,n=3")), list[Solution]()
    model, interpreter = FakeModel(lambda request: f"print({request.problem.answer!r})"), open_interpreter()
    await solve(
        problems,
        [load_format("pot")],
        model=model,
        interpreter=interpreter,
        settings=SolveSettings(num_samples=2),
        on_solution=solutions.append,
    )
    await interpreter.close()
    golds = {problem.id: problem for problem in problems}
    for solution in solutions:
        print(solution.id, solution.answer, grade(solution, golds[solution.problem_id]).outcome)


if __name__ == "__main__":
    asyncio.run(main())
