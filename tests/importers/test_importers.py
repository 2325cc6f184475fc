"""Files of other tools: every format is recognised and read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from slipstick.errors import InputError
from slipstick.grade import grade_solutions
from slipstick.importers import Attempt, find_outputs, read_outputs, with_recorded_answers
from slipstick.schema import Code, Output, Text


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(path: Path, format: str | None = None) -> list[Attempt]:
    return list(read_outputs(find_outputs(path, file_format=format)[0]))


def document(doc_id: int, response: str, gold: str, correct: int, **more: Any) -> dict[str, Any]:
    """A row as lm-eval writes one."""
    return {
        "doc_id": doc_id,
        "doc": {"question": f"How many nuts are in bag {doc_id}?", "answer": gold},
        "target": gold,
        "arguments": {"gen_args_0": {"arg_0": "Question: ...", "arg_1": {"until": ["\n\n"]}}},
        "resps": [[response]],
        "filtered_resps": [response],
        "filter": "none",
        "metrics": ["exact_match"],
        "exact_match": correct,
        "doc_hash": "0f",
    } | more


def generation(number: int, text: str, found: str | None, correct: bool, **more: Any) -> dict[str, Any]:
    """A row as NeMo-Skills writes one."""
    row = {"problem": f"What is {number} + {number}?", "expected_answer": 2 * number, "generation": text}
    return row | {"predicted_answer": found, "symbolic_correct": correct, "num_generated_tokens": 9} | more


def sampled(idx: int, gold: str, **columns: list[Any]) -> dict[str, Any]:
    """A row as ToRA and Qwen2.5-Math write one."""
    return {"idx": idx, "question": f"Task {idx}: how much?", "gt_cot": "Counted.", "gt": gold, "level": 3} | columns


def programmed(question: str, gold: Any, solution: str, pred: str) -> dict[str, Any]:
    """A row as MAmmoTH writes one."""
    return {"question": question, "correct": gold, "solution": solution, "pred": pred, "task": "svamp"}


def test_lm_eval_rows_of_two_filters_are_one_solution(tmp_path: Path) -> None:
    response = "3 and 4 make 7.\n#### 7"
    rows = [
        document(0, response, "Ann has 3 and 4.\n#### 7", 0, filter="strict-match", filtered_resps=["[invalid]"]),
        document(1, "No idea.", "#### 12", 0, filter="strict-match", filtered_resps=["[invalid]"]),
        document(0, response, "Ann has 3 and 4.\n#### 7", 1, filter="flexible-extract", filtered_resps=["7"]),
        document(1, "No idea.", "#### 12", 0, filter="flexible-extract", filtered_resps=["[invalid]"]),
    ]
    attempts = read(write(tmp_path / "samples_gsm8k_cot_2031-05-06T07-08-09.123.jsonl", *rows))
    assert [attempt.solution.id for attempt in attempts] == ["gsm8k_cot/0#cot#0", "gsm8k_cot/1#cot#0"]
    first = attempts[0]
    assert (first.problem.text, first.problem.answer) == ("How many nuts are in bag 0?", "7")
    assert first.problem.metadata["dataset"] == "gsm8k_cot"
    assert [(row.rule, row.answer, row.verdicts) for row in first.recorded] == [
        ("strict-match", "", {"exact_match,strict-match": False}),
        ("flexible-extract", "7", {"exact_match,flexible-extract": True}),
    ]
    assert first.recorded[1].where.endswith(".jsonl:3")


def test_lm_eval_math_has_two_metrics_and_no_extracted_answer(tmp_path: Path) -> None:
    row = document(
        4, r"It is $\boxed{\frac12}$.", r"\frac{1}{2}", 0, metrics=["exact_match", "math_verify"], math_verify=1
    )
    row["doc"] = {"problem": "Half of one?", "solution": r"So $\boxed{\frac{1}{2}}$.", "level": "Level 1"}
    (attempt,) = read(write(tmp_path / "samples_minerva_math_algebra.jsonl", row))
    (recorded,) = attempt.recorded
    assert recorded.answer is None and recorded.verdicts == {"exact_match,none": False, "math_verify,none": True}
    assert attempt.problem.rationale and attempt.problem.metadata["level"] == "Level 1"


REPEATS = ["It is 5.", "It is 6.", "It is 6."]
KEPT: dict[str, tuple[list[Any], list[tuple[str, int, str | None, bool]]]] = {
    "one answer for all": (["6"], [("cot", 0, "6", True)]),
    "none for all": (["[invalid]"], [("cot", 0, "", True)]),
    "one response, whole": (["It is 6."], [("cot", 1, None, True)]),
    "an answer of each": ([["5", "6", "6"]], [("cot", 0, "5", False), ("cot", 1, "6", False), ("cot", 2, "6", False)]),
    "of each, in a list": (["5", "6", "7"], [("cot", 0, "5", False), ("cot", 1, "6", False), ("cot", 2, "7", False)]),
}


@pytest.mark.parametrize(("kept", "expected"), KEPT.values(), ids=KEPT)
def test_what_lm_evals_filter_keeps_of_repeats_is_what_it_recorded(
    tmp_path: Path, kept: list[Any], expected: list[tuple[str, int, str | None, bool]]
) -> None:
    row = document(0, "", "6", 1, resps=[REPEATS], filtered_resps=kept)
    attempts = read(write(tmp_path / "samples_x.jsonl", row))
    assert [attempt.solution.blocks for attempt in attempts] == [[Text(text=text)] for text in REPEATS]
    given = [(one.solution, one.recorded[0].verdicts) for one in with_recorded_answers(attempts)]
    assert [(one.format, one.sample, one.answer, bool(verdicts)) for one, verdicts in given] == expected
    assert len(given) > 1 or len(given[0][0].blocks) == (1 if kept == ["It is 6."] else 3)


def test_a_filter_that_keeps_some_of_the_repeats_has_no_answer_to_grade(tmp_path: Path) -> None:
    row = document(0, "", "6", 1, resps=[REPEATS], filtered_resps=[["5", "6"]], filter="first-2")
    attempts = read(write(tmp_path / "samples_x.jsonl", row))
    with pytest.raises(InputError, match=r"samples_x\.jsonl:1 has 3 responses, and `first-2` keeps neither"):
        list(with_recorded_answers(attempts))


def test_lm_eval_documents_without_a_known_question_show_their_prompt(tmp_path: Path) -> None:
    old = document(0, "It is 5.", "5", 1, doc={"sentence": "five"}, arguments=[["Say five.", {"until": []}]])
    (attempt,) = read(
        write(tmp_path / "samples_x.jsonl", {key: old[key] for key in old.keys() - {"metrics", "filter"}})
    )
    assert attempt.problem.text == "Say five." and attempt.recorded[0].verdicts == {"exact_match,none": True}


def test_log_likelihoods_are_refused(tmp_path: Path) -> None:
    row = document(0, "", "1", 1, resps=[[["-1.5", "False"]], [["-0.5", "True"]]])
    with pytest.raises(InputError, match=r"samples_x\.jsonl:1 holds log-likelihoods"):
        read(write(tmp_path / "samples_x.jsonl", row))


def test_nemo_skills_files_of_a_folder_are_samples(tmp_path: Path) -> None:
    folder = tmp_path / "eval-results" / "sums"
    dialogue = "```python\nprint(2 + 2)\n```\n```output\n4\n```\nSo \\boxed{4}."
    write(folder / "output-rs0.jsonl", generation(1, r"\boxed{2}", "2", True), generation(2, dialogue, "4", True))
    write(folder / "output-rs1.jsonl", generation(1, "Hm.", None, False), generation(2, "5", "5", False))
    write(folder / "output.jsonl-async", generation(9, "", None, False))
    attempts = read(tmp_path)
    assert [attempt.solution.id for attempt in attempts] == [f"sums/{n}#tir#{k}" for k in (0, 1) for n in (1, 2)]
    assert [type(block) for block in attempts[1].solution.blocks] == [Code, Output, Text]
    assert attempts[1].solution.tokens == 9 and attempts[2].recorded[0].answer == ""


def test_nemo_skills_judgements(tmp_path: Path) -> None:
    judgements = ["Reasoning: same.\nJudgement: Yes", "**Judgement**: No", "I cannot say"]
    rows = [generation(n, str(2 * n), str(2 * n), True, judgement=words) for n, words in enumerate(judgements)]
    verdicts = [attempt.recorded[0].verdicts for attempt in read(write(tmp_path / "output.jsonl", *rows))]
    assert [row.get("judgement") for row in verdicts] == [True, False, None]


def test_nemo_skills_files_of_other_problems_are_no_samples(tmp_path: Path) -> None:
    write(tmp_path / "output-rs0.jsonl", generation(1, "2", "2", True))
    write(tmp_path / "output-rs1.jsonl", generation(2, "4", "4", True))
    with pytest.raises(InputError, match=r"output-rs1\.jsonl:1 differs from problem"):
        read(tmp_path)


def test_tora_dialogues_words_and_programs(tmp_path: Path) -> None:
    dialogue = "```python\nprint(6)\n```\n```output\n6\n```\nIt is $\\boxed{6}$."
    program = "Let us see.\n```python\nx = 3\nprint(x)\n```"
    rows = [
        sampled(0, "6", code=[dialogue, "It is 7."], pred=["6", "7"], report=[None, None], score=[True, False]),
        sampled(1, "3", code=[program, program], pred=["3", ""], report=["Done", "NameError: x"]),
    ]
    attempts = read(write(tmp_path / "math" / "test_tora_-1_seed0_t0.0_s0_e2.jsonl", *rows))
    assert [attempt.solution.id for attempt in attempts] == [f"math/{n}#tir#{k}" for n in (0, 1) for k in (0, 1)]
    assert [attempt.recorded[0].verdicts for attempt in attempts] == [{"score": True}, {"score": False}, {}, {}]
    done, failed = attempts[2].solution.blocks, attempts[3].solution.blocks
    assert done == [Code(text="x = 3\nprint(x)"), Output(text="3")]
    assert isinstance(failed[1], Output) and failed[1].status == "error"
    assert attempts[0].problem.rationale == "Counted."


def test_mammoth_programs_words_and_pairs(tmp_path: Path) -> None:
    rows = [
        programmed("Two and two?", "4", "print(2 + 2)\n### Instruction: more", "4"),
        programmed("Two and three?", "5", "The answer is 6", "6"),
        programmed("A half?", [r"\frac{1}{2}", 0.5], r"The answer is \frac{1}{2}", r"\frac{1}{2}"),
    ]
    path = write(tmp_path / "m_7B_svamp_0shots_alpaca_length1500_bs8_PoT.jsonl", *rows)
    attempts = read(path)
    assert attempts[0].solution.blocks == [Code(text="print(2 + 2)\n"), Output(text="4")]
    assert [attempt.recorded[0].verdicts for attempt in attempts] == [
        {"pred = correct": True},
        {"pred = correct": False},
        {},
    ]
    assert [attempt.problem.answer for attempt in attempts] == ["4", "5", r"\frac{1}{2}"]
    assert {attempt.solution.format for attempt in attempts} == {"pot"}
    path.write_text(json.dumps(rows[0] | {"correct": True}) + "\n")
    with pytest.raises(InputError, match=r"PoT\.jsonl:1: correct is True"):
        read(path)


def test_a_letter_is_a_choice_if_the_question_shows_options(tmp_path: Path) -> None:
    row = sampled(0, "B", code=["So I take B, after all 3 steps"], pred=["B"], report=[None], score=[True])
    row["question"] = "Which? Answer Choices: (A) 1 (B) 2 (C) 3"
    (attempt,) = read(write(tmp_path / "aqua" / "test.jsonl", row))
    (graded,) = grade_solutions([attempt.solution], [attempt.problem])
    assert attempt.problem.kind == "choice" and graded.answer == "B"


def test_a_folder_of_several_tools_and_unknown_files(tmp_path: Path) -> None:
    row = document(0, "It is 5.", "5", 1)
    write(tmp_path / "one" / "samples_gsm8k_2031-01-01T00-00-00.jsonl", row)
    write(tmp_path / "two" / "samples_gsm8k_2031-01-01T00-00-00.jsonl", row)
    write(tmp_path / "two" / "gsm8k" / "output.jsonl", generation(1, "2", "2", True))
    unknown = write(tmp_path / "requests.jsonl", {"url": "x"})
    (tmp_path / "zipped").mkdir()
    with gzip.open(tmp_path / "zipped" / "samples_svamp.jsonl.gz", "wt") as file:
        file.write(json.dumps(row) + "\n")
    sources, skipped = find_outputs(tmp_path)
    assert skipped == {unknown: "of no known format"}
    assert [(source.file_format, source.run, source.label) for source in sources] == [
        ("lm-eval", "one", "gsm8k"),
        ("nemo-skills", tmp_path.name, "gsm8k"),
        ("lm-eval", "two", "gsm8k"),
        ("lm-eval", "zipped", "svamp"),
    ]
    assert {source.path.parent.name: source.model for source in sources if source.file_format == "lm-eval"} == {
        "one": "one",
        "two": "two",
        "zipped": "zipped",
    }
    assert len({attempt.solution.id for attempt in read_outputs(sources)}) == 4


BROKEN = {
    "a line cut short": ('{"doc_id": 1, "target": "5', r"samples_x\.jsonl:2 is not valid JSON"),
    "no object": ("[1, 2]", r"samples_x\.jsonl:2 is an array"),
    "a repeated row": (json.dumps(document(0, "It is 5.", "5", 1)), r"samples_x\.jsonl:2 repeats problem x/0"),
}


@pytest.mark.parametrize(("line", "message"), BROKEN.values(), ids=BROKEN)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path / "samples_x.jsonl", document(0, "It is 5.", "5", 1))
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError, match=message):
        read(path)


def test_unknown_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no \.jsonl file"):
        find_outputs(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        find_outputs(tmp_path / "no.jsonl")
    path = write(tmp_path / "x.jsonl", {"question": "?", "reply": "5"})
    with pytest.raises(InputError, match="keys of the first are question, reply"):
        find_outputs(path)


def test_rows_of_early_lm_eval_repeat_a_document_for_each_filter(tmp_path: Path) -> None:
    rows = [
        document(n, "It is 5.", "5", correct, filtered_resps=[found])
        for found, correct in (("[invalid]", 0), ("5", 1))
        for n in (0, 1)
    ]
    for row in rows:
        del row["filter"], row["metrics"]
    attempts = read(write(tmp_path / "samples_sums.jsonl", *rows))
    assert [attempt.solution.id for attempt in attempts] == ["sums/0#cot#0", "sums/1#cot#0"]
    assert [(row.rule, row.verdicts) for row in attempts[0].recorded] == [
        ("none", {"exact_match,none": False}),
        ("filter 2", {"exact_match,filter 2": True}),
    ]
    rows[2]["resps"] = [["It is 6."]]
    with pytest.raises(InputError, match=r"samples_sums\.jsonl:3 repeats problem sums/0"):
        read(write(tmp_path / "samples_sums.jsonl", *rows))


def test_a_null_generation_is_no_answer(tmp_path: Path) -> None:
    rows = [generation(1, "2", "2", True), generation(2, "", None, False, generation=None)]
    attempts = read(write(tmp_path / "output.jsonl", *rows))
    assert [attempt.solution.blocks for attempt in attempts] == [[Text(text="2")], [Text(text="")]]
    (attempt,) = read(write(tmp_path / "samples_x.jsonl", document(0, "", "5", 0, resps=[[None]])))
    assert attempt.solution.blocks == [Text(text="")]


def test_nemo_skills_and_tora_in_earlier_forms(tmp_path: Path) -> None:
    row = {"question": "2?", "expected_answer": "2", "generated_solution": "It is 2.", "predicted_answer": "2"}
    (attempt,) = read(write(tmp_path / "output.jsonl", row | {"is_correct": True, "error_message": ""}))
    assert attempt.recorded[0].verdicts == {"is_correct": True}
    alone = {"idx": 0, "question": "2?", "gt": "2", "code": "It is 2.", "pred": "2", "report": None, "score": True}
    (attempt,) = read(write(tmp_path / "m" / "test.jsonl", alone))
    assert attempt.solution.blocks == [Text(text="It is 2.")] and attempt.recorded[0].verdicts == {"score": True}


def test_an_empty_file_of_a_folder_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"question": "1 + 1?", "answer": "2", "response": "It is 2."}\n')
    (tmp_path / "dropped.jsonl").touch()
    assert [source.path.name for source in find_outputs(tmp_path)[0]] == ["rows.jsonl"]
