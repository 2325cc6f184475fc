"""What a value model is trained on: graded samples, as many correct as incorrect ones of every problem."""

import random
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from slipstick.encode.encoding import IGNORED, encode_within, format_name, trained_positions
from slipstick.encode.settings import EncodeSettings
from slipstick.formats import FormatLoader, load_format
from slipstick.schema import Problem, Solution


class ValueExample(NamedTuple):
    """Token ids of a solution, the labels of the language model's loss, and where the value is trained."""

    ids: list[int]
    """Token ids."""
    labels: list[int]
    """Labels of the language model's loss."""
    marks: list[int]
    """Places in `ids` at which the value's target is `correct`."""
    correct: bool
    """Whether the solution is correct."""


def balance(solutions: Iterable[Solution], *, most: int, seed: int) -> list[Solution]:
    """Of every problem as many correct solutions as incorrect ones, at most `most` of each.

    Each text counts once; if there are fewer of one kind than of the other they are repeated. (A model that is
    sure of itself writes one correct program in every sample, and many different incorrect ones.) Problems whose
    samples all have one outcome are left out, as they say nothing about which of several solutions to prefer; samples
    that are undecided or were never graded are left out too. A missing answer counts as incorrect.
    """
    draw = random.Random(seed)
    kinds: dict[str, tuple[dict[str, Solution], dict[str, Solution]]] = {}
    for solution in solutions:
        outcome = solution.verdict.outcome if solution.verdict else "undecided"
        if outcome == "undecided" or solution.finish == "error":
            continue
        text = "\0".join(block.text for block in solution.blocks)
        kinds.setdefault(solution.problem_id, ({}, {}))[outcome != "correct"].setdefault(text, solution)
    chosen: list[Solution] = []
    for both in kinds.values():
        if all(both):
            count = min(max(map(len, both)), most)
            for found in both:
                chosen += _take(list(found.values()), count, draw)
    return chosen


def _take(found: list[Solution], count: int, draw: random.Random) -> list[Solution]:
    """This many of them: all before any is repeated."""
    rounds, rest = divmod(count, len(found))
    return [*(found * rounds), *draw.sample(found, rest)]


def split_problems(solutions: Sequence[Solution], *, share: float, seed: int) -> tuple[list[Solution], list[Solution]]:
    """The solutions of all but a share of the problems, and those of that share, which is held out."""
    names = sorted({solution.problem_id for solution in solutions})
    random.Random(seed).shuffle(names)
    held = set(names[: round(share * len(names))])
    return [s for s in solutions if s.problem_id not in held], [s for s in solutions if s.problem_id in held]


def encode_sample(
    solution: Solution,
    problem: Problem,
    tokenizer: Any,
    *,
    settings: EncodeSettings,
    steps_only: bool = False,
    lm_on_incorrect: bool = False,
    load: FormatLoader = load_format,
) -> ValueExample | None:
    """The solution as it is trained on, or None if it is too long.

    steps_only: mark only tokens that end a line, and the last one, instead of every token that was written (AlphaMath
    trains its value at the ends of steps, OVM everywhere). lm_on_incorrect: whether incorrect solutions keep the labels
    of the language model's loss. load: gives the format of the solution.
    """
    example, _ = encode_within(solution, problem, load(format_name(solution)), tokenizer, settings=settings, seed=0)
    if example is None:
        return None
    marks = trained_positions(example, tokenizer, steps_only=steps_only)
    correct = solution.verdict is not None and solution.verdict.outcome == "correct"
    labels = example.labels if correct or lm_on_incorrect else [IGNORED] * len(example.ids)
    return ValueExample(example.ids, labels, marks, correct) if marks else None
