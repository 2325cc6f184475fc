"""Writes solutions without a model; every program is run, and what misses the gold is dropped with a reason.

MAmmoTH (section 2.2) keeps a program only where its result matches the annotated answer; so do we.
"""

import asyncio
import zlib
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from slipstick.answers import answer_of
from slipstick.equivalence import compare
from slipstick.formats import Format
from slipstick.golds import asked_kind
from slipstick.grade import grade
from slipstick.interpreters import Interpreter
from slipstick.schema import Block, Code, Drop, Output, Problem, Solution
from slipstick.solve.attempt import run_code, solution_id
from slipstick.synthesize.writer import NotWrittenError, Writer
from slipstick.synthesize.writing import WORKED_STEPS, is_small


async def synthesize(
    problems: Iterable[Problem],
    formats: Sequence[Format],
    *,
    interpreter: Interpreter,
    writer: Writer = WORKED_STEPS,
    on_solution: Callable[[Solution], None],
    on_drop: Callable[[Drop], None],
    shares: Mapping[str, float] | None = None,
    max_concurrent_solutions: int = 64,
    done: Collection[str] = (),
) -> None:
    """Writes every problem in the formats that suit it and hands over each solution, in the order of the problems.

    Problems without worked steps but with a rationale (abstract ones) are written in words only.
    shares: name of a format -> share of the problems that suit every format it is written for; shares that add up to 1
    give each of these problems one format. None writes all.
    max_concurrent_solutions: how many are written at one time. done: ids that an interrupted run already has.
    """
    under_way: deque[asyncio.Task[Solution | Drop]] = deque()

    async def hand_over() -> None:
        row = await under_way.popleft()
        if isinstance(row, Drop):
            on_drop(row)
        else:
            on_solution(row)

    try:
        for problem in problems:
            for format in choose_formats(problem, formats, shares=shares, writer=writer):
                if solution_id(problem, format.name, 0) in done:
                    continue
                under_way.append(
                    asyncio.create_task(write_and_check(problem, format, interpreter=interpreter, writer=writer))
                )
                if len(under_way) >= max_concurrent_solutions:
                    await hand_over()
        while under_way:
            await hand_over()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


def choose_formats(
    problem: Problem,
    formats: Sequence[Format],
    *,
    shares: Mapping[str, float] | None = None,
    writer: Writer = WORKED_STEPS,
) -> list[Format]:
    """The formats a problem is written in; the choice follows from its id alone."""
    suited = [format for format in formats if writer.suits(format, problem)]
    if shares is None or len(suited) < len(formats):
        return suited or list(formats[:1])
    if not is_small(problem):
        suited, shares = _without_words(suited, shares)
    point = zlib.crc32(problem.id.encode()) / 2**32
    return [format for format, low, high in _stretches(suited, shares) if low <= point < high or point + 1 < high]


async def write_and_check(
    problem: Problem, format: Format, *, interpreter: Interpreter, writer: Writer = WORKED_STEPS
) -> Solution | Drop:
    """A solution whose program, run, evaluates to the problem's answer, or a Drop saying why there is none.

    Of a problem without a gold, if the writer needs none, a solution without a verdict whose program ran.
    """
    name = solution_id(problem, format.name, 0)
    solution = Solution(id=name, problem_id=problem.id, format=format.name, blocks=[], model=writer.name)
    gold = problem.answer[0] if isinstance(problem.answer, list) else problem.answer
    try:
        if gold is None and writer.needs_gold:
            raise NotWrittenError("no answer", f"`{problem.id}` has no answer to write a {format.name} solution to")
        if not writer.suits(format, problem):
            missing = writer.needs
            raise NotWrittenError(
                f"no {missing}", f"`{problem.id}` has no {missing} to write a {format.name} solution from"
            )
        blocks = writer.write(format, problem, gold or "")
    except NotWrittenError as refusal:
        return Drop(row=solution.model_dump(mode="json"), rule=refusal.rule, reason=refusal.reason)
    blocks = await _run(blocks, format, interpreter=interpreter)
    answer = answer_of(blocks, kind=asked_kind(problem.kind, problem.answer, problem.choices))
    seconds = sum(block.seconds for block in blocks if isinstance(block, Output))
    solution = solution.model_copy(update={"blocks": blocks, "answer": answer, "seconds": round(seconds, 4)})
    if gold is not None:
        solution = solution.model_copy(update={"verdict": grade(solution, problem)})
    rule, reason = next(_faults(solution, problem), ("", ""))
    return Drop(row=solution.model_dump(mode="json"), rule=rule, reason=reason) if rule else solution


async def _run(blocks: list[Block], format: Format, *, interpreter: Interpreter) -> list[Block]:
    """The blocks, each program followed by its output."""
    if format.executes == "program" and len(blocks) == 1 and isinstance(blocks[0], Code):
        output = await interpreter.run_program(blocks[0].text)
        if output.text.strip():
            return [*blocks, output]
    session = interpreter.session()
    run: list[Block] = []
    try:
        for block in blocks:
            run.append(block)
            if isinstance(block, Code):
                run.append(await run_code(session, format, block))
    finally:
        await session.close()
    return run


def _faults(solution: Solution, problem: Problem) -> Iterator[tuple[str, str]]:
    """(rule, reason) for everything that keeps a solution from being taught."""
    gold, kind = problem.answer or "", problem.kind
    places = [place for place, block in enumerate(solution.blocks) if isinstance(block, Output)]
    for place in places:
        output = solution.blocks[place]
        if isinstance(output, Output) and output.status != "ok":
            yield "program failed", f"{output.status}: {(output.text.strip().splitlines() or [''])[-1]}"
    if problem.answer is None:
        return
    if places:  # what the last program printed, whatever the words after it say
        printed = answer_of(solution.blocks[: places[-1] + 1], kind=kind)
        verdict = compare(printed or "", gold, kind=kind)
        if verdict.outcome != "correct":
            yield "wrong answer", f"the program came to {printed}, the answer is {gold}"
    if solution.verdict is None or solution.verdict.outcome != "correct":
        yield "wrong answer", f"the solution says {solution.answer}, the answer is {gold}"


def _without_words(formats: Sequence[Format], shares: Mapping[str, float]) -> tuple[list[Format], Mapping[str, float]]:
    """The formats that run code, which take over the shares of words; all of them if none of these has a share.

    Words contain only what people calculate in words: from six-digit products a model would learn to guess.
    """
    run = [format for format in formats if format.executes != "never"]
    kept, all_shares = (sum(shares.get(format.name, 0.0) for format in some) for some in (run, formats))
    if not kept:
        return list(formats), shares
    return run, {name: share * all_shares / kept for name, share in shares.items()}


def _stretches(formats: Sequence[Format], shares: Mapping[str, float]) -> Iterator[tuple[Format, float, float]]:
    """(format, low, high) laid end to end, so that no problem gets two formats before each has one; high may pass 1."""
    low = 0.0
    for format in formats:
        share = shares.get(format.name, 0.0)
        yield format, low, low + share
        low = (low + share) % 1.0
