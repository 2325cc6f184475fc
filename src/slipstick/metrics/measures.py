"""Every measure of a run, format by format and group by group."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from slipstick.errors import InputError
from slipstick.metrics import estimators
from slipstick.metrics.conduct import conduct_of
from slipstick.metrics.estimators import Same, count_votes, outcome_of, share_correct
from slipstick.metrics.groups import Groups, group_problems, set_of
from slipstick.metrics.intervals import ProblemValue, average, mean, ratio
from slipstick.metrics.labels import order_formats
from slipstick.schema import Code, Metric, Output, Problem, Solution

ALL_SETS = "all sets"
_CONDUCT = ("tool_use", "truncated", "unfinished_thoughts", "sandbox_fault")
Samples = Mapping[str, list[Solution]]
"""Problem id -> its samples in one format."""


def accuracy(solutions: Iterable[Solution]) -> Metric:
    """Share of problems solved; with several samples a problem, the mean over problems of the share of correct samples.

    That is also what others call avg@n. Raises InputError for a solution that has not been graded.
    """
    return _over_problems("accuracy", solutions, value=share_correct, k=1)


def pass_at_k(solutions: Iterable[Solution], k: int) -> Metric:
    """Chance that at least one of k samples is correct, unbiased: 1 - C(n-c, k) / C(n, k) (Chen et al. 2021, §2.1).

    Raises ValueError if a problem has fewer than k samples, InputError for a solution that has not been graded.
    """
    return _over_problems(f"pass@{k}", solutions, value=lambda samples: estimators.pass_at_k(samples, k), k=k)


def maj_at_k(solutions: Iterable[Solution], k: int, *, same: Same) -> Metric:
    """Self-consistency (Wang et al. 2022): the answer most of k samples agree on, agreement being `same(a, b)`.

    The exact expectation over all subsets of k samples. Answers that tie share their credit; a sample without an
    answer does not vote; if none votes, the problem is not solved.
    Raises ValueError if a problem has fewer than k samples, InputError for a solution that has not been graded.
    """
    return _over_problems(
        f"maj@{k}", solutions, value=lambda samples: estimators.maj_at_k(count_votes(samples, same), k), k=k
    )


def best_of_k(solutions: Iterable[Solution], k: int) -> Metric:
    """Chance that the sample with the highest `value` of k is correct (OVM@k); equal values share the credit.

    The exact expectation over all subsets of k samples. Raises ValueError if a problem has fewer than k samples,
    InputError for a solution without a verdict or a value.
    """
    return _over_problems(f"best@{k}", solutions, value=lambda samples: estimators.best_of_k(samples, k), k=k)


def weighted_at_k(solutions: Iterable[Solution], k: int, *, same: Same) -> Metric:
    """The vote of k samples in which each counts with the weight of its `value`; weights that tie share the credit.

    Values between 0 and 1 are weights unchanged, others go through the logistic function. Averaged over all subsets
    if they are at most 256, else over 256 chosen with a fixed seed. Raises what `best_of_k` raises.
    """
    solutions = list(solutions)
    weight = estimators.value_weights(solutions)

    def value(samples: Sequence[Solution]) -> float:
        return estimators.weighted_at_k(samples, k, same=same, weight=weight)

    return _over_problems(f"weighted@{k}", solutions, value=value, k=k)


def curves(solutions: Iterable[Solution], *, same: Same, ks: Sequence[int] | None = None) -> dict[str, list[Metric]]:
    """Measure ("pass", "maj", and with values "best" and "weighted") -> its metrics at growing k, of one format.

    ks: by default 1, 2, 4, ... and the most samples that every problem has. Empty if some problem has one sample only.
    """
    samples = by_problem(solutions)
    most = min(map(len, samples.values()), default=0)
    if most < 2:
        return {}
    chosen = sorted({k for k in ks if 1 <= k <= most} if ks else {*(2**i for i in range(most.bit_length())), most})
    chosen = [k for k in chosen if k <= most]
    weight = _weights(samples)
    measured = [_of_k_samples(members, chosen, same, weight) for members in samples.values()]
    found: dict[str, list[Metric]] = {}
    for name in measured[0]:
        found.setdefault(name.partition("@")[0], []).append(mean([values[name] for values in measured]).metric(name))
    return found


def summarize(
    problems: Iterable[Problem],
    solutions: Iterable[Solution],
    *,
    ks: Sequence[int],
    same: Same,
    averages: Mapping[str, Sequence[str]] | None = None,
    settled: bool = False,
    programs: Collection[str] = (),
) -> list[Metric]:
    """All metrics of a run: for every format over all problems, over every set or split, and accuracy by breakdown.

    A problem without a gold cannot be correct, so it and its solutions are left out of every metric if other problems
    have golds. docs/metrics.md says where groups come from. averages: name -> sets, means over sets beside "all sets".
    pass@k and maj@k appear if every problem of a format has several samples, for those `ks` for which all have enough
    (`describe_left_out` names the others); best@k and weighted@k if every solution has a value as well. Formats come in
    alphabetical order, hybrid last.
    settled: whether problems were sampled until their vote was settled. Those that agree early stop early, so the mean
    over all of a problem's samples would be too high: every measure takes the same number of first samples from each
    problem, and maj@settled is the vote of all of them.
    programs: formats that run programs, whose tool use is of interest even if no solution has one.
    Raises InputError for a solution that has not been graded or that answers none of the problems. An average over a
    set that the run does not have is left out.
    """
    problems = list(problems)
    formats = by_format(problems, solutions)
    problems = gradable(problems)
    names = {problem.id for problem in problems}
    formats = {
        format: kept
        for format, samples in formats.items()
        if (kept := {problem: members for problem, members in samples.items() if problem in names})
    }
    groups = group_problems(problems)
    sets = _averaged_sets(problems, groups, averages or {})
    metrics: list[Metric] = []
    for format in order_formats(formats):
        samples = formats[format]
        counted = first_samples(samples) if settled else samples
        usable = [] if _fewest(samples) < 2 else [k for k in sorted(set(ks)) if 1 <= k <= _fewest(samples)]
        weight = _weights(samples)
        measured = {problem: _measure(members, usable, same, weight) for problem, members in counted.items()}
        if settled:
            measured = {problem: values | _settled(samples[problem], same) for problem, values in measured.items()}
        if any(sample.failed for members in samples.values() for sample in members):
            measured = {problem: values | _requests(samples[problem]) for problem, values in measured.items()}
        conduct = _conduct(samples, uses_tool=format in programs)
        measured = {problem: values | conduct.get(problem, {}) for problem, values in measured.items()}
        metrics += _format_metrics(format, groups, samples, measured)
        metrics += _averages(format, sets, measured)
    return metrics


def over_k_samples(samples: Samples, ks: Sequence[int], *, same: Same) -> dict[str, dict[str, float]]:
    """Measure of k samples ("pass@4", "maj@4", and with values "best@4", "weighted@4") -> problem id -> its value.

    Raises ValueError if a problem has fewer than k samples, InputError for a solution that has not been graded.
    """
    weight = _weights(samples)
    found: dict[str, dict[str, float]] = {}
    for problem, members in samples.items():
        for measure, value in _of_k_samples(members, ks, same, weight).items():
            found.setdefault(measure, {})[problem] = value.value
    return found


def gradable(problems: Iterable[Problem]) -> list[Problem]:
    """The problems that have a gold; all of them if none has."""
    problems = list(problems)
    return [problem for problem in problems if problem.answer is not None] or problems


def first_samples(samples: Samples) -> dict[str, list[Solution]]:
    """The first samples of each problem, as many as the problem with the fewest has."""
    fewest = _fewest(samples)
    return {problem: sorted(rows, key=lambda row: row.sample)[:fewest] for problem, rows in samples.items()}


def describe_left_out(problems: Iterable[Problem], solutions: Iterable[Solution], ks: Sequence[int]) -> list[str]:
    """One line for each format that has too few samples for some of `ks`, which are therefore left out."""
    lines = []
    for format, samples in by_format(list(problems), solutions).items():
        fewest = _fewest(samples)
        missing = [k for k in sorted(set(ks)) if k > fewest or fewest < 2]
        if missing:
            short = sum(len(members) < max(missing) for members in samples.values())
            names = ", ".join(f"pass@{k} and maj@{k}" for k in missing)
            lines.append(
                f"{format}: {names} left out, as {short:,} of {len(samples):,} problems have fewer samples "
                f"(the fewest: {fewest}); raise `num_samples` or lower `ks`"
            )
    return lines


def by_problem(solutions: Iterable[Solution]) -> dict[str, list[Solution]]:
    """Problem id -> its samples."""
    samples: dict[str, list[Solution]] = {}
    for solution in solutions:
        samples.setdefault(solution.problem_id, []).append(solution)
    return samples


def by_format(problems: Sequence[Problem], solutions: Iterable[Solution]) -> dict[str, dict[str, list[Solution]]]:
    """Format -> problem id -> samples. Raises InputError for a solution that answers none of the problems."""
    known = {problem.id for problem in problems}
    formats: dict[str, dict[str, list[Solution]]] = {}
    for solution in solutions:
        if solution.problem_id not in known:
            raise InputError(f"solution {solution.id} answers problem {solution.problem_id}, which is not in this run")
        formats.setdefault(solution.format, {}).setdefault(solution.problem_id, []).append(solution)
    return formats


def program_end(solution: Solution) -> str | None:
    """How the last program of a solution ended; None if it wrote none.

    "ok", the name of its exception, the output's status ("timeout", "memory", ...), or "not run" if nothing ran it.
    """
    code = [place for place, block in enumerate(solution.blocks) if isinstance(block, Code)]
    if not code:
        return None
    output = next(iter(solution.blocks[code[-1] + 1 :]), None)
    if not isinstance(output, Output):
        return "not run"
    if output.status != "error":
        return output.status
    name = output.text.strip().rpartition("\n")[2].partition(":")[0].strip()
    return name if name.isidentifier() else "error"


def _fewest(samples: Samples) -> int:
    return min(map(len, samples.values()), default=0)


def _weights(samples: Samples) -> Callable[[float], float] | None:
    solutions = [solution for members in samples.values() for solution in members]
    return estimators.value_weights(solutions) if all(one.value is not None for one in solutions) else None


def _measure(
    samples: list[Solution], ks: Sequence[int], same: Same, weight: Callable[[float], float] | None
) -> dict[str, ProblemValue]:
    """Every measure of one problem's samples in one format."""
    n = len(samples)
    values = {"accuracy": ProblemValue(share_correct(samples), n), **_of_k_samples(samples, ks, same, weight)}
    ends = [end == "ok" for end in map(program_end, samples) if end]
    if ends:
        values["executed"] = ProblemValue(sum(ends) / len(ends), len(ends))
    for outcome in ("no_answer", "undecided"):
        values[outcome] = ProblemValue(sum(outcome_of(sample) == outcome for sample in samples) / n, n)
    return values


