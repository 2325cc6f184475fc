"""Whether the machine's load changes an outcome: `python -m benchmarks.load [--programs N --burners N --timeout S]`.

The same programs run on the machine as it is, then beside burners, processes that do nothing but compute. Most are
what published models wrote (../shared/data/trajectories, the code of a whole solution), one in thirty is made here:
slow, sleeping, waiting for ever, or near the limit. `statuses_equal` counts programs with the same status both times,
`differences` lists the others; `load` and `seconds` are load average and duration of the two runs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import slipstick
from benchmarks.interpreter import SHARED, solutions
from slipstick.schema import Output

WORKERS = 2
_SPIN = (
    "import time\ndef spin(seconds):\n    end = time.process_time() + seconds\n    while time.process_time() < end:\n"
)
_SPIN += "        pass\n"
MADE = (
    f"{_SPIN}spin({{0.3}})\nprint(1)",
    f"{_SPIN}print(1)\nspin({{0.85}})",
    f"{_SPIN}print(1)\nspin({{1.2}})",
    f"{_SPIN}print(1)\nspin({{3}})",
    "print(1)\nwhile True:\n    pass",
    "n = 0\nfor i in range(10**12):\n    n += i\nprint(n)",
    "import sympy\nprint(1)\nprint(sympy.factorint(10**90 + 289))",
    "import time\ntime.sleep({0.85})\nprint(1)",
    "import time\nprint(1)\ntime.sleep({1.3})",
    "import asyncio\nasyncio.run(asyncio.sleep({0.7}))\nprint(1)",
    "import asyncio\nasyncio.run(asyncio.sleep({2}))\nprint(1)",
    "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    f"{_SPIN}for _ in range(4):\n    spin({{0.1}})\n    time.sleep({{0.4}})\nprint(1)",
    f"{_SPIN}for _ in range(20):\n    spin({{0.1}})\n    time.sleep({{0.1}})\nprint(1)",
    f"{_SPIN}import threading\nwork = [threading.Thread(target=spin, args=({{0.6}},)) for _ in range(3)]\n"
    "for each in work:\n    each.start()",
    f"{_SPIN}spin({{0.05}})\ntime.sleep({{1.5}})",
)
"""Programs; a number in braces is that many times the timeout."""


def programs(count: int, timeout: float) -> list[str]:
    """Programs of published models, and one in thirty of our own."""
    recorded = ["\n".join(steps) for steps in solutions()]
    chosen = random.Random(0)
    chosen.shuffle(recorded)
    own = [_of(code, timeout) for code in MADE]
    mixed = recorded[: count - count // 30] + [own[number % len(own)] for number in range(count // 30)]
    chosen.shuffle(mixed)
    return mixed


def _of(code: str, timeout: float) -> str:
    first, *parts = code.split("{")
    filled = [first]
    for part in parts:
        share, _, rest = part.partition("}")
        filled.append(f"{float(share) * timeout}{rest}")
    return "".join(filled)


@contextmanager
def burners(count: int) -> Iterator[None]:
    """Processes that compute for ever."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def run(chosen: list[str], timeout: float) -> tuple[list[Output], dict[str, float]]:
    """The outputs, and how long they took at which load."""
    with slipstick.Sandbox(workers=WORKERS, timeout=timeout, seed=0, scratch_mb=0) as sandbox:
        sandbox.run_many(["1", "import sympy", "import numpy"])
        start = time.perf_counter()
        outputs = sandbox.run_many(chosen)
        return outputs, {"seconds": round(time.perf_counter() - start, 1), "load": round(os.getloadavg()[0], 1)}


def main() -> None:
    """Prints the figures as one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=2000)
    parser.add_argument("--burners", type=int, default=10)
    parser.add_argument("--timeout", type=float, default=4.0)
    arguments = parser.parse_args()
    if not SHARED.is_dir():
        print(json.dumps({"skipped": f"{SHARED} is absent"}))
        return
    chosen = programs(arguments.programs, arguments.timeout)
    quiet, before = run(chosen, arguments.timeout)
    with burners(arguments.burners):
        loaded, after = run(chosen, arguments.timeout)
    differences = [
        {"program": code, "quiet": [one.status, one.text[-200:]], "loaded": [two.status, two.text[-200:]]}
        for code, one, two in zip(chosen, quiet, loaded, strict=True)
        if one.status != two.status
    ]
    figures: dict[str, Any] = {
        "programs": len(chosen),
        "statuses_equal": len(chosen) - len(differences),
        "differences": differences,
        "load": [before["load"], after["load"]],
        "seconds": [before["seconds"], after["seconds"]],
        "timeouts": sum(output.status == "timeout" for output in quiet),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
