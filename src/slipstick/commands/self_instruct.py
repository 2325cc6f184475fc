"""`slipstick synthesize` with method = "self_instruct": new questions for topics without data."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.new_problems import NewProblems, run_new_problems
from slipstick.commands.questions import QuestionRecipe, finish_questions, question_run, replies_to, without_answer
from slipstick.formats import FormatNames
from slipstick.interpreters import Interpreter
from slipstick.models import open_model
from slipstick.problems.catalogue.selection import leaves_out
from slipstick.problems.settings import WRITTEN
from slipstick.schema import Problem
from slipstick.solve.estimate import PROBLEMS
from slipstick.solve.monitor import Monitor
from slipstick.store import RunFolder
from slipstick.synthesize.prompts import prompt_format
from slipstick.synthesize.selection import TeacherInput
from slipstick.synthesize.self_instruct import SelfInstructSettings, Writing, read_topic

_PROMPT = "self_instruct"


class SelfInstructRecipe(QuestionRecipe, SelfInstructSettings):
    """Settings of `slipstick synthesize` with `method = "self_instruct"`."""

    method: Literal["self_instruct"] = "self_instruct"
    """New questions for topics without data."""
    problems: list[str] = Field(default_factory=list, max_length=0)
    """None: questions come from `topics`."""
    topics: list[str] = Field(min_length=1)
    """Topics that come with slipstick, and TOML files of your own (`name`, `about`, `seeds`)."""
    formats: FormatNames = Field(default_factory=list)
    """Formats that the new questions are answered in; none leaves them without answers."""

    def left_out(self) -> list[str]:
        """What `leave_out` names, in place of sources: the questions themselves."""
        return [WRITTEN] if leaves_out(self.leave_out, WRITTEN) else []


def run_self_instruct(invocation: Invocation, recipe: SelfInstructRecipe, text: str, console: Console) -> Path:
    """New questions for topics without data."""
    topics = [] if recipe.left_out() else [read_topic(name) for name in recipe.topics]
    model = invocation.model or open_model(recipe.model, recipe)

    overwrite = invocation.overwrite and not invocation.resume

    async def make(folder: RunFolder, monitor: Monitor | None, interpreter: Interpreter) -> TeacherInput | None:
        assert monitor
        writings = [Writing(topic, recipe, seed=recipe.seed) for topic in topics]
        asked: list[Problem] = []
        async with question_run(folder, recipe, monitor, interpreter, console, overwrite=overwrite) as run:
            while requests := [(writing, ask) for writing in writings for ask in writing.asks()]:
                requests = requests[:PROBLEMS] if recipe.estimate else requests
                asks = [ask for _, ask in requests]
                asked += asks
                run.folder.write_problems(asked)
                if not await run.sample(
                    asks,
                    [prompt_format(_PROMPT)],
                    policy=recipe.asking(),
                    planned=max(len(asked), len(run.done)),
                    change=without_answer,
                ):
                    return None
                replies = replies_to(run.folder, asks, _PROMPT)
                for writing, ask in requests:
                    writing.hear(replies[ask.id][0])
                if recipe.estimate:
                    break
            else:
                finish_questions(run.folder, asked, _PROMPT)
        refused = [drop for writing in writings for drop in writing.dropped]
        return TeacherInput([problem for writing in writings for problem in writing.kept], refused=refused)

    work = NewProblems(
        invocation,
        recipe,
        recipe.sampling(),
        unit="requests",
        total=len(topics) * -(-recipe.questions // recipe.per_request),
        unit_of=lambda problem: str(problem.metadata["reply"]),
        console=console,
        make=make,
    )
    files = [path for name in recipe.topics if (path := Path(name)).is_file()]
    return run_new_problems(work, text, model=model, files=files)
