"""What a notebook does and Python does not: commands in a cell, earlier results by name, `display`, `IPython`.

Commands (`%time f()`, `%%capture`, `!pip ...`, `x?`) are looked for only if a cell is no Python without that; each
becomes a call of the session's `Notebook`, which answers those that programs for mathematics need; the rest do nothing.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.machinery
import io
import re
import sys
import types
from pathlib import Path
from typing import Any

from slipstick.interpreters.guest.pretty import show

_MOST_COMMANDS = 200
_CELL = re.compile(r"\s*%%(?P<name>\w+)(?P<line>[^\n]*)(?:\n(?P<body>.*))?", re.DOTALL)
_LINE = re.compile(
    r"(?P<indent>\s*)(?:(?P<target>[\w, ]+?)\s*=\s*)?(?:%(?P<magic>\w+)[ \t]*(?P<line>.*)|!!?(?P<shell>.*)|"
    r"\?{1,2}(?P<what>[\w.]+)|(?P<name>[\w.]+)\?{1,2})\s*"
)
_RUN = ("time", "timeit", "prun", "python", "python3")
"""Commands whose rest of the line, or cell, is run as it is."""
_INSTALL = re.compile(r"\s*(?:sudo\s+)?(?:pip3?|conda|mamba|apt(?:-get)?|uv|python3?\s+-m\s+pip)\b")
_IPYTHON = ("IPython", "IPython.core", "IPython.core.display", "IPython.core.interactiveshell", "IPython.display")
_SHOWN = ("Math", "Latex", "Markdown", "HTML", "Image", "SVG", "JSON", "Javascript", "Audio", "Video", "IFrame", "Code")


class Notebook:
    """A session's `get_ipython()`: what its cells were, what they gave, and the commands in them.

    names: of the session. built_ins: where programs find `_`, `In` and `Out`, so that names of their own hide them.
    An attribute that it does not have takes every call and does nothing.
    """

    ast_node_interactivity = "last_expr"
    """ "all": every expression of a cell is shown. A setting of IPython's that programs set."""

    def __init__(self, names: dict[str, Any], built_ins: dict[str, Any]) -> None:
        self._names = names
        self._built_ins = built_ins
        self._cells = [""]
        self._results: dict[int, Any] = {}
        self._last: list[Any] = ["", "", ""]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_values: Any, **_named: Any) -> None:
        """Does nothing."""

    def __contains__(self, _name: object) -> bool:
        return False

    def parse(self, source: str, name: str) -> ast.Module:
        """The syntax tree of the next cell. Raises SyntaxError."""
        self._cells.append(source)
        self._built_ins.update(zip(("_", "__", "___"), self._last, strict=True))
        self._built_ins.update(In=self._cells, Out=self._results, _i=self._cells[-2], _ii=["", *self._cells][-3])
        if "get_ipython" in source:
            self._names["get_ipython"] = lambda: self
        tree = self._parse(source, name)
        if self.ast_node_interactivity == "all":
            self._names["get_ipython"] = lambda: self
            for each in tree.body[:-1]:
                if isinstance(each, ast.Expr):
                    shown = ast.parse("get_ipython().show(0)", mode="eval").body
                    assert isinstance(shown, ast.Call)
                    each.value = ast.fix_missing_locations(
                        ast.copy_location(ast.Call(shown.func, [each.value], []), each.value)
                    )
        return tree

    def show(self, value: Any) -> None:
        """Shows what an expression gives, if that is not None."""
        if value is not None:
            display(value)

    def echo(self, value: Any) -> str:
        """The text of a cell's value, which later cells find as `_` and `Out[n]`."""
        number = len(self._cells) - 1
        text = _as_text(value)
        self._results[number] = value
        self._last = [value, *self._last[:2]]
        self._built_ins[f"_{number}"] = value
        return text

    def run_line_magic(self, name: str, line: str = "", *_unused: Any, **_named: Any) -> Any:
        """The value of `%name line`."""
        if name in _RUN:
            code = re.sub(r"^\s*(?:-\w+\s*\S*\s+)*", "", line)
            return self._run(code, echo=True) if code.strip() and name == "time" else None
        if name == "run" and line.split():
            path = line.split(maxsplit=1)[0]
            return self._run(Path(path if path.endswith(".py") else f"{path}.py").read_text("utf-8"))
        if name == "reset":
            for each in [each for each in self._names if not each.startswith("__")]:
                del self._names[each]
        return None

    def run_cell_magic(self, name: str, line: str, body: str) -> Any:
        """The value of a cell that starts with `%%name line`."""
        if name == "capture":
            return self._capture(line.split(), body)
        if name == "writefile" or name == "file":
            path = Path(line.rsplit(maxsplit=1)[-1])
            print("Overwriting" if path.exists() else "Writing", path)
            path.write_text(body, "utf-8")
        elif name in ("bash", "sh", "script", "cmd"):
            _refuse(name)
        return None

    def system(self, command: str) -> None:
        """What `!command` does: says that it cannot be done, unless it would install what is here or never will be."""
        if not _INSTALL.match(command):
            _refuse(command.strip())

    def getoutput(self, command: str) -> list[str]:
        """What `x = !command` gives."""
        self.system(command)
        return []

    def _run(self, source: str, *, echo: bool = False) -> Any:
        tree = self._parse(source, "<command>")
        last = tree.body.pop() if echo and tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "<command>", "exec", dont_inherit=True), self._names)  # noqa: S102 - what a session is for
        if not isinstance(last, ast.Expr):
            return None
        value = compile(ast.Expression(last.value), "<command>", "eval", dont_inherit=True)
        return eval(value, self._names)  # noqa: S307

    def _capture(self, options: list[str], body: str) -> None:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            self._run(body)
        names = [option for option in options if not option.startswith("-")]
        captured = types.SimpleNamespace(stdout=out.getvalue(), stderr=err.getvalue(), outputs=[])
        captured.show = lambda: print(captured.stdout, end="")
        self._names.update(dict.fromkeys(names[:1], captured))

    def _parse(self, source: str, name: str) -> ast.Module:
        try:
            return _parse(source, name)
        except SyntaxError as first:
            python = _as_python(source, name)
            if python == source:
                raise
            self._names["get_ipython"] = lambda: self
            try:
                return _parse(python, name)
            except SyntaxError:
                raise first from None


