"""Tests of answers made to do harm: none is run, none hangs, none raises, none is right."""

import random
from pathlib import Path

import pytest

from slipstick import compare, compare_many, final_answer, grade

GOLDS = ["7", "2x+3", r"\{1,2\}", "B", "(1,2)", "x=3", "5 cm", "the sum is even"]
CODE = [
    "__import__('os').system('touch {canary}')",
    "[open('{canary}','w')]",
    "(lambda: open('{canary}','w'))()",
    "[x for x in [open('{canary}','w')]]",
    "exec(\"open('{canary}','w')\")",
    "eval(compile('open(\"{canary}\",\"w\")', 'a', 'exec'))",
    "x'.__class__.__mro__[1].__subclasses__() or open('{canary}','w')",
    "().__class__.__base__.__subclasses__()[0](open('{canary}','w'))",
    "Symbol('x', real=open('{canary}','w'))",
    "sympify(\"open('{canary}','w')\")",
    "Integer(open('{canary}','w'))",
    "lambdify(x, open('{canary}','w'))()",
    "7 if open('{canary}','w') else 7",
    'f\'{{open("{canary}","w")}}\'',
    r"\text{{open('{canary}','w')}}",
    r"\operatorname{{eval}}(open('{canary}','w'))",
    r"\write18{{touch {canary}}}",
    r"\input{{|touch {canary}}}",
    r"\immediate\openout1={canary}",
    r"\frac{{open('{canary}','w')}}{{1}}",
    "`touch {canary}`",
    "$(touch {canary})",
    "1; touch {canary}",
    "{canary}\n!touch {canary}",
    "import os; os.system('touch {canary}')",
    "print(open('{canary}','w'))",
    "{{{{ cycler.__init__.__globals__.os.popen('touch {canary}') }}}}",
    "!!python/object/apply:os.system ['touch {canary}']",
]
LARGE = [
    "9**9**9**9",
    "9^{9^{9^9}}",
    "10^{10^{10}}",
    "2^{-10^{10}}",
    "(10^8)!",
    "100000000!",
    "((3!)!)!",
    "3!!!!!!!!!",
    r"\binom{10^9}{5\cdot 10^8}",
    r"\sum_{k=1}^{10^{12}} \frac{1}{k}",
    r"\prod_{k=1}^{10^{9}} k",
    r"\int_0^1 x^{x^{x^x}} dx",
    r"\lim_{n\to\infty} \sum_{k=1}^n \frac{\sin(k^{k^k})}{k}",
    "(x+1)^{100000}",
    "(x+y+z+w+1)^{999}",
    "(a+b)(c+d)(e+f)(g+h)(i+j)(k+l)(m+n)(o+p)(q+r)(s+t)(u+v)(w+x)^{99}",
    r"\sqrt[10^9]{x^{10^9}+1}",
    r"\log_{2^5}(\log_{2^4}(\log_{2^3}(\log_{2^2}(\log_{2^1}x))))",
    r"10^{9999} \bmod (10^{9998}+7)",
    "1e999999999",
    "1e-999999999",
    "0." + "0" * 10_000 + "1",
    "9" * 4_000,
    "9" * 5_000,
    "9" * 1_000_000,
    "9," * 1_000 + "9",
    "1/" * 900 + "1",
    "1/" * 9_000 + "1",
    "0x" + "f" * 10_000,
    "1" + "0" * 1_999 + "!",
    "5 (2^{5000})",
    "2^{5000} (5)",
    "5.25 (1e999999999)",
    "5.25 (10^{999999999})",
    "(1, 2) + t(3, 1e999999999)",
    rf"(\sqrt{{2}}, 1{'0' * 400}] \cup (2{'0' * 400}, \infty)",
    rf"\sqrt{{2}} = 1{'0' * 400}.5",
]
NESTED = [
    sign * deep + inner + closing * deep
    for sign, inner, closing in (
        ("(", "x", ")"),
        ("[", "1", "]"),
        ("{", "1", "}"),
        (r"\sqrt{", "2", "}"),
        (r"\frac{1}{", "x", "}"),
        (r"\left(", "x", r"\right)"),
        (r"\text{", "a", "}"),
        (r"\boxed{", "7", "}"),
        ("sin(", "x", ")"),
        ("|", "x", "|"),
        ("-", "1", ""),
        ("x^{", "2", "}"),
        (r"\begin{pmatrix}", "1", r"\end{pmatrix}"),
        ("(", "", ""),
        ("", "1", ")"),
        (r"\{", "", ""),
    )
    for deep in (50, 400, 6_000)
]
JUNK = [
    "\x00",
    "7\x00",
    "\ud800",
    "x+\udfff",
    "\u202e7\u202c1",
    "\ufeff\u200b\u2060",
    "7\u0301" * 100,
    "\U0001d7d5\U0001d7d6",
    "٧٧",
    "Ⅶ½⅞",
    "\r\n\v\f\x1c\x85\u2028",
    "\x1b[31m8\x1b[0m",
    "ﬃ ſ ß ı İ",
    "\uffff\ufdd0",
    "\\",
    "\\\\\\",
    "$",
    "{}",
    "%%%%",
    "&&&",
    "##",
    "????",
    "\\begin",
    "\\end{x}",
    r"\frac",
    r"\frac{}{}",
    r"\sqrt[]{}",
    "^^^",
    "___",
    "=",
    "<=>",
    "::",
    "..",
    "nan",
    "-inf",
    "None",
]
# What the patterns of the package repeat, for each of their repeats: words of answers, signs of lists, LaTeX.
PUMPED = [
    " ", "\t ", "\n", "a", "a ", "1", "1 ", "1,", "1.", ", ", ". ", "-", "- ", "--", "+ ", "* ", "**", "(", ") ",
    "()", "[1,", "{", "{}", "\\", "\\\\", "\\ ", "\\,", "$", "$ ", "$1", "answer ", "answer is ", "the answer is 1 ",
    "option ", "choice:", "Final answer: ", "####", "# ", "A) ", "A, ", "(A)", "**A**", "\\text{", "\\text{a} ",
    "\\boxed{", "\\boxed{1}", "\\frac", "\\frac{1}{2}", "\\sqrt", "\\left(", "\\right", "\\cup ", "\\pm",
    "\\begin{pmatrix}", "1&", "\\\\1", "\\overline{3}", "10^", "\\times 10^{2}", "^{2}", "_1", "_{1}", "'", "\"", "!",
    "%", "\\%", "1:", "1:2", "1/", "1/2 ", "x=", "x=1,", "x=1 or ", "= ", "<", "1<x<", "\\leq", "| ", "x and ",
    "twenty-", "one hundred and ", "5 cm ", "m/s^2 ", "12:00 ", "$5 ", "3,000,", "½", "√", "²", "₂", "−", "sin ",
    "sin(", "log_", "n\\pi+", "\\mod", "</think>", "<think>", "{x|", "\\in", "\\approx ",
]  # fmt: skip


