"""New problems from those there are: reworded, turned round, with other numbers; each says whose child it is."""

from __future__ import annotations

import asyncio
import io
import json
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.synthesize import run_synthesize
from slipstick.errors import RecipeError
from slipstick.interpreters import open_interpreter
from slipstick.models import Reply, Request
from slipstick.models.fake import FakeModel, Script
from slipstick.problems.synthetic import load
from slipstick.schema import Code, Drop, Output, Problem, Solution, Text
from slipstick.store import RunFolder
from slipstick.synthesize.augment import rephrased, turned_round
from slipstick.synthesize.numerals import in_digits, in_words, once
from slipstick.synthesize.prompts import questions_in
from slipstick.synthesize.variation import is_determined, varied

EGGS = Problem(
    id="farm/train/7",
    text="Mia's 12 hens lay 36 eggs a day. She sells them in boxes of 6 for $4 a box. What does she earn a day?",
    answer="24",
    kind="number",
)
PROGRAM = "eggs = 36\nbox = 6\nprice = 4\nboxes = eggs // box\nearned = boxes * price\nprint(earned)"


def reply(text: str) -> Solution:
    return Solution(id="farm/train/7#rephrase#0", problem_id=EGGS.id, format="rephrase", blocks=[Text(text=text)])


def vary(parent: Problem, program: str | None, number: int = 0) -> tuple[Problem | Drop, list[Code | Output]]:
    async def work() -> tuple[Problem | Drop, list[Code | Output]]:
        interpreter = open_interpreter()
        try:
            return await varied(parent, number, program=program, interpreter=interpreter, seed=0)
        finally:
            await interpreter.close()

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("12 hens, 1,200 eggs at $3.50 each; 7% are lost.", ["12", "1200", "3.50", "7"]),
        ("the 3rd of 5 rows has 5 seats, row A4 too", []),
        ("Solve x^2 - 7x = 1/2 with 3 digits.", ["3"]),
        ("2 letters twice a week to 3 friends", ["3"]),
    ],
)
def test_numbers_that_stand_once_by_themselves(text: str, found: list[str]) -> None:
    assert [numeral.value for numeral in once(text)] == found


def test_numbers_in_words() -> None:
    assert in_words("Twice as many as seven; forty dozens") == {"2", "7", "40", "12"}
    assert in_digits("7 of 1,200 at 0.5") == {"7", "1200", "0.5"}


def test_questions_are_found_in_what_a_model_writes() -> None:
    thought = "<think>\n<question>no</question></think>\n<question> One? </question>\n<question>Two?</question>"
    assert questions_in(reply(thought)) == ["One?", "Two?"]
    assert questions_in(reply("Here you are:\n1. One?\n2) Two\nlines?\n**3.** Three?")) == [
        "One?",
        "Two\nlines?",
        "Three?",
    ]
    assert questions_in(reply("I cannot do that.")) == []


GOOD = "At 6 eggs a box and $4 for each of them, what do the 36 daily eggs of Mia's dozen hens bring in?"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (GOOD, ""),
        (GOOD.replace("36", "38"), "numbers changed"),
        (GOOD.replace("6 eggs", "a few eggs"), "numbers changed"),
        (EGGS.text, "not new"),
        ("", "no question"),
    ],
)
def test_a_rewording_keeps_the_numbers(text: str, rule: str) -> None:
    made = rephrased(EGGS, reply(f"<question>{text}</question>"))
    assert (made.rule if isinstance(made, Drop) else "") == rule
    if isinstance(made, Problem):
        assert made.id == "farm/train/7~rephrase~0" and made.answer == "24"
        assert made.metadata["parent"] == EGGS.id and made.metadata["validated"] is False


def test_a_rewording_keeps_the_choices() -> None:
    parent = EGGS.model_copy(update={"kind": "choice", "choices": ["24 dollars", "20 dollars"], "answer": "A"})
    made = rephrased(parent, reply(f"<question>{GOOD}</question>"))
    assert isinstance(made, Drop) and made.rule == "choices changed"


