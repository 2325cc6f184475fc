"""Tests of policies: profile strings are read once and reach every layer, in this process and in workers."""

import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from slipstick.equivalence import PROFILES, as_letter, check_profile, compare, compare_many
from slipstick.equivalence.policies import OWN, SLIPSTICK, STRICT, VALUES, Policy, policy_of
from slipstick.errors import UserError
from slipstick.grade import grade
from slipstick.schema import Problem

READ = [
    ("slipstick", SLIPSTICK),
    ("slipstick-strict", STRICT),
    ("slipstick-strict:percent=either", replace(STRICT, percent="either")),
    ("slipstick:", SLIPSTICK),
    ("slipstick: percent = value , rounding = none", replace(SLIPSTICK, percent="value", rounding="none")),
    ("slipstick:percent=value,percent=either", SLIPSTICK),
]


@pytest.mark.parametrize(("profile", "policy"), READ, ids=[profile for profile, _ in READ])
def test_a_profile_is_read_as_a_policy(profile: str, policy: Policy) -> None:
    check_profile(profile)
    assert policy_of(profile) == policy


WRONG = [
    ("mammoth:percent=value", "mammoth has no settings.*slipstick, slipstick-strict"),
    ("slipstick-strickt", r"did you mean `slipstick-strict`.*known: slipstick, slipstick-strict, mammoth"),
    ("slipstick:,", "there is no policy ``"),
    ("slipstick:percent", "percent = `` is not known.*known: either, value"),
    ("slipstick:percent=valu", r"percent = `valu` is not known \(did you mean `value`\?\)"),
    ("slipstick:precent=value", r"no policy `precent` \(did you mean `percent`\?\); known: equation, unevaluated"),
]


@pytest.mark.parametrize(("profile", "message"), WRONG, ids=[profile for profile, _ in WRONG])
def test_a_wrong_setting_is_named_with_the_known_ones(profile: str, message: str) -> None:
    for call in (lambda: check_profile(profile), lambda: compare("1", "1", profile=profile)):
        with pytest.raises(UserError, match=message):
            call()


def test_the_two_profiles_and_the_fields() -> None:
    assert tuple(OWN) == PROFILES[:2] == ("slipstick", "slipstick-strict")
    assert Policy() == SLIPSTICK != STRICT
    assert VALUES["percent"] == ("either", "value")
    assert all(len(values) > 1 for values in VALUES.values())
    assert STRICT.setting("percent") == "policy percent=value"


def test_a_profile_reaches_workers_and_streams() -> None:
    pairs: list[tuple[str, str | list[str]]] = [
        ("0.5", r"\frac{1}{2}"),
        (r"\lim_{x\to0}\frac{\sin x}{x}", "1"),
        ("7", "8"),
    ]
    for profile in ("slipstick:unevaluated=correct", "slipstick-strict:percent=either,unevaluated=correct"):
        assert [verdict.outcome for verdict in compare_many(pairs, profile=profile)] == [
            "correct",
            "correct",
            "incorrect",
        ]
    assert as_letter("0.5", ["1/2", "3"], profile="slipstick-strict") == "A"


PAGE = (Path(__file__).parents[2] / "docs" / "grade.md").read_text()
CELLS = (
    r"`(\w+)` \| `(\w+)` \| `([^`]+)` \| `([^`]+)`"
    r" \| (correct|incorrect|undecided|no answer) \| (default)? ?\| (default)? ?\|"
)
DOCUMENTED = re.findall(CELLS, PAGE)


@pytest.mark.parametrize("row", DOCUMENTED, ids=[" ".join(row[:4]) for row in DOCUMENTED])
def test_the_documented_examples(row: tuple[str, ...]) -> None:
    field, value, answer, gold, outcome = row[:5]
    question = "Factor $x^2+5x+6$." if field == "question" else "How many?"
    problem = Problem(id="a", text=question, answer=gold)
    for profile in OWN:
        said = answer if field == "guess" else rf"\boxed{{{answer}}}"
        verdict = grade(said, problem, profile=f"{profile}:unevaluated=correct,{field}={value}")
        assert verdict.outcome == outcome.replace(" ", "_"), (profile, verdict)
        unsaid = outcome != "incorrect" or field == "rounding" or value == "taken"
        assert unsaid or verdict.reason.endswith(f"(policy {field}={value})")


def test_every_value_is_documented_with_the_defaults_of_both_profiles() -> None:
    assert {row[:2] for row in DOCUMENTED} == {(field, value) for field, values in VALUES.items() for value in values}
    for profile, place in zip(OWN, (5, 6), strict=True):
        assert {row[0]: row[1] for row in DOCUMENTED if row[place]} == asdict(OWN[profile])
