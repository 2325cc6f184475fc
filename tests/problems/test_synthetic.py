"""Made problems: right answers, splits that share nothing, enough wordings, the same everywhere."""

from __future__ import annotations

import builtins
import hashlib
import itertools
import json
import keyword
import math
import os
import re
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from random import Random

import pytest

from slipstick.errors import InputError
from slipstick.problems import load_problems
from slipstick.problems.synthetic import SPLITS, load, make
from slipstick.problems.synthetic.abstract import KINDS, conditional, ordering, syllogism
from slipstick.problems.synthetic.calculation import Template, draw_numbers, templates, work_out
from slipstick.problems.synthetic.grammar import framed, surface_forms
from slipstick.problems.synthetic.paper import substitute
from slipstick.schema import Problem

TESTS = sorted(set(SPLITS) - {"train"})
ALLOWED = {name: getattr(math, name) for name in ("comb", "factorial", "gcd", "isqrt", "lcm", "perm")}


def problems(split: str, n: int) -> list[Problem]:
    return list(load(f"{split},n={n}"))


def most_digits(text: str) -> int:
    return max(len(number) for number in re.findall(r"\d+", text))


@pytest.mark.parametrize("template", templates(), ids=lambda template: template.name)
def test_a_template_works_out_right(template: Template) -> None:
    rng = Random(template.name)
    for digits in [1, 2, 3, 4, 5, 6, 7] if template.scales else [1, 2, 3]:
        for _ in range(20):
            given = draw_numbers(template, digits=digits, rng=rng)
            worked = work_out(template, given)
            scope: dict[str, object] = {}
            for step in worked.steps:  # our own expressions, run as Python against our own exact arithmetic
                names = {"Fraction": Fraction, "max": max, "min": min, **ALLOWED, **scope}
                scope[step["name"]] = eval(step["expression"], {"__builtins__": {}}, names)  # noqa: S307
            result = scope[template.steps[-1][0]]
            assert Fraction(str(result)) == Fraction(worked.answer)
            assert all(value >= 0 for value in given.values()), given
            assert Fraction(worked.answer) >= 0
            assert worked.steps[-1]["says"].endswith(f" {worked.answer}.")


@pytest.mark.parametrize("template", templates(), ids=lambda template: template.name)
def test_a_template_is_well_made(template: Template) -> None:
    rng = Random(template.name)
    given = draw_numbers(template, digits=3, rng=rng)
    names = [*given, *(step[0] for step in template.steps)]
    for name in names:
        assert name.isidentifier() and not keyword.iskeyword(name)
        assert name not in dir(builtins) and name not in ALLOWED
    assert len(set(names)) == len(names)
    assert len(template.skeletons) >= 4 and template.unseen
    for skeleton in template.skeletons + template.unseen:
        assert {field for field in re.findall(r"\{(\w+)\}", skeleton) if field in given} == set(given), skeleton
        assert not re.search(r"\[[^\]]*@[^\]]*\]", skeleton), "a shared phrase cannot stand inside brackets"
    assert sum(surface_forms(framed(skeleton), template.words) for skeleton in template.skeletons) >= 500


def test_there_are_enough_of_them() -> None:
    names = [template.name for template in templates()]
    assert len(names) >= 40 and len(set(names)) == len(names)
    assert len(KINDS) >= 6
    every = {problem.metadata["template"] for problem in problems("train", 4000)}
    assert every == set(names) | {kind.__name__ for kind in KINDS}


@pytest.mark.parametrize("split", SPLITS)
def test_texts_read_well(split: str) -> None:
    for problem in problems(split, 500):
        assert not re.search(r"[\[\]{}|@]|  | [.,?]|\?\.|\.\.(?!\.)", problem.text.replace(" + ...", "")), problem.text
        assert problem.text == problem.text.strip()
        assert len(problem.text.split()) < 75


@pytest.fixture(scope="module")
def training() -> list[Problem]:
    """Twenty thousand problems to train on, made once: some seconds."""
    return problems("train", 20_000)


def test_no_test_problem_is_trained_on(training: list[Problem]) -> None:
    trained = {problem.text for problem in training}
    assert len(trained) > 19_000
    for split in TESTS:
        texts = [problem.text for problem in problems(split, 500)]
        assert trained.isdisjoint(texts), split
        assert len(set(texts)) > 450, split