@pytest.mark.parametrize("hostile", CODE)
def test_code_is_not_run(hostile: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    answer = hostile.format(canary=canary)
    for gold in GOLDS:
        for wrapped in (answer, f"${answer}$", rf"\boxed{{{answer}}}"):
            assert compare(wrapped, gold).outcome != "correct"
        assert compare("8", answer).outcome != "correct"
        assert grade(f"The answer is {answer}", gold).reason
    assert not canary.exists()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("answer", LARGE + NESTED, ids=lambda answer: f"{answer[:24]}-{len(answer)}")
def test_what_is_large_or_deep_is_answered(answer: str) -> None:
    for gold in ("8", "x^2+1", "(1,3)"):
        for verdict in (compare(answer, gold), compare(gold, answer)):
            assert verdict.outcome in ("incorrect", "undecided", "no_answer")
            assert "Error" not in verdict.reason
    assert compare(answer, answer).outcome in ("correct", "undecided")


@pytest.mark.parametrize("answer", JUNK, ids=ascii)
def test_junk_is_answered(answer: str) -> None:
    for gold in GOLDS:
        for text in (answer, f"{answer}8", f"8{answer}", f"${answer}$", rf"\text{{{answer}}}"):
            assert compare(text, gold).outcome != "correct" or "7" in gold
            assert compare(gold, text).outcome in ("correct", "incorrect", "undecided")
            assert grade(text, gold).outcome in ("correct", "incorrect", "undecided", "no_answer")


@pytest.mark.no_cover  # the same lines again and again
@pytest.mark.timeout(600)
@pytest.mark.parametrize("unit", PUMPED, ids=ascii)
def test_no_pattern_takes_for_ever(unit: str) -> None:
    """Repeats to just below where a worker takes over, with ends that make a pattern try every way; then far above.

    How fast a long reply is searched, `benchmarks.long_replies` measures.
    """
    for start, end in (("", ""), ("1", "x"), ("", "\x01"), ("x=", "!")):
        text = start + unit * (1_990 // len(unit)) + end
        for gold in ("7", "2x+3", "B", r"\{1,2\}"):
            assert compare(text, gold).outcome != "correct"
        assert compare("8", text).outcome != "correct"
        final_answer(text * 4)
        final_answer(text * 4, kind="choice")
    assert compare(unit * (19_990 // len(unit)), "2x+3").outcome != "correct"


@pytest.mark.no_cover
def test_random_rubble_in_one_stream() -> None:
    chooser = random.Random(7)
    signs = [*PUMPED, *"0123456789abcxyz()[]{}\\^_$%,.+-*/=<>| "]
    texts = ["".join(chooser.choices(signs, k=chooser.randint(1, 60))) for _ in range(3_000)]
    verdicts = compare_many(((text, chooser.choice(GOLDS)) for text in texts), workers=2)
    assert len(verdicts) == len(texts)
    assert {verdict.outcome for verdict in verdicts} <= {"correct", "incorrect", "undecided"}
    assert sum(verdict.outcome == "correct" for verdict in verdicts) < 30
