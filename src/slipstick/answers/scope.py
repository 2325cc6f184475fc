"""Which part of what a model said can hold its answer: not a next question, nor code and calls that were not run."""

import re
from collections.abc import Callable

_ENDS = re.compile(
    r"<\|(?:im_end|eot_id|endoftext|end_of_text|end|return|eom_id|END_OF_TURN_TOKEN|user|system)\|>"
    r"|<｜end▁of▁sentence｜>|<\|User\|>|<\|end▁of▁sentence\|>|</s>|<eoa>|<eos>"
    r"|<end_of_turn>|<turn\|>|\[INST\]|<\|im_start\|>\s*(?:user|system)|<\|start_header_id\|>\s*(?:user|system)"
    r"|<start_of_turn>\s*user|<\|turn>user"
    r"|\n[ \t]*#{2,}\s*(?i:instruction|input)s?\b[ :]*\n|\n[ \t]*(?:### )?(?:Human|User)(?: ?\d{1,2})?\s?:\s"
)
"""Where a model's turn ends."""
_GOES_ON = re.compile(
    r"\s*(?:<\|im_start\|>|<\|im_assistant\|>|<\|im_system\|>tool|<\|start_header_id\|>|<start_of_turn>|<\|turn>|<\|start\|>)\s*(?:assistant|model"
    r"|tool|ipython)"
)
_QUESTION = re.compile(
    r"\n[ \t>#*]*(?P<word>question|problem|exercise|q|example|next question|next problem|new question|task|题目"
    r"|问题|例题|例|習題|問題|문제|frage|aufgabe|pregunta|pergunta|domanda|вопрос|задача)"
    r"[ \t]*+(?P<number>\d*+)[ \t]*+(?:\*++[ \t]*+)?[:：.)][ \t*]*",
    re.IGNORECASE,
)
_REPLY = re.compile(r"\n[ \t>#*]*(?:a|answer|solution|response|let's think)\b", re.IGNORECASE)
_TRIED = 5
_CODE = re.compile(
    r"```[ \t]*(?:python\d?|py|ipython\d?|tool_code|bash|sh|javascript|js|c|cpp|java|sql|r|matlab"
    r"|julia)\b[^\n]*\n.*?(?:\n[ \t]*```|\Z)"
    r"|<tool_call>.*?(?:</tool_call>|\Z)|<function_call>.*?(?:</function_call>|\Z)|<tool>.*?(?:</tool>|\Z)"
    r"|<code>.*?(?:</code>|\Z)"
    r"|<function=.*?(?:</function>|\Z)|<\|python_tag\|>.*?(?:<\||\Z)|\[TOOL_CALLS\].*?(?=\[TOOL_RESULTS\]|\n\n|\Z)|\[TOOL_RESULTS\].*?(?:\[/TOOL_RESULTS\]|\Z)|<execute>.*?(?:</execute>|\Z)|<invoke\b.*?(?:</invoke>|\Z)"
    r"|<\|tool_call_begin\|>.*?(?:<\|tool_call_end\|>|\Z)"
    r"|<\|tool_calls_section_begin\|>.*?(?:<\|tool_calls_section_end\|>|\Z)|<\|im_system\|>tool.*?(?:<\|im_end\|>|\Z)"
    r"|\bAction Input\s*:[^\n]*|\{[^{}\n]{0,200}\"(?:arguments|parameters|code|tool)\"\s*:\s*[{\"][^\n]*"
    r"|<\|tool_call>.*?(?:<tool_call\|>|\Z)|<[|｜]tool▁call▁begin[|｜]>.*?(?:<[|｜]tool▁call▁end[|｜]>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_MAY_BE_CODE = re.compile(r"```|<|\[TOOL|Action Input|\"\s*:")
_FINAL_CALL = re.compile(r"final_?answer", re.IGNORECASE)


def where_it_ends(text: str, gives_answer: Callable[[str], bool]) -> int:
    """Where the model's own turn ends: at an end token, the next user's turn, or a new question behind an answer."""
    end = len(text)
    for match in _ENDS.finditer(text):
        if text[: match.start()].strip() and not _GOES_ON.match(text, match.end()):
            end = match.start()
            break
    for match in list(_QUESTION.finditer(text, 0, end))[:_TRIED]:
        before = text[: match.start()]
        if match["number"] and re.match(rf"\W*{re.escape(match['word'])}\s*\d", before, re.IGNORECASE):
            continue  # the parts of one task
        asks = _REPLY.search(text, match.end(), end)
        line = re.split(r"[\n:]", before.rstrip("-*_ \n"))[-1]
        if gives_answer(before) or (asks and re.search(r"\d", line)):
            return match.start()
    return end


def without_code(text: str) -> str:
    """The text with blanks for code and calls, which were not run; as long as before."""
    if not _MAY_BE_CODE.search(text):
        return text
    return _CODE.sub(
        lambda match: match.group() if _FINAL_CALL.search(match.group()) else " " * len(match.group()), text
    )
