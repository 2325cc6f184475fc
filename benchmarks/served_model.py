"""Do servers of a model write what `hf:` writes, greedily: `python -m benchmarks.served_model [--llama-server FILE]`.

The problems are solved by `hf:MODEL` in this process, then by `openai:` at `transformers serve`, and at llama.cpp's
server if its program is named, whose GGUF file is converted from the same folder by `--convert` (llama.cpp's
convert_hf_to_gguf.py) or named with `--gguf`. All of them compute in `--dtype`.

The last line is one JSON object. For each server: `same` (solutions equal to `hf`'s in every character), `explained`,
`differences` and tokens per CPU second. A difference is described by its first other token: `gap` is by how much the
model prefers `hf`'s token (logits, in float32), `noise` how far rounding to bfloat16 moves the logits, on average; in
float32, where sums in another order move the sixth or seventh digit, 0.001. It is explained if the gap, of
either sign, is no larger than twice the noise.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slipstick.encode.prompts import prompt_for
from slipstick.encode.settings import PromptConfig, prompt_config_for
from slipstick.encode.tokens import token_ids
from slipstick.formats import join, load_format, render
from slipstick.interpreters import open_interpreter
from slipstick.models import ModelSettings, open_model
from slipstick.models.hf import load_weights
from slipstick.models.hf.packaged import located
from slipstick.problems import load_problems
from slipstick.schema import Problem, Solution
from slipstick.solve import solve
from slipstick.solve.settings import SolveSettings

SHARED = Path(__file__).parents[2] / "shared" / "data" / "eval" / "gsm8k.jsonl"
FLOAT32_NOISE = 1e-3


def main() -> None:
    """Solves, compares and prints."""
    asked = arguments().parse_args()
    problems = list(load_problems(asked.problems, limit=asked.count))
    folder = located(asked.model)
    settings = ModelSettings(dtype=asked.dtype, max_concurrent_requests=asked.slots)
    hf, cpu = solutions(f"hf:{folder}", settings, problems, asked)
    figures: dict[str, Any] = {
        "model": Path(asked.model).name,
        "dtype": asked.dtype,
        "format": asked.format,
        "problems": len(problems),
        "hf_tokens_per_cpu_s": round(sum(each.tokens for each in hf.values()) / cpu, 1),
    }
    judge = Judge(folder, asked.format, asked.dtype, problems)
    for name, command in commands(asked, folder).items():
        with served(command) as (port, process):
            at = ModelSettings(base_url=[f"http://127.0.0.1:{port}/v1"], max_concurrent_requests=asked.slots)
            before = cpu_of(process.pid)
            theirs, _ = solutions(f"openai:{folder}", at, problems, asked)
            spent = cpu_of(process.pid) - before
        figures[name] = {
            **judge.compare(hf, theirs),
            "tokens_per_cpu_s": round(sum(each.tokens for each in theirs.values()) / spent, 1),
        }
    print(json.dumps(figures))


def arguments() -> argparse.ArgumentParser:
    """What the command line takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2", help="a folder, or a name that a package carries")
    parser.add_argument("--problems", default=str(SHARED) if SHARED.is_file() else "synthetic:known")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--format", default="cot")
    parser.add_argument("--max-tokens", type=int, default=96)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--slots", type=int, default=4, help="requests that run at one time")
    parser.add_argument("--llama-server", type=Path, help="the program llama-server; without it llama.cpp is left out")
    parser.add_argument("--convert", type=Path, help="llama.cpp's convert_hf_to_gguf.py")
    parser.add_argument("--gguf", type=Path, help="the model as GGUF, instead of --convert")
    parser.add_argument("--without-transformers", action="store_true", help="leave `transformers serve` out")
    return parser


def solutions(
    model: str, settings: ModelSettings, problems: list[Problem], asked: argparse.Namespace
) -> tuple[dict[str, Solution], float]:
    """The greedy solution of every problem by its id, and the CPU seconds of this process."""
    found: dict[str, Solution] = {}

    async def run() -> None:
        opened, interpreter = open_model(model, settings), open_interpreter()
        try:
            await solve(
                problems,
                [load_format(asked.format)],
                model=opened,
                interpreter=interpreter,
                settings=SolveSettings(max_tokens=asked.max_tokens),
                on_solution=lambda solution: found.update({solution.problem_id: solution}),
            )
        finally:
            await opened.close()
            await interpreter.close()

    started = time.process_time()
    asyncio.run(run())
    return found, time.process_time() - started


