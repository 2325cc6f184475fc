"""What kills do: `python -m benchmarks.kills [--times N] [--minutes M] [--verbs solve,train] [--results FILE]`.

With --times, every verb of the command line is ended N times by each of SIGKILL, SIGTERM, SIGHUP and SIGINT at random
instants, then resumed: the run must be equal to an undisturbed one, and no process and no temporary file left. The
last line is a JSON object: `done` and `wrong` in all, by signal and by verb; `each` is how often every signal came at
least. What is wrong is printed, with the folder that shows it. With --results each kill is a line of that file, and
kills that are there are not done again: a benchmark that was stopped goes on.

Without, two callers run programs one after another while a session, its fork server, the zygote or the HTTP service is
killed with SIGKILL. The last line is a JSON object: for each, the longest time in seconds from the kill to the end of a
program that was running then, how that program ended, and whether later programs ran.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from benchmarks import kill_verbs
from benchmarks.sandbox_soak import below, start_service
from slipstick.interpreters import Interpreter, Limits
from slipstick.interpreters.host.local import open_interpreter
from slipstick.interpreters.host.remote import open_interpreter as open_remote

ROUNDS = 3
TIERS = {
    "standard": "import os, time\ntime.sleep(0.05)\nprint(6 * 7)",
    "symbolic": "import sympy, time\ntime.sleep(0.05)\nprint(6 * 7)",
    "science": "import numpy, time\ntime.sleep(0.05)\nprint(6 * 7)",
}


async def after_kill(interpreter: Interpreter, code: str, kill: Callable[[], None]) -> tuple[float, set[str], bool]:
    """Longest wait of a program that was running, how such programs ended, and whether later ones were correct."""
    rows: list[tuple[float, float, str]] = []
    stop = False

    async def caller() -> None:
        while not stop:
            began = time.perf_counter()
            session = interpreter.session()
            output = await session.run(code)
            await session.close()
            right = output.status == "ok" and output.text == "42"
            rows.append((began, time.perf_counter(), "ok" if right else output.status))

    callers = [asyncio.create_task(caller()) for _ in range(2)]
    await asyncio.sleep(0.3)
    killed = time.perf_counter()
    kill()
    await asyncio.sleep(2)
    stop = True
    await asyncio.gather(*callers)
    hit = [(end - killed, status) for began, end, status in rows if began < killed < end]
    later = [status for began, _, status in rows if began > killed + 1]
    return (
        max((wait for wait, _ in hit), default=0.0),
        {status for _, status in hit},
        bool(later) and set(later) == {"ok"},
    )


async def local(tier: str, which: str) -> dict[str, object]:
    """One kind of process of one tier, killed again and again."""
    waits, ends, goes_on = [], set(), True
    for _ in range(ROUNDS):
        interpreter = open_interpreter("", Limits(), workers=2)
        session = interpreter.session()
        await session.run(TIERS[tier])
        await session.close()

        def kill() -> None:
            zygote, *forks = below(os.getpid())
            sessions = [pid for pid in forks if not below(pid)]
            chosen = {"zygote": [zygote], "fork_server": forks[:1], "session": sessions}[which]
            for pid in chosen:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

        wait, ended, went_on = await after_kill(interpreter, TIERS[tier], kill)
        waits.append(wait)
        ends |= ended
        goes_on &= went_on
        await interpreter.close()
    return {"seconds": round(max(waits), 3), "ended": sorted(ends), "goes_on": goes_on}


async def service() -> dict[str, object]:
    """The HTTP service, killed while clients wait: they get an error, and nothing hangs."""
    process, url = start_service()
    interpreter = open_remote(url, Limits(timeout=2.0, memory_mb=256), workers=2)
    try:
        await interpreter.session().run("1")
        wait, ended, _ = await after_kill(interpreter, TIERS["standard"], process.kill)
    finally:
        await interpreter.close()
        _reap(process)
    return {"seconds": round(wait, 3), "ended": sorted(ended)}


def _reap(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout
    process.stdout.close()


async def measure() -> dict[str, object]:
    """Every figure."""
    figures: dict[str, object] = {}
    for tier in TIERS:
        for which in ("session", "fork_server", "zygote"):
            figures[f"{tier}_{which}"] = await local(tier, which)
    return figures | {"service": await service()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=1e6)
    parser.add_argument("--verbs", default="")
    parser.add_argument("--results", type=Path)
    given = parser.parse_args()
    if given.times:
        base = Path(tempfile.mkdtemp(prefix="kills-"))
        only = [each for each in given.verbs.split(",") if each]
        results = given.results or base / "results.jsonl"
        print(json.dumps(kill_verbs.measure(base, results, times=given.times, minutes=given.minutes, only=only)))
    else:
        print(json.dumps(asyncio.run(measure())))
