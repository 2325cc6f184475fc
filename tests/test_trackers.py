"""Experiment trackers: TensorBoard's real files, the calls that the others' packages get, and one that fails."""

from __future__ import annotations

import io
import json
import struct
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.evaluate import run_evaluate
from slipstick.errors import UserError
from slipstick.schema import Metric, Run
from slipstick.store import RunFolder
from slipstick.trackers import (
    TrackerSettings,
    check_trackers,
    names_for_trl,
    open_trackers,
    own_names,
    track_metrics,
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[RunFolder]:
    run = Run(name="mine", verb="train", status="running", started=datetime(2026, 1, 1, tzinfo=UTC), recipe={})
    started = RunFolder.start(tmp_path / "mine", run)
    yield started
    started.close()


def scalars(logs: Path) -> list[tuple[str, int, float]]:
    """What event files of TensorBoard hold: records of length, checksum, an `Event`, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    def events(data: bytes) -> Iterator[Any]:
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            yield Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]

    found = [event for path in sorted(logs.rglob("events*")) for event in events(path.read_bytes())]
    return [(value.tag, event.step, round(value.simple_value, 4)) for event in found for value in event.summary.value]


def test_tensorboard_gets_every_number(folder: RunFolder) -> None:
    pytest.importorskip("tensorboardX", reason="it is not installed")
    with open_trackers(folder, TrackerSettings(report_to=["tensorboard"]), Console(quiet=True)) as track:
        track(1, {"train/loss": 2.5})
        track(2, {"train/loss": 1.5, "eval/loss": 1.75})
    assert scalars(folder.path / "trackers" / "tensorboard") == [
        ("train/loss", 1, 2.5),
        ("train/loss", 2, 1.5),
        ("eval/loss", 2, 1.75),
    ]


class Package:
    """A package of a tracker as far as it is used, which notes its calls."""

    def __init__(self, name: str, *, fails: str = "") -> None:
        self.calls: list[tuple[str, Any]] = []
        self.module: Any = ModuleType(name)
        self.module.__spec__ = ModuleSpec(name, None)
        for each in ("init", "log", "finish", "set_experiment", "start_run", "log_params", "log_metrics", "end_run"):
            setattr(self.module, each, self._noted(each, fails == each))

    def _noted(self, name: str, fails: bool) -> Any:
        def call(*positional: Any, **named: Any) -> Any:
            if fails:
                raise ConnectionError("no network")
            self.calls.append((name, (*positional, named) if named else positional))
            return SimpleNamespace(info=SimpleNamespace(run_id="8f3a")) if name == "start_run" else self.module

        return call


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> dict[str, Package]:
    found = {name: Package(name) for name in ("wandb", "trackio", "mlflow")}
    for name, package in found.items():
        monkeypatch.setitem(sys.modules, name, package.module)
    for variable in ("WANDB_PROJECT", "TRACKIO_PROJECT", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(variable, raising=False)
    return found


def test_the_other_packages_get_name_settings_steps_and_numbers(
    folder: RunFolder, packages: dict[str, Package], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "nuts")
    settings = TrackerSettings(report_to=["wandb", "trackio", "mlflow"])
    with open_trackers(folder, settings, Console(quiet=True)) as track:
        assert not any(package.calls for package in packages.values()), "opened with the first numbers"
        track(3, {"train/loss": 0.5, "pass@4": 0.25})
    (opened, (given,)), *rest = packages["wandb"].calls
    assert opened == "init" and given["project"] == "nuts" and given["name"] == "mine" and given["resume"] == "allow"
    assert given["dir"] == str(folder.path / "trackers") and given["config"] == settings.model_dump()
    assert rest == [("log", ({"train/loss": 0.5, "pass@4": 0.25}, {"step": 3})), ("finish", ())]
    assert [name for name, _ in packages["trackio"].calls] == ["init", "log", "finish"]
    assert packages["trackio"].calls[0][1][0]["project"] == "slipstick"
    names = [name for name, _ in packages["mlflow"].calls]
    assert names == ["set_experiment", "start_run", "log_params", "log_metrics", "end_run"]
    assert packages["mlflow"].calls[3][1] == ({"train/loss": 0.5, "pass_4": 0.25}, {"step": 3})


def test_a_resumed_run_goes_on_in_the_same_run_of_mlflow(folder: RunFolder, packages: dict[str, Package]) -> None:
    for step in (1, 2):
        with open_trackers(folder, TrackerSettings(report_to=["mlflow"]), Console(quiet=True)) as track:
            track(step, {"train/loss": 0.5})
    first, second = (given for name, given in packages["mlflow"].calls if name == "start_run")
    assert first[0]["run_name"] == "mine" and second == ({"run_id": "8f3a"},)
    assert [name for name, _ in packages["mlflow"].calls].count("log_params") == 1


@pytest.mark.parametrize("fails", ["init", "log", "finish"])
def test_a_tracker_that_fails_is_named_once_and_the_run_goes_on(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    broken, well = Package("wandb", fails=fails), Package("trackio")
    monkeypatch.setitem(sys.modules, "wandb", broken.module)
    monkeypatch.setitem(sys.modules, "trackio", well.module)
    said = io.StringIO()
    console = Console(file=said, width=200)
    with open_trackers(folder, TrackerSettings(report_to=["wandb", "trackio"]), console) as track:
        for step in range(5):
            track(step, {"train/loss": 1.0})
    line = "wandb failed and gets no more numbers of this run: ConnectionError: no network"
    assert said.getvalue().count(line) == 1
    assert sum(name == "log" for name, _ in well.calls) == 5


def test_names(packages: dict[str, Package], monkeypatch: pytest.MonkeyPatch) -> None:
    assert TrackerSettings.model_validate({"report_to": "wandb"}).report_to == ["wandb"]
    with pytest.raises(ValidationError, match=r"'wandbb' is no tracker \(did you mean `wandb`\?\)"):
        TrackerSettings(report_to=["wandbb"])
    assert own_names(["none"]) == [] and own_names(["comet_ml", "mlflow"]) == ["mlflow"]
    assert {"wandb", "trackio", "mlflow"} <= set(own_names(["all"]))
    assert names_for_trl(["comet_ml", "mlflow"]) == ["comet_ml"]
    check_trackers(["comet_ml", "wandb"], trl=True)
    with pytest.raises(UserError, match="report_to = 'comet_ml' is known to TRL's trainer alone"):
        check_trackers(["comet_ml"])
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UserError, match=r'report_to = "wandb" needs wandb, which is not installed: pip install wandb'):
        check_trackers(["wandb"])


def test_metrics_are_told_with_their_intervals(packages: dict[str, Package], folder: RunFolder) -> None:
    sets = Metric(measure="accuracy", format="pot", group_by="set", group="gsm8k", value=0.5, low=0.4, high=0.6, n=9)
    with open_trackers(folder, TrackerSettings(report_to=["wandb"]), Console(quiet=True)) as track:
        track_metrics(track, [sets])
    (told, _) = packages["wandb"].calls[1][1]
    assert told == {"accuracy/pot/gsm8k": 0.5, "accuracy/pot/gsm8k/low": 0.4, "accuracy/pot/gsm8k/high": 0.6}


def test_evaluate_reports_its_numbers(packages: dict[str, Package], tmp_path: Path) -> None:
    problems, script = tmp_path / "p.jsonl", tmp_path / "says.jsonl"
    problems.write_text(json.dumps({"id": "a/b/1", "text": "What is 2 + 3?", "answer": "5"}) + "\n")
    script.write_text(json.dumps({"problem_id": "a/b/1", "text": "The answer is 5."}) + "\n")
    settings = [f"model=fake:{script}", "report_to=wandb", "rerun=false"]
    run_evaluate(Invocation(str(problems), settings, out=tmp_path / "run"), Console(quiet=True))
    (told, _) = next(given for name, given in packages["wandb"].calls if name == "log")
    assert told["accuracy/cot"] == 1.0 and packages["wandb"].calls[-1][0] == "finish"
    assert packages["wandb"].calls[0][1][0]["name"] == "run"