def commands(asked: argparse.Namespace, folder: str) -> dict[str, list[str]]:
    """The servers' command lines, "{port}" in the place of the port."""
    found = {}
    program = shutil.which("transformers", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if program and not asked.without_transformers:
        more = ["--dtype", asked.dtype, "--device", "cpu", "--host", "127.0.0.1", "--port", "{port}"]
        found["transformers_serve"] = [program, "serve", folder, *more]
    if asked.llama_server:
        gguf = asked.gguf or converted(folder, asked.convert, asked.dtype)
        kinds = ["--cache-type-k", "f32", "--cache-type-v", "f32"] if asked.dtype == "float32" else []
        more = ["--parallel", str(asked.slots), "--ctx-size", str(2048 * asked.slots), "--flash-attn", "off", *kinds]
        found["llama_cpp"] = [
            str(asked.llama_server),
            "-m",
            str(gguf),
            *more,
            "--host",
            "127.0.0.1",
            "--port",
            "{port}",
        ]
    return found


def converted(folder: str, script: Path, dtype: str) -> Path:
    """The folder as a GGUF file in a temporary place."""
    file = Path(tempfile.mkdtemp()) / "model.gguf"
    kind = {"float32": "f32", "bfloat16": "bf16"}[dtype]
    command = [sys.executable, str(script), folder, "--outtype", kind, "--outfile", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    return file


@contextmanager
def served(command: list[str]) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A running server, its port and process; it has loaded its model."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    filled = [part.replace("{port}", str(port)) for part in command]
    with subprocess.Popen(filled, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + 300
            while not _is_up(port):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"no server within 300 s: {' '.join(filled)}")
                time.sleep(0.5)
            yield port, process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _is_up(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def cpu_of(pid: int) -> float:
    """CPU seconds that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Judge:
    """Compares solutions, and looks at the logits where they part."""

    def __init__(self, folder: str, format: str, dtype: str, problems: list[Problem]) -> None:
        """folder: of the model; dtype: what all of them computed in."""
        self._format, self._problems, self._dtype = load_format(format), {each.id: each for each in problems}, dtype
        self._exact, self._tokenizer = load_weights(folder, dtype="float32")
        self._rounded = load_weights(folder, dtype="bfloat16")[0]
        self._config: PromptConfig = prompt_config_for(folder, self._tokenizer, "auto", name=folder)

    def compare(self, ours: dict[str, Solution], theirs: dict[str, Solution]) -> dict[str, Any]:
        """How many are the same, and the differences."""
        others = [id for id in ours if self._text(ours[id]) != self._text(theirs[id])]
        differences = [self._difference(ours[id], theirs[id]) for id in others]
        return {
            "same": len(ours) - len(others),
            "explained": sum(each["explained"] for each in differences),
            "same_answer": sum(ours[id].answer == theirs[id].answer for id in ours),
            "differences": differences,
        }

    def _text(self, solution: Solution) -> str:
        return join(render(self._format, solution.blocks))

    def _difference(self, ours: Solution, theirs: Solution) -> dict[str, Any]:
        """The first other token of the first other turn, and the logits there."""
        shared = 0
        while ours.blocks[shared : shared + 1] == theirs.blocks[shared : shared + 1] != []:
            shared += 1
        prompt = prompt_for(
            self._format, self._problems[ours.problem_id], ours.blocks[:shared], self._tokenizer, self._config
        ).ids
        mine, other = (
            token_ids(self._tokenizer, [join(render(self._format, each.blocks[shared:]))], begin=False)[0]
            + [self._tokenizer.eos_token_id]
            for each in (ours, theirs)
        )
        at = next((i for i, pair in enumerate(zip(mine, other, strict=False)) if pair[0] != pair[1]), None)
        found: dict[str, Any] = {"problem": ours.problem_id, "error": theirs.error, "explained": False}
        if at is None:
            return found  # the same tokens: what is left is how a reply was cut
        exact, rounded = self._logits(prompt + mine[:at])
        gap = float(exact[mine[at]] - exact[other[at]])
        noise = float((exact - rounded).abs().mean()) if self._dtype == "bfloat16" else FLOAT32_NOISE
        tokens = [self._tokenizer.decode([token]) for token in (mine[at], other[at])]
        measured = {"gap": round(gap, 4), "noise": round(noise, 4), "explained": abs(gap) <= 2 * noise}
        return {**found, "token": at, "said": tokens, **measured}

    def _logits(self, ids: list[int]) -> tuple[Any, Any]:
        import torch

        with torch.inference_mode():
            exact, rounded = (
                model(torch.tensor([ids])).logits[0, -1].float() for model in (self._exact, self._rounded)
            )
        return exact, rounded


if __name__ == "__main__":
    main()
