"""Every command that README and docs name exists: its verb, its flags, and the settings behind `--set`."""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path

import pytest
import typer.main

from slipstick.cli import app
from slipstick.settings import settings_classes, settings_of
from slipstick.shipped import shipped_recipes

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = typer.main.get_group(app).commands
"""Name -> command, as the command line has them."""
KEYS = {
    verb: {each.key for one in classes for each in settings_of(one)} for verb, classes in settings_classes().items()
}
KEYS["plan"] |= KEYS["synthesize"]  # whichever the recipe is of
STAGES = {
    "synthesize": set(shipped_recipes()),  # parts of one command
    "quickstart": {"seed", "data", "train", "evaluate", "timeout", "sandbox_workers", "isolation"},
    "self-train": {"start", "train", "held_out", "solve", "curate"},
}
"""Commands of several stages: the names before the first dot."""


def commands(page: Path) -> list[list[str]]:
    """The words of every `slipstick VERB ...` in code: in blocks, lines joined at a backslash, and in running text."""
    text = page.read_text("utf-8").replace("\\\n", " ")
    fenced = "".join(re.findall(r"^```.*?\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    lines = [line.strip(" #") for line in [*fenced.splitlines(), *re.findall(r"^ {4}.*$", text, re.MULTILINE)]]
    found = [line for line in lines if re.match(r"slipstick [a-z]", line)]
    found += re.findall(r"`(slipstick [a-z][^`]*)`", text)
    return [words for line in found if len(words := split(line)) > 1]


def split(line: str) -> list[str]:
    """As a shell does, up to a comment, a pipe or an opening that the line does not close."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&")
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return []
    end = next((place for place, word in enumerate(words) if word in {";", "|", "||", "&&", "&"}), len(words))
    return words[:end]


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_commands_on_the_page_exist(page: Path) -> None:
    wrong = []
    for words in commands(page):
        verb = words[1]
        if verb not in COMMANDS:
            wrong.append(f"no command {verb!r}: {shlex.join(words)}")
            continue
        flags = {name for option in COMMANDS[verb].params for name in option.opts}
        wrong += [" ".join(words) for word in words if re.fullmatch(r"--[a-z-]+", word) and word not in flags]
        for flag, value in itertools.pairwise(words):
            key, dot, _ = value.partition("=")[0].partition(".")
            if flag == "--set" and key != "KEY" and key not in known(verb, stage=bool(dot)):
                wrong.append(f"{verb}: no setting `{key}`")
    assert not wrong


def known(verb: str, *, stage: bool) -> set[str]:
    """The settings of a command, or the stages it has settings of."""
    return KEYS.get(verb, set()) | STAGES.get(verb, set()) if stage else KEYS.get(verb, set()) | {"seed"}


def test_commands_are_found() -> None:
    assert ["slipstick", "doctor"] in commands(ROOT / "README.md")
    assert len([words for page in PAGES for words in commands(page)]) > 150
