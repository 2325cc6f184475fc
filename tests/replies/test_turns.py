"""Where a turn ends, and which of its code is run, in the formats that run code in steps."""

from __future__ import annotations

import pytest

from slipstick.formats import Format, load_format
from slipstick.models import Reply
from slipstick.replies.turns import end_turn, read_turn, turn_end
from slipstick.schema import Code, Text
from tests.replies.replying import solve_all

TIR, POT, COT, MARIO, TOOLS = (load_format(name) for name in ("tir", "pot", "cot", "mario", "tools"))
CLOSED = "a\n```python\nx\n```\n"
DRAFT = "<think>\n```python\nx\n```\n### Instruction\n"


@pytest.mark.parametrize(
    ("format", "text", "expected"),
    [
        (TIR, "a\n```python\nx", CLOSED),
        (TIR, "a\n```python\nx\n```", CLOSED),
        (TIR, CLOSED, CLOSED),
        (TIR, CLOSED + "and then", CLOSED),
        (TIR, "a\n### Instruction" + CLOSED, "a\n"),
        (TIR, "a\n```python\nx\n### Instruction", "a\n```python\nx\n"),
        (TIR, "only words", "only words"),
        (TIR, "```\nno python\n```\n", "```\nno python\n```\n"),
        (TIR, "~~~py\nx", "~~~py\nx\n~~~\n"),
        (TIR, DRAFT, DRAFT),
        (TIR, f"{DRAFT}</think>\n{CLOSED}b", f"{DRAFT}</think>\n{CLOSED}"),
        (TIR, f"{DRAFT}</think>\nb", f"{DRAFT}</think>\nb"),
        (POT, "print(42)\n", "print(42)\n"),
        (POT, "print(42)### Instruction", "print(42)"),
        (COT, "```python\nprint(42)\n```", "```python\nprint(42)\n```"),
        (MARIO, "so\n</p>\n\n<code>\n```python\nx", "so\n</p>\n\n<code>\n```python\nx\n```\n</code>\n"),
    ],
)
def test_a_turn_is_cut_and_closed_where_it_should_be(format: Format, text: str, expected: str) -> None:
    assert end_turn(text, "stop", format) == (expected, "stop")


def test_a_code_block_that_ran_out_of_tokens_stays_open() -> None:
    assert end_turn("```python\nx", "length", TIR) == ("```python\nx", "length")
    assert end_turn(CLOSED + "b", "length", TIR) == (CLOSED, "stop")


@pytest.mark.parametrize(
    ("format", "text", "end"),
    [
        (TIR, "We add.\n```python\n1 + 2\n```\nmore", 28),
        (TIR, "We add.\n```python\n1 + 2\n``", None),
        (TIR, "no code\n```\n", None),
        (TIR, "so\n### Instruction:\n```python\n1\n```\n", 3),
        (COT, "it is 3.\n\n### Instruction:\nNext", 10),
        (POT, "print(1)\n```\n", None),
        (TIR, DRAFT, None),
    ],
)
def test_a_turn_ends_where_a_block_closes_or_a_stop_string_stands(format: Format, text: str, end: int | None) -> None:
    assert turn_end(format, text) == end


def test_a_fence_at_the_very_end_closes_the_code() -> None:
    assert read_turn(TIR, "```python\n1\n```").blocks == [Code(text="1")]
    assert read_turn(TIR, "```python\n1").blocks == [Text(text="```python\n1")]
    assert read_turn(TIR, "```python\n1", finish="stop").blocks == [Code(text="1")]


