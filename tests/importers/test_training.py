"""Training data that people have: every shape is recognised, code and outputs become blocks, golds are found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipstick.errors import InputError
from slipstick.formats import load_format, render_prompt
from slipstick.importers.training import Imported, Notes, read_training
from slipstick.schema import Block, Problem
from slipstick.tabular import Row

USER = {"role": "user", "content": "2+2?"}
HUMAN = {"from": "human", "value": "2+2?"}


def said(role: str, content: str | None, *codes: Any) -> dict[str, Any]:
    """A message; codes: the arguments of its calls of `python`."""
    calls = [{"type": "function", "function": {"name": "python", "arguments": code}} for code in codes]
    return {"role": role, "content": content} | ({"tool_calls": calls} if calls else {})


def read(*rows: dict[str, Any], notes: Notes | None = None, **settings: Any) -> list[Imported]:
    placed = [Row(f"set.jsonl:{number}", number, row) for number, row in enumerate(rows, start=1)]
    return list(read_training(iter(placed), stem="set", notes=notes, **settings))


def short(blocks: list[Block]) -> list[tuple[str, str]]:
    return [(block.type, block.text) for block in blocks]


CALLED = [("code", "print(2+2)"), ("output", "4"), ("text", "It is 4.")]
FENCED = "```python\nprint(2+2)\n```\n```output\n4\n```\nIt is 4."
LEFT = 'So.\n<tool_call>\n{"name": "python", "arguments": {"code": "print(2+2)"}}\n</tool_call>'
TAGGED = "So.\n<llm-code>\nprint(2+2)\n</llm-code>\n<llm-code-output>\n4\n</llm-code-output>\nIt is 4."
ROWS: dict[str, tuple[dict[str, Any], str, str, list[tuple[str, str]]]] = {
    "messages": ({"messages": [USER, said("assistant", "It is 4.")]}, "messages", "cot", [("text", "It is 4.")]),
    "calls with objects": (
        {
            "messages": [
                USER,
                said("assistant", "", {"code": "print(2+2)"}),
                said("tool", "4"),
                said("assistant", "It is 4."),
            ]
        },
        "messages",
        "tir",
        CALLED,
    ),
    "calls as JSON text": (
        {
            "messages": [
                USER,
                said("assistant", None, '{"code": "print(2+2)"}'),
                said("tool", "4"),
                said("assistant", "It is 4."),
            ]
        },
        "messages",
        "tir",
        CALLED,
    ),
    "two calls in one message": (
        {
            "messages": [
                USER,
                said("assistant", "Both.", {"code": "2"}, {"code": "3"}),
                said("tool", "2"),
                said("tool", "3"),
            ]
        },
        "messages",
        "tir",
        [("text", "Both.\n"), ("code", "2"), ("output", "2"), ("code", "3"), ("output", "3")],
    ),
    "a call left in the text": (
        {"messages": [USER, said("assistant", LEFT), said("tool", "4"), said("assistant", "It is 4.")]},
        "messages",
        "tir",
        [("text", "So.\n"), *CALLED],
    ),
    "outputs as the user's messages": (
        {
            "messages": [
                USER,
                said("assistant", "```python\nprint(2+2)\n```"),
                said("user", "```output\n4\n```"),
                said("assistant", "It is 4."),
            ]
        },
        "messages",
        "tir",
        CALLED,
    ),
    "typed parts": (
        {
            "messages": [
                USER,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "content": "So."},
                        {"type": "code", "content": "print(2+2)"},
                        {"type": "execution", "content": "4"},
                        {"type": "text", "content": "It is 4."},
                    ],
                },
            ]
        },
        "messages",
        "tir",
        [("text", "So.\n"), *CALLED],
    ),
    "thoughts under a key": (
        {"messages": [USER, {"role": "assistant", "reasoning_content": "Easy.", "content": "It is 4."}]},
        "messages",
        "cot",
        [("text", "<think>\nEasy.\n</think>\n\nIt is 4.")],
    ),
    "thoughts as a part": (
        {
            "messages": [
                USER,
                {
                    "role": "assistant",
                    "content": [{"type": "reasoning", "text": "Easy."}, {"type": "text", "text": "It is 4."}],
                },
            ]
        },
        "messages",
        "cot",
        [("text", "<think>\nEasy.\n</think>\n\nIt is 4.")],
    ),
    "messages in a cell": (
        {"messages": json.dumps([USER, said("assistant", "It is 4.")])},
        "messages",
        "cot",
        [("text", "It is 4.")],
    ),
    "ShareGPT": (
        {"conversations": [HUMAN, {"from": "gpt", "value": "It is 4."}]},
        "sharegpt",
        "cot",
        [("text", "It is 4.")],
    ),
    "ShareGPT with a tool": (
        {
            "conversations": [
                HUMAN,
                {"from": "function_call", "value": '{"name": "python", "arguments": {"code": "print(2+2)"}}'},
                {"from": "observation", "value": "4"},
                {"from": "gpt", "value": "It is 4."},
            ],
            "tools": "[]",
        },
        "sharegpt",
        "tir",
        CALLED,
    ),
    "ShareGPT by its other name": (
        {"conversation": [HUMAN, {"from": "gpt", "value": FENCED}]},
        "sharegpt",
        "tir",
        CALLED,
    ),
    "Alpaca": ({"instruction": "2+2?", "input": "", "output": "It is 4."}, "alpaca", "cot", [("text", "It is 4.")]),
    "Alpaca, a program": (
        {"instruction": "2+2?", "output": "x = 2\nprint(x+2)"},
        "alpaca",
        "pot",
        [("code", "x = 2\nprint(x+2)")],
    ),
    "prompt and completion": ({"prompt": "2+2?", "completion": FENCED}, "prompt_completion", "tir", CALLED),
    "prompt and completion as messages": (
        {"prompt": [USER], "completion": [said("assistant", "It is 4.")]},
        "prompt_completion",
        "cot",
        [("text", "It is 4.")],
    ),
    "in Alpaca's whole prompt": (
        {"prompt": render_prompt(load_format("cot"), Problem(id="", text="2+2?")), "completion": "It is 4."},
        "prompt_completion",
        "cot",
        [("text", "It is 4.")],
    ),
    "OpenMathInstruct's tags": (
        {"question": "2+2?", "generated_solution": TAGGED},
        "rows",
        "tir",
        [("text", "So.\n"), *CALLED],
    ),
    "a reference solution": (
        {"problem": "2+2?", "solution": r"So \boxed{4}."},
        "rows",
        "cot",
        [("text", r"So \boxed{4}.")],
    ),
    "an answer that is one": (
        {"question": "2+2?", "answer": "Two twos.\n#### 4"},
        "rows",
        "cot",
        [("text", "Two twos.\n#### 4")],
    ),
    "code without an output": (
        {"question": "2+2?", "response": "So:\n```py\nprint(2+2)\n```\nThat gives 4."},
        "rows",
        "tir",
        [("text", "So:\n"), ("code", "print(2+2)"), ("text", "That gives 4.")],
    ),
}


@pytest.mark.parametrize(("row", "shape", "format", "blocks"), ROWS.values(), ids=ROWS)
def test_rows_are_recognised(row: dict[str, Any], shape: str, format: str, blocks: list[tuple[str, str]]) -> None:
    notes = Notes()
    ((problem, solution),) = read(row, notes=notes)
    assert (notes.shape, solution.format, short(solution.blocks)) == (shape, format, blocks)
    assert (problem.text, problem.answer, problem.metadata["where"]) == ("2+2?", None, "set.jsonl:1")
    assert (solution.id, solution.verdict) == (f"set/1#{format}#0", None)


GOLDS: dict[str, tuple[dict[str, Any], str | None]] = {
    "beside messages": ({"messages": [USER, said("assistant", "It is 4.")], "answer": "4"}, "4"),
    "beside a reference": (
        {"problem": "2+2?", "solution": "s", "answer": 4, "messages": [USER, said("assistant", "4")]},
        "4",
    ),
    "inside an object": ({"prompt": "2+2?", "completion": "4", "reward_model": {"ground_truth": "4"}}, "4"),
    "of its own": ({"problem": "2+2?", "generated_solution": "It is 4.", "expected_answer": "4"}, "4"),
    "in a reference solution": ({"problem": "2+2?", "generated_solution": "It is 4.", "solution": r"\boxed{4}"}, "4"),
    "an option": ({"question": "?", "choices": ["3", "4"], "answer": 1, "response": "So (B)."}, "B"),
    "none, NuminaMath": (
        {"problem": "2+2?", "solution": r"\boxed{4}", "messages": [USER, said("assistant", r"\boxed{4}")]},
        None,
    ),
    "none, MetaMathQA": ({"query": "2+2?", "response": "2+2=4\n#### 4\nThe answer is: 4"}, None),
}


@pytest.mark.parametrize(("row", "gold"), GOLDS.values(), ids=GOLDS)
def test_a_gold_is_a_key_of_its_own(row: dict[str, Any], gold: str | None) -> None:
    ((problem, _),) = read(row)
    assert problem.answer == gold


def test_each_reply_of_a_dialogue_is_a_row() -> None:
    turns = [
        HUMAN,
        {"from": "gpt", "value": "4."},
        {"from": "human", "value": "And 1?"},
        {"from": "gpt", "value": "5."},
    ]
    notes = Notes()
    first, second = read({"system": "Be brief.", "conversations": turns, "answer": "5"}, notes=notes)
    assert (first.problem.id, first.problem.answer, second.problem.answer) == ("set/1-1", None, "5")
    assert second.problem.text == "User: 2+2?\n\nAssistant: 4.\n\nUser: And 1?"
    assert (notes.several, notes.systems, first.problem.metadata["system"]) == (1, 1, "Be brief.")
    history = {"instruction": "And 1?", "output": "5.", "history": [["2+2?", "4."]]}
    assert read(history)[0].problem.text == second.problem.text


def test_rows_of_one_question_are_samples_of_one_problem() -> None:
    rows = [{"question": "2+2?", "response": text, "is_correct": text == "4"} for text in ("4", "5")]
    rows.append({"question": "1+2?", "response": "3"})
    found = read(*rows)
    assert [one.solution.id for one in found] == ["set/1#cot#0", "set/1#cot#1", "set/3#cot#0"]
    assert [one.solution.verdict and one.solution.verdict.outcome for one in found] == ["correct", "incorrect", None]
    assert found[0].solution.model == "set"


def test_an_id_is_given_once() -> None:
    rows: list[dict[str, Any]] = [{"id": 2, "question": "1?", "response": "1"}, {"question": "2?", "response": "2"}]
    rows += [{"id": 2, "question": "3?", "response": "3"}, {"id": "x", "question": "4?", "response": "4"}]
    assert [one.problem.id for one in read(*rows)] == ["set/2", "set/2-again", "set/3", "x"]


def test_keys_are_mapped() -> None:
    row = {"q": {"words": "2+2?"}, "sol": "It is 4.", "gold": "no", "true": "4", "license": "MIT"}
    fields = {"text": "q.words", "response": "sol", "answer": "true"}
    ((problem, solution),) = read(row, field_map=fields, licence="CC0")
    assert (problem.text, problem.answer, problem.licence, short(solution.blocks)) == (
        "2+2?", "4", "MIT", [("text", "It is 4.")],
    )  # fmt: skip
    alpaca = {"instruction": "2+2?", "output": "4", "truth": "4"}
    ((problem, _),) = read(alpaca, field_map={"answer": "truth"}, licence="CC0")
    assert (problem.answer, problem.licence) == ("4", "CC0")


SEARCH = {"function": {"name": "search", "arguments": '{"query": "x"}'}}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no solution": ({"q": "2+2?"}, r"its keys are q. Name them: --set field_map.text=KEY"),
    "raw text": ({"text": "Once."}, r'stage = "cpt"'),
    "problems": ({"prompt": [USER], "answer": "4"}, r'need no import: problems = "set.jsonl"'),
    "another tool": (
        {"messages": [USER, {"role": "assistant", "tool_calls": [SEARCH]}]},
        r"set.jsonl:1 calls what is no Python: there is no function `search`",
    ),
    "a result without a call": (
        {"messages": [USER, said("tool", "4")]},
        r"the result of a tool that nothing called: '4'",
    ),
    "nobody replied": ({"messages": [USER]}, r"no message of an assistant"),
    "an empty solution": ({"instruction": "2+2?", "output": None}, r"set.jsonl:1: `output` is 'None', not a text"),
}


@pytest.mark.parametrize(("row", "message"), REFUSED.values(), ids=REFUSED)
def test_other_rows_are_refused_with_the_remedy(row: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(row)


def test_bad_rows_are_handed_over() -> None:
    bad: list[tuple[str, str]] = []
    rows = [{"instruction": f"{n}?", "output": text} for n, text in enumerate(["4", "", "5"])]
    found = read(*rows, on_bad=lambda where, reason: bad.append((where, reason)))
    assert len(found) == 2 and bad == [("set.jsonl:2", "`output` is '', not a text")]


RUN = "```python\nprint(2+2)\n```"
IN_ONE_TEXT = {
    "a fence under a label": f"{RUN}\n\n**Output:**\n\n```\n4\n```\nIt is 4.",
    "a fence that is announced": f"{RUN}\n\nThe output is:\n```output\n4\n```\nIt is 4.",
    "a line under a label": f"{RUN}\nOutput:\n4\n\nIt is 4.",
    "a call and its response": LEFT.removeprefix("So.\n") + "\n<tool_response>\n4\n</tool_response>\nIt is 4.",
}
FROM_A_USER = ("Output: 4", "Result:\n```\n4\n```", "[Output]\n4", "<output>\n4\n</output>", "```output\n4\n```")


@pytest.mark.parametrize("text", IN_ONE_TEXT.values(), ids=IN_ONE_TEXT)
def test_what_a_program_printed_is_not_the_words_of_the_model(text: str) -> None:
    (row,) = read({"messages": [USER, said("assistant", text)]})
    assert [(kind, text.strip()) for kind, text in short(row.solution.blocks)] == CALLED


@pytest.mark.parametrize("text", FROM_A_USER)
def test_what_a_program_printed_is_no_question(text: str) -> None:
    (row,) = read({"messages": [USER, said("assistant", RUN), said("user", text), said("assistant", "It is 4.")]})
    assert short(row.solution.blocks) == CALLED


def test_words_between_code_and_its_output_stay() -> None:
    (row,) = read({"messages": [USER, said("assistant", f"{RUN}\nWe run it:\n```output\n4\n```\nIt is 4.")]})
    assert short(row.solution.blocks) == [*CALLED[:2], ("text", "We run it:\nIt is 4.")]
    (row,) = read({"messages": [USER, said("assistant", f"{RUN}\nResult: it is 4.")]})
    assert short(row.solution.blocks) == [CALLED[0], ("text", "Result: it is 4.")]


def test_thoughts_before_a_call_and_its_response_stay() -> None:
    text = f"<think>\nAdd.\n</think>\n\n{LEFT}\n<tool_response>\n4\n</tool_response>\nIt is 4."
    (row,) = read({"messages": [USER, said("assistant", text)]})
    assert short(row.solution.blocks) == [("text", "<think>\nAdd.\n</think>\n\nSo.\n"), *CALLED]
