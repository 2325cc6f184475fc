"""What README and docs claim: the ten lines work as written, every link leads somewhere, every setting is real."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from benchmarks import figures

from slipstick.commands.curate import CurateRecipe
from slipstick.commands.evaluate import EvaluateRecipe
from slipstick.commands.writer import SynthesizeRecipe
from slipstick.schema import Record
from slipstick.train.sources import TrainRecipe

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_lines_of_the_readme_give_what_they_say() -> None:
    block = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block
    said: list[tuple[object, object]] = []
    program = re.sub(r"^( *)(\S.*?)  # (.+)$", r"\1said.append((\2, \3))", block[1], flags=re.MULTILINE)
    exec(program, {"said": said})  # noqa: S102  the readme's own lines, each with its value as a comment
    assert len(said) >= 5
    for value, claimed in said:
        assert value == claimed


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize(
    ("page", "settings"),
    [
        ("solve", EvaluateRecipe),
        ("evaluate", EvaluateRecipe),
        ("synthesize", SynthesizeRecipe),
        ("train", TrainRecipe),
        ("curate", CurateRecipe),
    ],
)
def test_settings_in_tables_are_real(page: str, settings: type[Record]) -> None:
    rows = re.findall(r"^\| (`[^|]*) \|", (ROOT / "docs" / f"{page}.md").read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    unknown = (
        named
        - set(settings.model_fields)
        - {"cot", "pot", "tir", "tools", "hybrid", "stop", "length", "turns", "error", "finish"}
    )
    assert not unknown


def test_figures_are_those_of_the_file() -> None:
    groups = figures.read_groups()
    differ = [page.name for page in figures.PAGES if figures.written(page.read_text(), groups) != page.read_text()]
    assert not differ, "run python -m benchmarks.figures"
    assert {group for group, _ in figures.TABLE.findall((ROOT / "docs" / "evidence.md").read_text())} == set(groups)


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_measured_intervals_stand_on_the_pages_of_evidence(page: Path) -> None:
    if page.name not in {"evidence.md", "reproduction.md", "science.md"}:
        assert not re.findall(r"\d\.\d+ \(\d+\.\d+ to \d+\.\d+\)", page.read_text())


@pytest.mark.parametrize("page", ["sandbox-agents.md", "served-model.md"])
def test_functions_that_are_shown_as_tools_describe_their_arguments(page: str) -> None:
    utils = pytest.importorskip("transformers.utils", reason="the extra `train` is not installed")
    found = re.search(
        r"( *)def python\(self, code: str\) -> str:\n(?:\1 +.*\n|\n)+", (ROOT / "docs" / page).read_text()
    )
    assert found
    scope: dict[str, Any] = {}
    exec(textwrap.dedent(found[0]).replace("self, ", ""), scope)  # noqa: S102  the page's own lines
    schema = utils.get_json_schema(scope["python"])["function"]
    assert schema["parameters"]["required"] == ["code"] and schema["parameters"]["properties"]["code"]["description"]
