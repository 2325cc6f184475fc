"""One row of a training file: for each shape a function of a solution, its problem and its format."""

import json
from typing import Any

from slipstick.formats import Format, join, load_format, render, render_chat, render_example, render_prompt, tool_schema
from slipstick.schema import Block, Code, Output, Problem, Solution, Text
from slipstick.thoughts import split_thoughts
from slipstick.trainable import SPLIT_NAMES


def written_format(solution: Solution) -> str:
    """The format a solution is laid out in; that of a hybrid one's last attempt."""
    if solution.format != "hybrid":
        return solution.format
    return "pot" if any(isinstance(block, Code) for block in solution.blocks) else "cot"


def as_imported(format: Format, solution: Solution) -> Format:
    """The format with the words in which the solution's imported dialogue asked; as it is for all others."""
    own = solution.imported_prompt
    return format.model_copy(update=own.model_dump()) if own else format


def alpaca(solution: Solution, problem: Problem, format: Format) -> dict[str, Any]:
    """MathInstruct's columns: `instruction` with the format's trigger, `output`, and `source`.

    An interleaved solution has the interpreter's outputs in `output`, as ToRA's published rows do. `system` is
    LLaMA-Factory's column, for rows whose imported dialogue had a system message.
    """
    own, asked = solution.imported_prompt, render_chat(as_imported(format, solution), problem)
    return {
        "id": solution.id,
        "source": f"{problem.id.partition('/')[0]}/{solution.format}",
        "instruction": next(str(row["content"]) for row in asked if row["role"] == "user"),
        "output": join(render(format, solution.blocks)).strip("\n"),
        **({"system": own.system} if own and own.system else {}),
        **_gold_beside(problem),
    }


def prompt_completion(solution: Solution, problem: Problem, format: Format) -> dict[str, Any]:
    """Prompt and completion as two texts: TRL trains on all of the completion, outputs included."""
    return {
        "id": solution.id,
        "prompt": render_prompt(format, problem),
        "completion": join(render(format, solution.blocks)),
        **_gold_beside(problem),
    }


def segments(solution: Solution, problem: Problem, format: Format) -> dict[str, Any]:
    """Pieces of text that are trained on or not: exactly our own labels, except for the end-of-text token.

    That token is the tokenizer's: add it as a last segment, with the label true, if the trainer adds none.
    """
    rows: list[dict[str, Any]] = []
    for piece in render_example(format, problem, solution.blocks):
        if rows and rows[-1]["label"] == piece.trained:
            rows[-1]["text"] += piece.text
        else:
            rows.append({"text": piece.text, "label": piece.trained})
    return {"id": solution.id, "segments": rows, **_gold_beside(problem)}


def messages(solution: Solution, problem: Problem, format: Format) -> dict[str, Any]:
    """Chat messages; code that was run step by step becomes calls of a tool, their arguments an object.

    `tools` is a JSON text, since not every reader stores objects of different shapes in one column.
    """
    calls = any(isinstance(block, Output) for block in solution.blocks) and format.executes == "steps"
    chosen = as_imported(load_format("tools") if calls else format, solution)
    said = render_chat(chosen, problem, _trimmed(solution.blocks) if calls else _begun(solution.blocks))
    for message in said:
        for call in message.get("tool_calls", ()):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    tools = json.dumps([tool_schema("python")] if calls else [])
    return {"id": solution.id, "messages": said, "tools": tools, **_gold_beside(problem)}


def sharegpt(solution: Solution, problem: Problem, format: Format) -> dict[str, Any]:
    """Turns of human, function_call, observation and gpt, in strict alternation as LLaMA-Factory wants them.

    A call's value has no room for the words before it, so they become comments at the top of its code. Thoughts go
    before the call in <think> and </think>, where LLaMA-Factory reads them as thoughts.
    """
    row = messages(solution, problem, format)
    turns: list[dict[str, str]] = []
    system = ""
    for message in row["messages"]:
        match message["role"]:
            case "system":
                system = message["content"]
            case "user":
                turns.append({"from": "human", "value": message["content"]})
            case "tool":
                turns.append({"from": "observation", "value": message["content"]})
            case _:
                turns.append(_gpt_turn(message))
    said = {"conversations": turns, "system": system, "tools": row["tools"]}
    return {"id": solution.id, **said, **_gold_beside(problem)}


