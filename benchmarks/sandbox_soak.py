"""Many programs, one in a hundred hostile, through the sandbox and its service: `python -m benchmarks.sandbox_soak`.

Half go through `Sandbox.run_many`, half over HTTP from many clients, at the same time. Every harmless program prints a
token of its own, so that an output that is lost, doubled or given to another program is noticed. The last line is a
JSON object: programs, lost, doubled, wrong, hostile, seconds, memory and file descriptors of the long-lived processes
(this one, the service, zygotes and fork servers) after a tenth and at the end, processes_left.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from itertools import islice
from pathlib import Path

from slipstick.interpreters import Limits
from slipstick.interpreters.host.remote import open_interpreter
from slipstick.interpreters.host.sandbox import Sandbox
from slipstick.schema import Output

SECONDS = 2.0
MEMORY_MB = 256
WORKERS = 2
BATCH = 500
RUN = secrets.token_hex(3)
TOKEN = re.compile(rf"{RUN}:(\d+):")

HARMLESS = (
    ("print('{token}')", "ok"),
    ("x = '{token}'\nx", "ok"),
    ("import math\nprint('{token}', math.factorial(20))", "ok"),
    ("print('{token}')\n1/0", "error"),
    ("import sympy\nprint('{token}', sympy.factorint(2**31 - 2))", "ok"),
)
HOSTILE = (
    ("while True: pass", {"timeout"}),
    ("x = [0]\nwhile True: x += x", {"memory", "killed", "timeout"}),
    ("import os\nos._exit(3)", {"killed"}),
    ("exit()", {"ok"}),
    ("import os\nwhile True: os.fork()", {"error", "killed", "timeout"}),
    ("while True: print('x' * 10**6)", {"timeout"}),
    ("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)", {"ok", "error", "killed"}),
)


def program(number: int) -> tuple[str, set[str]]:
    """Program and the statuses it may end with."""
    if number % 100 == 37:
        return HOSTILE[number // 100 % len(HOSTILE)]
    code, status = HARMLESS[4 if number % 20 == 0 else number % 4]
    return code.format(token=f"{RUN}:{number}:"), {status}


class Counts:
    """What the answers amount to."""

    def __init__(self, programs: int) -> None:
        self.programs = programs
        self.counts: Counter[str] = Counter(lost=0, doubled=0, wrong=0, hostile=0)
        self.answered = bytearray(programs)
        self.done = 0
        self.tenths = [asyncio.Event() for _ in range(11)]
        self.examples: list[str] = []

    def take(self, number: int, output: Output) -> None:
        """Judges the answer to one program."""
        allowed = program(number)[1]
        self.counts["hostile"] += number % 100 == 37
        own = [int(found) for found in TOKEN.findall(output.text)]
        expected = [] if number % 100 == 37 else [number]
        if output.status == "sandbox_fault":
            self._note("lost", number, output)
        elif self.answered[number] or len(own) > len(expected):
            self._note("doubled", number, output)
        elif own != expected or output.status not in allowed:
            self._note("wrong", number, output)
        self.answered[number] = 1
        self.done += 1
        self.tenths[self.done * 10 // self.programs].set()

    def _note(self, what: str, number: int, output: Output) -> None:
        self.counts[what] += 1
        if len(self.examples) < 20:
            self.examples.append(f"{what}: {number} {program(number)[0]!r} -> {output.status} {output.text[:200]!r}")


def below(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for known in found:
        found += [process for process, parent in parents.items() if parent == known]
    return found[1:]


def alive(pids: list[int]) -> int:
    """How many of these processes are there still."""
    return sum(Path(f"/proc/{pid}").exists() for pid in pids)


def measure(service: int) -> dict[str, float]:
    """Memory (MB) and file descriptors of this process, the service and what they keep; sessions are too young."""
    now = float(Path("/proc/uptime").read_text().split()[0])
    rows: dict[str, list[int]] = {"this": [os.getpid()], "service": [service], "sandbox": []}
    for pid in below(os.getpid()):
        with suppress(OSError):
            started = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
            if pid != service and now - started / os.sysconf("SC_CLK_TCK") > 4 * SECONDS:
                rows["sandbox"].append(pid)
    found: dict[str, float] = {}
    for name, pids in rows.items():
        pages, fds = 0, 0
        for pid in pids:
            with suppress(OSError):
                pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                fds += len(list(Path(f"/proc/{pid}/fd").iterdir()))
        found |= {f"{name}_mb": round(pages * os.sysconf("SC_PAGESIZE") / 2**20, 1), f"{name}_fds": fds}
    return found


def start_service() -> tuple[subprocess.Popen[str], str]:
    """A service on a free port, and its URL."""
    settings = [f"timeout={SECONDS}", f"memory_mb={MEMORY_MB}", f"sandbox_workers={WORKERS}", "port=0"]
    command = [str(Path(sys.executable).with_name("slipstick")), "sandbox"]
    command += [part for setting in settings for part in ("--set", setting)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, process.stdout.readline().rpartition("remote:")[2].strip().strip('"')


async def over_http(url: str, numbers: range, clients: int, tally: Counts) -> None:
    """Every client takes the next program, with connections of its own."""
    waiting = iter(numbers)

    async def client() -> None:
        interpreter = open_interpreter(url, Limits(timeout=SECONDS, memory_mb=MEMORY_MB), workers=1)
        for number in waiting:
            session = interpreter.session()
            tally.take(number, await session.run(program(number)[0]))
            await session.close()
        await interpreter.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())


async def in_batches(sandbox: Sandbox, numbers: range, tally: Counts) -> None:
    """A batch at a time, from a thread of its own as a synchronous caller would."""
    waiting = iter(numbers)
    while batch := list(islice(waiting, BATCH)):
        outputs = await asyncio.to_thread(sandbox.run_many, [program(number)[0] for number in batch])
        for number, output in zip(batch, outputs, strict=True):
            tally.take(number, output)


async def soak(tally: Counts, clients: int) -> dict[str, object]:
    """Runs everything and gives the figures."""
    service, url = start_service()
    figures: dict[str, object] = {}
    began = time.monotonic()
    with Sandbox(workers=WORKERS, timeout=SECONDS, memory_mb=MEMORY_MB, scratch_mb=0) as sandbox:

        async def watch() -> None:
            for tenth in tally.tenths[1:10]:
                await tenth.wait()
                now = measure(service.pid)
                figures.setdefault("start", now)
                print(f"{tally.done} of {tally.programs} in {time.monotonic() - began:.0f} s: {now}", flush=True)

        async with asyncio.TaskGroup() as group:
            group.create_task(watch())
            group.create_task(in_batches(sandbox, range(0, tally.programs, 2), tally))
            group.create_task(over_http(url, range(1, tally.programs, 2), clients, tally))
        figures |= {"end": measure(service.pid), "seconds": round(time.monotonic() - began, 1)}
        started = below(os.getpid())
    service.send_signal(signal.SIGTERM)
    service.wait(timeout=60)
    assert service.stdout
    service.stdout.close()
    await asyncio.sleep(2)
    return figures | {"processes_left": alive(started)}


def main() -> None:
    """Soaks and prints the figures; exit code 1 where anything is lost, doubled, wrong or left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=5000)
    parser.add_argument("--clients", type=int, default=64)
    chosen = parser.parse_args()
    tally = Counts(chosen.programs)
    figures = asyncio.run(soak(tally, chosen.clients))
    tally.counts["lost"] += chosen.programs - tally.done
    print(*tally.examples, sep="\n")
    print(json.dumps({"programs": chosen.programs, "clients": chosen.clients, **tally.counts, **figures}))
    sys.exit(any(tally.counts[what] for what in ("lost", "doubled", "wrong")) or bool(figures["processes_left"]))


if __name__ == "__main__":
    main()
