"""`slipstick execute`: every program of a finished run once more."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from slipstick.commands import Invocation, count, settings_for_run
from slipstick.commands.running import running
from slipstick.errors import InputError
from slipstick.evaluate import reproduced_outputs
from slipstick.execute import re_execute
from slipstick.formats.recorded import copy_formats, formats_of
from slipstick.interpreters import InterpreterSettings, open_interpreter
from slipstick.metrics.groups import first_of_each
from slipstick.progress import progress
from slipstick.report import metrics_table
from slipstick.schema import Code, Output, Solution
from slipstick.store import RunFolder


def run_execute(invocation: Invocation, console: Console) -> Path:
    """`slipstick execute RUN`: runs every program of a run again, into a run of its own, and compares the outputs."""
    source = RunFolder(invocation.target)
    recipe = settings_for_run(invocation, source.run(), InterpreterSettings)
    out = invocation.out or source.path.with_name(f"{source.path.name}-executed")
    invocation = replace(invocation, out=out)
    problems = list(first_of_each(source.problems(), invocation.limit))
    chosen = {problem.id for problem in problems}
    before = [solution for solution in source.solutions() if solution.problem_id in chosen]
    attempts = (attempt for solution in before for attempt in (solution, *solution.previous_attempts))
    if not any(isinstance(block, Code) for attempt in attempts for block in attempt.blocks):
        formats = ", ".join(sorted({solution.format for solution in before})) or "none"
        raise InputError(f"{source.path} has no program to execute; the formats of its solutions: {formats}")
    with running(invocation, "execute", recipe, console, inputs=[source.path / "solutions.jsonl"]) as folder:
        folder.write_problems(problems)
        copy_formats(folder, [source.path])
        after = invocation.run_async(_execute_all(folder, before, recipe, console))
        recorded = {s.id: [block.text for block in s.blocks if isinstance(block, Output)] for s in before}
        metrics = reproduced_outputs(after, lambda solution: recorded[solution.id])
        folder.finish("finished", counts=count(problems, after), metrics=metrics)
        console.print(metrics_table(metrics))
    return folder.path


async def _execute_all(
    folder: RunFolder, solutions: Sequence[Solution], recipe: InterpreterSettings, console: Console
) -> list[Solution]:
    interpreter = open_interpreter(recipe)
    done, load = {solution.id for solution in folder.solutions()}, formats_of([folder.path])
    work = iter([solution for solution in solutions if solution.id not in done])
    executed = len(done)

    async def again(solution: Solution) -> Solution:
        # Both formats that a hybrid solution can be in are laid out alike if there is a program.
        format = load("pot" if solution.format == "hybrid" else solution.format)
        earlier = [await again(attempt) for attempt in solution.previous_attempts]
        return (await re_execute(solution, interpreter, format=format)).model_copy(
            update={"previous_attempts": earlier}
        )

    async def worker() -> None:
        nonlocal executed
        for solution in work:
            folder.append(await again(solution))
            executed += 1
            advance(executed)

    try:
        with progress("executing", len(solutions), "solutions", console=console, done=executed) as advance:
            async with asyncio.TaskGroup() as group:
                for _ in range(recipe.sandbox_workers):
                    group.create_task(worker())
    finally:
        await interpreter.close()
    return list(folder.solutions())