def test_a_problem_turned_round_asks_for_a_number_it_hides() -> None:
    seen = set()
    for number in range(4):
        made = turned_round(EGGS, number, seed=0)
        assert isinstance(made, Problem) and made.kind == "number"
        hidden = str(made.answer)
        seen.add(hidden)
        assert "The answer to this problem is 24. Which number is x?" in made.text
        assert hidden not in in_digits(made.text.replace("24", ""))
    assert seen == {"12", "36", "6", "4"}
    refused = turned_round(EGGS, 4, seed=0)
    assert isinstance(refused, Drop) and refused.rule == "too few numbers"
    letters = turned_round(EGGS.model_copy(update={"text": "Let x = 3. What is x + x?", "answer": "6"}), 0, seed=0)
    assert isinstance(letters, Problem) and "Which number is y?" in letters.text


def test_a_number_that_others_could_stand_for_is_not_asked_for() -> None:
    async def work(program: str) -> bool:
        interpreter = open_interpreter()
        try:
            made = turned_round(parent, 0, seed=0)
            assert isinstance(made, Problem)
            return await is_determined(made, parent, program=program, interpreter=interpreter)
        finally:
            await interpreter.close()

    parent = Problem(
        id="p/1", text="How many eggs of 17 are left over when boxes are filled?", answer="5", kind="number"
    )
    assert asyncio.run(work("eggs = 17\nprint(eggs - 12)"))
    assert not asyncio.run(work("eggs = 17\nprint(5 if eggs > 10 else 0)"))


def test_other_numbers_in_text_and_program_give_a_new_gold() -> None:
    texts = set()
    for number in range(3):
        made, blocks = vary(EGGS, PROGRAM, number)
        assert isinstance(made, Problem) and made.id == f"farm/train/7~vary~{number}"
        texts.add(made.text)
        given = {int(value) for value in in_digits(made.text)}
        assert 12 in given, "the hens are not in the program, so they stay"
        code, output = blocks
        assert isinstance(code, Code) and isinstance(output, Output) and output.text.strip() == made.answer
        names: dict[str, int] = {}
        exec(code.text.replace("print(earned)", ""), names)  # noqa: S102  a program of five lines of ours
        assert names["eggs"] % names["box"] == 0, "no half boxes"
        assert {names["eggs"], names["box"], names["price"]} <= given and str(names["earned"]) == made.answer
    assert len(texts) == 3


@pytest.mark.parametrize("mark", ["\x0c", "# \u2028\n", "'\x1c\x85'\r\n"])
def test_the_lines_of_a_program_are_those_that_python_counts(mark: str) -> None:
    made, blocks = vary(EGGS, mark + PROGRAM)
    plain, expected = vary(EGGS, PROGRAM)
    assert isinstance(made, Problem) and isinstance(plain, Problem) and made.answer == plain.answer
    assert blocks[0].text == mark + expected[0].text


@pytest.mark.parametrize(
    ("program", "rule"),
    [
        (PROGRAM.replace("* price", "+ price"), "program misses the gold"),
        (
            PROGRAM.replace("36", "30 + 6").replace("box = 6", "box = 3 + 3").replace("= 4", "= 2 + 2"),
            "cannot be varied",
        ),
        (PROGRAM.replace("eggs // box", "int(eggs / box)"), "cannot be varied"),
        (PROGRAM + "\nassert earned == 24", "no other numbers fit"),
        ("this is no program", "cannot be varied"),
    ],
)
def test_a_program_that_cannot_be_trusted_varies_nothing(program: str, rule: str) -> None:
    made, blocks = vary(EGGS, program)
    assert isinstance(made, Drop) and made.rule == rule and not blocks


def test_without_a_program_only_the_text_is_changed_and_nobody_knows_the_answer() -> None:
    made, blocks = vary(EGGS, None)
    assert isinstance(made, Problem) and made.answer is None and made.text != EGGS.text and not blocks


# Runs


def run(folder: Path, *overrides: str, resume: bool = False, script: Script | None = None) -> tuple[RunFolder, str]:
    console = Console(record=True, width=120, file=io.StringIO())
    (folder / "r.toml").write_text('method = "augment"\nproblems = "synthetic:known,n=12"\nsandbox_workers = 1\n')
    order = Invocation(
        str(folder / "r.toml"),
        list(overrides),
        out=folder / "run",
        resume=resume,
        model=FakeModel(script) if script else None,
    )
    return RunFolder(run_synthesize(order, console)), console.export_text()


