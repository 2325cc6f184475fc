"""Tells programs that compute their answer from programs that only print one, by following values through the source.

A value counts as computed if arithmetic, a comparison, a loop or a call made it, or if a computed condition chose it.
A literal, and a literal converted to another type (`Fraction("3/4")`), does not. What cannot be followed counts as
computed.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Sequence

# fmt: off
_WRAPPERS = frozenset({
    "bool", "bytes", "complex", "dict", "float", "format", "frozenset", "int", "list", "repr", "round", "set", "sorted",
    "str", "tuple", "Decimal", "Float", "Fraction", "Integer", "Rational", "S", "Symbol", "symbols", "sympify",
    "FiniteSet", "Matrix", "array", "latex", "pretty", "simplify", "nsimplify", "strip", "lower", "upper", "title",
})
# fmt: on
"""Calls that only put a literal into another type or shape."""
_RESULT_NAMES = ("ans", "answer", "solution")
_PRINTERS = frozenset({"print", "pprint", "display"})
_MAX_CALLS = 100
"""Calls of a program's own functions that are followed; what comes after counts as computed."""


def prints_literals(steps: Sequence[str]) -> bool:
    """Whether a program, given as its steps, shows something, and nothing of it was computed.

    What it shows: what it prints, the last expression of a step and, if it shows nothing else, `ans`, `answer` or
    `solution()`. Source that is no Python gives False: it shows nothing.
    """
    scope = _Scope()
    for step in steps:
        try:
            with warnings.catch_warnings(action="ignore"):
                body = ast.parse(step).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        try:
            scope.run(body)
            if body and isinstance(body[-1], ast.Expr) and not _is_print(body[-1].value):
                scope.shown.append(scope.value(body[-1].value))
        except RecursionError:
            return False
    if not scope.shown:
        scope.shown += [scope.result(name) for name in _RESULT_NAMES if name in scope.names][:1]
    return bool(scope.shown) and not any(scope.shown)


class _Scope:
    """The names of a program, and whether their values were computed."""

    def __init__(self, outer: _Scope | None = None) -> None:
        self.names: dict[str, bool] = dict(outer.names) if outer else {}
        self.functions: dict[str, ast.FunctionDef] = outer.functions if outer else {}
        self.imported: set[str] = outer.imported if outer else set()
        self.shown: list[bool] = outer.shown if outer else []
        self.returned: list[bool] = []
        self.calls: list[str] = outer.calls if outer else []
        self._chosen = False  # whether a computed condition decides if this code runs

    def run(self, body: Iterable[ast.stmt]) -> None:
        """Follows statements in order."""
        for statement in body:
            self._statement(statement)

    def result(self, name: str) -> bool:
        """Whether a name's value, or what the function of that name returns, was computed."""
        return self._call(name, []) if name in self.functions else self.names.get(name, True)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.FunctionDef():
                self.functions[node.name] = node
                self.names[node.name] = True
            case ast.Assign():
                value = self.value(node.value)
                for target in node.targets:
                    self._bind(target, value)
            case ast.AnnAssign() if node.value:
                self._bind(node.target, self.value(node.value))
            case ast.AugAssign():
                self._bind(node.target, True)
            case ast.Expr():
                self.value(node.value)
            case ast.Return():
                self.returned.append(self._chosen or (node.value is not None and self.value(node.value)))
            case ast.If():
                self._choose(self.value(node.test), [node.body, node.orelse])
            case ast.For() | ast.While():
                self._bind(node.target if isinstance(node, ast.For) else None, True)
                self._choose(True, [node.body, node.orelse])
            case ast.Try():
                self._choose(False, [node.body, *(handler.body for handler in node.handlers), node.orelse])
                self.run(node.finalbody)
            case ast.With():
                self.run(node.body)
            case ast.ClassDef():
                self.names[node.name] = True
                self.shown.append(True)  # what its methods print is not followed
            case ast.Import() | ast.ImportFrom():
                self.imported |= {alias.asname or alias.name for alias in node.names}
                self.names.update(dict.fromkeys(self.imported, True))

    def _choose(self, computed: bool, branches: Iterable[list[ast.stmt]]) -> None:
        """Follows each branch from the same start; a name is computed if it is after any of them."""
        before, chosen = self.names, self._chosen
        after = dict(before)
        self._chosen = chosen or computed
        for branch in branches:
            self.names = dict(before)
            self.run(branch)
            for name, value in self.names.items():
                after[name] = value or after.get(name, False)
        self.names, self._chosen = after, chosen

    def _bind(self, target: ast.expr | None, value: bool) -> None:
        match target:
            case ast.Name():
                self.names[target.id] = value or self._chosen
            case ast.Tuple() | ast.List():
                for element in target.elts:
                    self._bind(element, value)
            case ast.Starred():
                self._bind(target.value, value)
            case ast.Subscript() | ast.Attribute():
                if isinstance(target.value, ast.Name):
                    self.names[target.value.id] = self.names.get(target.value.id, True) or value or self._chosen

    def value(self, node: ast.expr) -> bool:
        """Whether an expression's value was computed."""
        match node:
            case ast.Constant():
                return False
            case ast.Name():
                if node.id in _PRINTERS:
                    self.shown.append(True)  # passed on as a function: what it prints is not known
                return self.names.get(node.id, True)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                return self.value(node.operand)
            case ast.JoinedStr():
                return any(self.value(part.value) for part in node.values if isinstance(part, ast.FormattedValue))
            case ast.Tuple() | ast.List() | ast.Set():
                return any(self.value(element) for element in node.elts)
            case ast.Dict():
                return any(self.value(part) for part in [*node.keys, *node.values] if part)
            case ast.Subscript() | ast.Starred():
                return self.value(node.value)
            case ast.NamedExpr():
                value = self.value(node.value)
                self._bind(node.target, value)
                return value
            case ast.BinOp(op=ast.Mod()) if isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
                return self.value(node.right)
            case ast.Call():
                return self._called(node)
        return True

    def _called(self, node: ast.Call) -> bool:
        given = [self.value(argument) for argument in [*node.args, *(keyword.value for keyword in node.keywords)]]
        if _is_print(node):
            ends = {keyword.arg for keyword in node.keywords} - {"sep", "end", "file", "flush"}
            self.shown.append(self._chosen or any(given[: len(node.args)]) or bool(ends))
            return True
        match node.func:
            case ast.Name(id=name) if name in self.functions:
                return self._call(name, given)
            case ast.Name(id=name) if name in _WRAPPERS:
                return any(given)
            case ast.Attribute(value=ast.Name(id=module), attr=name) if name in _WRAPPERS and module in self.imported:
                return any(given)
            case ast.Attribute(value=held, attr=name) if name in _WRAPPERS:
                return any(given) or self.value(held)
        return True

    def _call(self, name: str, given: Sequence[bool]) -> bool:
        """Whether a function of the program returns something computed, or is given it."""
        function = self.functions[name]
        self.calls.append(name)
        if len(self.calls) > _MAX_CALLS:
            return True
        inner = _Scope(self)
        inner._chosen = self._chosen
        names = [argument.arg for argument in [*function.args.posonlyargs, *function.args.args]]
        inner.names.update(dict.fromkeys(names, False))
        inner.names.update(zip(names, given, strict=False))
        inner.run(function.body)
        return any(inner.returned)


def _is_print(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _PRINTERS
