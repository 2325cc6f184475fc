"""Reads the output files of other tools: rows become problems, solutions, and the verdicts recorded with them.

lm_eval.py, nemo_skills.py, tora.py, mammoth.py, inspect_log.py  one file format each, listed in `FILE_FORMATS`
rows.py                                                          rows of no tool, with a mapping of keys
parsed.py                                                        what each of them makes of a row
places.py                                                        which files are of one run, and their tasks' names

A file format recognises its rows by their keys and finds in a row the problem, the output, and the recorded verdict.
Files that are read are never changed.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from slipstick.edges import files_below
from slipstick.errors import InputError
from slipstick.formats import parse_whole, read_format
from slipstick.importers import inspect_log, lm_eval, mammoth, nemo_skills, rows, tora
from slipstick.importers.parsed import ParsedAttempt, ParsedRow, Scope
from slipstick.importers.places import OutputFile, older, places, run_of
from slipstick.problems.files import read_problem
from slipstick.problems.option_columns import UNDECIDED, Decided, FieldMap
from slipstick.schema import Block, Code, Output, Problem, Record, Solution, Text
from slipstick.tabular import OnBad, Row, files_at, hand_over, read_rows


class FileFormat(NamedTuple):
    """How one tool writes its rows."""

    recognises: Callable[[dict[str, Any]], bool]
    """Whether a row is of this format."""
    task: Callable[[Path, dict[str, Any]], str]
    """Short name of a file's task, from its path and its first row."""
    read: Callable[[Row], ParsedRow]
    """A row's problem and attempts. Raises InputError, with file and line, for a row that holds none."""
    file_is_a_sample: bool = False
    """Whether the files of one folder are samples of the same problems."""
    model: Callable[[Path], str] | None = None
    """The model that wrote a file, "" if nothing says; None if its tool keeps no folder for each model."""
    date: Callable[[Path], str] = lambda path: ""
    """When a file was written, as text that sorts; "" if its name does not say."""
    has_text: Callable[[dict[str, Any]], bool] = lambda first: True
    """Whether a file has text to grade, as its first row says."""


FILE_FORMATS: dict[str, FileFormat] = {
    "lm-eval": FileFormat(
        lm_eval.recognises,
        lm_eval.task,
        lm_eval.read,
        model=lm_eval.model,
        date=lm_eval.date,
        has_text=lm_eval.has_text,
    ),
    "nemo-skills": FileFormat(nemo_skills.recognises, nemo_skills.task, nemo_skills.read, file_is_a_sample=True),
    "tora": FileFormat(tora.recognises, tora.task, tora.read),
    "mammoth": FileFormat(mammoth.recognises, mammoth.task, mammoth.read),
    "inspect": FileFormat(inspect_log.recognises, inspect_log.task, inspect_log.read),
}


ROWS = "rows"
"""The name of the format of rows of no tool, whose keys are mapped or guessed."""


class Source(NamedTuple):
    """A file to read."""

    path: Path
    """Where it is."""
    file_format: str
    """Name in `FILE_FORMATS`, or `ROWS`."""
    label: str
    """The name of its task, unique in its run unless the files are samples of the same problems."""
    run: str = ""
    """Folder name of the run that it belongs to, "" if all files are of one."""
    model: str = ""
    """The model that wrote it, "" if that is not known."""
    field_map: FieldMap = {}  # noqa: RUF012  never changed
    """Field -> key of its rows, for `ROWS`."""
    model_key: str = ""
    """The key that says which rows are of its model, if the file has rows of several."""


class Recorded(Record):
    """How another tool graded one solution: a line of recorded.jsonl."""

    id: str
    """The solution's id."""
    where: str
    """The row, as "path:line"."""
    rule: str
    """Name of the rule that found the answer, if the tool has several."""
    answer: str | None
    """The answer the tool found, "" if it found none; None if the file does not say."""
    verdicts: dict[str, bool]
    """Name of a verdict -> whether it is "correct"; empty if none was recorded."""
    scope: Scope = Field(default="sample", exclude_if=lambda scope: scope == "sample")
    """What answer and verdicts are of; written if it is not this solution alone."""


class Attempt(NamedTuple):
    """One solution of another tool's file, and what was recorded with it."""

    problem: Problem
    """The problem, with the gold of the file."""
    solution: Solution
    """The solution, with its text as blocks."""
    recorded: list[Recorded]
    """One entry per rule of the tool."""


