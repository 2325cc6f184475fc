"""Whether `solve` keeps a model server busy, and loses nothing to a faulty one: `python -m benchmarks.solving`.

The server is `benchmarks.model_server`: 64 slots, 100 tokens/s each, 50 ms for a prompt, a queue beyond the slots; it
replays what MathCoder's models wrote (../shared/data/trajectories), whose code our interpreter really runs.
`slots_busy` is in percent, between the first and the last moment at which all slots are busy. `vs_rounds` is how many
times as long the round-based scheme takes: a batch of as many solutions as we run concurrently generates, then all its
code runs, then the next round (ToRA, MARIO's batch_react); `vs_rounds_whole`, the same with all solutions in one batch.
`cpu_ms_per_call` is CPU time of this process, without the interpreter's processes.

Then requests to a server that fails one in ten: 5 % 429, 2 % 500, 1 % without an answer, 1 % cut, 1 % malformed; there
tokens come `--faulty-speed` times as fast, a request may take 15 s and no program is run. `fault_slowdown` is the time
divided by that of the same server without faults, `fault_lost` counts solutions that only the latter gave.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

from slipstick.formats import load_format
from slipstick.interpreters import Interpreter, InterpreterSettings, Limits, Session, open_interpreter
from slipstick.models import Model, ModelSettings, Request, Sampling, open_model
from slipstick.models.replay import to_turns
from slipstick.replies.turns import read_turn
from slipstick.schema import Block, Code, Output, Problem, Solution, Text
from slipstick.solve import solve
from slipstick.solve.attempt import run_code
from slipstick.solve.settings import SolveSettings

TRAJECTORIES = Path(__file__).parents[2] / "shared" / "data" / "trajectories"
IN_FLIGHT = 512
TURNS = 8
LAYOUT = load_format("tir")
_BLOCKS: dict[str, type[Text] | type[Code] | type[Output]] = {"text": Text, "code": Code, "output": Output}


def recorded(count: int) -> tuple[list[Problem], list[list[str]]]:
    """Problems, each with a mark of its own, and the turns that were recorded for them; files take turns."""
    problems: list[Problem] = []
    turns: list[list[str]] = []
    with contextlib.ExitStack() as stack:
        files = sorted(TRAJECTORIES.glob("MathCoder-*.jsonl.gz"))
        rows = [stack.enter_context(gzip.open(file, "rt")) for file in files]
        while len(problems) < count:
            lines = [line for line in map(next, rows, [""] * len(rows)) if line]
            for row in map(json.loads, lines):
                blocks: list[Block] = [_BLOCKS[block["type"]](text=block["content"]) for block in row["blocks"]]
                said = to_turns(blocks, LAYOUT)
                if len(said) <= TURNS and len(problems) < count:
                    mark = len(problems)
                    problems.append(
                        Problem(id=f"p/{mark}", text=f"[#{mark}] {row['question']}", answer=str(row["gold"]))
                    )
                    turns.append(said)
    return problems, turns


@contextlib.contextmanager
def serving(turns: list[list[str]], *options: str) -> Iterator[str]:
    """The address of a server in a process of its own."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(turns, file)
        file.flush()
        command = [sys.executable, "-m", "benchmarks.model_server", file.name, *options]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout
            yield server.stdout.readline().strip()
        finally:
            server.kill()
            server.communicate()


def stats(url: str) -> dict[str, Any]:
    """What the server has done so far."""
    with urllib.request.urlopen(f"{url}/stats") as answer:
        found: dict[str, Any] = json.load(answer)
    return found


class NoInterpreter(Interpreter, Session):
    """Runs nothing: for measuring the rest."""

    def session(self, limits: Limits | None = None, *, seed: int | None = None) -> NoInterpreter:
        return self

    async def run(self, code: str, *, seconds: float | None = None) -> Output:
        return Output(text="1")

    async def close(self) -> None:
        pass


def timed(url: str, work: Coroutine[Any, Any, list[Solution]]) -> dict[str, Any]:
    """Seconds, CPU per call and the server's figures of a piece of work."""
    urllib.request.urlopen(urllib.request.Request(f"{url}/reset", method="POST")).close()
    began, cpu = time.monotonic(), time.process_time()
    solutions = asyncio.run(work)
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    after = stats(url)
    counted = Counter(solution.id for solution in solutions if solution.finish != "error")
    return {
        "seconds": seconds,
        "cpu_ms_per_call": 1000 * cpu / after["requests"],
        "counted": counted,
        "errors": Counter(solution.error[:60] for solution in solutions if solution.finish == "error"),
        **after,
    }


async def ours(problems: list[Problem], url: str, interpreter: Interpreter, **model_settings: Any) -> list[Solution]:
    """Every problem once, by `solve`."""
    model = open_model("openai:m", ModelSettings(base_url=f"{url}/v1", **model_settings))
    solutions: list[Solution] = []
    settings = SolveSettings(max_concurrent_solutions=IN_FLIGHT, max_turns=TURNS)
    try:
        await solve(
            problems, [LAYOUT], model=model, interpreter=interpreter, settings=settings, on_solution=solutions.append
        )
    finally:
        await interpreter.close()
        await model.close()
    return solutions


