"""The command line: one argument and five flags, the same on every verb; what it does lies in `commands`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from slipstick.commands import Invocation
from slipstick.errors import UserError, first_error

app = typer.Typer(
    name="slipstick",
    help="Build, train and judge language models that do mathematics with a Python interpreter.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Target = Annotated[str, typer.Argument(metavar="RECIPE", show_default=False, help="A path, a name, or a run's folder.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting.")]
Limit = Annotated[int | None, typer.Option(min=1, metavar="N", help="Take only the first N problems.")]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="The run's folder; runs/NAME by default.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue a run that was interrupted.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing run.")]


_VERBS = {
    "solve": "Solve problems with a model and the interpreter.",
    "evaluate": "Solve, grade, count and report: a benchmark run.",
    "execute": "Run every program of a finished run again and compare the outputs.",
    "grade": "Grade the answers of a finished run again, or those of another tool's files.",
    "report": "Write the page of a finished run again and print its table.",
    "synthesize": "Write solutions, execute every program, keep what is correct.",
    "curate": "Keep what a training set should hold, and every other row with its reason.",
    "export": "Write a finished run as other tools read it, with its card.",
    "audit": "Find problems whose gold is wrong, ranked, with the evidence.",
    "train": "Train a model on verified solutions.",
    "value": "Score solutions with a value model and rerank them.",
    "self-train": "Rounds of solving, grading, curating and training.",
    "repro": "Compare our number with a published one.",
}
"""Commands with one argument and five flags, and what they do: NAME is run_NAME in commands/NAME.py."""
_TOOLS = {
    "plan": ("RECIPE", "Memory, time and money of a training run, beforehand."),
    "show-mask": ("RECIPE", "Which tokens of a recipe's examples are trained on."),
    "trace": ("ROW_ID", "Where a row came from: problem, prompt, execution, verdict, rules."),
    "review": ("RUN", "Go through suspects and samples: accept, correct, reject, skip."),
    "push": ("RUN", "Send a finished run's data or model to the Hub."),
}
"""Commands with one argument, its name, and `--set`; they are found the same way."""


def _add(name: str, doc: str, command: Callable[..., None]) -> None:
    app.command(name, help=doc, epilog=f"All settings, with their defaults: slipstick settings {name}")(command)


def _run(name: str, *arguments: object) -> None:
    module = name.replace("-", "_")
    resolve_name(f"slipstick.commands.{module}:run_{module}")(*arguments, Console())


def _add_verb(name: str, doc: str) -> None:
    def verb(
        target: Target,
        overrides: Overrides = None,
        limit: Limit = None,
        out: Out = None,
        resume: Resume = False,
        overwrite: Overwrite = False,
    ) -> None:
        _run(name, Invocation(target, overrides or [], limit, out, resume, overwrite))

    _add(name, doc, verb)


def _add_tool(name: str, metavar: str, doc: str) -> None:
    def tool(target: str, overrides: Overrides = None) -> None:
        _run(name, target, overrides or [])

    tool.__annotations__["target"] = Annotated[str, typer.Argument(metavar=metavar, show_default=False)]
    _add(name, doc, tool)


for _name, _doc in _VERBS.items():
    _add_verb(_name, _doc)
for _name, (_metavar, _doc) in _TOOLS.items():
    _add_tool(_name, _metavar, _doc)


@app.command()
def quickstart(
    folder: Annotated[Path, typer.Argument(metavar="DIR")] = Path("runs/quickstart"), overrides: Overrides = None
) -> None:
    """From nothing to a report in minutes: make problems, write and check solutions, train, solve, grade."""
    from slipstick.commands.quickstart import run_quickstart

    run_quickstart(folder, overrides or [], Console())


@app.command("list")
def list_things(
    what: Annotated[str, typer.Argument(metavar="[WHAT]", help="recipes, or a plug-in point")] = "",
) -> None:
    """What there is by name: recipes, and the plug-ins of each of the four points."""
    from slipstick.commands.listing import listing

    Console().print(listing(what))


@app.command()
def settings(verb: Annotated[str, typer.Argument(metavar="VERB", show_default=False)]) -> None:
    """Every setting of a command: key, type, default, meaning."""
    from slipstick.settings import run_settings

    run_settings(verb, Console())


@app.command()
def doctor(overrides: Overrides = None) -> None:
    """What this machine has and what slipstick can do with it."""
    from slipstick.commands.doctor import examine

    table = Table("", "", box=None, show_header=False)
    for name, finding in examine(overrides or []):
        table.add_row(name, finding)
    Console().print(table)


@app.command()
def sandbox(overrides: Overrides = None) -> None:
    """Serve the interpreter over HTTP, to recipes on other machines and to tools that know other services."""
    from slipstick.serve import run_service

    run_service(overrides or [], Console())


def main() -> None:
    """Entry point: a user's mistake is one message and exit code 2, without a traceback."""
    try:
        app()
    except* UserError as group:
        print(f"slipstick: {first_error(group)}", file=sys.stderr)
        raise SystemExit(2) from None
    except* KeyboardInterrupt:
        raise SystemExit(130) from None
