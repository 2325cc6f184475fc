"""Scripts as `Sandbox.run_script` runs them: what a script may do to its streams, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from slipstick.errors import InterpreterError
from slipstick.interpreters.host.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(timeout=5, scratch_mb=4) as opened:
        yield opened


@pytest.mark.parametrize(
    ("code", "stdin", "stdout"),
    [
        ("print(open(0).read()[::-1])", "abc", "cba\n"),
        ("print(open('/dev/fd/0').readline(), input.__name__)", "a\r\nb\n", "a\n input\n"),
        ("open('/dev/stdout', 'w').write('a')\nopen('/dev/fd/1', 'ab', 0).write(b'b')", "", "ab"),
        ("import os\nfd = os.open('/dev/stdin', os.O_RDONLY)\nprint(os.read(fd, 9))", "x", "b'x'\n"),
        ("import sys\nprint(len(sys.stdin.buffer.read()))", "é" * 3_000_000, "6000000\n"),
        ("import sys\nsys.stdin.close()\nprint(1)", "x" * 200_000, "1\n"),
        ("print(1)", "x" * 16_000_000, "1\n"),
        ("import os\nos.close(0)\nos.write(1, b'\\0\\xc3')", "x" * 200_000, "\0\ufffd"),
        ("import ctypes\nctypes.CDLL(None).puts(b'C')\nprint('Python')", "", "Python\nC\n"),
        ("print(open(__file__).readline())", "", "print(open(__file__).readline())\n"),
        ("class A:\n    def __del__(self): print('gone')\na = A()", "", "gone\n"),
        ("import helper\nprint(helper.x)", "", "42\n"),
    ],
)
def test_streams(sandbox: Sandbox, code: str, stdin: str, stdout: str) -> None:
    result = sandbox.run_script(code, stdin=stdin, files={"helper.py": b"x = 42"})
    assert (result.stdout, result.stderr, result.exit_code, result.status) == (stdout, "", 0, "ok")


@pytest.mark.parametrize(
    ("code", "status", "exit_code", "stderr"),
    [
        ("import os\nos._exit(3)", "error", 3, ""),
        ("raise KeyboardInterrupt", "error", -2, "KeyboardInterrupt\n"),
        ("import os, sys\nprint(1)\nos.close(1)", "error", 120, "OSError: [Errno 9] Bad file descriptor\n"),
        ("def f():\n    foo\nfoa = 1\nf()", "error", 1, "is not defined. Did you mean: 'foa'?\n"),
        ("import sys\nsys.excepthook = lambda *_: sys.exit(5)\n1/0", "error", 5, ""),
        ("x = bytearray(1 << 31)", "memory", 1, "MemoryError\n"),
        ("import ctypes\nctypes.string_at(0)", "killed", -11, ""),
        ("while True: pass", "timeout", None, "no end within 5 s of processor time\n"),
    ],
)
def test_endings(sandbox: Sandbox, code: str, status: str, exit_code: int | None, stderr: str) -> None:
    result = sandbox.run_script(code)
    assert (result.status, result.exit_code) == (status, exit_code)
    assert result.stderr.endswith(stderr)
    assert "guest" not in result.stderr


@pytest.mark.parametrize("stream", [1, 2])
def test_a_flood_is_cut_and_ended(sandbox: Sandbox, stream: int) -> None:
    flood = f"import os\nos.write({stream}, b'HEAD')\nwhile True: os.write({stream}, b'x' * 65536)"
    result = sandbox.run_script(flood)
    assert (result.status, result.exit_code) == ("killed", 1)
    assert result.stderr.endswith("Killed: the program wrote more than 256 MB\n")
    kept = (result.stdout, result.stderr)[stream - 1]
    assert kept.startswith("HEAD") and "bytes of output cut" in kept and len(kept) < 1_100_000


def test_programs_have_one_text(sandbox: Sandbox) -> None:
    code = "import os, sys\nprint('a')\nprint('b', file=sys.stderr)\nos.write(1, b'c')\nopen(0).read()\n{}"
    outputs = sandbox.run_many([code.format("7"), code.format("1/0"), "print('\\ud800', end='')\nimport os\n8"])
    assert outputs[0].text == "a\nb\nc\n7"
    assert outputs[1].text.startswith("a\nb\nc\nTraceback") and outputs[1].status == "error"
    assert outputs[2].text == "\\ud800\n8"
    (gone,) = sandbox.run_many(["class A:\n    def __del__(self): print('gone', x)\nx = 1\na = A()"])
    assert gone.text == "gone 1"


def test_an_interpreter_that_fails_says_so_by_itself(sandbox: Sandbox) -> None:
    with Sandbox(scratch_mb=0) as opened:
        opened._background.wait_for(opened._background.interpreter.close())
        with pytest.raises(InterpreterError, match="closed"):
            opened.run_many(["1", "2", "3"])


def test_a_traceback_shows_the_line_that_python_counts(sandbox: Sandbox) -> None:
    code = "x = '\u2028\x85'  # \x1c\n\x0c\r\ny = 1\nx / y"
    assert "    x / y\n" in sandbox.run_script(code).stderr
    with sandbox.session() as session:
        assert "    x / y\n" in session.run(code).text
        session.run("import inspect\ndef f(): return '\u2028'\n")
        assert session.run("print(inspect.getsource(f))").text.strip() == "def f(): return '\u2028'"