async def in_rounds(problems: list[Problem], url: str, interpreter: Interpreter, *, batch: int) -> list[Solution]:
    """Every problem once, by rounds: a whole batch generates, then its code runs, then the next round."""
    model = open_model("openai:m", ModelSettings(base_url=f"{url}/v1"))
    solutions = []
    try:
        for start in range(0, len(problems), batch):
            blocks = await _rounds_of_a_batch(problems[start : start + batch], model, interpreter)
            solutions += [
                Solution(id=f"{problem_id}#tir#0", problem_id=problem_id, format="tir", blocks=written)
                for problem_id, written in blocks.items()
            ]
    finally:
        await interpreter.close()
        await model.close()
    return solutions


async def _rounds_of_a_batch(problems: list[Problem], model: Model, interpreter: Interpreter) -> dict[str, list[Block]]:
    blocks: dict[str, list[Block]] = {problem.id: [] for problem in problems}
    sessions: dict[str, Session] = {problem.id: interpreter.session() for problem in problems}
    going = problems
    for turn in range(TURNS + 1):
        asked = [
            Request(
                problem=problem,
                format=LAYOUT,
                sample=0,
                turn=turn,
                blocks=list(blocks[problem.id]),
                sampling=Sampling(seed=0),
            )
            for problem in going
        ]
        replies = await asyncio.gather(*map(model.generate, asked))
        wrote = []
        for problem, reply in zip(going, replies, strict=True):
            written = read_turn(LAYOUT, reply.text).blocks
            blocks[problem.id] += written
            if written and isinstance(written[-1], Code) and turn < TURNS:
                wrote.append((problem, written[-1]))
        outputs = await asyncio.gather(*(run_code(sessions[problem.id], LAYOUT, code) for problem, code in wrote))
        for (problem, _), output in zip(wrote, outputs, strict=True):
            blocks[problem.id].append(output)
        going = [problem for problem, _ in wrote]
    for session in sessions.values():
        await session.close()
    return blocks


def measure_throughput(count: int, speed: float) -> dict[str, Any]:
    """Slots busy and CPU per call of ours, and how much longer rounds take."""
    problems, turns = recorded(count)
    settings = InterpreterSettings(sandbox_workers=2, timeout=5)
    with serving(turns, f"--speed={speed}") as url:
        flow = timed(url, ours(problems, url, open_interpreter(settings, seed=0)))
        rounds = timed(url, in_rounds(problems, url, open_interpreter(settings, seed=0), batch=IN_FLIGHT))
        whole = timed(url, in_rounds(problems, url, open_interpreter(settings, seed=0), batch=count))
    assert len(flow["counted"]) == len(rounds["counted"]) == len(whole["counted"]) == count, flow["errors"]
    return {
        "slots_busy": round(flow["slots_busy"], 1),
        "vs_rounds": round(rounds["seconds"] / flow["seconds"], 2),
        "vs_rounds_whole": round(whole["seconds"] / flow["seconds"], 2),
        "cpu_ms_per_call": round(flow["cpu_ms_per_call"], 2),
        "solutions": count,
        "calls": flow["replies"],
        "seconds": round(flow["seconds"], 1),
        "rounds_slots_busy": round(rounds["slots_busy"], 1),
    }


def measure_faults(requests: int, speed: float) -> dict[str, Any]:
    """What a server that fails one request in ten costs, against one that does not."""
    problems, turns = recorded(200)
    per_problem = sum(map(len, turns)) / len(turns)
    problems, turns = recorded(int(requests / per_problem))
    runs = []
    for options in ((), ("--faults",)):
        with serving(turns, f"--speed={speed}", *options) as url:
            runs.append(timed(url, ours(problems, url, NoInterpreter(), request_timeout=15.0)))
    calm, faulty = runs
    return {
        "fault_requests": faulty["requests"],
        "fault_lost": len(calm["counted"].keys() - faulty["counted"].keys()),
        "too_long_for_request_seconds": len(problems) - len(calm["counted"]),
        "fault_doubled": sum(times - 1 for times in faulty["counted"].values()),
        "fault_slowdown": round(faulty["seconds"] / calm["seconds"], 2),
        "fault_kinds": faulty["failed"],
        "fault_errors": dict(faulty["errors"].most_common(3)),
        "fault_free_seconds": round(calm["seconds"], 1),
    }


def main() -> None:
    """Measures and prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--solutions", type=int, default=2000)
    parser.add_argument("--speed", type=float, default=1.0, help="of the server in the first part")
    parser.add_argument("--requests", type=int, default=20_000, help="at the faulty server; 0 leaves that part out")
    parser.add_argument("--faulty-speed", type=float, default=3.0)
    asked = parser.parse_args()
    found = measure_throughput(asked.solutions, asked.speed) if asked.solutions else {}
    if asked.requests:
        found |= measure_faults(asked.requests, asked.faulty_speed)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
