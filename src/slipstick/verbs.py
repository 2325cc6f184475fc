"""The verbs in one call from Python: settings of a recipe as keyword arguments, a `RunResult` back.

A call becomes an `Invocation`, as a command line does, and takes the same way from there; so its run can be resumed and
repeated from the command line.
"""

from __future__ import annotations

import difflib
import logging
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from slipstick.commands import Invocation
from slipstick.edges import shorten
from slipstick.errors import InputError, UserError, first_error
from slipstick.given import Problems, rows_given, split_given, stored
from slipstick.interpreters import Interpreter
from slipstick.models import Model
from slipstick.plugins import GIVEN
from slipstick.problems.catalogue import datasets
from slipstick.recipe import parse_value, toml_value
from slipstick.run_result import RunResult
from slipstick.schema import Record
from slipstick.shipped import shipped_recipes
from slipstick.store import is_run
from slipstick.successors import SETTINGS, then_of
from slipstick.terminal import terminal

_LOGGER = logging.getLogger(__name__)
PathLike = str | os.PathLike[str]
_IN_PYTHON = {
    r"add `(\w+) = \.\.\.` or --set \1=\.\.\.": r"add \1=...",
    r"--set (\w+)\.(\w+)=(\w+)": r'\1={"\2": "\3"}',
    r"--set (?=\w)": "",
    r"\S*given-\w+/problems\.jsonl:(\d+)": r"problems, row \1",
    "--resume": "resume=True",
    "--overwrite": "overwrite=True",
    "with --out": "with out=",
    r"\(--out\)": "(out=)",
    "the command line has": "the call has",
}
"""What a message says of flags and files -> what it says in Python; the first one first."""
_OPTIONS = ("out", "resume", "overwrite", "limit", "quiet", "recipe", "problems", "model", "interpreter")
"""Arguments of a call that are no settings of a recipe, or not only: a misspelt one is a setting that there is not."""


def solve(
    problems: Problems | None = None,
    model: str | Model | None = None,
    *,
    interpreter: str | Interpreter | None = None,
    recipe: PathLike | None = None,
    out: PathLike | None = None,
    resume: bool = False,
    overwrite: bool = False,
    limit: int | None = None,
    quiet: bool = False,
    **settings: object,
) -> RunResult:
    """Solves problems with a model and the interpreter; `slipstick solve`.

    Arguments and errors are those of `evaluate`; `settings` are those that `slipstick settings solve` prints.
    """
    from slipstick.commands.solve import run_solve

    settings |= {"problems": problems, "model": model, "interpreter": interpreter, "limit": limit}
    return _run("solve", run_solve, settings, recipe, out, resume=resume, overwrite=overwrite, quiet=quiet)


def evaluate(
    problems: Problems | None = None,
    model: str | Model | None = None,
    *,
    interpreter: str | Interpreter | None = None,
    recipe: PathLike | None = None,
    out: PathLike | None = None,
    resume: bool = False,
    overwrite: bool = False,
    limit: int | None = None,
    quiet: bool = False,
    **settings: object,
) -> RunResult:
    """Solves, grades, counts and reports; `slipstick evaluate`.

    problems: a name ("gsm8k:test"), a path, or a list of these; or Problems, dicts with the keys of a file's rows, a
    pandas DataFrame, a datasets.Dataset. model: a name ("openai:NAME"), or a Model, which stays open. interpreter: a
    name, or an Interpreter, which stays open; None takes the local sandbox. settings: what `slipstick settings
    evaluate` prints, by the same names; None leaves one as it is. recipe: a recipe to start from, a path or the name
    of a shipped one; arguments override it. out: the run's folder; by default runs/ and the name of the recipe, of the
    problems or of the verb. resume: continues a run that was interrupted. overwrite: replaces an existing run.
    limit: uses only the first so many problems of each set. quiet: prints nothing.
    Raises UserError, with every mistake in the arguments, before anything starts.
    """
    from slipstick.commands.evaluate import run_evaluate

    settings |= {"problems": problems, "model": model, "interpreter": interpreter, "limit": limit}
    return _run("evaluate", run_evaluate, settings, recipe, out, resume=resume, overwrite=overwrite, quiet=quiet)


