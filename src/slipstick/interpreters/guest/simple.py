"""Which programs are simple: they can leave nothing behind, so that the next one may run in the same process.

A program is simple where all it is made of is on a list: statements, names, modules and what of them, attributes.
It sets no attributes, makes no classes, generators or contexts (which could act later), and finds the listed built-ins
only. What no text can show, such as sympy evaluating text that it is given, is seen when it happens (see `reuse`).
Decides on nothing but the reuse of a process: confinement is the same for all.

Runs inside the sandbox: imports nothing but the standard library.
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
_NO_BUILTINS = frozenset(dir(builtins)) - _BUILTINS
_NODES = frozenset(getattr(ast, name) for name in _TABLE["nodes"].split()).union(
    *(family.__subclasses__() for family in (ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.expr_context))
)


def is_simple(tree: ast.Module) -> bool:
    """Whether a program can leave nothing behind, as far as its text tells."""
    nodes: list[ast.AST] = [tree]
    for node in nodes:  # grows while it is gone through
        kind = node.__class__
        if kind not in _NODES or ((fits := _CHECKS.get(kind)) and not fits(node)):
            return False
        for value in node.__dict__.values():
            if value.__class__ is list:
                nodes += [each for each in value if isinstance(each, ast.AST)]
            elif isinstance(value, ast.AST):
                nodes.append(value)
    symbolic = any(node.__class__ in (ast.Import, ast.ImportFrom) and "sympy" in _imported(node) for node in nodes)
    return all(_may_meet_sympy(node) for node in nodes) if symbolic else not any(map(_is_of_sympy, nodes))


def offered_builtins() -> dict[str, Any]:
    """All that a simple program finds among its built-ins."""
    return {name: getattr(builtins, name) for name in (*_BUILTINS, "__import__")}


def shared_state() -> list[object]:
    """What no simple program changes: equal, nearly always by identity, before and after."""
    namespaces = [vars(builtins), *(vars(sys.modules[name]) for name in _MODULES if name in sys.modules)]
    state = [value for namespace in namespaces for value in namespace.values()]
    if "sympy" in sys.modules:
        state += vars(sys.modules["sympy.core.parameters"].global_parameters).values()
        state.append(sys.modules["mpmath"].mp.prec)
    return [*state, sys.getrecursionlimit()]


def _may_meet_sympy(node: Any) -> bool:
    """In a program that imports sympy: no errors are caught, and options are listed ones."""
    return node.__class__ is not ast.Try and (node.__class__ is not ast.keyword or node.arg in _OPTIONS)


def _is_of_sympy(node: Any) -> bool:
    return node.__class__ is ast.Attribute and node.attr not in _ATTRIBUTES and node.attr != "format"


def _is_plain(name: str | None) -> bool:
    """Whether a name may be bound: it hides nothing and is no way to the interpreter's insides."""
    return name is None or ("__" not in name and name not in _NO_BUILTINS)


def _name(node: Any) -> bool:
    return _is_plain(node.id) or (node.id == "__name__" and node.ctx.__class__ is ast.Load)


def _attribute(node: Any) -> bool:
    if node.ctx.__class__ is not ast.Load:
        return False
    if node.attr == "format":  # fields of the text may name attributes
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
    """Neither `finally`, which could go on where a refusal was to end the program, nor a handler of everything."""
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
