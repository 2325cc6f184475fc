"""What a value model is trained on: graded samples, as many right ones as wrong ones of every problem."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from slipstick.encode import IGNORED, EncodeSettings, encode_within, format_name, trained_positions
from slipstick.formats import load_format
from slipstick.schema import Problem, Solution


class Outcome(NamedTuple):
    """Token ids of a solution, the labels of the language model's loss, and where its outcome is to be told."""

    ids: list[int]
    labels: list[int]
    marks: list[int]
    """Places in `ids` at which the value is trained."""
    right: bool


def balance(solutions: Iterable[Solution], *, most: int, seed: int) -> list[Solution]:
    """Of every problem as many correct solutions as incorrect ones, at most `most` of each.

    Each text counts once; where there are fewer of one kind than of the other they are taken again. (A model that is
    sure of itself writes one right program in every sample, and many different wrong ones.) Problems whose samples are
    all of one outcome are left out, as they tell nothing about which of several solutions to prefer; what is undecided
    or was never graded is left out too. A missing answer counts as incorrect.
    """
    draw = random.Random(seed)
    kinds: dict[str, tuple[dict[str, Solution], dict[str, Solution]]] = {}
    for solution in solutions:
        outcome = solution.verdict.outcome if solution.verdict else "undecided"
        if outcome == "undecided" or solution.finish == "error":
            continue
        said = "\0".join(block.text for block in solution.blocks)
        kinds.setdefault(solution.problem_id, ({}, {}))[outcome != "correct"].setdefault(said, solution)
    chosen: list[Solution] = []
    for both in kinds.values():
        if all(both):
            count = min(max(map(len, both)), most)
            for found in both:
                chosen += _take(list(found.values()), count, draw)
    return chosen


def _take(found: list[Solution], count: int, draw: random.Random) -> list[Solution]:
    """So many of them: all before any is taken again."""
    rounds, rest = divmod(count, len(found))
    return [*(found * rounds), *draw.sample(found, rest)]


def split_problems(solutions: Sequence[Solution], *, share: float, seed: int) -> tuple[list[Solution], list[Solution]]:
    """The solutions of all but a share of the problems, and those of that share, which are held out."""
    names = sorted({solution.problem_id for solution in solutions})
    random.Random(seed).shuffle(names)
    held = set(names[: round(share * len(names))])
    return [s for s in solutions if s.problem_id not in held], [s for s in solutions if s.problem_id in held]


def encode_outcome(
    solution: Solution,
    problem: Problem,
    tokenizer: Any,
    *,
    settings: EncodeSettings,
    steps_only: bool = False,
    lm_on_wrong: bool = False,
) -> Outcome | None:
    """The solution as it is trained on, or None where it is too long.

    steps_only: mark only tokens that end a line, and the last one, instead of every token that was written (a step's
    end is where AlphaMath trains its value, OVM trains it everywhere). lm_on_wrong: whether wrong solutions keep the
    labels of the language model's loss.
    """
    format = load_format(format_name(solution))
    example, _ = encode_within(solution, problem, format, tokenizer, settings=settings, seed=0)
    if example is None:
        return None
    marks = trained_positions(example, tokenizer, steps_only=steps_only)
    right = solution.verdict is not None and solution.verdict.outcome == "correct"
    labels = example.labels if right or lm_on_wrong else [IGNORED] * len(example.ids)
    return Outcome(example.ids, labels, marks, right) if marks else None
