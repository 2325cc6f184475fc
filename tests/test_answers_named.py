r"""Tests of replies that mark no answer: whether their conclusion leaves the gold open, and what it takes back."""

import pytest

from slipstick import find_answer, grade
from slipstick.answers import find_conclusion
from slipstick.grade import grade_solutions
from slipstick.schema import Block, Code, Output, Problem, Solution, Text

OPEN = [
    ("He read 90. That leaves 60, and 90 + 60 = 150.", "60", "names 60 beside 150"),
    ("They need 5 vans. 27 / 6 = 4.5 is rounded up to whole vans.", "5", "names 5 beside 4.5"),
    ("One share is 6. So Tom gets 12 and Ann gets 18.", "12, 18", "names the numbers of 12, 18"),
    ("One share is 6.\n\nTom: 12 pears\nAnn: 18 apples", "12, 18", "names the numbers of 12, 18"),
    ("First x is 2. Then y is 3.", "x=2, y=3", "names the numbers of x=2, y=3"),
    ("The discount is $3. The shirt sells for seventeen dollars.", "$17", "names $17 beside $3"),
    ("Red are 3 of 8 balls, so that is the chance: 3 of 8.", "3/8", "names 3/8 beside 8"),
    ("Kim is 4 cm taller.", "Kim", "names Kim"),
    ("It is 7 × 13, so 91 is not prime.", "No", "says neither yes nor no"),
    ("It takes every x from 2 upwards.", r"[2, \infty)", r"may say [2, \infty) in words"),
    ("Nothing at all satisfies both 3 and 4.", "no solution", "may say no solution in words"),
    ("The largest of them all is 2/3.", "B", "names no letter"),
]
REFUSED = [
    ("The total is 15, not 54.", "54"),
    ("It takes 3 of them, so 12 + 30 = 42.", "30"),
    ("It is 12. Wait, there are 3 more, that makes 15.", "12"),
    ("At first I thought 12, but there are 3 more: 15", "12"),
    ("There were 12. So in the end 15 are left.", "12"),
    ("It has 10 or 12 sides.", "12"),
    ("The modes are 3 and 5.", "5"),
    ("The length is 2 m.", "2 cm"),
    ("Then x = -2 and then x = 4.", "2, -4"),
    ("Yes, 51 has no divisors but 1.", "no"),
    ("The greatest value of it is 2.", "[3, 5)"),
    (r"There were 12 of them. \boxed{15}", "12"),
    ("There were 12 of them. The answer is 15.", "12"),
    ("15", "12"),
    ("It is 15, since 12 is too small.", "12"),
]


READ = [
    ("He has 60 pages left out of 150.", "60"),
    ("Anna has 21 of them, which makes sense because 21 + 7 = 28.", "21"),
    ("**54**\n\n20% of 45 = 9, and 45 + 9 gets you there.", "54"),
    ("So the factorization is (x + 4)(x + 3).", "(x+3)(x+4)"),
    ("Divide by 5. That gives x = 7.\nAnd 5 times 9 is 45, so it works.", "7"),
    ("It covers 4 × 300 000 km = 1 200 000 km.", "1,200,000"),
    ("Expanding, we get (a + b)^2 - (a - b)^2 = 4ab.", "4ab"),
    ("Cancelling the common factor one is left with x + 3.", "x + 3"),
    ("The roots add up to 8 sqrt(2).", r"8\sqrt{2}"),
    ("It lands on negative five.", "-5"),
    ("It fell to negative 7.", "-7"),
    ("1500 g is heavier, as 1500 > 2.", "1500 g"),
    ("16/52 = 4/13, or roughly 31%.", "4/13"),
    ("It is 72 miles per hour. We could divide, which would give 32, but that is too slow.", "72"),
    ("The fuel is 21 L in total. I got this from 350/100 = 3.5 and 3.5 × 6.", "21"),
]


@pytest.mark.parametrize(("reply", "gold"), READ)
def test_a_value_in_prose_is_read_whole(reply: str, gold: str) -> None:
    assert grade(reply, gold).outcome == "correct", find_answer(reply)


@pytest.mark.parametrize(("reply", "gold", "reason"), OPEN)
def test_a_reply_that_marks_nothing_and_names_the_gold_is_undecided(reply: str, gold: str, reason: str) -> None:
    verdict = grade(reply, gold)
    assert verdict.outcome == "undecided", verdict
    assert verdict.reason == f"the reply marks no answer, and its conclusion {reason} (policy guess=undecided)"
    assert grade(reply, gold, profile="slipstick-strict").outcome == "incorrect"
    assert grade(reply, gold, profile="slipstick:guess=taken").outcome == "incorrect"


CHANGED = [
    ("It's at least 5.", "5", "at least"),
    ("There are more than 5 of them.", "5", "more than"),
    ("We get 5 + i as the result.", "5", "+ i"),
    ("It is 28, which is less than 29.", "29", "less than"),
    ("He has 28 of the 30.", "30", "of the"),
    ("It equals 5 squared.", "5", "squared"),
    ("Next, we need to divide by 12.", "12", "divide by"),
    ("You might think it is 29.", "29", "might think it is"),
    ("It is 7 degrees below zero.", "7", "below zero"),
    ("It takes a quarter of an hour.", "1/4", "of an"),
    ("There are 86 400 seconds in one day.", "400", "86"),
]


@pytest.mark.parametrize(("reply", "gold", "words"), CHANGED)
def test_words_that_make_another_value_of_a_number_leave_it_open(reply: str, gold: str, words: str) -> None:
    verdict = grade(reply, gold)
    assert verdict.outcome == "undecided", verdict
    assert verdict.reason.startswith(f"the reply marks no answer, and `{words}` beside "), verdict
    assert grade(reply, gold, profile="slipstick:guess=taken").outcome == "correct"


