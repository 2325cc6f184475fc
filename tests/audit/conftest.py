"""Labelled problems and what solvers say of them."""

from __future__ import annotations

import pytest

from slipstick.audit.votes import Vote
from slipstick.schema import Problem


@pytest.fixture(scope="module")
def town() -> tuple[list[Problem], dict[str, list[Vote]]]:
    """60 problems, the labels of 7 and 31 wrong; one solver is careful, four share their mistakes on every fifth."""
    problems, votes = [], {}
    for n in range(60):
        right, label = n + 100, n + 100 + (n in (7, 31))
        problems.append(Problem(id=f"town/{n}", text=f"What is {n} and 100?", answer=str(label), kind="number"))
        copied = right + 50 if n % 5 == 0 else right
        votes[f"town/{n}"] = [
            Vote("careful", str(right)),
            *(Vote(name, str(copied)) for name in ("one", "two", "three")),
            *(Vote("careless", str(copied + n % 3)) for _ in range(2)),
        ]
    return problems, votes
