"""A problem's own tolerance."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipstick import grade
from slipstick.grade import grade_solutions
from slipstick.problems import load_problems
from slipstick.schema import Problem, Solution


def asked(answer: str | list[str], tolerance: object) -> Problem:
    return Problem(id="p", text="How far?", answer=answer, metadata={"tolerance": tolerance})


@pytest.mark.parametrize(
    ("answer", "gold", "tolerance", "outcome"),
    [
        ("3.18", "3.1", "1e-1", "correct"),
        ("3.2", "3.1", 0.1, "correct"),
        ("3.21", "3.1", "1e-1", "incorrect"),
        ("-3.1", "3.1", "1e-1", "incorrect"),
        (r"\sqrt{10}", "3.1", "0.1", "correct"),
        (r"$3.2 \times 10^{8}$", "320000005", "10", "correct"),
        ("3.18 km", "3100 m", "100", "correct"),
        ("3.18 s", "3.1 m", "0.1", "incorrect"),
        ("3.18", "3.1", "much", "incorrect"),
        ("x", "3.1", "100", "incorrect"),
        ("3.18", ["9", "3.1"], "0.1", "correct"),
        ("2^{2000}", "3.1", "0.1", "incorrect"),
        ("3.1", "2^{2000}", "0.1", "incorrect"),
        ("1e999999999", "3.1", "0.1", "incorrect"),
        ("3.18", "3.1", "1e400", "incorrect"),
        ("3.18", "3.1", "1e999999999", "incorrect"),
        ("3.18", "3.1", "1e-999999999", "incorrect"),
    ],
)
def test_an_answer_within_it_is_correct_and_the_verdict_says_so(
    answer: str, gold: str | list[str], tolerance: object, outcome: str
) -> None:
    verdict = grade(f"The answer is {answer}.", asked(gold, tolerance))
    assert verdict.outcome == outcome
    if outcome == "correct":
        assert verdict.reason == f"within the problem's tolerance of {float(str(tolerance)):g}"


def test_it_holds_for_runs_and_not_for_published_graders() -> None:
    problem = asked("3.1", "0.1")
    solution = Solution(id="p#cot#0", problem_id="p", format="cot", blocks=[], answer="3.18")
    for profile, outcome in (("slipstick", "correct"), ("slipstick-strict", "correct"), ("tora", "incorrect")):
        (graded,) = grade_solutions([solution], [problem], profile=profile)
        assert graded.verdict and graded.verdict.outcome == outcome


def test_a_file_states_it_in_a_column(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text('{"question": "g?", "answer": "9.81", "tolerance": 0.05}\n')
    (problem,) = load_problems(str(tmp_path / "mine.jsonl"))
    assert grade("The answer is 9.8.", problem).outcome == "correct"
    assert grade("The answer is 9.7.", problem).outcome == "incorrect"
