"""`slipstick ctl RUN ACTION`: looks at a run that is being worked on, pauses it, changes how fast it asks."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from slipstick.commands.control_socket import ask
from slipstick.errors import UserError, did_you_mean
from slipstick.recipe import parse_value
from slipstick.store import RunFolder

ACTIONS = ("status", "pause", "resume", "set", "requeue-errors")


def run_ctl(run: str, action: str, change: str, console: Console, *, as_json: bool = False) -> None:
    """Does an action and prints what the run is at. Raises UserError if it is unknown, or nobody works on the run."""
    if action not in ACTIONS:
        raise UserError(f"ctl has no action {action!r}{did_you_mean(action, ACTIONS)}: {', '.join(ACTIONS)}")
    question: dict[str, Any] = {"do": action}
    if action == "set":
        key, given, value = change.partition("=")
        if not given:
            raise UserError(f"what is to be set? slipstick ctl {run} set max_concurrent_requests=8")
        question |= {"key": key, "value": parse_value(value)}
    elif change:
        raise UserError(f"{action} takes nothing more, but got {change!r}")
    record = RunFolder(Path(run)).run()
    said = ask(Path(run), question)
    if said is None:
        if action != "status":
            again = f"; `slipstick {record.verb} {run} --resume` goes on with it and asks again what failed"
            raise UserError(f"no process asks a model for {run} ({record.status}){again}")
        said = {"run": record.name, "verb": record.verb, "status": record.status, "live": False, **record.counts}
    console.print_json(json.dumps(said)) if as_json else _print(said, console)


def _print(said: dict[str, Any], console: Console) -> None:
    for key, value in said.items():
        shown = ", ".join(f"{times:,} {kind}" for kind, times in value.items()) if isinstance(value, dict) else value
        shown = f"{shown:,}" if isinstance(shown, int) and not isinstance(shown, bool) else shown
        if shown not in ("", None):
            console.print(f"{key.replace('_', ' '):<24} {shown}", highlight=False, markup=False, soft_wrap=True)
