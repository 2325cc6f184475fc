"""Tags and fences at the end of a text: nothing need follow them, and a text may break off anywhere."""

from __future__ import annotations

import pytest

from slipstick.formats import Format, load_format, parse_whole
from slipstick.importers.training.layouts import format_of, read_text
from slipstick.replies.turns import read_turn
from slipstick.schema import Code, Output, Text

CALL = '<tool_call>\n{"name": "python", "arguments": {"code": "print(41 + 1)"}}\n</tool_call>\n'
LAYOUTS = {
    "llm-code": ("<llm-code>\n", "\n</llm-code>\n", "<llm-code-output>\n", "\n</llm-code-output>"),
    "llm-code on one line": ("<llm-code>", "</llm-code> ", "<llm-code-output>", "</llm-code-output>"),
    "llm-code and an empty line": ("<llm-code>\n", "\n</llm-code>\n\n", "<llm-code-output>\n", "\n</llm-code-output>"),
    "llm-code and a label": ("<llm-code>\n", "\n</llm-code>\nOutput:\n", "<llm-code-output>\n", "\n</llm-code-output>"),
    "line ends of Windows": ("<code>\r\n", "\r\n</code>\r\n", "<output>\r\n", "\r\n</output>"),
    "code": ("<code>\n", "\n</code>\n", "<output>\n", "\n</output>"),
    "tools": ("<python>\n", "\n</python>\n", "<output>\n", "\n</output>"),
    "tir": ("```python\n", "\n```\n", "```output\n", "\n```"),
    "mario": ("<code>\n```python\n", "\n```\n</code>\n", "Output: ", "\n\n<p>"),
    "react": ("Action: python_interpreter\nAction Input:\n```python\n", "\n```\n", "Observation: ", "\nThought:"),
    "a call": (CALL.partition("print")[0], CALL.partition("+ 1)")[2], "<tool_response>\n", "\n</tool_response>"),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_what_was_printed_is_never_words_wherever_a_text_ends(layout: tuple[str, str, str, str]) -> None:
    begin, end, output_begin, output_end = layout
    printed = "forty-two\n41.99"
    text = f"Words.\n{begin}print(41 + 1){end}{output_begin}"
    for whole in (text + printed, text + printed + output_end):
        for length in range(len(text) + 1, len(whole) + 1):
            blocks = read_text(whole[:length])
            said = "".join(block.text for block in blocks if isinstance(block, Text))
            assert [type(block) for block in blocks[:3]] == [Text, Code, Output], whole[:length]
            assert said.strip("<p\n ") == "Words." and blocks[2].text.startswith(printed[: length - len(text)].strip())
        assert blocks[2].text == printed
    words = read_text(text + printed + output_end + "\n\nFinal Answer: 42")
    assert [type(block) for block in words] == [Text, Code, Output, Text] and "42" in words[3].text


@pytest.mark.parametrize("layout", [LAYOUTS[name] for name in LAYOUTS if name != "a call"])
def test_a_program_may_be_the_end(layout: tuple[str, str, str, str]) -> None:
    begin, end = layout[0], layout[1].removesuffix("Output:\n").rstrip()
    assert [block.model_dump() for block in read_text(f"{begin}print(6){end}")] == [Code(text="print(6)").model_dump()]
    assert format_of(read_text(f"{begin}print(6){end}\n\n")) == "pot"
    several = read_text(f"{begin}x = 6{layout[1]}{layout[2]}6{layout[3]}\nThen.\n{begin}print(x){end}")
    assert [type(block) for block in several] == [Code, Output, Text, Code]


def test_an_output_without_tags_ends_at_an_empty_line_or_the_answer() -> None:
    begin, end, output_begin, _ = LAYOUTS["react"]
    for behind in ("\n\nSo it is 6.", "\nFinal Answer: 6"):
        blocks = read_text(f"{begin}print(6){end}{output_begin}6{behind}")
        assert [block.text.strip() for block in blocks] == ["print(6)", "6", behind.strip()]


@pytest.mark.parametrize("name", ["tir", "mario", "react", "tools"])
def test_a_named_format_may_be_stripped(name: str) -> None:
    begin, end, output_begin, output_end = LAYOUTS[name]
    for text in (f"{begin}print(6){end}{output_begin}6{output_end}", f"{begin}print(6){end}".strip()):
        blocks = read_text(text, named=load_format(name))
        assert [block.text for block in blocks] == ["print(6)", "6"][: len(blocks)] and isinstance(blocks[0], Code)


def test_a_text_whose_end_only_looks_like_a_fence_is_as_it_was() -> None:
    text = "```text\nno program\n```"
    assert parse_whole(load_format("tir"), text) == [Text(text=text)]


def test_the_fence_of_a_program_may_be_the_end_of_a_reply() -> None:
    format = Format(name="fenced", executes="program", code_begin="```python\n", code_end="\n```\n")
    assert read_turn(format, "```python\nprint(6)\n```", finish="stop").blocks == [Code(text="print(6)")]
