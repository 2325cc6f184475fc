"""Plug-ins are found by name, and a name or a package that does not hold gives one clear message."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from slipstick.commands.evaluate import EvaluateRecipe
from slipstick.errors import InputError, PluginError
from slipstick.plugins import Point, list_plugins, load_plugin, split_spec
from slipstick.problems import load_problems
from slipstick.recipe import check_settings

BUILT_IN: dict[Point, set[str]] = {
    "problems": {"files", "synthetic"},
    "models": {"fake", "hf", "openai", "replay"},
    "interpreters": {"local", "remote"},
    "formats": {"cot", "pot", "tir"},
}


def install(folder: Path, *, point: Point, name: str, target: str) -> None:
    """What installing a package with one entry point leaves behind."""
    info = folder / f"slipstick_{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: slipstick-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[slipstick.{point}]\n{name} = {target}\n")


@pytest.mark.parametrize("point", BUILT_IN)
def test_built_in_plugins_are_found_by_the_public_door(point: Point) -> None:
    assert list_plugins(point).keys() >= BUILT_IN[point]


@pytest.mark.parametrize(("point", "name"), [(p, n) for p, names in BUILT_IN.items() for n in sorted(names - {"hf"})])
def test_every_built_in_plugin_loads(point: Point, name: str) -> None:
    assert load_plugin(point, name) is not None


def test_an_unknown_name_names_the_nearest_and_all_known() -> None:
    with pytest.raises(PluginError) as caught:
        load_plugin("models", "opnai")
    message = str(caught.value)
    assert "no models plug-in is named `opnai`" in message
    assert "did you mean `openai`" in message
    assert "fake, hf, openai, replay" in message


def test_a_third_party_plugin_is_found_and_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "abacus_plugin.py").write_text("answer = 42\n")
    install(tmp_path, point="models", name="abacus", target="abacus_plugin:answer")
    monkeypatch.syspath_prepend(tmp_path)
    assert load_plugin("models", "abacus") == 42


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (None, "no_such_module_here:open_model"),
        ("import no_such_package_here\n", "broken_plugin:open_model"),
        ("nothing = 1\n", "broken_plugin:open_model"),
        ("nothing =\n", "broken_plugin:open_model"),
    ],
    ids=["module missing", "dependency missing", "attribute missing", "syntax error"],
)
def test_a_broken_plugin_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str | None, target: str
) -> None:
    if source is not None:
        (tmp_path / "broken_plugin.py").write_text(source)
    monkeypatch.delitem(sys.modules, "broken_plugin", raising=False)
    install(tmp_path, point="models", name="broken", target=target)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match="the models plug-in `broken` cannot be loaded"):
        load_plugin("models", "broken")


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("local", ("local", "")),
        ("hf:runs/model", ("hf", "runs/model")),
        ("openai:org/model:free", ("openai", "org/model:free")),
    ],
)
def test_a_spec_is_a_name_and_what_follows_the_first_colon(spec: str, parts: tuple[str, str]) -> None:
    assert split_spec(spec) == parts


def install_the_package_of_the_docs(folder: Path) -> str:
    """Writes every file that docs/plugins.md shows, as installed in `folder`; gives the program at its end."""
    page = (Path(__file__).parents[1] / "docs" / "plugins.md").read_text()
    program = ""
    for language, block in re.findall(r"^```(python|toml)\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        named = re.match(r"# (\S+\.(?:py|toml))\n", block)
        if named:
            (folder / named[1]).parent.mkdir(exist_ok=True)
            (folder / named[1]).write_text(block)
        elif language == "python":
            program += block
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    for group, entries in project["entry-points"].items():
        for name, target in entries.items():
            install(folder, point=group.removeprefix("slipstick."), name=name, target=target)
    return program


def test_the_plugins_of_the_docs_work_as_they_stand_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = install_the_package_of_the_docs(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "docs/plugins.md", "exec"), {"__name__": "docs"})  # noqa: S102  the page's own lines
    assert capsys.readouterr().out == "1\n"
    assert (tmp_path / "steps.txt").read_text() == "ok: print(1 * 1)\n"
    assert check_settings(tomllib.loads((tmp_path / "tables.toml").read_text()), EvaluateRecipe).problems == [
        "tables:12"
    ]
    with pytest.raises(InputError, match="write tables:12"):
        next(load_problems("tables:twelve"))
