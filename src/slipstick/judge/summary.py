"""What comes of a judge's judgements: three accuracies side by side, and how far the judge can be trusted."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, TypeAdapter

from slipstick.edges import read_json
from slipstick.errors import counted
from slipstick.judge.asking import Judgement
from slipstick.judge.chosen import Chosen
from slipstick.judge.labelled import Labelled
from slipstick.judge.settings import JudgeSettings
from slipstick.metrics.estimators import share_correct
from slipstick.metrics.groups import group_problems
from slipstick.metrics.intervals import ProblemValue, mean
from slipstick.metrics.labels import order_formats
from slipstick.metrics.measures import Samples, by_format, first_samples, gradable
from slipstick.metrics.misclassification import Confusion, JudgedProblem, corrected, share
from slipstick.schema import Metric, Problem, Record, Solution

JUDGED = "judge.json"
COLUMNS = ("accuracy", "accuracy_with_judge", "accuracy_corrected")
"""The measures side by side: by rules; with what the judge calls correct added; corrected for the judge's errors."""
NOT_ACCEPTED = "of answers that rules do not call correct"
"""The group of error rates on the part of a labelled set that is like what the judge is asked of, and by which the
accuracy is corrected: a judge errs more often there than on answers that rules accept too."""


class JudgeSummary(Record):
    """The judge's columns of a run: judge.json, beside metrics.json and never part of it."""

    judge: str
    """The judge, as the recipe names it."""
    prompt: str
    """Name of its prompt."""
    asked: int
    """Solutions that rules call incorrect or undecided, of which it was asked."""
    replies: dict[str, dict[str, int]]
    """Outcome by rules ("incorrect", "undecided"; "correct" of the sample) -> the judge's label -> solutions;
    "no judgement" if its request failed."""
    failed: dict[str, int] = Field(default_factory=dict)
    """Why requests failed -> how many."""
    judgements: int
    """Different pairs of answers that it judged, those of the sample and of the labelled set included."""
    tokens: int = 0
    """Tokens of its replies."""
    prompt_tokens: int = 0
    """Tokens of its prompts, if the model counts them."""
    cost: float = 0.0
    """US dollars."""
    metrics: list[Metric]
    """The three accuracies by format, over all problems and each set."""
    quality: list[Metric]
    """Its agreement with rules on the sample; on the labelled set sensitivity, specificity and kappa; `n` counts
    answers."""
    labels: str = ""
    """The file of the labelled set; "" if there is none."""
    labels_hash: str = ""
    """Its SHA-256."""
    notes: list[str] = Field(default_factory=list)
    """Why a figure is not shown."""


class Findings(NamedTuple):
    """What a judge was asked and said."""

    chosen: Chosen
    """The pairs of the run."""
    labels: Sequence[Labelled]
    """The labelled set."""
    accepted: set[str]
    """Keys of the labelled answers that rules call correct."""
    judgements: Mapping[str, Judgement]
    """Key -> judgement."""
    failed: Mapping[str, int]
    """Why requests failed -> how many."""


def summarize_judge(
    problems: Sequence[Problem],
    solutions: Sequence[Solution],
    found: Findings,
    settings: JudgeSettings,
    *,
    settled: bool = False,
    labels_hash: str = "",
) -> JudgeSummary:
    """The summary of a graded run. settled: whether problems were sampled until their vote was settled, so that only
    as many samples of each count as of the problem with the fewest, as in its accuracy."""
    chosen, judgements = found.chosen, found.judgements
    whole = _confusion(found.labels, judgements)
    hard = _confusion([one for one in found.labels if one.pair.key not in found.accepted], judgements)
    missing = sum(pair.key not in judgements for pair in chosen.asked.values())
    unmeasured = sum(labelled.pair.key not in judgements for labelled in found.labels)
    problem = _why_not_corrected(hard, found, settings, missing=missing + unmeasured)
    used = [judgements[key] for key in _keys(found) if key in judgements]
    called_correct = {
        name
        for name, pair in chosen.asked.items()
        if pair.key in judgements and judgements[pair.key].label == "correct"
    }
    rates = None if problem else hard
    return JudgeSummary(
        judge=settings.judge or "",
        prompt=settings.judge_prompt,
        asked=len(chosen.asked),
        replies=_replies(solutions, found),
        failed=dict(found.failed),
        judgements=len(used),
        tokens=sum(row.tokens for row in used),
        prompt_tokens=sum(row.prompt_tokens for row in used),
        cost=sum(row.cost for row in used),
        metrics=list(_accuracies(problems, solutions, set(chosen.asked), called_correct, rates, settled=settled)),
        quality=list(_quality(found, whole, hard)),
        labels=settings.judge_labels or "",
        labels_hash=labels_hash,
        notes=[problem] if problem else [],
    )


def read_summary(folder: Path) -> JudgeSummary | None:
    """The summary in a run's folder; None if no judge was asked."""
    file = folder / JUDGED
    return read_json(file, TypeAdapter(JudgeSummary)) if file.is_file() else None


