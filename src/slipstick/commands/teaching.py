"""What the methods of `slipstick synthesize` that ask a teacher share: settings, and attempts that are selected."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import Field, model_validator
from rich.console import Console

from slipstick.commands.collection import Collection
from slipstick.commands.solve_recipe import SolveRecipe
from slipstick.formats import Format
from slipstick.formats.recorded import record_formats
from slipstick.grade import grade
from slipstick.interpreters import Interpreter
from slipstick.schema import Problem, Solution
from slipstick.solve import load_prompted, prepare_format
from slipstick.solve.monitor import Monitor
from slipstick.solve.policies import SamplingStep, scheduled
from slipstick.store import RunFolder
from slipstick.synthesize.estimate import foresee
from slipstick.synthesize.selection import Method, TeacherInput, put_back, select
from slipstick.synthesize.teacher import Selection, sort_out


class TeachingRecipe(SolveRecipe):
    """Settings of every method that asks a teacher."""

    sampling_schedule: list[SamplingStep] = Field(default_factory=list)
    """What is sampled of a problem in each format, step by step; none: `num_samples` at `temperature`."""
    min_votes: int = Field(default=2, ge=1)
    """Attempts that must agree on the answer of a problem without a gold, and be more than for any other."""

    @model_validator(mode="after")
    def _says_it_once(self) -> TeachingRecipe:
        if "hybrid" in self.formats:
            raise ValueError('formats: a teacher writes in single formats; name "pot" and "cot" instead of "hybrid"')
        if self.consistency_threshold is not None:
            raise ValueError(
                "consistency_threshold: a teacher's samples are not voted on; use `stop_after_correct` or "
                'method = "rejection"'
            )
        if self.sampling_schedule and self.model_fields_set & {"num_samples", "temperature"}:
            raise ValueError(
                "`sampling_schedule` already sets counts and temperatures: remove `num_samples` and `temperature`"
            )
        return self

    def schedule(self) -> list[SamplingStep]:
        """What is sampled of a problem in one format."""
        return self.sampling_schedule or [SamplingStep(temperature=self.temperature, num_samples=1)] * self.num_samples

    def review(self, problem: Problem, attempts: Sequence[Solution]) -> Selection:
        """What the attempts at a problem are worth."""
        return sort_out(problem, attempts, min_votes=self.min_votes)

    def sampling(
        self,
        *,
        review: Callable[[Problem, Sequence[Solution]], Selection] | None = None,
        stop_after_correct: int | None = None,
    ) -> Method:
        """The schedule as a method."""
        policy = scheduled(self.schedule(), stop_after_correct=stop_after_correct)
        return Method(policy, sum(step.num_samples for step in self.schedule()), review or self.review)


def load_formats(recipe: TeachingRecipe) -> list[Format]:
    """The formats that a teacher is asked in, with system message and demonstrations."""
    loaded = [
        load_prompted(name, recipe, problems_dir=recipe.problems_dir, field_map=recipe.field_map)
        for name in recipe.formats
    ]
    return [prepare_format(format, recipe) for format in loaded]


async def teach(
    folder: RunFolder,
    asked: TeacherInput,
    recipe: TeachingRecipe,
    method: Method,
    monitor: Monitor | None,
    interpreter: Interpreter,
    console: Console,
) -> bool:
    """Every attempt that a method asks for, then the selection; False if a budget ended it before.

    monitor: of the teacher; None samples nothing.
    """
    put_back(folder)
    folder.write_problems(asked.problems)
    begun = folder.index()
    for solution in asked.given:
        if solution.id not in begun:
            folder.append(solution)
    formats = load_formats(recipe)
    record_formats(folder, formats, named=recipe.formats)
    if monitor and formats and asked.problems:
        async with Collection(folder, recipe, monitor, interpreter, console) as collection:
            if not begun:
                said = foresee(
                    asked.problems,
                    formats,
                    most=method.most,
                    max_tokens=recipe.max_tokens,
                    model=recipe.model,
                    settings=recipe,
                )
                hint = "" if recipe.estimate else "; --set estimate=true asks for a few and says what all will take"
                console.print(said + hint, highlight=False, soft_wrap=True)
            planned = len(asked.problems) * len(formats) * method.most
            if not await collection.sample(asked.problems, formats, policy=method.policy, planned=planned, grade=grade):
                return False
    if not recipe.estimate:
        console.print(select(folder, asked, method, formats=recipe.format_names()))
    return True
