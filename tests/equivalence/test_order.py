"""Tests of lists whose order the question asks for."""

import pytest

from slipstick import Problem, Solution, compare, grade
from slipstick.equivalence.order import asks_for_order
from slipstick.grade import grade_solutions

ORDER = "Order 0.5, 1/3 and 0.6 from smallest to largest."


@pytest.mark.parametrize(
    ("question", "text", "gold", "outcome"),
    [
        (ORDER, "1/3, 0.5, 0.6", "1/3, 0.5, 0.6", "correct"),
        (ORDER, "The answer is 0.5, 1/3, 0.6.", "1/3, 0.5, 0.6", "incorrect"),
        (ORDER, r"\boxed{0.6, 0.5, 1/3}", "1/3, 0.5, 0.6", "incorrect"),
        (ORDER, "1/3 < 0.5 < 0.6", "1/3, 0.5, 0.6", "correct"),
        (ORDER, r"\boxed{\frac13 < \frac12 < 0.6}", "1/3, 0.5, 0.6", "correct"),
        (ORDER, r"\boxed{0.5 < \frac13 < 0.6}", "1/3, 0.5, 0.6", "incorrect"),
        (ORDER, r"\boxed{1/3, 0.5, 0.6}", "1/3 < 0.5 < 0.6", "correct"),
        ("Sort the names alphabetically.", "Tom, Ann, Bob", "Ann, Bob, Tom", "incorrect"),
        ("Sort the names alphabetically.", "The answer is Ann, Bob and Tom.", "Ann, Bob, Tom", "correct"),
        ("Rank the teams by points.", r"\boxed{B, A, C}", "A, B, C", "incorrect"),
        ("Find the roots. List them in increasing order.", r"\boxed{2, 1}", "1, 2", "incorrect"),
        ("Sort 1,000, 20 and 3, largest to smallest.", r"\boxed{1,000, 20, 3}", "1000, 20, 3", "correct"),
        ("Put them in order from least to greatest.", r"\boxed{(1/2, 1/3)}", "1/3, 1/2", "incorrect"),
        ("Arrange 3, 1, 2 in ascending order.", "3, 1, 2", "2, 1, 3", "correct"),  # a gold in no order says nothing
        ("Find the roots.", r"\boxed{2, 1}", "1, 2", "correct"),
        ("Find all elements of order 2.", r"\boxed{3, 1}", "1, 3", "correct"),
        ("In order to win, which numbers are needed?", r"\boxed{2, 1}", "1, 2", "correct"),
        ("Write the solution in increasing order.", "x<3 or x>5", "x>5 or x<3", "correct"),
        ("Write the solution in increasing order.", "3 > x > 0", "0 < x < 3", "correct"),
    ],
)
def test_a_list_has_the_order_that_the_question_asks_for(question: str, text: str, gold: str, outcome: str) -> None:
    problem = Problem(id="1", text=question, answer=gold)
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": text}]
    said = text.removeprefix(r"\boxed{").removesuffix("}")
    solution = Solution(id="1", problem_id="1", format="cot", blocks=[], answer=said)
    assert grade(text, problem).outcome == grade(messages, gold).outcome == outcome
    if "The answer" not in text:
        graded = next(iter(grade_solutions([solution], [problem])))
        assert graded.verdict is not None and graded.verdict.outcome == outcome


def test_of_several_golds_one_order_is_enough_and_without_a_question_lists_are_sets() -> None:
    problem = Problem(id="1", text=ORDER, answer=["1/3, 0.5, 0.6", "0.6, 0.5, 1/3"])
    assert grade("0.6, 0.5, 1/3", problem).outcome == "correct"
    assert compare("0.6, 0.5, 1/3", "1/3, 0.5, 0.6").outcome == "correct"


def test_what_asks_for_an_order() -> None:
    assert asks_for_order("Please arrange the numbers in descending order.")
    assert asks_for_order("Then sort them.")
    assert not asks_for_order("A shop got an order of 5 pens. In order to pay, what is needed?")
    assert not asks_for_order("Of which order is the group?")
