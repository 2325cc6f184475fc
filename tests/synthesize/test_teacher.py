"""A scripted teacher's attempts: drawn by a plan, graded, kept or dropped with a reason, and taken up after a kill."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from slipstick.commands import Invocation, load_settings
from slipstick.commands.rejection import RejectionRecipe
from slipstick.commands.synthesize import run_synthesize
from slipstick.commands.teacher import TeacherRecipe
from slipstick.errors import InputError, ModelError, RecipeError, UserError
from slipstick.models import Reply, Request
from slipstick.models.fake import FakeModel
from slipstick.schema import Code, Output, Problem, Solution, Verdict
from slipstick.solve.policies import SamplingStep, scheduled
from slipstick.store import RunFolder
from slipstick.synthesize.rejection import RejectionSettings, until_correct, wanted
from slipstick.synthesize.teacher import DISAGREES, sort_out

MARIO = [SamplingStep(temperature=0, num_samples=1), SamplingStep(temperature=0.6, num_samples=2)]
ROWS = ("problems", "solutions", "verdicts", "dropped", "attempts")


def attempt(sample: int, answer: str | None, outcome: str = "incorrect", **more: object) -> Solution:
    verdict = None if outcome == "ungraded" else Verdict.model_validate({"outcome": outcome, "method": "number"})
    about = {"id": f"p/1#cot#{sample}", "problem_id": "p/1", "sample": sample, "format": "cot", "blocks": []}
    return Solution.model_validate(about | {"answer": answer, "verdict": verdict} | more)


PROBLEM = Problem(id="p/1", text="What is 6 times 7?", answer="42", kind="number")


def test_marios_schedule_is_drawn_at_once_and_with_until_one_draw_after_another() -> None:
    assert scheduled(MARIO)([]) == [0, 0.6, 0.6]
    plan = scheduled(MARIO, stop_after_correct=1)
    assert plan([]) == [0]
    assert plan([attempt(0, "42", "correct")]) == []
    assert plan([attempt(0, "41")]) == [0.6, 0.6]
    assert plan([attempt(0, "41"), attempt(1, "41"), attempt(2, "41")]) == []


def test_wrong_attempts_that_agree_are_kept_apart_for_an_audit() -> None:
    attempts = [attempt(0, "54"), attempt(1, "54.0"), attempt(2, "42", "correct"), attempt(3, "7")]
    found = sort_out(PROBLEM, attempts, min_votes=2)
    assert [solution.sample for solution in found.kept] == [2]
    assert [drop.rule for drop in found.dropped] == [DISAGREES, DISAGREES, "wrong answer"]
    assert found.dropped[0].reason == "2 attempts agree on 54, the gold is 42"


def test_a_crowd_no_larger_than_the_right_ones_is_merely_wrong() -> None:
    attempts = [attempt(0, "54"), attempt(1, "54"), attempt(2, "42", "correct"), attempt(3, "42", "correct")]
    assert {drop.rule for drop in sort_out(PROBLEM, attempts, min_votes=2).dropped} == {"wrong answer"}


def test_every_way_to_fail_has_a_rule() -> None:
    crash = [Code(text="1/0"), Output(text="Traceback\nZeroDivisionError: division by zero", status="error")]
    attempts = [
        attempt(0, None, "no_answer", finish="error", error="HTTP 503"),
        attempt(1, None, "no_answer", blocks=crash),
        attempt(2, None, "no_answer", finish="turns"),
        attempt(3, "x+y", "undecided"),
        attempt(4, "7"),
        attempt(5, "8", blocks=crash),
    ]
    found = sort_out(PROBLEM, attempts, min_votes=2)
    rules = ["error", "program failed", "no answer", "undecided", "wrong answer", "program failed"]
    assert not found.kept and [drop.rule for drop in found.dropped] == rules
    assert found.dropped[0].reason == "HTTP 503" and "ZeroDivisionError" in found.dropped[1].reason
    assert found.dropped[2].reason == "it ran out of turns"


def test_without_a_gold_the_answer_most_agree_on_is_marked_as_checked_by_nobody() -> None:
    problem = PROBLEM.model_copy(update={"answer": None})
    attempts = [attempt(0, "1/2", "ungraded"), attempt(1, "0.5", "ungraded"), attempt(2, "3", "ungraded")]
    found = sort_out(problem, attempts, min_votes=2)
    assert found.problem.answer == "1/2"
    assert found.problem.metadata == {"answer_by": "agreement", "validated": False, "votes": [2, 3]}
    assert {solution.verdict.method for solution in found.kept if solution.verdict} == {"agreement"}
    assert [drop.rule for drop in found.dropped] == ["outvoted"]
    tie = sort_out(problem, [*attempts, attempt(3, "3", "ungraded")], min_votes=2)
    assert tie.problem.answer is None and {drop.rule for drop in tie.dropped} == {"no agreement"}


def test_rejection_goes_on_until_enough_are_right_and_harder_where_it_fails() -> None:
    plan = until_correct(RejectionSettings(num_correct=2, max_attempts=9), temperature=0.7)
    wrong = [attempt(k, "1") for k in range(9)]
    assert plan([]) == [0.7] * 2
    assert plan([attempt(0, "42", "correct"), wrong[1]]) == [0.7]
    assert plan(wrong[:6]) == [0.7] * 3, "half as many again as failed so far"
    assert plan(wrong) == []
    assert plan([attempt(0, "42", "correct"), attempt(1, "42", "correct")]) == []


def test_prop2diff_wants_more_of_hard_problems() -> None:
    settings = RejectionSettings(num_correct=8, allocation="prop2diff", probes=4, max_attempts=40)
    plan = until_correct(settings, temperature=1)
    assert plan([]) == [1] * 4
    for right, target in ((4, 1), (3, 2), (1, 6), (0, 8)):
        probes = [attempt(k, "42", "correct" if k < right else "incorrect") for k in range(4)]
        assert wanted(settings, probes) == target
        assert len(plan(probes)) == max(0, target - right)


# Runs, with a scripted model


Run = Callable[..., tuple[RunFolder, str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a method over 12 problems, "How much is N + 1?", with a function as the model."""
    rows = [{"id": f"p/{n}", "question": f"How much is {n} + 1?", "answer": n + 1} for n in range(12)]
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    shared = f'problems = "{tmp_path}/problems.jsonl"\nmodel = "fake:"\nformats = ["cot", "pot"]\nsandbox_workers = 1\n'
    (tmp_path / "r.toml").write_text(shared)

    def start(
        method: str, script: Callable[[Request], str | Reply], *overrides: str, **flags: Any
    ) -> tuple[RunFolder, str]:
        console = Console(record=True, width=120, file=io.StringIO())
        order = Invocation(
            str(tmp_path / "r.toml"),
            [f"method={method}", *overrides],
            out=tmp_path / "run",
            model=FakeModel(script),
            **flags,
        )
        return RunFolder(run_synthesize(order, console)), console.export_text()

    return start


