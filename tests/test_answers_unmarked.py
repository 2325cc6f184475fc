"""Tests of texts that mark no answer: truth values, what a sentence says something is, ratios, lists and formulas."""

import pytest

import slipstick
from slipstick.schema import Problem

TRUTHS = [
    ("No. 51 = 3 * 17.", "No", "Yes"),
    ("Yes, 53 is a prime number.", "Yes", "No"),
    ("Yes. Its only divisors are 1 and 53.", "Yes", "No"),
    ("Yes, it is.", "Yes", "No"),
    ("True. 53 is prime.", "True", "False"),
    ("False. It has 4 divisors.", "False", "True"),
    ("Answer: Yes, 53 is prime", "Yes", "No"),
    ("No — 51 = 3 × 17", "No", "Yes"),
    ("51 = 3 * 17, so no.", "No", "Yes"),
    ("**No.** 51 = 3 · 17", "No", "Yes"),
    ("Is it even? No. Is it a multiple of 3? No. So yes.", "Yes", "No"),
]
BOTH = [
    "Yes and no.",
    "Yes. No.",
    "Yes or no",
    "Yes, no, 3",
    "Yes. Actually, no.",
    "Yes. Wait, 51 = 3 * 17. No.",
    "Yes if n is even; no otherwise.",
    "Yes, if n is even.",
    "Yes, but only if n is even.",
    "Nobody is Yes.",
    "Yes, 4 is even. So the answer is No.",
]
NAMES = [
    ("12 days after Sunday is Friday.", "Friday"),
    ("It will be Friday.", "Friday"),
    ("The 3rd meeting will be held on Friday.", "Friday"),
    ("Sunday plus 12 days is Friday, not Thursday.", "Friday"),
    ("After 2 rounds the winner is Ada.", "Ada"),
    ("The answer is Friday.", "Friday"),
]
RUNS = [
    ("So the ratio of cats to dogs is 5:2", "5:2"),
    ("The ratio is 2:3:5.", "2:3:5"),
    ("The probability is 7/8 ≈ 0.875.", "7/8"),
    ("Thus p = 5/9 = 0.5556.", "5/9"),
    ("The probability is 5/9, approximately 0.56.", "5/9"),
    ("The roots are 4, 7.", "4,7"),
    ("The roots are -1, 4 and 7.", "-1,4,7"),
    ("The roots are x = 4 and x = 7.", "4,7"),
    ("The set is {4, 7}.", r"\{4,7\}"),
    ("It is x^2+4.", "x^2+4"),
    ("So we get x^2 - 4x + 7.", "x^2-4x+7"),
    ("So it is 4x + 7.", "4x+7"),
    ("4, 7", "4,7"),
]
SINGLE = [
    ("The train leaves at 3:45.", "3:45"),
    ("The sum is 4 + 7 = 11.", "11"),
    ("So 4 × 7 = 28.", "28"),
    ("The numbers 4, 7 add up to 11.", "11"),
    ("There are 4 cats and 7 dogs, so 11.", "11"),
    ("The total is 1,234.", "1234"),
    ("The area is 12 m2.", "12"),
    ("**42**\n\nBecause 6 times 7 is that.", "42"),
    ("**42**\n\nExplanation: 6 rows of 7.", "42"),
]


@pytest.mark.parametrize(("text", "gold", "opposite"), TRUTHS)
def test_a_truth_value_is_found_beside_numbers_if_one_is_asked(text: str, gold: str, opposite: str) -> None:
    assert slipstick.grade(text, gold).outcome == "correct"
    assert slipstick.grade(text, opposite).outcome == "incorrect"


@pytest.mark.parametrize("text", BOTH)
def test_yes_and_no_is_not_yes(text: str) -> None:
    assert slipstick.grade(text, "Yes").outcome != "correct"


