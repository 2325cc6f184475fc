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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_AT_ONCE = 2
_PATIENCE = 300.0
_GONE_SECONDS = 10.0
_VARYING = re.compile(r"second|time|_at$|tokens_per|date|created|started|finished|memory|host|version|command|path")
"""Fields that differ between two undisturbed runs."""
_SHOWN = (".html", ".md", ".png", ".log", ".txt")
"""Files for people, which say when they were written."""
_OTHERS = (f"torchinductor_{getpass.getuser()}",)
"""Folders of temporary files that a library keeps after every run."""
_CODE = "```python\nprint(6 * {n})\n```"
_SELF_TRAIN = """\
problems = "synthetic:train,n=6,seed=1"
rounds = 1
[start]
problems = "synthetic:train,n=30"
formats = ["pot"]
[train]
max_train_tokens = 2000
d_model = 16
d_ff = 32
num_layers = 1
num_heads = 2
vocab_size = 400
num_processes = 1
[held_out]
problems = "synthetic:known,n=3"
formats = ["pot"]
max_tokens = 8
[solve]
formats = ["pot"]
num_samples = 2
temperature = 0.7
max_tokens = 8
[curate]
contamination_rules = ["exact"]
"""
_SMALL = "d_model = 32\nd_ff = 64\nnum_layers = 1\nnum_heads = 2\nvocab_size = 400\nnum_processes = 1\n"


def slipstick(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts a verb in a session of its own, its temporary files in a folder of its own."""
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    log = (folder / "log.txt").open("ab")
    with log:
        return subprocess.Popen(
            [sys.executable, "-m", "slipstick", *arguments],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(folder / "tmp")},
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


def prepare(base: Path) -> dict[str, list[str]]:
    """Verb -> its arguments but for --out; what they read is made in `base`."""
    numbers = range(40)
    rows = [{"id": f"p/{n}", "question": f"What is {n} times 6?", "answer": 6 * n} for n in numbers]
    script = [{"problem_id": f"p/{n}", "format": "cot", "text": f"The answer is {6 * n}."} for n in numbers]
    script += [{"problem_id": f"p/{n}", "format": "pot", "text": f"import time\nprint(6 * {n})"} for n in numbers]
    turns = [f"{_CODE.format(n=n)}\nSo it is \\boxed{{{6 * n}}}." for n in numbers]
    script += [{"problem_id": f"p/{n}", "format": "tir", "text": turns[n]} for n in numbers]
    lines = [{"instruction": row["question"], "output": f"The answer is {row['answer']}.", **row} for row in rows * 50]
    for name, content in (("problems", rows), ("script", script), ("alpaca", lines)):
        (base / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in content), "utf-8")
    where = f'problems = "{base}/problems.jsonl"\nmodel = "fake:{base}/script.jsonl"\n'
    data = f'data = "{base}/data"\n'
    train = f"max_train_tokens = 12_000\ncheckpoint_every = 2000\n{_SMALL}"
    for name, text in {
        "solve": f'{where}formats = ["cot", "pot", "tir"]\nnum_samples = 2\n',
        "data": 'problems = "synthetic:train,n=120"\nformats = ["cot", "pot", "tir"]\n',
        "curate": f'{data}contamination_rules = ["exact"]\ndecontaminate_against = ["synthetic:known,n=20"]\n',
        "train": data + train,
        "self-train": _SELF_TRAIN,
    }.items():
        (base / f"{name}.toml").write_text(text, "utf-8")
    done(base, "synthesize", f"{base}/data.toml", "--out", f"{base}/data")
    done(base, "solve", f"{base}/solve.toml", "--out", f"{base}/solved")
    verbs = {
        "solve": [f"{base}/solve.toml"],
        "evaluate": [f"{base}/solve.toml"],
        "grade": [f"{base}/solved"],
        "execute": [f"{base}/solved"],
        "synthesize": [f"{base}/data.toml"],
        "curate": [f"{base}/curate.toml"],
        "export": [f"{base}/data"],
        "audit": [f"{base}/solved"],
        "import": [f"{base}/alpaca.jsonl"],
        "train": [f"{base}/train.toml"],
        "self-train": [f"{base}/self-train.toml"],
    }
    return {verb: [verb, *arguments] for verb, arguments in verbs.items()}


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


def end(folder: Path, arguments: list[str], how: signal.Signals, after: float) -> list[str]:
    """Starts a verb, ends it by a signal and goes on with it until it is done; what is wrong, a line each."""
    wrong = []
    out = folder / "out"
    process = slipstick(folder, *arguments, "--out", str(out))
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
    if code not in (0, 1, 130, -how):
        wrong.append(f"ends with {code} after {how.name}")
    if "Traceback" in (folder / "log.txt").read_text("utf-8", "replace"):
        wrong.append(f"a traceback after {how.name}")
    again = ["--resume"] if (out / "run.json").is_file() else []
    process = slipstick(folder, *arguments, "--out", str(out), *again)
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


def measure(base: Path, *, times: int, minutes: float, only: list[str]) -> dict[str, Any]:
    """Ends every verb so many times by each signal, as far as the minutes go."""
    deadline = time.monotonic() + 60 * minutes
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would have its verbs ignore it
    verbs = {name: each for name, each in prepare(base).items() if not only or name in only}
    whole, lasted, unlike = {}, {}, {}
    for verb, arguments in verbs.items():
        runs = []
        for number in range(2):
            folder = base / f"{verb}-whole-{number}"
            began = time.monotonic()
            folder.mkdir()
            done(folder, *arguments, "--out", str(folder / "out"))
            lasted[verb] = time.monotonic() - began
            runs.append(snapshot(folder / "out"))
        whole[verb] = runs[0]
        unlike[verb] = {each.removesuffix(" differs") for each in differences(*runs)}
    chance = random.Random(0)
    plan = [(verb, how, chance.uniform(0, 1.1), number) for number in range(times) for verb in verbs for how in SIGNALS]

    def one(verb: str, how: signal.Signals, share: float, number: int) -> tuple[str, list[str]] | None:
        if time.monotonic() > deadline:
            return None
        folder = base / f"{verb}-{how.name}-{number}"
        folder.mkdir()
        after = share * lasted[verb]
        wrong = end(folder, verbs[verb], how, after)
        if not any(each.startswith("does not") for each in wrong):
            unequal = differences(whole[verb], snapshot(folder / "out"))
            wrong += [each for each in unequal if each.removesuffix(" differs") not in unlike[verb]]
        if not wrong:
            shutil.rmtree(folder)
        for each in wrong:
            print(f"{verb} {how.name} after {after:.1f} s: {each} ({folder})", flush=True)
        return verb, wrong

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        results = [each for each in pool.map(lambda row: one(*row), plan) if each]
    counts = {verb: sum(each == verb for each, _ in results) for verb in verbs}
    wrong = {verb: sum(bool(found) for each, found in results if each == verb) for verb in verbs}
    return {"done": len(results), "planned": len(plan), "wrong": sum(wrong.values()), "verbs": counts, "by_verb": wrong}
