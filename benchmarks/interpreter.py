"""The interpreter's speed compared with unprotected executors: `python -m benchmarks.interpreter [--programs N]`.

Programs were written by published models (../shared/data/trajectories, the code of a whole solution) and are kept if
they end without an error within a second in our own sandbox; the mix is theirs: 73 % import nothing or the standard
library, 27 % sympy. The executors take turns on the same slices of programs, two workers each, so that other load
affects all alike. Times are wall-clock seconds; memory is private memory of live sessions.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import importlib.util
import io
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pebble import ProcessPool
from rich.console import Console

import slipstick
from benchmarks import attacks

SHARED = Path(__file__).parents[2] / "shared"
WORKERS = 2
SYMPY_SHARE = 0.27
_IMPORT = re.compile(r"^\s*(?:import|from)\s+(\w+)", re.MULTILINE)
_HEAVY = {"numpy", "scipy", "mpmath", "pandas", "matplotlib", "networkx"}


def solutions() -> list[list[str]]:
    """The code blocks of every recorded solution, in the order of the files."""
    found = []
    for file in sorted((SHARED / "data" / "trajectories").glob("*.jsonl.gz")):
        if not file.name.startswith(("MathCoder", "tora")):
            continue
        with gzip.open(file, "rt") as lines:
            for line in lines:
                code = [block["content"] for block in json.loads(line)["blocks"] if block["type"] == "code"]
                if code:
                    found.append(code)
    return found


def imports(code: str) -> str:
    """ "sympy", "light" (nothing or the standard library) or "other"."""
    names = set(_IMPORT.findall(code))
    if names & _HEAVY:
        return "other"
    if "sympy" in names:
        return "sympy"
    return "light" if names <= set(sys.stdlib_module_names) else "other"


def choose(count: int, seed: int = 0) -> tuple[list[str], list[str], list[list[str]]]:
    """Light programs, sympy programs and stateful solutions, all of which end well within a second."""
    recorded = solutions()
    random.Random(seed).shuffle(recorded)
    by_kind: dict[str, list[list[str]]] = {"light": [], "sympy": [], "other": []}
    for steps in recorded:
        by_kind[imports("\n".join(steps))].append(steps)
    wanted = {"light": round(count * (1 - SYMPY_SHARE)), "sympy": round(count * SYMPY_SHARE)}
    chosen: dict[str, list[list[str]]] = {}
    with slipstick.Sandbox(workers=WORKERS, timeout=2.0, seed=0, scratch_mb=0) as sandbox:
        for kind, number in wanted.items():
            tried = by_kind[kind][: 2 * number + 50]
            outputs = sandbox.run_many(["\n".join(steps) for steps in tried])
            good = [s for s, o in zip(tried, outputs, strict=True) if o.status == "ok" and o.seconds < 1]
            chosen[kind] = good[:number]
    stateful = [steps for steps in chosen["light"] + chosen["sympy"] if len(steps) > 1]
    random.Random(seed).shuffle(stateful)
    return ["\n".join(s) for s in chosen["light"]], ["\n".join(s) for s in chosen["sympy"]], stateful


def lean_pool() -> Any:
    """The opponent that protects nothing, from ../shared/bench."""
    spec = importlib.util.spec_from_file_location("warm_pool", SHARED / "bench" / "warm_pool.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.WarmPool(workers=WORKERS)


def exec_in_place(program: str) -> str:
    """What a worker of the pebble pool does with a program: runs it in its own process."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(program, {"__name__": "__main__"})  # noqa: S102 - the design that is compared with
    except Exception as error:  # the opponent reports whatever a program raises
        return f"{type(error).__name__}: {error}"
    return printed.getvalue()


def warm_up() -> None:
    """What the pebble pool's workers import beforehand."""
    import numpy  # noqa: F401
    import scipy  # noqa: F401
    import sympy  # noqa: F401


