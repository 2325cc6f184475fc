"""Tests of values that are more than the last number of a text: units, dates, rates, quantities in two units."""

import tomllib
from importlib.resources import files
from itertools import pairwise

import pytest

from slipstick import compare, final_answer, grade

COMPOUNDS = [
    ("50 + 75 = 125. So the film lasts 2 hours and 5 minutes.", "125 minutes", "5 minutes"),
    ("The film lasts 2 hours 5 minutes altogether.", "125 minutes", "5 minutes"),
    ("Running time: 2 hours, 5 minutes", "125 min", "5 min"),
    ("50 + 75 = 125.\n\n**The film lasts 2 hours and 5 minutes.**", "125 minutes", "5 minutes"),
    ("**Answer:** The film lasted 2 hours and 5 minutes.", "125 minutes", "5 minutes"),
    (r"So the film lasts $2$ hours and $5$ minutes.", "125 minutes", "5 minutes"),
    ("The walk takes him 2h 5m", "125 minutes", "5 m"),
    ("So Bea is 4 feet 7 inches tall.", "55 inches", "7 inches"),
    ("The parcels are 3 lb 4 oz together.", "52 oz", "4 oz"),
    ("The plank is 2 m 15 cm long.", "2.15 m", "15 cm"),
    ("He has 6 dollars and 35 cents left.", "$6.35", "$0.35"),
    ("He has $6 and 35 cents left.", "$6.35", "$0.35"),
    ("The tank holds 4 gallons 3 quarts.", "19 quarts", "3 quarts"),
    ("The race took 1 hour, 2 minutes and 3 seconds.", "3723 s", "3 s"),
    ("They need 3 and 1/4 cups of rice.", "13/4 cups", "1/4"),
    ("They need 3 and a half cups of rice.", "3.5 cups", "3"),
    ("They need 3 and a half.", "3.5", "3"),
    ("They need 3 and three quarters.", "3.75", "3"),
    ("She waits 3 hours and a half.", "210 minutes", "3 hours"),
]
DATES = [
    ("It is on June 9, 2021.", "2021-06-09", "2021-06-10"),
    ("The fair is on June 9.", "June 9", "9"),
    ("The fair opens on June 9th.", "9 June", "June 19"),
    ("He was born on 9 June 2021.", "2021-06-09", "2020-06-09"),
    ("It falls on Wednesday, June 9, 2021.", "2021-06-09", "2021-06-08"),
    ("**Answer:** It will be on June 9, 2021.", "June 9, 2021", "June 8, 2021"),
    ("9 + 3 = 12. **The fair starts on June 12, 2021.**", "2021-06-12", "2021-06-09"),
    ("It was finished in June 2021.", "June 2021", "June 2020"),
    ("4 + 5 = 9, so it ends on 2021-06-09.", "June 9, 2021", "9"),
]
RATES = [
    ("His speed is 15 kilometers per hour.", "15 km/h", "15 km"),
    ("45 / 3 = 15. His speed is 15 km per hour", "15 km/h", "15 m/h"),
    ("The bus goes 35 miles per hour.", "35 mph", "35 km/h"),
    ("The bus goes 35 miles an hour.", "35 mph", "35 km/h"),
    ("Answer: $15$ kilometers per hour", "15 km/h", "15 km"),
    ("The stone falls at 4 meters per second.", "4 m/s", "4 km/s"),
    ("The tap gives 6 liters per minute.", "6 L/min", "6 L/s"),
]
UNITS = [
    ("They bought 1,200 grams of rice.", "1.2 kg", "1200 kg"),
    ("They bought 1,200 grams.", "1200", "1200 kg"),
    ("He pours 350 milliliters of juice.", "0.35 L", "350 L"),
    ("The garden has 1,800 square feet.", "1800 ft^2", "1800 m²"),
    ("The box holds 8 cubic meters.", "8 m^3", "8 m^2"),
    (r"The song lasts \(75\) seconds", "1 min 15 s", "75 hours"),
    ("So the wall is $12$ meters wide.", "1200 cm", "12 cm"),
    ("So the wall is $12$ meters wide.", "12", "13"),
    ("**Answer:** The lesson takes about 45 minutes.", "0.75 hours", "45 hours"),
    ("They had 1.5 million liters of it.", "1500000 L", "1500000 kg"),
    ("It was 18 degrees Celsius.", "18 °C", "18 °F"),
    ("The lake has 12 hectares.", "120000 m^2", "12 km^2"),
    ("Das Paket wiegt 750 Gramm.", "0.75 kg", "750 kg"),
    ("The class begins at 8 AM.", "8:00 AM", "8 PM"),
]
SHARES = [
    ("12 is 30% of 40.", "30%", "40"),
    ("Therefore 9 is **15%** of 60.", "15%", "60"),
    ("9/60 = 0.15.\nSo 9 is 15% of 60.", "15%", "60"),
]
IN_WORDS = [
    ("He read three fifths of the book.", "3/5", "3"),
    ("He read three-fifths of the book.", "0.6", "3"),
    ("The fraction is five eighths.", "5/8", "5"),
    ("He ran two and a quarter miles.", "2.25", "2"),
    ("The play starts at quarter past eight in the evening.", "8:15", "8"),
]
FACTORS = [
    ("84 = 2 × 2 × 3 × 7", "2^2*3*7", "7"),
    ("So 84 = 2^2 × 3 × 7.", "2^2*3*7", "7"),
    ("In standard form: 7.2 × 10^5", "720000", "100000"),
    ("It weighs 7.2 × 10^5 kg.", "720000 kg", "720000 g"),
]
SEPARATE = [
    ("So 3 × 7 = 21.", "21"),
    ("He came second, and they were seven.", "7"),
    ("She has 6 plums and 7 figs", "7"),
    ("In 2019 there were 6", "6"),
    ("The train left 9 minutes ago", "9 minutes"),
    ("So there are 6 plums", "6 plums"),
    ("So there are 6 plums", "6"),
    ("In March 15 trees were planted.", "15"),
    ("They may 2 of them, so 6", "6"),
    ("He works 6 hours a day.", "6 hours"),
    ("She earns 15 dollars per hour.", "$15"),
    ("30% of 60 is 18.", "18"),
    ("It costs 3 dollars, and 2 hours later 5 dollars.", "5 dollars"),
]


