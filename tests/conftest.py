"""Fixtures for tests of several folders."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from slipstick.cli import main
from slipstick.schema import Code, Output, Problem, Solution, Text
from tests.invoked import Invoke, Invoked
from tests.models.scripted_server import Server, StartServer

# Read when torch is loaded. The tests' processes share the cores already: of a tiny model's threads one computes at a
# time, and the others use up the rest of the machine while they wait.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell has what it starts in the background ignore Ctrl-C, and every process started from there inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Invoke:
    """Runs a command line in an empty folder, as a user does in a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Invoked:
        monkeypatch.setattr(sys, "argv", ["slipstick", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        code = ended.value.code
        return Invoked(code if isinstance(code, int) else 0 if code is None else 1, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def sums() -> list[tuple[Solution, Problem]]:
    """Solutions of small sums in the formats cot, pot and tir, with their problems."""
    pairs = []
    for a in range(2, 40):
        b = (7 * a) % 50 + 1
        problem = Problem(
            id=f"sums/train/{a}", text=f"Ann has {a} nuts and finds {b} more. How many are they?", answer=str(a + b)
        )
        solutions = {
            "cot": [Text(text=f"{a} + {b} = {a + b}. The answer is {a + b}.")],
            "pot": [Code(text=f"nuts = {a} + {b}\nprint(nuts)")],
            "tir": [
                Text(text="We add.\n"),
                Code(text=f"{a} + {b}"),
                Output(text=f"{a + b}"),
                Text(text=f"The answer is \\boxed{{{a + b}}}."),
            ],
        }
        for name, blocks in solutions.items():
            solution_id = f"{problem.id}#{name}#0"
            pairs.append((Solution(id=solution_id, problem_id=problem.id, format=name, blocks=blocks), problem))
    return pairs


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, sums: list[tuple[Solution, Problem]]) -> Path:
    """Folder of a model of some 40,000 parameters that saw a few sums: it answers, mostly nonsense. About a second."""
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    pytest.importorskip("transformers", reason="the extra `train` is not installed")
    from slipstick.train import TrainSettings, train

    folder = tmp_path_factory.mktemp("tiny") / "model"
    size = {"d_model": 32, "num_layers": 2, "num_heads": 2, "d_ff": 64, "vocab_size": 340}
    rates = {"batch_tokens": 512, "learning_rate": 8e-3, "embedding_learning_rate": 8e-3, "num_processes": 1}
    settings = TrainSettings(max_train_tokens=6000, **size, **rates)
    train(sums, settings=settings, out=folder)
    return folder


@pytest.fixture(scope="session")
def curated_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of synthesize, `data`, and one of curate, `kept`, divided into two splits."""
    from rich.console import Console

    from slipstick.commands import Invocation
    from slipstick.commands.curate import run_curate
    from slipstick.commands.synthesize import run_synthesize

    runs, console = tmp_path_factory.mktemp("runs"), Console(quiet=True)
    run_synthesize(Invocation("quickstart-data", limit=40, out=runs / "data"), console)
    splits = "splits = {train = 0.7, valid = 0.3}"
    (runs / "kept.toml").write_text(f'data = "{runs / "data"}"\n{splits}\nmax_solutions_per_problem = 1\n')
    run_curate(Invocation(str(runs / "kept.toml"), out=runs / "kept"), console)
    return runs


S = TypeVar("S", bound=Server)


@pytest.fixture
def start_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StartServer]:
    """Starts servers that speak the OpenAI API, of the class given, and stops them after the test."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    started: list[Server] = []

    def start(kind: type[S]) -> S:
        server = kind()
        started.append(server)
        return server

    yield start
    for server in started:
        if not server.stopped.is_set():
            server.stop()


@pytest.fixture
def server(start_server: StartServer) -> Server:
    """A server that speaks the OpenAI API and says what it is told to."""
    return start_server(Server)


@dataclass(frozen=True)
class Served:
    """A `slipstick sandbox` that runs."""

    url: str
    process: subprocess.Popen[str]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=60)


@pytest.fixture(scope="module")
def start_sandbox() -> Iterator[Callable[..., Served]]:
    """Starts services, each on a free port unless told, with settings as on the command line; kills what is left."""
    pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
    started = []

    def start(*settings: str, token: str | None = None, ready: bool = True) -> Served:
        overrides = [part for setting in ("port=0", *settings) for part in ("--set", setting)]
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("slipstick")), "sandbox", *overrides],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **({"SLIPSTICK_SANDBOX_TOKEN": token} if token else {})},
        )
        started.append(process)
        assert process.stdout
        line = process.stdout.readline()
        assert "serves at http" in line, line
        assert not ready or "ready after" in process.stdout.readline()
        return Served(line.rpartition("remote:")[2].strip().rstrip('"'), process)

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()
