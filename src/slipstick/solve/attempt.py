"""One solution: generate until a code block closes, run it, append its output, generate on."""

import hashlib
import time
from collections.abc import Sequence

from slipstick.answers import GUESSES, answer_of, find_answer
from slipstick.execute import run_program
from slipstick.formats import Format, render_prompt
from slipstick.golds import asked_kind
from slipstick.interpreters import Interpreter, Session
from slipstick.models import Model, Reply, Request, Sampling
from slipstick.replies.turns import Turn, read_turn, without_unrun_code
from slipstick.schema import Block, Code, Finish, Output, Problem, Solution, Text
from slipstick.solve.closest import ask_closest
from slipstick.solve.settings import SolveSettings
from slipstick.thoughts import split_thoughts


async def attempt(
    problem: Problem,
    format: Format,
    *,
    sample: int,
    model: Model,
    interpreter: Interpreter,
    settings: SolveSettings,
) -> Solution:
    """One solution. Raises what the model raises for a user's mistake (ModelError)."""
    began = time.monotonic()
    session = interpreter.session()
    blocks: list[Block] = []
    replies: list[Reply] = []
    try:
        finish = await _write(
            _first_request(problem, format, sample, settings),
            max_turns=settings.max_turns,
            model=model,
            session=session,
            blocks=blocks,
            replies=replies,
        )
    finally:
        await session.close()
    answer = answer_in(format, blocks, kind=asked_kind(problem.kind, problem.answer, problem.choices))
    if settings.closest_option and problem.choices and answer is not None:
        request = _first_request(problem, format, sample, settings)
        closest = await ask_closest(request, answer, choices=problem.choices, model=model)
        if closest:
            answer, blocks = closest.answer, [*blocks, *closest.blocks]
            replies.append(closest.reply)
    return Solution(
        id=solution_id(problem, format.name, sample),
        problem_id=problem.id,
        sample=sample,
        format=format.name,
        blocks=blocks,
        finish=finish,
        error=next((reply.error for reply in replies if reply.error), ""),
        answer=answer,
        tokens=sum(reply.tokens for reply in replies),
        thought_tokens=sum(map(thought_tokens, replies)),
        turn_ids=[reply.ids for reply in replies] if settings.return_token_ids else [],
        prompt_tokens=sum(reply.prompt_tokens for reply in replies),
        cached_replies=sum(reply.cached for reply in replies),
        cost=sum(reply.cost for reply in replies),
        seconds=round(time.monotonic() - began, 3),
        model=model.name,
        seed=settings.seed + sample,
        prompt_hash=hashlib.sha256(render_prompt(format, problem).encode()).hexdigest()[:12],
    )


def blocks_of(format: Format, reply: Reply) -> Turn:
    """The blocks of one turn: thoughts that were kept apart go before the words, never searched for code; calls behind.

    Reasoning is between <think> and </think>, as if a server had left it in the text.
    """
    blocks, refused = read_turn(format, reply.text, finish=reply.finish, calls=bool(reply.calls))
    refused = refused | {len(blocks) + place: why for place, why in reply.refused.items()}
    blocks = [*blocks, *(Code(text=code) for code in reply.calls)]
    if not reply.reasoning:
        return Turn(blocks, refused)
    thoughts = f"<think>\n{reply.reasoning}" + ("\n</think>\n\n" if blocks else "")
    if blocks and isinstance(blocks[0], Text):
        return Turn([Text(text=thoughts + blocks[0].text), *blocks[1:]], refused)
    return Turn([Text(text=thoughts), *blocks], {place + 1: why for place, why in refused.items()})


def thought_tokens(reply: Reply) -> int:
    """Tokens of a reply's thoughts: as they were counted, else by the share of its characters, markers included."""
    if reply.thought_tokens is not None:
        return min(reply.thought_tokens, reply.tokens)
    thoughts = split_thoughts(reply.text)
    said = sum(end - start for start, end in thoughts.places)
    thought = len(reply.reasoning) + (len(reply.text) - said if thoughts.thought_places else 0)
    return round(reply.tokens * thought / (thought + said + sum(map(len, reply.calls)))) if thought else 0


def answer_in(format: Format, blocks: Sequence[Block], *, kind: str | None = None) -> str | None:
    """The answer of a solution (`answer_of`). What stands in a call or a program that was not run is none.

    A solution that ends with one was still at work: only what it marked as its answer before counts.
    """
    last = blocks[-1] if blocks else None
    if not isinstance(last, Text):
        return answer_of(blocks, kind=kind)
    words, at_work = without_unrun_code(format, last.text)
    if not at_work:
        return answer_of([*blocks[:-1], Text(text=words)], kind=kind)
    found = find_answer(words, kind=kind)
    return found.text if found and found.rule not in GUESSES else None


async def run_code(session: Session, format: Format, code: Code) -> Output:
    """Runs a code block: as a whole program, or as one step whose output fits between the format's fences."""
    if format.executes == "program":
        return await run_program(session, code.text)
    output = await session.run(code.text)
    fence = format.code_output_end.strip()
    return output.model_copy(update={"text": output.text.replace(fence, "'" * len(fence))}) if fence else output


def solution_id(problem: Problem, format: str, sample: int) -> str:
    """'gsm8k/test/7#pot#0'."""
    return f"{problem.id}#{format}#{sample}"


def _first_request(problem: Problem, format: Format, sample: int, settings: SolveSettings) -> Request:
    sampling = Sampling(
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_tokens=settings.max_tokens,
        seed=settings.seed + sample,
    )
    return Request(problem=problem, format=format, sample=sample, turn=0, blocks=[], sampling=sampling)


async def _write(
    first: Request, *, max_turns: int, model: Model, session: Session, blocks: list[Block], replies: list[Reply]
) -> Finish:
    """Fills `blocks` and `replies` turn by turn, and says how it ended."""
    format, ran = first.format, 0
    for turn in range(max_turns + 1):
        reply = await model.generate(first.model_copy(update={"turn": turn, "blocks": list(blocks)}))
        replies.append(reply)
        written, refused = blocks_of(format, reply)
        ends = reply.finish == "error" or not any(isinstance(block, Code) for block in written)
        for place, block in enumerate(written):
            blocks.append(block)
            if ends or not isinstance(block, Code):
                continue
            if ran == max_turns:
                return "turns"
            why = refused.get(place)
            blocks.append(Output(text=why, status="error") if why else await run_code(session, format, block))
            ran += 1
        if ends or format.executes == "program":
            break
        if model.patient:
            await session.rest()
    return reply.finish
