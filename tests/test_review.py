"""People's decisions: added one by one, taken back, compared, and what is agreed upon becomes a patch file."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from slipstick.audit import Evidence, Suspect
from slipstick.cli import main
from slipstick.commands import ProblemSettings, take_problems
from slipstick.errors import InputError
from slipstick.review.corrections import agreed_corrections, summarize_decisions
from slipstick.review.decisions import Decision, DecisionKind, DecisionStore, current_decisions, last_of
from slipstick.review.queue import Item, select_items
from slipstick.review.screen import Command, parse_line
from slipstick.schema import Code, Output, Problem, Run, Solution
from slipstick.store import RunFolder

Invoke = Callable[..., tuple[int, str, str]]
PROBLEMS = [Problem(id=f"r/{n}", text=f"What is {n} [b]and[/b] 1?", answer=str(n + 1)) for n in range(4)]


def decide(
    item: str, reviewer: str, decision: DecisionKind, correction: str | None = None, *, minute: int = 0
) -> Decision:
    when = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=minute)
    return Decision(item=item, reviewer=reviewer, when=when, decision=decision, correction=correction)


def test_the_store_only_grows_and_heals_a_torn_line(tmp_path: Path) -> None:
    store = DecisionStore(tmp_path / "reviews.jsonl")
    assert store.read() == []
    store.add(decide("r/1", "ann", "accept"))
    whole = store.path.read_bytes()
    store.path.write_bytes(whole + whole[:30])  # as a kill leaves it
    assert [each.item for each in store.read()] == ["r/1"]
    store.add(decide("r/2", "ann", "skip"))
    assert [each.item for each in store.read()] == ["r/1", "r/2"] and store.path.read_bytes().startswith(whole)
    store.path.write_bytes(b'{"item": 3}\n')
    with pytest.raises(InputError, match=r"reviews\.jsonl:1 is no Decision"):
        store.read()


def add_many(path: str, reviewer: str) -> None:
    for n in range(20):
        DecisionStore(Path(path)).add(decide(f"r/{n}", reviewer, "accept"))


def test_reviewers_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "reviews.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=add_many, args=(str(path), name)) for name in ("ann", "bob", "cy")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert len(DecisionStore(path).read()) == 60


def test_undo_takes_back_the_last_that_stands() -> None:
    made = [
        *(decide("r/1", "ann", "accept"), decide("r/1", "bob", "reject"), decide("r/2", "ann", "correct", "9")),
        *(decide("r/2", "ann", "undo"), decide("r/1", "ann", "correct", "3")),
    ]
    assert current_decisions(made)["r/1"]["ann"].correction == "3" and "r/2" not in current_decisions(made)
    back = [*made, decide("r/1", "ann", "undo")]
    assert current_decisions(back)["r/1"]["ann"].decision == "accept" and last_of(back, "ann") == made[0]
    assert current_decisions(back)["r/1"]["bob"].decision == "reject" and last_of([], "ann") is None
    assert current_decisions([decide("r/1", "ann", "undo")]) == {}


def test_what_a_reviewer_is_shown() -> None:
    items = [Item(id=problem.id, problem=problem) for problem in PROBLEMS]
    said = current_decisions(
        [
            *(decide("r/0", "ann", "accept"), decide("r/1", "ann", "skip"), decide("r/2", "ann", "correct", "3.0")),
            *(decide("r/2", "bob", "correct", "3"), decide("r/0", "bob", "reject")),
        ]
    )
    shown = {
        show: [item.id for item in select_items(items, said, "ann", show)]
        for show in ("open", "skipped", "disagreements", "all")
    }
    assert shown == {"open": ["r/3"], "skipped": ["r/1"], "disagreements": ["r/0"], "all": [p.id for p in PROBLEMS]}
    assert [item.id for item in select_items(items, said, "bob", "open")] == ["r/1", "r/3"]


def test_where_items_stand_and_what_is_corrected() -> None:
    sample = Solution(id="r/3#cot#0", problem_id="r/3", format="cot", blocks=[])
    items = [Item(id=problem.id, problem=problem, notes=["line 1 is false"]) for problem in PROBLEMS]
    items.append(Item(id=sample.id, problem=PROBLEMS[3], solution=sample))
    made = [
        *(decide("r/0", "ann", "correct", "7"), decide("r/0", "bob", "correct", "7.0", minute=5)),
        *(decide("r/1", "ann", "reject"), decide("r/1", "bob", "skip")),
        *(decide("r/2", "ann", "accept"), decide("r/2", "bob", "reject")),
        decide("r/3#cot#0", "ann", "reject"),
    ]
    states = {each.item.id: each.state for each in summarize_decisions(items, current_decisions(made))}
    assert states == {
        **{"r/0": "corrected", "r/1": "ambiguous", "r/2": "reviewers differ", "r/3": "open"},
        "r/3#cot#0": "bad sample",
    }
    first, second = agreed_corrections(summarize_decisions(items, current_decisions(made)))
    assert (first.id, first.who, first.old, first.new, first.why) == ("r/0", "ann, bob", "1", "7", "line 1 is false")
    assert first.when.minute == 5 and (second.id, second.new) == ("r/1", "ambiguous")
    (only,) = agreed_corrections(summarize_decisions(items, current_decisions(made), min_reviewers=2))
    assert only.id == "r/0"
    clash = [decide("r/3", "ann", "correct", "8"), decide("r/3#cot#0", "bob", "correct", "9")]
    assert agreed_corrections(summarize_decisions(items, current_decisions(clash))) == []


LINES = {
    "a": Command("accept"),
    " A  fine ": Command("accept", note="fine"),
    "c 7 1/2": Command("correct", "7 1/2"),
    "c 42 # she keeps one": Command("correct", "42", "she keeps one"),
    "r two readings": Command("reject", note="two readings"),
    "s": Command("skip"),
    "u": Command("undo"),
    "q": Command("quit"),
}


@pytest.mark.parametrize("line", LINES)
def test_lines_are_understood(line: str) -> None:
    assert parse_line(line) == LINES[line]


@pytest.mark.parametrize("line", ["", "x", "accept", "c", "c  # why", "?"])
def test_other_lines_are_answered(line: str) -> None:
    assert isinstance(parse_line(line), str)


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
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Invoke:
    """Runs a command line beside the audit `audited` and the run `solved`; `typed` is its standard input."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    write_run(tmp_path / "audited", suspects=True)
    write_run(tmp_path / "solved", suspects=False)

    def run(*arguments: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["slipstick", "review", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0 if code is None else 1), captured.out, captured.err

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
    assert next(each for each in mended if each.id == "r/1").metadata["patch"]["why"] == "off by six"


def test_a_patch_file_loses_no_line(invoke: Invoke) -> None:
    code, out, _ = invoke("audited", "--set", "corrections_file=fixes.jsonl")
    assert code == 0 and "not written" in out and not Path("fixes.jsonl").exists()
    invoke("audited", "--set", "reviewer=ann", typed="c 5\n")
    assert invoke("audited", "--set", "corrections_file=fixes.jsonl")[0] == 0
    invoke("audited", "--set", "reviewer=ann", typed="c 6\n")
    assert invoke("audited", "--set", "corrections_file=fixes.jsonl")[0] == 0
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
    "no run": (["nowhere"], "nowhere is no run folder"),
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
