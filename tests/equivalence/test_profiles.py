"""Tests of the grading profiles: what published graders say of the pairs and outputs in tests/cases/profiles.jsonl."""

import json
import os
import re
import signal
import time
import tomllib
from pathlib import Path
from typing import Any, NoReturn

import pytest

from slipstick.equivalence import PROFILES, compare, compare_many
from slipstick.equivalence.policies import OWN
from slipstick.equivalence.pool import process
from slipstick.equivalence.pool.process import WorkerProcess
from slipstick.equivalence.profiles import PUBLISHED, rules_of
from slipstick.equivalence.profiles.syntax_tree import evaluate
from slipstick.errors import SlipstickError, UserError
from slipstick.grade import grade, grade_solutions
from slipstick.schema import Block, Code, Output, Problem, Solution, Text

ROOT = Path(__file__).parents[2]
CASES = [json.loads(line) for line in (ROOT / "tests" / "cases" / "profiles.jsonl").read_text().splitlines()]
IDS = [f"{place}-{case.get('answer', case.get('output'))[:20]}" for place, case in enumerate(CASES)]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_case(case: dict[str, Any]) -> None:
    for profile, outcome in case["says"].items():
        judge, text = (compare, case["answer"]) if "answer" in case else (grade, case["output"])
        verdict = judge(text, case["expected"], kind=case["kind"], profile=profile)
        assert (profile, verdict.outcome) == (profile, outcome), verdict


def test_every_case_has_every_profile_and_its_source() -> None:
    for case in CASES:
        assert set(case["says"]) == set(PUBLISHED) == set(PROFILES) - set(OWN)
        assert case["why"] and case["source"]


def test_many_are_decided_as_one_by_one() -> None:
    pairs = [(case["answer"], case["expected"]) for case in CASES[:20] if "answer" in case and case["kind"] is None]
    for profile in ("mammoth", "tora"):
        assert compare_many(pairs, profile=profile) == [compare(*pair, profile=profile) for pair in pairs]


def test_the_words_of_the_documentations_table_are_those_of_the_graders() -> None:
    page = (ROOT / "docs" / "profiles.md").read_text()
    table = page[page.index("## Where they differ") :]
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| (.+) \|$", table, re.MULTILINE)
    assert len(rows) >= 10
    said = {"yes": "correct", "no": "incorrect"}
    for answer, expected, cells in rows:
        claimed = [said[cell.strip()] for cell in cells.split("|")]
        assert (answer, expected, claimed) == (
            answer,
            expected,
            [compare(answer, expected, profile=p).outcome for p in PROFILES],
        )


def test_several_golds_and_the_rule_that_matched() -> None:
    verdict = compare("17.6", ["20", "18"], profile="mammoth")
    assert (verdict.outcome, verdict.expected, verdict.method) == ("correct", "18", "number")
    assert compare("x+1", "1+x", profile="tora").method == "symbolic"
    assert compare("(1, 0.5)", r"(1,\frac{1}{2})", profile="qwen").method == "structure"


@pytest.mark.parametrize("profile", PUBLISHED)
def test_what_is_in_an_answer_is_never_run(profile: str, tmp_path: Path) -> None:
    canary = tmp_path / "made"
    for answer in (
        f"[open('{canary}','w')]",
        f"__import__('pathlib').Path('{canary}').touch()",
        f"(lambda: open('{canary}','w'))()",
        rf"\frac{{open('{canary}','w')}}{{1}}",
    ):
        for pair in ((answer, "1"), ("1", answer), (answer, "(1,2)"), (f"({answer},2)", "(1,2)")):
            assert compare(*pair, profile=profile).outcome != "correct"
    assert not canary.exists()


def test_a_hang_is_undecided_and_the_next_verdict_comes() -> None:
    assert compare("9^{9^{9^{9}}}", "x", profile="tora").outcome in ("undecided", "incorrect")
    assert compare("x+1", "1+x", profile="tora").outcome == "correct"
    assert compare("9**9**9**9", "7", profile="mammoth").outcome == "incorrect"


def test_an_answer_that_is_too_long_is_undecided() -> None:
    assert compare("1" * 20_000, "1", profile="qwen").outcome == "undecided"


