"""The papers on a real pretrained model, on two CPU cores: `python -m benchmarks.laptop [--part NAME ...]`.

The parts and their commands are in benchmarks/laptop.toml. They run in one folder (`--out`), finished runs are not run
again and interrupted ones are resumed, so the same command goes on after a kill. `--set RUN.KEY=VALUE` changes one
command, by the name of its run's folder. The last line is one JSON object: accuracies in percent over the seeds' mean
with every run's intervals and counts in `runs`, McNemar's exact two-sided p over the sets together (the largest of the
seeds), and what `speed` measured (benchmarks/laptop_training.py, benchmarks/laptop_generation.py).
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

from slipstick.metrics.groups import group_problems
from slipstick.metrics.paired import PairedComparison, accuracy_by_problem, compare_paired
from slipstick.store import RunFolder, is_run

PARTS: dict[str, dict[str, list[str]]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
SPEED = {"train": "benchmarks.laptop_training", "generate": "benchmarks.laptop_generation"}
SHARED = Path("../shared/data")


def commands(part: str, options: argparse.Namespace) -> Iterator[list[str]]:
    """The command lines of a part, as words."""
    for line in PARTS[part]["commands"]:
        if "CORRECTIONS" in line and not options.corrections:
            raise SystemExit(f"{part} needs --corrections FILE, corrected labels as docs/audit.md has them")
        for seed in options.seeds if "SEED" in line else [0]:
            yield shlex.split(line.replace("CORRECTIONS", str(options.corrections)).replace("SEED", str(seed)))


def name_of(words: list[str]) -> str:
    """The folder of a command's run below runs/."""
    return Path(words[words.index("--out") + 1] if "--out" in words else words[1]).name


def run(words: list[str], options: argparse.Namespace) -> dict[str, float]:
    """Runs a command, or goes on with it; the minutes it took, kept in minutes.json."""
    name = name_of(words)
    folder, kept = options.out / "runs" / name, options.out / "minutes.json"
    minutes: dict[str, float] = json.loads(kept.read_text()) if kept.exists() else {}
    if is_run(folder) and RunFolder(folder).run().status == "finished":
        return minutes
    changes = [each.partition(".")[2] for each in options.set if each.partition(".")[0] == name]
    told = [word for change in changes for word in ("--set", change)]
    print(f"slipstick {shlex.join([*words, *told])}", file=sys.stderr, flush=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "slipstick", *words, *told, "--resume"]
    subprocess.run(command, check=True, cwd=options.out, stdout=sys.stderr)
    minutes[name] = round(minutes.get(name, 0.0) + (time.monotonic() - began) / 60, 1)
    kept.write_text(json.dumps(minutes, indent=1))
    return minutes


def rows(folder: RunFolder) -> dict[str, dict[str, Any]]:
    """Accuracies of a run by "format" and "format, set", in percent with the ends of the interval and the count."""
    return {
        ", ".join(part for part in (m.format, m.group) if part): {
            "percent": round(100 * m.value, 1),
            "interval": [round(100 * m.low, 1), round(100 * m.high, 1)],
            "n": m.n,
        }
        for m in folder.metrics()
        if m.measure == "accuracy" and m.group_by in (None, "", "set", "split", "average")
    }


def solved(folder: RunFolder, format: str, problems: str = "") -> dict[str, float]:
    """Problem -> 1 if it is solved in a format; problems: the set, if not all."""
    every = list(folder.problems())
    kept = set(group_problems(every).sets[problems] if problems else [problem.id for problem in every])
    return accuracy_by_problem(s for s in folder.solutions() if s.format == format and s.problem_id in kept)


def against(first: dict[str, float], second: dict[str, float]) -> dict[str, Any]:
    """The paired test of two ways on the problems they share."""
    common = {name: value for name, value in first.items() if name in second}
    found: PairedComparison = compare_paired(common, second)
    return {
        "difference": round(100 * found.difference, 1),
        "interval": [round(100 * found.low, 1), round(100 * found.high, 1)],
        "p": found.p,
        "n": found.n,
    }


def finished(out: Path) -> dict[str, RunFolder]:
    """The finished evaluations, by name."""
    found = {path.name: RunFolder(path) for path in sorted((out / "runs").iterdir()) if is_run(path)}
    return {name: run for name, run in found.items() if run.run().status == "finished" and run.run().verb == "evaluate"}


def findings(runs: dict[str, RunFolder], seeds: list[int]) -> dict[str, Any]:
    """The figures that the finished runs give."""
    found: dict[str, Any] = {}
    named = {name: rows(run) for name, run in runs.items()}
    headline = [f"evaluate-{seed}" for seed in seeds if f"evaluate-{seed}" in runs]
    if headline:
        for data in ("gsm8k", "svamp", "asdiv"):
            found[f"{data}_pot"] = round(mean(named[name][f"pot, {data}"]["percent"] for name in headline), 1)
        for format in ("cot", "hybrid"):
            found[format] = round(mean(named[name][format]["percent"] for name in headline), 1)
        for other in ("pot", "cot"):
            tests = [against(solved(runs[n], other), solved(runs[n], "hybrid")) for n in headline]
            found[f"hybrid_vs_{other}"] = tests
            found[f"p_hybrid_vs_{other}"] = max(t["p"] if t["difference"] > 0 else 1.0 for t in tests)
        found["pot_vs_cot"] = [against(solved(runs[n], "cot"), solved(runs[n], "pot")) for n in headline]
    if "evaluate-tir" in runs:
        found["tir"] = named["evaluate-tir"]["tir"]["percent"]
    bases = [(row["percent"], name, key) for name in ("base", "base-8") for key, row in named.get(name, {}).items()]
    if best := max((each for each in bases if each[2].endswith(", gsm8k")), default=None):
        found["base_best"], way = best[0], solved(runs[best[1]], best[2].partition(",")[0], "gsm8k")
        found["gsm8k_pot_vs_base_best"] = [against(way, solved(runs[n], "pot", "gsm8k")) for n in headline]
    return found | {"runs": named}


def speed(options: argparse.Namespace) -> dict[str, Any]:
    """What training and generation reach beside their peers, each a benchmark of its own."""
    found: dict[str, Any] = {}
    for module in SPEED.values():
        said = subprocess.run([sys.executable, "-m", module], check=True, stdout=subprocess.PIPE, text=True)
        found |= json.loads(said.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Runs the parts and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=[*PARTS, "speed"], default=["headline", "base", "speed"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/laptop"))
    parser.add_argument("--corrections", type=Path)
    parser.add_argument("--set", nargs="*", default=[], metavar="RUN.KEY=VALUE")
    options = parser.parse_args()
    if SHARED.is_dir():
        os.environ.setdefault("SLIPSTICK_PROBLEMS_DIR", str(SHARED.resolve()))
    options.out.mkdir(parents=True, exist_ok=True)
    minutes: dict[str, float] = {}
    for part in [part for part in options.part if part != "speed"]:
        for words in commands(part, options):
            minutes = run(words, options)
    one = ["laptop-corpus", "laptop-data", f"train-{options.seeds[0]}", f"evaluate-{options.seeds[0]}"]
    found = {"minutes": round(sum(minutes.get(name, 0.0) for name in one), 1), "minutes_by_run": minutes}
    found |= findings(finished(options.out), options.seeds)
    print(json.dumps(found | (speed(options) if "speed" in options.part else {})))


if __name__ == "__main__":
    main()
