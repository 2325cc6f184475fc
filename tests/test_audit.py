"""Wrong labels are found: by what a worked solution says against itself, and by solvers weighed as they deserve."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from math import exp, log
from pathlib import Path

import pytest

from slipstick.audit import PRIOR_ERROR_RATE, Suspect, Vote, audit, count_votes, describe_solvers, majority_disagreement
from slipstick.audit.curve import average_precision, draw_curves, gain, precision_recall
from slipstick.audit.equations import evaluate, read_equations
from slipstick.audit.rationale import contradictions, read_rationale
from slipstick.cli import main
from slipstick.metrics import metric_label
from slipstick.schema import Drop, Problem, Run, Solution, Text
from slipstick.store import RunFolder, read_records

CASES = Path(__file__).parent / "cases"
Invoke = Callable[..., tuple[int, str, str]]


def cases(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (CASES / f"{name}.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("case", cases("equations"), ids=lambda case: case["text"])
def test_equations_are_read_and_worked_out(case: dict[str, object]) -> None:
    found = [[each.left, each.right, each.holds] for each in read_equations(str(case["text"]))]
    assert found == case["equations"], case["why"]


@pytest.mark.parametrize(
    "hostile", ["__import__('os')", "(" * 5000 + "1", "1/0", "9" * 500, "a+b", "", "1 if 2 else 3"]
)
def test_only_arithmetic_is_evaluated(hostile: str) -> None:
    assert evaluate(hostile) is None


@pytest.mark.parametrize("case", cases("contradictions"), ids=lambda case: case["why"])
def test_contradictions_of_a_worked_solution(case: dict[str, object]) -> None:
    problem = Problem(id="p", text=str(case["question"]), answer=str(case["answer"]), rationale=case["rationale"])
    assert [each.signal for each in contradictions(problem, read_rationale(problem))] == case["signals"]


def test_answers_vote_by_meaning() -> None:
    problem = Problem(id="p", text="?", answer="1,200", kind="number")
    said = ["1200", "$1200.00", "30", "30.0", "1e9" * 50, None]
    ballot = count_votes(problem, [Vote("a", answer) for answer in said])
    assert [(each.answer, each.samples) for each in ballot.candidates] == [("1,200", 2), ("30", 2)]
    assert ballot.candidates[0].shares == {"a": pytest.approx(2 / 6)} and ballot.num_samples == {"a": 6}
    assert majority_disagreement(ballot) == pytest.approx(2 / 6)
    assert majority_disagreement(count_votes(problem, [])) == 0


@pytest.fixture(scope="module")
def town() -> tuple[list[Problem], dict[str, list[Vote]]]:
    """60 problems, the labels of 7 and 31 wrong; one solver is careful, four share their mistakes on every fifth."""
    problems, votes = [], {}
    for n in range(60):
        right, label = n + 100, n + 100 + (n in (7, 31))
        problems.append(Problem(id=f"town/{n}", text=f"What is {n} and 100?", answer=str(label), kind="number"))
        copied = right + 50 if n % 5 == 0 else right
        votes[f"town/{n}"] = [
            Vote("careful", str(right)),
            *(Vote(name, str(copied)) for name in ("one", "two", "three")),
            *(Vote("careless", str(copied + n % 3)) for _ in range(2)),
        ]
    return problems, votes


def test_copied_mistakes_do_not_outvote_a_careful_solver(town: tuple[list[Problem], dict[str, list[Vote]]]) -> None:
    problems, votes = town
    ballots = [count_votes(problem, votes[problem.id]) for problem in problems]
    suspects = audit(problems, ballots)
    wrong = {"town/7", "town/31"}
    assert {suspect.id for suspect in suspects[:2]} == wrong and suspects[0].answer in ("107", "131")
    assert suspects[0].score > 0.5 > suspects[2].score and [suspect.rank for suspect in suspects[:3]] == [1, 2, 3]
    shares = {ballot.problem_id: majority_disagreement(ballot) for ballot in ballots}
    assert sum(share >= 0.5 for name, share in shares.items() if name not in wrong) == 12  # a plain vote is taken in
    solvers = {solver.name: solver for solver in describe_solvers(ballots)}
    assert solvers["careful"].weight > solvers["one"].weight and solvers["careful"].agreement == pytest.approx(58 / 60)
    assert audit(problems[::-1], ballots[::-1])[:2] == suspects[:2]


def test_a_score_is_the_sum_of_its_evidence(town: tuple[list[Problem], dict[str, list[Vote]]]) -> None:
    problems, votes = town
    problem = problems[7].model_copy(update={"rationale": "7+3 = 107", "text": "2 times more than 7?"})
    problems = [*problems[:7], problem, *problems[8:]]
    suspect = audit(problems, [count_votes(each, votes[each.id]) for each in problems], programs={"town/7": "107"})[0]
    signals = {each.signal for each in suspect.evidence}
    assert signals == {"votes", "label_absent", "false_equation", "program_differs", "ambiguous_comparison", "steps"}
    odds = log(PRIOR_ERROR_RATE / (1 - PRIOR_ERROR_RATE)) + sum(each.weight for each in suspect.evidence)
    assert suspect.score == pytest.approx(1 / (1 + exp(-odds)))
    assert [each.weight for each in suspect.evidence] == sorted((e.weight for e in suspect.evidence), reverse=True)


def test_solvers_that_split_make_a_problem_ambiguous(town: tuple[list[Problem], dict[str, list[Vote]]]) -> None:
    problems, votes = town
    asked = Problem(id="split", text="Which?", answer="1", kind="number")
    said = [Vote("one", "3"), Vote("two", "4"), Vote("three", "5")]
    ballots = [count_votes(problem, votes[problem.id]) for problem in problems]
    looks = {each.id: each.looks for each in audit([*problems, asked], [*ballots, count_votes(asked, said)])}
    assert looks["split"] == "ambiguous" and looks["town/7"] == "wrong"


def test_without_labels_or_votes() -> None:
    assert audit([Problem(id="p", text="?")]) == [] and describe_solvers([]) == []
    (only,) = audit([Problem(id="p", text="?", answer=["1", "one"])])
    assert only.score == pytest.approx(PRIOR_ERROR_RATE) and only.evidence == [] and only.answer is None


def test_the_curve_and_its_area() -> None:
    scores, wrong = [0.9, 0.8, 0.8, 0.1], [True, False, True, False]
    assert [(p.read, p.found) for p in precision_recall(scores, wrong)] == [(1, 1), (3, 2), (4, 2)]
    metric = average_precision("ap", scores, wrong)
    assert (
        metric.value == pytest.approx((1 + 2 / 3) / 2) and metric.low <= metric.value <= metric.high and metric.n == 4
    )
    assert average_precision("ap", [1, 1, 1, 1], wrong).value == pytest.approx(0.5)  # all tied: any order
    assert precision_recall([1.0], [False]) == []
    assert gain(scores, [1, 1, 1, 1], wrong)[0] == pytest.approx(5 / 3)


def test_the_picture_is_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `report` is not installed")
    for name in ("one.svg", "two.svg"):
        draw_curves(tmp_path / name, {"audit": [0.9, 0.2]}, [True, False])
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert "1 wrong or ambiguous labels of 2" in (tmp_path / "one.svg").read_text()


@pytest.fixture
def invoke(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    town: tuple[list[Problem], dict[str, list[Vote]]],
) -> Invoke:
    """Runs a command line beside town.jsonl, audit.toml and the finished run `solved` of the town's solvers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    problems, votes = town
    Path("town.jsonl").write_text("".join(f"{problem.model_dump_json()}\n" for problem in problems))
    Path("audit.toml").write_text('problems = "town.jsonl"\nruns = "solved"\n')
    write_run("solved", problems, votes)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["slipstick", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0 if code is None else 1), captured.out, captured.err

    return run


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
    assert invoke("audit", "audit.toml", "--out", "run", "--resume")[0] == 0
    assert Path("run/suspects.jsonl").read_bytes() == before


