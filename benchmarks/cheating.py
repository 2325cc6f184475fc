"""What can be won by cheating: `python -m benchmarks.cheating [--limit N] [--cheats N] [--seed N] [--cases FILE]`.

Changes the golds of ../shared/data/eval by the operators of `benchmarks.operators`, writes wrong answers by the
strategies of `benchmarks.cheats`, and gives the formulas of questions back as their answers. All of these should be
rejected: prints what is accepted, by operator and strategy, for reading, with 95 % intervals; `--cases` writes every
accepted case as JSON lines. What another parser finds equal in value is no accepted mutation. The last line is a JSON
object; keys that begin with `strict_` are those of the profile that rewards take.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice, zip_longest
from pathlib import Path

from rich.console import Console
from rich.table import Table

import slipstick
from benchmarks import cheats
from benchmarks.mutations import equal_by_chance
from benchmarks.operators import OPERATORS
from slipstick.grade import grade_solutions
from slipstick.metrics.intervals import wilson
from slipstick.schema import Problem, Solution, Text
from slipstick.tabular import read_rows

EVALUATION = Path(__file__).parents[2] / "shared" / "data" / "eval"
PROFILES = ("slipstick", "slipstick-strict")
QUESTIONS = ("math", "college_math")
"""Data sets whose questions are given back."""
RARE = (
    *(
        r"x \equiv 3 \pmod{8}",
        r"5 \pmod{12}",
        r"\lfloor n/2 \rfloor",
        r"\lceil \sqrt{n} \rceil",
        "n!+1",
        r"\frac{n!}{2}",
    ),
    *(r"a_{1}+a_{2}", r"\frac{x_1}{x_2}", r"\min(n, 50)", r"\max(a, b)+1", "3:45 p.m.", "8:05 am", "f(2)=7", "f(1)=3"),
    *(r"|x-2|+1", r"45 \text{ cm}^2", r"9\pi \text{ m}^3", r"4\sqrt{2} \text{ cm}", "3x=k(x+1)", "1101_2", "77_{8}"),
)
"""Golds of kinds of which the data sets have few."""
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$]+)\$|\\\[(.+?)\\\]|\\\((.+?)\\\)", re.DOTALL)
VALUE = re.compile(
    r"\\d?frac(?:\{\d+\}\{\d+\}|\d\d)|\d+/\d+|\^\{?\\circ\}?|\^\{?\\(?:text|mathrm)\{\w+\}\}?|^-|\\(?:left|right)\b"
    r"|^[a-zA-Z](?:_\{?\w+\}?)? ?(?:\([^()]*\))? ?= ?-?(?=[\d.]+$)"
)
"""What is part of a value although it looks like an operation."""
OPERATION = re.compile(r"[-+*/^=<>!|]|\\(?!text|mathrm|mathbf|pi\b|[,;!$%{}])")
"""What makes a formula more than a value: something is left to do."""


@dataclass(frozen=True)
class Case:
    """A wrong answer, by what it was made, and which profiles accepted it."""

    test: str
    """mutation, cheat or question."""
    by: str
    """The operator or strategy; of a question its data set."""
    answer: str
    """What is compared, or a whole output."""
    expected: str
    """The gold."""
    mode: str
    """answer or output."""
    accepted: tuple[str, ...] = ()
    """The profiles that accepted it."""


def problems_by_set() -> dict[str, list[Problem]]:
    """The problems with a gold by data set, in a fixed order."""
    return {
        path.stem: [
            Problem(id=row.values["id"], text=row.values["question"], answer=row.values["answer"].strip())
            for row in read_rows(path)
            if row.values["answer"].strip()
        ]
        for path in sorted(EVALUATION.glob("*.jsonl"))
    }


def mutations(golds: list[str], limit: int, chance: random.Random) -> list[Case]:
    """Changed golds, of every operator in turn until there are enough of them; at most two ways for a gold."""
    by_operator = []
    for name, operator in OPERATORS.items():
        cases = []
        for gold in golds:
            ways = [changed for changed in operator(gold) if changed != gold]
            cases += [
                Case("mutation", name, changed, gold, "answer") for changed in chance.sample(ways, min(2, len(ways)))
            ]
        by_operator.append(cases)
    turns = chain.from_iterable(zip_longest(*by_operator))
    return [case for case in turns if case is not None][:limit]


def cheating(golds: list[str], limit: int, chance: random.Random) -> list[Case]:
    """Wrong answers by every template of every strategy, then again with other golds up to the limit."""
    return [
        Case("cheat", name, text, gold, "output" if name.startswith("said: ") else "answer")
        for name, text, gold in islice(cheats.write(golds, limit, chance), limit)
    ]


def questions_back(problems: list[Problem], name: str) -> Iterator[tuple[Case, Problem]]:
    """Every formula of a question that has an operation to do and is not the gold's text, as the answer."""
    place = 0
    for problem in problems:
        gold = "".join(str(problem.answer).split())
        for parts in dict.fromkeys(FORMULA.findall(problem.text)):
            formula = "".join(parts).strip().rstrip(".,;")
            if OPERATION.search(VALUE.sub("", formula)) and "".join(formula.split()) not in gold:
                place += 1
                yield (
                    Case("question", name, formula, str(problem.answer), "output"),
                    problem.model_copy(update={"id": f"{problem.id}#{place}"}),
                )


