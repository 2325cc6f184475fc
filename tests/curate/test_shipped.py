"""The shipped recipe that curates a small corpus keeps rows of every format, and knows the licence of its problems."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.curate import run_curate
from slipstick.commands.synthesize import run_synthesize
from slipstick.schema import Text
from slipstick.store import RunFolder


def test_the_shipped_corpus_keeps_interleaved_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    console = Console(quiet=True)
    run_synthesize(Invocation("quickstart-corpus", limit=40), console)
    kept = RunFolder(run_curate(Invocation("quickstart-corpus-curate"), console))
    formats = Counter(solution.format for solution in kept.solutions())
    assert formats.keys() == {"cot", "pot", "tir"} and formats["tir"] >= 15
    assert {problem.licence for problem in kept.problems()} == {"Apache-2.0"}


def test_a_tir_row_in_words_alone_is_dropped_unless_it_may_stay(curated_runs: Path, tmp_path: Path) -> None:
    source = RunFolder(curated_runs / "kept")
    row = next(each for each in source.solutions() if each.format == "cot")
    words = row.model_copy(update={"id": f"{row.id}-words", "format": "tir"})
    assert all(isinstance(block, Text) for block in words.blocks)
    data = tmp_path / "data"
    data.mkdir()
    for name in ("run.json", "problems.jsonl"):
        (data / name).write_bytes((source.path / name).read_bytes())
    (data / "solutions.jsonl").write_text(f"{row.model_dump_json()}\n{words.model_dump_json()}\n")
    (tmp_path / "my.toml").write_text(f'data = "{data}"\n')
    kept: list[RunFolder] = []
    for setting in ('require_code=["pot", "tir"]', "require_code=[]"):
        out = tmp_path / f"out{len(kept)}"
        kept.append(
            RunFolder(run_curate(Invocation(str(tmp_path / "my.toml"), [setting], out=out), Console(quiet=True)))
        )
    assert [drop.rule for drop in kept[0].dropped()] == ["no code run"] and not list(kept[1].dropped())
