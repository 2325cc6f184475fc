"""Compares two runs: the paired test per format and set, the problems that flipped, and what it means in words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import Field

from slipstick.equivalence import compare
from slipstick.errors import InputError
from slipstick.grade import grade_solutions
from slipstick.metrics.estimators import outcome_of, share_correct
from slipstick.metrics.groups import group_problems
from slipstick.metrics.labels import order_formats
from slipstick.metrics.measures import Samples, by_problem, first_samples, gradable, over_k_samples
from slipstick.metrics.paired import PairedComparison, compare_paired, power, undecided_as_correct
from slipstick.pairing import pair_problems
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
        undecided = [line for row in self.rows if (line := _describe_undecided(row, self.names))]
        return [*self.notes, *undecided, *shown, _methods(self.rows)]


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

    If each has one format and not the same, those two are compared with each other. Without a common id, problems are
    paired by question and gold, under the ids of the second run (`pair_problems`). names: what the runs are called.
    ks: k of the measures of k samples (pass@k, maj@k, ...) that are compared too, if every problem has as many samples
    in both runs. profile: whose rules say which answers vote together.
    Raises InputError if they share no problem or no format, if an id names different problems in the two runs, and for
    an ungraded solution.
    """
    first = {problem.id: problem for problem in first_problems}
    second = {problem.id: problem for problem in second_problems}
    pairs = pair_problems(first, second, names)
    before, after = _by_format(pairs.renamed(first_solutions)), _by_format(second_solutions)
    rows: list[PairedComparison] = []
    flips: list[Flip] = []
    common = gradable(pairs.common)
    groups = {"": [problem.id for problem in common], **group_problems(common).sets}
    for label, (left, right) in _formats(before, after, names).items():
        both = [name for name in groups[""] if name in before[left] and name in after[right]]
        runs = [{name: run[name] for name in both} for run in (before[left], after[right])]
        values = _values([*runs, *map(undecided_as_correct, runs)], ks, profile)
        for measure, (one, two, one_most, two_most) in values.items():
            for group, members in groups.items():
                if part := {name: one[name] for name in members if name in one}:
                    row = compare_paired(
                        part, two, most=(one_most, two_most), format=label, group=group, measure=measure
                    )
                    rows.append(row.model_copy(update=_undecided(runs, part)))
        one, two, *_ = values["accuracy"]
        flips += [
            Flip(problem_id=name, format=label, first=one[name], second=two[name])
            for name in both
            if one[name] != two[name]
        ]
    left_out = len(first) + len(second) - 2 * len(common)
    return RunComparison(names=names, common=len(common), left_out=left_out, rows=rows, flips=flips, notes=pairs.notes)


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
    return comparison.model_copy(update={"notes": [*comparison.notes, *_notes(*runs, comparison)]})


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
    if row.hinges_on_undecided:
        return f"{row.label}: not decided: {_what_hinges(row, names, better)} ({test})."
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


def _what_hinges(row: PairedComparison, names: tuple[str, str], better: str) -> str:
    if not row.differs:
        said = " and ".join(_undecided_of(row, names, place) for place in (0, 1) if row.undecided[place])
        return f"no difference shown, but {said} are undecided, and a difference could show if they were decided"
    behind = _undecided_of(row, names, int(row.difference <= 0))
    ahead = f"{better} is ahead by {100 * abs(row.difference):.1f} points"
    return f"{behind} are undecided and count as not correct; {ahead}, and need not be if they were decided"


def _describe_undecided(row: PairedComparison, names: tuple[str, str]) -> str:
    """How many solutions of each run are undecided, of a row over all problems; "" if none is."""
    if row.group or row.measure != "accuracy" or not any(row.undecided):
        return ""
    said = ", ".join(_undecided_of(row, names, place) for place in (0, 1))
    return f"{row.label}: undecided, which count as not correct: {said}."


def _undecided_of(row: PairedComparison, names: tuple[str, str], place: int) -> str:
    return f"{row.undecided[place]:,} of {row.solutions[place]:,} solutions of {names[place]}"


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


def _undecided(runs: Sequence[Samples], names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """What a row says of its solutions: how many there are, how many of them undecided, in each run."""
    members = [[one for name in names for one in samples[name]] for samples in runs]
    undecided = tuple(sum(outcome_of(one) == "undecided" for one in given) for given in members)
    return {"undecided": undecided, "solutions": tuple(map(len, members))}


def _values(runs: Sequence[Samples], ks: Iterable[int], profile: str) -> dict[str, list[dict[str, float]]]:
    """Measure -> problem id -> its value, in each run; accuracy, and what all have of k samples, more than one."""

    def same(one: str, two: str) -> bool:
        return compare(one, two, profile=profile).outcome == "correct"

    fewest = min((len(members) for samples in runs for members in samples.values()), default=0)
    usable = [k for k in sorted(set(ks)) if 1 < k <= fewest]
    measured = {
        key: {"accuracy": {problem: share_correct(members) for problem, members in samples.items()}}
        | over_k_samples(samples, usable, same=same)
        for key, samples in {id(samples): samples for samples in runs}.items()
    }
    found = [measured[id(samples)] for samples in runs]
    # a vote is a sum of fractions: what is equal but for the last digits is no difference
    return {
        measure: [{problem: round(value, 9) for problem, value in run[measure].items()} for run in found]
        for measure in found[0]
        if all(measure in run for run in found)
    }


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
