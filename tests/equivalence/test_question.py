r"""Tests of a question's formula given back as its answer: refused where the question is known, and only then."""

from dataclasses import dataclass

import pytest

from slipstick.equivalence import compare
from slipstick.equivalence.question import is_given_back
from slipstick.grade import grade, grade_solutions
from slipstick.schema import Problem, Solution, Text


@dataclass(frozen=True)
class Case:
    """A question, its gold, and an answer that is equal to the gold."""

    question: str
    gold: str
    answer: str


GIVEN_BACK = [
    Case(r"Simplify $\sqrt{72}$.", r"6\sqrt{2}", r"\sqrt{72}"),
    Case(r"Simplify $\sqrt{72}$.", r"6\sqrt{2}", r"$\sqrt {72}$."),
    Case(r"Factor $x^2+5x+6$ completely.", "(x+2)(x+3)", "x^{2} + 5x + 6"),
    Case(r"Expand $(x+2)(x+3)$.", "x^2+5x+6", r"\left(x+2\right)\left(x+3\right)"),
    Case(r"Compute $99^2+99+1$.", "9901", "99^2 + 99 + 1"),
    Case("Compute 99^2+99+1.", "9901", "99^2+99+1"),
    Case("What is 12 * 3 + 4?", "40", r"12 \cdot 3+4"),
    Case(r"Find \(7^{100} \bmod 13\).", "9", r"7^{100} \bmod 13"),
    Case(r"Evaluate \[\int_0^1 2x\,dx.\]", "1", r"\int_0^1 2x \, dx"),
    Case(r"Find $\sum_{k=1}^{3} k$.", "6", r"\sum_{k=1}^{3}k"),
    Case(r"Let $f(x) = 2(x+1)$. Write $f(x)$ without brackets.", "2x+2", "2(x+1)"),
    Case(r"Let $f(x) = 2(x+1)$. Write $f(x)$ without brackets.", "f(x) = 2x+2", "f(x)=2(x+1)"),
    Case(r"Solve $ab = c$ for $b$.", r"b = \frac{c}{a}", "ab=c"),
    Case(r"Solve $S=L+2B$ for $L$.", "L = S-2B", "S = L+2B"),
    Case(r"Find a quadratic equation with the solutions $\pm 3$.", "x^2-9=0", r"\pm 3"),
    Case(r"Write $\frac{3}{20}$ as a decimal.", "0.15", r"\frac{3}{20}"),
    Case(r"Convert $\frac{7\pi}{6}$ to degrees.", r"210^\circ", r"\frac{7\pi}{6}"),
    Case(r"Convert $7 \text{ km}$ to meters.", "7000", r"7\text{ km}"),
    Case(r"What is $123_{10}$ in base five?", "443_5", "123_{10}"),
    Case(r"Simplify $i^{62}$.", "-1", "i^{62}"),
    Case(r"Reduce $\frac{48}{18}$.", r"\frac{8}{3}", r"\frac{48}{18}"),
    Case(r"Simplify: $\frac{4x^3y}{3xy}$", r"\frac{4x^2}{3}", r"\frac{4 x^3 y}{3 x y}"),
    Case(r"Add $\frac{3}{x}+\frac{4}{x^2}$.", r"\frac{3x+4}{x^2}", r"\frac{3}{x}+\frac{4}{x^{2}}"),
    Case(r"Combine like terms: $3x+2-5x+18$", "-2x+20", "3x+2-5x+18"),
    Case(r"Find $\sin 60^\circ$.", r"\frac{\sqrt{3}}{2}", r"\sin 60^{\circ}"),
]
REORDERED = [
    Case(r"Expand $(x+2)(x+3)$.", "x^2+5x+6", r"(3+x) \cdot (x+2)"),
    Case(r"Compute $99^2+99+1$.", "9901", "1 + 99 + 99^2"),
    Case(r"Factor $x^2+5x+6$ completely.", "(x+2)(x+3)", "6+5x+x^2"),
    Case(r"Simplify $\sqrt{41+24\sqrt{2}}$.", r"3+4\sqrt{2}", r"\sqrt{24\sqrt{2}+41}"),
]
ANSWERS = [
    # plain values that the question mentions
    Case(r"$h(10)=1$ and $h(1)=2$. What is $h(h(1))-1$?", "1", "h(10)=1"),
    Case("Let $x = -1$. Find $x^{3}$.", "-1", "x=-1"),
    Case(r"The height falls by $20\%$. By how much does the volume fall?", "20", r"20\%"),
    Case(r"Heads has probability $\frac{1}{5}$. What does the bet earn on average?", r"\$0.20", r"\frac15"),
    Case("Ann walks $5$ km a day, Ben $5000$ m. How far does Ann walk?", "5000 m", "5 km"),
    Case(r"Is $\frac{\pi}{3}$ or $\frac{\pi}{2}$ larger? Take the smaller.", r"60^\circ", r"\frac{\pi}{3}"),
    Case(r"The points $(1,2)$ and $(3,4)$. Which is nearer to 0?", "x=1, y=2", "(1,2)"),
    Case(r"Take $\left(\frac{1}{2},3\right)$ or $(1,2)$.", "(0.5,3)", r"\left(\frac12,3\right)"),
    Case(r"Take $\{\frac{1}{2},3\}$ or $[1,2)$.", r"\{0.5,3\}", r"\{\frac{1}{2},3\}"),
    Case(r"Is it $[\frac{1}{2},\infty)$ or all?", r"x\ge 0.5", r"[\frac{1}{2}, \infty)"),
    Case(r"How long is the diagonal, $\sqrt{2}$ or $2$?", "2^{1/2}", r"\sqrt{2}"),
    # what is written as the gold is, but for order, brackets and signs of multiplication
    Case("A length is $x+1$. What is the other one?", "1+x", "x+1"),
    Case("A field of $(x+1)(x+2)$ and one of $3$. Which is larger for $x=1$?", r"(x+2)\cdot(x+1)", "(x+1)(x+2)"),
    Case(r"Two terms, $\frac{x}{2}$ and $3$. Which has a letter?", "x/2", r"\frac{x}{2}"),
    Case(r"Factor $x^2+1$ over the reals.", "x^{2}+1", "x^2+1"),
    Case(r"Differentiate $e^x(x-1)$. Where is it? Say $e^x(x-1)$", r"f(x)=e^{x}(x-1)", "e^x(x-1)"),
    # sums of plain terms, for a sum
    Case(r"The lines $\frac{x}{2}+1$ and $x$. Which has slope one half?", "0.5x+1", r"\frac{x}{2}+1"),
    # options
    Case(r"Which of the following equals $3$? $1+2$, $2+2$, $3+3$", "3", "1+2"),
    Case(r"What is 3? (A) $1+2$ (B) $2+2$", "3", "1+2"),
    # something was done
    Case(r"Simplify $\sqrt{72}$.", r"6\sqrt{2}", r"3\sqrt{8}"),
    Case(r"Compute $99^2+99+1$.", "9901", "99(99+1)+1"),
    Case(r"Solve $x^2=4$.", r"x=\pm 2", "x=2, x=-2"),
    Case("What is 12 * 3 + 4?", "40", "36+4"),
]