def synthesize(
    problems: Problems | None = None,
    model: str | Model | None = None,
    *,
    interpreter: str | Interpreter | None = None,
    recipe: PathLike | None = None,
    out: PathLike | None = None,
    resume: bool = False,
    overwrite: bool = False,
    limit: int | None = None,
    quiet: bool = False,
    **settings: object,
) -> RunResult:
    """Writes solutions, runs every program and keeps what is correct; `slipstick synthesize`.

    With a model and no `method` the method is "teacher". Arguments and errors are those of `evaluate`; `settings` are
    those that `slipstick settings synthesize` prints.
    """
    from slipstick.commands.synthesize import run_synthesize

    if model is not None and recipe is None:
        settings.setdefault("method", "teacher")
    settings |= {"problems": problems, "model": model, "interpreter": interpreter, "limit": limit}
    return _run("synthesize", run_synthesize, settings, recipe, out, resume=resume, overwrite=overwrite, quiet=quiet)


def curate(
    data: PathLike | list[PathLike] | None = None,
    *,
    recipe: PathLike | None = None,
    out: PathLike | None = None,
    resume: bool = False,
    overwrite: bool = False,
    limit: int | None = None,
    quiet: bool = False,
    **settings: object,
) -> RunResult:
    """Filters, deduplicates and decontaminates finished runs into a training set; `slipstick curate`.

    data: one or several runs, as results or folders. The other arguments and errors are those of `evaluate`; `settings`
    are those that `slipstick settings curate` prints.
    """
    from slipstick.commands.curate import run_curate

    settings |= {"data": data, "limit": limit}
    return _run("curate", run_curate, settings, recipe, out, resume=resume, overwrite=overwrite, quiet=quiet)


def train(
    data: PathLike | list[PathLike] | None = None,
    *,
    recipe: PathLike | None = None,
    out: PathLike | None = None,
    resume: bool = False,
    overwrite: bool = False,
    limit: int | None = None,
    quiet: bool = False,
    **settings: object,
) -> RunResult:
    """Trains a model on verified solutions; `slipstick train`. The result's `model` is what other verbs take.

    data: one or several runs, as results or folders; stage="grpo" takes `problems` instead, as `evaluate` does. The
    other arguments and errors are those of `evaluate`; `settings` are those that `slipstick settings train` prints.
    """
    from slipstick.commands.train import run_train

    settings |= {"data": data, "limit": limit}
    return _run("train", run_train, settings, recipe, out, resume=resume, overwrite=overwrite, quiet=quiet)


def grade_run(
    target: PathLike,
    *,
    out: PathLike | None = None,
    resume: bool = False,
    overwrite: bool = False,
    limit: int | None = None,
    quiet: bool = False,
    **settings: object,
) -> RunResult:
    """Grades a run again, in its folder or into `out`, or another tool's files into a run; `slipstick grade`.

    target: a run, as a result or its folder, or another tool's file or folder. `settings` are those that `slipstick
    settings grade` prints. Raises InputError for files of several models, which are a run each.
    """
    from slipstick.commands.grade import run_grade
    from slipstick.importers import find_outputs

    if not is_run(path := os.fspath(target)):
        known: dict[str, Any] = {key: settings.get(key) for key in ("file_format", "field_map")}
        with _in_python_words():
            found, _ = find_outputs(path, **known)
        if len({source.run for source in found}) > 1:
            folders = sorted({str(source.path.parent) for source in found})
            raise InputError(f"{path} has files of several models: grade {', '.join(folders)} one by one")
    settings |= {"limit": limit}
    return _run("grade", run_grade, settings, target, out, resume=resume, overwrite=overwrite, quiet=quiet)