@pytest.mark.parametrize(("text", "gold", "other"), [*COMPOUNDS, *DATES, *RATES, *UNITS, *SHARES, *IN_WORDS, *FACTORS])
def test_the_whole_value_is_the_answer(text: str, gold: str, other: str) -> None:
    assert grade(text, gold).outcome == "correct"
    assert grade(text, other).outcome != "correct"


@pytest.mark.parametrize(("text", "gold"), SEPARATE)
def test_what_is_no_part_of_a_value_stays_out(text: str, gold: str) -> None:
    assert grade(text, gold).outcome == "correct"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("The film lasts 2 hours and 5 minutes.", "5"),
        ("They bought 1,200 grams of rice.", "1,200"),
        ("It is on June 9, 2021.", "2021"),
        ("His speed is 15 kilometers per hour.", "15"),
        ("The class begins at 8 AM.", "8"),
    ],
)
def test_if_a_number_is_asked_it_is_bare(text: str, number: str) -> None:
    assert final_answer("Let us see. " + text, kind="number") == number


def test_the_comparison_reads_every_unit_and_month_and_parts_of_no_family_alone() -> None:
    table = tomllib.loads(files("slipstick.answers").joinpath("values.toml").read_text("utf-8"))
    vocabulary = tomllib.loads(files("slipstick.equivalence.normalize").joinpath("vocabulary.toml").read_text("utf-8"))
    known = {spelling for name, others in vocabulary["units"].items() for spelling in (name, *others)}
    assert {unit for unit in table["units"] if not {unit, unit.removesuffix("s")} & known} == set()
    for month in table["months"]:
        assert compare(f"9 {month} 2021", "2021-13-09").outcome != "correct", month
        assert any(compare(f"9 {month} 2021", f"2021-{n:02}-09").outcome == "correct" for n in range(1, 13)), month
    for family in table["families"]:
        for larger, smaller in pairwise(family):
            for one in larger:
                for other in smaller:
                    if len(one) > 1 and len(other) > 1:
                        assert compare(f"2 {one} 3 {other}", f"2 {one} 4 {other}").outcome != "correct", (one, other)


@pytest.mark.parametrize("sign", ["±", r"\pm ", "+/-"])
def test_both_signs_of_the_last_number_stay(sign: str) -> None:
    text = f"Taking roots on both sides gives x = {sign}9."
    assert grade(text, "x = 9 or x = -9").outcome == grade(text, "9, -9").outcome == "correct"
    assert grade(text, "9").outcome == "incorrect"


@pytest.mark.parametrize(
    ("text", "gold", "outcome"),
    [
        ("At 3 o'clock.", "3:00", "correct"),
        ("The train arrives at 3 o’clock.", "3:00", "correct"),
        ("The answer is exactly 3 o'clock.", "3:00", "correct"),
        ("At 3 o'clock in the afternoon.", "15:00", "correct"),
        ("The answer is 3 pm.", "15:00", "correct"),
        ("At 4 o'clock.", "3:00", "incorrect"),
        ("The answer is 3 o'clock.", "3", "correct"),
        ("The answer is 3:00.", "3", "correct"),
        ("It is 3.", "3:00", "correct"),
        ("It is 4.", "3:00", "incorrect"),
        ("It is 3.", "15:00", "undecided"),
        ("It takes 180.", "3:00", "undecided"),
        ("5¢", "0.05", "correct"),
        ("It costs 5¢.", "$0.05", "correct"),
        ("5¢", "5", "correct"),
    ],
)
def test_a_full_hour_and_a_sign_of_coins_stay(text: str, gold: str, outcome: str) -> None:
    assert grade(text, gold).outcome == outcome


def test_if_a_number_is_asked_a_full_hour_is_one() -> None:
    assert final_answer("Let us see. It begins at 3 o'clock.", kind="number") == "3"