def test_no_test_instance_is_trained_on(training: list[Problem]) -> None:
    """The same numbers in the same template are not trained on in other words either."""

    def instance(problem: Problem) -> tuple[str, str]:
        return problem.metadata["template"], json.dumps(problem.metadata["steps"])

    trained = {instance(problem) for problem in training if problem.kind == "number"}
    for split in ("known", "phrasing", "skeleton", "digits3"):
        assert not trained & {instance(problem) for problem in problems(split, 500)}


def test_held_out_skeletons_are_never_trained(training: list[Problem]) -> None:
    def shape(text: str) -> str:
        return re.sub(r"\d+", "0", text)

    trained = {shape(problem.text) for problem in training}
    assert trained.isdisjoint(shape(problem.text) for problem in problems("skeleton", 500))
    assert trained.isdisjoint(shape(problem.text) for problem in problems("phrasing", 500))
    known = [shape(problem.text) in trained for problem in problems("known", 500)]
    assert any(known), "known wordings are those of training"


@pytest.mark.parametrize(
    ("split", "least", "most"),
    [("train", 1, 6), ("known", 1, 6), ("digits3", 1, 3), ("digits5", 5, 6), ("digits7", 7, 7)],
)
def test_number_lengths(split: str, least: int, most: int) -> None:
    for problem in problems(split, 400):
        if problem.kind == "number":
            assert least <= most_digits(problem.text) <= most
            assert problem.metadata["digits"] == most_digits(problem.text)


@pytest.mark.parametrize(("split", "share"), [("mix", 0.2), ("train", 0.2), ("known", 0.0), ("abstract", 1.0)])
def test_mix_shares_are_exact(split: str, share: float) -> None:
    kinds = Counter(problem.kind for problem in problems(split, 500))
    assert kinds["choice"] == 500 * share
    assert kinds["number"] == 500 * (1 - share)


def test_abstract_problems() -> None:
    letters = Counter[str]()
    for problem in problems("abstract", 3000):
        choices, answer = problem.choices or [], problem.answer
        assert isinstance(answer, str) and len(set(choices)) == len(choices) == 3
        listed = " ".join(f"({letter}) {choice}" for letter, choice in zip("ABC", choices, strict=True))
        assert problem.text.endswith(f" Answer Choices: {listed}")
        right = choices["ABC".index(answer)]
        assert (problem.rationale or "").endswith(f" The answer is {right}.")
        letters[answer] += 1
    assert all(abs(letters[letter] - 1000) < 120 for letter in "ABC"), letters


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_abstract_kind_has_one_right_option(kind: object) -> None:
    assert callable(kind)
    texts: dict[str, str] = {}
    for seed in range(400):
        puzzle = kind(Random(seed))
        assert puzzle.options.count(puzzle.right) == 1
        assert texts.setdefault(puzzle.text, puzzle.right) == puzzle.right, "one question, two answers"


@pytest.mark.parametrize("seed", range(60))
def test_ordering_holds_in_every_order_the_facts_allow(seed: int) -> None:
    puzzle = ordering(Random(seed))
    facts = re.findall(r"(\w+) is (taller|older|faster|richer|shorter|younger|slower|poorer) than (\w+)", puzzle.text)
    asked = re.search(r"the (second )?(\w+est)\b", puzzle.text)
    assert len(facts) == 2 and asked
    place = 1 if asked[1] else 0 if asked[2] in ("shortest", "youngest", "slowest", "poorest") else 2
    upward = ("taller", "older", "faster", "richer")
    for order in itertools.permutations(puzzle.options):  # lowest first
        if all((order.index(a) > order.index(b)) == (word in upward) for a, word, b in facts):
            assert order[place] == puzzle.right


