"""Compares two runs: the paired test per format and set, the problems that flipped, and what it means in words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import Field

from slipstick.equivalence import compare
from slipstick.errors import InputError
from slipstick.grade import grade_solutions
from slipstick.metrics.estimators import share_correct
from slipstick.metrics.groups import group_problems
from slipstick.metrics.labels import order_formats
from slipstick.metrics.measures import Samples, by_problem, first_samples, gradable, over_k_samples
from slipstick.metrics.paired import PairedComparison, compare_paired, power
from slipstick.schema import Problem, Record, Run, Solution
from slipstick.store import RunFolder

SOLVING = ("solve", "evaluate")
"""Verbs whose solutions are graded by their settings, where a stopped run has no verdicts."""

DETECTABLE = 0.03
"""The difference whose chance of being found is stated: three points."""

FEW_PROBLEMS = 30
"""Below so many problems the bootstrap's intervals are too narrow."""


class Flip(Record):
    """A problem that one run solves more often than the other."""

    problem_id: str
    """The problem's id."""
    format: str
    """"pot"; "cot to pot" if the runs have one format each, and not the same."""
    first: float
    """Share of the first run's samples that are correct."""
    second: float
    """Share of the second run's."""


class RunComparison(Record):
    """Two runs on the problems that both have."""

    names: tuple[str, str] = ("first", "second")
    """Names of the runs."""
    common: int
    """Problems that both have."""
    left_out: int
    """Problems that only one of them has; they are not compared."""
    rows: list[PairedComparison]
    """Per format: over all problems, then over each set or split; accuracy first, then the measures of k samples."""
    flips: list[Flip]
    """Problems on which they differ, in the order of the problems."""
    notes: list[str] = Field(default_factory=list)
    """What limits the comparison: unfinished runs, other graders, problems left out."""

    @property
    def heading(self) -> str:
        """What the column of problems that one run solves better is called: with one sample it alone solves them."""
        return "only one solves" if all(row.test == "mcnemar" for row in self.rows) else "one solves more often"

    @property
    def tests(self) -> str:
        """The tests of its rows, in words."""
        return " or the ".join(dict.fromkeys(row.test_name for row in self.rows))

    def findings(self) -> list[str]:
        """What limits the comparison, what it shows over all problems by format, and where its figures are from."""
        shown = [describe_difference(row, self.names) for row in self.rows if not row.group]
        return [*self.notes, *shown, _methods(self.rows)]


def compare_runs(
    first_problems: Iterable[Problem],
    first_solutions: Iterable[Solution],
    second_problems: Iterable[Problem],
    second_solutions: Iterable[Solution],
    *,
    names: tuple[str, str] = ("first", "second"),
    ks: Iterable[int] = (),
    profile: str = "slipstick",
) -> RunComparison:
    """Compares graded runs on the problems that both have, in each format that both have.

    If each has one format and not the same, those two are compared with each other. names: what the runs are called.
    ks: k of the measures of k samples (pass@k, maj@k, ...) that are compared too, if every problem has as many samples
    in both runs. profile: whose rules say which answers vote together.
    Raises InputError if they share no problem or no format, if an id names different problems in the two runs, and for
    an ungraded solution.
    """
    first = {problem.id: problem for problem in first_problems}
    second = {problem.id: problem for problem in second_problems}
    common = [problem for problem in first.values() if problem.id in second]
    _require_same(common, second, len(first), names)
    before, after = _by_format(first_solutions), _by_format(second_solutions)
    rows: list[PairedComparison] = []
    flips: list[Flip] = []
    common = gradable(common)
    groups = {"": [problem.id for problem in common], **group_problems(common).sets}
    for label, (left, right) in _formats(before, after, names).items():
        both = [name for name in groups[""] if name in before[left] and name in after[right]]
        values = _values([{name: run[name] for name in both} for run in (before[left], after[right])], ks, profile)
        for measure, (one, two) in values.items():
            for group, members in groups.items():
                if part := {name: one[name] for name in members if name in one}:
                    rows.append(compare_paired(part, two, format=label, group=group, measure=measure))
        one, two = values["accuracy"]
        flips += [
            Flip(problem_id=name, format=label, first=one[name], second=two[name])
            for name in both
            if one[name] != two[name]
        ]
    left_out = len(first) + len(second) - 2 * len(common)
    return RunComparison(names=names, common=len(common), left_out=left_out, rows=rows, flips=flips)


def compare_folders(first: RunFolder, second: RunFolder) -> RunComparison:
    """Two runs on their common problems, with pass@k and maj@k for the `ks` of either.

    A run that solves and has not been graded, as one that was stopped, is graded as far as it went; nothing is written.
    Raises what `compare_runs` raises.
    """
    one, two = first.path.name, second.path.name
    names = (str(first.path), str(second.path)) if one == two else (one, two)
    runs = (first.run(), second.run())
    problems = [list(folder.problems()) for folder in (first, second)]
    solutions = [_counted(folder, given) for folder, given in zip((first, second), problems, strict=True)]
    ks = {int(k) for run in runs for k in run.recipe.get("ks") or []}
    comparison = compare_runs(
        problems[0], solutions[0], problems[1], solutions[1], names=names, ks=ks, profile=_profile(runs[1])
    )
    return comparison.model_copy(update={"notes": list(_notes(*runs, comparison))})


def _counted(folder: RunFolder, problems: Sequence[Problem]) -> list[Solution]:
    run, solutions = folder.run(), list(folder.solutions())
    if run.verb in SOLVING and any(solution.verdict is None for solution in solutions):
        fresh = [solution.model_copy(update={"verdict": None}) for solution in solutions]
        solutions = list(grade_solutions(fresh, problems, profile=_profile(run)))
    return counted_solutions(run, solutions)