def display(*values: object, **_options: object) -> None:
    """Shows values as a notebook shows the last one of a cell."""
    for value in values:
        print(_as_text(value))


def _as_text(value: object) -> str:
    if sys.displayhook is sys.__displayhook__ or not _is_symbolic(value):
        return show(value)
    with contextlib.redirect_stdout(io.StringIO()) as out:  # sympy's init_printing sets its own
        sys.displayhook(value)
    return out.getvalue().rstrip("\n")


def _is_symbolic(value: Any) -> bool:
    """Whether sympy's own printing applies to a value in a notebook."""
    if isinstance(value, dict):
        return all(map(_is_symbolic, [*value.keys(), *value.values()]))
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_symbolic, value))
    return type(value) in (int, float) or any(each.__module__.startswith("sympy.") for each in type(value).__mro__)


def is_silenced(source: str, last: ast.stmt) -> bool:
    """Whether a cell ends in a semicolon, so that the value of its last expression is not shown."""
    if ";" not in source:
        return False
    lines = re.split(rb"\r\n?|\n", source.encode())[(last.end_lineno or 1) - 1 :]
    return b"\n".join([lines[0][last.end_col_offset or 0 :], *lines[1:]]).lstrip().startswith(b";")


class IPythonFinder:
    """Finds `IPython` and `IPython.display`, whatever is installed: they show values as a session does."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> Any:
        """The module of that name, if it is one of those."""
        if name in _IPYTHON:
            return importlib.machinery.ModuleSpec(name, self, is_package=name in ("IPython", "IPython.core"))  # type: ignore[arg-type]
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """The module, filled."""
        module = types.ModuleType(spec.name)
        shown = {name: _displayed(name) for name in _SHOWN}
        vars(module).update(
            shown, display=display, clear_output=_nothing, get_ipython=_get_ipython, version_info=(9, 0, 0, "")
        )
        vars(module).update(__version__="9.0.0", InteractiveShell=Notebook, set_matplotlib_formats=_nothing)
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing is left to do."""


def _displayed(name: str) -> type:
    """A class of objects that a notebook renders, and that show their type as text."""

    def init(self: Any, data: Any = None, *_values: Any, **_named: Any) -> None:
        self.data = data

    members = {"__init__": init, "__repr__": lambda _self: f"<IPython.core.display.{name} object>"}
    return type(name, (), {**members, "__module__": "IPython.core.display"})


def _get_ipython() -> Any:
    """The session's notebook if its cells ask for it, else None: libraries then behave as in Python."""
    return vars(sys.modules["__main__"]).get("get_ipython", _nothing)()


def _nothing(*_values: object, **_named: object) -> None:
    """Does nothing."""


def _refuse(command: str) -> None:
    print(f"{command}: processes cannot be started here", file=sys.stderr)


def _parse(source: str, name: str) -> ast.Module:
    tree = compile(source, name, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    return tree


def _as_python(source: str, name: str) -> str:
    """The cell with its commands replaced by calls, each on its own line."""
    if cell := _CELL.fullmatch(source):
        body = cell["body"] or ""
        if cell["name"] in _RUN:
            return "\n" * source[: cell.start("body")].count("\n") + _as_python(body, name)
        return f"get_ipython().run_cell_magic({cell['name']!r}, {cell['line'].strip()!r}, {body!r})"
    lines = source.split("\n")
    indent = re.match(r"[ \t]*", source)[0]  # type: ignore[index]  # a cell may be indented as a whole
    lines = [line.removeprefix(indent) for line in lines]
    for _ in range(_MOST_COMMANDS):
        try:
            _parse("\n".join(lines), name)
            break
        except SyntaxError as error:
            at = (error.lineno or 0) - 1
            command = _LINE.fullmatch(lines[at]) if 0 <= at < len(lines) else None
            if command is None:
                break
            while lines[at].rstrip().endswith("\\") and at + 1 < len(lines):
                at += 1
                lines[at], lines[at - 1] = lines[at], ""
            lines[(error.lineno or 1) - 1] = _call(command)
    return "\n".join(lines)


def _call(command: re.Match[str]) -> str:
    target = f"{command['target']} = " if command["target"] else ""
    start = f"{command['indent']}{target}get_ipython()"
    if command["shell"] is not None:
        return f"{start}.{'getoutput' if target else 'system'}({command['shell']!r})"
    if (what := command["what"] or command["name"]) is not None:
        return f"{start}.run_line_magic('pinfo', {what!r})"
    if command["magic"] == "time" and command["line"]:
        return f"{command['indent']}{target}{command['line']}"
    return f"{start}.run_line_magic({command['magic']!r}, {command['line']!r})"
