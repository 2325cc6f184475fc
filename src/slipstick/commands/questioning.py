"""The methods of `slipstick synthesize` that make new problems: self_instruct and augment.

What a teacher writes lies in a run of its own, `questions` in the run folder; the problems that came of it and their
solutions lie in the run folder itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field, model_validator
from rich.console import Console

from slipstick.commands import Invocation, first_error, load_order, running, sound_problems
from slipstick.commands.attempting import (
    AskRecipe,
    Method,
    TeacherInput,
    at_work,
    by_problem,
    inputs_of,
    review_by,
    say_estimate,
    teach,
)
from slipstick.commands.drawing import MAY_CHANGE, check_price, note_card, out_of_money, take_up, watched, within_budget
from slipstick.commands.monitor import Tally
from slipstick.errors import UserError
from slipstick.interpreters import Interpreter
from slipstick.models import Model, open_model
from slipstick.schema import Code, Drop, Output, Problem, Solution, Verdict
from slipstick.solve import solution_id
from slipstick.solve.estimate import PROBLEMS, choose
from slipstick.store import RunFolder
from slipstick.synthesize.attempts import draw_attempts, is_correct
from slipstick.synthesize.augment import AugmentSettings, refuse, rephrased, turned_round
from slipstick.synthesize.prompts import prompt_format
from slipstick.synthesize.self_instruct import SelfInstructSettings, Writing, read_topic
from slipstick.synthesize.teacher import SamplingStep, Selection, scheduled
from slipstick.synthesize.variation import is_determined, varied
from slipstick.synthesize.writing import worked_steps, write_program


class _QuestionRecipe(AskRecipe):
    question_temperature: float = Field(default=0.8, ge=0)
    """At which questions are written; `temperature` is that of answers."""


class SelfInstructRecipe(_QuestionRecipe, SelfInstructSettings):
    """What `slipstick synthesize` can be told with `method = "self_instruct"`."""

    method: Literal["self_instruct"] = "self_instruct"
    problems: list[str] = Field(default_factory=list, max_length=0)
    """None: questions come from `topics`."""
    topics: list[str] = Field(min_length=1)
    """Topics that come with slipstick, and TOML files of your own (`name`, `about`, `seeds`)."""
    formats: list[str] = Field(default_factory=list)
    """Formats that the new questions are answered in; none leaves them without answers."""


class AugmentRecipe(_QuestionRecipe, AugmentSettings):
    """What `slipstick synthesize` can be told with `method = "augment"`."""

    method: Literal["augment"] = "augment"
    model: str = ""
    """Who rewords, and answers; "backward" and "vary" of problems with programs need none."""
    formats: list[str] = Field(default_factory=list)
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


_Make = Callable[[RunFolder, Interpreter], Awaitable[TeacherInput | None]]


def run_self_instruct(order: Invocation, console: Console) -> Path:
    """`method = "self_instruct"`: new questions for topics without data."""
    recipe, text = load_order(order, SelfInstructRecipe)
    topics = [read_topic(name) for name in recipe.topics]
    model = open_model(recipe.model, recipe)
    files = [path for name in recipe.topics if (path := Path(name)).is_file()]

    async def make(folder: RunFolder, interpreter: Interpreter) -> TeacherInput | None:
        writings = [Writing(topic, recipe, seed=recipe.seed) for topic in topics]
        with _questions(folder, order) as part:
            asker = _Asker(part, "self_instruct", model, recipe, console)
            while asks := [(writing, ask) for writing in writings for ask in writing.asks()]:
                asks = asks[:PROBLEMS] if recipe.estimate else asks
                replies = await asker.ask([ask for _, ask in asks], model=model, interpreter=interpreter)
                if replies is None:
                    return None
                for writing, ask in asks:
                    writing.hear(replies[ask.id][0])
                if recipe.estimate:
                    break
            asker.finish()
        refused = [drop for writing in writings for drop in writing.dropped]
        return TeacherInput([problem for writing in writings for problem in writing.kept], refused=refused)

    total = len(topics) * -(-recipe.questions // recipe.per_request)
    method = Method(
        scheduled(recipe.schedule()), sum(draw.num_samples for draw in recipe.schedule()), review_by(recipe)
    )
    work = _Work(make, method, unit="requests", total=total, unit_of=lambda problem: str(problem.metadata["reply"]))
    return _run(order, recipe, text, model, work, files=files, console=console)


def run_augment(order: Invocation, console: Console) -> Path:
    """`method = "augment"`: new problems from those there are."""
    recipe, text = load_order(order, AugmentRecipe)
    problems, corrupt = sound_problems(recipe)
    programs = _programs(recipe)
    model = open_model(recipe.model, recipe) if recipe.model else None

    async def make(folder: RunFolder, interpreter: Interpreter) -> TeacherInput | None:
        parents = list(choose(problems, len(problems), seed=recipe.seed)) if recipe.estimate else problems
        replies: dict[str, list[Solution]] | None = {}
        if "rephrase" in recipe.kinds and model:
            blind = [parent.model_copy(update={"answer": None}) for parent in parents]
            with _questions(folder, order) as part:
                asker = _Asker(part, "rephrase", model, recipe, console)
                replies = await asker.ask(blind, model=model, interpreter=interpreter, samples=recipe.variants)
                if replies is not None:
                    asker.finish(samples=recipe.variants)
        if replies is None:
            return None
        children: list[Problem] = []
        given: list[Solution] = []
        refused: list[Drop] = list(corrupt)
        for parent in parents:
            program = programs.get(parent.id) or (write_program(steps) if (steps := worked_steps(parent)) else None)
            async for child, blocks in _children(parent, replies.get(parent.id, []), program, recipe, interpreter):
                if isinstance(child, Drop):
                    refused.append(child)
                else:
                    children.append(child)
                    given.extend([_solution(child, blocks)] if blocks else [])
        return TeacherInput(children, given, refused)

    def review(problem: Problem, attempts: Sequence[Solution]) -> Selection:
        found = review_by(recipe)(problem, attempts)
        if problem.answer is None or not any(map(is_correct, found.kept)):
            return found
        about = {**found.problem.metadata, "validated": True}
        return found._replace(problem=found.problem.model_copy(update={"metadata": about}))

    method = Method(
        scheduled(recipe.schedule()),
        sum(draw.num_samples for draw in recipe.schedule()),
        review,
        lambda found: _unanswered(found) if recipe.formats or found.problem.answer is None else None,
    )
    work = _Work(
        make, method, unit="problems", total=len(problems), unit_of=lambda child: str(child.metadata["parent"])
    )
    return _run(order, recipe, text, model, work, files=[], console=console)


class _Work(NamedTuple):
    """What a run does, and how an estimate of it counts."""

    make: _Make
    method: Method
    unit: str
    total: int
    unit_of: Callable[[Problem], str]


def _run(
    order: Invocation,
    recipe: AskRecipe,
    text: str,
    model: Model | None,
    work: _Work,
    *,
    files: Sequence[Path],
    console: Console,
) -> Path:
    inputs = [*inputs_of(recipe), *files]
    with running(order, "synthesize", recipe, console, text=text, inputs=inputs, may_change=MAY_CHANGE) as folder:
        finished = asyncio.run(_make_and_answer(folder, recipe, model, work, console))
        folder.finish("finished" if finished else "stopped", counts=folder.run().counts, metrics=[])
    console.print(f"{folder.path}", highlight=False, soft_wrap=True)
    return folder.path


async def _make_and_answer(
    folder: RunFolder, recipe: AskRecipe, model: Model | None, work: _Work, console: Console
) -> bool:
    began = time.monotonic()
    async with at_work(recipe, model) as interpreter:
        made = await work.make(folder, interpreter)
        if made is None:
            return False
        told = f"{len(made.problems):,} new problems, {len(made.refused):,} refused"
        console.print(told, highlight=False)
        finished = await teach(folder, made, recipe, work.method, model=model, interpreter=interpreter, console=console)
    if finished and recipe.estimate:
        _estimate(folder, made, recipe, work, seconds=time.monotonic() - began, console=console)
    return finished and not recipe.estimate


def _estimate(
    folder: RunFolder, made: TeacherInput, recipe: AskRecipe, work: _Work, *, seconds: float, console: Console
) -> None:
    """By request or by parent: what writing questions and answering them took, and how many rows came of it."""
    spent: defaultdict[str, list[Solution]] = defaultdict(list)
    rows: defaultdict[str, int] = defaultdict(int)
    part = folder.path / "questions"
    for reply in RunFolder(part).solutions() if part.is_dir() else ():
        spent[reply.id if work.unit == "requests" else reply.problem_id].append(reply)
    index, ids = folder.index(), by_problem(folder)
    for problem in made.problems:
        attempts = [index[key] for key in ids.get(problem.id, [])]
        spent[work.unit_of(problem)] += attempts
        rows[work.unit_of(problem)] += len(work.method.review(problem, attempts).kept) if attempts else 1
    say_estimate(spent, work.total, recipe, unit=work.unit, rows=rows, seconds=seconds, console=console)


@contextmanager
def _questions(folder: RunFolder, order: Invocation) -> Iterator[RunFolder]:
    """The run inside a run in which a teacher writes questions."""
    run = folder.run().model_copy(update={"name": f"{folder.path.name}/questions", "counts": {}})
    part = RunFolder.start(
        folder.path / "questions",
        run,
        resume=True,
        overwrite=order.overwrite and not order.resume,
        may_change=MAY_CHANGE,
    )
    try:
        yield part
    except BaseException as error:
        if isinstance(first_error(error), UserError) and not part.has_rows():
            part.discard()
        raise
    finally:
        part.close()


class _Asker:
    """Asks a teacher for questions, into a run of their own."""

    def __init__(self, part: RunFolder, prompt: str, model: Model, recipe: _QuestionRecipe, console: Console) -> None:
        self._part, self._format, self._recipe, self._console = part, prompt_format(prompt), recipe, console
        taken_up, self._spent = take_up(part, [prompt])
        self._before = len(taken_up)
        self._tally = Tally(model, spent=self._spent)
        self._asks: list[Problem] = []

    async def ask(
        self, asks: Sequence[Problem], *, model: Model, interpreter: Interpreter, samples: int = 1
    ) -> dict[str, list[Solution]] | None:
        """Replies by request; None where a budget ended it before all were there."""
        if not self._asks and not self._before:
            await note_card(self._part, model, self._console)
        self._asks += asks
        self._part.write_problems(self._asks)
        planned = max(len(self._asks) * samples, self._before)
        async with watched(planned, self._tally, done=self._before, console=self._console) as keep:

            def on_attempt(solution: Solution) -> None:
                self._part.append(solution.model_copy(update={"answer": None}))
                keep(solution)
                check_price(self._tally, self._recipe, self._spent)

            finished = await draw_attempts(
                asks,
                [self._format],
                plan=scheduled([SamplingStep(temperature=self._recipe.question_temperature, num_samples=samples)]),
                model=self._tally,
                interpreter=interpreter,
                settings=within_budget(self._recipe, self._tally.cost),
                on_attempt=on_attempt,
                done=self._part.index(),
            )
        if not finished:
            self._console.print(out_of_money(self._tally, self._recipe), highlight=False, soft_wrap=True)
            self._part.finish("stopped", counts={}, metrics=[])
            return None
        index = self._part.index()
        return {ask.id: [index[key] for key in self._ids(ask, samples)] for ask in asks}

    def finish(self, *, samples: int = 1) -> None:
        """Puts the replies in the order they were asked for; not in an estimate, which asks for a few of them."""
        if not self._recipe.estimate:
            self._part.rearrange(key for ask in self._asks for key in self._ids(ask, samples))
            self._part.finish("finished", counts={"solutions": len(self._part.index())}, metrics=[])

    def _ids(self, ask: Problem, samples: int) -> list[str]:
        return [solution_id(ask, self._format.name, sample) for sample in range(samples)]


async def _children(
    parent: Problem,
    replies: Sequence[Solution],
    program: str | None,
    recipe: AugmentRecipe,
    interpreter: Interpreter,
) -> AsyncIterator[tuple[Problem | Drop, list[Code | Output]]]:
    """The new problems of one, each with the program and output that solve it where there are; Drops for the others."""
    for reply in replies:
        yield rephrased(parent, reply), []
    for number in range(recipe.variants):
        if "backward" in recipe.kinds:
            yield await _turned(parent, number, program, recipe, interpreter), []
        if "vary" in recipe.kinds:
            yield await varied(parent, number, program=program, interpreter=interpreter, seed=recipe.seed)


async def _turned(
    parent: Problem, number: int, program: str | None, recipe: AugmentRecipe, interpreter: Interpreter
) -> Problem | Drop:
    turned = turned_round(parent, number, seed=recipe.seed)
    if isinstance(turned, Drop) or await is_determined(turned, parent, program=program, interpreter=interpreter):
        return turned
    reason = f"other numbers than {turned.answer} give the same answer"
    return refuse(parent, "backward", number, "more than one solution", reason, text=turned.text)


def _solution(child: Problem, blocks: Sequence[Code | Output]) -> Solution:
    """What the changed program of a varied problem is worth: its first solution as a program."""
    gold = str(child.answer)
    parent = child.metadata["parent"]
    verdict = Verdict(
        outcome="correct", method="variation", expected=gold, reason=f"the program of {parent} with other numbers"
    )
    name = solution_id(child, "pot", 0)
    seconds = sum(block.seconds for block in blocks if isinstance(block, Output))
    return Solution(
        id=name,
        problem_id=child.id,
        format="pot",
        blocks=list(blocks),
        answer=gold,
        verdict=verdict,
        seconds=round(seconds, 4),
        model=f"program of {parent}",
    )


def _unanswered(found: Selection) -> Drop | None:
    """A new problem that nothing speaks for."""
    if found.kept:
        return None
    problem, gold = found.problem, found.problem.answer
    if gold is None:
        rule, reason = "no agreed answer", "no program solves it, and too few attempts agree on an answer"
    else:
        rule, reason = "never solved", f"none of its attempts comes to {gold}, so it may not mean what it should"
    return Drop(row=problem.model_dump(mode="json"), rule=rule, reason=reason)


def _programs(recipe: AugmentRecipe) -> dict[str, str]:
    """Problem id -> its first verified program, of the run folder that a recipe names."""
    found: dict[str, str] = {}
    for solution in RunFolder(recipe.programs).solutions() if recipe.programs else ():
        codes = [block.text for block in solution.blocks if isinstance(block, Code)]
        if is_correct(solution) and len(codes) == 1:
            found.setdefault(solution.problem_id, codes[0])
    return found
