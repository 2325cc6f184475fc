"""The page about system calls names every call of the table once, and the table's rules are about calls of it."""

import re
from pathlib import Path

from slipstick.interpreters.guest import seccomp

PAGE = Path(__file__).parents[3] / "docs" / "system-calls.md"


def test_page_says_of_every_call_why_it_is_allowed() -> None:
    rows = [line.split("|")[1] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    calls = [name for section, part in seccomp.table().items() if not section.endswith("arguments") for name in part]
    assert sorted(named) == sorted(calls)


def test_rules_are_about_calls_of_the_table() -> None:
    checked = seccomp.table()["checked"].keys() | seccomp.table()["scratch_checked"].keys()
    rules = seccomp.argument_rules("arguments").keys() | seccomp.argument_rules("session_arguments").keys()
    assert rules == checked - seccomp.table()["absent"].keys()
