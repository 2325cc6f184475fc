"""Tests of grading: attempts of every kind, choice questions, streams of solutions."""

import subprocess
import sys
from typing import Any

import pytest

from slipstick.errors import UserError
from slipstick.grade import answer_in, grade, grade_solutions
from slipstick.schema import Code, Output, Problem, Solution, Text

EGGS = Problem(id="made/test/0", text="How many eggs?", answer="18", kind="number")
SHAPES = Problem(
    id="made/test/1", text="Which?", answer="C", kind="choice", choices=["$12", "15 km", "2/3", "none of these"]
)


def solution(problem_id: str = "made/test/0", **fields: Any) -> Solution:
    return Solution(**{"id": f"{problem_id}#cot#0", "problem_id": problem_id, "format": "cot", "blocks": []} | fields)


def test_a_models_output_against_an_answer() -> None:
    verdict = grade("9 times 2 is 18. The answer is 18.", "18")
    assert (verdict.outcome, verdict.expected) == ("correct", "18")
    assert grade("The answer is 17.", ["18", "19"]).outcome == "incorrect"


def test_a_solution_against_a_problem() -> None:
    program = solution(blocks=[Code(text="print(18.0)"), Output(text="18.0\n")])
    assert grade(program, EGGS).outcome == "correct"
    assert grade(solution(blocks=[Text(text=r"\boxed{17}")], answer="18"), EGGS).outcome == "correct"


def test_chat_messages_the_last_assistant_message_counts() -> None:
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "How many?"},
        {"role": "assistant", "content": "The answer is 17."},
        {"role": "tool", "content": "18"},
        {"role": "assistant", "content": [{"type": "text", "text": "The answer is 18."}]},
        {"role": "user", "content": "The answer is 3."},
    ]
    assert grade(messages, EGGS).outcome == "correct"
    assert grade(messages[:1], EGGS).outcome == "no_answer"
    assert grade([{"role": "assistant", "content": None}], EGGS).outcome == "no_answer"


def test_no_answer_and_no_gold() -> None:
    assert grade("", "18").outcome == "no_answer"
    assert grade("I do not know.", EGGS).outcome == "no_answer"
    verdict = grade("The answer is 18.", EGGS.model_copy(update={"answer": None}))
    assert (verdict.outcome, verdict.reason) == ("undecided", "the problem has no known answer")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("The answer is (C).", "correct"),
        ("The answer is (A).", "incorrect"),
        ("The answer is 2/3.", "correct"),
        (r"\boxed{\frac{2}{3}}", "correct"),
        ("The answer is $12.", "incorrect"),
        ("The answer is none of these.", "incorrect"),
        ("The answer is 99.", "incorrect"),
    ],
)
def test_a_choice_by_its_letter_its_text_or_its_value(answer: str, outcome: str) -> None:
    assert grade(answer, SHAPES).outcome == outcome


PETS = Problem(
    id="p/1",
    text="Which?",
    answer="B",
    kind="choice",
    choices=["cat", "dog", "a big dog", "A dog of mine", "23", "0.5", "1/2"],
)


@pytest.mark.parametrize(
    ("said", "letter"),
    [
        ("dog", "B"),
        ("the dog", "B"),
        ("It is a dog.", "B"),
        ("a big dog", "C"),
        ("A dog of mine", "D"),
        ("Answer: A dog of mine", "D"),
        ("<think>The cat.</think>a big dog", "C"),
        ("23", "E"),
        ("So $23$.", "E"),
        ("1/2", "G"),
        ("A", "A"),
        ("0.50", None),  # the value of two options
        ("99", None),
        ("cat or dog", None),
        ("I do not know.", None),
        ("It is not 23.", None),
        ("<think>23</think>", None),
        ("B because the", None),
    ],
)
def test_bare_words_are_the_one_option_whose_text_or_value_they_are(said: str, letter: str | None) -> None:
    gold = letter or "A"
    assert grade(said, PETS.model_copy(update={"answer": gold})).outcome == ("correct" if letter else "no_answer")
    [row] = grade_solutions([solution("p/1", blocks=[Text(text=said)])], [PETS.model_copy(update={"answer": gold})])
    assert row.verdict and row.verdict.outcome == ("correct" if letter else "no_answer")
    assert (row.answer is None) is (letter is None)


def test_a_programs_number_is_the_option_of_that_value() -> None:
    program = solution("made/test/1", format="pot", blocks=[Code(text="..."), Output(text="0.6666666666666666")])
    assert grade(program, SHAPES).outcome == "correct"
    assert (
        grade(program.model_copy(update={"blocks": [Code(text="..."), Output(text="12")]}), SHAPES).outcome
        == "incorrect"
    )