def find_outputs(
    path: Path | str, *, file_format: str | None = None, field_map: FieldMap | None = None
) -> tuple[list[Source], dict[Path, str]]:
    """The files to read at a path, a file, a folder or a pattern ("out/*.jsonl"), and why each other one is left out:
    it is of no known format, has no text to grade, or its task was evaluated again later, in the same folder.

    file_format: name in `FILE_FORMATS` that all of them are read in, or `ROWS`; None to recognise each by its first
    row. field_map: field -> key of rows of no tool; fields that it leaves out are guessed, and all of them if no file
    is of a known format. Raises InputError if nothing is recognised, and what reading a first row raises.
    """
    path = Path(path)
    rows.check_map(field_map or {})
    below = (file for file in files_below(path) if _is_rows(file) and file.stat().st_size)
    files = sorted(below) if path.is_dir() else files_at(path)
    root = path if path.is_dir() or not files else Path(os.path.commonpath([file.parent for file in files]))
    first = {file: next(_rows_of(file)).values for file in files}
    wanted = ROWS if field_map else file_format
    names = {file: wanted or _recognise(values) for file, values in first.items()}
    if not any(names.values()):
        names = dict.fromkeys(first, ROWS)
    maps = {file: rows.guess(_head(file), field_map) for file, name in names.items() if name == ROWS}
    known = {file: name for file, name in names.items() if name and (name != ROWS or maps[file])}
    if not known:
        raise InputError(_nothing_known(path, first))
    left = {file: "of no known format" for file in names if file not in known}
    silent = [file for file, name in known.items() if name != ROWS and not FILE_FORMATS[name].has_text(first[file])]
    if len(silent) < len(known):  # else reading the first says what is wrong
        left |= dict.fromkeys(silent, "with log-likelihoods, no text to grade")
    described = [_described(file, name, first[file]) for file, name in known.items() if file not in left]
    left |= dict.fromkeys(sorted(older(described)), "of an earlier evaluation of the same task")
    found = places(root, [file for file in described if file.path not in left])
    sources = [
        Source(file, name, found[file].label, found[file].run, found[file].model, maps.get(file) or {})
        for file, name in known.items()
        if file in found
    ]
    sources = [one for source in sources for one in _by_model(source)]
    ordered = sorted(sources, key=lambda source: (source.run, source.label, source.path))
    return ordered, left


def _by_model(source: Source) -> list[Source]:
    """A source for each model of a file of no tool whose rows are of several, in a run of its own; else the file's."""
    if source.file_format != ROWS:
        return [source]
    key, models = rows.models_of(_readable(source.path))
    if not models or key in source.field_map.values():
        return [source]
    return [source._replace(run=run_of(model), model=model, model_key=key) for model in models]


def read_outputs(sources: Iterable[Source], *, on_bad: OnBad | None = None) -> Iterator[Attempt]:
    """The attempts of the files of one run, ordered by label, with ids "label/row#format#sample".

    All attempts of a label have one format: tir if any has text and a program with its output, pot if any has a
    program, else cot. on_bad: takes a sample that ended in an error, as (its place, the error). Raises InputError,
    with file and line, for a row that cannot be read, for one that repeats another, and if two files of a label hold
    different problems; without `on_bad` for a sample that ended in an error too.
    """
    for _, group in groupby(sources, key=lambda source: source.label):
        attempts: dict[tuple[str, int], _Attempt] = {}
        problems: dict[str, Problem] = {}
        model = ""
        for source in group:
            _read_file(source, problems, attempts, on_bad)
            model = source.model
        format = _format(attempt.blocks for attempt in attempts.values())
        for (problem_id, sample), attempt in attempts.items():
            name = f"{problem_id}#{format}#{sample}"
            solution = Solution(
                id=name,
                problem_id=problem_id,
                sample=sample,
                format=format,
                blocks=attempt.blocks,
                tokens=attempt.parsed[0].tokens,
                model=model,
            )
            recorded = [
                Recorded(
                    id=name,
                    where=where,
                    rule=one.rule,
                    answer=one.answer,
                    verdicts=one.verdicts,
                    scope=one.scope,
                )
                for one, where in zip(attempt.parsed, attempt.where, strict=True)
            ]
            yield Attempt(problems[problem_id], solution, recorded)