ARGUMENTS = '{"code": "print(4)"}'
CALL = '{"name": "python", "arguments": {"code": "print(4)"}}'
STEPS = [
    "```python\nprint(4)\n```\n",
    "We add.\n```python3\nprint(4)\n```",
    "``` python\nprint(4)\n```",
    "~~~python\nprint(4)\n~~~",
    "```ipython\nprint(4)\n```",
    "```py\nprint(4)\n```",
    "```Python\nprint(4)\n```",
    "We add.\r\n```python\r\nprint(4)\r\n```\r\nmore",
    "```python\nprint(4)```",
    "1. We add:\n   ```python\n   for i in range(1):\n       print(4)\n   ```\n2. So",
    "```latex\nx\n```\nso\n```python\nprint(4)\n```\n",
    "```bash\npip install sympy\n```\n```python\nprint(4)\n```\n```python\nprint(5)\n```\n",
    '```python\ns = """\n```\n"""\nprint(4)\n```\n',
    "```python\nprint(4)\n```output\n5\n```\nThe answer is 5.",
    "```python\nprint(4)",
    "<think>\n```python\nprint(9)\n```\n</think>\nWe add.\n```python\nprint(4)\n```\n",
    "```python\nprint(9)\n```\n</think>\n```python\nprint(4)\n```\n",
    f"<tool_call>\n{CALL}\n</tool_call>",
]
CALLS = [
    # JSON between markers
    f"I compute.\n<tool_call>\n{CALL}\n</tool_call>",
    f"<tool_call>\n{CALL}",
    f"<tool_call>\n{CALL[:-1]}\n</tool_call>",
    f"<tool_call>python\n{ARGUMENTS}</tool_call>",
    "<tool_call>\n{'name': 'python', 'arguments': {'code': 'print(4)'}}\n</tool_call>",
    f"<function=python>{ARGUMENTS}</function>",
    f"<|python_tag|>{CALL}",
    f"[TOOL_CALLS][{CALL}]",
    f"[TOOL_CALLS]python{ARGUMENTS}",
    f"[TOOL_CALLS]python[ARGS]{ARGUMENTS}",
    f"[TOOL_CALLS]python[CALL_ID]abc123def[ARGS]{ARGUMENTS}",
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>python\n"
    f"```json\n{ARGUMENTS}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>python<｜tool▁sep｜>{ARGUMENTS}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.python:0<|tool_call_argument_begin|>"
    f"{ARGUMENTS}<|tool_call_end|><|tool_calls_section_end|>",
    f"<|tool_call|>[{CALL}]",
    f"functools[{CALL}]",
    f"<|action_start|><|plugin|>{CALL}<|action_end|>",
    '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "python", "parameters": {"code": "print(4)"}}]<|END_ACTION|>',
    f"<TOOLCALL>[{CALL}]</TOOLCALL>",
    f"<tool_calls>[{CALL}]</tool_calls>",
    f"<tool_calls><tool_call>python\n```json\n{ARGUMENTS}\n```</tool_call></tool_calls>",
    # parameters in tags
    "<tool_call>\n<function=python>\n<parameter=code>\nprint(4)\n</parameter>\n</function>\n</tool_call>",
    "<seed:tool_call><function=python><parameter=code>print(4)</parameter></function></seed:tool_call>",
    "<tool_call>python\n<arg_key>code</arg_key>\n<arg_value>print(4)</arg_value>\n</tool_call>",
    '<minimax:tool_call>\n<invoke name="python">\n<parameter name="code">print(4)</parameter>\n</invoke>\n'
    "</minimax:tool_call>",
    '<｜DSML｜function_calls>\n<｜DSML｜invoke name="python">\n<｜DSML｜parameter name="code" string="true">print(4)'
    "</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>",
    "<start_function_call>call:python{code:<escape>print(4)<escape>}<end_function_call>",
    # messages to a function
    "<|channel|>analysis<|message|>I add.<|end|><|start|>assistant<|channel|>commentary to=functions.python "
    f"<|constrain|>json<|message|>{ARGUMENTS}<|call|>",
    "<|channel|>analysis to=python code<|message|>print(4)<|call|>",
    f"analysisWe need 2+2.assistantcommentary to=functions.python json{ARGUMENTS}",
    # Python, bare code, whole texts, fences
    '<|python_start|>[python(code="print(4)")]<|python_end|>',
    '<function_calls>python(code="print(4)")</function_calls>',
    "<|python_tag|>print(4)<|eom_id|>",
    "<code>print(4)</code>",
    f"<python>\n{ARGUMENTS}\n</python>",
    "<python>print(4)</python>",
    "I compute.\n<python>\nprint(4)\n</python>\nand guess 5",
    '{"name": "python", "parameters": {"code": "print(4)"}}',
    ARGUMENTS,
    f"[{CALL}]",
    '[python(code="print(4)")]',
    'python(code="print(4)")',
    "[PYTHON]\nprint(4)\n[/PYTHON]",
    "Action: python\nAction Input: print(4)\nObservation: 5",
    "Action: python\nAction Input:\n```python\nprint(4)\n```",
    f"```json\n{CALL}\n```",
    '```tool_code\nprint(python(code="print(4)"))\n```',
    "```tool_code\nprint(4)\n```",
    "I compute.\n```python\nprint(4)\n```",
    f"<think>\n<tool_call>{CALL.replace('4', '9')}</tool_call>\n</think>\n<tool_call>\n{CALL}\n</tool_call>",
]
NOT_RUN = [
    f"<think>\n<tool_call>{CALL}</tool_call>\n",
    "<think>\n```python\nprint(9)\n```\n",
    "The list [4] and {4} and <b> are no calls: \\boxed{4} <answer>",
    "I used <tool_call> tags. The result is plain.",
    "`<tool_call>` and [TOOL_CALLS] are markers, <code>4</code> is none.",
    '{"name": "x", "answer": 4}',
    "The Action Input: it is a number.",
    "To run it yourself:\n```python\nprint(9)\n```\nBut the result is plain.",
]
REFUSED = [
    ('<tool_call>{"name": "search", "arguments": {"query": "2+2"}}</tool_call>', "there is no function `search`"),
    ('<python>\n{"query": "2+2", "x": "4"}\n</python>', "needs the argument `code`"),
    ("<tool_call>hello 4 there</tool_call>", "neither JSON nor Python"),
    ('<tool_call>{"name": "python", "arguments": {}}</tool_call>', "needs the argument `code`"),
    ('<tool_call>{"name": "python", "arguments": {"a": "1", "b": "2"}}</tool_call>', "it has `a`, `b`"),
]
BROKEN_OFF = [
    '<tool_call>{"name": "python", "arguments": {"code": "print(2+',
    '<tool_call>{"name": "python", "arguments": {"code": "print(2+2)"',
    '{"name": "python", "arguments": {"code": "print(2+',
    "First I compute 2+2.\n<python>\nprint(2+2",
    '[TOOL_CALLS][{"name": "python", "arguments": {"code": "print(2+',
    '<|channel|>commentary to=functions.python <|constrain|>json<|message|>{"code": "print(2+',
    "<think>2+2</think>I compute 2+2.\n<tool_call>\n<function=python>\n<parameter=code>\nprint(2+",
    '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>python\n```json\n{"code": "print(2+',
]


