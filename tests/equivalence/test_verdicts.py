"""Tests of verdicts: cases from tests/cases/verdicts.jsonl, several golds, profiles, properties, hostile answers."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slipstick.equivalence import compare, compare_many
from slipstick.errors import UserError
from slipstick.golds import placeholder

CASES = [json.loads(line) for line in (Path(__file__).parents[1] / "cases" / "verdicts.jsonl").read_text().splitlines()]
IDS = [f"{place}-{case['answer'][:20]}-{case['expected'][:20]}" for place, case in enumerate(CASES)]
SLOW_IS_FINE = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_case(case: dict[str, Any]) -> None:
    verdict = compare(case["answer"], case["expected"], kind=case["kind"])
    if case["outcome"] == "not correct":
        assert verdict.outcome != "correct", verdict
    else:
        assert verdict.outcome == case["outcome"], verdict
    assert verdict.method
    assert verdict.reason


def test_many_are_decided_as_one_by_one_in_their_order() -> None:
    pairs = [(case["answer"], case["expected"]) for case in CASES if case["kind"] is None]
    assert compare_many(pairs, workers=2) == [compare(*pair) for pair in pairs]


def test_several_golds() -> None:
    verdict = compare("0.5", ["7", "1/2", "x"])
    assert (verdict.outcome, verdict.expected) == ("correct", "1/2")
    assert compare("8", ["7", "6"]).outcome == "incorrect"
    assert compare("x+1", ["7", "1+x"]).expected == "1+x"


def test_no_gold_at_all_is_undecided() -> None:
    assert compare("8", []).outcome == "undecided"


def test_a_gold_that_cannot_be_read_is_undecided_not_wrong() -> None:
    assert compare("7", r"\begin{foo} ???").outcome == "undecided"


def test_an_unknown_profile_is_named_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"`slipstik`.*did you mean `slipstick`"):
        compare("1", "1", profile="slipstik")
    with pytest.raises(UserError, match="known: slipstick"):
        compare_many([], profile="x")


HOSTILE = [
    "__import__('os').system('touch {canary}')",
    "[open('{canary}','w')]",
    "(lambda: open('{canary}','w'))()",
    r"\text{{open('{canary}','w')}}",
    "eval(\"open('{canary}','w')\")",
    "x'.__class__.__mro__[1].__subclasses__() or open('{canary}','w')",
    r"\operatorname{{eval}}(open('{canary}','w'))",
]


@pytest.mark.parametrize("gold", ["7", "2x+3", r"\{1,2\}", "B"])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_code_in_an_answer_is_not_run(hostile: str, gold: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    assert compare(hostile.format(canary=canary), gold).outcome != "correct"
    assert not canary.exists()


@pytest.mark.parametrize(
    "answer",
    [
        "9**9**9",
        "9^{9^{9^9}}",
        "10^{10^{10}}",
        "(10^8)!",
        "100000000!",
        "((3!)!)!",
        r"\binom{10^9}{5\cdot 10^8}",
        r"\sum_{k=1}^{10^{12}} \frac{1}{k}",
        r"\int_0^1 x^{x^{x^x}} dx",
        "(x+1)^{100000}",
        "(" * 5000 + ")" * 5000,
        r"\sqrt{" * 500 + "2" + "}" * 500,
        r"\boxed{" * 2000,
        "x+" * 50_000 + "x",
        "1," * 10_000 + "1",
        " " * 100_000 + "8",
        "a" * 100_000,
        "\\" * 20_000,
        "$" * 19_999,
    ],
    ids=lambda answer: answer[:20],
)
def test_a_huge_answer_is_answered(answer: str) -> None:
    """Without the deadline of a verdict some of them would outlast the suite's own."""
    for gold in ("7", "x^2+1"):
        assert compare(answer, gold).outcome != "correct"


@SLOW_IS_FINE
@given(st.text(max_size=60))
def test_reflexive_on_anything_with_something_in_it(text: str) -> None:
    verdict = compare(text, text)
    assert verdict.outcome == "correct" or placeholder(text), verdict


@SLOW_IS_FINE
@given(
    st.text(alphabet="0123456789.,/%$-+x=()[]{}\\ ^eabc", max_size=20), st.sampled_from(["7", "x+1", "(1,2)", "50%"])
)
def test_never_raises(answer: str, gold: str) -> None:
    assert compare(answer, gold).outcome in ("correct", "incorrect", "undecided")


decimals = st.decimals(-(10**6), 10**6, places=3).map(str)
fractions = st.one_of(
    st.integers(-(10**15), 10**15).map(str),
    st.tuples(st.integers(-99, 99), st.integers(1, 99)).map(lambda pair: rf"\frac{{{pair[0]}}}{{{pair[1]}}}"),
)


@settings(deadline=None)
@given(st.tuples(decimals, decimals) | st.tuples(fractions, fractions))
def test_numbers_are_compared_symmetrically(pair: tuple[str, str]) -> None:
    """Between an exact number and a decimal they are not: a gold may be rounded, an answer only to six digits."""
    a, b = pair
    assert compare(a, b).outcome == compare(b, a).outcome


@settings(deadline=None)
@given(decimals | fractions)
def test_numbers_do_not_change_with_their_dress(number: str) -> None:
    for dress in ("${}$", r"\({}\)", r"\left({}\right)", " {} ", "{}.", "**{}**", r"\boxed{{{}}}", r"{}\text{{ cm}}"):
        assert compare(dress.format(number), number).outcome == "correct", dress
    if "frac" in number:
        assert compare(number.replace(r"\frac", r"\dfrac"), number).outcome == "correct"


@settings(deadline=None)
@given(st.decimals(1, 10**6, places=4), st.integers(1, 9))
def test_a_digit_more_is_never_accepted(number: int, digit: str) -> None:
    assert compare(f"{number}{digit}", str(number)).outcome == "incorrect"


@settings(deadline=None)
@given(st.lists(st.integers(-99, 99), min_size=2, max_size=6, unique=True), st.randoms())
def test_a_list_is_the_set_and_a_tuple_has_an_order(items: list[int], chooser: random.Random) -> None:
    shuffled = list(items)
    chooser.shuffle(shuffled)
    a, b = (", ".join(map(str, values)) for values in (shuffled, items))
    assert compare(a, b).outcome == "correct"
    assert (compare(f"({a})", f"({b})").outcome == "correct") == (shuffled == items)