def sums(request: Request) -> Reply:
    """Right at temperature 0 for even numbers; hotter, sample 2 is right and sample 1 is not."""
    number = int(request.problem.id[2:])
    right = number % 2 == 0 if request.sampling.temperature == 0 else request.sample == 2
    value = number + 1 if right else number + 2
    text = f"The answer is {value}." if request.format.name == "cot" else f"print({number} + {value - number})"
    return Reply(text=text, tokens=10, prompt_tokens=50, cost=0.01)


DRAWS = "sampling_schedule=[{temperature = 0, num_samples = 1}, {temperature = 0.6, num_samples = 2}]"


def test_a_teachers_attempts_are_kept_or_dropped_and_all_are_accounted_for(run: Run) -> None:
    folder, shown = run("teacher", sums, DRAWS, "num_fewshot=2", "max_turns=5")
    kept, dropped = list(folder.solutions()), list(folder.dropped())
    assert len(kept) + len(dropped) == 12 * 2 * 3
    assert all(solution.verdict and solution.verdict.outcome == "correct" for solution in kept)
    assert {solution.sample for solution in kept if int(solution.problem_id[2:]) % 2} == {2}
    assert all(solution.prompt_hash and solution.cost == 0.01 and solution.seed == solution.sample for solution in kept)
    # Of an odd problem two attempts in each format agree on what is wrong, and two are right.
    assert Counter(drop.rule for drop in dropped) == {"wrong answer": 12, DISAGREES: 24}
    assert folder.run().counts == {"problems": 12, "attempts": 72, "solutions": 36, "solved": 12, "dropped": 36}
    assert "at most 72 attempts" in shown and "solved at least once" in shown
    tried = [json.loads(line) for line in (folder.path / "attempts.jsonl").read_text().splitlines()]
    assert tried[0] == {"problem_id": "p/0", "format": "cot", "attempts": 3, "correct": 2, "kept": 2}


