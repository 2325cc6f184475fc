"""Run folders: readable files that a run appends to, that can be killed at any instant and resumed.

    run.json         a Run, rewritten whole (atomically) when its status changes
    recipe.toml      the recipe that repeats the run from any folder: every setting, paths absolute; verbs that take no
                   recipe have none, and run.json has their command
    problems.jsonl   the problems of the run
    solutions.jsonl  one line a solution, appended while running
    verdicts.jsonl   one line a graded solution: id, answer, verdict
    dropped.jsonl    the rows that were dropped, and why
    metrics.json     the numbers
    alarms.jsonl     why not to believe the numbers yet, if there is a reason
    formats.jsonl    the formats as problems were asked in them
    report.html      the page; figures/ its pictures and tables as files
    exports/         the run as other tools read it, with its card
    model/           the weights of a training run
    trackers/        what experiment trackers keep on disk; batches/ what a provider was sent in batches and its replies

A verb names what else it writes in `Run.files`. All other files belong to somebody else and are never touched.
A line counts once its newline is on disk; a last line without one was cut by a kill and is removed on resume.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, TypeVar

from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticSerializationError

from slipstick.edges import damaged_row, read_json, to_record, whole_lines
from slipstick.errors import RunFolderError
from slipstick.parts import cut_torn_line, part_of, replacing
from slipstick.schema import Drop, Metric, Problem, Record, Run, Solution, Verdict
from slipstick.shipped import how_to_make
from slipstick.solution_index import SolutionIndex, id_of
from slipstick.surrogates import replace_surrogates

R = TypeVar("R", bound=BaseModel)
T = TypeVar("T")
_METRICS = TypeAdapter(list[Metric])
_RUN = TypeAdapter(Run)
_ROWS = ("problems.jsonl", "solutions.jsonl", "verdicts.jsonl", "dropped.jsonl")
_FILES = ("run.json", "recipe.toml", "metrics.json", "alarms.jsonl", "formats.jsonl", "report.html", *_ROWS)
_FOLDERS = ("model", "figures", "exports", "trackers", "batches")
_REPLACED = ".replaced"
"""Folder in a run's folder with the run that `overwrite` replaces, until the new one has made something and ended."""


class Graded(Record):
    """A line of verdicts.jsonl."""

    id: str
    """The solution's id."""
    answer: str | None
    """The answer that was graded."""
    verdict: Verdict
    """Its verdict."""


