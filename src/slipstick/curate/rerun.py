"""Runs programs again: a solution stays if each of them prints what is recorded."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from slipstick.answers import answer_of
from slipstick.curate.reading import read_chosen
from slipstick.edges import reading, whole_lines
from slipstick.equivalence import compare
from slipstick.event_loop import run_async
from slipstick.execute import outputs_equal, re_execute
from slipstick.formats import FormatLoader, load_format
from slipstick.formats.recorded import formats_of
from slipstick.interpreters import Interpreter
from slipstick.schema import Block, Code, Output, Solution
from slipstick.store import RunFolder, write_atomically

EXECUTED = "executed.jsonl"
"""A line for each solution whose programs were run again; lines are appended as results come."""
OnProgress = Callable[[str, int, int], None]
"""Takes the name of the stage, how much of it is done, and how much there is (0, 0 if unknown)."""
_MAX_TRIES = 3


def rerun_programs(
    runs: Sequence[RunFolder],
    out: RunFolder,
    places: Sequence[int],
    open_interpreter: Callable[[], Interpreter],
    on_progress: OnProgress,
) -> dict[int, str]:
    """Place -> how what its programs print differs from what is recorded, "" if it does not.

    Each result is in executed.jsonl before the next solution is taken, and those that are there are not run again.
    """
    done = _read_executed(out)
    rest = {place for place in places if place not in done}
    if rest:
        with (out.path / EXECUTED).open("a", encoding="utf-8") as file:

            def keep(place: int, difference: str) -> None:
                done[place] = difference
                file.write(json.dumps({"row": place, "difference": difference}, ensure_ascii=False) + "\n")
                file.flush()
                on_progress("running programs", len(done), len(places))

            async def run() -> None:
                interpreter = open_interpreter()
                try:
                    load = formats_of(run.path for run in runs)
                    await find_differences(read_chosen(runs, rest), interpreter, load=load, on_result=keep)
                finally:
                    await interpreter.close()

            run_async(run())
    return {place: done[place] for place in places}


async def find_differences(
    solutions: Iterable[tuple[int, Solution]],
    interpreter: Interpreter,
    *,
    on_result: Callable[[int, str], None],
    load: FormatLoader = load_format,
    max_concurrent: int = 64,
) -> None:
    """Runs the programs of each solution and gives its place and the difference from the record to `on_result`."""
    running: deque[tuple[int, asyncio.Task[str]]] = deque()

    async def hand_over() -> None:
        place, task = running.popleft()
        on_result(place, await task)

    try:
        for place, solution in solutions:
            running.append((place, asyncio.create_task(find_difference(solution, interpreter, load=load))))
            if len(running) >= max_concurrent:
                await hand_over()
        while running:
            await hand_over()
    finally:
        for _, task in running:
            task.cancel()
        await asyncio.gather(*(task for _, task in running), return_exceptions=True)


async def find_difference(solution: Solution, interpreter: Interpreter, *, load: FormatLoader = load_format) -> str:
    """The first output that is not as recorded, in words; "" if there is none.

    If no output is recorded, the result of the programs is compared with the recorded answer. A fault of the sandbox
    counts only if it happens three times.
    """
    format = load("pot" if solution.format == "hybrid" else solution.format)
    for _ in range(_MAX_TRIES):
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
            return f"its answer is {solution.answer}, its program gives {answer}"
    return ""


def _read_executed(out: RunFolder) -> dict[int, str]:
    """Place -> difference, as an earlier process found; a line that a kill cut is removed from the file."""
    path = out.path / EXECUTED
    if not path.is_file():
        return {}
    whole = [line.decode("utf-8") for _, line in whole_lines(path)]
    write_atomically(path, whole)
    with reading(path):
        rows = [json.loads(line) for line in whole]
    return {row["row"]: row["difference"] for row in rows}


def _outputs(blocks: list[Block]) -> list[Output | None]:
    """For each program the output that follows it, None if there is none."""
    following = [*blocks[1:], None]
    pairs = zip(blocks, following, strict=True)
    return [after if isinstance(after, Output) else None for block, after in pairs if isinstance(block, Code)]


def _short(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
