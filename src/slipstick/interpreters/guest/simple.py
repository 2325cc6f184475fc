"""Which programs are simple: they leave nothing behind, so that the next one may run in the same process.

A program is simple if everything in it is listed in `simple.toml`: syntax, names, modules and what it takes from them,
attributes. It sets no attributes, makes no classes, generators or contexts (which could act later), and has the listed
built-ins only. What the source cannot show, such as sympy evaluating a text, is noticed when it happens (see `reuse`).
This decides on the reuse of a process alone: confinement is the same for all programs.
"""

from __future__ import annotations

import ast
import builtins
import string
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

_TABLE: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
_MODULES = {name: frozenset(listed.split()) for name, listed in _TABLE["modules"].items()}
_OF_SYMPY = frozenset(_TABLE["attributes_of_sympy"].split()) | _MODULES["sympy"]
_ATTRIBUTES = frozenset(_TABLE["attributes"].split()).union(*(_MODULES[name] for name in _MODULES if name != "sympy"))
_OPTIONS = frozenset(_TABLE["options_with_sympy"].split())
_BUILTINS = frozenset(_TABLE["builtins"].split())
_NO_BUILTINS = frozenset((*dir(builtins), "display")) - _BUILTINS
_NO_NODES = frozenset(_TABLE["fields_without_nodes"].split())
_CHILDREN: dict[type, list[str]] = {
    kind: [name for name in kind._fields if f"{kind.__name__}.{name}" not in _NO_NODES and name not in _NO_NODES]
    for kind in map(vars(ast).__getitem__, _TABLE["nodes"].split())
} | {type(None): []}
"""Allowed nodes, and which of their fields have nodes, lists of nodes, or None; all operators and contexts are."""


def is_simple(tree: ast.Module) -> bool:
    """Whether a program leaves nothing behind, as far as its source shows."""
    nodes: list[Any] = [tree]
    for node in nodes:  # grows during the loop
        kind = node.__class__
        if kind not in _CHILDREN or ((fits := _CHECKS.get(kind)) and not fits(node)):
            return False
        for name in _CHILDREN[kind]:
            value = getattr(node, name)
            if value.__class__ is list:
                nodes += value
            else:
                nodes.append(value)
    if any("sympy" in _imported(node) for node in nodes if node.__class__ in (ast.Import, ast.ImportFrom)):
        return all(_may_meet_sympy(node) for node in nodes if node.__class__ in (ast.Try, ast.keyword))
    return not any(_is_of_sympy(node) for node in nodes if node.__class__ is ast.Attribute)


def offered_builtins() -> dict[str, Any]:
    """The built-ins of a simple program."""
    return {name: getattr(builtins, name) for name in (*_BUILTINS, "__import__")}


def shared_state() -> list[object]:
    """What no simple program changes: equal (nearly always identical) objects before and after."""
    namespaces = [vars(builtins), *(vars(sys.modules[name]) for name in _MODULES if name in sys.modules)]
    state = [value for namespace in namespaces for value in namespace.values()]
    if "sympy" in sys.modules:
        state += vars(sys.modules["sympy.core.parameters"].global_parameters).values()
        state.append(sys.modules["mpmath"].mp.prec)
    return [*state, sys.getrecursionlimit()]


def _may_meet_sympy(node: Any) -> bool:
    """In a program that imports sympy no errors are caught, and keyword arguments are listed ones."""
    return node.__class__ is not ast.Try and (node.__class__ is not ast.keyword or node.arg in _OPTIONS)


def _is_of_sympy(node: Any) -> bool:
    return node.attr not in _ATTRIBUTES and node.attr != "format"


def _is_plain(name: str | None) -> bool:
    """Whether a name may be bound: it hides no built-in and gives no access to Python's internals."""
    return name is None or ("__" not in name and name not in _NO_BUILTINS)


def _name(node: Any) -> bool:
    return _is_plain(node.id) or (node.id == "__name__" and node.ctx.__class__ is ast.Load)


def _attribute(node: Any) -> bool:
    if node.ctx.__class__ is not ast.Load:
        return False
    if node.attr == "format":  # fields of the text can name attributes
        return node.value.__class__ is ast.Constant and _has_bare_fields(node.value.value)
    return node.attr in _ATTRIBUTES or node.attr in _OF_SYMPY


def _has_bare_fields(text: object) -> bool:
    try:
        fields = list(string.Formatter().parse(text)) if isinstance(text, str) else [("", "[", "", "")]
    except ValueError:
        return False
    return all(set(f"{name or ''}{inner or ''}").isdisjoint(".[{") for _, name, inner, _ in fields)


def _imported(node: Any) -> list[Any]:
    return [node.module] if node.__class__ is ast.ImportFrom else [alias.name for alias in node.names]


def _import(node: Any) -> bool:
    return all(alias.name in _MODULES and _is_plain(alias.asname) for alias in node.names)


def _import_from(node: Any) -> bool:
    listed = _MODULES.get(node.module, frozenset())
    return node.level == 0 and all(alias.name in listed and _is_plain(alias.asname) for alias in node.names)


def _try(node: Any) -> bool:
    """No `finally`, which could go on after a refusal, and no handler of everything."""
    return not node.finalbody and all(handler.type is not None for handler in node.handlers)


_CHECKS: dict[type, Callable[[Any], bool]] = {
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Try: _try,
    ast.FunctionDef: lambda node: _is_plain(node.name),
    ast.arg: lambda node: _is_plain(node.arg),
    ast.ExceptHandler: lambda node: _is_plain(node.name),
    ast.Global: lambda node: all(map(_is_plain, node.names)),
    ast.Nonlocal: lambda node: all(map(_is_plain, node.names)),
    ast.keyword: lambda node: node.arg is not None and "__" not in node.arg,
}
