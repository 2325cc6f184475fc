"""Whether batches lose nothing and pay for nothing twice: `python -m benchmarks.batch [--requests 20000] [--kills 3]`.

`slipstick solve` with `mode = "batch"` asks sums in words (one request) and with programs that are run (two, in two
rounds) of a provider that loses batches and answers, delays, duplicates, half-fails and refuses them
(`benchmarks.batch_provider`). The process is killed by SIGKILL: when a batch was created and its id not yet told, in
the middle of a download, and while batches are waited for; and resumed each time.

The last line is a JSON object: `requests` that the run needs, `lost`: solutions that are missing, failed or wrong;
`paid_twice`: requests that were worked on more than once; `kills`; `batches` and how they failed; `seconds`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.batch_provider import FAULTS, Provider
from slipstick.store import RunFolder

FORMATS = {"cot": 1, "tir": 2}
"""Formats, and the requests of a solution in each."""
MOMENTS = ("created", "downloaded", "looked at")
"""When the process is killed."""
_SETTLED = 3
"""Times that a moment passes before the kill."""


class Killer:
    """Kills the process that works on the run at one moment after another, as the provider sees them."""

    def __init__(self, kills: int) -> None:
        self.left = [MOMENTS[number % len(MOMENTS)] for number in range(kills)]
        self.process: subprocess.Popen[bytes] | None = None
        self._passed = 0
        self._lock = threading.Lock()

    def __call__(self, event: str) -> bool:
        """Whether the process was killed, so that it hears nothing more."""
        with self._lock:
            if not self.left or event != self.left[0] or self.process is None or self.process.poll() is not None:
                return False
            self._passed += 1
            if self._passed < _SETTLED:
                return False
            self._passed = 0
            self.left.pop(0)
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
            return True


def run(folder: Path, *, requests: int, kills: int, size: int, wait: float = 0.5) -> dict[str, Any]:
    """Makes the run in a folder, and gives its figures. size: most requests of a batch; wait: `batch_wait`, seconds."""
    problems = math.ceil(requests / sum(FORMATS.values()))
    rows = ({"id": f"p/{n}", "question": f"[#{n}] What is {n} + {n}?", "answer": str(2 * n)} for n in range(problems))
    (folder / "sums.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    provider, killer = Provider(faults=FAULTS), Killer(kills)
    provider.happens = killer
    began, starts = time.monotonic(), 0
    try:
        while starts <= kills + 1:
            killer.process = _start(folder, provider.url, size=size, wait=wait, resume=starts > 0)
            starts += 1
            if killer.process.wait() >= 0:
                break
    finally:
        if killer.process and killer.process.poll() is None:
            killer.process.kill()
        provider.stop()
    found = {solution.id: solution for solution in RunFolder(folder / "run").solutions()}
    good = [
        f"p/{n}#{format}#0"
        for n in range(problems)
        for format in FORMATS
        if (solution := found.get(f"p/{n}#{format}#0")) and solution.answer == str(2 * n)
    ]
    return {
        "requests": problems * sum(FORMATS.values()),
        "lost": problems * len(FORMATS) - len(good),
        "paid": sum(provider.billed.values()),
        "paid_twice": provider.paid_twice,
        "kills": kills - len(killer.left),
        "batches": len(provider.batches),
        "faults": dict(provider.faulty),
        "cost": round(sum(solution.cost for solution in found.values()), 6),
        "seconds": round(time.monotonic() - began, 1),
    }


def _start(folder: Path, url: str, *, size: int, wait: float, resume: bool) -> subprocess.Popen[bytes]:
    told = ["model=openai:m", f"base_url={url}", "mode=batch", f"batch_wait={wait}", f"batch_size={size}"]
    told += [f"formats={json.dumps(list(FORMATS))}", "price_in=1", "price_out=2"]
    command = [sys.executable, "-m", "slipstick", "solve", "sums.jsonl", "--out", "run"]
    command += [word for each in told for word in ("--set", each)]
    with (folder / "said.txt").open("ab") as said:
        return subprocess.Popen(
            [*command, *(["--resume"] if resume else [])], cwd=folder, stdout=said, stderr=subprocess.STDOUT
        )


def main() -> None:
    """Reads the command line, makes the run and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--size", type=int, default=1_000, help="most requests of a batch")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), requests=asked.requests, kills=asked.kills, size=asked.size)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