def with_recorded_answers(attempts: Iterable[Attempt]) -> Iterator[Attempt]:
    """The attempts with the answers that the other tool found; one attempt for each of its rules if it has several.

    An answer that a rule gives for all samples of a problem is one attempt, with the text of all of them. Raises
    InputError, with file and line, for such a rule that gives no answer.
    """
    for _, group in groupby(attempts, key=lambda attempt: attempt.problem.id):
        samples = [*group]
        blocks = [block for attempt in samples for block in attempt.solution.blocks]
        for attempt in samples:
            for row in attempt.recorded:
                if row.scope == "all" and row.answer is None:
                    raise InputError(
                        f"{row.where} has {len(samples)} responses, and `{row.rule}` keeps neither one answer for all "
                        "of them nor one for each; grade the answers found in them (--set answers=found)"
                    )
                if row.scope == "sample" or (row.scope == "all" and attempt is samples[0]):
                    yield _with_answer(attempt, row, blocks if row.scope == "all" else attempt.solution.blocks)


def _with_answer(attempt: Attempt, row: Recorded, blocks: list[Block]) -> Attempt:
    solution = attempt.solution
    format = f"{solution.format}:{row.rule}" if len(attempt.recorded) > 1 else solution.format
    name = f"{solution.problem_id}#{format}#{solution.sample}"
    answered = solution.model_copy(update={"id": name, "format": format, "answer": row.answer, "blocks": blocks})
    return Attempt(attempt.problem, answered, [row.model_copy(update={"id": name, "scope": "sample"})])


class _Attempt(NamedTuple):
    blocks: list[Block]
    parsed: list[ParsedAttempt]
    where: list[str]


def _read_file(
    source: Source,
    problems: dict[str, Problem],
    attempts: dict[tuple[str, int], _Attempt],
    on_bad: OnBad | None,
) -> None:
    counts = Counter(problem_id for problem_id, _ in attempts)
    seen: dict[str, set[str]] = {}
    same: dict[tuple[str, str], str] = {}
    decided: Decided | None = None
    for row in _rows_of(source.path):
        if decided is None:
            as_is = source.file_format != ROWS
            decided = UNDECIDED if as_is else rows.options_of(source.path, row, source.field_map)
        parsed = _parse(row, source, decided)
        for where, error in parsed.dropped:
            hand_over(where, InputError(f"{where}: {error}"), on_bad)
        problem = _problem(row, parsed, source.label, decided)
        if source.file_format == ROWS and "id" not in parsed.problem:  # rows of one question are its samples
            name = same.setdefault((problem.text, str(problem.answer)), problem.id)
            problem = problem.model_copy(update={"id": name})
        if source.model_key and rows.model_of(row, source.model_key) != source.model:
            continue
        known = problems.setdefault(problem.id, problem)
        if (known.text, known.answer) != (problem.text, problem.answer):
            raise InputError(
                f"{row.where} differs from problem {problem.id} of the other files. Files that are samples of "
                "the same problems must have the same rows; grade these files one by one"
            )
        begin = counts[problem.id]
        if source.file_format == ROWS:
            counts[problem.id] += len(parsed.attempts)
        else:
            parsed = _under_its_rule(row, parsed, problem.id, seen, attempts.get((problem.id, begin)))
        for sample, one in enumerate(parsed.attempts, start=begin):
            attempt = attempts.setdefault((problem.id, sample), _Attempt(_blocks(one), [], []))
            attempt.parsed.append(one)
            attempt.where.append(row.where)


def _parse(row: Row, source: Source, decided: Decided) -> ParsedRow:
    """Raises InputError for a row of another format."""
    if source.file_format == ROWS:
        return rows.read(row, source.field_map, decided)
    if not FILE_FORMATS[source.file_format].recognises(row.values):
        keys = ", ".join(row.values) or "none"
        raise InputError(f"{row.where} is not a row of {source.file_format}; its keys are {keys}")
    return FILE_FORMATS[source.file_format].read(row)


