"""Problems are ranked by all evidence against their labels, solvers weighed as they deserve."""

from __future__ import annotations

from math import exp, log

import pytest

from slipstick.audit.display import one_model
from slipstick.audit.ranking import PRIOR_ERROR_RATE, audit
from slipstick.audit.reliability import describe_solvers
from slipstick.audit.votes import Vote, count_votes, majority_disagreement
from slipstick.schema import Problem


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


def test_a_label_that_solvers_say_looks_correct(town: tuple[list[Problem], dict[str, list[Vote]]]) -> None:
    problems, votes = town
    suspects = audit(problems, [count_votes(each, votes[each.id]) for each in problems])
    assert {each.looks for each in suspects if each.score < PRIOR_ERROR_RATE} == {"correct"}
    assert {each.looks for each in suspects if each.score > 0.5} == {"wrong"}


def test_without_labels_or_votes() -> None:
    assert audit([Problem(id="p", text="?")]) == [] and describe_solvers([]) == []
    (only,) = audit([Problem(id="p", text="?", answer=["1", "one"])])
    assert only.score == pytest.approx(PRIOR_ERROR_RATE) and only.evidence == [] and only.answer is None
    assert only.looks == "correct"


@pytest.mark.parametrize("prior", [0.02, 0.05, 0.1])
def test_one_model_cannot_make_more_labels_suspicious_than_the_prior_allows(prior: float) -> None:
    problems = [Problem(id=f"q/{n}", text="?", answer=str(n), kind="number") for n in range(200)]
    said = {each.id: [Vote("m pot", "999" if n < 29 else str(n))] for n, each in enumerate(problems)}
    ballots = [count_votes(each, said[each.id]) for each in problems]
    suspects = audit(problems, ballots, prior_error_rate=prior)
    assert max(each.score for each in suspects) <= prior / (29 / 200) + 1e-3
    assert {each.id for each in suspects[:29]} == {f"q/{n}" for n in range(29)}
    assert sum(each.score for each in suspects[:29]) == pytest.approx(prior * 200, rel=0.01)
    note = one_model(describe_solvers(ballots))
    assert "list of its own errors" in note and "14.5%" in note and "runs = [...]" in note


def test_several_models_are_not_called_one() -> None:
    problems = [Problem(id=f"q/{n}", text="?", answer=str(n), kind="number") for n in range(9)]
    ballots = [count_votes(each, [Vote("a pot", "1"), Vote("b pot", "1")]) for each in problems]
    assert one_model(describe_solvers(ballots)) == "" == one_model([])
