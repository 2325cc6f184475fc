"""Dialogues in training data: preference pairs, results of parallel calls, replies that are not trained on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipstick.errors import InputError
from slipstick.importers.training import Imported, Notes, read_training
from slipstick.tabular import Row


def read(row: dict[str, Any], notes: Notes | None = None, **field_map: str) -> list[Imported]:
    return list(read_training(iter([Row("set.jsonl:1", 1, row)]), stem="set", notes=notes, field_map=field_map))


def short(found: list[Imported]) -> list[tuple[str, str]]:
    return [(block.type, block.text) for _, solution in found for block in solution.blocks]


def called(name: str, code: str) -> dict[str, Any]:
    return {"id": name, "type": "function", "function": {"name": "python", "arguments": {"code": code}}}


USER = {"role": "user", "content": "2+2?"}
FOUR, FIVE = ({"role": "assistant", "content": text} for text in "45")
SYSTEM = {"role": "system", "content": "Be brief."}
EARLIER = [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]


@pytest.mark.parametrize("as_text", [False, True])
def test_preference_pairs_read_as_prompt_and_completion_do(as_text: bool) -> None:
    def cell(value: Any) -> Any:
        return json.dumps(value) if as_text else value

    prompt = [SYSTEM, *EARLIER, USER]
    pair = {"prompt": cell(prompt), "chosen": cell([FOUR]), "rejected": cell([FIVE])}
    ((problem, solution),) = read(pair, response="chosen")
    ((other, same),) = read({"prompt": prompt, "completion": [FOUR]})
    assert problem.text == other.text == "User: 1+1?\n\nAssistant: 2\n\nUser: 2+2?"
    assert problem.metadata["system"] == "Be brief." and solution.blocks == same.blocks


def test_half_a_character_in_a_cell_of_json_text_is_replaced() -> None:
    ((problem, solution),) = read(
        {
            "messages": r'[{"role": "user", "content": "2+2 \ud83d?"}, '
            r'{"role": "assistant", "content": "4 \udfff"}]'
        }
    )
    assert problem.text == "2+2 \ufffd?" and solution.blocks[0].text == "4 \ufffd"


@pytest.mark.parametrize("prompt", ["2+2?", [USER], None])
@pytest.mark.parametrize("chosen", ["4", [FOUR], FOUR, [USER, FOUR]])
def test_no_list_of_messages_becomes_the_text_of_a_question(prompt: Any, chosen: Any) -> None:
    row = {"prompt": prompt, "chosen": chosen} if prompt else {"chosen": chosen, "rejected": "5"}
    if prompt is None and chosen != [USER, FOUR]:
        with pytest.raises(InputError, match="has no question"):
            read(row, response="chosen")
        return
    ((problem, _),) = found = read(row, response="chosen")
    assert problem.text == "2+2?" and short(found) == [("text", "4")]


def test_an_implicit_prompt_is_what_stands_before_the_last_reply() -> None:
    row = {"chosen": [*EARLIER, USER, FOUR], "rejected": [*EARLIER, USER, FIVE]}
    ((problem, _),) = found = read(row, response="chosen")
    assert problem.text.endswith("User: 2+2?") and "Assistant: 2" in problem.text and short(found) == [("text", "4")]


def test_preference_pairs_without_a_map_name_the_remedy() -> None:
    with pytest.raises(InputError, match=r"--set field_map\.response=chosen"):
        read({"prompt": [USER], "chosen": [FOUR], "rejected": [FIVE]})


def test_a_history_of_messages_is_no_text() -> None:
    ((problem, _),) = read({"instruction": "2+2?", "output": "4", "history": EARLIER})
    assert problem.text == "User: 1+1?\n\nAssistant: 2\n\nUser: 2+2?"


def test_results_of_parallel_calls_are_paired_by_id() -> None:
    calls = {"role": "assistant", "content": "", "tool_calls": [called("a", "print(1)"), called("b", "print(2)")]}
    results = [{"role": "tool", "tool_call_id": name, "content": text} for name, text in (("b", "2"), ("a", "1"))]
    expected = [("code", "print(1)"), ("output", "1"), ("code", "print(2)"), ("output", "2"), ("text", "4")]
    assert short(read({"messages": [USER, calls, *results, FOUR]})) == expected
    bare = [{key: value for key, value in each.items() if key != "tool_call_id"} for each in reversed(results)]
    assert short(read({"messages": [USER, calls, *bare, FOUR]})) == expected
    assert short(read({"messages": [USER, calls, {**bare[0], "tool_call_id": "z"}, bare[1], FOUR]})) == expected
    late = [{**calls, "tool_calls": [call]} for call in calls["tool_calls"]]
    assert short(read({"messages": [USER, *late, *results, FOUR]})) == expected


@pytest.mark.parametrize("role", ["tool", "human"])
def test_tags_of_hermes_are_no_part_of_a_result(role: str) -> None:
    call = '<tool_call>\n{"name": "python", "arguments": {"code": "print(2+2)"}}\n</tool_call>'
    turns = [("human", "2+2?"), ("gpt", call), (role, "<tool_response>\n4\n</tool_response>"), ("gpt", "It is 4.")]
    found = read({"conversations": [{"from": name, "value": text} for name, text in turns]})
    assert short(found) == [("code", "print(2+2)"), ("output", "4"), ("text", "It is 4.")]
    turns[1] = ("gpt", f"{call}\n{call}")
    turns[2] = (role, "<tool_response>\n4\n</tool_response>\n<tool_response>\n5\n</tool_response>")
    found = read({"conversations": [{"from": name, "value": text} for name, text in turns]})
    assert [text for kind, text in short(found) if kind == "output"] == ["4", "5"]


def test_a_reply_of_weight_0_is_read_and_not_trained_on() -> None:
    notes = Notes()
    ((problem, _),) = read({"messages": [EARLIER[0], {**EARLIER[1], "weight": 0}, USER, FOUR]}, notes)
    assert problem.text.startswith("User: 1+1?") and notes.untrained == 1
    with pytest.raises(InputError, match="every reply says that it is not trained on"):
        read({"messages": [USER, {**FOUR, "weight": 0}]})


@pytest.mark.parametrize("prompt", ["2+2?", [USER]], ids=["text", "messages"])
@pytest.mark.parametrize("key", ["completion", "completions"])
def test_several_completions_are_samples_of_one_problem(key: str, prompt: object) -> None:
    found = read({"prompt": prompt, key: ["It is 4.", " ", "It is 5."], "answer": "4"})
    assert [(one.problem.text, one.problem.answer) for one in found] == [("2+2?", "4")] * 2
    assert short(found) == [("text", "It is 4."), ("text", "It is 5.")]
    assert [one.solution.sample for one in found] == [0, 1]


def test_several_generations_are_samples_of_one_problem() -> None:
    notes = Notes()
    found = read({"problem": "2+2?", "answer": "4", "generations": ["It is 4.", "It is 5."]}, notes)
    assert [solution.id for _, solution in found] == ["set/1#cot#0", "set/1#cot#1"]
    assert {problem.answer for problem, _ in found} == {"4"} and not notes.several
