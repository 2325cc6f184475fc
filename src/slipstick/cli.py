"""The command line: one argument and five flags, the same on every verb; what it does lies in `commands`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from slipstick.commands import Invocation, first_error
from slipstick.errors import UserError

app = typer.Typer(
    name="slipstick",
    help="Build, train and judge language models that do mathematics with a Python interpreter.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# verb -> where its launcher lies, and what it does
_VERBS = {
    "solve": ("solving:run_solve", "Solve problems with a model and the interpreter."),
    "evaluate": ("solving:run_evaluate", "Solve, grade, count and report: a benchmark run."),
    "execute": ("solving:run_execute", "Run every program of a finished run again and compare the outputs."),
    "grade": ("grade:run_grade", "Judge anew the answers of a finished run, or of another tool's files."),
    "report": ("solving:run_report", "Write the page of a finished run anew and print its table."),
    "synthesize": ("synthesize:run_synthesize", "Write solutions, execute every program, keep what is right."),
    "curate": ("curate:run_curate", "Keep what a training set should hold, and every other row with its reason."),
    "export": ("export:run_export", "Write a finished run as other tools read it, with its card."),
    "audit": ("audit:run_audit", "Find problems whose gold is wrong, ranked, with the evidence."),
    "train": ("train:run_train", "Train a model on verified solutions."),
    "value": ("value:run_value", "Score solutions with a value model and rerank them."),
    "self-train": ("self_train:run_rounds", "Rounds of solving, grading, curating and training."),
    "repro": ("repro:run_repro", "Hold our number against a published one."),
}

# tool -> where it lies, what its one argument is, and what it does
_TOOLS = {
    "plan": ("plan:run_plan", "RECIPE", "Memory, time and money of a training run, beforehand."),
    "show-mask": ("show_mask:run_show_mask", "RECIPE", "Which tokens of a recipe's examples are trained on."),
    "trace": ("trace:run_trace", "ROW_ID", "Where a row came from: problem, prompt, execution, verdict, rules."),
    "review": ("review:run_review", "RUN", "Go through suspects and samples: accept, correct, reject, skip."),
    "push": ("push:run_push", "RUN", "Send a finished run's data or model to the Hub."),
}

Target = Annotated[str, typer.Argument(metavar="RECIPE", show_default=False, help="A path, a name, or a run's folder.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting.")]
Limit = Annotated[int | None, typer.Option(min=1, metavar="N", help="Take only the first N problems.")]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="The run's folder; runs/NAME unless told.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run that was interrupted.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Make an existing run anew.")]


def _add_verb(name: str, launcher: str, doc: str) -> None:
    def verb(
        target: Target,
        overrides: Overrides = None,
        limit: Limit = None,
        out: Out = None,
        resume: Resume = False,
        overwrite: Overwrite = False,
    ) -> None:
        order = Invocation(target, overrides or [], limit, out, resume, overwrite)
        _launcher(launcher)(order, Console())

    app.command(name, help=doc)(verb)


def _launcher(place: str) -> Callable[..., object]:
    module, _, function = place.partition(":")
    found: Callable[..., object] = getattr(import_module(f"slipstick.commands.{module}"), function)
    return found


def _add_tool(name: str, launcher: str, argument: str, doc: str) -> None:
    def tool(target: str, overrides: Overrides = None) -> None:
        _launcher(launcher)(target, overrides or [], Console())

    tool.__annotations__["target"] = Annotated[str, typer.Argument(metavar=argument, show_default=False)]
    app.command(name, help=doc)(tool)


for _name, (_place, _doc) in _VERBS.items():
    _add_verb(_name, _place, _doc)
for _name, (_place, _metavar, _doc) in _TOOLS.items():
    _add_tool(_name, _place, _metavar, _doc)


@app.command()
def quickstart(
    folder: Annotated[Path, typer.Argument(metavar="DIR")] = Path("runs/quickstart"), overrides: Overrides = None
) -> None:
    """From nothing to a report in minutes: make problems, write and check solutions, train, solve, grade."""
    _launcher("quickstart:run_quickstart")(folder, overrides or [], Console())


@app.command("list")
def list_things(
    what: Annotated[str, typer.Argument(metavar="[WHAT]", help="recipes, or a plug-in point")] = "",
) -> None:
    """What there is by name: recipes, and the plug-ins of each of the four points."""
    from slipstick.commands.listing import listing

    Console().print(listing(what))


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
