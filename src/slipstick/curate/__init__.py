"""Keeps of written solutions what a training set should hold; every other row goes into the drops, with its reason.

The rules look at questions, then at one solution after the other, then at all that are left: `settings.py` has them in
their order. Texts are read anew for each of them, so that a million rows fit into a gigabyte or two.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from slipstick.curate import questions as asked
from slipstick.curate import solutions as written
from slipstick.curate import writing
from slipstick.curate.composition import Composition, Tally
from slipstick.curate.contamination import How
from slipstick.curate.mixing import Candidate, require_groups, split_questions
from slipstick.curate.questions import Fault, Questions
from slipstick.curate.reproduction import reproduce
from slipstick.curate.settings import CurateSettings
from slipstick.curate.solutions import Solutions
from slipstick.formats import load_format
from slipstick.interpreters import Interpreter
from slipstick.schema import Problem
from slipstick.store import RunFolder, write_atomically

EXECUTED = "executed.jsonl"
FILES = ("composition.json", "contamination.jsonl", EXECUTED, "origins.jsonl")
"""What curation writes beside the files that any run has."""

Notice = Callable[[str, int, int], None]
"""Takes what is being done, how much of it is done, and how much there is (0, 0 where nobody counts)."""


def curate(
    runs: Sequence[RunFolder],
    out: RunFolder,
    settings: CurateSettings,
    *,
    evaluation: Mapping[str, Sequence[Problem]] | None = None,
    open_interpreter: Callable[[], Interpreter] | None = None,
    limit: int | None = None,
    on_progress: Notice = lambda what, done, total: None,
) -> Composition:
    """Writes what stays of the solutions of `runs` into the run folder `out`, and every other row into its drops.

    evaluation: name -> problems that must not be trained on. open_interpreter: makes what runs the programs again;
    None leaves that rule out. limit: only the first so many problems.
    Raises InputError where two runs have different questions under one id, and for a `mix` that names nothing there is;
    PluginError for a format nobody knows. Killed at any moment, it comes to the same result when called again: what
    programs said is kept as it comes in executed.jsonl, all else is computed anew and written whole at the end.
    """
    on_progress("reading questions", 0, 0)
    questions = asked.survey(runs, settings, limit=limit)
    on_progress("comparing questions", 0, 0)
    overlaps = _decontaminate(runs, out, questions, settings, evaluation or {})
    asked.drop_repeated(runs, questions, settings)
    on_progress("reading solutions", 0, 0)
    solutions = written.examine(runs, questions, settings, limited=limit is not None)
    require_groups(solutions.candidates, settings.mix, by=settings.mix_by)
    if settings.rerun_programs and open_interpreter:
        solutions.fault(_run_again(runs, out, solutions, open_interpreter, on_progress))
    on_progress("comparing solutions", 0, 0)
    written.drop_repeated(runs, solutions, settings)
    written.drop_surplus(solutions, settings)
    on_progress("writing", 0, 0)
    tally = Tally()
    sources = {row.question: questions.sources[row.question] for row in solutions.candidates}
    splits = split_questions(sources, settings.splits, seed=settings.seed) if settings.splits else {}
    kept = {row.problem for row in solutions.candidates}
    writing.write_problems(runs, out, questions, kept, splits)
    writing.write_solutions(runs, out, solutions, tally)
    writing.write_dropped(runs, out, questions, solutions, tally)
    composition = Composition(
        parts=tally.parts(),
        problems=len(kept),
        rules=_rules(settings, compared=bool(evaluation), ran=open_interpreter is not None),
        evaluation={name: len(problems) for name, problems in (evaluation or {}).items()},
        overlaps=overlaps,
        **writing.count_kept(questions, solutions, splits),
    )
    write_atomically(out.path / "composition.json", composition.model_dump_json(indent=2))
    return composition


def _decontaminate(
    runs: Sequence[RunFolder],
    out: RunFolder,
    questions: Questions,
    settings: CurateSettings,
    evaluation: Mapping[str, Sequence[Problem]],
) -> dict[str, dict[str, int]]:
    """Writes contamination.jsonl and gives evaluation set -> kind -> problems that overlap."""
    hits: list[tuple[str, How]] = []

    def lines() -> Iterator[str]:
        for hit in asked.decontaminate(runs, questions, settings, evaluation):
            hits.append((hit.evaluation_id, hit.how))
            yield f"{hit.model_dump_json()}\n"

    if evaluation:
        write_atomically(out.path / "contamination.jsonl", lines())
    return asked.count_overlaps(hits, evaluation)


def _run_again(
    runs: Sequence[RunFolder],
    out: RunFolder,
    solutions: Solutions,
    open_interpreter: Callable[[], Interpreter],
    on_progress: Notice,
) -> dict[int, Fault]:
    """The rows whose programs do not say what is recorded; each result is on disk before the next is asked for."""
    for name in {row.format for row in solutions.candidates} - {"hybrid"}:
        load_format(name)
    done = _executed(out)
    work = [row for row in solutions.candidates if row.runs]
    rest = [row for row in work if row.place not in done]
    if rest:
        _execute(runs, out, rest, done, open_interpreter, lambda: on_progress("running programs", len(done), len(work)))
    return {row.place: Fault("not reproduced", done[row.place]) for row in work if done[row.place]}


def _execute(
    runs: Sequence[RunFolder],
    out: RunFolder,
    rows: Sequence[Candidate],
    done: dict[int, str],
    open_interpreter: Callable[[], Interpreter],
    on_result: Callable[[], None],
) -> None:
    """Runs the programs of rows and adds what was wrong with each to `done` and to executed.jsonl."""
    with (out.path / EXECUTED).open("a", encoding="utf-8") as file:

        def keep(place: int, fault: str) -> None:
            done[place] = fault
            file.write(json.dumps({"row": place, "fault": fault}, ensure_ascii=False) + "\n")
            file.flush()
            on_result()

        async def run() -> None:
            interpreter = open_interpreter()
            try:
                await reproduce(written.chosen(runs, rows), interpreter, on_result=keep)
            finally:
                await interpreter.close()

        asyncio.run(run())


def _executed(out: RunFolder) -> dict[int, str]:
    """Row -> what was wrong, as an earlier run found; a line that a kill cut is taken off the file."""
    path = out.path / EXECUTED
    if not path.is_file():
        return {}
    whole = [line for line in path.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]
    write_atomically(path, whole)
    rows = [json.loads(line) for line in whole]
    return {row["row"]: row["fault"] for row in rows}


def _rules(settings: CurateSettings, *, compared: bool, ran: bool) -> list[str]:
    """The names of the rules that were applied."""
    asked_for = {
        "licence": bool(settings.licences.allow or settings.licences.deny or settings.licences.unknown == "drop"),
        "language": bool(settings.language),
        "contaminated": compared,
        "verdict": True,
        "hardcoded answer": not settings.allow_hardcoded_answers,
        "length": any(
            limit is not None
            for limit in (
                settings.min_solution_tokens,
                settings.max_solution_tokens,
                settings.min_characters,
                settings.max_characters,
            )
        ),
        "not reproduced": settings.rerun_programs and ran,
        "duplicate": bool(settings.duplicates),
        "near duplicate": bool(settings.near_duplicates),
        "cap": settings.max_solutions_per_problem is not None,
        "mix": bool(settings.mix or settings.max_rows),
    }
    return [name for name, applied in asked_for.items() if applied]