@pytest.mark.parametrize("seed", range(60))
def test_syllogism_holds_in_every_world(seed: int) -> None:
    puzzle = syllogism(Random(seed))
    facts = re.findall(r"\b(all|no) (\w+)s are (\w+)s", puzzle.text.lower())
    kinds = sorted({kind for fact in facts for kind in fact[1:]})
    asked = re.search(
        r"(?:is (?:every|each) (\w+) a (\w+)\?)|(?:must (?:every|each) (\w+) be a (\w+))", puzzle.text.lower()
    )
    one = re.search(r"(?:has|sees|finds) a (\w+)\. is it a (\w+)\?", puzzle.text.lower())
    part, whole = [word for match in (asked, one) if match for word in match.groups() if word]
    stated: set[bool] = set()
    for members in itertools.product(itertools.product((False, True), repeat=3), repeat=2):  # two things, three kinds
        world = [dict(zip(kinds, thing, strict=True)) for thing in members]
        if not any(thing[part] for thing in world):
            continue
        if all(thing[b] == (word == "all") for word, a, b in facts for thing in world if thing[a]):
            stated |= {thing[whole] for thing in world if thing[part]}
    assert puzzle.right == ("cannot be known" if len(stated) != 1 else "yes" if True in stated else "no")


@pytest.mark.parametrize("seed", range(60))
def test_conditional_holds_in_every_case(seed: int) -> None:
    puzzle = conditional(Random(seed))
    text = puzzle.text.lower()
    lamp, bell = (re.search(rf"\w+ {word}", text) for word in ("lamp", "bell"))
    fact = re.search(r"(?:^|\. )the (\w+ (?:lamp|bell)) is (on|off)\.", text)
    asked = re.search(r"how is the (\w+ (?:lamp|bell))", text)
    assert lamp and bell and fact and asked
    cases = [{lamp[0]: p, bell[0]: q} for p in (True, False) for q in (True, False) if q or not p]
    stated = {case[asked[1]] for case in cases if case[fact[1]] == (fact[2] == "on")}
    assert puzzle.right == ("cannot be known" if len(stated) != 1 else "on" if True in stated else "off")


def test_problems_are_the_same_in_another_process() -> None:
    code = (
        "import hashlib\nfrom slipstick.problems.synthetic import SPLITS, load\nh = hashlib.sha256()\n"
        "for split in SPLITS:\n    for p in load(f'{split},n=40,seed=3'):\n"
        "        h.update(p.model_dump_json().encode())\n"
        "print(h.hexdigest())"
    )
    digest = hashlib.sha256()
    for split in SPLITS:
        for problem in load(f"{split},n=40,seed=3"):
            digest.update(problem.model_dump_json().encode())
    for hash_seed in ("1", "2"):
        told = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert told.stdout.strip() == digest.hexdigest()


def test_a_problem_follows_from_split_seed_and_index() -> None:
    ten = problems("mix", 10)
    assert [make("mix", index) for index in range(10)] == ten
    assert problems("mix", 5) == ten[:5]
    assert [problem.id for problem in ten][:2] == ["made/mix/0", "made/mix/1"]
    other = list(load("mix,n=10,seed=7"))
    assert other[0].id == "made/mix-seed7/0"
    assert {problem.text for problem in other}.isdisjoint(problem.text for problem in ten)


def test_given_numbers_come_in_the_order_of_the_text() -> None:
    for problem in problems("known", 300):
        given = [int(step["expression"]) for step in problem.metadata["steps"] if not step["says"]]
        numbers = iter(int(number) for number in re.findall(r"\d+", problem.text))
        assert all(number in numbers for number in given), problem.text


def test_metadata_is_json_and_the_plug_in_is_found() -> None:
    for problem in load_problems("synthetic:mix,n=50"):
        assert json.loads(json.dumps(problem.metadata)) == problem.metadata
        assert problem.metadata["split"] == "mix"


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("knwon", "no split `knwon` (did you mean `known`?)"),
        ("", "no split ``"),
        ("known,m=3", "`m=3` is neither n=COUNT nor seed=NUMBER"),
        ("known,n=-3", "`n=-3` is neither"),
    ],
)
def test_a_wrong_argument_is_explained(argument: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        load(argument)


def test_fields_are_refused() -> None:
    with pytest.raises(InputError, match="`field_map` does not apply to `synthetic:"):
        load("known", field_map={"text": "question"})


def test_expressions_are_written_as_on_paper() -> None:
    values = {"a": 12, "b": -3, "n": 5}
    assert substitute("a // b", values) == "12 / (-3)"
    assert substitute("comb(a, n) + factorial(n) + isqrt(a)", values) == "C(12, 5) + 5! + sqrt 12"
    assert substitute("Fraction(n, a)", values) == "5 / 12"
    assert substitute("a ** n", values) == "12^5"
