"""Draws a teacher's attempts into a run folder and goes through them at the end: kept, or dropped with a reason.

While a run is under way every attempt lies in solutions.jsonl, with its verdict. At its end those that are kept stay
there and the others move to dropped.jsonl; a run that is taken up again first moves them back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, ValidationError, model_validator
from rich.console import Console
from rich.table import Table

from slipstick.commands.drawing import (
    SolveRecipe,
    check_price,
    note_card,
    out_of_money,
    show_estimate,
    take_up,
    watched,
    within_budget,
)
from slipstick.commands.monitor import Tally
from slipstick.formats import Format, load_format, render_chat
from slipstick.interpreters import Interpreter, open_interpreter
from slipstick.metrics import wilson
from slipstick.models import Model
from slipstick.models.openai.prices import OFFICIAL, find_price
from slipstick.schema import Drop, Problem, Record, Solution
from slipstick.solve import Spent, prepare_format, spent_alone
from slipstick.solve.estimate import PROBLEMS, bootstrap
from slipstick.store import RunFolder, write_atomically
from slipstick.synthesize.attempts import Plan, draw_attempts, is_correct
from slipstick.synthesize.teacher import SamplingStep, Selection, sort_out

ATTEMPTS = "attempts.jsonl"
_LETTERS = 4  # of a prompt make about one token


class AskRecipe(SolveRecipe):
    """What every method that asks a teacher can be told."""

    sampling_schedule: list[SamplingStep] = Field(default_factory=list)
    """What is drawn of a problem in each format, one after another; none: `num_samples` at `temperature`."""
    min_votes: int = Field(default=2, ge=1)
    """Attempts that must agree on the answer of a problem without a gold, and be more than for any other."""

    @model_validator(mode="after")
    def _says_it_once(self) -> AskRecipe:
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
        """What is drawn of a problem in one format."""
        return self.sampling_schedule or [SamplingStep(temperature=self.temperature, num_samples=1)] * self.num_samples


class Method(NamedTuple):
    """How often a teacher is asked, and what its attempts are worth."""

    plan: Plan
    most: int
    """Most attempts at a problem in one format."""
    review: Callable[[Problem, Sequence[Solution]], Selection]
    refuse: Callable[[Selection], Drop | None] = lambda found: None
    """Whether the problem itself is taken out in the end."""


class TeacherInput(NamedTuple):
    """Problems that a teacher is asked, and what there is without asking."""

    problems: Sequence[Problem]
    given: Sequence[Solution] = ()
    """Attempts that exist already."""
    refused: Sequence[Drop] = ()
    """What was taken out before."""


class AttemptCounts(Record):
    """A line of attempts.jsonl."""

    problem_id: str
    format: str
    attempts: int
    correct: int
    kept: int


@asynccontextmanager
async def at_work(recipe: AskRecipe, model: Model | None) -> AsyncIterator[Interpreter]:
    """The interpreter of a recipe; closed in the end, and the model with it."""
    interpreter = open_interpreter(recipe, seed=recipe.seed)
    try:
        yield interpreter
    finally:
        await interpreter.close()
        if model:
            await model.close()


def inputs_of(recipe: AskRecipe) -> list[Path]:
    """The files that a recipe reads: problems, and the script or recording of its model."""
    return [*recipe.files(), Path(recipe.model.partition(":")[2])]


async def teach(
    folder: RunFolder,
    asked: TeacherInput,
    recipe: AskRecipe,
    method: Method,
    *,
    model: Model | None,
    interpreter: Interpreter,
    console: Console,
) -> bool:
    """Every attempt that a method asks for, then gone through; False where a budget ended it before."""
    problems = asked.problems
    _move_back(folder)
    folder.write_problems(problems)
    done, spent = take_up(folder, recipe.formats)
    spent += sum(reply.cost for part in folder.path.glob("*/run.json") for reply in RunFolder(part.parent).solutions())
    begun = bool(done)
    for solution in asked.given:
        if solution.id not in done:
            folder.append(solution)
    done = folder.index()
    formats = [prepare_format(load_format(name), recipe) for name in recipe.formats]
    if model and formats and problems:
        await note_card(folder, model, console)
        if not begun:
            console.print(_foresee(problems, formats, recipe, method), highlight=False, soft_wrap=True)
        tally = Tally(model, spent=spent)
        planned = len(problems) * len(formats) * method.most
        async with watched(planned, tally, done=len(done), console=console) as keep:

            def on_attempt(solution: Solution) -> None:
                folder.append(solution)
                keep(solution)
                check_price(tally, recipe, spent)

            finished = await draw_attempts(
                tally.hear_of(problems),
                formats,
                plan=method.plan,
                model=tally,
                interpreter=interpreter,
                settings=within_budget(recipe, spent),
                on_attempt=on_attempt,
                done=done,
            )
        if not finished:
            console.print(out_of_money(tally, recipe), highlight=False, soft_wrap=True)
            return False
    if not recipe.estimate:
        _sort(folder, asked, recipe, method, console)
    return True


def say_estimate(
    by_unit: Mapping[str, Sequence[Solution]],
    total: int,
    recipe: AskRecipe,
    *,
    unit: str,
    rows: Mapping[str, int],
    seconds: float,
    console: Console,
) -> None:
    """What all of it will take, judged by a few units (problems, requests) and everything that was drawn for each.

    rows: unit -> solutions that would be kept of it.
    """
    figures = [
        (*_spent(solutions, recipe), float(len(solutions)), float(rows.get(name, 0)))
        for name, solutions in by_unit.items()
    ]
    found = bootstrap(figures or [(0.0,) * (len(Spent._fields) + 2)], problems=total, seed=recipe.seed)
    more = {"replies": found[-2], "rows kept": found[-1]}
    taken = dict(zip(Spent._fields, found, strict=False))
    title = f"{total:,} {unit}, judged by {len(by_unit)}"
    show_estimate(title, taken, recipe, rows=more, seconds=seconds, console=console)


def by_problem(folder: RunFolder) -> dict[str, list[str]]:
    """Problem id -> the ids of its attempts in a folder."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for key in folder.index():
        found[key.rsplit("#", 2)[0]].append(key)
    return found


