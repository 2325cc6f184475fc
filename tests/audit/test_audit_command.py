"""`slipstick audit`: recipes and finished runs, resumed and measured; mistakes are one message."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slipstick.audit.ranking import Suspect
from slipstick.audit.votes import Vote
from slipstick.metrics.labels import metric_label
from slipstick.schema import Drop, Problem, Run, Solution, Text
from slipstick.store import RunFolder, read_records
from tests.invoked import Invoke


@pytest.fixture
def invoke(invoke: Invoke, town: tuple[list[Problem], dict[str, list[Vote]]]) -> Invoke:
    """Runs a command line beside town.jsonl, audit.toml and the finished run `solved` of the town's solvers."""
    problems, votes = town
    Path("town.jsonl").write_text("".join(f"{problem.model_dump_json()}\n" for problem in problems))
    Path("audit.toml").write_text('problems = "town.jsonl"\nruns = "solved"\n')
    write_run("solved", problems, votes)

    return invoke


def write_run(
    path: str, problems: list[Problem], votes: dict[str, list[Vote]], *, verb: str = "solve", dropped: bool = False
) -> None:
    run = Run(name=path, verb=verb, status="running", started="2026-01-01T00:00:00Z", recipe={})
    folder = RunFolder.start(path, run)
    folder.write_problems(problems)
    for problem, said in votes.items():
        for sample, (solver, answer) in enumerate(said):
            name = f"{problem}#cot#{solver}{sample}"
            blocks = [Text(text=f"The answer is {answer}.")]
            made = Solution(id=name, problem_id=problem, format="cot", blocks=blocks, answer=answer, model=solver)
            row = made.model_dump(mode="json")
            folder.append(Drop(row=row, rule="wrong answer", reason="it differs") if dropped else made)
    folder.finish("finished", counts={}, metrics=[])


def test_a_recipe_is_audited_and_resumed(invoke: Invoke) -> None:
    code, out, err = invoke("audit", "audit.toml", "--out", "run")
    assert (code, err) == (0, "") and "2 of 60 labels are likelier incorrect than correct" in out
    assert "careful cot" in out and "careful" in out.split("town/7")[1]
    run = RunFolder("run").run()
    assert run.verb == "audit" and run.counts == {"problems": 60, "suspects": 2}
    assert {"town.jsonl", "solved/solutions.jsonl"} <= set(run.inputs)
    before = Path("run/suspects.jsonl").read_bytes()
    suspects = list(read_records(Path("run/suspects.jsonl"), Suspect))
    assert {suspect.id for suspect in suspects[:2]} == {"town/7", "town/31"} and len(suspects) == 60
    Path("run/suspects.jsonl").unlink()  # as a kill leaves it
    RunFolder("run").note(status="running")
    assert invoke("audit", "audit.toml", "--out", "run", "--resume").code == 0
    assert Path("run/suspects.jsonl").read_bytes() == before


def test_a_finished_run_is_audited_by_its_own_solutions(invoke: Invoke) -> None:
    code, out, _ = invoke("audit", "solved", "--limit", "40", "--set", "print_top=1")
    assert code == 0 and "solved-audited/suspects.jsonl" in out and ("town/31" in out or "town/7" in out)
    assert len(list(RunFolder("solved-audited").problems())) == 40


def test_programs_from_worked_solutions_are_no_vote(
    invoke: Invoke, town: tuple[list[Problem], dict[str, object]]
) -> None:
    write_run("made", town[0], {"town/3": [Vote("worked steps", "99")]}, verb="synthesize", dropped=True)
    assert invoke("audit", "audit.toml", "--out", "run", "--set", "runs=['made']", "--set", "print_top=0").code == 0
    first = next(read_records(Path("run/suspects.jsonl"), Suspect))
    assert first.id == "town/3" and [each.signal for each in first.evidence] == ["program_differs"]
    assert Path("run/solvers.jsonl").read_text() == ""


def test_a_ranking_is_measured_against_what_is_known(invoke: Invoke) -> None:
    said = {"who": "ann", "when": "2026-01-01", "new": "ambiguous", "why": "?"}
    known = [said | {"id": f"town/{n}", "old": str(n + 101)} for n in (7, 31)]
    Path("known.jsonl").write_text("".join(json.dumps(row) + "\n" for row in known))
    code, out, _ = invoke("audit", "audit.toml", "--out", "run", "--set", "known_errors=known.jsonl")
    assert code == 0 and "average_precision, audit: 1.00" in out
    values = {metric_label(metric): metric.value for metric in RunFolder("run").metrics()}
    assert values["average_precision, audit"] == 1 > values["average_precision, majority vote"]
    assert Path("run/curve.svg").is_file()


MISTAKES = {
    "a run that is none": (["audit", "audit.toml", "--set", "runs=nowhere"], "nowhere is not a run folder"),
    "a prior of one": (
        ["audit", "audit.toml", "--set", "prior_error_rate=1"],
        "prior_error_rate = 1: input should be less than 1",
    ),
    "no labels": (
        ["audit", "audit.toml", "--set", "problems=bare.jsonl"],
        "none of these problems has an answer (label)",
    ),
    "other ids": (["audit", "audit.toml", "--set", "problems=other.jsonl"], "no solution of any of these problems"),
    "known of others": (["audit", "solved", "--set", "known_errors=far.jsonl"], "corrects none of these 60 problems"),
    "no corrections": (["audit", "solved", "--set", "known_errors=bare.jsonl"], "bare.jsonl:1 is not a correction: id"),
}


@pytest.mark.parametrize("arguments, message", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_one_message(invoke: Invoke, arguments: list[str], message: str) -> None:
    Path("bare.jsonl").write_text('{"question": "How many?"}\n')
    Path("other.jsonl").write_text('{"id": "x/1", "question": "How many?", "answer": "1"}\n')
    Path("far.jsonl").write_text(
        '{"id": "x/1", "who": "a", "when": "2026-01-01", "old": "1", "new": "2", "why": "?"}\n'
    )
    code, _, err = invoke(*arguments)
    assert code == 2 and message in err and "Traceback" not in err
    assert not Path("runs/audit").exists()
