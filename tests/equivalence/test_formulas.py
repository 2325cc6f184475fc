"""Tests of what answers mean, by kind: formulas.txt and readings.txt in tests/cases have the pairs."""

import itertools
import re
from pathlib import Path

import pytest

from slipstick.equivalence import compare

_LINES = [
    line
    for name in ("formulas", "readings")
    for line in (Path(__file__).parents[1] / "cases" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
]
_KINDS = dict(
    zip(
        [line.removeprefix("## ") for line in _LINES if line.startswith("## ")],
        [
            list(lines)
            for is_pairs, lines in itertools.groupby(_LINES, lambda line: line[:2] in ("= ", "! ", "? "))
            if is_pairs
        ],
        strict=True,
    )
)


@pytest.mark.parametrize("kind", sorted(_KINDS))
def test_kind(kind: str) -> None:
    failed = []
    profile = re.match(r"\[(.*?)\]", kind)
    for line in _KINDS[kind]:
        answer, gold = line[2:].split(" :: ")
        verdict = compare(answer, gold, profile=profile[1] if profile else "slipstick")
        allowed = {"=": ("correct",), "!": ("incorrect",), "?": ("incorrect", "undecided")}[line[0]]
        if verdict.outcome not in allowed:
            failed.append(f"{line}: {verdict.outcome}, {verdict.reason}")
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("\text{yes}", "yes"),
        ("\frac{1}{2}", "0.5"),
        ("x=\frac{1}{2}", "1/2"),
        ("3\times 4", "12"),
        ("\x08inom{5}{2}", "10"),
        ("5\text{ cm}", "5 cm"),
        ("\theta+1", r"1+\theta"),
    ],
)
def test_a_backslash_lost_to_a_control_character_is_put_back(answer: str, gold: str) -> None:
    assert answer.isprintable() is False
    assert compare(answer, gold).outcome == "correct"
