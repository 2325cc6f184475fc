"""Runs programs again: a solution stays where each says what is recorded."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from slipstick.answers import answer_of
from slipstick.equivalence import compare
from slipstick.execute import outputs_equal, re_execute
from slipstick.formats import load_format
from slipstick.interpreters import Interpreter
from slipstick.schema import Block, Code, Output, Solution

_TRIES = 3


async def reproduce(
    solutions: Iterable[tuple[int, Solution]],
    interpreter: Interpreter,
    *,
    on_result: Callable[[int, str], None],
    in_flight: int = 64,
) -> None:
    """Runs the programs of each solution and hands over its number with what is wrong, "" where all is as recorded."""
    under_way: deque[tuple[int, asyncio.Task[str]]] = deque()

    async def hand_over() -> None:
        number, task = under_way.popleft()
        on_result(number, await task)

    try:
        for number, solution in solutions:
            under_way.append((number, asyncio.create_task(find_difference(solution, interpreter))))
            if len(under_way) >= in_flight:
                await hand_over()
        while under_way:
            await hand_over()
    finally:
        for _, task in under_way:
            task.cancel()
        await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)


async def find_difference(solution: Solution, interpreter: Interpreter) -> str:
    """The first output that is not as recorded, in words; "" where there is none.

    Where no output is recorded, what the programs come to is held against the recorded answer. A fault of the
    interpreter's own is no difference until it has come three times.
    """
    format = load_format("pot" if solution.format == "hybrid" else solution.format)
    for _ in range(_TRIES):
        again = (await re_execute(solution, interpreter, format=format)).blocks
        if not any(isinstance(block, Output) and block.status == "sandbox_fault" for block in again):
            break
    recorded, ours = _outputs(solution.blocks), _outputs(again)
    for step, (then, now) in enumerate(zip(recorded, ours, strict=True), start=1):
        if then is not None and now is not None and not outputs_equal(then.text, now.text):
            where = f"step {step} " if len(ours) > 1 else ""
            return f"{where}printed {_short(then.text)}, now {_short(now.text)}"
    if not any(recorded) and any(ours):
        answer = answer_of(again)
        if compare(answer or "", solution.answer or "").outcome != "correct":
            return f"its answer is {solution.answer}, its program comes to {answer}"
    return ""


def _outputs(blocks: list[Block]) -> list[Output | None]:
    """For each program what was recorded right behind it."""
    found: list[Output | None] = []
    for place, block in enumerate(blocks):
        if isinstance(block, Code):
            after = blocks[place + 1] if place + 1 < len(blocks) else None
            found.append(after if isinstance(after, Output) else None)
    return found


def _short(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
