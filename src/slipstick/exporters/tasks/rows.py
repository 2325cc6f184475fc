"""A problem as a row of a task's data: the problem itself, which the grader reads, and what a model is asked."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from slipstick.formats import load_format, render_chat, tool_schema
from slipstick.schema import Problem


def chat_row(problem: Problem, format: str) -> dict[str, Any]:
    """The problem, and the chat messages that ask it in a format: the system's and the user's."""
    return {"id": problem.id, "problem": graded_by(problem), "messages": render_chat(load_format(format), problem)}


def gym_row(problem: Problem, format: str) -> dict[str, Any]:
    """A row of NeMo Gym: a request of the Responses API with the tool, and the problem for `/verify`."""
    chosen = load_format(format)
    asked: dict[str, Any] = {"input": render_chat(chosen, problem)}
    if chosen.tool:
        function = tool_schema(chosen.tool)["function"]
        strict = {**function["parameters"], "additionalProperties": False}
        asked |= {"tools": [{"type": "function", **function, "parameters": strict, "strict": True}]}
        asked |= {"parallel_tool_calls": False}
    return {"id": problem.id, "responses_create_params": asked, "problem": graded_by(problem)}


def graded_by(problem: Problem) -> dict[str, Any]:
    """The fields that the grader reads; the worked solution and the source's other columns stay behind."""
    tolerance = {key: value for key, value in problem.metadata.items() if key == "tolerance"}
    kept = problem.model_copy(update={"rationale": None, "metadata": tolerance})
    return kept.model_dump(mode="json", exclude_defaults=True)


def slug(name: str) -> str:
    """A name as a Python module may be called: small letters, digits and underscores."""
    return re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower() or "problems"


def distinct(names: Iterable[str], written: Callable[[str], str]) -> dict[str, str]:
    """Name -> how it is written, with _2, _3, ... behind what another name is written as already."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        base = made = written(name)
        number = 1
        while made in found.values():
            number += 1
            made = f"{base}_{number}"
        found[name] = made
    return found
