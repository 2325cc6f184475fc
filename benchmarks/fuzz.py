"""Recipes, settings and targets that cannot hold, over every command: `python -m benchmarks.fuzz`.

A case is a command line with one thing changed: a value of another type or out of its bounds, a key nobody knows, a
file that is no TOML, a target, a folder or a limit that makes no sense. What the check of settings refuses has to end
with one message and exit code 2, and nothing may be written. A value that is odd but allowed is run as well, by
commands that take no time, and may end in any way but a traceback. One case in a hundred runs in a process of its own.

The last line is one JSON object: `cases`, `tracebacks` (exceptions that reached the top, exit code 1 without a message,
a minute without an end) and `started_anyway` (refused cases that ended otherwise or wrote something).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from slipstick.cli import main as command_line
from slipstick.errors import RecipeError
from slipstick.recipe import check_settings, to_toml
from slipstick.settings import settings_classes
from slipstick.shipped import shipped_recipes

SECONDS = 60
MEMORY = 4 << 30
SEPARATE = 100
BASE: dict[str, Any] = {"problems": "problems.jsonl", "model": "fake:script.jsonl", "formats": ["cot"]}
ON_A_RUN = ("grade", "report", "export", "execute", "audit", "value", "review", "repair", "push", "repro", "import")
QUICK = ("solve", "evaluate", "grade", "report", "export", "execute", "trace", "repair", "import")
ODD = ['"nope"', '""', "true", "false", "-1", "0", "1e308", "-1e308", "inf", "nan", "[]", "{}", "[[1]]", "1.5", "1"]
ODD += ['["a", "a"]', "{a = 1}", "{a = {a = 1}}", "1979-05-27", "07:32:00", '"\\u0000"', '"../.."', '"[/x]"', "[true]"]
ODD += ['"' + "x" * 5000 + '"', '["", 1]', '"é\\n"']
HUGE = ["1000000000", f"{10**30}", f"-{10**30}", "9" * 5000, "0x7fffffffffffffff"]
TARGETS = ["", " ", ".", "..", "/", "/dev/null", "/dev/zero/x", "/proc/self/mem", "/proc", "-", "x" * 300, "a/" * 3000]
TARGETS += ["missing.toml", "missing/", "evaluat", "gsm8k:", "gsm8k:tset", ":", "suite:", "synthetic:", "fake:", "loop"]
TARGETS += ["dangling", "binary", "folder", "folder.toml", "empty.toml", "empty.jsonl", "utf16.toml", "latin.jsonl"]
TARGETS += ["rows.json", "deep.json", "broken", "newer", "[/x]", "\ud800", "p/0#cot#0", "runs/*", "[", "run/run.json"]
OUTS = ["dangling", "loop", "/proc/x", "/sys/x", "problems.jsonl", "problems.jsonl/x", "x" * 300, "folder", "/dev/null"]
LIMITS = ["0", "-1", "x", "1.5", "", "99999999999999999999", "1e3"]


class Case(NamedTuple):
    """A command line, and whether it has to be refused before anything starts."""

    arguments: list[str]
    refused: bool


def prepare(folder: Path) -> None:
    """A folder with problems, a script, a finished run `run`, and things that are not what a command looks for."""
    rows: list[dict[str, Any]] = [
        {"id": f"p/{n}", "question": f"What is {n} times 2?", "answer": 2 * n} for n in range(3)
    ]
    said: list[dict[str, Any]] = [{"problem_id": f"p/{n}", "text": f"The answer is {2 * n}."} for n in range(3)]
    for name, content in {"problems.jsonl": rows, "script.jsonl": said}.items():
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in content))
    (folder / "base.toml").write_text(to_toml(BASE))
    assert run_here(["evaluate", "base.toml", "--out", "run"])[0] == 0
    shutil.copytree("run", "broken")
    (folder / "broken" / "solutions.jsonl").write_bytes(b"\xff\n" * 3)
    shutil.copytree("run", "newer")
    (folder / "newer" / "run.json").write_text('{"record_format": 99}')
    for name in ("folder", "folder.toml"):
        (folder / name).mkdir()
        (folder / name / "notes.txt").write_text("mine")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")
    (folder / "binary").write_bytes(random.Random(0).randbytes(1000))
    (folder / "utf16.toml").write_bytes(to_toml(BASE).encode("utf-16"))
    (folder / "latin.jsonl").write_bytes('{"question": "é", "answer": 1}\n'.encode("latin-1"))
    (folder / "rows.json").write_text("[1, 2]")
    (folder / "deep.json").write_text("[" * 100_000)
    for name in ("empty.toml", "empty.jsonl"):
        (folder / name).touch()


def recipe_texts() -> dict[str, list[str]]:
    """Verb -> the texts of its shipped recipes, and of one that runs here."""
    found: dict[str, list[str]] = {"solve": [to_toml(BASE)] * 3, "evaluate": [to_toml(BASE)] * 3}
    for path in shipped_recipes().values():
        text = path.read_text("utf-8")
        found.setdefault(text.split()[2], []).append(text)
    return found


def is_refused(table: dict[str, Any], classes: tuple[type[BaseModel], ...], override: str) -> bool:
    """Whether no class of settings takes the table with the override."""
    for settings in classes:
        with contextlib.suppress(RecipeError):
            check_settings(table, settings, overrides=[override])
            return False
    return True


def misspelt(key: str, rng: random.Random) -> str:
    """A key that nobody knows."""
    place = rng.randrange(len(key))
    return f"{key[:place]}{rng.choice('xyz_')}q{key[place:]}"


def with_setting(rng: random.Random, verbs: dict[str, list[str]]) -> Case:
    """A recipe or a command line with one setting that is odd."""
    verb = rng.choice([*verbs, *ON_A_RUN, "trace", "doctor", "sandbox", "plan", "show-mask"])
    classes = settings_classes()[verb]
    keys = sorted({key for each in classes for key in each.model_fields}) or ["seed"]
    key = rng.choice(keys)
    value = rng.choice([*ODD, *HUGE])
    text = rng.choice(verbs[verb]) if verb in verbs else ""
    table = tomllib.loads(text)
    unknown = rng.random() < 0.25
    override = f"{misspelt(key, rng)}=1" if unknown else f"{key}={value}"
    if rng.random() < 0.1:
        override, unknown = rng.choice([key, "=", "=1", f"{key}.a.b.c={value}", "."]), False
    refused = is_refused(table, classes, override)
    for value in rng.sample(ODD, len(ODD)) if verb in QUICK and rng.random() < 0.3 else ():  # one that is allowed
        if refused and not unknown and not is_refused(table, classes, f"{key}={value}"):
            override, refused = f"{key}={value}", False
    in_file = verb in verbs and "." not in override.partition("=")[0] and rng.random() < 0.5 and "=" in override[1:]
    target = "recipe.toml" if verb in verbs else {"trace": "p/0#cot#0", "plan": "base.toml"}.get(verb, "run")
    if text:
        line = override.replace("=", " = ", 1) + "\n"
        kept = "".join(each for each in text.splitlines(True) if not each.startswith(override.partition("=")[0] + " "))
        Path(target).write_text((line + kept if in_file else text), "utf-8", errors="surrogatepass")
    command = [verb] if verb in ("doctor", "sandbox") else [verb, target]
    return Case(command + ([] if in_file else ["--set", override]), refused)


def with_stage(rng: random.Random, verbs: dict[str, list[str]]) -> Case:
    """The quickstart with a setting of one of its stages that cannot hold."""
    stage, verb = rng.choice([("data", "synthesize"), ("train", "train"), ("evaluate", "evaluate")])
    classes = settings_classes()[verb]
    table = tomllib.loads(shipped_recipes()[f"quickstart-{stage}"].read_text("utf-8"))
    keys = sorted({key for each in classes for key in each.model_fields})
    while True:
        key = rng.choice(keys)
        override = f"{misspelt(key, rng)}=1" if rng.random() < 0.25 else f"{key}={rng.choice([*ODD, *HUGE])}"
        if is_refused(table, classes, override):
            return Case(["quickstart", "stages", "--set", f"{stage}.{override}"], refused=True)


def with_broken_recipe(rng: random.Random, verbs: dict[str, list[str]]) -> Case:
    """A recipe's file with bytes changed, cut or put in, so that it is no TOML any more."""
    verb = rng.choice(list(verbs))
    data = rng.choice(verbs[verb]).encode()
    changes: list[Callable[[], bytes]] = [
        lambda: data[: rng.randrange(1, len(data))],
        lambda: data + rng.choice([b"\xff", b"\x00", b"a = [", b"a = 'b", b"= 1", b"[[", b"a.b = 1\na = 1", b"]"]),
        lambda: bytes(byte ^ (rng.random() < 0.02) * rng.randrange(1, 256) for byte in data),
        lambda: data.decode().encode(rng.choice(["utf-16", "utf-32", "utf-16-be"])),
        lambda: data + b"\nx = " + b"[" * 5000,
        lambda: data + b"\nx = " + b"9" * 5000,
        lambda: data + data,
    ]
    while True:
        changed = rng.choice(changes)()
        try:
            tomllib.loads(changed.decode("utf-8"))
        except (ValueError, RecursionError):
            Path("recipe.toml").write_bytes(changed)
            return Case([verb, "recipe.toml"], refused=True)


