"""The command line: one argument and five flags, the same for every verb; `report` takes several runs.

Each command imports its module when it is called, so that the others cost nothing; it is an ordinary import, which an
editor can follow.
"""

import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from slipstick import __version__
from slipstick.commands import Invocation
from slipstick.edges import refused_by_system
from slipstick.errors import UserError, first_error
from slipstick.extras import extra_of, how_to_install
from slipstick.terminal import terminal

app = typer.Typer(
    name="slipstick",
    help="Build, train and judge language models that do mathematics with a Python interpreter.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Target = Annotated[str, typer.Argument(metavar="RECIPE", show_default=False, help="A path, a name, or a run's folder.")]
Word = Annotated[str, typer.Argument(show_default=False)]
Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting.")]
Limit = Annotated[
    int | None, typer.Option(min=1, max=2**63 - 1, metavar="N", help="Use only the first N problems of each set.")
]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="The run's folder; runs/NAME by default.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue a run that was interrupted.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing run.")]


_OPTIONS = ("--set", "--limit", "--out", "--resume", "--overwrite", "--help", "--")
_WORKED_ON = {"execute": "RUN", "export": "RUN or PROBLEMS", "grade": "RUN or FILE", "import": "FILE"}
"""What a verb must be told; the others can take all of their settings from --set."""
_TAKES_PATTERNS = ("grade", "import")
_FOLLOWED = ("synthesize", "curate", "train", "solve", "evaluate", "self-train", "audit")
"""Verbs whose recipe may say what comes after it."""
_VERBS: dict[str, Callable[[Invocation, Console], object]] = {}
"""Name of a verb -> what it does."""


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False,
) -> None:
    if version:
        print(f"slipstick {__version__}")
        raise typer.Exit


def _add(function: str, doc: str | None, command: Callable[..., None], *, sees_rest: bool = False) -> None:
    name = function.strip("_").replace("_", "-")
    epilog = f"All settings, with their defaults: slipstick settings {name}"
    app.command(name, help=doc, epilog=epilog, context_settings={"allow_extra_args": sees_rest})(command)


def _stop_as_by_ctrl_c() -> None:
    from slipstick.commands.interrupts import stop_as_by_ctrl_c

    stop_as_by_ctrl_c()


def _verb(run: Callable[[Invocation, Console], object]) -> None:
    """Makes a command of a function: one argument and five flags; its name and docstring are the command's."""

    name = run.__name__.strip("_").replace("_", "-")

    def verb(
        context: typer.Context,
        target: Target = "",
        overrides: Overrides = None,
        limit: Limit = None,
        out: Out = None,
        resume: Resume = False,
        overwrite: Overwrite = False,
    ) -> None:
        _check_target(name, [target, *context.args])
        _stop_as_by_ctrl_c()
        _run(name, Invocation(target, overrides or [], limit, out, resume, overwrite))

    _VERBS[name] = run
    _add(run.__name__, run.__doc__, verb, sees_rest=True)


def _run(verb: str, invocation: Invocation) -> None:
    """Runs a verb, and what its recipe says comes after it."""
    if verb not in _FOLLOWED:
        _VERBS[verb](invocation, terminal())
        return
    from slipstick.successors import run_with_successors

    run_with_successors(verb, invocation, _VERBS, terminal())


def _check_target(verb: str, targets: list[str]) -> None:
    """Raises UserError for no target, if the verb needs one, and for several, which a shell makes of a pattern."""
    if len(targets) > 1:
        remedy = "a pattern of files goes in quotes, 'DIR/*.jsonl'" if verb in _TAKES_PATTERNS else "one at a time"
        if "=" in targets[1]:
            remedy = f"a setting is written --set {targets[1]}"
        named = ", ".join(targets[:3]) + (", ..." if len(targets) > 3 else "")
        raise UserError(f"{verb} takes one target, not {len(targets):,} ({named}): {remedy}")
    if not targets[0] and verb in _WORKED_ON:
        raise UserError(f"what is it to {verb}? slipstick {verb} {_WORKED_ON[verb]}")


