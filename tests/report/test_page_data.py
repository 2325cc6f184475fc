"""Problems and solutions survive the packing."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any

from slipstick.report.page_data import pack_problems
from slipstick.schema import Text
from tests.report.runs_to_report import FORMATS, make_rows


def unpack(packed: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(gzip.decompress(base64.b64decode(packed)))
    return rows


def test_rows_survive_the_packing() -> None:
    odd = "π \U0001f600 \x00 \u2028 </script> \ud800"
    problems, solutions = make_rows(n=3, words=odd)
    packed = pack_problems(problems, solutions)
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", packed)
    assert pack_problems(problems, reversed(solutions[:4])) != packed
    rows = unpack(packed)
    assert [row["id"] for row in rows] == ["p/0", "p/1", "p/2"]
    assert [one["format"] for one in rows[1]["solutions"]] == list(FORMATS)
    tir = rows[1]["solutions"][2]
    assert tir["blocks"] == [
        ["text", f"It is 1. {odd}"],
        ["code", f"total = 1  # {odd}\nprint(total)"],
        ["output", f"1{odd}\n", "ok", 0.012],
    ]
    assert (tir["answer"], tir["outcome"], tir["reason"]) == (f"1{odd}", "correct", f"correct because {odd}")
    assert rows[1]["solutions"][3]["previous_attempts"][0]["format"] == "pot"


def test_numbers_that_json_cannot_say_do_not_break_the_rows() -> None:
    problems, solutions = make_rows(n=1)
    problems = [problems[0].model_copy(update={"metadata": {"level": float("nan")}})]
    odd = [each.model_copy(update={"value": float("inf"), "seconds": float("nan")}) for each in solutions]
    row = unpack(pack_problems(problems, odd))[0]
    assert "value" not in row["solutions"][0]
    assert row["metadata"] == {"level": "nan"}


def test_thoughts_are_rows_of_their_own_and_counted() -> None:
    problems, solutions = make_rows(n=1)
    thinking = "<think>\nOr 9?</think>It is 4.<think>No, 5."
    rows = [one.model_copy(update={"blocks": [Text(text=thinking)], "thought_tokens": 7}) for one in solutions[:1]]
    (row,) = unpack(pack_problems(problems, rows))[0]["solutions"]
    assert row["blocks"] == [["thought", "\nOr 9?"], ["text", "It is 4."], ["thought", "No, 5."]]
    assert row["thought_tokens"] == 7