WORDS = [
    ("It is undefined.", "undefined", "correct"),
    ("It's a rhombus.", "rhombus", "correct"),
    ("That would be a Friday.", "Friday", "correct"),
    ("I'd say yes.", "Yes", "correct"),
    ("It is a square.", "rhombus", "incorrect"),
    ("The series diverges, as its terms are too large.", "diverges", "undecided"),
    ("It does not converge.", "converges", "no_answer"),
    ("Does it diverge, or is it that it diverges?", "diverges", "no_answer"),
    ("I cannot say whether it diverges.", "diverges", "no_answer"),
    ("It diverges because the", "diverges", "no_answer"),
]


@pytest.mark.parametrize(("reply", "gold", "outcome"), WORDS)
def test_a_word_is_read_where_a_word_is_asked(reply: str, gold: str, outcome: str) -> None:
    assert grade(reply, gold).outcome == outcome


@pytest.mark.parametrize(("reply", "gold"), REFUSED)
def test_what_is_denied_taken_back_computed_with_or_marked_is_refused(reply: str, gold: str) -> None:
    assert grade(reply, gold).outcome == "incorrect"


def test_a_stream_of_solutions_is_judged_alike() -> None:
    problem = Problem(id="p", text="How many pages are left?", answer="60")
    words = Text(text="That leaves 60, and 90 + 60 = 150.")
    programs: list[list[Block]] = [[words], [Code(text="print(150)"), Output(text="150\n"), words]]
    solutions = [Solution(id=f"p#{n}", problem_id="p", format="cot", blocks=b) for n, b in enumerate(programs)]
    outcomes = [one.verdict and one.verdict.outcome for one in grade_solutions(solutions, [problem])]
    assert outcomes == ["undecided", "incorrect"], "what a program printed is no guess"


def test_of_options_without_a_kind_the_letter_is_chosen() -> None:
    problem = Problem(id="p", text="Which is largest?", answer="B", choices=["1/2", "2/3", "3/5"])
    assert grade("It is 2/3 or so, hence (C).", problem).outcome == "incorrect"
    assert grade("It is 3/5 or so, hence (B).", problem).outcome == "correct"
    assert grade("The largest is 2/3.", problem).outcome == "correct"
    assert grade("The order is 1/2, 3/5, then 2/3, by 1/15.", problem).outcome == "no_answer"
    planets = Problem(id="p", text="Which is largest?", answer="C", choices=["Earth", "Saturn", "Jupiter"])
    assert grade("Jupiter wins that race.", planets).outcome == "undecided"
    assert grade("Jupiter or Saturn wins that race.", planets).outcome == "no_answer"


def test_what_the_conclusion_is() -> None:
    found = find_conclusion("Ten fit. We try 3. Then 4 more. And it is seven in 2 rows of 5.")
    assert found is not None and found.words == "Ten fit.\nThen 4 more.\nAnd it is seven in 2 rows of 5."
    assert found.values == ("4", "2", "5", "Ten", "seven") and found.taken == "5"
    found = find_conclusion("One is 6. So 7 of 8.")
    assert found is not None and found.values == ("7", "8", "7/8")
    assert find_conclusion("The answer is 7.") is None
    assert find_conclusion("<think>7 or 8") is None


BACK = [
    ("\\boxed{5}\n\nWait, that's wrong: 2*3 = 6.", "5", "5"),
    ("The answer is 5. Oops, I made a mistake: 2*3 = 6.", "5", "6"),
    ("The answer is 5. But that's incorrect, since 2*3 = 6.", "5", "5"),
    ("The answer is 5. Let me recheck: 2*3 = 6. So I was wrong.", "5", "6"),
]


@pytest.mark.parametrize(("reply", "taken", "gold"), BACK)
def test_a_marked_answer_that_is_taken_back_is_open(reply: str, taken: str, gold: str) -> None:
    verdict = grade(reply, gold)
    assert verdict.outcome == "undecided" and f"behind {taken} takes it back" in verdict.reason, verdict


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("\\boxed{5}. Let me double-check: 2 + 3 = 5. Correct.", "correct"),
        ("The answer is 5. Wait, that is right.", "correct"),
        ("The answer is 6. Wait, that is not right. It should be 5.", "correct"),
        ("The answer is 5 (2 red and 3 green).", "undecided"),
        ("\\boxed{5, obtained by adding 2 and 3}", "undecided"),
        ("The answer is 5 or 6.", "incorrect"),
        ("The answer is 5 km in 3 hours.", "undecided"),
        ("The answer is 5 :)", "correct"),
        ("The answer is $5, for a total of $210.", "correct"),
        ("The answer is 5 apples, 2 red and 3 green.", "correct"),
        ("The answer is 5 ways to choose 4 of 7", "correct"),
        ("The answer is 9 apples, 4 red and 5 green.", "incorrect"),
        ("The answer is 5 children, i.e. 2 boys and 3 girls", "correct"),
        ("The answer is 5 (the sum of 2 and 3).", "correct"),
        ("The answer is 5, and y is 3.", "undecided"),
        ("The answer is 8, and y is 5.", "incorrect"),
        ("The answer is 8 without the 5 broken ones.", "incorrect"),
        ("The answer is 1 times 5 is 5.", "correct"),
    ],
)
def test_what_goes_on_behind_a_marked_answer(reply: str, outcome: str) -> None:
    assert grade(reply, "5").outcome == outcome, find_answer(reply)


def test_a_truth_value_stands_before_its_reason() -> None:
    assert grade("The answer is yes: 36 is a square.", "yes").outcome == "correct"
    assert grade("The answer is no: 35 is no square.", "yes").outcome == "incorrect"
