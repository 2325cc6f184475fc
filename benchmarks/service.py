"""Honest clients of a shared service beside greedy ones: `python -m benchmarks.service [ATTACK ...] [--one-address]`.

A real `slipstick sandbox` in a process of its own, with 1,024 open files. 64 clients send short programs, each when it
has the answer to the one before: first alone, then beside each of the `ATTACKS`, which run in a process of their own.
All clients have addresses of their own, without `--one-address`. The last line is a JSON object: honest_clients,
honest_p50_ms, honest_p99_ms_alone, honest_p99_ms_beside (the worst), p99_ratio, beside (p50, p99 and answers by attack,
and statuses besides 200), wrong (answers that are another program's), memory (PSS) and processes of the service before
and after, slow_closed_s (when the last of 1,100 half-open connections was closed), limits (different limits and seeds).
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.sandbox_soak import below

GREEDY = "127.0.0.2"
HALF_OPEN = 1100
LIMITS = 100
OPEN_FILES = 1024
SETTINGS = ("port=0", "sandbox_workers=2", "scratch_mb=4", "idle_seconds=20")


@dataclass
class Connection:
    """One client's connection, made again if it is lost."""

    port: int
    address: str
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: dict[str, object]) -> tuple[int, bytes]:
        """Status and body of the answer; 0 if the connection was lost."""
        data = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        try:
            if self.streams is None:
                self.streams = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(self.address, 0))
            reader, writer = self.streams
            writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", answer)
            return int(answer.split(b" ", 2)[1]), await reader.readexactly(int(length[1]) if length else 0)
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            return 0, b""

    def close(self) -> None:
        """Closes the connection."""
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None


