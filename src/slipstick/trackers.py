"""Experiment trackers: what a run measures goes to wandb, trackio, MLflow or TensorBoard, through their own packages.

A tracker is opened with the first numbers it gets. One that fails is named once and left out; it never ends a run.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import blake2b
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field, field_validator
from rich.console import Console

from slipstick.errors import UserError, did_you_mean
from slipstick.extras import require
from slipstick.recipe import Names
from slipstick.schema import Metric, Record
from slipstick.store import RunFolder, write_atomically

Track = Callable[[int, Mapping[str, float]], None]
"""Called with the number of a step and what was measured then: {"train/loss": 0.5}."""
FOLDER = "trackers"
"""Folder in a run where trackers keep what they write there."""
_PROJECT = "slipstick"
_OF_TRL = ("azure_ml", "clearml", "codecarbon", "comet_ml", "dagshub", "dvclive", "flyte", "neptune", "swanlab")
"""Names that only transformers' own callbacks know."""


class TrackerSettings(Record):
    """Where a run reports its numbers to, besides its own folder."""

    report_to: Names = Field(default_factory=list)
    """"wandb", "trackio", "mlflow", "tensorboard"; "all": those that are installed. With TRL's trainer also what else
    transformers has a callback for ("comet_ml", "clearml", ...)."""

    @field_validator("report_to")
    @classmethod
    def _are_known(cls, names: list[str]) -> list[str]:
        known = (*OPENERS, "all", "none", *_OF_TRL)
        for name in names:
            if name not in known:
                raise ValueError(f"{name!r} is no tracker{did_you_mean(name, known)}; known: {', '.join(known)}")
        return names


class _Opened(NamedTuple):
    log: Callable[[int, Mapping[str, float]], None]
    close: Callable[[], object]


class _Tracked(NamedTuple):
    """The run that is tracked."""

    name: str
    id: str
    """The same for a run that is resumed."""
    folder: Path
    settings: dict[str, Any]
    first_step: int


def own_names(report_to: Sequence[str]) -> list[str]:
    """The trackers among the names that are opened here."""
    installed = [name for name in OPENERS if _is_installed(name)] if "all" in report_to else []
    return list(dict.fromkeys([*(name for name in report_to if name in OPENERS), *installed]))


def names_for_trl(report_to: Sequence[str]) -> list[str]:
    """The others, which transformers' own callbacks serve."""
    return [name for name in report_to if name in _OF_TRL]


def check_trackers(report_to: Sequence[str], *, trl: bool = False) -> None:
    """Raises UserError for a tracker whose package is not installed, or that only TRL's trainer knows unless `trl`."""
    if not trl and (others := names_for_trl(report_to)):
        raise UserError(
            f'report_to = {others[0]!r} is known to TRL\'s trainer alone (trainer = "trl"); here: {", ".join(OPENERS)}'
        )
    for name in report_to:
        if name in OPENERS and not _is_installed(name):
            require(_PACKAGES.get(name, name), to=f'report_to = "{name}"')


@contextmanager
def open_trackers(folder: RunFolder, settings: TrackerSettings, console: Console) -> Iterator[Track]:
    """A function that tells the settings' trackers what a run measures; they are closed at the end."""
    run, trackers = folder.run(), dict[str, _Opened]()
    tracked = _Tracked(
        name=run.name,
        id=blake2b(f"{run.name} {run.started}".encode(), digest_size=6).hexdigest(),
        folder=folder.path / FOLDER,
        settings=settings.model_dump(mode="json"),
        first_step=0,
    )
    waiting = dict.fromkeys(own_names(settings.report_to))

    def attempt(name: str, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Exception as error:  # boundary: whatever a tracker raises, the run goes on
            waiting.pop(name, None)
            trackers.pop(name, None)
            console.print(
                f"{name} failed and gets no more numbers of this run: {type(error).__name__}: {error}",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
            return None

    def track(step: int, values: Mapping[str, float]) -> None:
        for name in list(waiting):
            del waiting[name]
            tracked.folder.mkdir(exist_ok=True)
            opened = attempt(name, partial(OPENERS[name], tracked._replace(first_step=step)))
            if opened:
                trackers[name] = opened
        for name, tracker in list(trackers.items()):
            attempt(name, partial(tracker.log, step, values))

    try:
        yield track
    finally:
        for name, tracker in list(trackers.items()):
            attempt(name, tracker.close)


def track_metrics(track: Track, metrics: Sequence[Metric]) -> None:
    """Reports a run's numbers with their intervals: "accuracy/pot", "accuracy/pot/gsm8k", ".../low", ".../high"."""
    values: dict[str, float] = {}
    for metric in metrics:
        name = "/".join(part for part in (metric.measure, metric.format, metric.group_by and metric.group) if part)
        values |= {name: metric.value, f"{name}/low": metric.low, f"{name}/high": metric.high}
    if values:
        track(0, values)


def _wandb(run: _Tracked) -> _Opened:
    import wandb

    project = os.environ.get("WANDB_PROJECT", _PROJECT)
    opened = wandb.init(
        project=project, name=run.name, id=run.id, resume="allow", dir=str(run.folder), config=run.settings
    )
    return _Opened(lambda step, values: opened.log(dict(values), step=step), opened.finish)


def _trackio(run: _Tracked) -> _Opened:
    import trackio

    project = os.environ.get("TRACKIO_PROJECT", _PROJECT)
    opened = trackio.init(project=project, name=f"{run.name}-{run.id}", resume="allow", config=run.settings)
    return _Opened(lambda step, values: opened.log(dict(values), step=step), opened.finish)


def _mlflow(run: _Tracked) -> _Opened:
    import mlflow

    mlflow.set_experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME", _PROJECT))
    kept = run.folder / f"mlflow-{run.id}"  # what MLflow calls it: it gives ids of its own
    if kept.exists():
        mlflow.start_run(run_id=kept.read_text("utf-8").strip())
    else:
        started = mlflow.start_run(run_name=run.name, tags={"slipstick.run": run.id})
        write_atomically(kept, started.info.run_id)
        mlflow.log_params({key: str(value)[:500] for key, value in run.settings.items()})

    def log(step: int, values: Mapping[str, float]) -> None:
        mlflow.log_metrics({re.sub(r"[^\w./ -]", "_", name): value for name, value in values.items()}, step=step)

    return _Opened(log, mlflow.end_run)


def _tensorboard(run: _Tracked) -> _Opened:
    whose = "torch.utils.tensorboard" if find_spec("tensorboard") and find_spec("torch") else "tensorboardX"
    writer: Any = import_module(whose).SummaryWriter(str(run.folder / "tensorboard"), purge_step=run.first_step)

    def log(step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, step)
        writer.flush()

    return _Opened(log, writer.close)


OPENERS: Mapping[str, Callable[[_Tracked], _Opened]] = {
    "wandb": _wandb,
    "trackio": _trackio,
    "mlflow": _mlflow,
    "tensorboard": _tensorboard,
}
"""Tracker -> what opens it."""
_PACKAGES = {"tensorboard": "tensorboardX"}
"""Package that is named where a tracker's is missing, if it is not the tracker's own."""


def _is_installed(name: str) -> bool:
    if name == "tensorboard":
        return bool(find_spec("tensorboardX") or (find_spec("tensorboard") and find_spec("torch")))
    return find_spec(name) is not None
