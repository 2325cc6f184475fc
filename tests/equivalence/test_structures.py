"""Tests of answers made of others: cases from tests/cases/structure.jsonl, order, repetition, hostile sizes."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipstick.equivalence import compare
from slipstick.equivalence.layers import MAX_PARTS, decide
from slipstick.equivalence.normalize.printed import as_written
from slipstick.equivalence.relations import read_relation
from slipstick.equivalence.structures.parse import MAX_ITEMS, read_shape
from slipstick.golds import placeholder

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "cases" / "structure.jsonl").read_text("utf-8").splitlines()
]
IDS = [f"{place}-{case['answer'][:20]}-{case['expected'][:20]}" for place, case in enumerate(CASES)]


def outcome(answer: str, expected: str) -> str:
    return compare(answer, expected).outcome


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_case(case: dict[str, Any]) -> None:
    verdict = compare(case["answer"], case["expected"], kind=case["kind"])
    if case["outcome"] == "not correct":
        assert verdict.outcome != "correct", verdict
    else:
        assert verdict.outcome == case["outcome"], (case["why"], verdict)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_case_does_not_change_in_formula_signs(case: dict[str, Any]) -> None:
    answer, expected = case["answer"], case["expected"]
    assert outcome(f"${answer}$", f"${expected}$") == outcome(answer, expected)
    assert outcome(rf"\({answer}\)", expected) == outcome(answer, expected)


def test_it_does_not_matter_which_side_is_the_answer_except_for_repeated_values() -> None:
    for case in CASES:  # "None" is an answer, but no gold
        if placeholder(case["answer"]) is None and case["why"] not in (
            "a value that is named twice",
            "a value is missing, one too many or another",
        ):
            sides = case["answer"], case["expected"]
            there, back = (compare(*pair, profile="slipstick:equation=correct") for pair in (sides, sides[::-1]))
            assert (there.outcome == "correct") == (back.outcome == "correct"), case


numbers = st.lists(st.integers(-50, 50), min_size=2, max_size=8, unique=True)


@settings(deadline=None)
@given(numbers, st.randoms())
def test_every_way_to_write_a_set_is_the_same_set(values: list[int], chooser: random.Random) -> None:
    shuffled = list(values)
    chooser.shuffle(shuffled)
    a = ", ".join(map(str, shuffled))
    for expected in (str(values), str(set(values)), " or ".join(f"x = {value}" for value in values)):
        assert outcome(a, expected) == "correct"
        assert outcome(f"FiniteSet({a})", expected) == "correct"
    assert outcome(a, str([*values, 51])) == "incorrect"


@settings(deadline=None)
@given(numbers, st.integers(0, 7), st.integers(1, 5))
def test_one_value_changed_is_never_accepted(values: list[int], place: int, by: int) -> None:
    changed = list(values)
    changed[place % len(values)] += by * 101
    for kind in (list, tuple):
        assert outcome(str(kind(changed)), str(kind(values))) == "incorrect"
    assert outcome(str(set(changed)), str(set(values))) == "incorrect"


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abcdmnpqrstuvxyz"), st.integers(-9, 9), min_size=2), st.randoms())
def test_named_values_are_compared_by_name(values: dict[str, int], chooser: random.Random) -> None:
    pairs = list(values.items())
    chooser.shuffle(pairs)
    equations = ", ".join(f"{name} = {value}" for name, value in pairs)
    assert outcome(equations, ", ".join(f"{name}={value}" for name, value in values.items())) == "correct"
    names = ",".join(name for name, _ in pairs)
    assert outcome(f"({names}) = ({','.join(str(value) for _, value in pairs)})", equations) == "correct"
    assert outcome("{" + ", ".join(f"{name}: {value}" for name, value in values.items()) + "}", equations) == "correct"
    swapped = dict(zip(values, [*list(values.values())[1:], next(iter(values.values()))], strict=True))
    other = ", ".join(f"{name}={value}" for name, value in swapped.items())
    assert (outcome(other, equations) == "correct") == (swapped == values)


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.randoms())
def test_matrices_in_every_spelling(height: int, width: int, chooser: random.Random) -> None:
    rows = [[chooser.randint(-9, 9) for _ in range(width)] for _ in range(height)]
    latex = r"\\".join("&".join(map(str, row)) for row in rows)
    gold = rf"\begin{{pmatrix}}{latex}\end{{pmatrix}}"
    numpy = "[" + "\n ".join("[" + " ".join(map(str, row)) + "]" for row in rows) + "]"
    for answer in (rf"\begin{{bmatrix}} {latex} \end{{bmatrix}}", f"Matrix({rows})", f"array({rows})", str(rows)):
        assert outcome(answer, gold) == "correct", answer
    if width > 1:
        assert outcome(numpy, gold) == "correct", numpy
    rows[-1][-1] += 1
    assert outcome(f"Matrix({rows})", gold) == "incorrect"


def test_sizes_are_bounded_and_say_so() -> None:
    many = ",".join(map(str, range(MAX_ITEMS + 1)))
    assert decide(many, f"{many},7").method == "bounds"
    symbols = [f"x_{{{n}}}+y" for n in range(150)]
    shuffled = random.Random(1).sample(symbols, len(symbols))
    assert decide(", ".join(symbols), ", ".join(shuffled)).equal
    others = ", ".join(f"{symbol}+1" for symbol in symbols)
    assert decide(others, ", ".join(shuffled)).method == "bounds"
    assert decide("{" * 12 + "1,2" + "}" * 12, "{" * 12 + "2,1" + "}" * 12).equal is not True


def test_nested_lists_that_all_differ_do_not_take_forever() -> None:
    def nested(depth: int, wide: int, name: str) -> str:
        if depth == 0:
            return f"x+{name}"
        return "{" + ",".join(nested(depth - 1, wide, f"{name}{place}") for place in range(wide)) + "}"

    for depth, wide in ((3, 8), (6, 3)):
        decision = decide(nested(depth, wide, "1"), nested(depth, wide, "2"))
        assert decision.equal is not True
    assert MAX_PARTS < 10_000


def test_what_is_read() -> None:
    shape = read_shape(r"\{1, (2,3)\}")
    assert shape is not None
    assert (shape.kind, shape.items) == ("set", ("1", "(2,3)"))
    relation = read_relation(r"1 < x \leq 2")
    assert relation is not None
    assert (relation.sides, relation.signs) == (("1", "x", "2"), ("<", r"\leq"))
    assert read_shape("x+1") is None
    assert read_relation("x+1") is None


def test_what_python_prints_is_written_by_hand() -> None:
    assert as_written("FiniteSet(1, Rational(1, 2))") == r"\{1,\frac{1}{2}\}"
    assert as_written("Union(Interval.open(-oo, 0), FiniteSet(3))") == r"(-oo,0)\cup \{3\}"
    assert as_written("array([1, 2])") == "(1, 2)"
    assert as_written("x+1") == "x+1"
    assert as_written("FiniteSet(1, 2") == "FiniteSet(1, 2"