@pytest.mark.parametrize("case", GIVEN_BACK, ids=[f"{case.answer} for {case.gold}" for case in GIVEN_BACK])
def test_a_formula_of_the_question_is_no_answer_to_it(case: Case) -> None:
    assert is_given_back(case.answer, [case.gold], case.question)
    assert not is_given_back(case.answer, [case.gold], "How many are there?")
    assert not is_given_back(case.gold, [case.gold], case.question)


@pytest.mark.parametrize("case", ANSWERS, ids=[f"{case.answer} for {case.gold}" for case in ANSWERS])
def test_an_answer_is_not_refused_for_the_question(case: Case) -> None:
    assert not is_given_back(case.answer, [case.gold], case.question, reordered=True)


@pytest.mark.parametrize("case", REORDERED, ids=[f"{case.answer} for {case.gold}" for case in REORDERED])
def test_a_formula_in_another_order_is_refused_in_training_only(case: Case) -> None:
    problem = Problem(id="a", text=case.question, answer=case.gold)
    said = rf"\boxed{{{case.answer}}}"
    assert grade(said, problem, profile="slipstick:unevaluated=correct").outcome == "correct"
    verdict = grade(said, problem, profile="slipstick-strict:unevaluated=correct")
    assert verdict.outcome == "incorrect" and verdict.reason.endswith("(policy question=reordered)")


def test_only_where_the_question_is_known_and_the_policy_asks() -> None:
    problem = Problem(id="a", text=r"Factor $x^2+5x+6$.", answer="(x+2)(x+3)")
    said = r"The answer is $\boxed{x^2+5x+6}$."
    verdict = grade(said, problem)
    assert verdict.outcome == "incorrect" and verdict.reason.endswith("(policy question=incorrect)")
    assert grade(said, problem, profile="slipstick:question=correct").outcome == "correct"
    assert grade(said, problem.model_copy(update={"text": ""})).outcome == "correct"
    assert compare("x^2+5x+6", "(x+2)(x+3)").outcome == "correct"
    assert grade(r"\boxed{(x+3)(x+2)}", problem).outcome == "correct"
    solutions = [Solution(id="a#1", problem_id="a", format="cot", blocks=[Text(text=said)])]
    assert [one.verdict.outcome for one in grade_solutions(solutions, [problem]) if one.verdict] == ["incorrect"]


def test_several_golds_and_options_of_a_problem() -> None:
    question = r"Factor $x^2+5x+6$, or leave it."
    several = Problem(id="a", text=question, answer=["(x+2)(x+3)", "x^2+5x+6"])
    assert grade(r"\boxed{x^2+5x+6}", several).outcome == "correct"
    options = Problem(id="b", text="Take $1+2$ or $2+2$ for 3.", answer="A", kind="choice", choices=["1+2", "2+2"])
    assert grade(r"\boxed{1+2}", options).outcome == "correct"


def test_a_large_question_or_answer_is_left_alone() -> None:
    assert not is_given_back("1+1" * 1000, ["2"], "1+1" * 1000)
    assert not is_given_back("1+1", ["2"], "$1+1$ " + "x " * 50_000)
