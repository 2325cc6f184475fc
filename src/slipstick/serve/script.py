"""Programs for clients of scripts and notebooks: standard output, standard error, echo and exit code kept apart.

A session's output is one text. Here a program is wrapped in a driver that runs it inside the session and prints, after
the program's own output, the other parts between random marks, new ones for every program. Like everything that comes
out of a session, these parts could be forged by the program.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

from slipstick.schema import Output, Status

# The tail of an output that is cut has room for 5,000 bytes: the parts after standard output must fit.
_DRIVER = """
def __driver__(source, name, echo, stdin, files, mark):
    import ast, base64, io, linecache, os, sys, traceback
    del globals()["__driver__"]

    class Tail(io.TextIOBase):
        kept = ""
        def writable(self):
            return True
        def write(self, text):
            self.kept = (self.kept + text)[-4000:]
            return len(text)

    def cut(text, most):
        return text.encode("utf-8", "replace")[-most:].decode("utf-8", "ignore")

    for path, data in files.items():
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
    out, err, shown, code, trace = sys.stdout, Tail(), "", 0, ""
    sys.stderr, sys.stdin = err, io.TextIOWrapper(io.BytesIO(stdin), "utf-8")
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    try:
        tree = compile(source, name, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        last = tree.body.pop() if echo and tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec", dont_inherit=True), globals())
        if last is not None:
            value = eval(compile(ast.Expression(last.value), name, "eval", dont_inherit=True), globals())
            shown = "" if value is None else repr(value)
    except MemoryError:
        raise
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if not isinstance(end.code, int | None):
            err.write(f"{end.code}\\n")
    except BaseException as error:
        code, error.__traceback__ = 1, error.__traceback__.tb_next
        trace = "".join(traceback.format_exception(error))
    out.write(mark.join(["", shown, str(code & 255), cut(trace, 2800), cut(err.kept, 1900), ""]))
"""
_ENDING = re.compile(r"^Killed: the program ended its process (?:by signal (\d+)|with exit code (\d+))", re.MULTILINE)


@dataclass(frozen=True)
class Program:
    """A program to run."""

    code: str
    name: str = "main.py"
    """File name in tracebacks."""
    echo: bool = False
    """Whether the last expression is shown, as in a notebook."""
    stdin: str = ""
    """Standard input."""
    files: dict[str, str] = field(default_factory=dict)
    """Path -> content in base64, written into the scratch folder first."""

    def wrapped(self, mark: str) -> str:
        """The step to run; `mark` separates the parts of its output."""
        # Lines stay lines, so that an interpreter that looks at import lines sees the program's own.
        lines = (line.encode("unicode_escape").decode("ascii").replace('"', '\\"') for line in self.code.split("\n"))
        source = '"""\n' + "\n".join(lines) + '"""[1:]'
        stdin = self.stdin.encode("utf-8", "surrogatepass")
        return f"{_DRIVER}\n__driver__({source}, {self.name!r}, {self.echo}, {stdin!r}, {self.files!r}, {mark!r})"


@dataclass(frozen=True)
class ScriptResult:
    """How a program ended, and the parts of its output."""

    status: Status
    stdout: str = ""
    stderr: str = ""
    """Standard error; the interpreter's message if it ended the program."""
    echo: str = ""
    traceback: str = ""
    code: int | None = 0
    """Exit code, negative for a signal; None after a timeout."""
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether the program ended by itself, so that its parts are known."""
        return self.status in ("ok", "error")


def new_mark() -> str:
    """A mark that no program can guess."""
    return f"<--{secrets.token_hex(8)}-->"


def read_parts(output: Output, mark: str) -> ScriptResult:
    """The parts of a wrapped program's output."""
    parts = output.text.rsplit(mark, 5)
    if output.status != "ok" or len(parts) < 5:  # the program did not get to the marks
        status: Status = "error" if output.status == "ok" else output.status
        return ScriptResult(status, stderr=f"{output.text}\n", code=_exit_code(output), seconds=output.seconds)
    stdout, echo = parts[:-4] if len(parts) == 6 else (parts[0], "")  # a long echo is cut with its mark
    code, traceback, stderr = parts[-4:-1]
    number = int(code) if code.isdecimal() else 1
    return ScriptResult(
        "error" if number else "ok", stdout, stderr, echo, traceback, number, output.seconds, output.cpu_seconds
    )


def _exit_code(output: Output) -> int | None:
    if output.status == "timeout":
        return None
    found = _ENDING.search(output.text) if output.status == "killed" else None
    if found is None:
        return 1
    return -int(found[1]) if found[1] else int(found[2])