def import_data(
    source: Problems,
    *,
    out: PathLike | None = None,
    resume: bool = False,
    overwrite: bool = False,
    limit: int | None = None,
    quiet: bool = False,
    **settings: object,
) -> RunResult:
    """Makes a run of training data that you have, for `curate`, `export` and `train`; `slipstick import`.

    source: a file, a pattern ("data/*.jsonl"), or "hub:OWNER/NAME"; rows as objects: a list of dicts, a DataFrame, a
    Dataset or DatasetDict. `settings` are those that `slipstick settings import` prints.
    """
    from slipstick.commands.import_data import run_import

    settings |= {"limit": limit}
    with ExitStack() as stack, _in_python_words():
        if not isinstance(source, str | os.PathLike):
            out = out or _default_folder("import", None, [])
            source = stack.enter_context(stored(rows_given(source), Path(out)))
        return _run("import", run_import, settings, source, out, resume=resume, overwrite=overwrite, quiet=quiet)


def audit(
    run: PathLike | None = None,
    *,
    problems: Problems | None = None,
    out: PathLike | None = None,
    resume: bool = False,
    overwrite: bool = False,
    limit: int | None = None,
    quiet: bool = False,
    **settings: object,
) -> RunResult:
    """Ranks problems whose gold is probably wrong into suspects.jsonl; `slipstick audit`.

    run: a run whose solutions are compared with its golds, as a result or its folder; or None, with `problems` as
    `evaluate` takes them and `runs=[...]` that solved them. `settings` are those that `slipstick settings audit`
    prints.
    """
    from slipstick.commands.audit import run_audit

    settings |= {"problems": problems, "limit": limit}
    return _run("audit", run_audit, settings, run, out, resume=resume, overwrite=overwrite, quiet=quiet)


def report(
    runs: PathLike | Sequence[PathLike], *, out: PathLike | None = None, quiet: bool = False, **settings: object
) -> Path:
    """Writes the page of a run again, or one table of several, and gives the page; `slipstick report`.

    runs: a result or a folder; several of them, a folder of runs or a pattern ("runs/*") for a table. `settings` are
    those that `slipstick settings report` prints: `against`, `measure`.
    """
    from slipstick.commands.report import run_report

    first, *more = [runs] if isinstance(runs, str | os.PathLike) else runs or [""]
    with _in_python_words():
        return run_report(_invocation(settings, first, out), _console(quiet), more=[os.fspath(each) for each in more])


def export(run: PathLike, *, out: PathLike | None = None, quiet: bool = False, **settings: object) -> Path:
    """Writes a finished run as other tools read it, with a card, and gives the folder; `slipstick export`.

    run: a result or a folder; for tasks of other tools also problems, as a recipe names them. out: where to; by default
    `exports` in the run's folder. `settings` are those that `slipstick settings export` prints: `shapes`, `name`.
    """
    from slipstick.commands.export import run_export

    with _in_python_words():
        return run_export(_invocation(settings, run, out), _console(quiet))


def _run(
    verb: str,
    run: Callable[[Invocation, Console], Path],
    settings: dict[str, object],
    target: PathLike | None,
    out: PathLike | None,
    *,
    resume: bool,
    overwrite: bool,
    quiet: bool,
) -> RunResult:
    """Calls a command, with what was given as an object in a form that its recipe can name."""
    problems = settings.pop("problems", None)
    with ExitStack() as stack, _in_python_words():
        if problems is not None:
            names, rows = split_given(problems)  # type: ignore[arg-type]  # what it does not take, it refuses
            out = out or _default_folder(verb, target, names)
            settings["problems"] = names or [str(stack.enter_context(stored(rows, Path(out))))]
        invocation = _invocation(settings, target, out, resume=resume, overwrite=overwrite)
        made = RunResult(run(invocation, _console(quiet)))
        if target is not None and verb in SETTINGS and (then := then_of(verb, invocation)):
            _LOGGER.warning("a call does not follow `then`: slipstick.%s is yours to call", _as_call(then))
        return made


