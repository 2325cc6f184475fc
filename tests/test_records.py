"""Every field of a public record or named tuple says what it holds, in a docstring under it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "slipstick"


def classes() -> Iterator[tuple[Path, ast.ClassDef]]:
    """Every class of the source with its file."""
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        yield from ((path, node) for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def records() -> list[tuple[Path, ast.ClassDef]]:
    """The public classes that inherit from `Record` or `NamedTuple`, directly or through others."""
    found = list(classes())
    names, grown = {"Record", "NamedTuple"}, True
    while grown:
        more = {node.name for _, node in found if names & {ast.unparse(base).rpartition(".")[2] for base in node.bases}}
        grown = not more <= names
        names |= more
    return [(path, node) for path, node in found if node.name in names and not node.name.startswith("_")]


def test_a_docstring_stands_under_what_it_describes() -> None:
    """Two in a row: the second describes nothing."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            body = node.body if isinstance(node, ast.ClassDef | ast.Module) else []
            found += [f"{path.relative_to(SOURCE)}:{b.lineno}" for a, b in pairwise(body) if is_text(a) and is_text(b)]
    assert found == []


def is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def test_every_field_of_a_record_has_a_docstring() -> None:
    missing, fields = [], 0
    for path, node in records():
        for statement, following in zip(node.body, [*node.body[1:], None], strict=True):
            if not isinstance(statement, ast.AnnAssign) or "ClassVar" in ast.unparse(statement.annotation):
                continue
            fields += 1
            is_text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            if not is_text:
                missing.append(f"{path.relative_to(SOURCE)}:{statement.lineno} {ast.unparse(statement.target)}")
    assert fields > 400, "the fields are found"
    assert not missing, "fields without a docstring under them:\n" + "\n".join(missing)