def _tool(metavar: str) -> Callable[[Callable[[str, list[str], Console], None]], None]:
    """Makes a command of a function: one argument, shown as `metavar`, and `--set`."""

    def add(run: Callable[[str, list[str], Console], None]) -> None:
        def tool(target: str, overrides: Overrides = None) -> None:
            _stop_as_by_ctrl_c()
            run(target, overrides or [], terminal())

        tool.__annotations__["target"] = Annotated[str, typer.Argument(metavar=metavar, show_default=False)]
        _add(run.__name__, run.__doc__, tool)

    return add


@_verb
def solve(invocation: Invocation, console: Console) -> Path:
    """Solve problems with a model and the interpreter."""
    from slipstick.commands.solve import run_solve

    return run_solve(invocation, console)


@_verb
def evaluate(invocation: Invocation, console: Console) -> Path:
    """Solve, grade, count and report: a benchmark run."""
    from slipstick.commands.evaluate import run_evaluate

    return run_evaluate(invocation, console)


@_verb
def execute(invocation: Invocation, console: Console) -> Path:
    """Run every program of a finished run again and compare the outputs."""
    from slipstick.commands.execute import run_execute

    return run_execute(invocation, console)


@_verb
def grade(invocation: Invocation, console: Console) -> Path:
    """Grade the answers of a finished run again, or those of another tool's files."""
    from slipstick.commands.grade import run_grade

    return run_grade(invocation, console)


