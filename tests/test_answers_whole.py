r"""Tests of short replies that are nothing but an answer, as people collect them by hand."""

import pytest
from benchmarks import long_replies

from slipstick import compare, final_answer, find_answer, grade
from slipstick.answers import answer_of
from slipstick.schema import Block, Code, Output, Text

CORRECT = [
    ("x=2, y=3", "x=2, y=3"),
    ("March 1, 2023", "2023-03-01"),
    ("2023-03-01", "2023-03-01"),
    ("03/01/2023", "03/01/2023"),
    ("[0, inf)", "[0, inf)"),
    ("]1, 5]", "(1, 5]"),
    ("2x + 3", "3 + 2x"),
    ("(x+1)(x-1)", "x^2-1"),
    ("x^2 + y^2 = 25", "x^2+y^2=25"),
    ("f(x) = cx", "f(x)=cx"),
    ("3:2", "3:2"),
    ("½", "1/2"),
    ("3½", "3.5"),
    ("1h 20min", "80 minutes"),
    ("1 hour 20 minutes", "80 minutes"),
    ("3 ft 4 in", "40 inches"),
    ("24 m^2", "24 m^2"),
    ("9.8 m/s^2", "9.8 m/s^2"),
    ("12.5 miles per hour", "12.5 mph"),
    ("sqrt(2)", "sqrt(2)"),
    (r"\frac{3}{4}", "0.75"),
    ("6.02 x 10^23", "6.02e23"),
    ("2, 3", "3, 2"),
    ("2 and 3", "2, 3"),
    ("$x=2$ and $y=3$.", "x=2, y=3"),
    ("two thirds", "2/3"),
    ("10 percent", "0.1"),
    ("0.333...", "1/3"),
    ("5!", "120"),
    ("1 000 000", "1000000"),
    ("Ann: 18, Bob: 14", "Bob: 14, Ann: 18"),
    ("No solution", "no solution"),
    ("No solution!", "no solution"),
    ("Tom and Ann", "Ann and Tom"),
    ("isosceles triangle", "Isosceles triangle"),
    ("infinitely many", "infinitely many"),
    ("does not exist", "DNE"),
    ("$odd$", r"\text{odd}"),
    ("x", "x"),
    ("The ratio is 3:2.", "3:2"),
    ("It will be March 1, 2023.", "March 1, 2023"),
    ("It takes 1 hour and 20 minutes.", "80 minutes"),
    ("1. März 2023", "1. März 2023"),
    ("Die Antwort ist 1. März 2023.", "1. März 2023"),
    ("Die Antwort ist 1. März 2023.", "01.03.2023"),
    ("Die Antwort ist der 1. März 2023.", "1. März 2023"),
    ("Es ist der 1. März 2023.", "1. März 2023"),
]
AROUND = [
    "{}",
    "{}.",
    "**{}**",
    "**{}**.",
    "${}$",
    "`{}`",
    '"{}"',
    "“{}”",
    "= {}",
    "≈ {}",
    "\n{}\n",
    "<think>7, 8</think>{}",
]
AS_BEFORE = [
    ("5 + 3 = 8", "8"),
    ("6 x 7 = 42", "42"),
    ("12 * 3 = 36 apples", "36"),
    ("gcd(12, 18) = 6", "6"),
    ("$18", "$18"),
    ("18 dollars", "18 dollars"),
    ("36 red apples", "36"),
    ("Total: 12", "12"),
    ("3/4 (0.75)", "3/4"),
    ("12 (x = 3)", "12"),
    ("- 42", "42"),
    ("1. 42", "42"),
    ("B) 12", "12"),
    ("[[5]]", "5"),
    ("42 ✓", "42"),
    ("Step 1: 42", "42"),
    ("The mass is 42 kg.", "42 kg"),
    ("So 12 + 30", "30"),
    ("Compute 12 + 30", "30"),
    ("The total is 12 + 30", "30"),
]
NONE = [
    "so 12 + 30 =",
    "12 + 30 =",
    "The numbers are 3 and",
    "print(2, 3)",
    "What is 3:2?",
    "Is the ratio 3:2?",
    "Suppose the ratio is 3:2.",
    "Let me think",
    "So x",
    "We need more time",
    "Which triangle is it",
    "3 and 4 are wrong",
    "I have no idea, 3 and 4",
    "<think>2, 3",
]
SEVERAL = [
    "{}, {}",
    "{}; {}",
    "{} or {}",
    "{} and {}",
    "{} {}",
    "{} | {}",
    "{} (or {})",
    "It is {} or {}.",
    "**{}, {}**",
]


@pytest.mark.parametrize(("reply", "gold"), CORRECT)
def test_a_reply_that_is_an_answer_is_graded_whole(reply: str, gold: str) -> None:
    assert grade(reply, gold).outcome == "correct", find_answer(reply)


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("answer", ["x=2, y=3", "3:2", "March 1, 2023"])
def test_what_is_around_an_answer_is_no_part_of_it(answer: str, around: str) -> None:
    assert grade(around.format(answer), answer).outcome == "correct", find_answer(around.format(answer))


