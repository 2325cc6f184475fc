"""Asks a judge beside the rules of a graded run, and writes and shows what comes of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.grading import is_settled
from slipstick.errors import counted
from slipstick.judge import JUDGED, JUDGEMENTS, JudgeSettings
from slipstick.judge.asking import Judgement, Pair, appended, ask, read_judgements
from slipstick.judge.chosen import choose
from slipstick.judge.labelled import accepted_by_rules, read_labels
from slipstick.judge.opened import OpenedJudge, open_judge
from slipstick.judge.summary import Findings, summarize_judge
from slipstick.progress import watched_progress
from slipstick.report import write_report
from slipstick.report.judge import print_judge
from slipstick.solve.monitor import Monitor
from slipstick.store import RunFolder, hash_file, write_atomically


@contextmanager
def opened_judge(settings: JudgeSettings, invocation: Invocation) -> Iterator[OpenedJudge | None]:
    """The judge that settings name, None if they name none; it is closed when the block ends, however it does.

    Opened before anything is solved or graded, so that a mistake is told first: raises as `open_judge` does.
    """
    judge = open_judge(settings)
    try:
        yield judge
    finally:
        if judge:
            invocation.run_async(judge.close())


def ask_judge(
    folder: RunFolder,
    settings: JudgeSettings,
    judge: OpenedJudge | None,
    *,
    profile: str,
    settled: bool = False,
    invocation: Invocation,
    console: Console,
) -> None:
    """Asks the judge of what it was not asked yet, writes judge.json and the page again, and prints its tables.

    The verdicts and numbers of the run stay as they are. Nothing is done without a judge.
    """
    if judge is None:
        return
    with folder.locked():
        folder.note(files=list(dict.fromkeys([*folder.run().files, JUDGEMENTS, JUDGED])))
        labels = read_labels(Path(settings.judge_labels)) if settings.judge_labels else []
        problems, solutions = list(folder.problems()), list(folder.solutions())
        chosen = choose(problems, solutions, sample=settings.judge_sample)
        known = read_judgements(folder.path, settings)
        pairs = [*chosen.asked.values(), *chosen.sample.values(), *(one.pair for one in labels)]
        missing = {pair.key: pair for pair in pairs if pair.key not in known}
        failed = invocation.run_async(_ask(folder.path, list(missing.values()), judge, settings, known, console))
        accepted = accepted_by_rules(labels, profile=profile) if labels else set()
        summary = summarize_judge(
            problems,
            solutions,
            Findings(chosen, labels, accepted, known, failed),
            settings,
            settled=settled or is_settled(folder),
            labels_hash=hash_file(Path(settings.judge_labels)) if settings.judge_labels else "",
        )
        write_atomically(folder.path / JUDGED, summary.model_dump_json(indent=2))
        page = write_report(folder)
    print_judge(summary, console)
    console.print(f"judge: {folder.path / JUDGEMENTS}; report: {page}", highlight=False, soft_wrap=True)


async def _ask(
    folder: Path,
    pairs: Sequence[Pair],
    judge: OpenedJudge,
    settings: JudgeSettings,
    known: dict[str, Judgement],
    console: Console,
) -> dict[str, int]:
    """Asks of the pairs, adding to `known` and to the file; why requests failed -> how many."""
    monitor, before = Monitor(judge.model), len(known)
    try:
        if not pairs:
            return {}
        console.print(f"\n{settings.judge} judges {counted(len(pairs), 'answer')}", highlight=False, soft_wrap=True)

        def state() -> tuple[float, str]:
            return len(known) - before, monitor.note()

        with appended(folder) as add:

            def keep(judgement: Judgement) -> None:
                add(judgement)
                known[judgement.key] = judgement

            async with watched_progress("judging", len(pairs), "answers", console=console, done=0, state=state):
                return dict(await ask(pairs, monitor, settings, on_judgement=keep))
    finally:
        await judge.close()
