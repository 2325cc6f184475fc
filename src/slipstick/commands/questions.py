"""The run in which a teacher writes questions: `questions` in the run folder of the new problems."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from pydantic import Field
from rich.console import Console

from slipstick.commands.collection import Collection
from slipstick.commands.solve_recipe import MAY_CHANGE
from slipstick.commands.teaching import TeachingRecipe
from slipstick.errors import UserError, first_error
from slipstick.interpreters import Interpreter
from slipstick.schema import Problem, Solution
from slipstick.solve.attempt import solution_id
from slipstick.solve.monitor import Monitor
from slipstick.solve.policies import SamplingPolicy, SamplingStep, scheduled
from slipstick.store import RunFolder


class QuestionRecipe(TeachingRecipe):
    """Settings of the methods that make new problems."""

    question_temperature: float = Field(default=0.8, ge=0, le=100)
    """Sampling temperature of questions; `temperature` is that of answers."""

    def asking(self, *, samples: int = 1) -> SamplingPolicy:
        """How often a request for questions is sampled."""
        return scheduled([SamplingStep(temperature=self.question_temperature, num_samples=samples)])


@asynccontextmanager
async def question_run(
    folder: RunFolder,
    recipe: QuestionRecipe,
    monitor: Monitor,
    interpreter: Interpreter,
    console: Console,
    *,
    overwrite: bool,
) -> AsyncIterator[Collection]:
    """The run inside a run in which a teacher writes questions; "stopped" unless `finish_questions` ends it."""
    run = folder.run().model_copy(update={"name": f"{folder.path.name}/questions", "counts": {}})
    part = RunFolder.start(folder.path / "questions", run, resume=True, overwrite=overwrite, may_change=MAY_CHANGE)
    try:
        async with Collection(part, recipe, monitor, interpreter, console) as collection:
            yield collection
        if part.run().status == "running":
            part.finish("stopped", counts={}, metrics=[])
    except BaseException as error:
        if isinstance(first_error(error), UserError) and not part.has_rows():
            part.discard()
        raise
    finally:
        part.close()


def without_answer(solution: Solution) -> Solution:
    """A reply that is no solution: what looks like an answer in it is part of a question."""
    return solution.model_copy(update={"answer": None})


def replies_to(
    folder: RunFolder, asks: Sequence[Problem], prompt: str, *, samples: int = 1
) -> dict[str, list[Solution]]:
    """The replies of a finished sampling, by the id of the request."""
    index = folder.index()
    return {ask.id: [index[solution_id(ask, prompt, sample)] for sample in range(samples)] for ask in asks}


def finish_questions(folder: RunFolder, asks: Sequence[Problem], prompt: str, *, samples: int = 1) -> None:
    """Puts the replies in the order they were asked for, and ends the run."""
    folder.rearrange(solution_id(ask, prompt, sample) for ask in asks for sample in range(samples))
    folder.finish("finished", counts={"solutions": len(folder.index())}, metrics=[])
