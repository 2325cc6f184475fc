r"""Tests of units with a power that is written without its sign, of quantities in \text, of remainders, of rounding."""

import pytest

import slipstick

SAME = [
    ("35", "35 cm2"),
    ("35 cm^2", "35 cm2"),
    ("35 cm²", "35 cm2"),
    (r"35\text{ cm}^2", "35 cm2"),
    ("35cm2", "35 cm^2"),
    ("9.8 m/s^2", "9.8 m/s2"),
    ("9.8 m s-2", "9.8 m/s^2"),
    ("35 m^3", "35 m3"),
    ("35 sq ft", "35 ft2"),
    ("35 square meters", "35 m2"),
    ("0.0035 m2", "35 cm2"),
    (r"35 \text{ m2}", "35 m^2"),
    ("8 kg/m3", "8 kg/m^3"),
    (r"\text{2 hours 40 minutes}", "160 minutes"),
    (r"\text{6 feet 2 inches}", "74 inches"),
    (r"\text{2 hours 40 minutes}", "2 hours and 40 minutes"),
    ("6'2\"", "74 inches"),
    ("6'", "6 feet"),
    ("5.25'", "5.25 ft"),
    ("5'3\"", "5.25'"),
    ("5'3\"", "63''"),
    ("5'", "5"),
    ("30'", "30 arcminutes"),
    ("30'", r"0.5^\circ"),
    ("30''", "30 arcseconds"),
    ("2'30\"", "150 arcseconds"),
    ("150 arcseconds", "2'30\""),
    ("7 R 2", "7 r 2"),
    ("7 R 2", "7 remainder 2"),
    ("7 with a remainder of 2", "7 R 2"),
    ("7 with a remainder of 2", "7"),
    (r"7\text{ R }2", "7 R 2"),
    ("7rem2", "7 R 2"),
]
DIFFERENT = [
    ("35 m2", "35 m3"),
    ("35 m", "35 m2"),
    ("35 cm2", "35 m2"),
    ("5 x2", "5"),
    ("5m2", "5m3"),
    ("35 m23", "35 m2"),
    ("35 s2", "35 m2"),
    ("6'", "6 meters"),
    ("30'", "30 minutes"),
    ("30'", "31 arcminutes"),
    ("2'30\"", "2.4'"),
    ("2'75\"", "195 arcseconds"),
    ("6'", '72"'),
    ("30'", '1800"'),
    (r"\text{2 hours 40 minutes}", "240 minutes"),
    (r"\text{2 hours 40 minutes}", "2 hours"),
    ("7 R 2", "7 R 3"),
    ("7", "7 R 2"),
    ("7r2", "7"),
    ("7R2", "7"),
    ("7 r2", "7"),
    ("7r 2", "7"),
]


@pytest.mark.parametrize(("answer", "gold"), SAME)
def test_the_same_quantity(answer: str, gold: str) -> None:
    assert slipstick.compare(answer, gold).outcome == "correct"


@pytest.mark.parametrize(("answer", "gold"), DIFFERENT)
def test_another_quantity(answer: str, gold: str) -> None:
    for profile in ("slipstick", "slipstick-strict"):
        assert slipstick.compare(answer, gold, profile=profile).outcome != "correct"


@pytest.mark.parametrize(("text", "gold"), [("The answer is 35 m2.", "35"), (r"\boxed{35 m2}", "35")])
def test_in_a_whole_reply(text: str, gold: str) -> None:
    assert slipstick.grade(text, gold).outcome == "correct"


@pytest.mark.parametrize(
    ("answer", "gold", "outcome"),
    [
        ("16.666667", "16.67", "correct"),
        ("-3.1416", "-3.14", "correct"),
        ("16.66", "16.67", "incorrect"),
        ("16.7", "16.67", "incorrect"),
        ("16.6733", "16.68", "incorrect"),
        ("17", "16.67", "incorrect"),
    ],
)
def test_more_digits_than_a_rounded_gold_by_policy(answer: str, gold: str, outcome: str) -> None:
    assert slipstick.compare(answer, gold, profile="slipstick:rounding=any").outcome == outcome
    assert slipstick.compare(answer, gold).outcome == "incorrect"


@pytest.mark.parametrize(
    ("text", "gold", "outcome"),
    [
        ("The length is 2 m.", "2 cm", "incorrect"),
        ("The length is 2 m.", "200 cm", "correct"),
        ("The length is 2 m.", "2", "correct"),
        ("It takes 3 h.", "3 min", "incorrect"),
        ("The power is 60 W", "60 kW", "incorrect"),
        ("The power is 60 kW.", "60 W", "incorrect"),
        ("It is 2 ha.", "2 m^2", "incorrect"),
        ("The pressure is 100 kPa.", "100000 Pa", "correct"),
        ("It needs 3 m of rope.", "3 cm", "incorrect"),
        ("It needs 3 m of rope.", "300 cm", "correct"),
    ],
)
def test_the_unit_of_the_last_number_in_prose(text: str, gold: str, outcome: str) -> None:
    assert slipstick.grade(text, gold).outcome == outcome


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("x1 = 2, x2 = 3", "2, 3"),
        ("x1 = 2, x2 = 3", "x_1 = 2, x_2 = 3"),
        ("2 und 3", "2, 3"),
        ("x = 2 oder x = 3", "x = 2 or x = 3"),
        ("1 Stunde und 30 Minuten", "90 Minuten"),
        ("x = 2 et y = 3", "x = 2, y = 3"),
    ],
)
def test_indexed_names_and_words_of_other_languages_between_values(answer: str, gold: str) -> None:
    assert slipstick.compare(answer, gold).outcome == "correct"
    assert slipstick.compare(answer, f"{gold[:-1]}5").outcome != "correct"
