"""Reasons not to trust a run's numbers: many empty answers, a rerun that differs, problems that were trained on."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import Field

from slipstick.metrics.groups import group_problems
from slipstick.models.passed import PARAMETERS
from slipstick.schema import Metric, Problem, Record, Solution
from slipstick.store import read_records, write_records

EMPTY = 0.2
"""Share of answers that may be empty without an alarm."""
NO_PROGRAM = 0.2
"""Share of solutions that may have no program, in a format that runs programs, without an alarm."""
_MOST = {"sandbox_fault": 0.0, "unfinished_thoughts": 0.05, "truncated": 0.05}
"""Measure -> the share of solutions that may be so without an alarm."""
_MESSAGES = {
    "sandbox_fault": "of solutions met a fault of the sandbox, which says nothing of the model: `slipstick doctor` "
    "tries it, and the same command with --resume makes them again",
    "unfinished_thoughts": "of solutions end in thoughts that never ended, which are no answer: raise max_tokens, have "
    "the model think less (reasoning_effort, chat_template_kwargs), or read the accuracy as that at this length",
    "truncated": "of solutions were cut by max_tokens: raise it, or read the accuracy as that at this length",
    "tool_use": "of solutions have no program, in a format that runs programs: the accuracy is partly that of "
    'words. Does the model know the format (num_fewshot, a chat model in api = "chat"), does it call tools instead?',
}
UNMARKED = 0.05
"""Share of replies that may mark no answer and be undecided for it without an alarm."""
_MARKS_NONE = "the reply marks no answer"
"""How the reason of such a verdict begins (policy `guess`)."""
_FILE = "alarms.jsonl"
_SPACE = re.compile(r"\W+")


class Alarm(Record):
    """A reason not to trust a number yet."""

    name: str
    """"empty_answers", "unmarked_answers", "failed_requests", "sandbox_fault", "unfinished_thoughts", "truncated",
    "without_program", "ignored_settings", "rerun_differs", "overlap" or "left_out"."""
    message: str
    """What was found and what to do about it."""
    solutions: list[str] = Field(default_factory=list)
    """Ids of the solutions it is about, if it is about single ones."""


def read_alarms(run: Path) -> list[Alarm]:
    """The alarms of a run's folder."""
    return list(read_records(run / _FILE, Alarm, missing_ok=True))


def write_alarms(run: Path, alarms: Sequence[Alarm]) -> None:
    """Writes a run's alarms into its folder; without any there is no file."""
    if alarms:
        write_records(run / _FILE, alarms)
    else:
        (run / _FILE).unlink(missing_ok=True)


def empty_answers(metrics: Iterable[Metric]) -> Iterator[Alarm]:
    """One alarm for each format with more than 20 % empty answers, failed requests aside, with the worst sets."""
    found: dict[str, dict[str, Metric]] = {}
    failed: dict[tuple[str, str], float] = {}
    for metric in metrics:
        if metric.measure == "no_answer":
            found.setdefault(metric.format, {})[metric.group] = metric
        elif metric.measure == "request_failed":
            failed[metric.format, metric.group] = metric.value
    for format, groups in found.items():
        shares = {group: metric.value - failed.get((format, group), 0.0) for group, metric in groups.items()}
        bad = {group: share for group, share in shares.items() if share > EMPTY and groups[group].n >= 5}
        if bad:
            worst = sorted((group for group in bad if group), key=lambda group: -bad[group])
            where = f", most on {', '.join(f'{group} ({bad[group]:.0%})' for group in worst[:3])}" if worst else ""
            share = f"{shares['']:.0%} of answers are empty"
            yield Alarm(
                name="empty_answers",
                message=f"{format}: {share}{where}. Before trusting the accuracy, look at some: does the model "
                "know the format, do stop strings cut its answers, is max_tokens too low?",
            )


def unmarked_answers(solutions: Iterable[Solution]) -> Iterator[Alarm]:
    """An alarm for each format with more than 5 % of replies that mark no answer, and are undecided for that reason."""
    replies, unmarked = Counter[str](), Counter[str]()
    for solution in solutions:
        replies[solution.format] += 1
        unmarked[solution.format] += bool(solution.verdict and solution.verdict.reason.startswith(_MARKS_NONE))
    for format, n in replies.items():
        if unmarked[format] > UNMARKED * n:
            yield Alarm(
                name="unmarked_answers",
                message=f"{format}: {unmarked[format]:,} of {n:,} replies mark no answer and are undecided, which "
                "counts as not correct. Ask for \\boxed{} (a format of ours, or the prompt), have a model judge them "
                "(`slipstick grade RUN --set judge=MODEL`), or take the last value of each, right or wrong "
                "(--set profile=slipstick:guess=taken)",
            )