class RunFolder:
    """A run's folder, open for reading; `start` opens it for writing."""

    def __init__(self, path: Path | str) -> None:
        """Raises RunFolderError if `path` holds no run."""
        self.path = Path(path)
        self._lock: IO[str] | None = None
        self._open_files: dict[str, IO[str]] = {}
        if not is_run(self.path):
            raise RunFolderError(f"{self.path} is not a run folder: it has no run.json{how_to_make(self.path)}")

    @classmethod
    def start(
        cls,
        path: Path | str,
        run: Run,
        *,
        recipe_text: str = "",
        resume: bool = False,
        overwrite: bool = False,
        may_change: Collection[str] = (),
    ) -> RunFolder:
        """Makes the folder of a new run, or opens an existing one with `resume`.

        may_change: settings that may differ from those the run was started with, as they do not change its rows.
        A finished run that is resumed keeps its rows and can be finished again. `overwrite` replaces an earlier run's
        own files, nothing else; `discard` puts them back. Raises RunFolderError if the folder holds something that must
        not be touched, is in use by a live process, or was made by another recipe or from other files; then nothing in
        it is changed.
        """
        path = Path(path)
        exists = is_run(path)
        if not exists and path.is_dir() and any(not entry.name.startswith((".", "given-")) for entry in path.iterdir()):
            raise RunFolderError(f"{path} is not empty and not a run folder: choose another with --out")
        if path.is_symlink() and not path.exists():
            raise RunFolderError(f"{path} is a link that leads nowhere: remove it, or choose another with --out")
        if not exists and path.exists() and not path.is_dir():
            raise RunFolderError(f"{path} is a file: choose a folder with --out")
        if exists and resume and not overwrite:
            _require_same_recipe(path, run, may_change)
        elif exists and not overwrite:
            verb = cls(path).run().verb
            resumes = "--resume to continue it, " if verb == run.verb else ""
            raise RunFolderError(
                f"{path} already holds a run of `slipstick {verb}`: add {resumes}--overwrite to replace it, "
                "or choose another folder with --out"
            )
        path.mkdir(parents=True, exist_ok=True)
        lock = _lock(path)
        if exists and overwrite:
            _set_aside(path, run.files)
        if not exists or overwrite:
            write_atomically(path / "run.json", run.model_dump_json(indent=2))
        folder = cls(path)
        changed = exists and not overwrite and folder.run().recipe != run.recipe
        if changed:
            folder.note(recipe=run.recipe)
        if recipe_text and (changed or not (path / "recipe.toml").is_file()):  # a kill may come between the two
            write_atomically(path / "recipe.toml", recipe_text)
        folder._lock = lock
        for name in ("solutions.jsonl", "dropped.jsonl"):
            cut_torn_line(path / name)
        return folder

    def run(self) -> Run:
        """The content of run.json."""
        return read_json(self.path / "run.json", _RUN)

    def problems(self) -> Iterator[Problem]:
        """The run's problems, in order."""
        return read_records(self.path / "problems.jsonl", Problem)

    def solutions(self) -> Iterator[Solution]:
        """The run's solutions as they were written, with the verdicts that were given since.

        Raises InputError for a row that cannot be read, or whose problem the run lacks.
        """
        graded = {row.id: row for row in read_records(self.path / "verdicts.jsonl", Graded, missing_ok=True)}
        path, problems = self.path / "solutions.jsonl", self._problem_ids()
        for number, solution in enumerate(read_records(path, Solution, missing_ok=True), start=1):
            if problems is not None and solution.problem_id not in problems:
                raise damaged_row(path, number, f"is of problem {solution.problem_id!r}, which problems.jsonl lacks")
            row = graded.get(solution.id)
            yield solution.model_copy(update={"answer": row.answer, "verdict": row.verdict}) if row else solution

    def dropped(self) -> Iterator[Drop]:
        """The dropped rows, and why they were dropped."""
        return read_records(self.path / "dropped.jsonl", Drop, missing_ok=True)

    def has_rows(self) -> bool:
        """Whether anything was solved, dropped, trained or sent in a batch yet, here or in a run that is part of it."""
        made = [
            *(path for path in self.path.glob("*/**/run.json") if _REPLACED not in path.parts),
            *(path for name in ("model", "batches") for path in (self.path / name).rglob("*") if path.is_file()),
        ]
        rows = (self.path / name for name in ("solutions.jsonl", "dropped.jsonl"))
        return bool(made) or any(path.exists() and path.stat().st_size > 0 for path in rows)

    def metrics(self) -> list[Metric]:
        """The run's numbers; empty if there are none yet."""
        file = self.path / "metrics.json"
        return read_json(file, _METRICS) if file.exists() else []

    def index(self) -> Mapping[str, Solution]:
        """The run's solutions by id, read on access; only their ids and places are in memory."""
        return SolutionIndex(self.path / "solutions.jsonl")

    def note(self, **fields: Any) -> Run:
        """Changes fields of run.json and gives its new content."""
        run = Run.model_validate({**self.run().model_dump(), **fields})
        write_atomically(self.path / "run.json", run.model_dump_json(indent=2))
        return run

    def write_problems(self, problems: Iterable[Problem]) -> int:
        """Writes problems.jsonl, taking the problems one by one, and gives their number."""
        return write_records(self.path / "problems.jsonl", problems)

    def rearrange(self, ids: Iterable[str]) -> None:
        """Rewrites solutions.jsonl with the solutions of these ids in this order, as far as it has them; no others."""
        index = SolutionIndex(self.path / "solutions.jsonl")
        if file := self._open_files.pop("solutions.jsonl", None):
            file.close()
        if index:
            write_atomically(self.path / "solutions.jsonl", index.lines(key for key in ids if key in index))

    def write_verdicts(self, solutions: Iterable[Solution]) -> None:
        """Writes verdicts.jsonl from graded solutions."""
        rows = (Graded(id=s.id, answer=s.answer, verdict=s.verdict) for s in solutions if s.verdict)
        write_records(self.path / "verdicts.jsonl", rows)

    def write_dropped(self, drops: Iterable[Drop]) -> None:
        """Rewrites dropped.jsonl, taking the rows one by one."""
        if file := self._open_files.pop("dropped.jsonl", None):
            file.close()
        write_records(self.path / "dropped.jsonl", drops)

    def append(self, record: Solution | Drop) -> None:
        """Adds a line to solutions.jsonl or dropped.jsonl; when this returns it survives a kill."""
        name = "solutions.jsonl" if isinstance(record, Solution) else "dropped.jsonl"
        if name not in self._open_files:
            self._open_files[name] = (self.path / name).open("a", encoding="utf-8")
        file = self._open_files[name]
        file.write(to_json(record) + "\n")
        file.flush()

    def finish(self, status: str, *, counts: dict[str, int], metrics: list[Metric]) -> Run:
        """Writes the numbers and the run's end, closes the folder for writing and gives the final Run."""
        if metrics:
            write_atomically(self.path / "metrics.json", _METRICS.dump_json(metrics, indent=2).decode())
        before = self.run()  # if that is finished: graded again, or resumed without anything left to do
        ended = before.finished if before.status == status == "finished" else datetime.now(UTC)
        run = self.note(status=status, finished=ended, counts=counts, metrics=metrics)
        self.close()
        return run

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from writing. Raises RunFolderError if one does."""
        with _lock(self.path):
            yield

    def _problem_ids(self) -> set[str | None] | None:
        path = self.path / "problems.jsonl"
        if not path.exists():
            return None
        return {id_of(line) for _, line in whole_lines(path)}

    def discard(self) -> None:
        """Removes the run's own files, and puts those of the run it replaced back; the folder goes if it is empty."""
        self._close_files()
        for path in _own_files(self.path, ()):
            _remove(path)
        _put_back(self.path)
        self.close()
        (self.path / ".lock").unlink(missing_ok=True)
        if not any(self.path.iterdir()):
            self.path.rmdir()

    def close(self) -> None:
        """Closes what is open, lets go of a run that was replaced, and lets other processes write."""
        self._close_files()
        if self._lock:
            shutil.rmtree(self.path / _REPLACED, ignore_errors=True)
            self._lock.close()
            self._lock = None

    def _close_files(self) -> None:
        for file in self._open_files.values():
            with suppress(OSError):  # a full disk, which `append` has raised already
                file.close()
        self._open_files.clear()


