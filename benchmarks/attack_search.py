"""Looks for the next hole in the sandbox: `python -m benchmarks.attacks --search`.

Programs make the system calls of `attack_plan` inside sessions; from outside this watches what must not change:
innocent programs beside them, the interpreter's processes, this process, files, and what the kernel keeps for the
machine. What is noticed is tried again, program by program and sequence by sequence, and printed if it happens again.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import re
import struct
import sys
import tempfile
import time
from collections import Counter
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from benchmarks.attack_plan import in_words, make_plan, program
from benchmarks.attack_watch import Watch
from slipstick.interpreters import Limits
from slipstick.interpreters.guest import seccomp
from slipstick.interpreters.guest.protocol import Request
from slipstick.interpreters.host.isolation import choose_isolation
from slipstick.interpreters.host.local import LocalInterpreter
from slipstick.schema import Output

_ATTACKERS = 4
_TIMEOUT = 3.0
_MEMORY_MB, _SCRATCH_MB = 256, 4
_INNOCENT = """
import hashlib, threading, time
found = []
for _ in range(8):
    thread = threading.Thread(target=lambda: found.append(hashlib.sha256(b'innocent' * 10000).hexdigest()[:8]))
    thread.start()
    thread.join()
    time.sleep(0.05)
with open(threading.__file__) as file:
    print(set(found), len(file.readlines()) > 100, time.process_time() < 4)
