"""The one Python program in a reply that should be a program and nothing else.

Of several fenced programs the last one that gives a result counts, with all from the first one on that defines what it
uses: a corrected program takes the place of the one before it, and a function of an earlier block is there when a later
block calls it.
"""

import ast
import builtins
import re
import warnings
from collections.abc import Sequence
from typing import NamedTuple

from slipstick.replies.fences import find_fenced

_RESULTS = frozenset({"ans", "answer", "solution"})
_BUILTINS = frozenset(dir(builtins)) | {"display"}
_NOTEBOOK = re.compile(r"(?m)^([^\S\n]*)[!%]\S.*$")
_PROSE = re.compile(r"\s*[A-Z][^=\[\]{}]*\s[^=\[\]{}]*[.:!]\s*|\s*")
_LABEL = re.compile(r"\A\s*(?:python3?|py)[^\S\n]*\n", re.IGNORECASE)
"""The name of the language, left over from a fence."""
_ENVIRONMENT = re.compile(
    r"\\begin\{(?P<name>lstlisting|verbatim|minted|python)\}(?:\[[^\]\n]*\]|\{\w+\})*\n?(?P<code>.*?)\\end\{(?P=name)\}"
    r"|<pre>\s*<code[^>\n]*>\n?(?P<html>.*?)</code>",
    re.DOTALL,
)
_SPAN = re.compile(r"\s*`{1,3}([^`\n]+)`{1,3}\s*")
_MOST_PROSE = 40


def program_of(text: str) -> str:
    """The program of a reply: the whole reply if that is Python, else what its fences hold, else the reply as it is."""
    text = _LABEL.sub("", text.removeprefix("\ufeff"))
    if is_program(text):
        return text
    blocks = find_fenced(text)
    inner = [block for outer in blocks if not outer.is_python for block in find_fenced(outer.code)]
    labelled = [block.code for block in blocks if block.is_python] or [block.code for block in inner if block.is_python]
    found = choose_program(labelled or [block.code for block in blocks if not block.language and computes(block.code)])
    if found is None:
        found = choose_program([match["code"] or match["html"] for match in _ENVIRONMENT.finditer(text)])
    if found is not None:
        return found
    bare = text[: blocks[0].start] if blocks else span[1] if (span := _SPAN.fullmatch(text)) else text
    return _without_prose(bare) or text


def is_program(text: str) -> bool:
    """Whether a whole reply is a program: Python, and no call as JSON, no fence of tildes (which is Python too)."""
    other = text.lstrip().startswith(("{", "[", "~~~")) or _LABEL.match(text)
    return not other and parse_python(text) is not None


def choose_program(codes: Sequence[str]) -> str | None:
    """One program out of several pieces of code in order; None if there is none."""
    pieces = [_read(code) for code in codes if code.strip()]
    if not pieces:
        return None
    places = range(len(pieces) - 1, -1, -1)
    last = next((place for place in places if pieces[place].gives_result), None)
    if last is None:
        last = next((place for place in places if pieces[place].parsed), len(pieces) - 1)
    first, wanted = last, set(pieces[last].needs)
    for place in range(last - 1, -1, -1):
        if wanted & pieces[place].defines or (pieces[place].defines_all and wanted):
            for piece in reversed(pieces[place:first]):  # those between are run too
                wanted = (wanted - piece.defines) | piece.needs
            first = place
    return "\n".join(piece.code for piece in pieces[first : last + 1] if piece.parsed or first == last)


