"""Sessions of reviewers on the command line, and the corrections they end in."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from slipstick.audit.ranking import Suspect
from slipstick.audit.rationale import Evidence
from slipstick.problems.settings import ProblemSettings, take_problems
from slipstick.review.decisions import DecisionStore
from slipstick.schema import Code, Output, Problem, Run, Solution
from slipstick.store import RunFolder
from tests.invoked import Invoke, Invoked

PROBLEMS = [Problem(id=f"r/{n}", text=f"What is {n} [b]and[/b] 1?", answer=str(n + 1)) for n in range(4)]


def write_run(path: Path, *, suspects: bool) -> None:
    verb = "audit" if suspects else "evaluate"
    run = Run(name="run", verb=verb, status="running", started="2026-01-01T00:00:00Z", recipe={})
    folder = RunFolder.start(path, run)
    folder.write_problems(PROBLEMS)
    for problem in [] if suspects else PROBLEMS:
        blocks = [Code(text="print(1 + 1)"), Output(text="2")]
        name = f"{problem.id}#pot#0"
        folder.append(Solution(id=name, problem_id=problem.id, format="pot", blocks=blocks, answer="2"))
    folder.finish("finished", counts={}, metrics=[])
    found = [
        Suspect(id=each.id, rank=n, score=0.5, looks="wrong", gold=each.answer or "", answer=None, evidence=[why])
        for n, each in enumerate(PROBLEMS, start=1)
        for why in [Evidence(signal="false_equation", weight=2, says=f"line {n} does not hold")]
    ]
    if suspects:
        (path / "suspects.jsonl").write_text("".join(f"{each.model_dump_json()}\n" for each in found))


@pytest.fixture
def invoke(invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Runs `slipstick review` beside the audit `audited` and the run `solved`; `typed` is its standard input."""
    write_run(tmp_path / "audited", suspects=True)
    write_run(tmp_path / "solved", suspects=False)

    def run(*arguments: str, typed: str = "") -> Invoked:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        return invoke("review", *arguments)

    return run


def test_a_session_that_is_left_goes_on_where_it_was(invoke: Invoke, tmp_path: Path) -> None:
    code, out, err = invoke("audited", "--set", "reviewer=ann", typed="a\nwhat\nc 9 # off by seven\n")
    assert (code, err) == (0, "") and "1 of 4, ann: r/0" in out and "line 1 does not hold" in out
    assert "What is 0 [b]and[/b] 1?" in out and "'what' is none of" in out and "2 open" in out
    code, out, _ = invoke("audited", "--set", "reviewer=ann", typed="u\nc 8 # off by six\nr two readings\ns\n")
    assert "1 of 2, ann: r/2" in out and "1 of 3, ann: r/1" in out  # undone, and shown again
    assert "nothing is left to review here" in out and "1 ambiguous" in out and "1 corrected" in out
    invoke("audited", "--set", "reviewer=bob", typed="r\nc 8.0\nr\na\n")
    code, out, _ = invoke("audited", "--set", "show=disagreements", "--set", "reviewer=cy", typed="q\n")
    assert "1 of 1, cy: r/0" in out and "ann: accept" in out and "r/0: ann accept, bob reject" in out
    code, out, _ = invoke("audited", "--set", "corrections_file=fixes.jsonl", "--set", "min_reviewers=2")
    assert code == 0 and "2 corrections: fixes.jsonl" in out
    (tmp_path / "p.jsonl").write_text("".join(f"{problem.model_dump_json()}\n" for problem in PROBLEMS))
    mended = take_problems(ProblemSettings(problems="p.jsonl", label_corrections="fixes.jsonl"))
    assert {each.id: each.answer for each in mended} == {"r/0": "1", "r/1": "8", "r/3": "4"}
    assert next(each for each in mended if each.id == "r/1").metadata["label_correction"]["why"] == "off by six"


def test_a_patch_file_loses_no_line(invoke: Invoke) -> None:
    code, out, _ = invoke("audited", "--set", "corrections_file=fixes.jsonl")
    assert code == 0 and "not written" in out and not Path("fixes.jsonl").exists()
    invoke("audited", "--set", "reviewer=ann", typed="c 5\n")
    assert invoke("audited", "--set", "corrections_file=fixes.jsonl").code == 0
    invoke("audited", "--set", "reviewer=ann", typed="c 6\n")
    assert invoke("audited", "--set", "corrections_file=fixes.jsonl").code == 0
    assert len(Path("fixes.jsonl").read_text().splitlines()) == 2
    invoke("audited", "--set", "reviewer=ann", typed="u\nq\n")
    code, _, err = invoke("audited", "--set", "corrections_file=fixes.jsonl")
    assert code == 2 and "fixes.jsonl has 1 corrections that these reviews do not, r/1 first" in err
    assert len(Path("fixes.jsonl").read_text().splitlines()) == 2


def test_samples_of_solutions(invoke: Invoke) -> None:
    code, out, _ = invoke("solved", "--set", "max_items=2", "--set", "reviewer=ann", typed="r runs into nothing\na\n")
    assert code == 0 and "print(1 + 1)" in out and "output" in out and "1 bad sample, 1 accepted" in out
    items = [json.loads(line)["item"] for line in Path("solved/reviews.jsonl").read_text().splitlines()]
    assert len(set(items)) == 2
    _, out, _ = invoke("solved", "--set", "max_items=3", "--set", "reviewer=ann", typed="u\nu\nu\nq\n")
    assert "1 of 1, ann" in out and "there is nothing to undo" in out and "3 open" in out


MISTAKES = {
    "no run": (["nowhere"], "nowhere is not a run folder"),
    "an unknown setting": (["audited", "--set", "revewer=ann"], "did you mean `reviewer`"),
    "nobody": (["audited", "--set", "reviewer="], "reviewer = ''"),
    "no solutions": (["audited", "--set", "items=samples"], "audit it first"),
    "no suspects": (["solved", "--set", "items=suspects"], "suspects.jsonl does not exist"),
}


@pytest.mark.parametrize("arguments, message", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_one_message(invoke: Invoke, arguments: list[str], message: str) -> None:
    code, _, err = invoke(*arguments)
    assert code == 2 and message in err


def test_in_a_terminal(tmp_path: Path) -> None:
    write_run(tmp_path / "run", suspects=True)
    leader, follower = pty.openpty()
    program = "from slipstick.cli import main; main()"
    command = [sys.executable, "-c", program, "review", "run", "--set", "reviewer=ann"]
    session = subprocess.Popen(command, cwd=tmp_path, stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    os.write(leader, b"a\nr\nq\n")
    assert session.wait(timeout=60) == 0
    os.close(leader)
    assert [each.decision for each in DecisionStore(tmp_path / "run" / "reviews.jsonl").read()] == ["accept", "reject"]


def test_a_damaged_run(invoke: Invoke) -> None:
    Path("audited/problems.jsonl").write_text(PROBLEMS[0].model_dump_json() + "\n")
    code, _, err = invoke("audited")
    assert code == 2 and "lacks r/1" in err