@pytest.mark.parametrize(("text", "gold"), NAMES)
def test_a_name_is_found_beside_numbers_if_one_is_asked(text: str, gold: str) -> None:
    assert slipstick.grade(text, gold).outcome == "correct"


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        ("12 days after Sunday is Friday.", "Sunday"),
        ("It is not Friday.", "Friday"),
        ("It is Friday or Saturday.", "Friday"),
        ("Sunday plus 12 days is Friday, not Thursday.", "Thursday"),
    ],
)
def test_a_name_that_is_only_mentioned_is_no_answer(text: str, gold: str) -> None:
    assert slipstick.grade(text, gold).outcome != "correct"


def test_a_yes_before_a_number_leaves_the_number_if_one_is_asked() -> None:
    assert slipstick.grade("Yes, she has 12 apples.", "12").outcome == "correct"


@pytest.mark.parametrize(("text", "gold"), [*RUNS, *SINGLE])
def test_a_ratio_list_or_formula_is_found_whole(text: str, gold: str) -> None:
    assert slipstick.grade(text, gold).outcome == "correct"


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        ("The roots are 4, 7.", "7"),
        ("The roots are 4, 7.", "4"),
        ("4, 7", "7"),
        ("So the ratio of cats to dogs is 5:2", "2"),
        ("It is x^2+4.", "4"),
        ("The probability is 7/8 = 0.8.", "7/8"),
    ],
)
@pytest.mark.parametrize("kind", [None, "number"])
def test_a_part_of_it_is_no_answer(text: str, gold: str, kind: str | None) -> None:
    assert slipstick.grade(text, gold, kind=kind).outcome != "correct"


@pytest.mark.parametrize("text", ["5 as an answer is wrong", "The answer 5 is wrong.", "The answer is wrong."])
def test_what_is_said_of_an_answer_is_none(text: str) -> None:
    assert slipstick.grade(text, "wrong").outcome != "correct"
    assert slipstick.grade(text, "5").outcome != "correct"


STATEMENTS = ["I only", "II only", "I and III", "I, II and III"]
CITIES = ["Lima", "Oslo", "Cairo", "Quito"]


@pytest.mark.parametrize(
    ("text", "options", "letter"),
    [
        ("The answer is I and III", STATEMENTS, "C"),
        ("The answer is I and III only.", STATEMENTS, "C"),
        (r"\boxed{\text{I and III}}", STATEMENTS, "C"),
        ("Only I and III hold.", STATEMENTS, "C"),
        ("Statements I and III are true.", STATEMENTS, "C"),
        ("All of I, II and III hold.", STATEMENTS, "D"),
        ("The answer is II only.", STATEMENTS, "B"),
        ("Only I is true.", STATEMENTS, "A"),
        ("I think the answer is C.", STATEMENTS, "C"),
        ("The capital is Oslo.", CITIES, "B"),
        ("The capital is Oslo, not Lima.", CITIES, "B"),
    ],
)
def test_the_text_of_an_option_names_it(text: str, options: list[str], letter: str) -> None:
    problem = Problem(id="p", text="Which?", answer=letter, kind="choice", choices=options)
    assert slipstick.grade(text, problem).outcome == "correct"


@pytest.mark.parametrize(
    ("text", "options", "letter"),
    [
        ("The answer is I or III", STATEMENTS, "C"),
        ("The answer is I, II and III", STATEMENTS, "C"),
        ("I think so", STATEMENTS, "A"),
        ("The capital is Oslo or Lima.", CITIES, "B"),
        ("The capital is not Oslo.", CITIES, "B"),
    ],
)
def test_other_texts_do_not(text: str, options: list[str], letter: str) -> None:
    problem = Problem(id="p", text="Which?", answer=letter, kind="choice", choices=options)
    assert slipstick.grade(text, problem).outcome != "correct"


@pytest.mark.parametrize("reply", ["A", "a", "A.", "(A)", "Option A", "I choose A"])
def test_a_letter_that_is_an_article_too_is_an_answer(reply: str) -> None:
    assert slipstick.grade(reply, "A").outcome == "correct"
    assert slipstick.grade(reply, "B").outcome == "incorrect"


def test_a_text_that_ends_with_an_article_breaks_off() -> None:
    assert slipstick.grade("There are 5 of them and a", "5").outcome == "no_answer"
