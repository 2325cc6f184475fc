"""Tests of separating what a model thought from what it said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstick.answers import final_answer
from slipstick.thoughts import split_thoughts

APART = [
    ("<think>2+2=5?</think>4", "2+2=5?", "4"),
    ("<think>\na\n</think>\n\nThe answer is 4.", "\na\n", "\n\nThe answer is 4."),
    ("<THINKING>a</Thinking>4", "a", "4"),
    ("<thought>a</thought>4", "a", "4"),
    ("[THINK]a[/THINK]4", "a", "4"),
    ("◁think▷a◁/think▷4", "a", "4"),
    ("<seed:think>a</seed:think>4", "a", "4"),
    ("<|begin_of_thought|>a<|end_of_thought|>\n<|begin_of_solution|>4<|end_of_solution|>", "a", "4"),
    ("<|begin_of_thought|>a<|begin_of_solution|>4<|end_of_solution|>", "a", "4"),
    ("<scratchpad>a</scratchpad>4", "a", "4"),
    ("<reasoning>a</reasoning>\n<answer>4</answer>", "a", "\n<answer>4</answer>"),
    ("<reasoning>a\n<answer>4</answer>", "a\n", "<answer>4</answer>"),
    ("<reasoning>a<reflection>b</reflection>c</reasoning>4", "a<reflection>b</reflection>c", "4"),
    ("4<reflection>a</reflection>", "a", "4"),
    ("<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>4<|END_RESPONSE|>", "a", "4"),
    ("<|channel>thought\na<channel|>4", "thought\na", "4"),
    ("<|inner_prefix|>a<|inner_suffix|>4", "a", "4"),
    ("[unused16]a[unused17]4", "a", "4"),
    ("<|think|>a<|end|><|begin|>assistant<|content|>4<|flush|>", "a", "4"),
    ("<think>a</think><response>4</response>", "a", "4"),
    ("Here is my thought process: a\nHere is my response: 4", " a\n", " 4"),
    ("Here are my reasoning steps:\na\n[BEGIN FINAL RESPONSE]\n4\n[END FINAL RESPONSE]", "\na\n", "\n4\n"),
    ("a\n[BEGIN FINAL RESPONSE]4", "a\n", "4"),
    ("## Thinking\n\na\n\n## Final Response\n\n4", "\n\na\n\n", "\n\n4"),
    ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>4<|return|>", "a", "4"),
    ("analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>4", "a", "4"),
    (
        "a<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>4<|return|>",
        "a<|end|><|start|>assistant",
        "4",
    ),
    (
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary to=functions.python"
        " <|constrain|>json<|message|>{}<|call|><|start|>assistant<|channel|>final<|message|>4<|end|>"
        "<|start|>user<|message|>5",
        "a{}",
        "4",
    ),
    ("analysisWe add.assistantfinalThe answer is 4.", "We add.", "The answer is 4."),
    ("analysisWe add.assistantcommentary to=python code2+2assistantfinal4", "We add. to=python code2+2", "4"),
    ("We add.assistantfinal4", "We add.", "4"),
    ("a</think>4", "a", "4"),
    ("a</think>b</think>4", "ab", "4"),
    ("<think>a</think>4</think>", "a", "4"),
    ("<think>a<think>b</think>c</think>4", "a<think>b</think>c", "4"),
    ("<think>a <think>b</think>4", "a <think>b", "4"),
    ("<think>a</think>4<think>b</think>", "ab", "4"),
    ("<think>a</think>3<think>b</think>4", "ab", "3\n4"),
    ("<think>They mention the <think> tag.</think>4", "They mention the <think> tag.", "4"),
    ("<think>It ends with the </think>4", "It ends with the ", "4"),
    ("<think>It ends with the </think> tag.</think>4", "It ends with the </think> tag.", "4"),
    ("So <think>a</think>4", "a", "So \n4"),
]
WHOLE = [
    "The answer is 4.",
    "",
    "Models wrap thoughts in the tag <think> and then answer. The answer is 4.",
    "The closing tag </think> is missing here. The answer is 4.",
    "The answer is 4. Models end their thoughts with `</think>`.",
    'Use re.compile("<think>(.*?)</think>") to cut it. The answer is 4.',
    "The tokens <think> and </think> are special. The answer is 4.",
    "“<think>” opens a thought. The answer is 4.",
    "Here is my thought process: 2+2. The answer is 4.",
    "## Thinking\nThe answer is 4.",
    "analysis of the data gives 4",
    "analysis: 4",
    "The final analysis: assistant professors earn 4.",
    "<|end|>",
    "|x| < 4 and [4, 5]",
]
OPEN = [
    (r"<think>It is \boxed{4}", ""),
    ("<thinking>4", ""),
    ("[THINK]4", ""),
    ("<reasoning>The answer is 4.", ""),
    ("<|channel|>analysis<|message|>4", ""),
    ("analysisWe get 4", ""),
    ("<|channel>thought\n4", ""),
    ("<think>a</think>It is 4.<think>Or 5?", "It is 4."),
    ("<think>a</think><think>The answer is 4.", ""),
    ("<think>a</think>The answer is 4.\n<|channel|>analysis<|message|>", ""),
]
SILENT = [
    "<think>4</think>",
    "<think>4</think>\n\n",
    r"so \boxed{4}</think>",
    "[THINK]4[/THINK] ",
    "<reasoning>4</reasoning>",
    "◁think▷4◁/think▷",
]


@pytest.mark.parametrize(("text", "thought", "said"), APART)
def test_thoughts_and_words_are_separated(text: str, thought: str, said: str) -> None:
    found = split_thoughts(text)
    assert (found.thought, found.said, found.finished) == (thought, said, True)
    assert final_answer(text) == "4"


@pytest.mark.parametrize("text", ["<th\u0131nk>a</th\u0131nk>4", "4<ref\u0131n\u0130sh>", "</th\u0130nk>"])
def test_a_letter_of_another_alphabet_makes_no_marker(text: str) -> None:
    assert split_thoughts(text).said == text


@pytest.mark.parametrize("text", WHOLE)
def test_a_text_that_only_mentions_markers_is_whole(text: str) -> None:
    found = split_thoughts(text)
    assert (found.thought, found.said, found.finished) == ("", text, True)


@pytest.mark.parametrize(("text", "said"), OPEN)
def test_open_thoughts_are_not_finished(text: str, said: str) -> None:
    found = split_thoughts(text)
    assert (found.said, found.finished) == (said, False)
    assert final_answer(text) == ("4" if said else None)


@pytest.mark.parametrize("text", SILENT)
def test_thoughts_with_nothing_behind_give_no_answer(text: str) -> None:
    assert not split_thoughts(text).said.strip()
    assert final_answer(text) is None


@given(
    st.lists(
        st.sampled_from(["<think>", "</think>", "a", "\n", "<answer>", "assistantfinal", "<|message|>", "[THINK]", "`"])
    ).map("".join)
)
def test_what_was_said_is_at_its_places(text: str) -> None:
    found = split_thoughts(text)
    assert found.said == "\n".join(text[start:end] for start, end in found.places)
    for offset, sign in enumerate(found.said):
        place = found.place(offset)
        assert sign == "\n" or text[place] == sign