def _as_call(then: str) -> str:
    """A command line as a call: 'curate data.toml' -> 'curate(recipe="data.toml")'."""
    verb, target, *_ = [*shlex.split(then), ""]
    return f'{verb.replace("-", "_")}("{target}")' if verb == "export" else f'{verb}(recipe="{target}")'


def _default_folder(verb: str, target: PathLike | None, names: list[str]) -> Path:
    """runs/ and the name of the recipe; of the problems if a verb solves them, as on the command line; of the verb."""
    if target is not None:
        return Path("runs") / Path(target).stem
    if names and names[0] in shipped_recipes() and names[0] not in datasets():
        raise InputError(f"problems = {names[0]!r} is a recipe: {verb}(recipe={names[0]!r}) starts from it")
    first = Path(names[0]).name.partition(".")[0] if names and verb in ("solve", "evaluate") else verb
    return Path("runs") / re.sub(r"[^\w.=-]+", "-", first)


def _invocation(
    settings: Mapping[str, object],
    target: PathLike | None,
    out: PathLike | None,
    *,
    resume: bool = False,
    overwrite: bool = False,
) -> Invocation:
    """What a command line would have said. An object in a setting's place stands in the recipe by its name."""
    model, interpreter = settings.get("model"), settings.get("interpreter")
    named = dict(settings)
    if model is not None and not isinstance(model, str):
        named["model"] = f"{GIVEN}:{getattr(model, 'name', type(model).__name__)}"
    if interpreter is not None and not isinstance(interpreter, str):
        named["interpreter"] = f"{GIVEN}:{type(interpreter).__name__}"
    return Invocation(
        "" if target is None else os.fspath(target),
        [f"{key}={_said(key, value)}" for key, value in named.items() if value is not None],
        out=None if out is None else Path(out),
        resume=resume,
        overwrite=overwrite,
        model=None if isinstance(model, str) else model,  # type: ignore[arg-type]  # a Protocol
        interpreter=interpreter if isinstance(interpreter, Interpreter) else None,
    )


def _said(key: str, value: object) -> str:
    """A value as `--set` takes it. Raises InputError for what no recipe can hold."""
    plain = _plain(key, value)
    bare = isinstance(plain, str) and parse_value(plain.strip()) == plain
    return str(plain) if bare else toml_value(plain)


def _plain(key: str, value: object) -> Any:
    match value:
        case str() | bool() | int() | float():
            return value
        case Record():
            return _plain(key, value.model_dump(mode="json", exclude_defaults=True))
        case os.PathLike():
            return os.fspath(value)
        case Mapping():
            return {str(name): _plain(key, each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(key, each) for each in value]
    raise InputError(f"{key} = {shorten(repr(value))}: give a text, a number, true or false, a path, a list or a table")


def _console(quiet: bool) -> Console:
    console = terminal()
    console.quiet = quiet
    return console


@contextmanager
def _in_python_words() -> Iterator[None]:
    """A user's mistake as one UserError, also out of a group of tasks, in the words of a call instead of flags."""
    try:
        yield
    except Exception as error:
        first = first_error(error)
        if not isinstance(first, UserError):
            raise
        message = str(first)
        for flag, word in _IN_PYTHON.items():
            message = re.sub(flag, word, message)
        message = re.sub(r"^(  - (\w+): no such setting).*$", _with_hint, message, flags=re.MULTILINE)
        first.args = (message,)
        raise first from error.__cause__


def _with_hint(line: re.Match[str]) -> str:
    """The line of a setting that there is not, with the argument of the call that it is nearly."""
    near = difflib.get_close_matches(line[2], _OPTIONS, n=1, cutoff=0.75)
    return f"{line[1]} (did you mean `{near[0]}`?)" if near and near[0] != line[2] else line[0]