def parse_python(code: str) -> ast.Module | None:
    """The syntax tree of a program, a notebook's own commands left out; None if it is no Python or empty."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(_NOTEBOOK.sub(r"\1pass", code))
        except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
            return None
    return tree if tree.body else None


class _Piece(NamedTuple):
    code: str
    parsed: bool = False
    gives_result: bool = False
    """Whether it prints, ends with an expression or binds a name that is taken for the result."""
    needs: frozenset[str] = frozenset()
    defines: frozenset[str] = frozenset()
    defines_all: bool = False
    """Whether it imports all names of a module, so that it may define any."""


def _read(code: str) -> _Piece:
    tree = parse_python(code)
    if tree is None:
        return _Piece(code)
    names = _Names()
    try:
        for statement in tree.body:
            names.visit(statement)
    except RecursionError:
        return _Piece(code, parsed=True, gives_result=True)
    needs = names.needed | (names.needed_later - names.defined)
    return _Piece(
        code,
        parsed=True,
        gives_result=_gives_result(tree) or bool(_RESULTS & names.defined),
        needs=frozenset(needs - _BUILTINS),
        defines=frozenset(names.defined),
        defines_all=names.star,
    )


def _gives_result(tree: ast.Module) -> bool:
    """Whether it prints or ends with an expression; what is only a literal is no program but what one printed."""
    last = tree.body[-1]
    if isinstance(last, ast.Expr) and any(isinstance(node, ast.Call | ast.Name) for node in ast.walk(last)):
        return True
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "display"):
            return True
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name):
            return True  # main()
        waiting.extend(ast.iter_child_nodes(node))
    return False


def computes(code: str) -> bool:
    """Whether code without a language is a program and no output."""
    tree = parse_python(code)
    kinds = ast.Call | ast.Assign | ast.AugAssign | ast.Import | ast.ImportFrom | ast.FunctionDef
    return tree is not None and any(isinstance(node, kinds) for node in ast.walk(tree))


def _without_prose(text: str) -> str | None:
    """The program in a text without fences, sentences before and behind it left out; None if there is none."""
    lines = text.split("\n")
    first = next((at for at, line in enumerate(lines[:_MOST_PROSE]) if not _is_prose(line)), None)
    if first is None:
        return None
    ends = range(len(lines), max(first, len(lines) - _MOST_PROSE), -1)
    last = next((at for at in ends if not _is_prose(lines[at - 1])), len(lines))
    code = "\n".join(lines[first:last])
    return code if parse_python(code) else None


def _is_prose(line: str) -> bool:
    return _PROSE.fullmatch(line) is not None and parse_python(line) is None


class _Names(ast.NodeVisitor):
    """Names that code uses before it defines them, and those that it defines, in the order in which it is run."""

    def __init__(self) -> None:
        self.needed: set[str] = set()
        self.needed_later: set[str] = set()
        """In functions, which are called later."""
        self.defined: set[str] = set()
        self.star = False

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.defined.add(node.id)
        elif node.id not in self.defined:
            self.needed.add(node.id)

    def visit_Assign(self, node: ast.Assign) -> None:
        self._visit_all(node.value, *node.targets)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name) and node.target.id not in self.defined:
            self.needed.add(node.target.id)
        self._visit_all(node.value, node.target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._visit_all(*([node.value] if node.value else []), node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._visit_all(node.value, node.target)

    def visit_For(self, node: ast.For) -> None:
        self._visit_all(node.iter, node.target, *node.body, *node.orelse)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._visit_all(node.iter, node.target, *node.ifs)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        self._visit_all(*node.generators, node.elt)

    visit_SetComp = visit_GeneratorExp = visit_ListComp  # noqa: N815

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._visit_all(*node.generators, node.key, node.value)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            self.star = self.star or alias.name == "*"
            self.defined.add(alias.asname or alias.name.partition(".")[0])

    visit_ImportFrom = visit_Import  # noqa: N815

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self.defined |= {node.name} if node.name else set()
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.generic_visit(node)
        self.defined.add(node.name)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._visit_all(*node.decorator_list, *node.args.defaults)
        self.defined.add(node.name)
        self._inside(node.args, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._inside(node.args, [node.body])

    def _inside(self, arguments: ast.arguments, body: Sequence[ast.AST]) -> None:
        inner = _Names()
        parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        inner.defined |= {parameter.arg for parameter in parameters if parameter}
        for node in body:
            inner.visit(node)
        self.needed_later |= inner.needed | (inner.needed_later - inner.defined)

    def _visit_all(self, *nodes: ast.AST) -> None:
        for node in nodes:
            self.visit(node)
