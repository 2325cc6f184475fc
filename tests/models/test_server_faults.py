"""A server that fails: a run ends with its words, counts nothing as incorrect, and is whole once the server is well."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.servers import modes, tried

QUICK = ["429 with Retry-After", "500", "200 with a page", "200 with an error", "401", "context length", "no content"]
QUICK += ["a refusal", "only thoughts", "truncated JSON", "a byte-order mark", "wrong usage", "half a surrogate pair"]
QUICK += ["calls nobody asked for", "a reset", "a cut body", "a byte a second", "429 after two answers"]


def test_there_are_thirty_modes() -> None:
    assert len(modes("")) >= 30 and set(QUICK) <= set(modes(""))


@pytest.mark.parametrize(("number", "name"), list(enumerate(QUICK)), ids=QUICK)
def test_a_run_at_a_faulty_server_ends_sensibly_and_is_resumed(number: int, name: str, tmp_path: Path) -> None:
    found = tried(name, ("cot", "pot", "tir")[number % 3], tmp_path)
    assert found["ended"] and found["said"] and not found["wrong"] and found["resumed"], found