def test_problems_with_steps_need_no_model(tmp_path: Path) -> None:
    folder, _ = run(tmp_path, "kinds=['backward', 'vary']")
    problems = {problem.id: problem for problem in folder.problems()}
    parents = {problem.id for problem in load("known,n=12")}
    assert {problem.metadata["parent"] for problem in problems.values()} <= parents
    kinds = Counter(problem.metadata["method"] for problem in problems.values())
    assert kinds["vary"] >= 8 and kinds["backward"] >= 8
    for solution in folder.solutions():
        assert problems[solution.problem_id].metadata["method"] == "vary"
        assert solution.verdict and solution.verdict.method == "variation" and solution.format == "pot"
    dropped = list(folder.dropped())
    assert len(problems) + len(dropped) == 24 and all(drop.row["metadata"]["parent"] in parents for drop in dropped)
    before = [(folder.path / f"{name}.jsonl").read_text() for name in ("problems", "dropped", "verdicts")]
    run(tmp_path, "kinds=['backward', 'vary']", resume=True)
    assert before == [(folder.path / f"{name}.jsonl").read_text() for name in ("problems", "dropped", "verdicts")]


def test_a_teacher_rewords_and_must_reach_the_gold_again(tmp_path: Path) -> None:
    golds = {problem.id: problem.answer for problem in load("known,n=12")}

    def teacher(request: Request) -> Reply:
        problem = request.problem
        if request.format.name == "rephrase":
            assert problem.answer is None
            return Reply(
                text=f"<question>Tell me this, please. {problem.text} Explain how.</question>", tokens=30, cost=0.1
            )
        assert problem.text.startswith("Tell me this, please.")
        gold = golds[problem.metadata["parent"]] if problem.metadata["parent"] != "made/known/3" else "-1"
        return Reply(text=f"The answer is {gold}.", tokens=5, cost=0.01)

    settings = ("kinds=['rephrase']", "model=fake:", "formats=['cot']", "num_samples=2")
    folder, shown = run(tmp_path, *settings, "estimate=true", script=teacher)
    assert "12 problems, judged by 12" in shown and "US dollars" in shown and "1.44" in shown
    folder, _ = run(tmp_path, *settings, resume=True, script=teacher)
    problems = list(folder.problems())
    assert len(problems) == 11 and all(problem.metadata["validated"] is True for problem in problems)
    assert Counter(drop.rule for drop in folder.dropped()) == {"disagrees with the gold": 2, "never solved": 1}
    part = RunFolder(folder.path / "questions")
    replies = {solution.id: solution for solution in part.solutions()}
    assert set(replies) == {problem.metadata["reply"] for problem in problems} | {"made/known/3#rephrase#0"}
    assert all(solution.answer is None and solution.cost == 0.1 for solution in replies.values())


def test_what_needs_a_model_says_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"kinds = \['rephrase', 'backward', 'vary'\] need one"):
        run(tmp_path)


def test_programs_of_an_earlier_run_vary_problems_without_steps(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from slipstick.schema import Run, Verdict

    about = {"id": f"{EGGS.id}#pot#0", "problem_id": EGGS.id, "format": "pot", "answer": "24"}
    verdict = Verdict(outcome="correct", method="number")
    record = Run(name="made", verb="synthesize", status="finished", started=datetime.now(UTC), recipe={})
    made = RunFolder.start(tmp_path / "made", record)
    made.write_problems([EGGS])
    made.append(Solution.model_validate({**about, "blocks": [Code(text=PROGRAM)], "verdict": verdict}))
    made.finish("finished", counts={}, metrics=[])
    (tmp_path / "p.jsonl").write_text(json.dumps({"id": EGGS.id, "question": EGGS.text, "answer": "24"}) + "\n")
    settings = (f"problems={tmp_path}/p.jsonl", "kinds=['vary']", "variants=2", f"programs={tmp_path}/made")
    folder, _ = run(tmp_path, *settings)
    assert [solution.model for solution in folder.solutions()] == [f"program of {EGGS.id}"] * 2
