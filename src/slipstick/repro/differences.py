"""Lists how a run's settings, model and versions differ from those of a published number."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from slipstick.repro import PublishedRow
from slipstick.schema import Run

UNKNOWN = "not recorded"


class Difference(NamedTuple):
    """One difference from the paper."""

    what: str
    """A setting, the model or a fact of it, or versions."""
    published: str
    """Its value in the paper."""
    ours: str
    """Its value in our run."""


def differences(row: PublishedRow, run: Run) -> list[Difference]:
    """How a run differs from its row's paper, settings first; what the paper does not state is left out."""
    return [*_settings(row, run), *_model(row, run), *_versions(run)]


def _settings(row: PublishedRow, run: Run) -> Iterator[Difference]:
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


def _model(row: PublishedRow, run: Run) -> Iterator[Difference]:
    ours = str(run.recipe.get("model", UNKNOWN))
    if row.model.lower() not in ours.lower():
        yield Difference("model", row.model, ours)
    for fact, value in row.facts.items():
        reported = run.versions.get(f"server.{fact}", run.versions.get(fact, UNKNOWN))
        if reported == UNKNOWN or float(reported) != float(value):
            yield Difference(fact, value, reported)


def _versions(run: Run) -> Iterator[Difference]:
    """The run's libraries; papers do not state theirs, and transformers and vLLM have changed published numbers."""
    named = ("transformers", "torch", "server.version", "server.dtype", "sympy")
    ours = ", ".join(f"{name} {run.versions[name]}" for name in named if name in run.versions)
    yield Difference("versions", "not published", ours or UNKNOWN)


def _stops(ours: object, stop: str) -> bool:
    return isinstance(ours, list) and any(isinstance(mine, str) and mine and mine in stop for mine in ours)
