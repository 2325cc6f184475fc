"""Share of recorded notebook outputs that ours equal: `python -m benchmarks.fidelity [--sessions N]`.

Runs the code of the MathCoder sessions in ../shared step by step in the interpreter `local` and compares every output
with the recorded one: `exact` is the percentage that is the same (terminal colours stripped, trimmed;
`<empty_execution>` is no output), `last_line` also counts errors with the same last line. The rest is counted by class.
`--differences FILE` writes every step that differs as one JSON line. The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from slipstick.interpreters import Limits
from slipstick.interpreters.host.local import LocalInterpreter, open_interpreter

TRAJECTORIES = Path(__file__).parents[2] / "shared" / "data" / "trajectories"
WORKERS = 2
SECONDS = 10.0
EMPTY = "<empty_execution>"
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ERROR = re.compile(r"(?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt|Iteration|Exit)\b.*")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")
Step = tuple[str, str]
"""Code and the output recorded for it."""


def read_sessions(count: int) -> list[list[Step]]:
    """A sample of the recorded sessions, the same each time."""
    sessions = [session for path in sorted(TRAJECTORIES.glob("MathCoder-*.jsonl.gz")) for session in _sessions(path)]
    return random.Random(0).sample(sessions, min(count, len(sessions)))


def _sessions(path: Path) -> Iterator[list[Step]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            blocks = json.loads(line)["blocks"]
            steps = [
                (one["content"], two["content"])
                for one, two in pairwise(blocks)
                if (one["type"], two["type"]) == ("code", "output")
            ]
            if steps:
                yield steps


async def run_sessions(sessions: list[list[Step]]) -> list[dict[str, str]]:
    """Every step with the recorded output, ours, and the class of the difference."""
    interpreter = open_interpreter("", Limits(timeout=SECONDS), workers=WORKERS)
    rows: list[dict[str, str]] = []
    waiting = iter(sessions)

    async def work() -> None:
        for steps in waiting:
            rows.extend(await _run_session(interpreter, steps))

    try:
        await asyncio.gather(*(work() for _ in range(WORKERS)))
    finally:
        await interpreter.close()
    return rows


async def _run_session(interpreter: LocalInterpreter, steps: list[Step]) -> list[dict[str, str]]:
    session = interpreter.session()
    rows = []
    for code, recorded in steps:
        output = await session.run(code)
        found = classify(recorded, output.text, output.status)
        rows.append({"class": found, "code": code, "recorded": recorded, "ours": output.text})
    await session.close()
    return rows


def classify(recorded: str, ours: str, status: str) -> str:
    """ "exact", "error with the same last line", or how the two differ."""
    left, right = (_ANSI.sub("", text).replace("\r\n", "\n").strip() for text in (recorded, ours))
    if left == (right or EMPTY) or left == right:
        return "exact"
    last = [text.rpartition("\n")[2].strip() for text in (left, right)]
    errors = [bool(_ERROR.fullmatch(line)) for line in last]
    if all(errors) and (last[0] == last[1] or all(line.startswith("TimeoutError") for line in last)):
        return "error with the same last line"
    if status in ("timeout", "memory", "killed", "sandbox_fault"):
        return f"ended as {status}"
    if all(errors):
        return "another message" if last[0].split(":")[0] == last[1].split(":")[0] else "another error"
    if any(errors):
        return "error recorded, none here" if errors[0] else "error here, none recorded"
    if "".join(left.split()) == "".join(right.split()):
        return "white space"
    if _NUMBER.sub("0", left) == _NUMBER.sub("0", right):
        return "digits"
    if sorted(left) == sorted(right):
        return "order"
    return "other text"


def main() -> None:
    """Prints the table of classes and the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1500, help="how many sessions to run")
    parser.add_argument("--differences", type=Path, help="where to write the steps that differ")
    arguments = parser.parse_args()
    if not TRAJECTORIES.exists():
        raise SystemExit(f"{TRAJECTORIES} does not exist: the recorded sessions are not part of the project")
    rows = asyncio.run(run_sessions(read_sessions(arguments.sessions)))
    print(json.dumps(summarise(rows)))
    if arguments.differences:
        lines = (json.dumps(row) for row in rows if row["class"] != "exact")
        arguments.differences.write_text("\n".join(lines) + "\n", "utf-8")


def summarise(rows: list[dict[str, str]]) -> dict[str, Any]:
    """Steps, both percentages, and how often each class of difference occurs."""
    counts = Counter(row["class"] for row in rows)
    exact = counts.pop("exact", 0)
    last_line = exact + counts.get("error with the same last line", 0)
    steps = max(len(rows), 1)
    shares = {"exact": round(100 * exact / steps, 2), "last_line": round(100 * last_line / steps, 2)}
    return {"steps": len(rows), **shares, "differences": dict(counts.most_common())}


if __name__ == "__main__":
    main()
