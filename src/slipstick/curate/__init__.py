"""Keeps the solutions that a training set should have; every other row is dropped, with its reason.

A row passes these files in this order:

    settings        what a recipe says of each rule
    evaluation_sets loads what training questions are compared with
    reading         reads the rows of finished runs, one at a time
    questions       drops questions with all their solutions: by `rules`, `contamination`, then `duplicates`
    solutions       drops solutions: by `rules` (`hardcoded` is one of them), then `duplicates`, then `mixing`
    rerun           runs the programs of those that are left again
    mixing          how many of each: solutions of a question, weights of sources, splits
    writing         writes what stays and what was dropped
    composition     counts it, as a record and as a table

`shingles` hashes words for `contamination` and `duplicates`. Texts are read again for each rule instead of being kept,
so that a million rows fit into a gigabyte or two.
"""

from collections.abc import Callable, Sequence

from slipstick.curate import questions, solutions, writing
from slipstick.curate.composition import COMPOSITION, Composition
from slipstick.curate.evaluation_sets import NO_SETS, EvaluationSets
from slipstick.curate.mixing import require_groups, split_questions
from slipstick.curate.rerun import OnProgress, rerun_programs
from slipstick.curate.rules import DropReason
from slipstick.curate.settings import CurateSettings
from slipstick.formats.recorded import copy_formats, formats_of
from slipstick.interpreters import Interpreter
from slipstick.store import RunFolder, write_atomically


def curate(
    runs: Sequence[RunFolder],
    out: RunFolder,
    settings: CurateSettings,
    *,
    evaluation: EvaluationSets = NO_SETS,
    open_interpreter: Callable[[], Interpreter] | None = None,
    limit: int | None = None,
    on_progress: OnProgress = lambda what, done, total: None,
) -> Composition:
    """Writes the solutions of `runs` that stay into the run folder `out`, and every other row into its drops.

    evaluation: sets whose problems must not be trained on. open_interpreter: opens what runs the programs again;
    None leaves that rule out. limit: only the first `limit` problems of each set.
    Raises InputError if two runs have different questions or formats under one name, and for a `mix` that names what
    no row has;
    PluginError for an unknown format. If killed at any moment, a second call writes the same files: the outputs of
    programs are appended to executed.jsonl as they come, all else is computed again and written whole at the end.
    """
    copy_formats(out, [run.path for run in runs])
    on_progress("reading questions", 0, 0)
    asked = questions.screen_questions(runs, settings, limit=limit)
    on_progress("comparing questions", 0, 0)
    found = questions.decontaminate(runs, asked, settings, evaluation.problems)
    overlaps = writing.write_overlaps(out, found) if evaluation.problems else []
    questions.drop_duplicates(runs, asked, settings)
    on_progress("reading solutions", 0, 0)
    written = solutions.screen_solutions(runs, asked, settings, limited=limit is not None)
    require_groups(written.candidates, settings.mix, by=settings.mix_by)
    if settings.rerun_programs and open_interpreter:
        _drop_changed(runs, out, written, open_interpreter, on_progress)
    on_progress("comparing solutions", 0, 0)
    solutions.drop_duplicates(runs, written, settings)
    solutions.drop_surplus(written, settings)
    on_progress("writing", 0, 0)
    sources = {row.question: asked.sources[row.question] for row in written.candidates}
    given = writing.given_splits(runs, asked, sources)
    splits = split_questions(sources, settings.splits, seed=settings.seed) if settings.splits else given
    made = {
        "rules": settings.applied_rules(compared=bool(evaluation.problems), executed=open_interpreter is not None),
        "evaluation": {name: len(problems) for name, problems in evaluation.problems.items()},
        "overlaps": questions.count_overlaps(overlaps, evaluation.problems),
        "not_compared": dict(evaluation.not_loaded),
        "earlier_splits": writing.count_splits(written, given) if settings.splits else {},
    }
    composition = writing.write_rows(runs, out, asked, written, splits).model_copy(update=made)
    write_atomically(out.path / COMPOSITION, composition.model_dump_json(indent=2))
    return composition


def _drop_changed(
    runs: Sequence[RunFolder],
    out: RunFolder,
    written: solutions.Solutions,
    open_interpreter: Callable[[], Interpreter],
    on_progress: OnProgress,
) -> None:
    """Drops the rows whose programs no longer print what is recorded."""
    load = formats_of(run.path for run in runs)
    for name in {row.format for row in written.candidates} - {"hybrid"}:
        load(name)
    places = [row.place for row in written.candidates if row.has_code]
    differences = rerun_programs(runs, out, places, open_interpreter, on_progress)
    written.drop({place: DropReason("not reproduced", what) for place, what in differences.items() if what})