def test_until_leaves_solved_problems_alone(run: Run) -> None:
    folder, _ = run("teacher", sums, DRAWS, "stop_after_correct=1")
    tried = [json.loads(line) for line in (folder.path / "attempts.jsonl").read_text().splitlines()]
    assert {row["problem_id"]: row["attempts"] for row in tried} == {f"p/{n}": 3 if n % 2 else 1 for n in range(12)}


@pytest.mark.parametrize("more", [(DRAWS, "stop_after_correct=1"), ("num_samples=3", "stop_after_correct=1")])
def test_failed_requests_made_again_leave_no_more_rows_than_an_undisturbed_run(run: Run, more: tuple[str, ...]) -> None:
    def flaky(request: Request) -> Reply:
        failed = request.sample == 0 and int(request.problem.id[2:]) % 3 == 0
        return Reply(text="", finish="error", error="HTTP 503: too busy") if failed else sums(request)

    folder, _ = run("teacher", flaky, *more)
    assert len({key.rpartition("#")[2] for key in folder.index()}) > 1, "later attempts took the failed one's place"
    folder, _ = run("teacher", sums, *more, resume=True)
    resumed = rows_of(folder), folder.run().counts
    folder, _ = run("teacher", sums, *more, overwrite=True)
    assert resumed == (rows_of(folder), folder.run().counts)


def rows_of(folder: RunFolder) -> list[str]:
    """All rows, the seconds they took left out."""
    rows = "".join((folder.path / f"{name}.jsonl").read_text() for name in ROWS)
    return [json.dumps(_timeless(json.loads(line)), sort_keys=True) for line in rows.splitlines()]


def _timeless(value: object) -> object:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in ("seconds", "cpu_seconds")}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def test_a_finished_run_that_is_resumed_stays_as_it_is_and_errors_are_made_again(run: Run) -> None:
    def flaky(request: Request) -> Reply:
        failed = request.problem.id == "p/4" and request.sample == 0
        return Reply(text="", finish="error", error="HTTP 503: too busy") if failed else sums(request)

    folder, _ = run("teacher", flaky, DRAWS)
    assert [drop.rule for drop in folder.dropped()].count("error") == 2
    folder, _ = run("teacher", sums, DRAWS, resume=True)
    assert "error" not in {drop.rule for drop in folder.dropped()}
    before = rows_of(folder)
    folder, _ = run("teacher", lambda request: pytest.fail("it is all there"), DRAWS, resume=True)
    assert rows_of(folder) == before
    assert before == rows_of(run("teacher", sums, DRAWS, overwrite=True)[0])


def test_a_kill_while_attempts_are_sorted_out_is_mended(run: Run) -> None:
    folder, _ = run("teacher", sums, DRAWS)
    before = rows_of(folder)
    dropped = [Solution.model_validate(drop.row).model_dump_json() + "\n" for drop in folder.dropped()]
    with (folder.path / "solutions.jsonl").open("a") as file:
        file.writelines(dropped)  # as if dropped.jsonl had just been written
    folder, _ = run("teacher", lambda request: pytest.fail("it is all there"), DRAWS, resume=True)
    assert rows_of(folder) == before


