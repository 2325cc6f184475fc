"""Asks a judge: each pair of answers once, its judgement on disk before the next one is asked in its place."""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from slipstick.formats import Format
from slipstick.judge.prompts import JudgePrompt, Label, load_prompt
from slipstick.judge.settings import JudgeSettings
from slipstick.models import CHANGES_REPLIES, Request, Sampling
from slipstick.parts import cut_torn_line
from slipstick.schema import Problem, Record
from slipstick.solve.monitor import Monitor, kind_of_error
from slipstick.store import read_records, to_json

JUDGEMENTS = "judgements.jsonl"
_MOST = 512
"""Requests that wait for a judge at one time; its server is sent as many as it can take."""


class Pair(NamedTuple):
    """An answer that is to be compared with what is expected."""

    asked_for: str
    """Whose answer it is: the id of a solution, or the place of a labelled row."""
    question: str
    """The question; "" if it is not known."""
    expected: tuple[str, ...]
    """The acceptable answers."""
    answer: str
    """The answer."""

    @property
    def key(self) -> str:
        """The same for the same question, expected answers and answer: 16 hex digits of a SHA-256."""
        return _digest([self.question, self.expected, self.answer])


class Judgement(Record):
    """What a judge said of a pair: a line of judgements.jsonl."""

    key: str
    """Hash of question, expected answers and answer."""
    asked_as: str
    """Hash of the judge, its prompt and the settings that may change what it says."""
    judge: str
    """The judge, as the recipe names it."""
    prompt: str
    """Name of its prompt."""
    asked_for: str
    """The first solution with this answer, or the place of a labelled row."""
    expected: list[str]
    """The acceptable answers."""
    answer: str
    """The answer."""
    label: Label
    """What the judge says of it."""
    text: str
    """Its reply as it came."""
    tokens: int = 0
    """Tokens it generated."""
    prompt_tokens: int = 0
    """Tokens of its prompt, if the model counts them."""
    cost: float = 0.0
    """US dollars."""


def asked_as(settings: JudgeSettings) -> str:
    """A hash of all that may change what a judge says: judgements that were asked otherwise are not reused."""
    prompt = load_prompt(settings.judge_prompt)
    sampling = [settings.judge_temperature, settings.judge_max_tokens]
    model = {key: value for key, value in settings.judge_settings.items() if key in CHANGES_REPLIES}
    return _digest([settings.judge, prompt.name, prompt.system, prompt.prompt, sampling, model])


def read_judgements(folder: Path, settings: JudgeSettings) -> dict[str, Judgement]:
    """Key -> judgement, of those in a run's folder that this judge gave, asked as it would be now."""
    wanted = asked_as(settings)
    rows = read_records(folder / JUDGEMENTS, Judgement, missing_ok=True)
    return {row.key: row for row in rows if row.asked_as == wanted}


@contextmanager
def appended(folder: Path) -> Iterator[Callable[[Judgement], None]]:
    """A function that adds a judgement to a run's file; when it returns the line survives a kill."""
    cut_torn_line(folder / JUDGEMENTS)
    with (folder / JUDGEMENTS).open("a", encoding="utf-8") as file:

        def add(judgement: Judgement) -> None:
            file.write(to_json(judgement) + "\n")
            file.flush()

        yield add


async def ask(
    pairs: Sequence[Pair], monitor: Monitor, settings: JudgeSettings, *, on_judgement: Callable[[Judgement], None]
) -> Mapping[str, int]:
    """Asks of each pair, and passes what comes to `on_judgement`; why requests failed -> how many did so.

    pairs: of different keys. A request that fails gives no judgement, so that it can be asked again.
    Raises ModelError for a judge that cannot be reached, or of which no reply says anything.
    """
    prompt, waiting, failed = load_prompt(settings.judge_prompt), iter(pairs), Counter[str]()
    asked, sampling = asked_as(settings), _sampling(settings)

    async def work() -> None:
        for pair in waiting:
            reply = await monitor.generate(_request(prompt, pair, sampling))
            if reply.finish == "error":
                failed[kind_of_error(reply.error)] += 1
                continue
            on_judgement(
                Judgement(
                    key=pair.key,
                    asked_as=asked,
                    judge=settings.judge or "",
                    prompt=prompt.name,
                    asked_for=pair.asked_for,
                    expected=list(pair.expected),
                    answer=pair.answer,
                    label=prompt.label(reply.text),
                    text=reply.text,
                    tokens=reply.tokens,
                    prompt_tokens=reply.prompt_tokens,
                    cost=reply.cost,
                )
            )

    async with asyncio.TaskGroup() as group:
        for _ in range(min(_MOST, len(pairs))):
            group.create_task(work())
    monitor.require_usable()
    return failed


def _sampling(settings: JudgeSettings) -> Sampling:
    return Sampling(temperature=settings.judge_temperature, max_tokens=settings.judge_max_tokens)


def _request(prompt: JudgePrompt, pair: Pair, sampling: Sampling) -> Request:
    """A pair as a model is asked: one message of the user, in a format of words alone."""
    problem = Problem(id=pair.key, text=prompt.fill(pair.question, pair.expected, pair.answer))
    format = Format(name="judge", executes="never", system=prompt.system)
    return Request(problem=problem, format=format, sample=0, turn=0, blocks=[], sampling=sampling)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False).encode()).hexdigest()[:16]
