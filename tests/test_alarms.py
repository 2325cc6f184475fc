"""Reasons not to trust a run's numbers."""

from __future__ import annotations

from pathlib import Path

from slipstick.alarms import (
    empty_answers,
    failed_requests,
    overlap,
    rerun_differs,
    shares_of_solutions,
    unmarked_answers,
)
from slipstick.grade import grade_solutions
from slipstick.metrics import summarize
from slipstick.sanity_checks import training_overlap
from slipstick.schema import Code, Output, Problem, Text, Verdict
from tests.two_sets import problems, solve


def test_failed_requests_have_numbers_of_their_own_and_an_alarm() -> None:
    given = problems()
    rows = solve(given, 40)
    failed = {"verdict": Verdict(outcome="no_answer", method="none"), "finish": "error", "error": "HTTP 503"}
    fault = {"verdict": failed["verdict"], "blocks": [Output(text="SandboxFault: gone", status="sandbox_fault")]}
    rows = [row.model_copy(update=failed if i < 5 else fault) if i < 10 else row for i, row in enumerate(rows)]
    assert [row.failed for row in rows] == [i < 10 for i in range(len(rows))]
    metrics = summarize(given, rows, ks=[], same=str.__eq__)
    values = {metric.measure: (round(metric.value, 4), metric.n) for metric in metrics if not metric.group}
    right = sum(row.verdict is not None and row.verdict.outcome == "correct" for row in rows)
    assert values["request_failed"] == (round(10 / len(rows), 4), len(given))
    assert values["accuracy_answered"] == (round(right / (len(rows) - 10), 4), len(given) - 10)
    (alarm,) = failed_requests(metrics)
    assert "of solutions ended in a failed request or a fault" in alarm.message and "--resume" in alarm.message
    assert not list(failed_requests(summarize(given, solve(given, 40), ks=[], same=str.__eq__)))
    many = [row.model_copy(update=failed) if i < 30 else row for i, row in enumerate(rows)]
    metrics = summarize(given, many, ks=[], same=str.__eq__)
    assert list(failed_requests(metrics)) and not list(empty_answers(metrics)), "what failed is no empty answer"


def test_many_empty_answers_raise_an_alarm_that_names_the_worst_set() -> None:
    given = problems()
    rows = solve(given, 40)
    no_answer = Verdict(outcome="no_answer", method="none")
    rows = [row.model_copy(update={"verdict": no_answer}) if i % 2 and i < 30 else row for i, row in enumerate(rows)]
    (alarm,) = empty_answers(summarize(given, rows, ks=[], same=str.__eq__))
    assert alarm.message.startswith("pot: 38% of answers are empty, most on pears (75%)")
    assert not list(empty_answers(summarize(given, solve(given, 0), ks=[], same=str.__eq__)))


def test_replies_that_mark_no_answer_and_are_undecided_raise_an_alarm_with_the_remedies() -> None:
    given = problems()
    said = "He has read {0}. That leaves {1}, and {0} + {1} = {2}."
    texts = [said.format(90, one.answer, 90 + int(str(one.answer))) for one in given]
    rows = [
        one.model_copy(update={"blocks": [Text(text=text)]})
        for one, text in zip(solve(given, 0, "cot"), texts, strict=True)
    ]
    graded = list(grade_solutions([one.model_copy(update={"verdict": None}) for one in rows], given))
    (alarm,) = unmarked_answers(graded)
    assert alarm.message.startswith("cot: 40 of 40 replies mark no answer and are undecided")
    assert all(remedy in alarm.message for remedy in (r"\boxed{}", "judge=MODEL", "guess=taken"))
    assert not list(unmarked_answers([*graded[:2], *solve(given, 40, "cot")])), "2 of 42 are fewer than 5 %"


