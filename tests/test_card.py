"""The card of an exported data set."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from slipstick.card import _count_corrections
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


def test_corrections_are_counted_as_they_are_read(tmp_path: Path) -> None:
    file = tmp_path / "fixes.jsonl"
    file.write_text(
        '{"id": "p/1", "who": "me", "when": "2026-01-02", "old": "1", "new": "2", "why": "one\u2028line"}\n', "utf-8"
    )
    source: Any = SimpleNamespace(label_corrections=[str(file), str(tmp_path / "lost.jsonl")])
    assert list(_count_corrections([source]).values()) == [1, -1]