def _settled(samples: list[Solution], same: Same) -> dict[str, ProblemValue]:
    """The vote of all the samples that a problem got."""
    return {"maj@settled": ProblemValue(estimators.maj_at_k(count_votes(samples, same), len(samples)), 1)}


def _requests(samples: list[Solution]) -> dict[str, ProblemValue]:
    """Share of samples at which the server or the interpreter failed, and of the others the share that is correct."""
    answered = [sample for sample in samples if not sample.failed]
    values = {"request_failed": ProblemValue(1 - len(answered) / len(samples), len(samples))}
    if answered:
        values["accuracy_answered"] = ProblemValue(share_correct(answered), len(answered))
    return values


def _conduct(samples: Samples, *, uses_tool: bool) -> dict[str, dict[str, ProblemValue]]:
    """Problem id -> how its solutions were made, those aside whose request failed: whether programs were run if any
    could be, and the other shares that are above 0 in some problem."""
    answered = {problem: [one for one in members if one.finish != "error"] for problem, members in samples.items()}
    found = {problem: conduct_of(members) for problem, members in answered.items() if members}
    names = [name for name in _CONDUCT if any(values[name] for values in found.values())]
    names += ["tool_use"] if uses_tool and "tool_use" not in names else []
    return {
        problem: {name: ProblemValue(values[name], len(answered[problem])) for name in names}
        for problem, values in found.items()
    }


