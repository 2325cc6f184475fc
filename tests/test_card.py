"""The card of an exported data set."""

from __future__ import annotations

import re
from pathlib import Path

from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.export import run_export
from slipstick.store import RunFolder

CONSOLE = Console(quiet=True)


def test_the_card_counts_what_the_run_holds(curated_runs: Path) -> None:
    out = run_export(Invocation(str(curated_runs / "kept"), ['shapes=["alpaca", "records"]']), CONSOLE)
    card = (out / "README.md").read_text("utf-8")
    kept = len(list(RunFolder(curated_runs / "kept").solutions()))
    assert f"{kept} solutions of mathematical problems" in card
    assert "path: alpaca-valid.json" in card
    assert "slipstick synthesize" in card and "slipstick curate" in card
    assert re.search(r'^problems = \["synthetic:train,n=\d+"\]$', card, re.MULTILINE), "the recipe of the solutions"
