"""Synthetic problems: as many as one likes, with known answers and worked steps, in splits that share no problem.

`synthetic:SPLIT,n=COUNT,seed=SEED`; each problem follows from split, seed and index alone; ids begin with
"made/", on which shares and splits of runs depend. The files, in the order data passes them:

- `calculation`: templates (`templates/*.toml`), their numbers and worked steps
- `paper`: values and expressions as people write them
- `grammar`: a template's skeleton -> the text of a problem
- `abstract`: multiple choice with nothing to compute
"""

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal

from slipstick.errors import InputError, did_you_mean
from slipstick.problems.synthetic.abstract import KINDS, lettered
from slipstick.problems.synthetic.calculation import Template, draw_numbers, templates, work_out
from slipstick.problems.synthetic.grammar import Wording, fill, framed, pick_words, word_it
from slipstick.schema import Problem

Wordings = Literal["seen", "new combination", "new skeleton"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """What the problems of a split are like."""

    lengths: Mapping[int, int]
    """Digits of the longest number -> how often."""
    wordings: Wordings = "seen"
    """Whether training has seen its wordings."""
    abstract: bool | None = False
    """Only abstract problems, none, or (None) every fifth."""
    training: bool = False
    """Whether these are instances to train on; all other splits share the instances that are held out."""
    n: int = 500
    """How many if the recipe does not say."""


_TRAINED: Mapping[int, int] = {1: 2, 2: 5, 3: 7, 4: 4, 5: 3, 6: 3}
SPLITS: Mapping[str, Split] = {
    "train": Split(lengths=_TRAINED, abstract=None, training=True, n=8000),
    "known": Split(lengths=_TRAINED),
    "digits3": Split(lengths={1: 1, 2: 3, 3: 4}),
    "digits5": Split(lengths={5: 1, 6: 1}),
    "digits7": Split(lengths={7: 1}),
    "phrasing": Split(lengths=_TRAINED, wordings="new combination"),
    "skeleton": Split(lengths=_TRAINED, wordings="new skeleton"),
    "abstract": Split(lengths=_TRAINED, abstract=True),
    "mix": Split(lengths=_TRAINED, abstract=None),
}
LICENCE = "Apache-2.0"
"""Synthetic problems are made by slipstick itself, and come under its licence."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def load(argument: str, *, field_map: Mapping[str, str] | None = None) -> Iterator[Problem]:
    """Problems of a split: "known", "train,n=20000,seed=1". Raises InputError for an unknown split or setting."""
    if field_map:
        raise InputError(f"`field_map` does not apply to `synthetic:{argument}`, which is generated: remove it")
    name, settings = _read(argument)
    n, seed = settings.get("n", SPLITS[name].n), settings.get("seed", 0)
    return (make(name, index, seed=seed) for index in range(n))


def make(split: str, index: int, *, seed: int = 0) -> Problem:
    """The problem of that split, seed and index."""
    rules = SPLITS[split]
    rng = Random(f"{split}/{seed}/{index}")
    number = f"made/{split}/{index}" if seed == 0 else f"made/{split}-seed{seed}/{index}"
    abstract = index % 5 == 4 if rules.abstract is None else rules.abstract
    return _abstract(number, split, rng) if abstract else _calculation(number, split, rng)


def _calculation(number: str, split: str, rng: Random) -> Problem:
    rules = SPLITS[split]
    shortest, longest = min(rules.lengths), max(rules.lengths)
    pool = [template for template in templates() if template.scales or shortest < 4]
    while True:
        template = rng.choice(pool)
        digits = rng.choices(list(rules.lengths), list(rules.lengths.values()))[0]
        given = draw_numbers(template, digits=digits, rng=rng)
        if _held_out(f"{template.name} {given}") == rules.training:
            continue
        wording = _word(template, wordings=rules.wordings, rng=rng)
        text = fill(wording, {**pick_words(template.words, rng), **given})
        most = max(len(found.replace(".", "")) for found in _NUMBER.findall(text))
        if most > longest or (most < shortest and shortest >= 4):
            continue
        # In the order of reading, as people name them; a small model learns to copy them far sooner then.
        worked = work_out(template, {name: given[name] for name in sorted(given, key=wording.place)})
        says = " ".join(step["says"] for step in worked.steps if step["says"])
        about = {"split": split, "topic": template.topic, "template": template.name, "digits": most}
        return Problem(
            id=number,
            text=text,
            answer=worked.answer,
            kind="number",
            rationale=f"{says} The answer is {worked.answer}.",
            licence=LICENCE,
            metadata=about | {"steps": worked.steps},
        )


def _word(template: Template, *, wordings: Wordings, rng: Random) -> Wording:
    """The text of a problem, worded as its split may, its numbers left open."""
    new = wordings == "new skeleton"
    skeletons = template.unseen if new else template.skeletons
    while True:
        skeleton = rng.choice(skeletons)
        wording = word_it(framed(skeleton), rng)
        if new or _held_out(skeleton + wording.combination, one_in=5) == (wordings == "new combination"):
            return wording


def _abstract(number: str, split: str, rng: Random) -> Problem:
    training = SPLITS[split].training
    kind = rng.choice(KINDS)
    puzzle = kind(rng)
    while _held_out(puzzle.text) == training:
        puzzle = kind(rng)
    text, choices, right, reasoning = lettered(puzzle, rng)
    about = {"split": split, "topic": "abstract", "template": kind.__name__, "digits": 0, "steps": []}
    return Problem(
        id=number,
        text=text,
        answer=right,
        kind="choice",
        choices=choices,
        rationale=reasoning,
        licence=LICENCE,
        metadata=about,
    )


def _held_out(key: str, *, one_in: int = 8) -> bool:
    """Whether training never sees this; the same on every machine."""
    return zlib.crc32(key.encode()) % one_in == 0


def _read(argument: str) -> tuple[str, dict[str, int]]:
    name, *settings = argument.split(",")
    if name not in SPLITS:
        raise InputError(f"`synthetic` has no split `{name}`{did_you_mean(name, SPLITS)}; known: {', '.join(SPLITS)}")
    found = {}
    for setting in settings:
        key, _, value = setting.strip().partition("=")
        if key not in ("n", "seed") or not value.isdecimal():
            raise InputError(f"`synthetic:{argument}`: `{setting}` is neither n=COUNT nor seed=NUMBER")
        found[key] = int(value)
    return name, found
