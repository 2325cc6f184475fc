"""`slipstick synthesize` with method = "augment": new problems from those there are."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.new_problems import NewProblems, run_new_problems
from slipstick.commands.questions import QuestionRecipe, finish_questions, question_run, replies_to, without_answer
from slipstick.formats import FormatNames
from slipstick.interpreters import Interpreter
from slipstick.models import open_model
from slipstick.problems.settings import sound_problems
from slipstick.schema import Problem, Solution
from slipstick.solve.estimate import choose
from slipstick.solve.monitor import Monitor
from slipstick.store import RunFolder
from slipstick.synthesize.augment import AugmentSettings
from slipstick.synthesize.children import children, first_programs, mark_validated, refuse_unanswered
from slipstick.synthesize.prompts import prompt_format
from slipstick.synthesize.selection import TeacherInput

_PROMPT = "rephrase"


class AugmentRecipe(QuestionRecipe, AugmentSettings):
    """Settings of `slipstick synthesize` with `method = "augment"`."""

    method: Literal["augment"] = "augment"
    """New problems from those there are."""
    model: str = ""
    """Model that rewords and answers; "backward" and "vary" of problems with programs need none."""
    formats: FormatNames = Field(default_factory=list)
    """Formats that the new problems are answered in; none leaves them unanswered."""
    programs: str | None = None
    """Run folder whose solutions in one program vary the problems that have no worked steps."""

    @model_validator(mode="after")
    def _has_a_writer(self) -> AugmentRecipe:
        needs = [f"kinds = {self.kinds!r}"] if "rephrase" in self.kinds else []
        needs += [f"formats = {self.formats!r}"] if self.formats else []
        if needs and not self.model:
            raise ValueError(
                f'model: {" and ".join(needs)} need one; or set kinds = ["backward", "vary"], formats = []'
            )
        return self


def run_augment(invocation: Invocation, recipe: AugmentRecipe, text: str, console: Console) -> Path:
    """New problems from those there are."""
    problems, corrupt = sound_problems(recipe)
    programs = first_programs(recipe.programs)
    model = invocation.model or (open_model(recipe.model, recipe) if recipe.model else None)

    overwrite = invocation.overwrite and not invocation.resume

    async def make(folder: RunFolder, monitor: Monitor | None, interpreter: Interpreter) -> TeacherInput | None:
        parents = list(choose(problems, len(problems), seed=recipe.seed)) if recipe.estimate else problems
        replies: dict[str, list[Solution]] = {}
        if "rephrase" in recipe.kinds and monitor:
            blind: list[Problem] = [parent.model_copy(update={"answer": None}) for parent in parents]
            async with question_run(folder, recipe, monitor, interpreter, console, overwrite=overwrite) as run:
                run.folder.write_problems(blind)
                if not await run.sample(
                    blind,
                    [prompt_format(_PROMPT)],
                    policy=recipe.asking(samples=recipe.variants),
                    planned=max(len(blind) * recipe.variants, len(run.done)),
                    change=without_answer,
                ):
                    return None
                replies = replies_to(run.folder, blind, _PROMPT, samples=recipe.variants)
                if not recipe.estimate:
                    finish_questions(run.folder, blind, _PROMPT, samples=recipe.variants)
        made = await children(parents, replies, programs, settings=recipe, interpreter=interpreter, seed=recipe.seed)
        return TeacherInput(made.problems, made.given, [*corrupt, *made.refused])

    method = recipe.sampling(
        review=lambda problem, attempts: mark_validated(recipe.review(problem, attempts), problem)
    )._replace(
        refuse=lambda found: refuse_unanswered(found) if recipe.formats or found.problem.answer is None else None
    )
    work = NewProblems(
        invocation,
        recipe,
        method,
        unit="problems",
        total=len(problems),
        unit_of=lambda child: str(child.metadata["parent"]),
        console=console,
        make=make,
    )
    return run_new_problems(work, text, model=model)