def _of_k_samples(
    samples: list[Solution], ks: Sequence[int], same: Same, weight: Callable[[float], float] | None
) -> dict[str, ProblemValue]:
    if not ks:
        return {}
    votes = count_votes(samples, same)
    measures: dict[str, Callable[[int], float]] = {
        "pass": lambda k: estimators.pass_at_k(samples, k),
        "maj": lambda k: estimators.maj_at_k(votes, k),
    }
    if weight:
        measures["best"] = lambda k: estimators.best_of_k(samples, k)
        measures["weighted"] = lambda k: estimators.weighted_at_k(samples, k, same=same, weight=weight)
    return {f"{name}@{k}": ProblemValue(value(k), len(samples) / k) for name, value in measures.items() for k in ks}


def _format_metrics(
    format: str, groups: Groups, samples: Samples, measured: Mapping[str, Mapping[str, ProblemValue]]
) -> Iterator[Metric]:
    """One format over all problems and each group; a breakdown has its accuracy alone."""
    for group, members in {"": list(measured), **groups.sets}.items():
        rows = [measured[problem] for problem in members if problem in measured]
        for measure in dict.fromkeys(measure for values in rows for measure in values):
            found = mean([values[measure] for values in rows if measure in values])
            yield found.metric(measure, format=format, group_by=groups.group_by if group else "", group=group)
    for (group_by, group), members in groups.breakdowns.items():
        values = [measured[problem]["accuracy"] for problem in members if problem in measured]
        if values:
            yield mean(values).metric("accuracy", format=format, group_by=group_by, group=group)
    yield from _failures(format, samples)
    yield from _spending(format, samples)