def test_a_gold_that_is_the_text_of_an_option() -> None:
    problem = Problem(id="p/0", text="?", answer="surplus", kind="choice", choices=["shortage", "surplus"])
    assert grade("The answer is (B).", problem).outcome == "correct"
    assert grade("The answer is surplus.", problem).outcome == "correct"
    assert grade("The answer is shortage.", problem).outcome == "incorrect"


def test_a_stream_of_solutions_keeps_its_order_and_every_row() -> None:
    problems = [EGGS, Problem(id="p/1", text="?", answer="x^2+2x+1", kind="latex"), Problem(id="p/2", text="?")]
    solutions = [
        solution(blocks=[]),
        solution("p/1", blocks=[Text(text=r"\boxed{(x+1)^2}")]),
        solution(blocks=[Text(text="The answer is 18.")]),
        solution("p/2", blocks=[Text(text="The answer is 18.")]),
        solution("p/9", blocks=[Text(text="The answer is 18.")]),
        solution(answer="17"),
        solution(blocks=[]),
    ]
    graded = list(grade_solutions(iter(solutions), problems, workers=2))
    assert [g.id for g in graded] == [s.id for s in solutions]
    outcomes = [g.verdict.outcome for g in graded if g.verdict]
    assert outcomes == ["no_answer", "correct", "correct", "undecided", "undecided", "incorrect", "no_answer"]
    assert [g.answer for g in graded] == [None, "(x+1)^2", "18", "18", "18", "17", None]


def test_an_unknown_profile() -> None:
    with pytest.raises(UserError, match="known: slipstick"):
        grade("1", "1", profile="mammot")
    with pytest.raises(UserError, match="known: slipstick"):
        list(grade_solutions([], [], profile="mammot"))


def test_the_module_is_light_to_import() -> None:
    program = "import sys, slipstick.grade; print({'pydantic', 'sympy', 'numpy'}.intersection(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "set()\n"


def test_boxes_in_a_row_are_no_number_under_the_strict_profile() -> None:
    asked = Problem(id="p", text="How many?", answer="4", kind="number")
    boxes = [Text(text=r"It is \boxed{4}, \boxed{5}.")]
    for answer in (None, "4"):  # as a run recorded it
        solution = Solution(id="p#0", problem_id="p", format="cot", blocks=boxes, answer=answer)
        assert answer_in(solution, "number", "slipstick") == "4"
        assert answer_in(solution, "number", "slipstick-strict") == "4, 5"
        assert grade(solution, asked).outcome == "correct"
        assert grade(solution, asked, profile="slipstick-strict").outcome == "incorrect"
        assert grade(solution, asked, profile="slipstick-strict:several=first").outcome == "correct"


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("We add them: 18", "no_answer"),
        ("**9** and then **18**", "no_answer"),
        ("The answer is 18.", "correct"),
        (r"So \boxed{18}.", "correct"),
        ("18", "correct"),
        ("**18**", "correct"),
    ],
)
def test_a_policy_takes_no_guess_for_an_answer(said: str, outcome: str) -> None:
    assert grade(said, "18").outcome == "correct"
    assert grade(said, "18", profile="slipstick:guess=none").outcome == outcome
    solution = Solution(id="p#0", problem_id="p", format="cot", blocks=[Text(text=said)], answer="18")
    asked = Problem(id="p", text="How many?", answer="18", kind="number")
    assert grade(solution, asked, profile="slipstick:guess=none").outcome == outcome, "a recorded answer is found again"


def test_what_a_program_printed_is_no_guess() -> None:
    blocks = [Code(text="print(18)"), Output(text="18\n", status="ok"), Text(text="That makes 18 of them, or 17.")]
    solution = Solution(id="p#0", problem_id="p", format="tir", blocks=blocks)
    assert answer_in(solution, "number", "slipstick:guess=none") == "18"


@pytest.mark.parametrize(
    ("said", "both", "one"),
    [
        ("Both B and C are correct.", "correct", "incorrect"),
        ("B and C", "correct", "incorrect"),
        ("Options B and C", "correct", "incorrect"),
        ("Both (B) and (C).", "correct", "incorrect"),
        ("**B** and **C**", "correct", "incorrect"),
        ("(B), (C)", "correct", "incorrect"),
        ("A and C", "incorrect", "incorrect"),
        ("B or C", "incorrect", "incorrect"),
        ("C, not A and B.", "incorrect", "correct"),
        ("A and B are wrong, so C", "incorrect", "correct"),
        ("It must be C and I am sure.", "incorrect", "correct"),
    ],
)
def test_letters_that_are_listed_are_one_answer_and_no_hedge(said: str, both: str, one: str) -> None:
    shapes = SHAPES.model_copy(update={"choices": ["$12", "15 km", "2/3"]})
    assert grade(said, shapes.model_copy(update={"answer": "B, C"})).outcome == both
    assert grade(said, shapes).outcome == one