@pytest.mark.parametrize(("reply", "answer"), AS_BEFORE)
def test_a_plain_number_and_a_computation_are_no_whole_replies(reply: str, answer: str) -> None:
    found = find_answer(reply)
    assert found is not None and found.text == answer and found.rule not in ("whole", "sentence")


@pytest.mark.parametrize("kind", [None, "number"])
@pytest.mark.parametrize(
    "reply",
    [
        *(
            "{} (43)",
            "{} (43).",
            "**{} (43)**",
            "${}$ (43)",
            "x = {} (43)",
            "{} (-42)",
            "{} km (43 km)",
            "{} km (43 m)",
        ),
        *("{} apples (43)", "{}% (0.43)", "{} (about 43)", "It is {} (43)."),
    ],
)
def test_a_bracket_with_another_value_is_part_of_the_answer(reply: str, kind: str | None) -> None:
    assert "4" in (final_answer(reply.format("42"), kind=kind) or "").partition("(")[2]
    for gold in ("42", "43"):
        assert grade(reply.format("42"), gold, kind=kind).outcome != "correct"


@pytest.mark.parametrize("reply", ["42 (42.0)", "42 (84/2)", "42% (0.42)", "42 km (42 km)", "42 (x = 43)"])
def test_a_bracket_that_says_it_again_or_something_else_is_not(reply: str) -> None:
    assert (final_answer(reply) or "").startswith("42") and "(" not in (final_answer(reply) or "")


@pytest.mark.parametrize("reply", NONE)
def test_what_breaks_off_asks_or_is_a_sentence_is_no_answer(reply: str) -> None:
    assert final_answer(reply) is None


@pytest.mark.parametrize("listing", SEVERAL)
@pytest.mark.parametrize(("one", "other"), [("42", "43"), ("A", "B"), ("Tom", "Ann"), ("1/2", "1/3"), ("yes", "no")])
def test_several_answers_are_none(listing: str, one: str, other: str) -> None:
    reply = listing.format(one, other)
    assert grade(reply, one).outcome != "correct", find_answer(reply)
    assert grade(reply, other).outcome != "correct", find_answer(reply)


def test_a_unit_of_another_dimension_is_not_left_out() -> None:
    assert grade("24 m^3", "24 m^2").outcome == "incorrect"
    assert grade("80 kPa", "80 Pa").outcome == "incorrect"


def test_words_are_no_number() -> None:
    assert final_answer("isosceles triangle", kind="number") is None
    assert final_answer("two thirds", kind="number") == "two thirds"


def test_a_whole_reply_is_no_guess_but_its_sentence_is() -> None:
    assert final_answer("x=2, y=3", guess=False) == "x=2, y=3"
    assert final_answer("The ratio is 3:2.", guess=False) is None


def test_the_output_of_a_program_comes_before_words_behind_it() -> None:
    blocks: list[Block] = [Code(text="..."), Output(text="42\n"), Text(text="red balls")]
    assert answer_of(blocks) == "42"


def test_a_letter_stays_a_letter() -> None:
    assert find_answer("B").rule == "letter"  # type: ignore[union-attr]
    assert final_answer("B, C", kind="choice") == "B, C"


def test_an_arithmetic_reply_is_judged_by_the_policy_as_in_a_box() -> None:
    for profile in ("slipstick", "slipstick-strict"):
        outcome = compare("12 + 30", "42", profile=profile).outcome
        assert grade("12 + 30", "42", profile=profile).outcome == outcome
    assert grade("12 + 30", "42", profile="slipstick-strict").outcome == "incorrect"


@pytest.mark.parametrize(
    ("piece", "rules"),
    [
        ("(", (None, None)),
        ("5 (1a", ("whole", "whole")),
        ("a-", (None, "whole")),
        ("ab, ", (None, None)),
        ("1 ", ("whole", "whole")),
        ("$", (None, None)),
        ('"', (None, None)),
        ("x=", (None, "whole")),
        ("**", (None, None)),
        (" is 3:2", ("last number", "last number")),
        ("|", (None, None)),
    ],
)
def test_no_reply_takes_long(piece: str, rules: tuple[str | None, str | None]) -> None:
    """A pattern that goes back and forth over 199 signs would not end."""
    found = [find_answer((piece * length)[:length]) for length in (60, 199)]
    assert tuple(answer.rule if answer else None for answer in found) == rules


@pytest.mark.parametrize("start", long_replies.STARTS)
def test_long_replies_are_read(start: str) -> None:
    """What is found has its place in them; how fast, at full length, `benchmarks.long_replies` measures."""
    for piece in long_replies.PIECES:
        text = (start + piece * 600)[:599] + "x"
        found = find_answer(text, kind=long_replies.STARTS[start])
        assert found is None or (found.text and 0 <= found.start < found.end <= len(text)), (piece, found)