def _failures(format: str, samples: Samples) -> Iterator[Metric]:
    """Of the solutions with code, the share whose last program failed in each way, most frequent first."""
    ends = [[end for end in map(program_end, members) if end] for members in samples.values()]
    errors = Counter(end for members in ends for end in members if end != "ok")
    for error, _ in errors.most_common():
        values = [ProblemValue(members.count(error) / len(members), len(members)) for members in ends if members]
        yield mean(values).metric("failed", format=format, group_by="error", group=error)


def _spending(format: str, samples: Samples) -> Iterator[Metric]:
    """Tokens and dollars for each correct answer, programs run for each solution.

    Solutions with words whose tokens nobody counted are left out of the tokens and of the correct answers.
    """
    every = list(samples.values())
    counted = [known for members in every if (known := [s for s in members if s.tokens or not s.blocks])]
    for measure, solutions, spent in (
        ("tokens_per_correct", counted, [float(sum(s.tokens for s in members)) for members in counted]),
        ("cost_per_correct", every, [sum(s.cost for s in members) for members in every]),
    ):
        if found := ratio(spent, [len(members) * share_correct(members) for members in solutions]):
            yield found.metric(measure, format=format)
    ran = [
        float(sum(isinstance(block, Output) for one in members for block in one.blocks)) for members in samples.values()
    ]
    if found := ratio(ran, [len(members) for members in samples.values()]):
        yield found.metric("turns", format=format)


def _averaged_sets(
    problems: Sequence[Problem], groups: Groups, averages: Mapping[str, Sequence[str]]
) -> dict[str, list[list[str]]]:
    """Average -> ids by set, of those averages whose sets the run has; of all sets, by the rows that sets have."""
    sets = problems_by_set(problems)
    found = {
        name: [sets[_plain(member)] for member in members]
        for name, members in averages.items()
        if not missing_sets(sets, members)
    }
    return {ALL_SETS: list(groups.sets.values()), **found} if groups.group_by == "set" and groups.sets else found


def problems_by_set(problems: Iterable[Problem]) -> dict[str, list[str]]:
    """Set -> ids of its problems; "sat_math" and "sat-math" are the same."""
    sets: dict[str, list[str]] = {}
    for problem in problems:
        if name := set_of(problem):
            sets.setdefault(_plain(name), []).append(problem.id)
    return sets


def missing_sets(sets: Mapping[str, object], wanted: Iterable[str]) -> list[str]:
    """The wanted sets that are not among `sets`."""
    return [name for name in wanted if _plain(name) not in sets]


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _averages(
    format: str, sets: Mapping[str, list[list[str]]], measured: Mapping[str, Mapping[str, ProblemValue]]
) -> Iterator[Metric]:
    """The means over sets, of those problems that were solved in this format."""
    for name, members in sets.items():
        values = [[measured[problem]["accuracy"] for problem in ids if problem in measured] for ids in members]
        if all(values):
            yield average(values).metric("accuracy", format=format, group_by="average", group=name)


def _over_problems(
    measure: str, solutions: Iterable[Solution], *, value: Callable[[list[Solution]], float], k: int
) -> Metric:
    values = [ProblemValue(value(samples), len(samples) / k) for samples in by_problem(solutions).values()]
    return mean(values).metric(measure)
