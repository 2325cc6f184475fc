"""The loop between model and interpreter, with the real interpreter and a scripted model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from slipstick.errors import ModelError, RecipeError
from slipstick.formats import load_format
from slipstick.interpreters import InterpreterSettings, open_interpreter
from slipstick.models import Model, Reply, Request
from slipstick.models.fake import FakeModel
from slipstick.schema import Code, Output, Problem, Solution, Text
from slipstick.solve import solve
from slipstick.solve.estimate import choose, extrapolate
from slipstick.solve.hybrid import Hybrid, spent_alone
from slipstick.solve.policies import count_votes, stays_ahead
from slipstick.solve.settings import SolveSettings

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
        interpreter = open_interpreter(InterpreterSettings(timeout=5))
        try:
            await solve(
                problems or [PROBLEM],
                [HYBRID if name == "hybrid" else load_format(name) for name in formats],
                model=model,
                interpreter=interpreter,
                settings=SolveSettings.model_validate(settings),
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


def test_what_is_asked_is_read_off_the_gold_if_no_kind_is_given() -> None:
    asked = [Problem(id="p/1", text="Is 9 prime?", answer="no"), Problem(id="p/2", text="Is 9 odd?", answer=None)]
    made, _ = run(lambda request: "No, 9 is not a prime number.", "cot", problems=asked)
    assert [made[f"p/{number}#cot#0"].answer for number in (1, 2)] == ["No", "9"]


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
    made, model = run(lambda request: f"```python\nprint({request.turn})\n```\n", "tir", max_turns=3)
    solution = made["p/1#tir#0"]
    assert solution.finish == "turns" and len(model.requests) == 4
    assert [block.text for block in solution.blocks if isinstance(block, Output)] == ["0", "1", "2"]


def test_native_calls_are_run_in_order_and_count_as_turns() -> None:
    def script(request: Request) -> Reply:
        if request.turn == 0:
            return Reply(text="Let me see.", calls=["x = 6", "x * 7"])
        return Reply(text="The answer is 42.")

    made, model = run(script, "tools")
    solution = made["p/1#tools#0"]
    assert [block.type for block in solution.blocks] == ["text", "code", "output", "code", "output", "text"]
    assert solution.blocks[4].text == "42" and solution.answer == "42" and len(model.requests) == 2
    stopped, _ = run(script, "tools", max_turns=1)
    assert stopped["p/1#tools#0"].finish == "turns"


def test_hybrid_takes_words_where_the_program_gives_nothing() -> None:
    def script(request: Request) -> str:
        return "print(" if request.format.name == "pot" else "The answer is 42."

    made, model = run(script, "cot", "pot", "hybrid")
    hybrid = made["p/1#hybrid#0"]
    assert hybrid.answer == "42" and [earlier.id for earlier in hybrid.previous_attempts] == ["p/1#pot#0"]
    assert len(made) == 3 and len(model.requests) == 2, "hybrid shares its attempts with the formats beside it"


def test_hybrid_alone_asks_only_what_it_needs() -> None:
    made, model = run(lambda request: "print(42)", "hybrid")
    assert list(made) == ["p/1#hybrid#0"] and made["p/1#hybrid#0"].previous_attempts == []
    assert [request.format.name for request in model.requests] == ["pot"]


@pytest.mark.parametrize(("first", "asked"), [("cot", ["cot"]), ("pot", ["pot"])])
def test_hybrid_on_choice_questions_in_both_published_ways(first: str, asked: list[str]) -> None:
    problem = Problem(id="c", text="Which? (A) 1 (B) 2", answer="A", kind="choice", choices=["1", "2"])

    def script(request: Request) -> str:
        return "print('A')" if request.format.name == "pot" else "The answer is A."

    made, model = run(script, "hybrid", problems=[problem], hybrid_choice=first)
    assert [request.format.name for request in model.requests] == asked and made["c#hybrid#0"].answer == "A"


def test_samples_have_their_own_seeds() -> None:
    made, _ = run(lambda request: f"The answer is {request.sampling.seed}.", "cot", num_samples=3, seed=7)
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
    made, _ = run(
        lambda request: f"print({request.problem.id[2:]})", "pot", problems=problems, max_concurrent_solutions=64
    )
    assert {key: solution.answer for key, solution in made.items()} == {f"p/{n}#pot#0": str(n) for n in range(300)}


CHOICE = Problem(id="c/1", text="How many? (A) 10 (B) 12 (C) 15", answer="B", kind="choice", choices=["10", "12", "15"])


def test_shots_and_stop_strings_reach_the_model() -> None:
    _, model = run(lambda request: "The answer is 42.", "cot", num_fewshot=2, stop=["\n\nQ:"])
    format = model.requests[0].format
    assert format.num_fewshot == 2 and format.stop == [*COT.stop, "\n\nQ:"]
    with pytest.raises(RecipeError, match=r"num_fewshot = 50: format `cot` has \d+ demonstrations"):
        run(lambda request: "", "cot", num_fewshot=50)


@pytest.mark.parametrize("form", ["pot", "hybrid"])
def test_an_answer_that_is_no_option_is_asked_for_once_more(form: str) -> None:
    def script(request: Request) -> Reply:
        text = "The answer is (B)." if request.format.name == "closest" else "print(12.2)"
        return Reply(text=text, tokens=5, cost=0.5)

    made, model = run(script, form, problems=[CHOICE], closest_option=True)
    solution = made[f"c/1#{form}#0"]
    assert solution.answer == "B" and solution.tokens == 10 and solution.cost == 1.0
    assert [block.type for block in solution.blocks] == ["code", "output", "text", "text"]
    asked = model.requests[1].problem.text
    assert "12.2" in asked and "(A) 10 (B) 12 (C) 15" in asked and asked.strip() == solution.blocks[2].text.strip()


@pytest.mark.parametrize(("printed", "answer"), [("'b'", "b"), ("12.0", "12.0"), ("None", None)])
def test_an_answer_that_is_an_option_or_none_at_all_is_left(printed: str, answer: str | None) -> None:
    made, model = run(lambda request: f"print({printed})", "pot", problems=[CHOICE], closest_option=True)
    assert made["c/1#pot#0"].answer == answer and len(model.requests) == 1


def test_a_reply_without_a_letter_changes_nothing() -> None:
    made, _ = run(
        lambda request: "Hm." if request.format.name == "closest" else "print(99)",
        "pot",
        problems=[CHOICE],
        closest_option=True,
    )
    assert made["c/1#pot#0"].answer == "99"


@pytest.mark.parametrize("votes", [[], [1], [4], [3, 1], [2, 2, 1], [9, 4, 2], [40, 22]])
def test_the_posterior_is_that_of_a_beta_distribution(votes: list[int]) -> None:
    from scipy.stats import beta

    first, second = sorted([*votes, 0, 0], reverse=True)[:2]
    assert stays_ahead(votes) == pytest.approx(beta.sf(0.5, first + 1, second + 1))


def test_votes_are_grouped_by_meaning() -> None:
    assert sorted(count_votes(["1/2", "0.5", "7", "\\frac{1}{2}"])) == [1, 3]


def test_sampling_ends_once_the_vote_is_settled() -> None:
    answers = ["1/2", "7", "0.5", "0.50", "\\frac{1}{2}", "0.5", "7", "7", "7"]
    made, _ = run(
        lambda request: f"The answer is {answers[request.sample]}.", "cot", num_samples=9, consistency_threshold=0.9
    )
    assert list(made) == [f"p/1#cot#{k}" for k in range(6)], "5 against 1 is 0.94, 4 against 1 is 0.89"
    agreed, _ = run(lambda request: "The answer is 4.", "cot", num_samples=9, consistency_threshold=0.9)
    assert len(agreed) == 3
    silent, _ = run(lambda request: "I do not know.", "cot", num_samples=5, consistency_threshold=0.9)
    assert len(silent) == 5, "who says nothing does not vote"


def test_a_resumed_vote_ends_where_it_would_have() -> None:
    def script(request: Request) -> str:
        return "print(" if request.format.name == "pot" and request.sample % 2 else f"print({3 + request.sample // 4})"

    asked: dict[str, Any] = {"num_samples": 9, "consistency_threshold": 0.9}
    whole, _ = run(script, "pot", "hybrid", **asked)
    for kept in range(len(whole)):
        begun = dict(list(whole.items())[:kept])
        rest, _ = run(script, "pot", "hybrid", done=begun, **asked)
        assert {key: s.answer for key, s in {**begun, **rest}.items()} == {key: s.answer for key, s in whole.items()}


@dataclass
class Gate(Model):
    """A model that answers a problem when told to."""

    name: str = "gate"
    asked: dict[str, asyncio.Event] = field(default_factory=dict)
    most: int = 0

    async def generate(self, request: Request) -> Reply:
        self.asked[request.problem.id] = asyncio.Event()
        self.most = max(self.most, len(self.asked))
        await self.asked[request.problem.id].wait()
        del self.asked[request.problem.id]
        return Reply(text="The answer is 1.")

    async def close(self) -> None: ...


def test_no_solution_waits_for_another_and_problems_are_read_as_there_is_room() -> None:
    drawn: list[int] = []
    made: list[Solution] = []
    model = Gate()

    def problems() -> Iterator[Problem]:
        for number in range(1000):
            drawn.append(number)
            yield Problem(id=str(number), text="?")

    async def work() -> None:
        interpreter = open_interpreter()
        settings = SolveSettings(max_concurrent_solutions=8)
        task = asyncio.create_task(
            solve(problems(), [COT], model=model, interpreter=interpreter, settings=settings, on_solution=made.append)
        )
        while len(made) < 990:
            await asyncio.sleep(0)
            for problem_id, event in list(model.asked.items()):
                if problem_id != "0":  # the first one takes for ever
                    event.set()
            assert len(drawn) <= len(made) + 9, "one more is read than there is room for"
        model.asked["0"].set()
        while not task.done():
            await asyncio.sleep(0)
            for event in list(model.asked.values()):
                event.set()
        assert await task
        await interpreter.close()

    asyncio.run(work())
    assert len(made) == 1000 and model.most == 8


def priced(request: Request) -> Reply:
    return Reply(text="print(" if request.format.name == "pot" else "The answer is 1.", cost=0.25, tokens=3)


def spend(max_cost: float | None, done: dict[str, Solution]) -> tuple[bool, dict[str, Solution]]:
    made: dict[str, Solution] = {}

    async def work() -> bool:
        interpreter = open_interpreter()
        problems = [Problem(id=f"p/{n}", text="?") for n in range(100)]
        settings = SolveSettings(max_cost=max_cost, max_concurrent_solutions=64)
        try:
            return await solve(
                problems,
                [COT],
                model=FakeModel(priced),
                interpreter=interpreter,
                settings=settings,
                on_solution=lambda solution: made.update({solution.id: solution}),
                done=done,
            )
        finally:
            await interpreter.close()

    return asyncio.run(work()), made


def test_a_budget_ends_a_run_that_can_be_resumed() -> None:
    finished, first = spend(10.0, {})
    assert not finished and len(first) == 40, "40 solutions at a quarter of a dollar"
    finished, rest = spend(None, first)
    assert finished and len(rest) == 60 and not first.keys() & rest.keys()
    assert spend(100.0, {})[0] and spend(0.1, {})[1].keys() == {f"p/{n}#cot#0" for n in range(16)}


def test_what_a_hybrid_took_is_counted_once() -> None:
    made, _ = run(priced, "pot", "hybrid")
    assert made["p/1#hybrid#0"].cost == 0.5
    assert sum(spent_alone(s, ["pot", "hybrid"]).cost for s in made.values()) == 0.5
    assert sum(spent_alone(s, ["hybrid"]).cost for s in made.values() if s.format == "hybrid") == 0.5
    assert spent_alone(made["p/1#hybrid#0"], ["pot", "cot", "hybrid"]).cost == 0


def test_an_estimate_is_the_mean_of_problems_from_all_over_the_set() -> None:
    problems = [Problem(id=str(n), text="?") for n in range(1000)]
    chosen = [int(problem.id) for problem in choose(problems, 1000, seed=3)]
    assert len(chosen) == 20 and all(50 * part <= place < 50 * part + 50 for part, place in enumerate(chosen))
    assert [p.id for p in choose(problems[:7], 7, seed=3)] == [p.id for p in problems[:7]]
    solutions = [
        Solution(id=f"{n}#cot#{k}", problem_id=f"{n}", format="cot", blocks=[], tokens=10 * (n % 2 + 1), cost=0.5)
        for n in range(20)
        for k in range(2)
    ]
    found = extrapolate(solutions, problems=1000, listed=["cot"], seed=0)
    assert found["cost"] == (1000, 1000, 1000) and found["tokens"].value == 30_000
    assert 24_000 < found["tokens"].low < 28_000 < 32_000 < found["tokens"].high < 36_000
