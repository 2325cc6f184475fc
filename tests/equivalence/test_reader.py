"""Tests of the reader: what is one expression in many spellings, what is none, and how deep it goes."""

from fractions import Fraction

import pytest

from slipstick.equivalence.normalize.notation import tidy
from slipstick.equivalence.symbolic.expression import Expression, number, symbols
from slipstick.equivalence.symbolic.reader import has_words, is_foreign, read

X, Y = Expression("symbol", (), "x"), Expression("symbol", (), "y")


def _tree(text: str) -> Expression:
    """The tree of a text that can be read."""
    found = read(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "spellings",
    [
        [r"\frac{x}{2}", r"\dfrac{x}{2}", r"\frac x2", r"\frac{x}2", "x/2", r"x \div 2"],
        [r"\sqrt{x}", r"\sqrt x", "sqrt(x)", "sqrt x", "√x"],
        [r"\sqrt[3]{x}", "cbrt(x)", "root(x, 3)"],
        ["x^2", "x^{2}", "x**2", "x²", "x^(2)", "{x}^2"],
        ["x^{-1}", "x^-1", "x^(-1)", "x**-1"],
        [r"\sin(x)", r"\sin x", "sin x", "sin(x)", "sinx", r"\operatorname{sin} x", r"\text{sin}(x)"],
        [r"\arcsin x", r"\sin^{-1} x", "asin(x)", "arcsin(x)", "sin^(-1)(x)"],
        [r"\sin^2 x", "sin(x)^2", r"\left(\sin x\right)^2", "sin^2(x)", "(sin(x))**2"],
        [r"\log_2 x", r"\log_{2}(x)", "log_2(x)", "log(x, 2)"],
        [r"\binom{n}{k}", "binom(n, k)", "nCr(n,k)", "C(n,k)", r"{n \choose k}"],
        [r"|x|", r"\left|x\right|", "abs(x)", r"\lvert x\rvert"],
        [r"\lfloor x\rfloor", "floor(x)"],
        ["f(x)", r"f\left(x\right)", "f(x )"],
        [r"x_1", "x_{1}", "x₁", "x1"],
        [r"\theta", "theta", "θ", r"\vartheta"],
        [r"\frac{x_{1}}{2}", r"\frac{x_1}{2}", r"\dfrac{x_{1 }}{2}", "x_1/2"],
        [r"\sqrt{a_{1}a_{2}}", r"\sqrt{a_1a_2}", r"\sqrt{a_{1} a_2}"],
        [r"e^{-t/t_{0}}", r"e^{-t/t_0}"],
        [r"2^{n_{1}}", r"2^{n_1}", r"2^{n_{\text{1}}}"],
        [r"k_{B}T", "k_BT", r"k_{\text{B}}T", r"k_{\mathrm{B}} T", "k_B T"],
        [r"\frac{\mathrm{N}_{1}}{\mathrm{~N}}", r"\frac{N_1}{N}", "N_1/N"],
        [r"\frac{v_{max}}{2}", r"\frac{v_{\max}}{2}", r"\frac{v_{\text{max}}}2", r"\frac{v_\max}{2}", "v_max/2"],
        [r"\frac{x_{i}y_{i}}{2}", r"\frac{x_iy_i}{2}"],
        [r"\frac{a_{n+1}}{a_{n}}", r"\frac{a_{n+1}}{a_n}", r"\frac{a_{n + 1}}{a_{n}}"],
        [r"\pi", "pi", "π", "Pi"],
        [r"\infty", "oo", "inf", "∞"],
        ["1 1/2", r"1\frac{1}{2}", r"1\frac12"],
    ],
)
def test_one_tree_for_all_spellings(spellings: list[str]) -> None:
    trees = {read(tidy(spelling)) for spelling in spellings}
    assert len(trees) == 1, trees
    assert None not in trees


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("12", number(12)),
        ("1,250", number(1250)),
        (".5", number(Fraction(1, 2))),
        ("1.5e3", number(1500)),
        ("2E-3", number(Fraction(1, 500))),
        (r"0.1\overline{6}", number(Fraction(1, 6))),
        ("-3", number(-3)),
        (r"\frac{2}{3}", number(Fraction(2, 3))),
        ("xy", Expression("*", (X, Y))),
        ("-x", Expression("-", (X,))),
        ("x^2", Expression("^", (X, number(2)))),
        ("e", Expression("constant", (), "e")),
        ("0.1234567890123456", Expression("float", (), Fraction("0.1234567890123456"))),
    ],
)
def test_tree(text: str, tree: Expression) -> None:
    assert read(text) == tree


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("x^2y", "(x^2)*y"),
        ("xy^2", "x*(y^2)"),
        ("1/2x", "(1/2)*x"),
        ("1/xy", "1/(x*y)"),
        ("-x^2", "-(x^2)"),
        ("2^3^2", "2^(3^2)"),
        ("2^n!", "2^(n!)"),
        ("a/b/c", "(a/b)/c"),
        ("sin 2x", "sin(2x)"),
        ("sin x cos y", "sin(x)*cos(y)"),
        ("sin x/2", "sin(x)/2"),
        ("sin x + 1", "sin(x) + 1"),
        ("2 sin x^2", "2*sin(x^2)"),
        (r"\ln x\cdot y", "ln(x)*y"),
        (r"\ln(x)(x+1)", "ln(x)*(x+1)"),
        (r"3\sqrt{2}x", r"3*\sqrt{2}*x"),
        ("|x|y|z|", "|x|*y*|z|"),
        ("e^2x", "(e^2)*x"),
        ("2pir", "2*pi*r"),
        ("f^2(x)", "(f(x))^2"),
        ("17 % 5", "mod(17, 5)"),
    ],
)
def test_how_far_an_operation_reaches(text: str, same: str) -> None:
    from slipstick.equivalence.symbolic.equality import same_expression

    assert same_expression(_tree(text), _tree(same), text, same)[0]