def test_a_rerun_that_differs_raises_an_alarm() -> None:
    before = {"a": "1", "b": "0.5", "c": None, "d": "4"}
    assert not list(
        rerun_differs(before, {"a": "1", "b": "1/2", "c": None}, same=lambda a, b: {a, b} == {"0.5", "1/2"})
    )
    (alarm,) = rerun_differs(before, {"c": "3", "d": "5"}, same=str.__eq__)
    assert alarm.solutions == ["c", "d"] and alarm.message.startswith("2 of 2 solutions have another answer")


def test_problems_that_were_trained_on_raise_an_alarm() -> None:
    given = problems(8)
    trained = [Problem(id="t/1", text="what is 2 + 1 ?"), Problem(id="t/2", text="Something else")]
    found = list(overlap(given, trained, sources=["someone/Pears", "other/gsm8k"]))
    assert found[0].message.startswith(
        "apples: 1 of 4 problems are among those the model was trained on, apples/test/2"
    )
    assert found[1].message.startswith("pears: the model's card names someone/Pears as training data")
    assert len(found) == 2


def test_a_models_folder_says_what_it_was_trained_on(tmp_path: Path) -> None:
    given = problems(4)
    model = tmp_path / "train" / "model"
    model.mkdir(parents=True)
    (model / "README.md").write_text("---\nlicense: mit\ndatasets:\n- someone/apples\n- x/y\ntags: [a]\n---\n# Model\n")
    assert [alarm.message.partition(":")[0] for alarm in training_overlap(f"hf:{model}", given)] == ["apples"]
    assert training_overlap("openai:gpt", given) == []


def test_shares_that_say_why_not_to_trust_a_number_raise_alarms() -> None:
    """Each is raised above its share and not below, over all problems of a format."""
    given = problems()
    plain = [row.model_copy(update={"blocks": [Code(text="2"), Output(text="2")]}) for row in solve(given, 40)]
    spoilt: dict[str, tuple[dict[str, object], int]] = {
        "truncated": ({"finish": "length"}, 3),
        "unfinished_thoughts": ({"blocks": [Text(text="<think>so 4")]}, 3),
        "without_program": ({"blocks": [Text(text="It is 4.")]}, 9),
        "sandbox_fault": ({"blocks": [Code(text="2"), Output(text="", status="sandbox_fault")]}, 1),
    }
    assert not list(shares_of_solutions(summarize(given, plain, ks=[], same=str.__eq__)))
    for name, (changes, least) in spoilt.items():
        for count in (least - 1, least):
            rows = [row.model_copy(update=changes) if i < count else row for i, row in enumerate(plain)]
            found = [alarm.name for alarm in shares_of_solutions(summarize(given, rows, ks=[], same=str.__eq__))]
            assert found == ([name] if count == least else []), (name, count)


def test_a_format_of_programs_without_any_is_told_and_words_alone_are_not() -> None:
    given = problems()
    rows = [row.model_copy(update={"blocks": [Text(text="It is 4.")]}) for row in solve(given, 40)]
    (alarm,) = shares_of_solutions(summarize(given, rows, ks=[], same=str.__eq__, programs=["pot"]))
    assert alarm.name == "without_program" and alarm.message.startswith("pot: 100.0% of solutions have no program")
    assert not list(shares_of_solutions(summarize(given, rows, ks=[], same=str.__eq__)))
    hybrid = [row.model_copy(update={"format": "hybrid"}) for row in rows]
    assert not list(shares_of_solutions(summarize(given, hybrid, ks=[], same=str.__eq__, programs=["hybrid"])))


def test_turns_are_the_programs_that_ran() -> None:
    given = problems()
    ran = [Code(text="2"), Output(text="2")]
    rows = [row.model_copy(update={"blocks": ran * (1 + i % 2)}) for i, row in enumerate(solve(given, 40))]
    values = {m.measure: m.value for m in summarize(given, rows, ks=[], same=str.__eq__) if not m.group}
    assert (values["turns"], values["tool_use"]) == (1.5, 1.0)