def report(
    targets: Annotated[list[str], typer.Argument(metavar="RUN...", show_default=False)],
    overrides: Overrides = None,
    limit: Limit = None,
    out: Out = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Rewrite the report of a run and print its table; of several runs, or a folder of runs, one table."""
    from slipstick.commands.report import run_report

    _stop_as_by_ctrl_c()
    invocation = Invocation(targets[0], overrides or [], limit, out, resume, overwrite)
    run_report(invocation, terminal(), more=targets[1:])


_add("report", report.__doc__, report)


@_verb
def import_(invocation: Invocation, console: Console) -> Path:
    """Import training data you have: messages, ShareGPT, Alpaca, prompts and completions, or rows of any keys."""
    from slipstick.commands.import_data import run_import

    return run_import(invocation, console)


@_verb
def synthesize(invocation: Invocation, console: Console) -> Path:
    """Write solutions, run every program and keep what is correct."""
    from slipstick.commands.synthesize import run_synthesize

    return run_synthesize(invocation, console)


@_verb
def curate(invocation: Invocation, console: Console) -> Path:
    """Filter, deduplicate and decontaminate finished runs into a training set."""
    from slipstick.commands.curate import run_curate

    return run_curate(invocation, console)


@_verb
def export(invocation: Invocation, console: Console) -> Path:
    """Export a finished run for other tools, with a card, or problems as tasks of other tools."""
    from slipstick.commands.export import run_export

    return run_export(invocation, console)


@_verb
def audit(invocation: Invocation, console: Console) -> Path:
    """Find and rank problems whose gold is probably wrong, with the evidence."""
    from slipstick.commands.audit import run_audit

    return run_audit(invocation, console)


@_verb
def train(invocation: Invocation, console: Console) -> Path:
    """Train a model on verified solutions."""
    from slipstick.commands.train import run_train

    return run_train(invocation, console)


@_verb
def value(invocation: Invocation, console: Console) -> Path:
    """Score solutions with a value model and rerank them."""
    from slipstick.commands.value import run_value

    return run_value(invocation, console)


@_verb
def self_train(invocation: Invocation, console: Console) -> Path:
    """Train, solve, grade and curate in rounds."""
    from slipstick.commands.self_train import run_self_train

    return run_self_train(invocation, console)


@_verb
def repro(invocation: Invocation, console: Console) -> Path:
    """Compare a run with a published number."""
    from slipstick.commands.repro import run_repro

    return run_repro(invocation, console)


@_tool("RECIPE")
def plan(target: str, overrides: list[str], console: Console) -> None:
    """Estimate memory, time and cost of a training run, or rows, tokens and cost of a corpus."""
    from slipstick.successors import plan_recipe

    plan_recipe(target, overrides, console)


@_tool("RECIPE")
def show_mask(target: str, overrides: list[str], console: Console) -> None:
    """Show which tokens of a recipe's examples are trained on."""
    from slipstick.commands.show_mask import run_show_mask

    run_show_mask(target, overrides, console)


@_tool("ROW_ID")
def trace(target: str, overrides: list[str], console: Console) -> None:
    """Show where a row comes from: problem, prompt, execution, verdict, rules."""
    from slipstick.commands.trace import run_trace

    run_trace(target, overrides, console)


@_tool("RUN")
def review(target: str, overrides: list[str], console: Console) -> None:
    """Review suspects and samples: accept, correct, reject, skip."""
    from slipstick.commands.review import run_review

    run_review(target, overrides, console)


@_tool("RUN")
def repair(target: str, overrides: list[str], console: Console) -> None:
    """Move rows that cannot be read out of a run's files; the others stay."""
    from slipstick.commands.repair import run_repair

    run_repair(target, overrides, console)


@app.command()
def ctl(run: str, action: Word = "status", change: Word = "", json: bool = False) -> None:
    """Steer a run that is being worked on: status, pause, resume, set max_concurrent_requests=N, requeue-errors."""
    from slipstick.commands.ctl import run_ctl

    run_ctl(run, action, change, terminal(), as_json=json)


@_tool("RUN")
def push(target: str, overrides: list[str], console: Console) -> None:
    """Push a finished run's data or model to the Hub."""
    from slipstick.commands.push import run_push

    run_push(target, overrides, console)


@app.command()
def quickstart(
    folder: Annotated[Path, typer.Argument(metavar="DIR")] = Path("runs/quickstart"), overrides: Overrides = None
) -> None:
    """Generate problems, write and check solutions, train, solve and grade, all in minutes."""
    from slipstick.commands.quickstart import run_quickstart

    run_quickstart(folder, overrides or [], terminal())


@app.command("list")
def list_things(
    what: Annotated[str, typer.Argument(metavar="[WHAT]", help="recipes, or a plug-in point")] = "",
) -> None:
    """List recipes and plug-ins."""
    from slipstick.commands.listing import print_listing

    print_listing(terminal(), what)


@app.command()
def settings(verb: Annotated[str, typer.Argument(metavar="VERB", show_default=False)] = "") -> None:
    """Print every setting of a command: key, type, default, meaning."""
    from slipstick.settings import run_settings

    run_settings(verb, terminal())


@app.command()
def doctor(overrides: Overrides = None) -> None:
    """Report what this machine has and what slipstick can do with it; exit code 1 if a named model does not answer."""
    from slipstick.commands.doctor import run_doctor

    if not run_doctor(overrides or [], terminal()):
        raise typer.Exit(1)


@app.command()
def sandbox(overrides: Overrides = None) -> None:
    """Serve the interpreter over HTTP, also with the APIs of SandboxFusion and NeMo-Skills."""
    from slipstick.serve import run_service

    run_service(overrides or [], terminal())


class _ShowOnStderr(logging.Handler):
    """Shows what the library tells its users as it works; above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        terminal(stderr=True).print(record.getMessage(), highlight=False, soft_wrap=True)


def _run_app() -> None:
    try:
        app()
    except SystemExit as stop:
        options = [word.partition("=")[0] for word in sys.argv[2:] if word.startswith("--")]
        if stop.code == 2 and (settings := [name for name in options if name not in _OPTIONS]):
            print(f"A setting is changed by --set: --set {settings[0][2:]}=VALUE", file=sys.stderr)
        raise


def main() -> None:
    """Entry point: a user's mistake is one message and exit code 2, without a traceback."""
    logger = logging.getLogger("slipstick")
    logger.handlers = [_ShowOnStderr()]
    logger.setLevel(logging.INFO)
    try:
        _run_app()
    except* UserError as group:
        print(f"slipstick: {first_error(group)}", file=sys.stderr)
        raise SystemExit(2) from None
    except* OSError as group:
        refused = first_error(group)
        said = refused_by_system(refused) if isinstance(refused, OSError) else None
        if said is None:
            raise
        print(f"slipstick: {said}", file=sys.stderr)
        raise SystemExit(2) from None
    except* ModuleNotFoundError as group:
        first = first_error(group)
        missing = str(first.name) if isinstance(first, ModuleNotFoundError) else ""
        if extra_of(missing) is None:
            raise
        print(f"slipstick: this needs {missing}, which is not installed: {how_to_install(missing)}", file=sys.stderr)
        raise SystemExit(2) from None
    except* KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would end in a traceback while libraries clean up
        raise SystemExit(130) from None
