"""By which labelled answers an accuracy is corrected for a judge's errors."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from slipstick.judge import Judgement, JudgeSettings, JudgeSummary
from slipstick.judge.asking import Pair
from slipstick.judge.chosen import choose
from slipstick.judge.labelled import Labelled
from slipstick.judge.summary import Findings, summarize_judge
from slipstick.schema import Problem, Solution, Verdict


def judged(pair: Pair, says: bool) -> Judgement:
    return Judgement(
        key=pair.key,
        asked_as="",
        judge="j",
        prompt="plain",
        asked_for=pair.asked_for,
        expected=list(pair.expected),
        answer=pair.answer,
        label="correct" if says else "incorrect",
        text="",
    )


def summary_with(labelled: Iterable[tuple[bool, bool, bool, int]]) -> JudgeSummary:
    """Of 100 problems rules accept 60; of the others 20 are correct, of which the judge sees 10.

    labelled: whether rules accept an answer, whether it is correct, whether the judge says so, how many there are.
    """
    problems = [Problem(id=f"p/{n}", text="?", answer="4") for n in range(100)]
    solutions = [
        Solution(
            id=f"{problem.id}#cot#0",
            problem_id=problem.id,
            format="cot",
            blocks=[],
            answer="4" if n < 60 else f"four {n}",
            verdict=Verdict(outcome="correct" if n < 60 else "incorrect", method="text", expected="4"),
        )
        for n, problem in enumerate(problems)
    ]
    chosen = choose(problems, solutions, sample=0)
    said = {name: int(name.split("/")[1].split("#")[0]) < 70 for name in chosen.asked}
    judgements = {pair.key: judged(pair, said[name]) for name, pair in chosen.asked.items()}
    labels, accepted = list[Labelled](), set[str]()
    for accepts, correct, says, times in labelled:
        for _ in range(times):
            pair = Pair(f"row {len(labels)}", "", ("4",), f"answer {len(labels)}")
            labels.append(Labelled(pair, correct))
            judgements[pair.key] = judged(pair, says)
            accepted |= {pair.key} if accepts else set()
    settings = JudgeSettings.model_construct(judge="j", judge_prompt="plain", judge_labels="labels.jsonl")
    return summarize_judge(problems, solutions, Findings(chosen, labels, accepted, judgements, {}), settings)


EASY = [(True, True, True, 100)]
INCORRECT = [(False, False, False, 100)]


def test_it_is_corrected_by_answers_like_those_the_judge_is_asked_of() -> None:
    summary = summary_with([*EASY, (False, True, True, 5), (False, True, False, 5), *INCORRECT])
    metrics = {metric.measure: metric.value for metric in summary.metrics if not metric.group}
    assert metrics["accuracy"] == 0.6 and metrics["accuracy_with_judge"] == 0.7
    assert metrics["accuracy_corrected"] == pytest.approx(0.8)  # with the easy answers 70.5 %


@pytest.mark.parametrize(
    ("labelled", "said"),
    [
        ([*EASY, *INCORRECT], "no correct answers among those that rules do not call correct"),
        ([*EASY, (False, True, True, 5)], "no incorrect answers among those that rules do not call correct"),
        ([*EASY, (False, True, False, 5), *INCORRECT], "incorrect ones correct as often as correct ones"),
    ],
)
def test_labels_that_say_nothing_of_such_answers_correct_nothing(
    labelled: list[tuple[bool, bool, bool, int]], said: str
) -> None:
    summary = summary_with(labelled)
    assert said in summary.notes[0] and not [one for one in summary.metrics if one.measure == "accuracy_corrected"]
    assert [one for one in summary.quality if one.measure == "judge_kappa"]
