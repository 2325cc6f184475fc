"""The verdict on a whole dialogue with the interpreter as a tool, as tasks of other tools have it.

Messages are those of chat APIs, in which a call is `{"function": {"name", "arguments"}}`, or `{"name", "arguments"}` as
verifiers writes it, or `{"function": name, "arguments"}` as inspect does; or they are items of the Responses API.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from slipstick.formats import load_format
from slipstick.golds import asked_kind
from slipstick.grade import grade
from slipstick.importers.training.layouts import output
from slipstick.replies.arguments import UnreadableCallError, check_name, read_arguments
from slipstick.rewards.verdicts import GradedAnswer
from slipstick.schema import Block, Code, Problem, Solution, Text
from slipstick.solve.attempt import answer_in
from slipstick.thoughts import thoughts_in, words_in

__all__ = ["grade_dialogue", "solution_of"]

_CALLS = ("function_call", "custom_tool_call")
_RESULTS = ("function_call_output", "custom_tool_call_output")


def grade_dialogue(
    messages: Iterable[Mapping[str, Any]], problem: Problem, *, profile: str = "slipstick"
) -> GradedAnswer:
    """The answer that a dialogue ends in, and the verdict on it: the same as of a run of ours in the format `tools`.

    An answer that only a program printed counts if no words follow it; a call that was not run is none. `reward` is
    None if the verdict is undecided. Raises UserError for a profile that does not exist.
    """
    solution = solution_of(messages, problem)
    return GradedAnswer(solution.answer, grade(solution, problem, profile=profile))


def solution_of(messages: Iterable[Mapping[str, Any]], problem: Problem) -> Solution:
    """The dialogue as a solution: its words, what was called, and what came back; the user's messages are left out."""
    blocks: list[Block] = []
    waiting: dict[str, list[Code]] = {}
    for message in messages:
        match message.get("type") if message.get("type") in (*_CALLS, *_RESULTS) else message.get("role"):
            case "assistant":
                _say(blocks, message)
                for number, call in enumerate(message.get("tool_calls") or ()):
                    waiting[str(call.get("id") or f"call {len(blocks)} {number}")] = _codes(call)
            case "function_call" | "custom_tool_call":
                waiting[str(message.get("call_id"))] = _codes(message)
            case "tool" | "function_call_output" | "custom_tool_call_output":
                name = str(message.get("tool_call_id") or message.get("call_id"))
                called = waiting.pop(name if name in waiting else next(iter(waiting), ""), [])
                given = message.get("content", message.get("output"))
                blocks += [*called, output(words_in(given))]
    blocks += [code for codes in waiting.values() for code in codes]
    format = load_format("tools" if any(isinstance(block, Code) for block in blocks) else "cot")
    answer = answer_in(format, blocks, kind=asked_kind(problem.kind, problem.answer, problem.choices))
    name = f"{problem.id}#{format.name}#0"
    return Solution(id=name, problem_id=problem.id, format=format.name, blocks=blocks, answer=answer)


def _say(blocks: list[Block], message: Mapping[str, Any]) -> None:
    thought, words = thoughts_in(message), words_in(message.get("content"))
    if text := (f"<think>\n{thought}\n</think>\n\n{words}" if thought else words):
        blocks.append(Text(text=text))


def _codes(call: Mapping[str, Any]) -> list[Code]:
    """The programs of a call; of one that cannot be read its arguments, for which an error comes back."""
    function = call.get("function")
    called = function if isinstance(function, Mapping) else call
    name = function if isinstance(function, str) else called.get("name")
    given = called.get("arguments", called.get("input"))
    try:
        check_name(name, "python", given)
        return [Code(text=code) for code in read_arguments(given)]
    except UnreadableCallError:
        return [Code(text=str(given))]