def _spent(solutions: Iterable[Solution], recipe: AskRecipe) -> Spent:
    total = Spent()
    for solution in solutions:
        total = total.plus(spent_alone(solution, recipe.formats))
    return total


def _foresee(problems: Sequence[Problem], formats: Sequence[Format], recipe: AskRecipe, method: Method) -> str:
    """What the attempts take at most, said before anything is asked."""
    count = len(problems) * len(formats) * method.most
    few = problems[:: max(1, len(problems) // PROBLEMS)]
    prompts = [render_chat(format, problem) for problem in few for format in formats]
    letters = sum(len(str(message["content"])) for prompt in prompts for message in prompt)
    tokens = int(count * letters / len(prompts) / _LETTERS)
    server = recipe.base_url[0] if recipe.base_url else OFFICIAL
    price = find_price(recipe.model.removeprefix("openai:"), server, recipe)
    most = count * recipe.max_tokens
    money = price.cost(prompt=tokens, cached=0, completion=most) if price else None
    return (
        f"{len(problems):,} problems: at most {count:,} attempts. Their first turns read about {tokens:,} tokens and "
        f"write at most {most:,}"
        + (f" (${money:,.2f})" if money is not None else "")
        + ("" if recipe.estimate else "; --set estimate=true asks for a few and says what all will take")
    )


def _move_back(folder: RunFolder) -> None:
    """Puts attempts that an earlier end of this run dropped back among its solutions."""
    known = folder.index()
    for row in folder.dropped():
        try:
            solution = Solution.model_validate(row.row)
        except ValidationError:
            continue  # a question that was refused
        if solution.id not in known:
            folder.append(solution)


def _sort(folder: RunFolder, asked: TeacherInput, recipe: AskRecipe, method: Method, console: Console) -> None:
    """Goes through all attempts, problem by problem; a kill between two files is mended by the next resume."""
    index, ids = folder.index(), by_problem(folder)
    kept: list[Solution] = []
    stay: list[Problem] = []
    tried: list[AttemptCounts] = []
    rules = Counter[str](row.rule for row in asked.refused)

    def drops() -> Iterator[Drop]:
        yield from asked.refused
        for problem in asked.problems:
            attempts = [index[key] for key in sorted(ids.get(problem.id, []), key=lambda key: _place(key, recipe))]
            found = method.review(problem, attempts)
            out = method.refuse(found)
            kept.extend(solution.model_copy(update={"blocks": [], "previous_attempts": []}) for solution in found.kept)
            tried.extend(_tried(problem, attempts, found))
            stay.extend([] if out else [found.problem])
            for row in (*found.dropped, *([out] if out else [])):
                rules[row.rule] += 1
                yield row

    folder.write_dropped(drops())
    folder.write_verdicts(kept)
    folder.write_problems(stay)
    write_atomically(folder.path / ATTEMPTS, (f"{row.model_dump_json()}\n" for row in tried))
    folder.rearrange(solution.id for solution in kept)
    solved = len({solution.problem_id for solution in kept})
    attempts = sum(row.attempts for row in tried)
    counts = {"problems": len(stay), "attempts": attempts, "solutions": len(kept), "solved": solved}
    folder.note(counts=counts | {"dropped": rules.total()})
    console.print(_table(len(asked.problems), tried, solved, rules))


def _place(key: str, recipe: AskRecipe) -> tuple[int, str, int]:
    _, name, sample = key.rsplit("#", 2)
    return (recipe.formats.index(name) if name in recipe.formats else len(recipe.formats)), name, int(sample)


def _tried(problem: Problem, attempts: Sequence[Solution], found: Selection) -> Iterator[AttemptCounts]:
    for name in dict.fromkeys(attempt.format for attempt in attempts):
        mine = [attempt for attempt in attempts if attempt.format == name]
        kept = [solution for solution in found.kept if solution.format == name]
        correct = sum(map(is_correct, mine)) if problem.answer is not None else len(kept)
        yield AttemptCounts(problem_id=problem.id, format=name, attempts=len(mine), correct=correct, kept=len(kept))


def _table(problems: int, tried: Sequence[AttemptCounts], solved: int, rules: Counter[str]) -> Table:
    """What came of it."""
    table = Table("", "", box=None, show_header=False)
    table.columns[1].justify = "right"
    low, high = wilson(solved, problems) if problems else (0.0, 0.0)
    share = f"{100 * solved / max(1, problems):.1f} % ({100 * low:.1f}-{100 * high:.1f})"
    table.add_row("problems", f"{problems:,}")
    table.add_row("solved at least once", f"{solved:,}, {share}")
    table.add_row("attempts", f"{sum(row.attempts for row in tried):,}")
    table.add_row("kept", f"{sum(row.kept for row in tried):,}")
    times = Counter(row.kept for row in tried)
    if times:
        table.add_row("kept per problem and format", ", ".join(f"{k}: {times[k]:,}" for k in sorted(times)))
    for rule, count in rules.most_common():
        table.add_row(f"dropped, {rule}", f"{count:,}")
    return table


def review_by(recipe: AskRecipe) -> Callable[[Problem, Sequence[Solution]], Selection]:
    """What a plain teacher's attempts are worth."""
    return lambda problem, attempts: sort_out(problem, attempts, min_votes=recipe.min_votes)