def is_run(path: Path | str) -> bool:
    """Whether a path is the folder of a run."""
    return (Path(path) / "run.json").is_file()


def to_json(record: BaseModel) -> str:
    """A record as one line of JSON. Half a surrogate pair, which no file can hold, becomes U+FFFD."""
    try:
        return record.model_dump_json()
    except PydanticSerializationError:
        return json.dumps(
            replace_surrogates(record.model_dump()), ensure_ascii=False, separators=(",", ":"), default=str
        )


def write_atomically(path: Path, text: str | Iterable[str]) -> None:
    """Writes a file whole or not at all; text: all of it, or piece by piece."""
    with replacing(path) as new:
        new.writelines(piece.encode() for piece in ([text] if isinstance(text, str) else text))


def write_records(path: Path, records: Iterable[BaseModel]) -> int:
    """Writes a JSONL file whole or not at all, taking the records one by one, and gives their number."""
    number = 0

    def lines() -> Iterator[str]:
        nonlocal number
        for number, record in enumerate(records, start=1):  # noqa: B007  returned below
            yield f"{to_json(record)}\n"

    write_atomically(path, lines())
    return number


def read_records(path: Path, kind: type[R], *, missing_ok: bool = False) -> Iterator[R]:
    """The records of a JSONL file of ours, one at a time; a torn last line is passed over.

    Raises InputError, with file and line, for a line that is no such record.
    """
    if missing_ok and not path.exists():
        return
    for number, line in whole_lines(path):
        yield to_record(line, kind, path, number)


def hash_file(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require_same_recipe(path: Path, run: Run, may_change: Collection[str]) -> None:
    earlier = read_json(path / "run.json", _RUN)
    if earlier.verb != run.verb:
        raise RunFolderError(f"{path} was made by `{earlier.verb}`, not by `{run.verb}`: choose another with --out")
    now: dict[str, Any] = json.loads(run.model_dump_json())["recipe"]
    keys = (now.keys() | earlier.recipe.keys()) - set(may_change)
    differ = [key for key in keys if now.get(key) != earlier.recipe.get(key)]
    if differ:
        old = earlier.recipe
        lines = "\n".join(f"  - {key}: {old.get(key)!r} then, {now.get(key)!r} now" for key in sorted(differ))
        raise RunFolderError(
            f"{path} was started with another recipe, so it cannot be resumed with this one:\n{lines}\n"
            "Restore the settings, choose another folder with --out, or replace the run with --overwrite"
        )
    changed = [name for name, digest in earlier.inputs.items() if run.inputs.get(name, digest) != digest]
    if changed:
        raise RunFolderError(
            f"{path} was started with other contents of {', '.join(changed)}: restore them, choose another folder "
            "with --out, or replace the run with --overwrite"
        )


def _own_files(path: Path, more: Iterable[str]) -> list[Path]:
    """What the run in a folder wrote, and `more`; run.json is last: as long as it is there the folder is a run's."""
    try:
        own = RunFolder(path).run().files
    except RunFolderError:  # run.json is damaged
        own = []
    files = [path / name for name in reversed([*_FILES, *own, *more])]
    return [*(path / name for name in _FOLDERS), *(each for file in files for each in (part_of(file), file))]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _set_aside(path: Path, more: Iterable[str]) -> None:
    """Moves what a run that is replaced wrote out of the way, for as long as the new one has made nothing.

    A run that made nothing before it was killed is not kept: what it had replaced is.
    """
    aside, kept = path / _REPLACED, (path / _REPLACED).is_dir() and not RunFolder(path).has_rows()
    if not kept:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
    for file in _own_files(path, more):
        if kept:
            _remove(file)
        elif file.exists() or file.is_symlink():
            file.rename(aside / file.name)


def _put_back(path: Path) -> None:
    aside = path / _REPLACED
    if aside.is_dir():
        for file in sorted(aside.iterdir(), key=lambda file: file.name == "run.json"):
            file.rename(path / file.name)
        aside.rmdir()


def _lock(path: Path) -> IO[str]:
    lock = (path / ".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise RunFolderError(f"{path} is in use by another process: wait for it or choose another with --out") from None
    return lock
