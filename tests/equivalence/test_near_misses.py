r"""Answers that look like the gold or are a part of it, and are not it, each beside a right one of the same form."""

from typing import Any

import pytest

from slipstick.equivalence import compare

WRONG = (
    ("-\\pi/12+k\\pi", r"$\min$ at $x=7 \pi / 12+k \pi, \max$ at $x=-\pi / 12+k \pi$, for integer $k$."),
    ("0", r"\frac{\partial u}{\partial t}-k u=0"),
    ("0", r"\frac{dy}{dx}+y=0"),
    ("0", r"\frac{d}{dx} y+y=0"),
    ("0", r"a x + b y + c = 0"),
    ("0", r"x^{\prime}+\frac{r}{V} x-r c=0"),
    ("1", "y'+y=1"),
    (r"x^1+\left|\sqrt{1-2}\right|", r"x^2+\left|\sqrt{1-2}\right|"),
    (r"x+|\sqrt{\cos 2}|", r"x^2+|\sqrt{\cos 2}|"),
    ("5 Robins", "5%"),
    ("5:1", "5%"),
    ("50 apples", "50%"),
    (r"50\%", "50 apples"),
    (r"6^\circ", r"6\%"),
    ("it diverges to -\\infty", r"\infty"),
    ("mgH", "mgh"),
    ("n\\pi, n \\in \\mathbb{R}", r"n\pi, n \in \mathbb{Z}"),
    ("n\\pi, n \\in \\mathbb{Z}", r"n\pi, n \in \mathbb{R}"),
    ("The answer is -\\infty", r"\infty"),
    ("The answer is \\infty or -\\infty", r"\infty"),
    ("The answer is \\infty", r"-\infty"),
    (r"t=\frac{5 \pi}{3}+2 \pi k", r"$t=\frac{\pi}{3}+2 \pi k$ or $t=\frac{5 \pi}{3}+2 \pi k$ for any integer $k$."),
)
RIGHT = (
    ("0", "f(2)=0"),
    ("0", r"\int_0^{2\pi} \sin t dt = 0"),
    ("0", "x_1+x_2=0"),
    ("0.5", "50%"),
    ("1:2", "50%"),
    ("3", "f'(2)=3"),
    ("5", "m+n=5"),
    (r"50\%", "50% of students"),
    ("mgh", "mgh"),
    ("k\\pi, k \\text{ is an integer}", r"n\pi, n \in \mathbb{Z}"),
    ("n\\pi", r"n\pi, n \in \mathbb{Z}"),
    ("The limit is -\\infty", r"-\infty"),
    ("The winner is - Tom", "Tom"),
    ("The winner is Anna-Maria", "Anna-Maria"),
    (r"\frac{\pi}{2}+\pi k", r"$\cos (t)=0$ when $t=\frac{\pi}{2}+\pi k$ for any integer $k$."),
    (r"x=\frac{\pi}{2}-n\pi, n \in \mathbb{Z}", r"x=\frac{\pi}{2}+\pi k, k \in \mathbb{Z}"),
)


@pytest.mark.parametrize(("answer", "expected"), sorted(WRONG))
@pytest.mark.parametrize("profile", ["slipstick", "slipstick-strict"])
def test_what_only_looks_like_the_gold_is_not_it(answer: str, expected: str, profile: str) -> None:
    assert compare(answer, expected, profile=profile).outcome != "correct"


@pytest.mark.parametrize(("answer", "expected"), sorted(RIGHT))
@pytest.mark.parametrize("profile", ["slipstick", "slipstick-strict"])
def test_right_answers_of_the_same_forms_stay_right(answer: str, expected: str, profile: str) -> None:
    assert compare(answer, expected, profile=profile).outcome == "correct"


@pytest.mark.parametrize("answer", ["A) cats, B) dogs", "A. 3 B. 4", "A: 3, B: 4", "a. 3, b. 4"])
def test_options_listed_with_their_texts_are_no_choice(answer: str) -> None:
    assert compare(answer, "A", kind="choice").outcome == "incorrect"
    assert compare(answer, "B", kind="choice").outcome == "incorrect"


@pytest.mark.parametrize("answer", ["A) cats", "A. 3", "A. Vitamin B.", "A. the 3 a.m. train"])
def test_an_option_with_its_text_is_one(answer: str) -> None:
    assert compare(answer, "A", kind="choice").outcome == "correct"


LEFT = (
    r"\frac{3x}{x}",
    r"\sin^2 x+\cos^2 x+2",
    r"30\% \times 10",
    "-(-3)",
    "3+0x",
    "3x^0",
    "x-x+3",
    "x^0+2",
)
DONE = (r"3 \text{ cm}", r"3^\circ", "$3", "3 cm", "3 m/s", "f(x)=3", "m+n=3", "x=3")  # fmt: skip


@pytest.mark.parametrize("answer", sorted(LEFT))
def test_letters_and_signs_left_are_no_answer_in_training(answer: str) -> None:
    assert compare(answer, "3").outcome == "correct"
    assert compare(answer, "3", profile="slipstick-strict").outcome == "incorrect"


@pytest.mark.parametrize("answer", sorted(DONE))
def test_values_with_a_name_or_unit_are_answers_in_training(answer: str) -> None:
    assert compare(answer, "3", profile="slipstick-strict").outcome == "correct"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("= 42", "42"),
        ("2*3**0.5", r"2\sqrt{3}"),
        ("3+4\\mathrm{i}", "3+4i"),
        ("3\\colon 4", "3:4"),
        ("4.2\\times10^1", "42"),
        ("P(1,2)", "(1,2)"),
        (r"3 \pmod 7", r"x \equiv 3 \pmod 7"),
        (r"3 \text{ to } 4", "3:4"),
        (r"{3 \over 4}", r"\frac{3}{4}"),
        ("3\u22364", "3:4"),
    ],
)
def test_usual_notations_are_answers_in_training(answer: str, expected: str) -> None:
    assert compare(answer, expected, profile="slipstick-strict").outcome == "correct"


def test_letters_of_the_gold_and_fractions_may_stay() -> None:
    for answer, expected in (("2x+1", "1+2x"), ("6/4", "3/2"), ("6/2", "3"), (r"3\pi", r"\pi \cdot 3")):
        assert compare(answer, expected, profile="slipstick-strict").outcome == "correct", answer


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        ("Students not called back:  56", "56", True),
        ("Not called back:  47", "47", True),
        ("Apples not eaten: 5", "5", True),
        ("Aaron's candy after sharing:  4.0", "4", True),
        ("Aaron's candy after sharing:  4.0", "5", False),
        ("not: 5", "5", False),
        ("Not the answer: 5", "5", False),
        ("not correct: 5", "5", False),
        ("Definitely not: 5", "5", False),
        ("wrong: 5", "5", False),
        ("Yes, since 4 > 3", "Yes", True),
        ("No, since x > 3", "No", True),
        ("Yes, since 4 > 3", "No", False),
    ],
)
def test_labels_that_programs_print_and_reasons_of_a_yes(answer: str, gold: str, correct: bool) -> None:
    assert (compare(answer, gold).outcome == "correct") is correct


def test_golds_that_are_no_text() -> None:
    golds: list[Any] = [5, 5.0, [4, 5], ("5",), None, float("nan")]
    found = [compare("5", gold).outcome for gold in golds]
    assert found == ["correct", "correct", "correct", "correct", "undecided", "undecided"]
