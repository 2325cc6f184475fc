"""What can be set: every key with type, default and meaning, on the terminal and on the page."""

from __future__ import annotations

import io
from collections import defaultdict
from pathlib import Path

import pytest
from pydantic import Field
from rich.console import Console

from slipstick.cli import app
from slipstick.errors import UserError
from slipstick.recipe import Names
from slipstick.schema import Record
from slipstick.settings import Setting, page, run_settings, settings_classes, settings_of

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
WITHOUT = {"quickstart", "list", "settings"}
"""Commands that have no settings of their own."""


class Shoes(Record):
    """Settings of shoes."""

    size: int = Field(default=42, ge=1, le=60)
    """Paris points."""


class Boots(Shoes):
    """Settings of boots."""

    colours: Names
    """One or
    several."""
    size: int = 44
    """With socks."""
    height: float | None = None
    """In centimetres."""


def test_a_key_has_type_bounds_default_and_meaning() -> None:
    assert settings_of(Shoes) == [Setting("size", Shoes, "int >= 1 and <= 60", "42", "Paris points.")]
    assert settings_of(Boots) == [
        Setting("size", Boots, "int", "44", "With socks."),
        Setting("colours", Boots, "list[str]", "required", "One or several."),
        Setting("height", Boots, "float", "none", "In centimetres."),
    ]


def test_every_command_has_settings_and_every_key_a_meaning() -> None:
    commands = {command.name for command in app.registered_commands} | {"quickstart", "settings", "doctor", "sandbox"}
    assert {name for name in commands if name} - WITHOUT == set(settings_classes())
    silent = [
        f"{settings.__name__}.{each.key}"
        for classes in settings_classes().values()
        for settings in classes
        for each in settings_of(settings)
        if not each.meaning
    ]
    assert silent == []


def test_a_key_has_one_type_wherever_it_is_declared() -> None:
    """A key of two types would have two meanings; `seed` is a number everywhere, `data` always folders or files."""
    types: defaultdict[str, set[str]] = defaultdict(set)
    for classes in settings_classes().values():
        for settings in classes:
            for each in settings_of(settings):
                types[each.key].add(each.type.split()[0])
    assert {key: found for key, found in types.items() if len(found) > 1 and key not in {"method", "stage"}} == {}


def test_the_page_is_what_the_classes_say() -> None:
    assert PAGE.read_text("utf-8") == "\n".join(page()) + "\n", "docs/settings.md is out of date: make settings"


def test_settings_of_a_command_are_printed() -> None:
    console = Console(file=io.StringIO(), width=200)
    run_settings("synthesize", console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "max_rouge_l" in text and "list[str]" in text and '"rejection"' in text


def test_an_unknown_command_is_told_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean `evaluate`"):
        run_settings("evalute", Console(file=io.StringIO()))


PAGES = ["solve", "evaluate", "grade", "report", "export", "curate", "audit", "synthesize", "value", "plan", "execute"]


@pytest.mark.parametrize("name", [*PAGES, "repro", "review", "teacher", "self-training", "service", "train", "grpo"])
def test_the_page_of_a_command_leads_to_its_settings(name: str) -> None:
    assert "settings.md" in (Path(__file__).parents[1] / "docs" / f"{name}.md").read_text("utf-8")