def ran(replies: list[str], format: str) -> dict[str, list[str]]:
    """What the interpreter answered to each reply."""
    solutions = solve_all([Reply(text=reply) for reply in replies], format=format)
    outputs = [[block.text for block in solution.blocks if block.type == "output"] for solution in solutions]
    return dict(zip(replies, outputs, strict=True))


@pytest.mark.parametrize(("format", "replies"), [("tir", STEPS), ("tools", CALLS)])
def test_code_is_run_however_it_is_marked(format: str, replies: list[str]) -> None:
    assert {reply: outputs for reply, outputs in ran(replies, format).items() if outputs != ["4"]} == {}


def test_nothing_else_is_run() -> None:
    assert {reply: outputs for reply, outputs in ran(NOT_RUN, "tools").items() if outputs} == {}


def test_several_calls_in_a_text_are_run_in_order() -> None:
    text = f"<tool_call>{CALL}</tool_call>\n<tool_call>{CALL.replace('4', '5')}</tool_call>\nand more"
    assert ran([text], "tools")[text] == ["4", "5"]


def test_a_call_that_cannot_be_read_is_answered_with_the_reason() -> None:
    solutions = solve_all([text for text, _ in REFUSED], format="tools")
    for solution, (_, said) in zip(solutions, REFUSED, strict=True):
        code, output, _ = solution.blocks
        assert (code.type, output.type) == ("code", "output")
        assert output.type == "output" and output.status == "error" and said in output.text
        assert solution.answer is None


@pytest.mark.parametrize("format", ["cot", "tir", "tools"])
def test_what_broke_off_is_not_run_and_no_number_in_it_is_an_answer(format: str) -> None:
    solutions = solve_all([Reply(text=text, finish="length") for text in BROKEN_OFF], format=format)
    for text, solution in zip(BROKEN_OFF, solutions, strict=True):
        assert ([block.type for block in solution.blocks], solution.answer) == (["text"], None), text


def test_a_fenced_program_that_broke_off_is_not_run() -> None:
    cut = ["I add.\n```python\nprint(2)\nprint(2", "```python\nprint(3)\n```\nNo:\n```python\nx = 4\n"]
    for solution in solve_all([Reply(text=text, finish="length") for text in cut], format="pot"):
        assert ([block.type for block in solution.blocks], solution.answer) == (["text"], None)


def test_an_answer_that_was_marked_before_a_call_that_broke_off_stays() -> None:
    text = 'It is \\boxed{4}. I check 5.\n<tool_call>{"name": "python", "arguments": {"code": "print(2+'
    assert solve_all([Reply(text=text, finish="length")], format="tools")[0].answer == "4"
    words = f"<tool_call>{CALL.replace('4', '9')}</tool_call> So the answer is 4."
    assert solve_all([words], format="cot")[0].answer == "4"