def _under_its_rule(
    row: Row, parsed: ParsedRow, name: str, seen: dict[str, set[str]], earlier: _Attempt | None
) -> ParsedRow:
    """The row, under a rule that its problem does not have yet.

    Early versions of lm-eval repeat a document for each filter without naming it: "filter 2". Raises InputError for
    any other row that repeats one.
    """
    rule = parsed.attempts[0].rule if parsed.attempts else ""
    rules = seen.setdefault(name, set())
    if rule in rules:
        unnamed = "doc_id" in row.values and "filter" not in row.values
        if not unnamed or earlier is None or earlier.blocks != _blocks(parsed.attempts[0]):
            raise InputError(f"{row.where} repeats problem {name} of this file: remove one of the two rows")
        rule = f"filter {len(rules) + 1}"
        renamed = [
            one._replace(
                rule=rule,
                verdicts={f"{key.removesuffix(f',{one.rule}')},{rule}": value for key, value in one.verdicts.items()},
            )
            for one in parsed.attempts
        ]
        parsed = parsed._replace(attempts=renamed)
    rules.add(rule)
    return parsed


def _problem(row: Row, parsed: ParsedRow, label: str, decided: Decided) -> Problem:
    problem = read_problem(Row(row.where, row.number, parsed.problem), stem=label, decided=decided).problem
    return problem.model_copy(update={"metadata": {**problem.metadata, "dataset": label}})


def _blocks(attempt: ParsedAttempt) -> list[Block]:
    """The output as blocks; the output of a program is the recorded answer if the file does not hold it."""
    if attempt.text is None:
        return []
    if attempt.program is not None:
        status = "ok" if attempt.answer and not attempt.failed else "error"
        return [Code(text=attempt.program), Output(text=attempt.answer or "", status=status)]
    return parse_whole(read_format("tir"), attempt.text) if "```output" in attempt.text else [Text(text=attempt.text)]


def _format(attempts: Iterable[list[Block]]) -> str:
    found = "cot"
    for blocks in attempts:
        kinds = [block.type for block in blocks]
        if "output" in kinds and "text" in kinds:
            return "tir"
        found = "pot" if "code" in kinds else found
    return found


def _recognise(values: dict[str, Any]) -> str | None:
    return next((name for name, reader in FILE_FORMATS.items() if reader.recognises(values)), None)


def _head(path: Path) -> list[dict[str, Any]]:
    return list(islice(_readable(path), rows.LOOKED_AT))


def _readable(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file, as far as they can be read: what is wrong with a later one is said when it is read."""
    none_yet = True
    try:
        for row in _rows_of(path):
            none_yet = False
            yield row.values
    except InputError:
        if none_yet:
            raise


def _described(path: Path, name: str, first: dict[str, Any]) -> OutputFile:
    """A file of a format, by its name and its first row."""
    if name == ROWS:
        return OutputFile(path, rows.task(path), False, "", "", path.with_name(path.name.partition(".jsonl")[0]))
    tool = FILE_FORMATS[name]
    stem = path.name.partition(".jsonl")[0]
    place = path.parent if tool.file_is_a_sample else path.with_name(stem.removeprefix("samples_"))
    model = tool.model(path) if tool.model else ""
    return OutputFile(path, tool.task(path, first), tool.model is not None, model, tool.date(path), place)


def _is_rows(path: Path) -> bool:
    return path.is_file() and (path.name.endswith((".jsonl", ".jsonl.gz")) or inspect_log.is_log(path))


def _rows_of(path: Path) -> Iterator[Row]:
    """The rows of a file. Raises InputError for a binary log of inspect."""
    if path.suffix == ".eval":
        raise InputError(f"{path} is a binary log of inspect: convert it with `inspect log convert --to json`")
    return inspect_log.rows(path) if inspect_log.is_log(path) else read_rows(path)


def _nothing_known(path: Path, first: dict[Path, dict[str, Any]]) -> str:
    known = ", ".join(FILE_FORMATS)
    if not first:
        return (
            f"{path} is not a run folder and has no .jsonl file. What can be graded: a run folder, or rows of {known}"
        )
    keys = next(iter(first.values()))
    return (
        f"{path} is not a run folder, and its rows are of no known format ({known}); the keys of the first are "
        f"{', '.join(keys) or 'none'}. Name the format with --set file_format=NAME, or the keys with "
        "--set field_map.text=KEY --set field_map.answer=KEY --set field_map.response=KEY"
    )
