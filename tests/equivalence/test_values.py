"""Tests of single values: the cases of tests/cases/values.jsonl, conversions, times, words, what loads when."""

import itertools
import json
import subprocess
import sys
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipstick.equivalence import compare
from slipstick.equivalence.normalize import vocabulary
from slipstick.equivalence.values.numerals import read_numeral, read_roman
from slipstick.equivalence.values.quantities import read_quantity
from slipstick.equivalence.values.times import Clock, read_clock, read_dates
from slipstick.equivalence.values.units import conversion, read_unit

CASES = [json.loads(line) for line in (Path(__file__).parents[1] / "cases" / "values.jsonl").read_text().splitlines()]

OPPOSITES = Path(vocabulary.__file__).with_name("opposites.toml")


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{n}-{c['answer'][:20]}-{c['expected'][:20]}" for n, c in enumerate(CASES)]
)
def test_case(case: dict[str, Any]) -> None:
    verdict = compare(case["answer"], case["expected"], kind=case["kind"])
    if case["outcome"] == "not correct":
        assert verdict.outcome != "correct", verdict
    else:
        assert verdict.outcome == case["outcome"], verdict


@pytest.mark.parametrize(
    ("unit", "other", "factor", "offset"),
    [
        ("km", "m", 1000, 0),
        ("mile/hour", "km/h", Fraction(25146, 15625), 0),
        ("ft^2", "sq in", 144, 0),
        ("degrees Celsius", "degrees Fahrenheit", Fraction(9, 5), 32),
        ("cents", "dollars", Fraction(1, 100), 0),
        ("N m", "J", 1, 0),
    ],
)
def test_conversions_are_exact(unit: str, other: str, factor: Fraction, offset: Fraction) -> None:
    here, there = (read_unit(text, glued=False) for text in (unit, other))
    assert conversion(here, there) == (factor, offset)


@pytest.mark.parametrize(("unit", "other"), [("km", "s"), ("dollars", "euros"), ("apples", "m"), ("m^2", "m")])
def test_what_measures_something_else_is_not_converted(unit: str, other: str) -> None:
    here, there = (read_unit(text, glued=False) for text in (unit, other))
    assert conversion(here, there) is None


def test_opposites_beside_a_quantity_differ_in_both_directions() -> None:
    rows = tomllib.loads(OPPOSITES.read_text())["rows"]
    assert len(rows) >= 80
    for row in rows:
        for words, others in itertools.permutations([entry.split() for entry in row], 2):
            for word, other in itertools.product(words, others):
                assert compare(f"5 meters {word}", f"5 meters {other}").outcome != "correct", (word, other)


def test_the_unit_library_is_not_loaded_before_two_units_meet() -> None:
    program = (
        "import sys; from slipstick.equivalence import compare; compare('5 cm', '5'); compare('5 cm', '5 centimeters');"
        "print('pint' in sys.modules, compare('5 km', '5000 m').outcome, 'pint' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False correct True\n"


@settings(deadline=None)
@given(st.integers(1, 10**6), st.sampled_from(["km", "kg", "h", "mile", "L", "ft^2", "m/s"]))
def test_a_unit_is_convertible_to_itself_and_may_be_missing(value: Any, unit: str) -> None:
    assert compare(f"{value} {unit}", f"{value}").outcome == "correct"
    assert compare(f"{value} {unit}", f"{value}\\text{{ {unit}}}").outcome == "correct"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("nine hundred ninety-nine thousand nine hundred and ninety-nine", 999_999),
        ("two and three quarters", Fraction(11, 4)),
        ("minus five", -5),
        ("half a dozen", 6),
        ("twenty-first", 21),
        ("zero point two five", Fraction(1, 4)),
    ],
)
def test_numbers_in_words(text: str, value: Any) -> None:
    assert read_numeral(text) == (value, "")


def test_a_roman_numeral_has_two_letters_and_their_order() -> None:
    assert (read_roman("XIV"), read_roman("MCMXC"), read_roman("X"), read_roman("IIX")) == (14, 1990, None, None)


def test_quantities_in_several_units_are_read_in_the_first() -> None:
    read = read_quantity("1 hour 30 minutes")
    assert read and (read.value, read.unit) == (Fraction(3, 2), "hour")
    assert read_quantity("12 apples and 7 pears") is None
    assert read_quantity("30 minutes 1 hour") is None


def test_times_of_day_know_which_half_of_the_day_they_mean() -> None:
    assert read_clock("3:30 pm") == read_clock("15:30") == Clock(55_800, whole_day=True)
    assert read_clock("half past three") == Clock(12_600, whole_day=False)
    assert read_clock("3.30") is None
    assert read_clock("12") is None


def test_dates_whose_day_and_month_may_change_places_have_two_readings() -> None:
    assert read_dates("25/12/2024") == frozenset({(2024, 12, 25)})
    assert read_dates("3/5/2024") == frozenset({(2024, 3, 5), (2024, 5, 3)})
    assert read_dates("March 5") == frozenset({(None, 3, 5)})
    assert read_dates("5 mangos") is None


def test_german_dates_have_the_day_first() -> None:
    assert read_dates("1. März 2023") == read_dates("01.03.2023") == frozenset({(2023, 3, 1)})
    assert read_dates("am 3. Okt. 2023") == frozenset({(2023, 10, 3)})
    assert read_dates("03.25.2023") == frozenset({(2023, 3, 25)})