@pytest.mark.parametrize(
    "text",
    ["", "x+", "(x", "x)", "(x]", "1 2", "18 12", "hello", "the area", "x+area", "2..5", "x,y", "(1,2)", r"\foo{x}",
     r"\text{no solution}", "x=2", "x;y", "?", "x+?", "f(", "sin", r"\frac{1}", r"\sqrt", "x_", "x^", "^2", "*x",
     "import os", "open('x')", "__import__", "x$y", r"\int x", r"\sum_{k=1} k", "||", "2 + * 3", "abc(x)"],
)  # fmt: skip
def test_what_is_no_formula_is_not_read(text: str) -> None:
    assert read(text) is None


def test_names_that_are_bound_are_not_free() -> None:
    assert symbols(_tree(r"\sum_{k=1}^{n} k x")) == {"n", "x"}
    assert symbols(_tree(r"\int_0^a t^2 dt")) == {"a"}
    assert symbols(_tree(r"\sum_{i=1}^{3} i^2")) == set()


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5_000 + "x" + ")" * 5_000,
        r"\frac" * 2_000,
        "x^" * 2_000 + "x",
        "x_" * 2_000,
        "sin " * 2_000 + "x",
        "-" * 9_000,
        r"\sqrt{" * 300 + "2" + "}" * 300,
        "x" + "!" * 2_000,
        "|" * 3_000,
        "f(" * 2_000,
        "x" + "'" * 5_000,
        "1,000" * 4_000,
    ],
    ids=lambda text: text[:10],
)
def test_depth_and_length_are_bounded(text: str) -> None:
    assert read(text) is None


def test_what_is_left_to_computer_algebra() -> None:
    assert is_foreign(r"\lim_{x\to 0} x")
    assert is_foreign(r"\begin{pmatrix}1\end{pmatrix}+A")
    assert not is_foreign(r"\frac{x}{2}")
    assert has_words(r"the limit \lim_{x\to 0} x")
    assert not has_words(r"\begin{pmatrix}1\end{pmatrix}")