def _keys(found: Findings) -> dict[str, None]:
    pairs = [*found.chosen.asked.values(), *found.chosen.sample.values(), *(one.pair for one in found.labels)]
    return dict.fromkeys(pair.key for pair in pairs)


def _confusion(labels: Sequence[Labelled], judgements: Mapping[str, Judgement]) -> Confusion:
    cells = Counter(
        (labelled.correct, judgements[labelled.pair.key].label == "correct")
        for labelled in labels
        if labelled.pair.key in judgements
    )
    return Confusion(cells[True, True], cells[True, False], cells[False, False], cells[False, True])


def _why_not_corrected(hard: Confusion, found: Findings, settings: JudgeSettings, *, missing: int) -> str:
    """Why no figure can be corrected for the judge's errors; "" if it can. hard: of the labelled answers that rules do
    not call correct."""
    if missing:
        why = ", ".join(f"{times:,} {kind}" for kind, times in found.failed.items())
        return (
            f"{counted(missing, 'answer')} without a judgement, as requests failed ({why}): they count as not correct, "
            "and nothing is corrected for the judge's errors. The same command again asks for them alone"
        )
    if not found.labels:
        return (
            "Not corrected for the judge's errors, as nobody knows them: judge_labels = FILE, a file of labelled "
            "answers (question, expected, answer, correct), measures them"
        )
    tp, fn, tn, fp = hard
    if not tp + fn or not tn + fp:
        lacking = "incorrect" if tp + fn else "correct"
        return (
            f"Not corrected for the judge's errors: {settings.judge_labels} has no {lacking} answers among those that "
            "rules do not call correct, which are what the judge is asked of: add some"
        )
    if not hard.tells():
        return (
            "Not corrected for the judge's errors: of the labelled answers that rules do not call correct, it calls "
            "incorrect ones correct as often as correct ones, so its judgements say nothing"
        )
    return ""


def _replies(solutions: Sequence[Solution], found: Findings) -> dict[str, dict[str, int]]:
    outcomes = {one.id: one.verdict.outcome for one in solutions if one.verdict}
    counts: dict[str, Counter[str]] = {}
    for name, pair in {**found.chosen.asked, **found.chosen.sample}.items():
        judgement = found.judgements.get(pair.key)
        counts.setdefault(outcomes[name], Counter())[judgement.label if judgement else "no judgement"] += 1
    return {outcome: dict(counts[outcome]) for outcome in ("incorrect", "undecided", "correct") if outcome in counts}


def _accuracies(
    problems: Sequence[Problem],
    solutions: Sequence[Solution],
    asked: set[str],
    called_correct: set[str],
    confusion: Confusion | None,
    *,
    settled: bool,
) -> Iterator[Metric]:
    """The columns of each format, over all problems and each set."""
    formats, problems = by_format(problems, solutions), gradable(problems)
    names, groups = {problem.id for problem in problems}, group_problems(problems)
    for format in order_formats(formats):
        samples: Samples = {problem: members for problem, members in formats[format].items() if problem in names}
        samples = first_samples(samples) if settled else samples
        each = {problem: _judged(members, asked, called_correct) for problem, members in samples.items()}
        for group, ids in {"": list(each), **groups.sets}.items():
            rows = [each[problem] for problem in ids if problem in each]
            found = (
                mean([ProblemValue(row.rules, row.samples) for row in rows]),
                mean([ProblemValue(row.rules + row.judged, row.samples) for row in rows]),
                corrected(rows, confusion) if confusion else None,
            )
            for measure, estimate in zip(COLUMNS, found, strict=True):
                if estimate and rows:
                    yield estimate.metric(
                        measure, format=format, group_by=groups.group_by if group else "", group=group
                    )


def _judged(samples: Sequence[Solution], asked: set[str], called_correct: set[str]) -> JudgedProblem:
    n = len(samples)
    of_asked, of_correct = (sum(one.id in ids for one in samples) / n for ids in (asked, called_correct))
    return JudgedProblem(share_correct(samples), of_asked, of_correct, n)


def _quality(found: Findings, whole: Confusion, hard: Confusion) -> Iterator[Metric]:
    """Agreement with rules on the sample; error rates and kappa on the labelled set, and on the part of it that rules
    do not accept, which is what the judge is for."""
    labels = [found.judgements[pair.key].label for pair in found.chosen.sample.values() if pair.key in found.judgements]
    if labels:
        agreement = share(labels.count("correct"), len(labels))
        yield agreement.metric("judge_agreement", group_by="sample", group="rules say correct")
    if not sum(whole):
        return
    for group, cells in {"": whole, NOT_ACCEPTED: hard}.items():
        rates = {"judge_sensitivity": cells.sensitivity(), "judge_specificity": cells.specificity()}
        for measure, estimate in rates.items():
            if estimate.n:
                yield estimate.metric(measure, group_by="part" if group else "", group=group)
    yield whole.kappa().metric("judge_kappa")