def records(solution: Solution, problem: Problem, format: Format) -> dict[str, Any]:
    """Every field of a solution as a column; blocks as JSON text."""
    return {
        "id": solution.id,
        "problem_id": problem.id,
        "question": problem.text,
        "gold": json.dumps(problem.answer, ensure_ascii=False),
        "kind": problem.kind or "",
        "licence": problem.licence or "",
        "format": solution.format,
        "blocks": json.dumps([block.model_dump() for block in solution.blocks], ensure_ascii=False),
        "text": join(render(format, solution.blocks)),
        "answer": solution.answer or "",
        "outcome": solution.verdict.outcome if solution.verdict else "",
        "method": solution.verdict.method if solution.verdict else "",
        "model": solution.model,
        "seed": -1 if solution.seed is None else solution.seed,
        "prompt_hash": solution.prompt_hash,
        "tokens": solution.tokens,
        "cost": solution.cost,
        "imported_prompt": solution.imported_prompt.model_dump_json() if solution.imported_prompt else "",
        "metadata": json.dumps(problem.metadata, ensure_ascii=False, default=str),
    }


def trl_rl(solution: Solution, problem: Problem, format: Format) -> dict[str, Any]:
    """A prompt and the columns that `slipstick.rewards.trl` reads."""
    return {
        "id": problem.id,
        "prompt": [{"role": "user", "content": problem.text}],
        "answer": _gold(problem),
        "kind": problem.kind or "",
    }


def verl_rl(solution: Solution, problem: Problem, format: Format) -> dict[str, Any]:
    """verl's columns: data_source, prompt, ability, reward_model, extra_info."""
    return {
        "data_source": problem.id.partition("/")[0],
        "prompt": [{"role": "user", "content": problem.text}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": _gold(problem)},
        "extra_info": {"split": _split(problem), "index": problem.id, "kind": problem.kind or ""},
    }


def outcomes(solution: Solution, problem: Problem, format: Format) -> dict[str, Any]:
    """What an outcome value model learns from: question, solution, 1 for correct and 0 for incorrect."""
    return {
        "id": solution.id,
        "question": problem.text,
        "solution": join(render(format, _begun(solution.blocks))),
        "label": int(solution.verdict is not None and solution.verdict.outcome == "correct"),
        **_gold_beside(problem),
    }


def _split(problem: Problem) -> str:
    """The split that curation chose, else that of an id like "gsm8k/train/7"; "" if nothing says one."""
    parts = problem.id.split("/")
    named = parts[1] if len(parts) >= 3 or (len(parts) == 2 and parts[1] in SPLIT_NAMES) else ""
    return str(problem.metadata.get("split") or named)


def _gold(problem: Problem) -> str:
    """A single gold as it is, several as a JSON list: a column has one type."""
    return problem.answer if isinstance(problem.answer, str) else json.dumps(problem.answer, ensure_ascii=False)


def _gold_beside(problem: Problem) -> dict[str, str]:
    """The gold and its kind as columns of their own, which trainers pass over and `slipstick import` reads."""
    kind = {"kind": problem.kind} if problem.kind else {}
    return {"answer": _gold(problem), **kind} if problem.answer else {}


def _begun(blocks: list[Block]) -> list[Block]:
    """The blocks without the line break that stands between a prompt that is continued and its first word."""
    first = blocks[0] if blocks else None
    return [Text(text=first.text.lstrip("\n")), *blocks[1:]] if isinstance(first, Text) else blocks


def _trimmed(blocks: list[Block]) -> list[Block]:
    """Words without the line breaks that a format puts around code."""
    kept: list[Block] = []
    for block in blocks:
        if not isinstance(block, Text):
            kept.append(block)
        elif words := block.text.strip("\n"):
            kept.append(Text(text=words))
    return kept


def _gpt_turn(message: dict[str, Any]) -> dict[str, str]:
    if "tool_calls" not in message:
        return {"from": "gpt", "value": message["content"]}
    called = message["tool_calls"][0]["function"]
    thoughts = split_thoughts(message["content"])
    thought = thoughts.thought.strip()
    words = "".join(f"# {line}\n" for line in thoughts.said.splitlines() if line.strip())
    arguments = {"code": words + called["arguments"]["code"]}
    value = json.dumps({"name": called["name"], "arguments": arguments}, ensure_ascii=False)
    return {"from": "function_call", "value": (f"<think>\n{thought}\n</think>\n\n" if thought else "") + value}