def _profile(run: Run) -> str:
    return str(run.recipe.get("profile", "slipstick"))


def counted_solutions(run: Run, solutions: list[Solution]) -> list[Solution]:
    """A run's solutions that count for its accuracy (see `summarize`)."""
    if run.recipe.get("consistency_threshold") is None:
        return solutions
    formats = {solution.format for solution in solutions}
    firsts = [first_samples(by_problem(row for row in solutions if row.format == format)) for format in sorted(formats)]
    return [solution for samples in firsts for rows in samples.values() for solution in rows]


def _methods(rows: Sequence[PairedComparison]) -> str:
    """Where the figures of rows are from; which to believe if they are few, or seem to contradict each other."""
    words = "Intervals are a bootstrap over problems; p is of the test that is named."
    apart = any((row.low > 0 or row.high < 0) != row.differs for row in rows)
    if apart or any(row.n < FEW_PROBLEMS for row in rows):
        words += " With few problems, or where the two disagree, believe the test: a bootstrap is then too narrow."
    return words


def describe_difference(row: PairedComparison, names: tuple[str, str]) -> str:
    """What a row of the comparison shows, in words."""
    better = names[row.difference > 0]
    test = f"{row.test_name}, p = {row.p:.2g}, {row.n:,} problems"
    if row.differs:
        return f"{row.label}: {better} is better by {100 * abs(row.difference):.1f} points ({test})."
    words = f"{row.label}: no difference shown ({test})."
    differing = (row.only_first + row.only_second) / row.n
    if row.test == "mcnemar" and differing >= DETECTABLE:
        chance = power(DETECTABLE, differing, row.n)
        often = f"in {100 * chance:.0f} of 100 comparisons" if chance >= 0.005 else "almost never"
        truly = f"If they truly differed by {100 * DETECTABLE:.0f} points"
        words += f" {truly}, a comparison on {row.n:,} problems would show it {often}."
    if row.more_problems_needed:
        words += (
            f" If the {100 * abs(row.difference):.1f} points are real, {row.more_problems_needed:,} more problems "
            "would settle it 4 times in 5."
        )
    return words


def _notes(first: Run, second: Run, comparison: RunComparison) -> Iterator[str]:
    for run in (first, second):
        if run.status != "finished":
            yield f"{run.name} is not finished ({run.status}): what is missing may be the hard problems."
    profiles = [_profile(run) for run in (first, second)]
    if profiles[0] != profiles[1]:
        yield f"They were graded by different profiles, {profiles[0]} and {profiles[1]}: grade both by one of them."
    if comparison.left_out:
        yield (
            f"Compared on the {comparison.common:,} problems that both have; {comparison.left_out:,} of one alone are "
            "left out."
        )


def _by_format(solutions: Iterable[Solution]) -> dict[str, dict[str, list[Solution]]]:
    """Format -> problem id -> its samples."""
    formats: dict[str, list[Solution]] = {}
    for solution in solutions:
        formats.setdefault(solution.format, []).append(solution)
    return {name: by_problem(formats[name]) for name in order_formats(formats)}


def _values(runs: Sequence[Samples], ks: Iterable[int], profile: str) -> dict[str, list[dict[str, float]]]:
    """Measure -> problem id -> its value, in both runs; accuracy, and what both have of k samples, more than one."""

    def same(one: str, two: str) -> bool:
        return compare(one, two, profile=profile).outcome == "correct"

    fewest = min((len(members) for samples in runs for members in samples.values()), default=0)
    usable = [k for k in sorted(set(ks)) if 1 < k <= fewest]
    found = [
        {"accuracy": {problem: share_correct(members) for problem, members in samples.items()}}
        | over_k_samples(samples, usable, same=same)
        for samples in runs
    ]
    # a vote is a sum of fractions: what is equal but for the last digits is no difference
    return {
        measure: [{problem: round(value, 9) for problem, value in run[measure].items()} for run in found]
        for measure in found[0]
        if all(measure in run for run in found)
    }


def _require_same(
    common: Sequence[Problem], second: Mapping[str, Problem], num_first: int, names: tuple[str, str]
) -> None:
    one, two = names
    if not common:
        raise InputError(
            f"{one} and {two} have no problem in common: none of the {num_first:,} of {one} is among the "
            f"{len(second):,} of {two}; compare runs on the same problems"
        )
    for problem in common:
        other = second[problem.id]
        if problem.text != other.text or not _same_gold(problem, other):
            what = "question" if problem.text != other.text else "gold"
            raise InputError(
                f"problem {problem.id} has another {what} in {two} than in {one}, so the two cannot be compared: run "
                "both on the same file"
            )


def _same_gold(one: Problem, two: Problem) -> bool:
    """Whether two golds are written alike or mean the same, as 2,125 and 2125 do."""
    if one.answer == two.answer:
        return True
    if not isinstance(one.answer, str) or two.answer is None:
        return False
    return compare(one.answer, two.answer, kind=one.kind).outcome == "correct"


def _formats(
    first: Mapping[str, object], second: Mapping[str, object], names: tuple[str, str]
) -> dict[str, tuple[str, str]]:
    """Label -> format of the first run and of the second."""
    shared = {name: (name, name) for name in first if name in second}
    if not shared and len(first) == len(second) == 1:
        left, right = *first, *second
        return {f"{left} to {right}": (left, right)}
    if not shared:
        raise InputError(
            f"the two runs have no format in common: {names[0]} has {', '.join(first) or 'no solutions'}, {names[1]} "
            f"has {', '.join(second) or 'no solutions'}"
        )
    return shared