def failed_requests(metrics: Iterable[Metric]) -> Iterator[Alarm]:
    """One alarm for each format in which requests or the sandbox failed, which says nothing of the model."""
    for metric in metrics:
        if metric.measure == "request_failed" and not metric.group and metric.value:
            yield Alarm(
                name="failed_requests",
                message=f"{metric.format}: {metric.value:.1%} of solutions ended in a failed request or a fault of the "
                "sandbox. They count as no answer in the accuracy; the row `Accuracy of what was answered` leaves "
                "them out. The same command with --resume makes them again",
            )


def shares_of_solutions(metrics: Iterable[Metric]) -> Iterator[Alarm]:
    """An alarm for each format in which more solutions than may be met a fault of the sandbox, never finished their
    thoughts, were cut, or have no program."""
    for metric in metrics:
        if metric.group:
            continue
        if metric.measure in _MOST and metric.value > _MOST[metric.measure]:
            yield Alarm(name=metric.measure, message=f"{metric.format}: {metric.value:.1%} {_MESSAGES[metric.measure]}")
        if metric.measure == "tool_use" and metric.format != "hybrid" and metric.value < 1 - NO_PROGRAM:
            yield Alarm(
                name="without_program", message=f"{metric.format}: {1 - metric.value:.1%} {_MESSAGES[metric.measure]}"
            )


def ignored_settings(facts: Mapping[str, str]) -> Iterator[Alarm]:
    """An alarm for each setting that a server was found to ignore. facts: what a model says of itself (`describe`)."""
    for key, said in facts.items():
        setting = key.removeprefix("server.")
        is_setting = setting in PARAMETERS or setting.startswith("extra_body.")
        if is_setting and ("ignored:" in said or "no effect seen" in said):
            yield Alarm(
                name="ignored_settings",
                message=f"{setting}: {said}. The answers may be those of the server's own setting: leave it out, or "
                "set it where the server is started",
            )


def rerun_differs(
    before: Mapping[str, str | None], after: Mapping[str, str | None], *, same: Callable[[str, str], bool]
) -> Iterator[Alarm]:
    """An alarm if solutions that were sampled a second time have other answers; keys are solutions' ids."""
    both = [name for name in after if name in before]
    differ = [name for name in both if not _same(before[name], after[name], same)]
    if differ:
        shown = ", ".join(differ[:3]) + (", ..." if len(differ) > 3 else "")
        yield Alarm(
            name="rerun_differs",
            message=f"{len(differ)} of {len(both)} solutions have another answer when sampled again at temperature 0: "
            f"{shown}. The accuracy also varies with batch sizes, kernels or the server's version, which its interval "
            "does not cover",
            solutions=differ,
        )


def overlap(problems: Sequence[Problem], training: Iterable[Problem], *, sources: Sequence[str]) -> Iterator[Alarm]:
    """An alarm for each set with problems among those the model was trained on, or that its card names as a source.

    Problems are the same if their words are, letter case and punctuation aside. sources: the training data that the
    model's card names ("openai/gsm8k").
    """
    groups = group_problems(problems).sets or {"": [problem.id for problem in problems]}
    texts = {problem.id: _plain(problem.text) for problem in problems}
    wanted = set(texts.values())
    trained = {text for text in map(_plain, (problem.text for problem in training)) if text in wanted}
    for group, ids in groups.items():
        name = group or "the evaluation"
        seen = [problem for problem in ids if texts[problem] in trained]
        if seen:
            yield Alarm(
                name="overlap",
                message=f"{name}: {len(seen):,} of {len(ids):,} problems are among those the model was trained on, "
                f"{seen[0]} first; the accuracy there may measure memorisation",
            )
        named = [source for source in sources if group and _names(source, group)]
        if named:
            yield Alarm(
                name="overlap",
                message=f"{name}: the model's card names {', '.join(named)} as training data. Make sure that it is "
                "another split; the set is in-domain either way",
            )


def _names(source: str, group: str) -> bool:
    """Whether a source's name is that of a set: "openai/gsm8k" is gsm8k's."""
    name, wanted = (_SPACE.sub("", text.rpartition("/")[2].lower().replace("_", "")) for text in (source, group))
    return name == wanted


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text.lower()).strip()


def _same(first: str | None, second: str | None, same: Callable[[str, str], bool]) -> bool:
    if first is None or second is None:
        return first is second
    return first == second or same(first, second)


def answers_of(solutions: Iterable[Solution]) -> dict[str, str | None]:
    """Solution id -> its answer."""
    return {solution.id: solution.answer for solution in solutions}
