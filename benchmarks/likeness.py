"""Scripts and notebook cells run by Python itself and by ours: `python -m benchmarks.likeness [scripts|cells] [WORDS]`.

Every script of tests/cases/scripts.txt is run by `python main.py` in an empty folder and by `POST /run_code` of a
`slipstick sandbox`; standard output, standard error (paths and times aside) and the exit code must be the same. Those
without standard input also go through `Sandbox.run_many` as programs of thoughts, whose text must begin with what
Python prints. For cells see likeness_cells.py. WORDS: only what is named so, with both sides of each difference.
The last line is a JSON object: scripts, scripts_equal, programs, programs_equal, cells, cells_equal, differences.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import likeness_cells
from slipstick.interpreters.host.sandbox import Sandbox
from slipstick.schema import Output

SCRIPTS = Path(__file__).parents[1] / "tests" / "cases" / "scripts.txt"
SCRATCH_MB = 16
OUTPUT_KB = 2000
SECONDS = 20.0
_TOLD_APART = (  # what may differ: paths, addresses, and the time that tests took
    (re.compile(r"(?:/[^/\s\"':]+)+/([^/\s\"':]+)"), r"\1"),
    (re.compile(r"0x[0-9a-f]{6,}"), "0x"),
    (re.compile(r"in \d+\.\d+s"), "in 0s"),
)


@dataclass(frozen=True)
class Script:
    """A script and its standard input."""

    name: str
    code: str
    stdin: str = ""


@dataclass(frozen=True)
class Ended:
    """How a script ended."""

    stdout: str
    stderr: str
    code: int | None
    files: bool = False
    """Whether it left files in its folder."""

    def differs(self, other: Ended) -> list[str]:
        """The parts that differ."""
        pairs = {
            "stdout": (_plain(self.stdout), _plain(other.stdout)),
            "stderr": (_plain(self.stderr), _plain(other.stderr)),
            "exit code": (self.code, other.code),
        }
        return [part for part, (mine, its) in pairs.items() if mine != its]


def _plain(text: str) -> str:
    for pattern, instead in _TOLD_APART:
        text = pattern.sub(instead, text)
    return text


def read_scripts(path: Path = SCRIPTS) -> list[Script]:
    """The scripts of a file whose first lines say how it is laid out."""
    scripts = []
    for part in re.split(r"^=== ", path.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        name, _, body = part.partition("\n")
        code, mark, stdin = body.partition("--- stdin")
        how, _, stdin = stdin.partition("\n")
        if how == " literal":
            stdin = str(ast.literal_eval(stdin))
        elif mark and how:
            stdin *= int(how.removeprefix(" repeated "))
        scripts.append(Script(name, code.replace("\n", "\r\n") if name.endswith("(CRLF)") else code, stdin))
    return scripts


def by_python(script: Script) -> Ended:
    """How `python main.py` ends in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        path, work = Path(folder, "main.py"), Path(folder, "work")
        path.write_bytes(script.code.encode())
        work.mkdir()
        ended = subprocess.run(
            [sys.executable, str(path)],
            input=script.stdin.encode(),
            capture_output=True,
            cwd=work,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": folder},
            timeout=SECONDS,
            check=False,
        )
        out, err = (raw.decode("utf-8", "replace") for raw in (ended.stdout, ended.stderr))
        return Ended(out, err, ended.returncode, files=any(work.iterdir()))


@contextmanager
def service() -> Iterator[str]:
    """The address of a `slipstick sandbox` that runs meanwhile."""
    settings = ("port=0", f"scratch_mb={SCRATCH_MB}", f"output_kb={OUTPUT_KB}", f"timeout={SECONDS}")
    command = [str(Path(sys.executable).with_name("slipstick")), "sandbox"]
    with subprocess.Popen(
        [*command, *(x for s in settings for x in ("--set", s))], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        found = re.search(r"http://\S+:\d+", process.stdout.readline())
        try:
            if found is None:
                raise SystemExit("the service did not say where it serves")
            yield found[0]
        finally:
            process.terminate()


def by_service(url: str, script: Script) -> Ended:
    """How the script ends by `POST /run_code`."""
    body = {"code": script.code, "language": "python", "stdin": script.stdin, "run_timeout": SECONDS}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/run_code", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=4 * SECONDS) as response:
        answer = json.load(response)
    result = answer["run_result"] or {"stdout": "", "stderr": answer["message"], "return_code": None}
    return Ended(result["stdout"], result["stderr"], result["return_code"])


def _show(script: Script, its: Ended, mine: Ended | Output) -> None:
    print(script.name, *(f"  {who}: {str(end)[:2000]}" for who, end in (("Python", its), ("ours", mine))), sep="\n")


def program_differs(script: Script, python: Ended, output: Output) -> list[str]:
    """What of a program of thoughts is not as Python has it; its text shows the value of the last expression too."""
    last = ast.parse(script.code).body[-1:] if python.code == 0 else []
    text, expected = output.text, python.stdout.rstrip()
    if python.code == 0 and not python.stderr:
        same = text.startswith(expected) if last and isinstance(last[0], ast.Expr) else text == expected
        return ([] if same else ["text"]) + ([] if output.status == "ok" else ["status"])
    return []


def scripts(words: str = "") -> tuple[dict[str, int], list[str]]:
    """Counts, and the differences by name."""
    chosen = [script for script in read_scripts() if words in script.name]
    with ThreadPoolExecutor(2) as pool:
        expected = list(pool.map(by_python, chosen))
        with service() as url:
            ours = list(pool.map(lambda script: by_service(url, script), chosen))
    differences = []
    for script, its, mine in zip(chosen, expected, ours, strict=True):
        if parts := its.differs(mine):
            differences.append(f"{script.name}: {', '.join(parts)}")
            if words:
                _show(script, its, mine)
    counts = {"scripts": len(chosen), "scripts_equal": len(chosen) - len(differences)}
    count, different = programs(chosen, expected, show=bool(words))
    return counts | {"programs": count, "programs_equal": count - len(different)}, differences + different


def programs(chosen: list[Script], expected: list[Ended], *, show: bool) -> tuple[int, list[str]]:
    """How many scripts are programs of thoughts, and which of these differ; those that write files get a folder."""
    kinds: dict[int, list[tuple[Script, Ended]]] = {0: [], SCRATCH_MB: []}
    for script, its in zip(chosen, expected, strict=True):
        if not script.stdin:
            kinds[SCRATCH_MB if its.files or "tempfile" in script.code else 0].append((script, its))
    different = []
    for scratch_mb, members in kinds.items():
        with Sandbox(timeout=SECONDS, scratch_mb=scratch_mb, output_kb=OUTPUT_KB) as sandbox:
            outputs = sandbox.run_many([script.code for script, _ in members])
        for (script, its), output in zip(members, outputs, strict=True):
            if parts := program_differs(script, its, output):
                different.append(f"program {script.name}: {', '.join(parts)}")
                if show:
                    _show(script, its, output)
    return sum(map(len, kinds.values())), different


def main() -> None:
    """Runs both parts, or the one that is named."""
    part, words = [*sys.argv[1:], "", ""][:2]
    counts, differences = scripts(words) if part in ("", "scripts") else ({}, [])
    if part in ("", "cells"):
        count, equal, different = likeness_cells.compare()
        counts |= {"cells": count, "cells_equal": equal}
        differences += [f"cell {each}" for each in different]
    print(*differences, sep="\n")
    print(json.dumps({**counts, "differences": differences}))


if __name__ == "__main__":
    main()