def interleaved(runners: dict[str, Callable[[list[str]], Any]], programs: list[str], rounds: int) -> dict[str, float]:
    """Programs per second of each runner; they take turns on slices of the programs."""
    spent = dict.fromkeys(runners, 0.0)
    size = max(1, len(programs) // rounds)
    names = list(runners)
    for number, start in enumerate(range(0, len(programs), size)):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            began = time.perf_counter()
            runners[name](programs[start : start + size])
            spent[name] += time.perf_counter() - began
    return {name: len(programs) / seconds for name, seconds in spent.items()}


def measure_throughput(sandbox: slipstick.Sandbox, light: list[str], sympy: list[str], rounds: int) -> dict[str, Any]:
    """Programs per second of the three executors on light programs, sympy programs and the mix."""
    mixed = light + sympy
    random.Random(1).shuffle(mixed)
    with lean_pool() as lean, ProcessPool(max_workers=WORKERS, initializer=warm_up) as pebble:

        def by_pebble(programs: list[str]) -> list[str]:
            return list(pebble.map(exec_in_place, programs, timeout=10).result())

        runners = {"slipstick": sandbox.run_many, "lean": lean.run_many, "pebble": by_pebble}
        for run in runners.values():
            run(sympy[:20] + light[:20])
        return {
            name: interleaved(runners, programs, rounds)
            for name, programs in (("light", light), ("sympy", sympy), ("mix", mixed))
        }


def measure_python(programs: list[str]) -> float:
    """Programs per second with a new Python process each."""
    began = time.perf_counter()
    for program in programs:
        subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    return len(programs) / (time.perf_counter() - began)


def latencies(run: Callable[[str], object], programs: list[str]) -> tuple[float, float]:
    """p50 and p99 of one at a time, in milliseconds."""
    times = []
    for program in programs:
        began = time.perf_counter()
        run(program)
        times.append(1000 * (time.perf_counter() - began))
    return round(statistics.median(times), 2), round(statistics.quantiles(times, n=100)[98], 2)


def measure_step(sandbox: slipstick.Sandbox) -> tuple[float, float]:
    """p50 and p99 of one more step of a live session, in milliseconds."""
    with sandbox.session() as session:
        session.run("total = 0")
        return latencies(session.run, [f"total += {number}\ntotal" for number in range(500)])


def measure_sessions(sandbox: slipstick.Sandbox, stateful: list[list[str]]) -> dict[str, float]:
    """Steps per second of solutions run step by step, a fresh session each: ours and Jupyter's."""
    from jupyter_client.manager import start_new_kernel

    steps = sum(map(len, stateful))
    began = time.perf_counter()
    for solution in stateful:
        with sandbox.session() as session:
            for step in solution:
                session.run(step)
    ours = time.perf_counter() - began
    began = time.perf_counter()
    for solution in stateful:
        manager, client = start_new_kernel(kernel_name="python3")
        for step in solution:
            client.execute_interactive(step, output_hook=lambda _: None, timeout=60)
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return {"slipstick": steps / ours, "jupyter": steps / (time.perf_counter() - began)}


def private_mb(sandbox: slipstick.Sandbox, program: str, count: int = 20) -> float:
    """Private memory of a live session after a program, in MB: what `count` of them add."""
    with contextlib.ExitStack() as stack:
        sandbox.run_many([program])
        before = _private_kb()
        for _ in range(count):
            stack.enter_context(sandbox.session()).run(program)
        return round((_private_kb() - before) / count / 1024, 2)


def _private_kb() -> int:
    """Private memory of all processes below this one."""
    parents = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit():
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    below = {os.getpid()}
    while grown := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= grown
    total = 0
    for pid in below - {os.getpid()}:
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += sum(int(kb) for kb in re.findall(r"Private_(?:Clean|Dirty):\s+(\d+)", rollup))
    return total


def main() -> None:
    """Measures everything and prints the JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--isolation", default=None)
    options = parser.parse_args()
    if not SHARED.is_dir():
        raise SystemExit(f"benchmarks.interpreter needs recorded programs in {SHARED}, which is absent")
    console = Console(stderr=True)
    light, sympy, stateful = choose(options.programs)
    console.print(f"{len(light)} light programs, {len(sympy)} sympy programs, {len(stateful)} stateful solutions")
    with slipstick.Sandbox(workers=WORKERS, isolation=options.isolation, seed=0, scratch_mb=0) as sandbox:
        rates = measure_throughput(sandbox, light, sympy, options.rounds)
        console.print(rates)
        light_times = latencies(lambda program: sandbox.run_many([program]), light[:300])
        sympy_times = latencies(lambda program: sandbox.run_many([program]), sympy[:300])
        step_times = measure_step(sandbox)
        sessions = measure_sessions(sandbox, stateful[:15])
        memory = private_mb(sandbox, sympy[0])
        isolation = sandbox.isolation
    contained = attacks.run(isolation)
    print(
        json.dumps(
            {
                "isolation": isolation,
                "attacks": contained["attacks"],
                "contained": contained["contained"],
                "mix_vs_lean_pool": round(rates["mix"]["slipstick"] / rates["mix"]["lean"], 3),
                "sympy_vs_lean_pool": round(rates["sympy"]["slipstick"] / rates["sympy"]["lean"], 3),
                "mix_vs_pebble": round(rates["mix"]["slipstick"] / rates["mix"]["pebble"], 3),
                "light_p50_ms": light_times[0],
                "sympy_p50_ms": sympy_times[0],
                "step_p50_ms": step_times[0],
                "sessions_vs_jupyter": round(sessions["slipstick"] / sessions["jupyter"], 1),
                "private_mb": memory,
                "p99_ms": {"light": light_times[1], "sympy": sympy_times[1], "step": step_times[1]},
                "programs_per_second": {
                    kind: {name: round(rate, 1) for name, rate in by.items()} for kind, by in rates.items()
                },
                "python_each_per_second": round(measure_python(light[:20] + sympy[:7]), 2),
                "steps_per_second": {name: round(rate, 1) for name, rate in sessions.items()},
            }
        )
    )


if __name__ == "__main__":
    main()
