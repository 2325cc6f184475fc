"""Solves problems: each solution alternates between the model and the interpreter at its own pace."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from pydantic import Field

from slipstick.answers import answer_of
from slipstick.execute import run_program
from slipstick.formats import Format, parse, render_prompt
from slipstick.interpreters import Interpreter, Session
from slipstick.models import Model, Reply, Request, Sampling
from slipstick.schema import Block, Code, Finish, Output, Problem, Record, Solution


class SolveSettings(Record):
    """How solutions are drawn."""

    samples: int = Field(default=1, ge=1)
    """Solutions of one problem in one format."""
    temperature: float = Field(default=0.0, ge=0)
    """0 takes the likeliest token."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Share of probability that tokens are drawn from."""
    max_tokens: int = Field(default=1024, ge=1)
    """Most new tokens of one turn."""
    seed: int = 0
    """Sample k is drawn with seed + k."""
    turns: int = Field(default=8, ge=1)
    """Most code blocks that are run in one solution; MARIO used 5 for its data and 8 in its code."""
    hybrid_choice: Literal["pot", "cot"] = "pot"
    """What hybrid asks first for choice questions: MAmmoTH's first version asked "cot", its later ones "pot"."""
    in_flight: int = Field(default=256, ge=1)
    """Problems worked on at one time."""


class Hybrid(Record):
    """Two formats combined (MAmmoTH, section 2.4): the second is asked where the first gives no answer."""

    pot: Format
    cot: Format

    def order(self, problem: Problem, settings: SolveSettings) -> tuple[Format, Format]:
        """Which format is asked first, and which where that gives no answer."""
        words_first = problem.kind == "choice" and settings.hybrid_choice == "cot"
        return (self.cot, self.pot) if words_first else (self.pot, self.cot)


async def solve(
    problems: Iterable[Problem],
    layouts: Sequence[Format],
    *,
    model: Model,
    interpreter: Interpreter,
    settings: SolveSettings,
    hybrid: Hybrid | None = None,
    on_solution: Callable[[Solution], None],
    done: Mapping[str, Solution] | None = None,
) -> None:
    """Hands every solution to `on_solution` as it ends: per problem and sample one in each layout, and the hybrid.

    A hybrid solution shares its attempts with the layouts asked for beside it, so nothing is solved twice; it carries
    the attempt that failed as `earlier`.
    done: solutions by id that an interrupted run already has; they are neither made nor handed over again.
    Raises what the model raises for a user's mistake (ModelError), in an ExceptionGroup.
    """
    done = done or {}
    work = ((problem, sample) for problem in problems for sample in range(settings.samples))

    def report(solution: Solution) -> None:
        if solution.id not in done:
            on_solution(solution)

    async def make(problem: Problem, sample: int, layout: Format) -> Solution:
        known = done.get(solution_id(problem, layout.name, sample))
        if known:
            return known
        return await attempt(problem, layout, sample=sample, model=model, interpreter=interpreter, settings=settings)

    async def make_and_report(problem: Problem, sample: int, layout: Format) -> Solution:
        solution = await make(problem, sample, layout)
        report(solution)
        return solution

    async def worker() -> None:
        for problem, sample in work:
            async with asyncio.TaskGroup() as group:
                made = {layout.name: group.create_task(make_and_report(problem, sample, layout)) for layout in layouts}
                if hybrid:
                    first, second = hybrid.order(problem, settings)
                    tried = await (made.get(first.name) or make(problem, sample, first))
                    if tried.answer is None:
                        report(combine(await (made.get(second.name) or make(problem, sample, second)), [tried]))
                    else:
                        report(combine(tried, []))

    async with asyncio.TaskGroup() as group:
        for _ in range(settings.in_flight):
            group.create_task(worker())


async def attempt(
    problem: Problem,
    layout: Format,
    *,
    sample: int,
    model: Model,
    interpreter: Interpreter,
    settings: SolveSettings,
) -> Solution:
    """One solution: generate until a code block closes, run it, append its output, generate on."""
    began = time.monotonic()
    seed = settings.seed + sample
    sampling = Sampling(
        temperature=settings.temperature, top_p=settings.top_p, max_tokens=settings.max_tokens, seed=seed
    )
    session = interpreter.session()
    blocks: list[Block] = []
    replies: list[Reply] = []
    finish: Finish = "stop"
    try:
        for turn in range(settings.turns + 1):
            reply = await model.generate(
                Request(
                    problem=problem, layout=layout, sample=sample, turn=turn, blocks=list(blocks), sampling=sampling
                )
            )
            replies.append(reply)
            finish = reply.finish
            written = until_code(layout, reply.text)
            blocks += written
            if finish == "error" or not written or not isinstance(written[-1], Code):
                break
            if turn == settings.turns:
                finish = "turns"
                break
            blocks.append(await run_code(session, layout, written[-1]))
            if layout.executes == "program":
                break
    finally:
        await session.close()
    return Solution(
        id=solution_id(problem, layout.name, sample),
        problem_id=problem.id,
        sample=sample,
        format=layout.name,
        blocks=blocks,
        finish=finish,
        error=replies[-1].error,
        answer=answer_of(blocks, kind=problem.kind),
        tokens=sum(reply.tokens for reply in replies),
        cost=sum(reply.cost for reply in replies),
        seconds=round(time.monotonic() - began, 3),
        model=model.name,
        seed=seed,
        prompt_hash=hashlib.sha256(render_prompt(layout, problem).encode()).hexdigest()[:12],
    )


def until_code(layout: Format, text: str) -> list[Block]:
    """The blocks of one turn, cut behind the first code block: what follows was written without its output."""
    if layout.executes == "steps" and text.endswith(layout.code_end.rstrip("\n")):
        text += layout.code_end[len(layout.code_end.rstrip("\n")) :]
    blocks = parse(layout, text)
    first = next((index for index, block in enumerate(blocks) if isinstance(block, Code)), len(blocks))
    return blocks[: first + 1]


async def run_code(session: Session, layout: Format, code: Code) -> Output:
    """Runs a code block: as a whole program, or as one step whose output fits between the format's fences."""
    if layout.executes == "program":
        return await run_program(session, code.text)
    output = await session.run(code.text)
    fence = layout.code_output_end.strip()
    return output.model_copy(update={"text": output.text.replace(fence, "'" * len(fence))}) if fence else output


def combine(chosen: Solution, earlier: list[Solution]) -> Solution:
    """The hybrid solution that an attempt becomes, with the attempts before it and all their cost."""
    return chosen.model_copy(
        update={
            "id": f"{chosen.problem_id}#hybrid#{chosen.sample}",
            "format": "hybrid",
            "earlier": earlier,
            "tokens": chosen.tokens + sum(solution.tokens for solution in earlier),
            "cost": chosen.cost + sum(solution.cost for solution in earlier),
            "seconds": chosen.seconds + sum(solution.seconds for solution in earlier),
        }
    )


def solution_id(problem: Problem, layout: str, sample: int) -> str:
    """'gsm8k/test/7#pot#0'."""
    return f"{problem.id}#{layout}#{sample}"