def test_a_budget_stops_a_teacher_and_resuming_comes_to_the_same(run: Run) -> None:
    whole = rows_of(run("teacher", sums, DRAWS)[0])
    folder, shown = run("teacher", sums, DRAWS, "max_cost=0.3", "max_concurrent_solutions=4", overwrite=True)
    assert folder.run().status == "stopped" and len(list(folder.solutions())) == 30
    assert "Stopped at $0.3000 of max_cost = 0.3" in shown
    folder, _ = run("teacher", sums, DRAWS, "max_concurrent_solutions=4", resume=True)
    assert folder.run().status == "finished" and rows_of(folder) == whole


def test_an_estimate_says_rows_tokens_and_money_and_keeps_what_it_drew(run: Run) -> None:
    folder, shown = run("teacher", sums, DRAWS, "estimate=true")
    lines = {line.split("  ")[0].strip(): line.split() for line in shown.splitlines()}
    assert lines["rows kept"][2] == "36" and lines["replies"][1] == "72"
    assert lines["new tokens"][2] == "720" and lines["US dollars"][2] == "0.72"
    assert folder.run().status == "stopped" and len(list(folder.solutions())) == 72
    folder, _ = run("teacher", lambda request: pytest.fail("it is all there"), DRAWS, resume=True)
    assert len(list(folder.solutions())) == 36


def test_rejection_ends_with_as_many_as_are_wanted_or_says_who_falls_short(run: Run) -> None:
    def every_third(request: Request) -> Reply:
        number = int(request.problem.id[2:])
        right = number < 9 and (request.sample + number) % 3 == 0
        return Reply(text=f"The answer is {number + 1 if right else number + 5}.", tokens=5)

    folder, shown = run("rejection", every_third, "formats=['cot']", "num_correct=2", "max_attempts=8")
    tried = [json.loads(line) for line in (folder.path / "attempts.jsonl").read_text().splitlines()]
    assert {row["kept"] for row in tried[:9]} == {2} and {row["attempts"] for row in tried[9:]} == {8}
    assert "0: 3, 2: 9" in shown
    assert DISAGREES in {drop.rule for drop in folder.dropped()}
    surplus = sum(row["correct"] - row["kept"] for row in tried)
    assert surplus == [drop.rule for drop in folder.dropped()].count("more than wanted")


def test_rejection_needs_golds(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"id": "q/1", "question": "Why?"}\n')
    (tmp_path / "r.toml").write_text(f'problems = "{tmp_path}/p.jsonl"\nmodel = "fake:x"\nformats = ["cot"]\n')
    with pytest.raises(InputError, match="no gold, so no attempt can be graded"):
        run_synthesize(Invocation(str(tmp_path / "r.toml"), ["method=rejection"], out=tmp_path / "run"), Console())


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("formats=['hybrid']", 'name "pot" and "cot" instead'),
        ("consistency_threshold=0.9", "a teacher's samples are not voted on"),
        ("num_samples=3", "remove `num_samples` and `temperature`"),
        ("sampling_schedule=[{temperature = -1, num_samples = 1}]", "greater than or equal to 0"),
        ("stop_after_corect=2", "did you mean `stop_after_correct`"),
    ],
)
def test_settings_that_do_not_go_together_are_refused_before_anything_is_asked(
    run: Run, setting: str, said: str
) -> None:
    with pytest.raises(RecipeError, match=said.replace("(", r"\(")):
        run("teacher", sums, DRAWS, setting)


