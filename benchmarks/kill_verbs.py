"""Every verb ended by signals at random instants, then resumed: is its run the same, and is anything left behind?"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.kill_inputs import OUT, Verb, prepare

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_PATIENCE = 300.0
_GONE_SECONDS = 10.0
_VARYING = re.compile(r"second|time|_at$|tokens_per|date|created|started|finished|memory|host|version|command|path")
"""Fields that differ between two undisturbed runs."""
_SHOWN = (".html", ".md", ".png", ".log", ".txt")
"""Files for people, which say when they were written."""
STARTING = "a traceback by Python, which was still starting"
"""Imports of the package that come before the command line count as that: none of our code can catch it."""
_OTHERS = (f"torchinductor_{getpass.getuser()}",)
"""Folders of temporary files that a library keeps after every run."""


def slipstick(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts a verb in a session of its own, its temporary files in a folder of its own."""
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    log = (folder / "log.txt").open("ab")
    with log:
        return subprocess.Popen(
            [sys.executable, "-m", "slipstick", *arguments],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(folder / "tmp"), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def done(folder: Path, *arguments: str) -> None:
    """Runs a verb to its end. Raises RuntimeError if it fails."""
    process = slipstick(folder, *arguments)
    if process.wait(_PATIENCE):
        raise RuntimeError(f"{' '.join(arguments)}: {(folder / 'log.txt').read_text('utf-8')[-2000:]}")


def snapshot(folder: Path) -> dict[str, str]:
    """What a run holds, file by file, without what differs between two undisturbed runs."""
    found = {}
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        name = str(path.relative_to(folder))
        if path.suffix in (".jsonl", ".json"):
            text = path.read_text("utf-8")
            values = [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else [json.loads(text)]
            found[name] = "\n".join(sorted(json.dumps(_lasting(value), sort_keys=True) for value in values))
        elif path.suffix in _SHOWN:
            found[name] = "there"
        else:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(each) for key, each in value.items() if not _VARYING.search(key)}
    return [_lasting(each) for each in value] if isinstance(value, list) else value


def processes_of(session: int) -> list[int]:
    """The processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def command(verb: Verb, folder: Path) -> list[str]:
    """A verb's command line in a folder of its own, whose run is `out`; what it works on is copied there."""
    out = folder / "out"
    if verb.works_on and not out.exists():
        shutil.copytree(verb.works_on, out)
    again = ["--resume"] if verb.resumes and (out / "run.json").is_file() else []
    return [*(str(out) if each == OUT else each for each in verb.arguments), *again]


def end(folder: Path, verb: Verb, how: signal.Signals, after: float) -> list[str]:
    """Starts a verb, ends it by a signal and goes on with it until it is done; what is wrong, a line each."""
    wrong = []
    process = slipstick(folder, *command(verb, folder))
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(how)
    try:
        code = process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return [f"does not end after {how.name}"]
    wrong += _processes_left(process.pid)
    # A shell sees 130 for -SIGINT too: Python ends so if the interrupt has come inside an exec(), as of a dataclass.
    if code not in (0, 1, 130, -how, -signal.SIGINT):
        wrong.append(f"ends with {code} after {how.name}")
    if "Traceback" in (log := (folder / "log.txt").read_text("utf-8", "replace")):
        started = not ("runpy" in log or "init_import_site" in log) or "/slipstick/cli.py" in log
        wrong.append(f"a traceback after {how.name}" if started else STARTING)
    process = slipstick(folder, *command(verb, folder))
    try:
        if process.wait(_PATIENCE):
            wrong.append(f"does not go on: {(folder / 'log.txt').read_text('utf-8', 'replace')[-300:]}")
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        wrong.append("does not end when resumed")
    wrong += _processes_left(process.pid)
    left = [path.name for path in (folder / "tmp").iterdir() if path.name not in _OTHERS]
    return wrong + ([f"files left: {', '.join(sorted(left)[:5])}"] if left else [])


def _processes_left(session: int) -> list[str]:
    deadline = time.monotonic() + _GONE_SECONDS
    while (left := processes_of(session)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return [f"{len(left)} processes left"] if left else []


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Files that two runs have not both, or not alike."""
    names = sorted(before.keys() | after.keys())
    return [f"{name} differs" for name in names if before.get(name) != after.get(name)]


def undisturbed(base: Path, name: str, verb: Verb) -> tuple[dict[str, str], set[str], float]:
    """What a run of a verb holds, the files in which two such runs differ, and how long one takes in seconds."""
    runs, seconds = [], 0.0
    for number in range(2):
        folder = base / f"{name} whole {number}"
        folder.mkdir()
        line = command(verb, folder)
        began = time.monotonic()
        done(folder, *line)
        seconds = time.monotonic() - began
        runs.append(snapshot(folder / "out"))
    return runs[0], set(differences(*runs)), seconds


def measure(base: Path, results: Path, *, times: int, minutes: float, only: list[str]) -> dict[str, Any]:
    """Ends every verb so many times by each signal, one kill at a time, as far as the minutes go.

    Each kill is a line of `results` once it is judged; those that are there already count. The verb that has had the
    least time is next, so that slow ones do not hold up the others.
    """
    deadline = time.monotonic() + 60 * minutes
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would have its verbs ignore it
    verbs = {name: each for name, each in prepare(base, done).items() if not only or name in only}
    rows = [json.loads(line) for line in results.read_text("utf-8").splitlines()] if results.exists() else []
    whole: dict[str, tuple[dict[str, str], set[str], float]] = {}
    plan = {name: [(number, how) for number in range(times) for how in SIGNALS] for name in verbs}
    for name, waiting in plan.items():
        had = {(row["number"], row["signal"]) for row in rows if row["verb"] == name}
        plan[name] = [(number, how) for number, how in waiting if (number, how.name) not in had]
    while time.monotonic() < deadline and any(plan.values()):
        spent = {name: sum(row["seconds"] for row in rows if row["verb"] == name) for name in verbs if plan[name]}
        name = min(spent, key=lambda each: spent[each])
        number, how = plan[name].pop(0)
        whole[name] = whole.get(name) or undisturbed(base, name, verbs[name])
        after = random.Random(f"{name} {how.name} {number}").uniform(0, 1.1) * whole[name][2]
        began = time.monotonic()
        wrong = kill(base / f"{name} {how.name} {number}", verbs[name], how, after, whole[name])
        seconds = round(time.monotonic() - began, 1)
        row = {"verb": name, "signal": how.name, "number": number, "after": round(after, 2), "wrong": wrong}
        rows.append({**row, "seconds": seconds})
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(rows[-1]) + "\n")
    return figures(rows)


def kill(
    folder: Path, verb: Verb, how: signal.Signals, after: float, whole: tuple[dict[str, str], set[str], float]
) -> list[str]:
    """Ends a verb once and compares its run with the undisturbed one; the folder stays if something is wrong."""
    folder.mkdir()
    wrong = end(folder, verb, how, after)
    if not any(each.startswith("does not") for each in wrong):
        wrong += [each for each in differences(whole[0], snapshot(folder / "out")) if each not in whole[1]]
    for each in wrong:
        print(f"{folder.name} after {after:.1f} s: {each} ({folder})", flush=True)
    if not wrong:
        shutil.rmtree(folder)
    return wrong


def figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How many kills, and how many were wrong: in all, by verb and by signal."""

    def count(some: list[dict[str, Any]]) -> dict[str, int]:
        wrong = [row["wrong"] for row in some if row["wrong"] and row["wrong"] != [STARTING]]
        starting = sum(row["wrong"] == [STARTING] for row in some)
        return {"done": len(some), "wrong": len(wrong), "while_python_starts": starting}

    by_verb = {name: [row for row in rows if row["verb"] == name] for name in dict.fromkeys(r["verb"] for r in rows)}
    by_signal = {how.name: [row for row in rows if row["signal"] == how.name] for how in SIGNALS}
    return {
        **count(rows),
        "signals": {name: count(some) for name, some in by_signal.items()},
        "verbs": {
            name: {**count(some), "each": min(sum(row["signal"] == how.name for row in some) for how in SIGNALS)}
            for name, some in by_verb.items()
        },
    }
