"""Rendering and parsing of every format, and the messages that a chat model is shown."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from slipstick.errors import PluginError, RecipeError
from slipstick.formats import (
    Demonstration,
    Format,
    demonstrations_for,
    join,
    load_format,
    parse,
    read_format,
    render,
    render_chat,
    render_prompt,
    with_num_fewshot,
)
from slipstick.schema import Block, Code, Output, Problem, Text

BUILT_IN = ["cot", "pot", "tir", "react", "mario", "tools"]
TAGS = Format(
    name="tags",
    executes="steps",
    code_begin="<code>",
    code_end="</code>",
    code_output_begin="<out>",
    code_output_end="</out>",
)
NO_OUTPUT = Format(name="no-output", executes="steps", code_begin="<code>", code_end="</code>")
EVERY = [*(load_format(name) for name in BUILT_IN), TAGS, NO_OUTPUT]
PROBLEM = Problem(id="p/1", text="What is 6 times 7?")

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
formats = st.sampled_from(EVERY)
words = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["```", "`", "\n", "```python\n", "\n```\n", "```output\n", "x = 1", "<code>", "</code>", "<out>", "</out>"]
    ),
)
texts = st.lists(words, max_size=12).map("".join)


@patient
@given(formats, texts)
def test_parsing_loses_nothing(format: Format, text: str) -> None:
    assert join(render(format, parse(format, text))) == text


@patient
@given(formats, texts)
def test_parsing_makes_no_empty_text_and_no_text_beside_text(format: Format, text: str) -> None:
    blocks = parse(format, text)
    assert all(block.text for block in blocks if isinstance(block, Text))
    assert not any(isinstance(a, Text) and isinstance(b, Text) for a, b in pairwise(blocks))


@patient
@given(formats, texts)
def test_parsing_what_was_parsed_and_rendered_gives_the_same(format: Format, text: str) -> None:
    blocks = parse(format, text)
    assert parse(format, join(render(format, blocks))) == blocks


def closes_at_its_end(text: str, end: str) -> bool:
    """Whether a block of this content closes where it should: no fence of its own inside it."""
    return (text + end).find(end) == len(text)


@st.composite
def solutions(draw: st.DrawFn) -> tuple[Format, list[Block]]:
    """Blocks as a model and an interpreter can leave them behind: an output behind each code block, words between."""
    format = draw(st.sampled_from([load_format("tir"), TAGS]))
    said = texts.filter(lambda text: text and format.code_begin not in text)
    code = texts.filter(lambda text: closes_at_its_end(text, format.code_end))
    output = texts.filter(lambda text: closes_at_its_end(text, format.code_output_end))
    blocks: list[Block] = []
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            blocks.append(Text(text=draw(said)))
        blocks += [Code(text=draw(code)), Output(text=draw(output))]
    if draw(st.booleans()):
        blocks.append(Text(text=draw(said)))
    return format, blocks


@patient
@given(solutions())
def test_rendered_blocks_parse_to_the_same_blocks(drawn: tuple[Format, list[Block]]) -> None:
    format, blocks = drawn
    assert parse(format, join(render(format, blocks))) == blocks


@pytest.mark.parametrize(
    ("name", "block"), [("cot", Text(text="The answer is 42.")), ("pot", Code(text="print(6*7)\n"))]
)
def test_a_whole_response_is_one_block(name: str, block: Block) -> None:
    format = load_format(name)
    assert parse(format, join(render(format, [block]))) == [block]


def test_the_output_of_a_program_is_no_part_of_its_text() -> None:
    assert join(render(load_format("pot"), [Code(text="print(42)"), Output(text="42")])) == "print(42)"


def test_an_output_is_one_only_right_behind_code() -> None:
    tir = load_format("tir")
    invented = "So:\n```output\n41\n```\n"
    assert parse(tir, invented) == [Text(text=invented)]
    behind = "```python\n6*7\n```\n```output\n42\n```\nIt is 42."
    assert parse(tir, behind) == [Code(text="6*7"), Output(text="42"), Text(text="It is 42.")]


def test_a_code_block_that_never_closes_is_text() -> None:
    assert parse(load_format("tir"), "```python\nprint(1)") == [Text(text="```python\nprint(1)")]


def test_a_format_without_output_fences_invents_no_output() -> None:
    assert parse(NO_OUTPUT, "<code>6*7</code>done") == [Code(text="6*7"), Text(text="done")]


def test_what_the_interpreter_wrote_is_marked_as_given() -> None:
    pieces = render(load_format("tir"), [Text(text="a\n"), Code(text="1"), Output(text="1"), Text(text="b")])
    assert [piece.trained for piece in pieces] == [True, True, False, True]


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_chat_begins_with_system_and_question(name: str) -> None:
    format = load_format(name)
    messages = render_chat(format, PROBLEM)
    assert [message["role"] for message in messages] == ["system", "user"]
    assert PROBLEM.text in messages[1]["content"]
    assert "{" not in messages[1]["content"]


def test_in_a_chat_outputs_come_from_the_user_and_roles_alternate() -> None:
    blocks: list[Block] = [
        Text(text="First.\n"),
        Code(text="6*7"),
        Output(text="42"),
        Code(text="43"),
        Output(text="43"),
        Text(text="b"),
    ]
    messages = render_chat(load_format("tir"), PROBLEM, blocks)
    assert [message["role"] for message in messages] == ["system", *["user", "assistant"] * 3]
    assert messages[2]["content"] == "First.\n```python\n6*7\n```\n"
    assert messages[3]["content"] == "```output\n42\n```\n"
    assert "".join(message["content"] for message in messages[2:]) == join(render(load_format("tir"), blocks))


def test_in_a_format_with_a_tool_code_is_called_and_outputs_come_from_the_tool() -> None:
    blocks: list[Block] = [
        Text(text="First.\n"),
        Code(text='print("6")'),
        Output(text="6"),
        Code(text="7"),
        Output(text="7"),
    ]
    format = with_num_fewshot(load_format("tools"), 1)
    messages = render_chat(format, PROBLEM, [*blocks, Text(text="So 42.")])
    assert [message["role"] for message in messages] == [
        *["system", "user", "assistant", "tool", "assistant"],
        *["user", "assistant", "tool", "assistant", "tool", "assistant"],
    ]
    called = [message["tool_calls"][0] for message in messages if "tool_calls" in message]
    assert [call["id"] for call in called] == [m["tool_call_id"] for m in messages if m["role"] == "tool"]
    assert len({call["id"] for call in called}) == 3
    assert called[1]["function"] == {"name": "python", "arguments": '{"code": "print(\\"6\\")"}'}
    assert [message["content"] for message in messages[6:]] == ["First.\n", "6", "", "7", "So 42."]


def test_a_layout_without_system_message_sends_none() -> None:
    assert [message["role"] for message in render_chat(TAGS, PROBLEM)] == ["user"]


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_prompt_holds_the_question_once_and_ends_where_the_response_begins(name: str) -> None:
    prompt = render_prompt(load_format(name), PROBLEM)
    assert prompt.count(PROBLEM.text) == 1
    assert prompt.endswith(("### Response:", "\nThought: ", "Solution:\n\n<p>\n"))


@pytest.mark.parametrize("name", BUILT_IN)
def test_demonstrations_stand_before_the_question_and_come_back_as_turns(name: str) -> None:
    format = with_num_fewshot(load_format(name), 2).model_copy(update={"tool": ""})  # calls have a test of their own
    shown = format.demonstrations
    prompt = render_prompt(format, PROBLEM)
    for earlier, later in pairwise([*(example.response for example in shown), PROBLEM.text]):
        assert prompt.index(earlier) < prompt.index(later)
    assert prompt.endswith(render_prompt(with_num_fewshot(format, 0), PROBLEM).removeprefix(format.preamble))
    messages = [message for message in render_chat(format, PROBLEM) if message["role"] != "system"]
    said = "".join(message["content"] for message in messages if message["role"] == "assistant")
    assert said == "".join(p.text for e in shown for p in render(format, parse(format, e.response)) if p.trained)
    assert messages[-1]["role"] == "user" and PROBLEM.text in messages[-1]["content"]


@pytest.mark.parametrize("name", ["tir", "react", "mario", "tools"])
def test_demonstrations_hold_code_and_what_it_prints(name: str) -> None:
    format = load_format(name)
    for example in format.demonstrations:
        kinds = [block.type for block in parse(format, example.response)]
        assert kinds == ["text", "code", "output", "text"]


def test_more_demonstrations_than_a_format_has_are_refused() -> None:
    with pytest.raises(RecipeError, match="num_fewshot = 9: format `cot` has 2 demonstrations; set 2 or fewer"):
        with_num_fewshot(load_format("cot"), 9)


def test_braces_in_a_question_stay_as_they_are() -> None:
    odd = Problem(id="p/2", text="{instruction} {question} {x}")
    assert "{instruction} {question} {x}" in render_prompt(load_format("pot"), odd)


def test_an_unknown_format_is_an_error_with_a_way_out() -> None:
    with pytest.raises(PluginError, match="did you mean `tir`"):
        load_format("tri")


@pytest.mark.parametrize(
    ("fences", "said"),
    [
        ({"executes": "steps"}, "needs code_begin and code_end"),
        ({"executes": "steps", "code_begin": "<code>"}, "set both code_begin and code_end, or neither"),
        (
            {"executes": "program", "code_output_end": "</out>"},
            "set both code_output_begin and code_output_end, or neither",
        ),
    ],
)
def test_a_format_with_half_a_fence_is_refused(fences: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Format.model_validate({"name": "half"} | fences)


def test_a_problem_that_is_written_in_another_way_is_not_its_own_demonstration() -> None:
    example = Demonstration(question="What is $2 + 2$?", response="4")
    format = read_format("cot").model_copy(update={"demonstrations": [example], "num_fewshot": 1})
    for text in ("What is $2 + 2$?", "what is 2+2 ?", "What is \\(2+2\\)", "What is\u00a02+\uff12?"):
        assert demonstrations_for(format, Problem(id="a", text=text)) == []
    assert demonstrations_for(format, Problem(id="a", text="What is 2 - 2?")) == [example]