def test_math_verify_a_gold_that_cannot_be_read_is_undecided_not_wrong() -> None:
    assert compare("7", r"\begin{foo} ???", profile="math-verify").outcome == "undecided"


PROBLEM = Problem(id="made/test/0", text="How many?", answer="18", kind="number")


def solution(*blocks: Block, **fields: Any) -> Solution:
    return Solution(**{"id": "s", "problem_id": "made/test/0", "format": "tir", "blocks": list(blocks)} | fields)


def test_a_solutions_answer_is_found_by_the_profiles_rules() -> None:
    printed = solution(Code(text="print(18.0)"), Output(text="18.0\n"))
    failed = solution(Code(text="1/0"), Output(text="ZeroDivisionError", status="error"))
    words = solution(Text(text="It is 18."), answer="17")
    for profile in ("mammoth", "tora", "qwen"):
        assert grade(printed, PROBLEM, profile=profile).outcome == "correct"
        assert grade(failed, PROBLEM, profile=profile).outcome == "no_answer"
        assert grade(words, PROBLEM, profile=profile).outcome == "correct"
    assert grade(words, PROBLEM).outcome == "incorrect"
    assert grade(words, PROBLEM, profile="minerva").outcome == "no_answer"
    assert grade(solution(answer="18"), PROBLEM, profile="minerva").outcome == "correct"


def test_tora_takes_the_last_output_if_no_words_mark_an_answer() -> None:
    tir = solution(Text(text="So:"), Code(text="print(18)"), Output(text="18\n"), Text(text="Done in 1 step."))
    assert grade(tir, PROBLEM, profile="tora").outcome == "correct"


def test_a_stream_of_solutions_has_the_profiles_answers() -> None:
    graded = list(grade_solutions([solution(Text(text=r"So \boxed{18.0}"))], [PROBLEM], profile="mammoth"))
    assert [(one.answer, one.verdict and one.verdict.outcome) for one in graded] == [("18", "correct")]


def test_published_graders_do_not_look_at_options() -> None:
    choice = Problem(id="made/test/1", text="Which?", answer="B", kind="choice", choices=["12", "18"])
    assert grade("The answer is 18.", choice).outcome == "correct"
    assert grade("The answer is 18.", choice, profile="mammoth").outcome == "incorrect"


def test_an_unknown_profile_is_named_with_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean `mammoth`"):
        compare("1", "1", profile="mamoth")


def test_rules_are_loaded_once_and_the_words_are_well_formed() -> None:
    assert rules_of("tora") is rules_of("tora")
    words = tomllib.loads((ROOT / "src/slipstick/equivalence/profiles/words.toml").read_text())
    for unit in words["qwen"]["units"] + words["mario"]["long_units"]:
        re.compile(unit)


@pytest.mark.parametrize(
    ("text", "value"), [("1/2", 0.5), ("-3*(2+1)", -9), ("2^3", 1), ("7//2", 3), ("2**10", 1024), ("(1, 2)", (1, 2))]
)
def test_arithmetic_is_evaluated_from_its_syntax_tree(text: str, value: Any) -> None:
    assert evaluate(text, number=lambda _, number: number, name=_unknown) == value


@pytest.mark.parametrize(
    "text", ["x", "f(1)", "a.b", "'1'", "True", "1 if 1 else 2", "[x for x in (1,)]", "lambda: 1", ""]
)
def test_what_is_not_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        evaluate(text, number=lambda _, number: number, name=_unknown)


def test_a_power_that_is_too_long_is_refused() -> None:
    with pytest.raises(OverflowError):
        evaluate("9**9**9", number=lambda _, number: number, name=_unknown)


def _unknown(name: str, is_called: bool) -> NoReturn:
    raise ValueError(name)


def test_rules_that_do_not_load_are_given_up_after_the_seconds_that_the_error_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = WorkerProcess(algebra=False)
    try:
        assert worker.is_ready(120)
        os.kill(worker.pid, signal.SIGSTOP)
        monkeypatch.setattr(process, "START_SECONDS", 1.0)
        begin = time.monotonic()
        with pytest.raises(SlipstickError, match=r"rules of tora did not load within 1 s"):
            worker.prepare("tora")
        assert 1 <= time.monotonic() - begin < 60  # not the 120 seconds of START_SECONDS, nor for ever
    finally:
        worker.kill()
