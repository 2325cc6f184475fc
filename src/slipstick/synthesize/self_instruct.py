"""New questions for topics without data: a teacher sees a few, writes more, and what is too much like them is dropped.

The way of Self-Instruct (Wang et al. 2022, section 3.1-3.2), which MAmmoTH took for college topics: examples are taken
from our seeds and from what was written before; a question is kept if its ROUGE-L with every known one is below 0.7.
"""

import random
import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from math import ceil
from pathlib import Path

from pydantic import Field, ValidationError

from slipstick.edges import read_text, reading
from slipstick.errors import InputError, did_you_mean
from slipstick.schema import Drop, Problem, Record, Solution
from slipstick.synthesize.novelty import Pool, words
from slipstick.synthesize.prompts import questions_in, read_prompt

_ELSEWHERE = re.compile(
    r"\b(?:(?:in|see|from|consider) the (?:figure|diagram|picture|drawing)"
    r"|(?:figure|diagram|picture|graph|table|chart|passage) (?:above|below)|shown (?:above|below)"
    r"|(?:previous|preceding|earlier) (?:question|problem|exercise|part))\b",
    re.IGNORECASE,
)
_TELLS = re.compile(r"(?m)^\W*(?:answer|solution)\W*:|\bthe (?:correct )?answer is\b|\\boxed|####", re.IGNORECASE)
_SHORTEST, _LONGEST = 5, 250  # words and signs of a question


class Topic(Record):
    """What questions are to be about."""

    name: str
    """The topic, as a model is asked for it."""
    about: str
    """What belongs to it, in a few words."""
    seeds: list[str] = Field(min_length=2)
    """Questions to begin with."""


class SelfInstructSettings(Record):
    """Settings of new questions."""

    topics: list[str] = Field(default_factory=list)
    """Topics that come with slipstick, and TOML files of your own (`name`, `about`, `seeds`)."""
    questions: int = Field(default=100, ge=1)
    """New questions wanted of each topic."""
    per_request: int = Field(default=4, ge=1, le=1_000)
    """Questions that one request asks for."""
    num_examples: int = Field(default=4, ge=1, le=1_000)
    """Questions that a request shows; up to a third of them are new ones, the others seeds."""
    max_rouge_l: float = Field(default=0.7, gt=0, le=1)
    """A question whose ROUGE-L with a known one is at least this is dropped."""
    requests: int | None = Field(default=None, ge=1)
    """Most requests for each topic; None: four times as many as would do if every question were new."""
    at_once: int = Field(default=16, ge=1, le=10_000)
    """Requests that are sent for a topic before what they brought is shown to others."""


def read_topic(name: str) -> Topic:
    """A topic by its name or file. Raises InputError."""
    folder = files("slipstick.synthesize") / "seeds"
    known = sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
    path = Path(name)
    if name not in known and not path.is_file():
        hint = did_you_mean(name, known)
        raise InputError(f"there is neither a topic nor a file `{name}`{hint}; topics: {', '.join(known)}")
    try:
        text = (folder / f"{name}.toml").read_text("utf-8") if name in known else read_text(path)
        with reading(name):
            table = tomllib.loads(text)
        return Topic.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{name} is not a topic: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


class Writing:
    """The questions of one topic while they are being written; they follow from the replies and their order alone."""

    def __init__(self, topic: Topic, settings: SelfInstructSettings, *, seed: int) -> None:
        self.topic = topic
        self.kept: list[Problem] = []
        self.dropped: list[Drop] = []
        self._settings, self._seed = settings, seed
        self._pool = Pool(topic.seeds)
        self._asked = 0

    def asks(self) -> list[Problem]:
        """The next requests, each as the problem that is put to the teacher; none if the topic has enough."""
        settings = self._settings
        missing = settings.questions - len(self.kept)
        most = settings.requests or 4 * ceil(settings.questions / settings.per_request)
        count = min(settings.at_once, ceil(missing / settings.per_request), most - self._asked) if missing > 0 else 0
        numbers = range(self._asked, self._asked + count)
        self._asked += len(numbers)
        return [self._ask(number) for number in numbers]

    def hear(self, reply: Solution) -> None:
        """Adds what the teacher wrote to one request."""
        found = questions_in(reply)
        if not found:
            reason = reply.error or "the reply has no question between <question> and </question>"
            self.dropped.append(Drop(row={"id": reply.problem_id}, rule="no question", reason=reason))
        for place, text in enumerate(found):
            if len(self.kept) == self._settings.questions:
                return
            problem = self._problem(text, f"{reply.problem_id.replace('/ask/', '/')}.{place}", reply)
            fault = next(_faults(text, self._pool, self._settings.max_rouge_l), None)
            if fault:
                self.dropped.append(Drop(row=problem.model_dump(mode="json"), rule=fault[0], reason=fault[1]))
            else:
                self.kept.append(problem)
                self._pool.add(text)

    def _ask(self, number: int) -> Problem:
        draw = random.Random(f"{self._seed}/{self.topic.name}/{number}")
        new = draw.sample(self.kept, min(len(self.kept), self._settings.num_examples // 3))
        left = self._settings.num_examples - len(new)
        shown = [*draw.sample(self.topic.seeds, min(len(self.topic.seeds), left)), *(problem.text for problem in new)]
        draw.shuffle(shown)
        values = {
            "topic": self.topic.name.replace("_", " "),
            "about": self.topic.about,
            "examples": "\n".join(f"<question>{text}</question>" for text in shown),
            "count": str(self._settings.per_request),
        }
        text: str = read_prompt("self_instruct")["ask"].strip()
        for key, value in values.items():
            text = text.replace(f"{{{key}}}", value)
        return Problem(id=f"self_instruct/{self.topic.name}/ask/{number}", text=text)

    def _problem(self, text: str, name: str, reply: Solution) -> Problem:
        about = {"topic": self.topic.name, "method": "self_instruct", "validated": False} | written_by(reply)
        return Problem(id=name, text=text, metadata=about)


def written_by(reply: Solution) -> dict[str, object]:
    """Who wrote a question, for its metadata: the reply's id, model, prompt and seed."""
    return {"reply": reply.id, "model": reply.model, "prompt_hash": reply.prompt_hash, "seed": reply.seed}


def _faults(text: str, pool: Pool, max_rouge_l: float) -> Iterator[tuple[str, str]]:
    """(rule, reason) for everything that keeps a question out."""
    length = len(words(text))
    if not _SHORTEST <= length <= _LONGEST:
        yield "length", f"{length} words and signs, not {_SHORTEST} to {_LONGEST}"
    if match := _ELSEWHERE.search(text):
        yield "not by itself", f"it speaks of something that is not there: {match[0]!r}"
    if match := _TELLS.search(text):
        yield "tells its answer", f"it says {match[0]!r}"
    nearest = pool.nearest(text)
    if nearest.rouge_l >= max_rouge_l:
        yield "not new", f"ROUGE-L {nearest.rouge_l:.2f} with: {nearest.text[:120]}"
