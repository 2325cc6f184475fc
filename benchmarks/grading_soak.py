"""Whether the grader loses, confuses or leaks anything: `python -m benchmarks.grading_soak [--pairs N] [--workers N]`.

Generates pairs whose truth is known (numbers, fractions, percent, units, choices, tuples, sets, equations, LaTeX) from
a seed, one in 10,000 hostile, sends them through `compare_stream`, and prints one JSON object. `wrong` counts verdicts
that are neither the truth nor `undecided`; `lost` those that never came. Memory is this process's own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from slipstick.equivalence import compare_stream
from slipstick.equivalence.pool.pool import shared_pool
from slipstick.progress import progress

Pair = tuple[str, str, bool]
"""Answer, gold, and whether they mean the same."""
HOSTILE_EVERY = 10_000


def _number(chooser: random.Random, same: bool) -> Pair:
    value = chooser.randint(-(10**6), 10**6)
    other = value if same else value + chooser.randint(1, 99)
    return chooser.choice(("{:,}", "{}.0", "${}$", "**{}**", r"\boxed{{{}}}")).format(other), str(value), same


def _fraction(chooser: random.Random, same: bool) -> Pair:
    above, below = chooser.randint(1, 999), chooser.randint(2, 99)
    factor = chooser.randint(2, 9)
    return rf"\frac{{{above * factor + (not same)}}}{{{below * factor}}}", rf"\dfrac{{{above}}}{{{below}}}", same


def _decimal(chooser: random.Random, same: bool) -> Pair:
    above, power = chooser.randint(1, 9999), chooser.randint(1, 3)
    return f"{above / 10**power:.{power}f}", f"{above + (0 if same else 1)}/{10**power}", same


def _percent(chooser: random.Random, same: bool) -> Pair:
    value = chooser.randint(1, 400)
    return rf"{value}\%", f"{value if same else value + 1}/100", same


def _unit(chooser: random.Random, same: bool) -> Pair:
    value = chooser.randint(1, 5000)
    unit, other = chooser.sample(("cm", "kg", "seconds", "apples", r"\text{ m}"), 2)
    return f"{value} {unit}", f"{value} {unit}" if same else f"{value} {other}", same


def _choice(chooser: random.Random, same: bool) -> Pair:
    letter, other = chooser.sample("ABCDE", 2)
    return chooser.choice(("({})", "{}.", r"\text{{{}}}", "option {}")).format(letter if same else other), letter, same


def _tuple(chooser: random.Random, same: bool) -> Pair:
    values = chooser.sample(range(-99, 99), 3)
    return f"({', '.join(map(str, values if same else values[::-1]))})", "({},{},{})".format(*values), same


def _set(chooser: random.Random, same: bool) -> Pair:
    values = chooser.sample(range(-99, 99), 4)
    shuffled = chooser.sample(values, 4)
    shuffled[0] += 0 if same else 200
    return ", ".join(map(str, shuffled)), rf"\{{{', '.join(map(str, values))}\}}", same


def _root(chooser: random.Random, same: bool) -> Pair:
    factor, under = chooser.randint(2, 12), chooser.choice((2, 3, 5, 6, 7))
    return rf"\sqrt{{{factor**2 * under + (not same)}}}", rf"{factor}\sqrt{{{under}}}", same


def _label(chooser: random.Random, same: bool) -> Pair:
    value = chooser.randint(-999, 999)
    return f"x = {value if same else value + 1}", chooser.choice((f"{value}", f"x={value}")), same


def _polynomial(chooser: random.Random, same: bool) -> Pair:
    a, b = chooser.randint(1, 9), chooser.randint(1, 9)
    return f"(x+{a})(x+{b})", f"x^2+{a + b + (not same)}x+{a * b}", same


def _line(chooser: random.Random, same: bool) -> Pair:
    slope, height = chooser.randint(2, 9), chooser.randint(1, 9)
    return f"{2 * slope}x - 2y + {2 * height + 2 * (not same)} = 0", f"y = {slope}x + {height}", same


def _words(chooser: random.Random, same: bool) -> Pair:
    one, other = chooser.sample(("Monday", "red", "north", "the square", "Evelyn"), 2)
    return one.upper() if same else other, one, same


# How often each kind comes, roughly as in answers to competition and school problems.
KINDS: dict[Callable[[random.Random, bool], Pair], int] = {
    _number: 40, _fraction: 12, _decimal: 8, _percent: 4, _unit: 6, _choice: 8, _tuple: 4, _set: 4, _root: 4, _label: 4,
    _polynomial: 2, _line: 1, _words: 3,
}  # fmt: skip
HOSTILE: tuple[Callable[[random.Random], str], ...] = (
    lambda chooser: f"{chooser.randint(2, 9)}^{{{chooser.randint(2, 9)}^{{{chooser.randint(9, 99)}^9}}}}",
    lambda chooser: f"({chooser.randint(10**6, 10**9)})!",
    lambda chooser: "((((" * chooser.randint(10, 4000) + "x",
    lambda chooser: r"\sqrt{" * 400 + "2" + "}" * chooser.randint(0, 400),
    lambda chooser: "".join(chooser.choices(r"\{}()[]^_$%,.+-*/=<>| abcxyz0123456789", k=20_000)),
    lambda chooser: chooser.choice(("answer ", "1,", "x=", "a ", r"\text{", "1 1")) * 3_000,
    lambda chooser: "9" * chooser.randint(10**5, 10**6),
    lambda chooser: r"\sum_{k=1}^{10^{12}} \frac{1}{k^" + str(chooser.randint(2, 9)) + "}",
    lambda chooser: r"\int_0^1 x^{x^{x}} \sin(x^{" + str(chooser.randint(2, 99)) + r"}) dx",
    lambda chooser: f"(x+y+z+1)^{{{chooser.randint(400, 900)}}} - (x-y-z-1)^{{{chooser.randint(400, 900)}}}",
    lambda chooser: "__import__('os').system('sleep 60')",
    lambda chooser: "\x00\ud800\u202e" * chooser.randint(1, 5000),
)


def pairs(count: int, seed: int) -> Iterator[Pair]:
    """Pairs with their truth; every ten-thousandth has a hostile answer, which is never correct."""
    chooser = random.Random(seed)
    kinds = chooser.choices(list(KINDS), weights=list(KINDS.values()), k=10_000)
    for place in range(count):
        if place % HOSTILE_EVERY == HOSTILE_EVERY // 2:
            yield (
                HOSTILE[place // HOSTILE_EVERY % len(HOSTILE)](chooser),
                chooser.choice(("7", "x^2+1", "(1,2)")),
                False,
            )
        else:
            yield kinds[chooser.randrange(10_000)](chooser, chooser.random() < 0.5)


def main() -> None:
    """Runs the pairs through the grader and prints what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    truths: deque[tuple[int, str, str, bool]] = deque()

    def rows() -> Iterator[tuple[str, str, None]]:
        for place, (answer, gold, truth) in enumerate(pairs(arguments.pairs, arguments.seed)):
            truths.append((place, answer[:80], gold, truth))
            yield answer, gold, None

    files = len(list(Path("/proc/self/fd").iterdir()))
    counts: Counter[str] = Counter()
    wrong: list[tuple[str, str, str]] = []
    memory = []
    began = time.monotonic()
    with progress("grading", arguments.pairs, "pairs", console=Console(stderr=True)) as advance:
        for verdict in compare_stream(rows(), workers=arguments.workers):
            place, answer, gold, truth = truths.popleft()
            right = verdict.outcome == ("correct" if truth else "incorrect") and verdict.expected == gold
            judged = "undecided" if verdict.outcome == "undecided" else "right" if right else "wrong"
            counts[judged] += 1
            if judged == "wrong" and len(wrong) < 20:
                wrong.append((answer, gold, verdict.reason))
            if place % HOSTILE_EVERY == HOSTILE_EVERY // 2:
                counts["hostile"] += 1
                counts["hostile_undecided"] += judged == "undecided"
            if (place + 1) % max(1, arguments.pairs // 10) == 0:
                memory.append(_resident_mb())
            if place % 1000 == 0:
                advance(place)
        advance(arguments.pairs)
    seconds = time.monotonic() - began
    shared_pool().close()
    figures = {
        "pairs": arguments.pairs,
        "right": counts["right"],
        "wrong": counts["wrong"],
        "undecided": counts["undecided"],
        "lost": arguments.pairs - sum(counts[judged] for judged in ("right", "wrong", "undecided")) + len(truths),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(sum(os.times()[:4]), 1),
        "pairs_per_second": round(arguments.pairs / seconds),
        "rss_start_mb": memory[0],
        "rss_end_mb": memory[-1],
        "hostile": counts["hostile"],
        "hostile_undecided": counts["hostile_undecided"],
        "processes_left": len(_children()),
        "files_left": len(list(Path("/proc/self/fd").iterdir())) - files,
        "workers": arguments.workers,
        "examples_of_wrong": wrong,
    }
    print(json.dumps(figures))


def _resident_mb() -> float:
    return round(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def _children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


if __name__ == "__main__":
    main()