@dataclass
class Seen:
    """What the honest clients saw in one phase."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    wrong: int = 0

    def quantile(self, share: float) -> float:
        """Milliseconds that this share of the answers took at most."""
        return round(1000 * statistics.quantiles(self.seconds, n=100, method="inclusive")[round(share * 100) - 1], 1)


async def honest(port: int, clients: int, seconds: float, *, one_address: bool) -> Seen:
    """Every client sends a program, waits for the answer, and goes on."""
    seen, end = Seen(), time.perf_counter() + seconds

    async def client(number: int) -> None:
        connection = Connection(port, GREEDY if one_address else f"127.0.1.{number + 1}")
        for turn in itertools.count():
            if (began := time.perf_counter()) > end:
                return connection.close()
            code = f"n = {number * 1_000_003 + turn}\nprint(sum(range(2000)) + n)"
            status, body = await connection.post("/run_code", {"code": code, "language": "python"})
            seen.seconds.append(time.perf_counter() - began)
            if status != 200:
                seen.statuses[str(status)] += 1
                await asyncio.sleep(0.5)
            elif json.loads(body)["run_result"]["stdout"] != f"{1_999_000 + number * 1_000_003 + turn}\n":
                seen.wrong += 1
        return None

    async with asyncio.timeout(seconds + 120), asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(client(number))
    return seen


async def many_limits(port: int, address: str) -> None:
    """A hundred requests at a time, each with limits or a seed of its own."""

    async def client(number: int) -> None:
        connection = Connection(port, address)
        while True:
            for limits in ({"memory_limit_MB": 100 + number}, {"run_timeout": 1 + number / 100}):
                await connection.post("/run_code", {"code": "print(1)", "language": "python", **limits})
            path = f"/sessions/limits-{number}-{time.monotonic_ns()}/run"
            await connection.post(path, {"code": "1", "demand": {"seed": number, "memory_mb": 200 + number}})

    await asyncio.gather(*(client(number) for number in range(LIMITS)))


async def half_open(port: int, address: str) -> None:
    """Heads and bodies that never end, and some that come byte by byte; prints when the last one was closed."""
    head = b"POST /run_code HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    began = time.perf_counter()

    async def client(number: int) -> None:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
            writer.write(head if number % 3 == 0 else head + b"Content-Length: 90000\r\n\r\n{")
            drip = asyncio.create_task(dripping(writer)) if number % 3 == 2 else None
            await reader.read()
            if drip:
                drip.cancel()
            writer.close()

    await asyncio.gather(*(client(number) for number in range(HALF_OPEN)))
    print(f"closed after {time.perf_counter() - began:.1f} s", flush=True)


async def dripping(writer: asyncio.StreamWriter) -> None:
    """A byte a second."""
    with suppress(OSError):
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(1)


async def deaf(port: int, address: str) -> None:
    """Asks for megabytes and never reads them."""

    async def client() -> None:
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0), limit=1)
                writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20_000)
                await writer.wait_closed()
            await asyncio.sleep(1)

    await asyncio.gather(*(client() for _ in range(8)))


async def long_programs(port: int, address: str) -> None:
    """Keeps more programs in the queue than it holds, each as long as allowed."""

    async def client() -> None:
        connection = Connection(port, address)
        while True:
            status, _ = await connection.post("/run_code", {"code": "while True: pass", "language": "python"})
            await asyncio.sleep(0 if status == 200 else 1)

    await asyncio.gather(*(client() for _ in range(400)))


async def sessions_without_end(port: int, address: str) -> None:
    """Opens sessions and never ends one."""

    async def client(number: int) -> None:
        connection = Connection(port, address)
        for turn in itertools.count():
            status, _ = await connection.post(f"/sessions/e-{number}-{turn}/run", {"code": "x = list(range(10**5))"})
            await asyncio.sleep(0 if status == 200 else 0.1)

    await asyncio.gather(*(client(number) for number in range(8)))


ATTACKS: dict[str, Callable[[int, str], Coroutine[None, None, None]]] = {
    "limits": many_limits,
    "half-open": half_open,
    "deaf": deaf,
    "long-programs": long_programs,
    "sessions": sessions_without_end,
}


def start() -> tuple[subprocess.Popen[str], int]:
    """A service with few open files, and its port, once its processes are warm."""

    command = ["prlimit", f"--nofile={OPEN_FILES}:{OPEN_FILES}"]
    command += [str(Path(sys.executable).with_name("slipstick")), "sandbox"]
    command += [part for setting in SETTINGS for part in ("--set", setting)]
    service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert service.stdout
    port = int(service.stdout.readline().rpartition(":")[2].strip(' "\n'))
    while "ready" not in service.stdout.readline():
        pass
    return service, port


def memory(pid: int) -> tuple[float, int]:
    """Memory in MB that these processes would free, and how many they are: a process and all that it started."""
    pids, total = [pid, *below(pid)], 0
    for each in pids:
        with suppress(OSError):
            found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{each}/smaps_rollup").read_text(), re.MULTILINE)
            total += int(found[1]) if found else 0
    return round(total / 1024, 1), len(pids)


async def beside(attack: str, port: int, clients: int, seconds: float, *, one_address: bool) -> tuple[Seen, str]:
    """What honest clients see beside an attack, and what the attack printed."""
    command = [sys.executable, "-m", "benchmarks.service", "--greedy", f"{attack}:{port}"]
    greedy = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        await asyncio.sleep(2)
        seen = await honest(port, clients, seconds, one_address=one_address)
        said = b""
        if attack == "half-open":
            said, _ = await asyncio.wait_for(greedy.communicate(), 120)
        return seen, said.decode()
    finally:
        with suppress(ProcessLookupError):
            greedy.kill()
        await greedy.wait()


async def measure(attacks: list[str], clients: int, seconds: float, *, one_address: bool) -> dict[str, Any]:
    """All phases, and their figures."""
    service, port = start()
    await honest(port, clients, 3, one_address=one_address)  # every path was taken once
    before = memory(service.pid)
    print("warm", before, flush=True)
    alone = await honest(port, clients, seconds, one_address=one_address)
    print("alone", alone.quantile(0.5), alone.quantile(0.99), len(alone.seconds), flush=True)
    rows: dict[str, dict[str, object]] = {}
    wrong, worst, closed = alone.wrong, 0.0, 0.0
    for attack in attacks:
        seen, said = await beside(attack, port, clients, seconds, one_address=one_address)
        p99 = seen.quantile(0.99)
        rows[attack] = {"p50_ms": seen.quantile(0.5), "p99_ms": p99, "answers": len(seen.seconds), **seen.statuses}
        worst, wrong = max(worst, p99), wrong + seen.wrong
        if found := re.search(r"closed after ([\d.]+)", said):
            closed = float(found[1])
        print(attack, rows[attack], memory(service.pid), flush=True)
        await asyncio.sleep(3)
    if {"sessions", "limits"} & set(attacks):
        await asyncio.sleep(30)  # idle sessions end
    after = memory(service.pid)
    service.send_signal(signal.SIGTERM)
    service.wait(60)
    return {
        "honest_clients": clients,
        "honest_p50_ms": alone.quantile(0.5),
        "honest_p99_ms_alone": alone.quantile(0.99),
        "honest_p99_ms_beside": worst,
        "p99_ratio": round(worst / alone.quantile(0.99), 2),
        "answers_alone": len(alone.seconds),
        "beside": rows,
        "wrong": wrong,
        "memory_start_mb": before[0],
        "memory_end_mb": after[0],
        "processes": [before[1], after[1]],
        "slow_closed_s": closed,
        "limits": LIMITS,
    }


def main() -> None:
    """Measures, or is the greedy client of a measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("attacks", nargs="*", help=f"of {', '.join(ATTACKS)}; all if none is named")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=15, help="of every phase")
    parser.add_argument("--one-address", action="store_true", help="greedy clients come from the honest ones' address")
    parser.add_argument("--greedy", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if chosen.greedy:
        attack, port = chosen.greedy.split(":")
        with suppress(KeyboardInterrupt):
            asyncio.run(ATTACKS[attack](int(port), GREEDY))
        return
    attacks = chosen.attacks or list(ATTACKS)
    result = asyncio.run(measure(attacks, chosen.clients, chosen.seconds, one_address=chosen.one_address))
    print(json.dumps(result))
    os._exit(0 if result["p99_ratio"] < 3 and not result["wrong"] else 1)


if __name__ == "__main__":
    main()