def with_target(rng: random.Random, verbs: dict[str, list[str]]) -> Case:
    """A target, a folder or a limit that makes no sense."""
    verb = rng.choice([*verbs, *ON_A_RUN, "trace", "plan", "show-mask", "list", "settings"])
    kind = rng.random()
    if kind < 0.6 or verb in ("trace", "plan", "show-mask", "list", "settings", "review", "push", "repair"):
        return Case([verb, rng.choice(TARGETS)], refused=False)
    target = "base.toml" if verb in verbs else "run"
    if kind < 0.8:
        return Case([verb, target, "--out", rng.choice(OUTS)], refused=False)
    return Case([verb, target, "--limit", rng.choice(LIMITS), "--out", "out"], refused=verb in ("solve", "evaluate"))


def cases(number: int, seed: int) -> Iterator[Case]:
    """The cases, each made when it is asked for, since it may write recipe.toml."""
    rng, verbs = random.Random(seed), recipe_texts()
    made = 0
    while made < number:
        make = rng.choices([with_setting, with_broken_recipe, with_target, with_stage], [5, 2, 3, 1])[0]
        case = make(rng, verbs)
        takes_long = not case.refused and any(case.arguments[-1].endswith(f"={value}") for value in HUGE)
        if not takes_long and (case.refused or case.arguments[0] in QUICK or make is with_target):
            made += 1
            yield case


