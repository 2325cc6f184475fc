"""Programs that print a literal, and programs that compute: every case with its why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from slipstick.curate.hardcoded import prints_literals

CASES = [
    json.loads(line) for line in (Path(__file__).parents[1] / "cases" / "hardcoded.jsonl").read_text().splitlines()
]


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_hardcoded(case: dict[str, Any]) -> None:
    assert prints_literals(case["steps"]) is case["hardcoded"]


@pytest.mark.parametrize("hostile", ["(" * 5000, "-" * 20000 + "1", "print(" + "+".join(["1"] * 20000) + ")", "\0", ""])
def test_hostile_source_is_not_judged(hostile: str) -> None:
    assert prints_literals([hostile]) is False