def judged(cases: list[Case], problems: list[Problem] | None = None) -> list[Case]:
    """The cases with the profiles that accept them; answers are compared as they are and in a box of an output."""
    problems = problems or [Problem(id=str(place), text="", answer=case.expected) for place, case in enumerate(cases)]
    accepted: list[set[str]] = [set() for _ in cases]
    bare = [place for place, case in enumerate(cases) if case.mode == "answer"]
    said = [place for place, case in enumerate(cases) if case.mode == "output" or case.test == "cheat"]
    for profile in PROFILES:
        pairs: list[tuple[str, str | list[str]]] = [(cases[place].answer, cases[place].expected) for place in bare]
        for place, verdict in zip(bare, slipstick.compare_many(pairs, profile=profile), strict=True):
            accepted[place] |= {profile} if verdict.outcome == "correct" else set()
        solutions = [_solution(cases[place], problems[place]) for place in said]
        graded = grade_solutions(solutions, problems, profile=profile)
        for place, solution in zip(said, graded, strict=True):
            right = solution.verdict is not None and solution.verdict.outcome == "correct"
            accepted[place] |= {profile} if right else set()
    return [
        replace(case, accepted=tuple(sorted(by - {PROFILES[0]} if case.by.startswith("strict: ") else by)))
        for case, by in zip(cases, accepted, strict=True)
    ]


def _solution(case: Case, problem: Problem) -> Solution:
    boxed = case.mode == "answer" or case.test == "question"
    text = rf"The answer is \boxed{{{case.answer}}}." if boxed else case.answer
    return Solution(id=problem.id, problem_id=problem.id, format="cot", blocks=[Text(text=text)])


def really_wrong(cases: list[Case]) -> list[Case]:
    """The cases without the accepted ones that are equal by chance; a cheat that repeats the gold remains one."""
    return [
        case
        for case in cases
        if not case.accepted
        or (case.test == "cheat" and case.expected in case.answer)
        or not equal_by_chance(case.answer, case.expected)
    ]


def give_back(name: str, problems: list[Problem]) -> tuple[list[Case], dict[str, float]]:
    """The judged formulas of a data set's questions, and the percent of its problems that they solve by profile."""
    pairs = list(questions_back(problems, name))
    cases = judged([case for case, _ in pairs], [problem for _, problem in pairs])
    percents = {}
    for profile in PROFILES:
        won = {
            problem.id.rpartition("#")[0]
            for case, (_, problem) in zip(cases, pairs, strict=True)
            if profile in case.accepted
        }
        percents[profile] = round(100 * len(won) / len(problems), 3)
    return cases, percents