def test_a_finished_run_is_audited_by_its_own_solutions(invoke: Invoke) -> None:
    code, out, _ = invoke("audit", "solved", "--limit", "40", "--set", "print_top=1")
    assert code == 0 and "solved-audited/suspects.jsonl" in out and ("town/31" in out or "town/7" in out)
    assert len(list(RunFolder("solved-audited").problems())) == 40


def test_programs_from_worked_solutions_are_no_vote(
    invoke: Invoke, town: tuple[list[Problem], dict[str, object]]
) -> None:
    write_run("made", town[0], {"town/3": [Vote("worked steps", "99")]}, verb="synthesize", dropped=True)
    assert invoke("audit", "audit.toml", "--out", "run", "--set", "runs=['made']", "--set", "print_top=0")[0] == 0
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
    "a run that is none": (["audit", "audit.toml", "--set", "runs=nowhere"], "nowhere is no run folder"),
    "a prior of one": (
        ["audit", "audit.toml", "--set", "prior_error_rate=1"],
        "prior_error_rate = 1: input should be less than 1",
    ),
    "no labels": (["audit", "audit.toml", "--set", "problems=bare.jsonl"], "none of these problems has a label"),
    "other ids": (["audit", "audit.toml", "--set", "problems=other.jsonl"], "no solution of any of these problems"),
    "known of others": (["audit", "solved", "--set", "known_errors=far.jsonl"], "corrects none of these 60 problems"),
    "no corrections": (["audit", "solved", "--set", "known_errors=bare.jsonl"], "bare.jsonl:1 is no correction: id"),
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