def test_a_missing_key_is_one_message_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    recipe = 'method = "teacher"\nproblems = "synthetic:known,n=2"\nmodel = "openai:gpt-x"\nformats = ["cot"]\n'
    (tmp_path / "r.toml").write_text(recipe)
    with pytest.raises(ModelError, match="needs a key: set OPENAI_API_KEY, or set another server"):
        run_synthesize(Invocation(str(tmp_path / "r.toml"), out=tmp_path / "run"), Console())
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_killed_goes_on_to_the_same_rows(tmp_path: Path) -> None:
    with (tmp_path / "script.jsonl").open("w") as file:
        for number in range(25):
            for sample in range(3):
                text = f"import time\ntime.sleep(0.02)\nprint({number if sample else number + 1})"
                file.write(json.dumps({"problem_id": f"p/{number}", "sample": sample, "text": text}) + "\n")
    rows = [{"id": f"p/{n}", "question": f"How much is {n} + 1?", "answer": n + 1} for n in range(25)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "r.toml").write_text(
        f'method = "teacher"\nproblems = "{tmp_path}/p.jsonl"\nmodel = "fake:{tmp_path}/script.jsonl"\n'
        'formats = ["pot"]\nnum_samples = 3\n'
    )
    command = [str(Path(sys.executable).with_name("slipstick")), "synthesize", str(tmp_path / "r.toml")]
    process = subprocess.Popen([*command, "--out", str(tmp_path / "a")], stdout=subprocess.DEVNULL)
    rows_file = tmp_path / "a" / "solutions.jsonl"
    while not (rows_file.is_file() and rows_file.read_bytes().count(b"\n") > 10) and process.poll() is None:
        time.sleep(0.01)
    assert process.poll() is None, "it ended before it could be killed"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    drawn = rows_file.read_bytes().count(b"\n")
    assert drawn < 75
    console = Console(file=io.StringIO())
    first = RunFolder(run_synthesize(Invocation(str(tmp_path / "r.toml"), out=tmp_path / "a", resume=True), console))
    second = RunFolder(run_synthesize(Invocation(str(tmp_path / "r.toml"), out=tmp_path / "b"), console))
    assert rows_of(first) == rows_of(second) and len(list(first.solutions())) == 25


def test_what_the_model_refuses_is_one_message(run: Run) -> None:
    def refuse(request: Request) -> Reply:
        raise ModelError("no such model")

    with pytest.raises(BaseExceptionGroup) as caught:
        run("teacher", refuse)
    assert caught.group_contains(UserError, match="no such model")


def test_a_turn_limit_is_the_most_programs_of_an_interleaved_attempt(run: Run) -> None:
    def endless(request: Request) -> Reply:
        return Reply(text=f"Step {request.turn}.\n```python\nprint({request.turn})\n```\n")

    folder, _ = run("teacher", endless, "formats=['tir']", "max_turns=5", "limit=2")
    attempts = [*folder.solutions(), *(Solution.model_validate(drop.row) for drop in folder.dropped())]
    assert {solution.finish for solution in attempts} == {"turns"}
    assert {sum(isinstance(block, Output) for block in solution.blocks) for solution in attempts} == {5}


def test_marios_recipe_is_its_schedule() -> None:
    recipe, _ = load_settings(Invocation("mario-corpus", ["model=openai:x"]), TeacherRecipe)
    assert scheduled(recipe.schedule())([]) == [0, 0.6, 0.6] and (recipe.max_turns, recipe.num_fewshot) == (5, 2)
    with pytest.raises(RecipeError, match="model: is missing"):
        load_settings(Invocation("mario-corpus"), TeacherRecipe)


def test_settings_in_the_docs_are_real() -> None:
    page = (Path(__file__).parents[2] / "docs" / "teacher.md").read_text()
    for method, settings in (("rejection", RejectionRecipe), ("teacher", TeacherRecipe)):
        block = page.partition(f"## {method}\n")[2].partition("\n## ")[0]
        named = re.findall(r"^(?:\| `([a-z_]+)` \||([a-z_]+) = )", block, re.MULTILINE)
        assert named and {name or other for name, other in named} <= set(settings.model_fields)
