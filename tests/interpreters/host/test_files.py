"""Files of a session: written, listed, read and found again after its process was killed; standard input of a step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from slipstick.errors import InterpreterError
from slipstick.interpreters import Interpreter, InterpreterSettings, Script, open_interpreter

Start = Callable[..., Any]
MOST = 9_000_000


@pytest.fixture(scope="module", params=["local", "kernel", "remote"])
def settings(request: pytest.FixtureRequest, start_sandbox: Start) -> dict[str, Any]:
    if request.param == "remote":
        return {"interpreter": f"remote:{start_sandbox('timeout=20').url}"}
    return {} if request.param == "local" else {"isolation": "kernel"}


def with_interpreter(settings: dict[str, Any], scenario: Callable[[Interpreter], Any]) -> Any:
    async def run() -> Any:
        interpreter = open_interpreter(InterpreterSettings(timeout=20, **{"scratch_mb": 16, **settings}))
        try:
            return await scenario(interpreter)
        finally:
            await interpreter.close()

    return asyncio.run(run())


def test_files_go_in_and_out_and_survive_a_kill(settings: dict[str, Any]) -> None:
    async def scenario(interpreter: Interpreter) -> None:
        session = interpreter.session()
        assert await session.files() == []
        await session.write("data/a b.csv", b"1,2\n3,4\n")
        count = await session.run("open('data/a b.csv').read().count('\\n')")
        assert count.text == "2"
        made = await session.run(f"x = 5\nopen('big', 'wb').write(bytes(range(250)) * {MOST // 250})")
        assert made.status == "ok"
        assert await session.files() == ["big", "data/a b.csv"]
        big = await session.read("big")
        assert len(big) == MOST and big == bytes(range(250)) * (MOST // 250)
        assert (await session.run("import os\nos._exit(1)")).status == "killed"
        assert await session.files() == ["big", "data/a b.csv"], "the steps were run again"
        assert (await session.run("x")).text == "5"
        for path, says in (
            ("none", "`none` cannot be read .* No such file"),
            ("data", "`data` cannot be read"),
            ("../x", "lies outside"),
            ("/etc/passwd", "lies outside"),
        ):
            with pytest.raises(InterpreterError, match=says):
                await session.read(path)
        with pytest.raises(InterpreterError, match=r"`data` cannot be written .*Is a directory"):
            await session.write("data", b"")
        await session.close()

    with_interpreter(settings, scenario)


def test_input_and_files_of_a_step(settings: dict[str, Any]) -> None:
    async def scenario(interpreter: Interpreter) -> None:
        session = interpreter.session()
        code = "int(input()) * int(open('n').read())"
        output = await session.run_cell(Script(code, "6\n", files={"n": "Nw=="}, together=True))
        assert (output.status, output.text) == ("ok", "42")
        ended = await session.run("input()")
        assert ended.text.endswith("EOFError: EOF when reading a line") and 'File "<step 2>"' in ended.text
        await session.close()

    with_interpreter(settings, scenario)


def test_a_session_without_a_folder_says_how_to_get_one(settings: dict[str, Any]) -> None:
    async def scenario(interpreter: Interpreter) -> None:
        session = interpreter.session()
        for work in (session.write("a", b""), session.read("a"), session.files()):
            with pytest.raises(InterpreterError, match="scratch_mb=16"):
                await work
        await session.close()

    with_interpreter({**settings, "scratch_mb": 0}, scenario)


def test_a_program_cannot_have_a_pipe_read_or_say_what_a_file_is() -> None:
    async def scenario(interpreter: Interpreter) -> None:
        session = interpreter.session()
        await session.run("import os\nos.symlink('/etc/passwd', 'link')\nos.mkfifo('pipe')")
        assert await session.files() == []
        for path in ("link", "pipe"):
            with pytest.raises(InterpreterError, match="cannot be read"):
                await session.read(path)
        await session.run("import base64\nbase64.b64encode = lambda data: b'no base64!'\nopen('a', 'w').write('a')")
        with pytest.raises(InterpreterError, match="broken its Python"):
            await session.read("a")
        await session.close()

    with_interpreter({}, scenario)
