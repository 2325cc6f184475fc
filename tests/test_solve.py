"""The loop between model and interpreter, with the real interpreter and a scripted model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from slipstick.errors import ModelError
from slipstick.formats import load_format
from slipstick.interpreters import InterpreterSettings, open_interpreter
from slipstick.models import Reply, Request
from slipstick.models.fake import FakeModel
from slipstick.schema import Code, Output, Problem, Solution, Text
from slipstick.solve import Hybrid, SolveSettings, solve, until_code

COT, POT, TIR = (load_format(name) for name in ("cot", "pot", "tir"))
HYBRID = Hybrid(pot=POT, cot=COT)
PROBLEM = Problem(id="p/1", text="What is 6 times 7?", answer="42", kind="number")


def run(
    script: Callable[[Request], str | Reply],
    *formats: str,
    problems: list[Problem] | None = None,
    done: dict[str, Solution] | None = None,
    **settings: object,
) -> tuple[dict[str, Solution], FakeModel]:
    """Solutions by id, and the model with the requests it was asked."""
    made: dict[str, Solution] = {}
    model = FakeModel(script)

    def keep(solution: Solution) -> None:
        assert solution.id not in made, "a solution was handed over twice"
        made[solution.id] = solution

    async def work() -> None:
        interpreter = open_interpreter(InterpreterSettings(seconds=5))
        try:
            await solve(
                problems or [PROBLEM],
                [load_format(name) for name in formats if name != "hybrid"],
                model=model,
                interpreter=interpreter,
                settings=SolveSettings.model_validate(settings),
                hybrid=HYBRID if "hybrid" in formats else None,
                on_solution=keep,
                done=done,
            )
        finally:
            await interpreter.close()

    asyncio.run(work())
    return made, model


def test_words_only() -> None:
    made, _ = run(lambda request: Reply(text="6 times 7 is 42. The answer is 42.", tokens=9), "cot")
    solution = made["p/1#cot#0"]
    assert solution.answer == "42" and solution.finish == "stop" and solution.tokens == 9
    assert [block.type for block in solution.blocks] == ["text"] and len(solution.prompt_hash) == 12


def test_a_program_is_run_and_its_print_is_the_answer() -> None:
    made, _ = run(lambda request: "print(6 * 7)", "pot")
    assert made["p/1#pot#0"].answer == "42"
    assert [block.type for block in made["p/1#pot#0"].blocks] == ["code", "output"]


def test_a_program_that_fails_is_data() -> None:
    made, _ = run(lambda request: "print(1 / 0)", "pot")
    solution = made["p/1#pot#0"]
    output = solution.blocks[-1]
    assert isinstance(output, Output) and output.status == "error" and "ZeroDivisionError" in output.text
    assert solution.answer is None and solution.finish == "stop"


def test_steps_share_variables_and_see_their_outputs() -> None:
    turns = [
        "First.\n```python\nx = 6 * 7\nx\n```\n",
        "Check.\n```python\nprint(x + 1)\n```\n",
        "The answer is \\boxed{42}.",
    ]
    made, model = run(lambda request: turns[request.turn], "tir")
    solution = made["p/1#tir#0"]
    assert [block.type for block in solution.blocks] == ["text", "code", "output", "text", "code", "output", "text"]
    assert [block.text for block in solution.blocks if isinstance(block, Output)] == ["42", "43"]
    assert solution.answer == "42"
    assert [len(request.blocks) for request in model.requests] == [0, 3, 6]


def test_a_model_that_writes_the_output_itself_is_cut() -> None:
    def script(request: Request) -> str:
        if request.turn == 0:
            return "```python\nprint(6 * 7)\n```\n```output\n41\n```\nThe answer is 41."
        return "The answer is 42."

    made, _ = run(script, "tir")
    assert [block.text for block in made["p/1#tir#0"].blocks] == ["print(6 * 7)", "42", "The answer is 42."]


def test_an_output_with_a_fence_in_it_stays_an_output() -> None:
    def script(request: Request) -> str:
        return "```python\nprint('```')\n```\n" if request.turn == 0 else "The answer is 42."

    made, _ = run(script, "tir")
    assert [type(block) for block in made["p/1#tir#0"].blocks] == [Code, Output, Text]
    assert "```" not in made["p/1#tir#0"].blocks[1].text


def test_turns_are_limited() -> None:
    made, model = run(lambda request: f"```python\nprint({request.turn})\n```\n", "tir", turns=3)
    solution = made["p/1#tir#0"]
    assert solution.finish == "turns" and len(model.requests) == 4
    assert [block.text for block in solution.blocks if isinstance(block, Output)] == ["0", "1", "2"]


def test_a_fence_at_the_very_end_closes_the_code() -> None:
    assert until_code(TIR, "```python\n1\n```") == [Code(text="1")]
    assert until_code(TIR, "```python\n1") == [Text(text="```python\n1")]


def test_hybrid_takes_words_where_the_program_gives_nothing() -> None:
    def script(request: Request) -> str:
        return "print(" if request.layout.name == "pot" else "The answer is 42."

    made, model = run(script, "cot", "pot", "hybrid")
    hybrid = made["p/1#hybrid#0"]
    assert hybrid.answer == "42" and [earlier.id for earlier in hybrid.earlier] == ["p/1#pot#0"]
    assert len(made) == 3 and len(model.requests) == 2, "hybrid shares its attempts with the formats beside it"


def test_hybrid_alone_asks_only_what_it_needs() -> None:
    made, model = run(lambda request: "print(42)", "hybrid")
    assert list(made) == ["p/1#hybrid#0"] and made["p/1#hybrid#0"].earlier == []
    assert [request.layout.name for request in model.requests] == ["pot"]


@pytest.mark.parametrize(("first", "asked"), [("cot", ["cot"]), ("pot", ["pot"])])
def test_hybrid_on_choice_questions_in_both_published_ways(first: str, asked: list[str]) -> None:
    problem = Problem(id="c", text="Which? (A) 1 (B) 2", answer="A", kind="choice", choices=["1", "2"])

    def script(request: Request) -> str:
        return "print('A')" if request.layout.name == "pot" else "The answer is A."

    made, model = run(script, "hybrid", problems=[problem], hybrid_choice=first)
    assert [request.layout.name for request in model.requests] == asked and made["c#hybrid#0"].answer == "A"


def test_samples_have_their_own_seeds() -> None:
    made, _ = run(lambda request: f"The answer is {request.sampling.seed}.", "cot", samples=3, seed=7)
    assert {key: (s.seed, s.answer) for key, s in made.items()} == {
        "p/1#cot#0": (7, "7"),
        "p/1#cot#1": (8, "8"),
        "p/1#cot#2": (9, "9"),
    }


def test_what_is_done_is_not_done_again() -> None:
    first, _ = run(lambda request: "print(1)", "pot")
    made, model = run(lambda request: "print(2)", "pot", "hybrid", done=first)
    assert list(made) == ["p/1#hybrid#0"] and made["p/1#hybrid#0"].answer == "1" and model.requests == []


def test_a_failed_request_is_data_and_a_users_mistake_is_not() -> None:
    made, _ = run(lambda request: Reply(text="", finish="error", error="HTTP 500"), "tir")
    assert made["p/1#tir#0"].finish == "error" and made["p/1#tir#0"].error == "HTTP 500"

    def broken(request: Request) -> str:
        raise ModelError("no such model")

    with pytest.raises(ExceptionGroup) as caught:
        run(broken, "cot")
    assert caught.group_contains(ModelError, match="no such model")


def test_many_problems_end_with_one_solution_each() -> None:
    problems = [Problem(id=f"p/{n}", text="?", answer=str(n)) for n in range(300)]
    made, _ = run(lambda request: f"print({request.problem.id[2:]})", "pot", problems=problems, in_flight=64)
    assert {key: solution.answer for key, solution in made.items()} == {f"p/{n}#pot#0": str(n) for n in range(300)}
