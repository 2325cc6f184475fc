"""`slipstick synthesize` without a model: solutions from worked steps or annotations, every program executed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field
from rich.console import Console

from slipstick.commands import Invocation, count
from slipstick.commands.running import running
from slipstick.errors import counted
from slipstick.formats import FormatNames, load_format
from slipstick.formats.recorded import record_formats
from slipstick.interpreters import InterpreterSettings, open_interpreter
from slipstick.problems.settings import ProblemSettings, sound_problems
from slipstick.progress import progress
from slipstick.schema import Drop, Problem, Solution
from slipstick.store import RunFolder
from slipstick.synthesize import choose_formats, synthesize
from slipstick.synthesize.writer import Writer
from slipstick.synthesize.writing import WORKED_STEPS


class SynthesizeRecipe(ProblemSettings, InterpreterSettings):
    """Settings of `slipstick synthesize` if no model writes."""

    method: Literal["worked_steps", "annotations", "released"] = "worked_steps"
    """Where solutions come from: steps in the problems' metadata, the calculations in their rationales, or the source,
    which was published with solutions."""

    formats: FormatNames = Field(min_length=1)
    """Formats to write in."""
    shares: dict[str, float] | None = None
    """Format -> share of the problems it is written for; None writes every problem in every format that suits it."""
    seed: int = 0
    """Seed of programs that draw random numbers."""


def run_writer(invocation: Invocation, recipe: SynthesizeRecipe, text: str, console: Console) -> Path:
    """Problems -> solutions whose programs were run and whose answers equal the gold."""
    problems, corrupt = sound_problems(recipe)
    with running(invocation, "synthesize", recipe, console, text=text, inputs=recipe.files()) as folder:
        invocation.run_async(_synthesize(folder, problems, corrupt, recipe, invocation, console))
        kept, dropped = list(folder.solutions()), len(list(folder.dropped()))
        folder.finish("finished", counts=count(problems, kept, dropped=dropped), metrics=[])
    found = f"{counted(len(kept), 'solution')} of {counted(len(problems), 'problem')} kept"
    console.print(
        f"{found}, {dropped:,} dropped; {folder.path}",
        highlight=False,
        soft_wrap=True,
    )
    return folder.path


async def _synthesize(
    folder: RunFolder,
    problems: Sequence[Problem],
    corrupt: Sequence[Drop],
    recipe: SynthesizeRecipe,
    invocation: Invocation,
    console: Console,
) -> None:
    writer = writer_of(recipe.method)
    formats = [load_format(name) for name in recipe.formats]
    record_formats(folder, formats, named=recipe.formats)
    interpreter = invocation.interpreter or open_interpreter(recipe, seed=recipe.seed)
    folder.write_problems(problems)
    done = {solution.id for solution in folder.solutions()} | {row.row["id"] for row in folder.dropped()}
    finished = len(done)

    def keep(row: Solution | Drop) -> None:
        nonlocal finished
        folder.append(row)
        finished += 1
        advance(finished)

    try:
        planned = len(corrupt) + sum(
            len(choose_formats(problem, formats, shares=recipe.shares, writer=writer)) for problem in problems
        )
        with progress("writing and running", planned, "solutions", console=console, done=finished) as advance:
            for row in corrupt:
                if row.row["id"] not in done:
                    keep(row)
            await synthesize(
                problems,
                formats,
                interpreter=interpreter,
                writer=writer,
                on_solution=keep,
                on_drop=keep,
                shares=recipe.shares,
                done=done,
            )
    finally:
        if interpreter is not invocation.interpreter:
            await interpreter.close()


def writer_of(method: str) -> Writer:
    """What writes solutions by a method that needs no model."""
    if method == "worked_steps":
        return WORKED_STEPS
    if method == "released":
        from slipstick.synthesize.released import RELEASED

        return RELEASED
    from slipstick.synthesize.annotations import ANNOTATIONS

    return ANNOTATIONS
