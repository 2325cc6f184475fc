"""Solutions written from worked steps: every style ends in the gold, every program is run, what is wrong is dropped."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import pytest

from slipstick.answers import answer_of
from slipstick.formats import Format, join, load_format, parse, render
from slipstick.grade import grade
from slipstick.interpreters import open_interpreter
from slipstick.problems.synthetic import load
from slipstick.problems.synthetic.calculation import templates
from slipstick.schema import Code, Drop, Output, Problem, Solution, Text
from slipstick.synthesize import choose_formats, synthesize
from slipstick.synthesize.longhand import longhand

STYLES = ("cot", "pot", "tir")


def written(
    problems: Iterable[Problem],
    styles: Sequence[str] = STYLES,
    *,
    shares: Mapping[str, float] | None = None,
    done: Sequence[str] = (),
) -> tuple[list[Solution], list[Drop]]:
    solutions: list[Solution] = []
    drops: list[Drop] = []

    async def run() -> None:
        interpreter = open_interpreter()
        try:
            await synthesize(
                problems,
                [load_format(name) for name in styles],
                interpreter=interpreter,
                on_solution=solutions.append,
                on_drop=drops.append,
                shares=shares,
                done=done,
            )
        finally:
            await interpreter.close()

    asyncio.run(run())
    return solutions, drops


@pytest.fixture(scope="module")
def known() -> list[Problem]:
    """At least one problem of every template, and some abstract ones."""
    found: dict[str, Problem] = {}
    for problem in load("known,n=2000"):
        found.setdefault(problem.metadata["template"], problem)
    assert len(found) == len(templates())
    return [*found.values(), *load("abstract,n=20")]


@pytest.fixture(scope="module")
def solutions(known: list[Problem]) -> list[Solution]:
    kept, dropped = written(known)
    assert not dropped, dropped[0].reason
    return kept


def test_every_style_ends_in_the_gold(known: list[Problem], solutions: list[Solution]) -> None:
    gold = {problem.id: problem for problem in known}
    assert Counter(solution.format for solution in solutions) == {
        "cot": len(known),
        "pot": len(known) - 20,
        "tir": len(known) - 20,
    }
    for solution in solutions:
        problem = gold[solution.problem_id]
        assert solution.verdict and solution.verdict.outcome == "correct"
        assert solution.answer and grade(solution, problem).outcome == "correct"
        assert solution.id == f"{problem.id}#{solution.format}#0"


def test_blocks_are_those_of_their_style(solutions: list[Solution]) -> None:
    turns = set()
    for solution in solutions:
        types = [block.type for block in solution.blocks]
        if solution.format == "cot":
            assert types == ["text"]
        elif solution.format == "pot":
            assert types == ["code", "output"]
        else:
            turns.add(types.count("code"))
            assert types == ["text", "code", "output"] * types.count("code") + ["text"]
            assert isinstance(solution.blocks[-1], Text) and solution.blocks[-1].text.endswith("}.")
        assert all(block.status == "ok" for block in solution.blocks if isinstance(block, Output))
    assert turns == {1, 2}


def test_what_was_written_parses_back(solutions: list[Solution]) -> None:
    for solution in solutions:
        format = load_format(solution.format)
        shown = [block for block in solution.blocks if format.code_output_begin or not isinstance(block, Output)]
        back = parse(format, join(render(format, solution.blocks)))
        assert [(block.type, block.text) for block in back] == [(block.type, block.text) for block in shown]


def test_solutions_come_in_the_order_of_the_problems(known: list[Problem], solutions: list[Solution]) -> None:
    order = [problem.id for problem in known]
    places = [order.index(solution.problem_id) for solution in solutions]
    assert places == sorted(places)


def test_a_wrong_gold_is_dropped_with_its_reason() -> None:
    problem = next(load("known,n=1")).model_copy(update={"answer": "0.5"})
    kept, dropped = written([problem])
    assert [solution.format for solution in kept] == ["cot"], "words alone say what they are told"
    assert {drop.rule for drop in dropped} == {"wrong answer"}
    assert all(drop.reason.startswith("the program came to ") and drop.reason.endswith("is 0.5") for drop in dropped)
    assert [drop.row["id"] for drop in dropped] == [f"{problem.id}#pot#0", f"{problem.id}#tir#0"]


def test_a_program_that_fails_is_dropped_with_its_last_line() -> None:
    problem = next(load("known,n=1"))
    steps = [*problem.metadata["steps"], {"name": "broken", "expression": "1 // 0", "says": "Then 1 / 0 = 3."}]
    problem = problem.model_copy(update={"metadata": {"steps": steps}})
    _, dropped = written([problem], ["pot"])
    assert [drop.rule for drop in dropped] == ["program failed"]
    assert "ZeroDivisionError" in dropped[0].reason


def test_what_cannot_be_written_is_dropped_not_forgotten() -> None:
    abstract = next(load("abstract,n=1"))
    _, dropped = written([abstract, abstract.model_copy(update={"answer": None})], ["pot"])
    assert [drop.rule for drop in dropped] == ["no worked steps", "no answer"]
    assert all(drop.row["id"] == f"{abstract.id}#pot#0" and abstract.id in drop.reason for drop in dropped)


def test_done_solutions_are_not_written_again(known: list[Problem]) -> None:
    few = known[:3]
    kept, _ = written(few, done=[f"{few[0].id}#cot#0", f"{few[1].id}#tir#0"])
    assert len(kept) == 7
    assert not {f"{few[0].id}#cot#0", f"{few[1].id}#tir#0"} & {solution.id for solution in kept}


def test_shares_that_add_up_to_one_give_each_problem_one_style() -> None:
    formats = [load_format(name) for name in STYLES]
    shares = {"pot": 0.4, "cot": 0.25, "tir": 0.35}
    chosen = Counter[tuple[str, ...]]()
    for problem in load("train,n=4000"):
        names = tuple(format.name for format in choose_formats(problem, formats, shares=shares))
        chosen[names if problem.kind == "number" else ("abstract", *names)] += 1
    assert set(chosen) == {("cot",), ("pot",), ("tir",), ("abstract", "cot")}
    assert abs(chosen[("pot",)] / chosen[("tir",)] - 0.4 / 0.35) < 0.15
    assert 3200 * 0.25 * 0.4 < chosen[("cot",)] < 3200 * 0.25 * 0.75


def test_words_are_for_short_numbers_where_there_are_shares() -> None:
    formats = [load_format(name) for name in STYLES]
    for problem in load("digits7,n=50"):
        assert "cot" not in {
            format.name for format in choose_formats(problem, formats, shares={"cot": 0.5, "pot": 0.5})
        }
        assert [format.name for format in choose_formats(problem, formats, shares={"cot": 1.0})] == ["cot"]


def test_shares_may_overlap() -> None:
    formats = [load_format(name) for name in STYLES]
    counts = Counter[str]()
    for problem in load("digits3,n=1000"):
        names = [
            format.name for format in choose_formats(problem, formats, shares={"cot": 0.5, "pot": 1.0, "tir": 0.0})
        ]
        assert "pot" in names and "tir" not in names
        counts.update(names)
    assert abs(counts["cot"] - 500) < 80


@pytest.mark.parametrize(
    ("sum_", "digits"),
    [
        ("345 + 27", "5 + 7 = 12 write 2, 34 + 2: 4 + 2 + 1 = 7 write 72, 3 + 0 = 3 write 372"),
        ("99 + 1", "9 + 1 = 10 write 0, 9 + 0 + 1 = 10 write 00, 1 write 100"),
        ("402 - 19", "12 - 9 = 3 write 3, 40 - 1: 10 - 1 - 1 = 8 write 83, 4 - 0 - 1 = 3 write 383"),
        ("402 - 397", "12 - 7 = 5 write 5, 40 - 39: 10 - 9 - 1 = 0 write 05, 4 - 3 - 1 = 0 write 005, that is 5"),
        ("78 * 6", "8 * 6 = 48 write 8, 7 * 6 + 4 = 46 write 468"),
        ("96 / 4", "9 / 4 = 2 rest 1 write 2, 16 / 4 = 4 rest 0 write 24"),
        ("705 / 5", "7 / 5 = 1 rest 2 write 1, 05: 20 / 5 = 4 rest 0 write 14, 5 / 5 = 1 rest 0 write 141"),
        ("96 % 7", "9 / 7 = 1 rest 2, 26 / 7 = 3 rest 5"),
        ("3 + 4", None),
        ("12345 + 1", None),
        ("3 ^ 12", None),
        ("12 / 0", None),
    ],
)
def test_longhand(sum_: str, digits: str | None) -> None:
    assert longhand(sum_) == digits


@pytest.mark.parametrize("sign", ["+", "-", "*", "/"])
def test_longhand_ends_in_the_result(sign: str) -> None:
    results = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a // b}
    told = 0
    for a in range(10, 1000, 7):
        for b in (1, 2, 5, 9, 10, 12, 30, 77, 140):
            digits = longhand(f"{a} {sign} {b}")
            if digits:
                told += 1
                assert int(digits.replace(",", "").split()[-1]) == results[sign](a, b), digits
    assert told > 100


def test_words_do_small_sums_digit_by_digit() -> None:
    problem = Problem(
        id="sums/0",
        text="How much is 345 + 27?",
        answer="372",
        kind="number",
        metadata={
            "steps": [
                {"name": "a", "expression": "345"},
                {"name": "total", "expression": "a + 27", "says": "Adding gives 345 + 27 = 372."},
            ]
        },
    )
    kept, _ = written([problem], ["cot"])
    digits = "5 + 7 = 12 write 2, 34 + 2: 4 + 2 + 1 = 7 write 72, 3 + 0 = 3 write 372"
    said = f"a = 345\nAdding gives a + 27 = 345 + 27. {digits}. So total = 372.\nThe answer is 372."
    assert kept[0].blocks == [Text(text=f"\n{said}")]


def test_answers_come_from_the_programs(solutions: list[Solution], known: list[Problem]) -> None:
    kinds = {problem.id: problem.kind for problem in known}
    for solution in solutions:
        if solution.format == "pot":
            code = solution.blocks[0]
            assert isinstance(code, Code) and "\nprint(" in code.text
            assert solution.answer == answer_of(solution.blocks, kind=kinds[solution.problem_id])


def test_layouts_of_other_names_are_written_by_what_they_execute() -> None:
    mine = Format(name="mine", executes="program")
    problem = next(load("known,n=1"))
    assert [format.name for format in choose_formats(problem, [mine])] == ["mine"]
