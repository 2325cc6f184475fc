"""Overlaps of questions: what counts as the same question, what as a template, what as a set phrase."""

from __future__ import annotations

import pytest

from slipstick.curate.contamination import Overlap, find_overlaps, longest_run
from slipstick.curate.shingles import CHUNK
from slipstick.schema import Problem

BRIDGE = (
    "A cyclist leaves the old bridge at noon and rides 18 kilometers along the river before she stops to rest for "
    "25 minutes under the willow trees. How far is she from the bridge?"
)


def hit(train: str, evaluation: str, **fields: object) -> Overlap | None:
    found = list(find_overlaps([Problem(id="t", text=train)], [Problem(id="e", text=evaluation, **fields)]))
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    ("train", "evaluation", "how", "why"),
    [
        (BRIDGE, BRIDGE, "exact", "the same"),
        (BRIDGE.lower().replace(".", " .").replace(",", ""), BRIDGE, "exact", "other case, spacing, punctuation"),
        ("A town has 5,256 grown-ups.", "a town has 5256 grown - ups .", "exact", "commas in numbers, spaced hyphens"),
        (f"Once upon a time. {BRIDGE} Explain.", BRIDGE, "13-gram", "words put around it"),
        (BRIDGE.replace("noon", "midnight"), BRIDGE, "13-gram", "one word changed"),
        (BRIDGE.replace("18", "19"), BRIDGE, "template", "another number"),
        (
            BRIDGE.replace("25", "twelve"),
            BRIDGE.replace("25", "12"),
            "8-gram",
            "a number as a word, and few runs of thirteen left",
        ),
        ("Compute $\\cos 150^\\circ$.", "Compute $\\cos (-150^\\circ)$.", "template", "another sign"),
        ("Evaluate $4-(-1)$.", "Evaluate $(-4)+(-1)$.", "template", "other signs"),
        (
            "Find the number of ways to arrange the letters of the word PROOF.",
            "Find the number of ways to arrange the letters of the word CIRCLE.",
            "template",
            "no number, and one word is all that differs",
        ),
        ("Ann has 3 nuts.", "Ann has 4 nuts.", None, "short, other number"),
        ("What is the cyclist doing under the bridge?", BRIDGE, None, "few words in common"),
        ("", "", None, "nothing"),
        ("???", "!!!", None, "no letter, no digit"),
        ("小明有三个苹果，妈妈又给了他两个。", "小明有三个苹果,妈妈又给了他两个", "exact", "signs of another script"),
    ],
)
def test_how_two_questions_overlap(train: str, evaluation: str, how: str | None, why: str) -> None:
    found = hit(train, evaluation)
    assert (found.kind if found else None) == how, why


def test_a_hit_names_row_problem_share_and_words() -> None:
    found = hit(BRIDGE.replace("noon", "midnight"), BRIDGE)
    assert found is not None
    assert (found.problem_id, found.evaluation_id) == ("t", "e")
    assert 0.5 < found.share < 1
    assert found.text.startswith("and rides 18 kilometers") and found.text.endswith("from the bridge")


def test_choices_are_not_compared() -> None:
    shown = f"{BRIDGE}\nAnswer Choices: (A) 12 (B) 18"
    assert (found := hit(BRIDGE, shown, choices=["12", "18"])) and found.kind == "exact"


def test_set_phrases_do_not_count() -> None:
    phrase = "Express your answer as a common fraction in its lowest terms and without any units at all please"
    evaluation = [Problem(id=f"e{n}", text=f"{phrase}, value number {n} {chr(97 + n)}x") for n in range(26)]
    assert not list(find_overlaps([Problem(id="t", text=f"{phrase}: something else")], evaluation))
    few = list(find_overlaps([Problem(id="t", text=f"{phrase}: something else")], evaluation[:3]))
    assert {found.evaluation_id for found in few} == {"e0", "e1", "e2"}


def test_hits_come_in_the_order_of_both_sides() -> None:
    evaluation = [Problem(id=f"e{n}", text=BRIDGE) for n in range(3)]
    train = [Problem(id=f"t{n}", text=f"Nothing of the kind, {n}." if n % 100 else BRIDGE) for n in range(CHUNK + 200)]
    found = [(each.problem_id, each.evaluation_id) for each in find_overlaps(iter(train), iter(evaluation))]
    assert found == [(f"t{n}", f"e{k}") for n in range(0, CHUNK + 200, 100) for k in range(3)]


def test_no_evaluation_and_no_train() -> None:
    assert not list(find_overlaps([Problem(id="t", text=BRIDGE)], []))
    assert not list(find_overlaps([], [Problem(id="e", text=BRIDGE)]))


def test_longest_run() -> None:
    assert longest_run("a b c d", "x B c. y") == "b c"
    assert longest_run("a", "b") == ""
