"""The quickstart checks the settings of all its stages before the first one starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from slipstick.commands.quickstart import run_quickstart
from slipstick.errors import RecipeError

pytest.importorskip("torch", reason="the extra `train` is not installed")


def test_a_mistake_in_a_later_stage_is_told_before_the_first_starts(tmp_path: Path) -> None:
    mistakes = ["train.learning_rat=1", "evaluate.ks=[64]", "data.formats=3"]
    with pytest.raises(RecipeError) as told:
        run_quickstart(tmp_path / "q", mistakes, Console(quiet=True))
    for says in ("train.learning_rat: no such setting", "evaluate.", "pass@64", "data.formats"):
        assert says in str(told.value)
    assert not (tmp_path / "q").exists()
