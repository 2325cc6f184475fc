"""Where a run's settings, versions and model differ from how a published number was measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from slipstick.repro import Published
from slipstick.schema import Run

UNKNOWN = "not recorded"


class Difference(NamedTuple):
    """One thing that is not as the paper had it."""

    what: str
    """A setting, a version, a fact of the model."""
    published: str
    ours: str


def differences(row: Published, run: Run) -> list[Difference]:
    """What a run does otherwise than its row's paper, settings first; what the paper does not say is left out."""
    return [*_settings(row, run), *_model(row, run), *_versions(run)]


def _settings(row: Published, run: Run) -> Iterator[Difference]:
    wanted: dict[str, Any] = {**row.paper.protocol, "profile": row.paper.profile}
    for key, value in wanted.items():
        ours = run.recipe.get(key, UNKNOWN)
        if key == "stop":
            missing = [stop for stop in value if not _stops(ours, stop)]
            if missing:
                yield Difference("stop", "also " + ", ".join(map(repr, missing)), f"those of the format, {ours}")
        elif key == "num_fewshot" and ours is None:
            yield Difference(key, str(value), "the format's own")
        elif ours != value:
            yield Difference(key, str(value), str(ours))


def _model(row: Published, run: Run) -> Iterator[Difference]:
    ours = str(run.recipe.get("model", UNKNOWN))
    if row.model.lower() not in ours.lower():
        yield Difference("model", row.model, ours)
    for fact, value in row.facts.items():
        told = run.versions.get(f"server.{fact}", run.versions.get(fact, UNKNOWN))
        if told == UNKNOWN or float(told) != float(value):
            yield Difference(fact, value, told)


def _versions(run: Run) -> Iterator[Difference]:
    """Libraries of the run; papers do not say theirs, and both transformers and vLLM have moved published numbers."""
    named = ("transformers", "torch", "server.version", "server.dtype", "sympy")
    told = ", ".join(f"{name} {run.versions[name]}" for name in named if name in run.versions)
    yield Difference("versions", "not published", told or UNKNOWN)


def _stops(ours: object, stop: str) -> bool:
    return isinstance(ours, list) and any(isinstance(mine, str) and mine and mine in stop for mine in ours)