def summary(cases: list[Case], console: Console, *, show: int) -> dict[str, float]:
    """Counts by operator and strategy on the console, with up to `show` cases of each; the figures of one test."""
    table = Table("by", "n", *PROFILES, "95 % interval of the first")
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        groups[case.by].append(case)
    for name, group in groups.items():
        won = [sum(profile in case.accepted for case in group) for profile in PROFILES]
        low, high = wilson(won[0], len(group))
        table.add_row(name, str(len(group)), *map(str, won), f"{100 * low:.2f} to {100 * high:.2f} %")
    console.print(table)
    for name, group in groups.items():
        for case in [case for case in group if case.accepted][:show]:
            by = "both" if len(case.accepted) == len(PROFILES) else case.accepted[0]
            console.print(f"{name} [{by}]: {case.answer!r} for {case.expected!r}", markup=False, highlight=False)
    counts = {profile: sum(profile in case.accepted for case in cases) for profile in PROFILES}
    low, high = wilson(counts[PROFILES[0]], len(cases))
    return {"n": len(cases), "accepted": counts[PROFILES[0]], "strict_accepted": counts[PROFILES[1]],
            "low": round(100 * low, 3), "high": round(100 * high, 3)}  # fmt: skip


def main() -> None:
    """Judges all three kinds of cases, prints what is accepted and one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, default=30_000, help="changed golds")
    parser.add_argument("--cheats", type=int, default=2_000, help="cheating answers")
    parser.add_argument("--questions", type=int, default=5_000, help="questions of each data set that are given back")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=5, help="accepted cases that are printed of each operator")
    parser.add_argument("--cases", type=Path, help="file for all accepted cases")
    wanted = parser.parse_args()
    if not EVALUATION.is_dir():
        raise SystemExit(f"benchmarks.cheating needs the golds in {EVALUATION}, which is absent")
    console, began, chance = Console(stderr=True), time.monotonic(), random.Random(wanted.seed)
    sets = problems_by_set()
    known = (str(problem.answer) for problems in sets.values() for problem in problems)
    golds = list(dict.fromkeys([*RARE, *known]))
    chance.shuffle(golds)
    changed = really_wrong(judged(mutations(golds, wanted.limit, chance)))
    tried = really_wrong(judged(cheating(golds, wanted.cheats, chance)))
    figures = {"mutations": summary(changed, console, show=wanted.show)}
    figures["cheats"] = summary(tried, console, show=wanted.show)
    backs, percents = {}, {}
    for name in QUESTIONS:
        backs[name], percents[name] = give_back(name, sets[name][: wanted.questions])
        figures[f"questions of {name}"] = summary(backs[name], console, show=wanted.show)
    if wanted.cases:
        cases = [case for case in chain(changed, tried, *backs.values()) if case.accepted]
        wanted.cases.write_text("".join(json.dumps(asdict(case), ensure_ascii=False) + "\n" for case in cases), "utf-8")
    print(
        json.dumps(
            {
                "mutations": figures["mutations"]["n"],
                "mutations_accepted_wrong": figures["mutations"]["accepted"],
                "cheats": figures["cheats"]["n"],
                "cheats_accepted": figures["cheats"]["accepted"],
                "question_back_accepted": max(percent[PROFILES[0]] for percent in percents.values()),
                "strict_mutations_accepted_wrong": figures["mutations"]["strict_accepted"],
                "strict_cheats_accepted": figures["cheats"]["strict_accepted"],
                "strict_question_back_accepted": max(percent[PROFILES[1]] for percent in percents.values()),
                "question_back": percents,
                "operators": len(OPERATORS),
                "strategies": len(cheats.strategies()),
                "figures": figures,
                "minutes": round((time.monotonic() - began) / 60, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
