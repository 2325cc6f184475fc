"""A judge of known error rates: a server that knows which answers are correct, and errs as often as it is told to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from tests.models.scripted_server import Server

PAIR = re.compile(r"Expected answer:\n(.*?)\n\nGiven answer:\n(.*?)\n\nThink", re.DOTALL)


def chance(*texts: str) -> float:
    """A number from 0 to 1 that looks random and is always the same for the same texts."""
    return int(hashlib.sha256("|".join(texts).encode()).hexdigest()[:12], 16) / 16**12


class ScriptedJudge(Server):
    """Calls a correct answer correct with the chance `sensitivity`, an incorrect one incorrect with `specificity`."""

    def __init__(self, truth: Mapping[tuple[str, str], bool], *, sensitivity: float, specificity: float) -> None:
        super().__init__()
        self.truth, self.sensitivity, self.specificity = truth, sensitivity, specificity
        self.garbage = 0.0
        """Share of replies that are neither label."""

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """A thought that names the other label, then the verdict."""
        found = PAIR.search(body["messages"][-1]["content"])
        if not found:
            return super().answer(body)
        pair = (found[1], found[2])
        says = self.says(*pair)
        self.text = f"<think>Verdict: {'incorrect' if says else 'correct'}?</think>\nThey were compared.\nVerdict: " + (
            "correct" if says else "incorrect"
        )
        if chance("garbage", *pair) < self.garbage:
            self.text = "I would rather talk about slide rules."
        return super().answer(body)

    def says(self, expected: str, answer: str) -> bool:
        """Whether it calls an answer correct."""
        correct = self.truth[expected, answer]
        return chance("judge", expected, answer) < (self.sensitivity if correct else 1 - self.specificity)
