"""The house rules that a reader relies on: sizes, words, and where things are."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "slipstick"
FILES = sorted([*SRC.rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")])

MOST_LINES = 400
MOST_LINES_OF_A_COMMAND = 120
MOST_LINES_OF_A_FUNCTION = 60


@functools.cache
def nodes(path: Path) -> list[ast.AST]:
    """The syntax tree of a file, as a list."""
    return list(ast.walk(ast.parse(path.read_text("utf-8"))))


def functions(path: Path) -> list[tuple[str, int]]:
    """Name and length in lines of every function and method of a file."""
    found = [node for node in nodes(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [(node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in found]


def test_no_file_has_more_than_400_lines() -> None:
    lines = {path.relative_to(ROOT): path.read_text("utf-8").count("\n") for path in FILES}
    assert {str(path): count for path, count in lines.items() if count > MOST_LINES} == {}


def test_no_command_has_more_than_120_lines() -> None:
    lines = {path.name: path.read_text("utf-8").count("\n") for path in (SRC / "commands").glob("*.py")}
    assert {name: count for name, count in lines.items() if count > MOST_LINES_OF_A_COMMAND} == {}


def test_no_function_has_more_than_60_lines() -> None:
    long = [(path.name, *each) for path in FILES for each in functions(path) if each[1] > MOST_LINES_OF_A_FUNCTION]
    assert long == []


OLD_WORDS = {
    # what the first version said -> what the field says; each is looked for in names, docs and docstrings
    r"held against": "compared with",
    r"(?:comes|came|come) to the gold": "evaluates to the expected answer",
    r"\banew\b": "again",
    r"\bunder way\b": "running",
    r"\btaken up\b|\btake_up\b": "resumed",
    r"\bcan be told\b": "settings of",
    r"\bto the letter\b": "exactly",
    r"\bmend(?:s|ed|ing)?\b": "fix",
    r"\bgone through\b|\bgoes through them\b": "reviewed",
    r"\bset against\b(?!=)": "compared with",
    r"\bdraws? (?:a|an|the|its|each|one|more|attempts|solutions|samples)\b": "samples",
    r"\bthe way out\b": "the remedy",
    r"\bpiece(?:s)? of the way\b": "part",
}
OLD_NAMES = (
    *("Order", "Way", "Drawn", "Asked", "Tried", "Tally", "Metered", "Taught", "Fitted", "Rehearsed", "Reinforced"),
    *("Joint", "Quirks", "Spread", "GradeRecipe", "in_flight", "request_seconds", "keep_ids", "per_request_seconds"),
    *("take_up", "out_of_money", "attempting", "questioning", "teaching", "reinforcing", "valuing", "rehearsal"),
)
PROSE = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")])
GLOSSARY = ROOT / "docs" / "glossary.md"


@functools.cache
def prose(path: Path) -> list[tuple[int, str]]:
    """Lines of prose with their numbers: of a page all, of a module its docstrings and comments."""
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        return list(enumerate(text.splitlines(), start=1))
    strings = [node for node in nodes(path) if isinstance(node, ast.Constant)]
    said = [(node.lineno, node.value) for node in strings if isinstance(node.value, str) and " " in node.value]
    lines = enumerate(text.splitlines(), start=1)
    return said + [(number, line.partition("#")[2]) for number, line in lines if "#" in line]


@pytest.mark.parametrize("old", OLD_WORDS)
def test_old_words_are_gone(old: str) -> None:
    pattern = re.compile(old, re.IGNORECASE)
    sources = [*PROSE, *SRC.rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]!r} (say: {OLD_WORDS[old]})"
        for path in sources
        if path != GLOSSARY
        for number, line in prose(path)
        for match in pattern.finditer(line)
    ]
    assert found == []


def test_old_names_are_gone() -> None:
    names = re.compile(rf"\b(?:{'|'.join(OLD_NAMES)})\b")
    found = []
    for path in [*SRC.rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]:
        for node in nodes(path):
            name = getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "arg", None)
            name = node.name if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) else name
            if isinstance(name, str) and names.fullmatch(name):
                found.append(f"{path.relative_to(ROOT)}: {name}")
    assert found == []


PAGE = ROOT / "docs" / "architecture.md"
WHERE = re.findall(r"^\| ([^|]+) \| (`[^|]+`) \| (?:`([^|`]+)`)? *\|$", PAGE.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize(("question", "files", "name"), WHERE, ids=[row[0] for row in WHERE])
def test_the_architecture_page_says_where_things_are(question: str, files: str, name: str) -> None:
    paths = [SRC / path if (SRC / path).exists() else ROOT / path for path in re.findall(r"`([^`]+)`", files)]
    assert 1 <= len(paths) <= 2, question
    for path in paths:
        assert path.is_file(), f"{question}: {path} does not exist"
        assert re.search(rf"\b{re.escape(name)}\b", path.read_text("utf-8")), f"{question}: no {name} in {path}"


def test_the_architecture_page_shows_the_example() -> None:
    assert len(WHERE) >= 20
    assert (ROOT / "examples" / "solve_and_grade.py").read_text("utf-8") in PAGE.read_text("utf-8")


def test_the_architecture_page_names_every_module() -> None:
    named = set(re.findall(r"`([a-z_]+(?:\.py|/))`", PAGE.read_text("utf-8")))
    there = {
        path.name + ("/" if path.is_dir() else "") for path in SRC.iterdir() if path.suffix == ".py" or path.is_dir()
    }
    assert there - {"__init__.py", "__pycache__/", "recipes/"} - named == set()