def run_here(arguments: list[str]) -> tuple[int, str]:
    """Exit code and output of a command line in this process; 1 and the traceback for what is raised."""
    said = io.StringIO()
    before, sys.argv = sys.argv, ["slipstick", *arguments]
    signal.alarm(SECONDS)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            command_line()
    except SystemExit as ended:
        return int(ended.code or 0), said.getvalue()
    except BaseException:  # whatever reaches the top is what is looked for
        return 1, f"{said.getvalue()[-500:]}\n{traceback.format_exc()}"
    finally:
        signal.alarm(0)
        sys.argv = before
    return 0, said.getvalue()


def run_apart(arguments: list[str]) -> tuple[int, str]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "slipstick", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return 1, "Traceback: no end within a minute"
    except UnicodeEncodeError:  # such a text cannot be an argument of a process
        return 2, ""
    return done.returncode, done.stdout + done.stderr


def too_long(*_: object) -> None:
    """Ends a case that takes too long."""
    raise RuntimeError(f"no end within {SECONDS} s")


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder with its size and time of change."""
    found = {path: path.lstat() for path in sorted(folder.rglob("*")) if path.name not in ("recipe.toml", ".lock")}
    return {str(path): (info.st_size, info.st_mtime_ns) for path, info in found.items() if not path.is_dir()}


def restore(folder: Path, whole: Path) -> None:
    """The folder as it was prepared."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    shutil.copytree(whole, folder, symlinks=True, dirs_exist_ok=True)


def fuzz(number: int, seed: int) -> dict[str, Any]:
    """Runs the cases and counts; prints each that is a fault."""
    found: dict[str, Any] = {"cases": 0, "tracebacks": 0, "started_anyway": 0, "refused": 0, "ran": 0}
    signal.signal(signal.SIGALRM, too_long)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as copy:
        folder, whole = Path(place) / "work", Path(copy) / "whole"
        folder.mkdir()
        with contextlib.chdir(folder):
            prepare(folder)
            shutil.copytree(folder, whole, symlinks=True)
            before = state(folder)
            for case in cases(number, seed):
                found["cases"] += 1
                code, said = (run_here if found["cases"] % SEPARATE else run_apart)(case.arguments)
                changed = state(folder) != before
                found["refused" if code == 2 else "ran"] += 1
                fault = ""
                if code == 1 or "Traceback" in said:
                    fault = "tracebacks"
                elif (case.refused and code != 2) or (code == 2 and changed):
                    fault = "started_anyway"
                if fault:
                    found[fault] += 1
                    print(f"{fault}: {[each[:80] for each in case.arguments]} -> {code}\n{said[-1500:]}", flush=True)
                if changed:
                    restore(folder, whole)
                    before = state(folder)
    return found


def main() -> None:
    """Runs the cases and prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    print(json.dumps(fuzz(asked.cases, asked.seed)))


if __name__ == "__main__":
    main()