"""
_INNOCENT_SAYS = "{'61fd5342'} True True"
_SIMPLE = "print(sum(k * k for k in range(1000)))"
_SIMPLE_SAYS = "332833500"
_INNOCENTS = [(_INNOCENT, _INNOCENT_SAYS)] * 3 + [(_SIMPLE, _SIMPLE_SAYS)] * 2
_SETTLE_SECONDS = 3.0
_WARM_UPS = 5
_MOST_LATENCY = 5.0
"""Seconds that the event loop may be held up: far more than other work on the machine causes."""
_KERNEL_MB = 200
"""Kernel memory that a batch may take beyond what the limits of its programs add up to."""
_LEAK_KB = 300_000
_RECURSIVE = 0x8000
_who: ContextVar[str] = ContextVar("who", default="")

Finding = dict[str, Any]


class CountingInterpreter(LocalInterpreter):
    """Counts the processes made for each program: one that was run twice is a finding."""

    def __init__(self, isolation: str, *, scratch: bool) -> None:
        limits = Limits(
            timeout=_TIMEOUT, memory_mb=_MEMORY_MB, isolation=isolation, scratch_mb=_SCRATCH_MB if scratch else 0
        )
        super().__init__(isolation, limits, workers=_ATTACKERS + len(_INNOCENTS), seed=0)
        self.made: Counter[str] = Counter()

    async def make_process(self, *arguments: Any, **named: Any) -> Any:
        """As the class it is derived from."""
        self.made[_who.get()] += 1
        return await super().make_process(*arguments, **named)


class Search:
    """Runs batches of programs with one isolation and notes what they change."""

    def __init__(self, isolation: str, folder: Path, *, alone: bool) -> None:
        self.isolation = isolation
        self.watch = Watch(folder, alone=alone)
        self.names = self.watch.names()
        self.watch.lay_out()
        self.interpreters: dict[bool, CountingInterpreter] = {}
        self.calls = self.succeeded = self.sequences = self.programs = 0
        self.statuses: Counter[str] = Counter()

    async def start(self) -> None:
        """Starts both interpreters, with and without a scratch folder."""
        for scratch in (False, True):
            self.interpreters[scratch] = CountingInterpreter(self.isolation, scratch=scratch)
            for _ in range(_WARM_UPS):
                if not (noticed := await self.try_out([], scratch=scratch)):
                    break
            else:
                raise SystemExit(f"innocent programs by themselves: {noticed}")

    async def close(self) -> None:
        """Ends both interpreters."""
        for interpreter in self.interpreters.values():
            await interpreter.close()

    async def try_out(self, plans: list[dict[str, Any]], *, scratch: bool) -> list[str]:
        """Runs programs with these plans together, innocent ones beside them; what was noticed."""
        interpreter = self.interpreters[scratch]
        interpreter.made.clear()
        before, memory = self.watch.exact(), self.watch.memory_kb()
        spent = time.process_time()
        sampling = asyncio.create_task(self._sample(memory))
        attacks = [self._run(interpreter, f"attack {n}", program(plan)) for n, plan in enumerate(plans)]
        innocents = [self._run(interpreter, f"innocent {n}", code) for n, (code, _) in enumerate(_INNOCENTS)]
        outputs = await asyncio.gather(*attacks, *innocents)
        noticed = [
            f"an innocent program ends {output.status}: {output.text[-200:]!r}"
            for output, (_, says) in zip(outputs[len(plans) :], _INNOCENTS, strict=True)
            if (output.status, output.text) != ("ok", says)
        ]
        noticed += [
            f"{who} was run {times} times"
            for who, times in interpreter.made.items()
            if times > 1 and who.startswith("innocent")
        ]
        for plan, output in zip(plans, outputs, strict=False):
            self._count(plan, output)
            if output.status == "sandbox_fault":
                noticed.append(f"an attack ends {output.status}: {output.text[-200:]!r}")
        if (spent := time.process_time() - spent) > _TIMEOUT:
            noticed.append(f"the host used {spent:.1f} s of processor time")
        noticed += await self._differences(before, memory)
        sampling.cancel()
        noticed += await sampling
        if noticed:
            self.watch.lay_out()
        return noticed

    async def _run(self, interpreter: CountingInterpreter, who: str, code: str) -> Output:
        _who.set(who)
        if code == _SIMPLE:
            return await interpreter.run_program(code)
        session = interpreter.session()
        try:
            if who == "attack 1":  # a cell, whose descriptors differ from a script's
                return await session.run(code)
            return (await session.run_request(Request(code, mode="script", split=who == "attack 2"))).output()
        finally:
            await session.close()

    def _count(self, plan: dict[str, Any], output: Output) -> None:
        self.programs += 1
        self.sequences += len(plan["sequences"])
        self.statuses[output.status] += 1
        if said := re.findall(r"^MADE (\d+) (\d+)$", output.text, re.MULTILINE):
            self.calls += int(said[-1][0])
            self.succeeded += int(said[-1][1])

    async def _differences(self, before: dict[str, object], memory: dict[str, int]) -> list[str]:
        """What is not as before once everything had time to end."""
        end = time.monotonic() + _SETTLE_SECONDS
        after = self.watch.exact()
        while after != before and time.monotonic() < end:
            await asyncio.sleep(0.1)
            after = self.watch.exact()
        noticed = [_told(name, before[name], after[name]) for name in before if after[name] != before[name]]
        grown = {name: now - memory[name] for name, now in self.watch.memory_kb().items()}
        return noticed + [f"{name} grew by {by} kB" for name, by in grown.items() if by > _LEAK_KB]

    async def _sample(self, memory: dict[str, int]) -> list[str]:
        """Until it is cancelled: the longest time that the event loop was held up, the most kernel memory."""
        latency, most = 0.0, 0
        try:
            while True:
                start = time.monotonic()
                await asyncio.sleep(0.05)
                latency = max(latency, time.monotonic() - start - 0.05)
                most = max(most, sum(self.watch.memory_kb().values()) - sum(memory.values()))
        except asyncio.CancelledError:
            pass
        allowed = _ATTACKERS * (_MEMORY_MB + _SCRATCH_MB) + _KERNEL_MB
        return [
            *([f"the event loop was held up for {latency:.1f} s"] if latency > _MOST_LATENCY else []),
            *([f"kernel memory grew by {most >> 10} MB"] if most >> 10 > allowed else []),
        ]


def _told(name: str, before: object, after: object) -> str:
    if isinstance(before, list) and isinstance(after, list):
        gone = [each for each in before if each not in after]
        new = [each for each in after if each not in before]
        return f"{name}: {gone} became {new}"[:600]
    return f"{name}: {before} became {after}"[:600]


async def narrowed(search: Search, plans: list[dict[str, Any]], *, scratch: bool) -> tuple[list[str], str] | None:
    """What the programs of a batch do again, and the shortest part of a plan that was found to do it; None: nothing."""
    for plan in plans:
        if not await search.try_out([plan], scratch=scratch):
            continue
        part = plan["sequences"]
        while len(part) > 1:
            middle = len(part) // 2
            for half in (part[:middle], part[middle:]):
                if await search.try_out([{**plan, "sequences": half}], scratch=scratch):
                    part = half
                    break
            else:
                break
        noticed = await search.try_out([{**plan, "sequences": part}], scratch=scratch)
        return (noticed, " | ".join(map(in_words, part[:10]))) if noticed else None
    noticed = await search.try_out(plans, scratch=scratch)
    return (noticed, "only together") if noticed else None


async def _search(search: Search, minutes: float, seed: int, most: int, only: tuple[str, ...]) -> None:
    await search.start()
    begun = time.monotonic()
    findings = batch = 0
    unconfirmed: Counter[str] = Counter()
    while time.monotonic() < begun + minutes * 60 and findings < most:
        scratch = bool(batch % 2)
        seeds = [f"{seed}:{batch}:{number}" for number in range(_ATTACKERS)]
        plans = [make_plan(each, search.names, scratch=scratch, only=only) for each in seeds]
        batch += 1
        if not (noticed := await search.try_out(plans, scratch=scratch)):
            continue
        again = await narrowed(search, plans, scratch=scratch)
        if again is None:
            unconfirmed.update({re.sub(r"[\d.]+", "N", each)[:100] for each in noticed})
            print(json.dumps({"unconfirmed": noticed, "seeds": seeds, "scratch": scratch}), file=sys.stderr, flush=True)
            continue
        findings += 1
        found: Finding = {
            "finding": noticed,
            "again": again[0],
            "sequence": again[1],
            "seeds": seeds,
            "scratch": scratch,
        }
        print(json.dumps(found), flush=True)
    await search.close()
    print(
        json.dumps(
            {
                "isolation": search.isolation,
                "seed": seed,
                "calls": search.calls,
                "calls_succeeded": search.succeeded,
                "sequences": search.sequences,
                "programs": search.programs,
                "statuses": dict(search.statuses),
                "minutes": round((time.monotonic() - begun) / 60, 1),
                "findings": findings,
                "unconfirmed": dict(unconfirmed),
            }
        )
    )


def search(
    isolation: str,
    minutes: float,
    seed: int,
    folder: Path,
    *,
    most: int = 20,
    only: tuple[str, ...] = (),
    alone: bool = False,
) -> None:
    """Searches for some minutes, or until so many findings; prints a JSON line for each, then one of the numbers.

    folder: an empty one, for files that programs may try to change. only: the names of the calls to try; empty: all.
    alone: this process has namespaces of its own, in which whatever changes is the programs' doing; all files but those
    of the folder are made read-only there, since a hole that is found is used.
    """
    if alone:
        _protect_machine(str(folder))
    (folder / "tmp").mkdir()
    tempfile.tempdir = str(folder / "tmp")
    asyncio.run(_search(Search(choose_isolation(isolation), folder, alone=alone), minutes, seed, most, only))


def _protect_machine(folder: str) -> None:
    """Makes every file read-only but those in a folder, in this mount namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.mount(b"tmpfs", folder.encode(), b"tmpfs", 0, None)
    for path, set_flags, clear_flags in (("/", 1, 0), ("/proc", 0, 1), ("/dev/shm", 0, 1), (folder, 0, 1)):
        attributes = struct.pack("QQQQ", set_flags, clear_flags, 0, 0)
        number = seccomp.call_number("mount_setattr")
        recursive = _RECURSIVE if path == "/" else 0
        done |= libc.syscall(number, -100, path.encode(), recursive, attributes, ctypes.c_size_t(len(attributes)))
    if done:
        raise SystemExit(f"the search cannot protect this machine's files: {os.strerror(ctypes.get_errno())}")
