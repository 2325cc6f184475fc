"""A teacher is asked for questions, into a run of their own: `questions` in the run folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

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
from slipstick.solve.policies import SamplingStep, scheduled
from slipstick.store import RunFolder
from slipstick.synthesize.prompts import prompt_format


class QuestionRecipe(TeachingRecipe):
    """Settings of the methods that make new problems."""

    question_temperature: float = Field(default=0.8, ge=0)
    """At which questions are written; `temperature` is that of answers."""


@asynccontextmanager
async def questions(
    folder: RunFolder,
    recipe: QuestionRecipe,
    prompt: str,
    monitor: Monitor,
    interpreter: Interpreter,
    console: Console,
    *,
    overwrite: bool,
) -> AsyncIterator[Asker]:
    """The run inside a run in which a teacher writes questions, as a prompt file asks for them."""
    run = folder.run().model_copy(update={"name": f"{folder.path.name}/questions", "counts": {}})
    part = RunFolder.start(folder.path / "questions", run, resume=True, overwrite=overwrite, may_change=MAY_CHANGE)
    try:
        async with Collection(part, recipe, monitor, interpreter, console) as collection:
            yield Asker(collection, prompt, recipe)
    except BaseException as error:
        if isinstance(first_error(error), UserError) and not part.has_rows():
            part.discard()
        raise
    finally:
        part.close()


@dataclass
class Asker:
    """Asks a teacher for questions, into a run of their own."""

    collection: Collection
    prompt: str
    recipe: QuestionRecipe
    asks: list[Problem] = field(default_factory=list)
    """All that was asked for so far."""

    async def ask(self, asks: Sequence[Problem], *, samples: int = 1) -> dict[str, list[Solution]] | None:
        """Replies by request; None if a budget ended it before all were there."""
        collection, part = self.collection, self.collection.folder
        self.asks += asks
        part.write_problems(self.asks)
        finished = await collection.sample(
            asks,
            [prompt_format(self.prompt)],
            policy=scheduled([SamplingStep(temperature=self.recipe.question_temperature, num_samples=samples)]),
            planned=max(len(self.asks) * samples, len(collection.done)),
            change=lambda solution: solution.model_copy(update={"answer": None}),
        )
        if not finished:
            part.finish("stopped", counts={}, metrics=[])
            return None
        index = part.index()
        return {ask.id: [index[key] for key in self._ids(ask, samples)] for ask in asks}

    def finish(self, *, samples: int = 1) -> None:
        """Puts the replies in the order they were asked for; not in an estimate, which asks for a few of them."""
        part = self.collection.folder
        if not self.recipe.estimate:
            part.rearrange(key for ask in self.asks for key in self._ids(ask, samples))
            part.finish("finished", counts={"solutions": len(part.index())}, metrics=[])

    def _ids(self, ask: Problem, samples: int) -> list[str]:
        return [solution_id(ask, self.prompt, sample) for sample in range(samples)]
