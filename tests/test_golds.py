"""Tests of golds: what is read out of a data set's column, and what of it is no answer but a placeholder."""

import math

import numpy
import pytest

from slipstick.equivalence import compare
from slipstick.golds import placeholder, read_gold
from slipstick.grade import grade
from slipstick.rewards import trl
from slipstick.schema import Problem

READ = [
    (r"1/2 of 8 is 4. $\boxed{4}$", "4"),
    (r"There are \boxed{1} and \boxed{2}.", "1, 2"),
    (r"We find \boxed{} here.", None),
    ("9 times 2 is <<9*2=18>>18.\n#### 18", "18"),
    ("#### 1,234", "1,234"),
    ("#### Step 1\nWe add.\n#### Step 2\nWe get 3. The answer is $3$.", "3"),
    ("(0) ####", None),
    ("It is \\boxed{4}.\n####", "4"),
    ("2+2=4.\n#### 4\nThe answer is: 4", "4"),
    ("#### \\frac{1}{2}\nThe answer is: \\frac{1}{2}", r"\frac{1}{2}"),
    ("#### 10 and 12\nThe answer is: 10 and 12", "10 and 12"),
    ("2+2=4. The answer is: 4", "4"),
    ("2+2=4.\nThe answer is 4", "4"),
    ("Only the second holds. Therefore, the correct answer is B.", "B"),
    ("The answer is: (3,4)", "(3,4)"),
    ("Final Answer: The final answer is $4$. I hope it is correct.", "4"),
    ("<answer>4</answer>", "4"),
    (r"<think>1+3</think><answer> \boxed{4} </answer>", "4"),
    ("<answer>1</answer> no, <answer>4</answer>", "4"),
    ('{"answer": "4"}', "4"),
    ("所以有4个。答案：4", "4"),
    # golds that are no solutions stay as they are
    ("4", "4"),
    (" x < 3 ", "x < 3"),
    ("x < 3 > <y>", "x < 3 > <y>"),
    ("No answer is correct", "No answer is correct"),
    ("None of the answers is right", "None of the answers is right"),
    ("Answers will vary", "Answers will vary"),
    ("The boxed set", "The boxed set"),
    # other types
    (18, "18"),
    (18.0, "18.0"),
    (numpy.int64(18), "18"),
    (numpy.array(["2", "So it is 3.\n#### 3"], dtype=object), ["2", "3"]),
    ('["1/2", "0.5"]', ["1/2", "0.5"]),
    ("[1, 2]", "[1, 2]"),
    ((None, "", "4"), ["4"]),
    (None, None),
    ("", None),
    ([], None),
    (math.nan, "nan"),
]


@pytest.mark.parametrize(("value", "gold"), READ, ids=[repr(value)[:40] for value, _ in READ])
def test_a_gold_is_read_out_of_a_column(value: object, gold: object) -> None:
    assert read_gold(value) == gold


NONE_AT_ALL = [
    "proof",
    "Proof.",
    r"\text{proof}",
    "(proof)",
    "notfound",
    "Not found",
    "n/a",
    "N/A",
    "nan",
    "NaN",
    "null",
]
NONE_AT_ALL += ["<NA>", "-", "—", "$-$", "?", "...", "", " ", "see solution", "no answer found"]
NONE_UNLESS_WORDS_ARE_ASKED = ["None", "NA", "unknown"]
ANSWERS = [
    "none",
    r"\text{None}",
    "None of these",
    "no solution",
    "undefined",
    "proof by induction",
    "-1",
    "{}",
    r"\emptyset",
]
ANSWERS += ["0", "N", "a/n", "nano", "unknown quantity", "nullity", "?x", "not a function"]


@pytest.mark.parametrize("gold", NONE_AT_ALL)
def test_a_placeholder_is_no_gold(gold: str) -> None:
    assert placeholder(gold) and placeholder(gold, "text") and placeholder(gold, "choice")
    for answer in (gold, "4"):
        verdict = compare(answer, gold)
        assert (verdict.outcome, verdict.method) == ("undecided", "none") and "no answer to compare" in verdict.reason
        assert compare(answer, gold, profile="slipstick-strict").outcome == "undecided"
    assert grade(f"Hence proved. The answer is {gold}", gold).outcome == "undecided"
    assert grade("", gold).outcome == "undecided"
    assert trl.reward([f"The answer is {gold}"], answer=[f"We see.\n#### {gold}"]) == [None]


@pytest.mark.parametrize("gold", NONE_UNLESS_WORDS_ARE_ASKED)
def test_a_word_is_a_gold_where_words_are_asked_for(gold: str) -> None:
    assert "kind=" in compare(gold, gold).reason
    assert compare(gold, gold).outcome == compare("4", gold, kind="number").outcome == "undecided"
    assert compare(gold, gold, kind="text").outcome == "correct"
    assert compare("4", gold, kind="text").outcome != "correct"
    options = Problem(id="a", text="Which?", answer=gold, kind="choice", choices=["3", "4", gold])
    assert grade("The answer is (C)", options).outcome == "correct"
    assert grade("The answer is (A)", options).outcome == "incorrect"


@pytest.mark.parametrize("gold", ANSWERS)
def test_an_answer_is_no_placeholder(gold: str) -> None:
    assert placeholder(gold) is None
    assert compare(gold, gold).outcome == "correct"


def test_a_placeholder_beside_answers_counts_for_nothing() -> None:
    assert [compare(answer, ["proof", "4"]).outcome for answer in ("4", "5", "proof")] == [
        "correct",
        "incorrect",
        "incorrect",
    ]
    assert compare("4", ["proof", "n/a"]).outcome == "undecided"
    assert grade("", ["proof", "4"]).outcome == "no_answer"


def test_a_worked_solution_is_a_gold_in_every_verb() -> None:
    gold = "2+2=4.\n#### 4\nThe answer is: 4"
    assert compare("4", gold).outcome == compare("4", "2+2=4. The answer is: 4").outcome == "correct"
    assert compare("5", gold).outcome == "incorrect" and compare("4", gold).expected == "4"
    assert grade("The answer is 4.", Problem(id="a", text="2+2?", answer=gold)).outcome == "correct"
    assert trl.reward(["It is 4.", "It is 2."], answer=[gold, gold]) == [1.0, 0.0]
