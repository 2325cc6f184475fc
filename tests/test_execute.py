"""Programs give their answer in one of several ways; outputs are compared to the letter, errors by their last line."""

import asyncio
from collections.abc import Iterator

import pytest

from slipstick.errors import InputError
from slipstick.execute import load_prelude, outputs_equal, re_execute, run_program
from slipstick.formats import load_format
from slipstick.interpreters import Limits
from slipstick.interpreters.host.local import LocalInterpreter, open_interpreter
from slipstick.schema import Code, Output, Solution, Text


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as opened:
        yield opened


@pytest.fixture(scope="module")
def interpreter(runner: asyncio.Runner) -> Iterator[LocalInterpreter]:
    opened = open_interpreter("", Limits())
    yield opened
    runner.run(opened.close())


@pytest.mark.parametrize(
    ("code", "text", "status"),
    [
        ("ans = 5\nprint(6)\n7", "6\n7", "ok"),
        ("ans = 5\n7", "7", "ok"),
        ("ans = 5 * 2", "10", "ok"),
        ("ans = 'yes'", "yes", "ok"),
        ("answer = 2.5", "2.5", "ok"),
        ("ans = None\nanswer = 3", "3", "ok"),
        ("def solution():\n    return 4", "4", "ok"),
        ("def solution():\n    print(4)\nsolution()", "4", "ok"),
        ("solution = 9", "9", "ok"),
        ("x = 1", "", "ok"),
        ("def solution():\n    return 1 / 0", "ZeroDivisionError: division by zero", "error"),
        ("ans = undefined", "NameError: name 'undefined' is not defined", "error"),
    ],
)
def test_answer_of_a_program(
    runner: asyncio.Runner, interpreter: LocalInterpreter, code: str, text: str, status: str
) -> None:
    async def scenario() -> Output:
        session = interpreter.session()
        try:
            return await run_program(session, code)
        finally:
            await session.close()

    output = runner.run(scenario())
    assert (output.text if status == "ok" else output.text.splitlines()[-1], output.status) == (text, status)


def solution(*blocks: Text | Code | Output) -> Solution:
    return Solution(id="p#tir#0", problem_id="p", format="tir", blocks=list(blocks), answer="1")


def test_re_execute_steps(runner: asyncio.Runner, interpreter: LocalInterpreter) -> None:
    before = solution(
        Text(text="First."), Code(text="x = 3\nx"), Output(text="invented"), Text(text="Then."), Code(text="x + 1")
    )
    after = runner.run(re_execute(before, interpreter, format=load_format("tir")))
    assert [(block.type, block.text) for block in after.blocks] == [
        ("text", "First."),
        ("code", "x = 3\nx"),
        ("output", "3"),
        ("text", "Then."),
        ("code", "x + 1"),
        ("output", "4"),
    ]
    assert after.answer == before.answer


def test_re_execute_programs_each_in_a_session(runner: asyncio.Runner, interpreter: LocalInterpreter) -> None:
    after = runner.run(
        re_execute(solution(Code(text="ans = 3"), Code(text="ans")), interpreter, format=load_format("pot"))
    )
    assert [block.text.splitlines()[-1] for block in after.blocks if isinstance(block, Output)] == [
        "3",
        "NameError: name 'ans' is not defined",
    ]


def test_words_are_left_alone(runner: asyncio.Runner, interpreter: LocalInterpreter) -> None:
    before = solution(Text(text="x = 1"))
    assert runner.run(re_execute(before, interpreter, format=load_format("cot"))) is before


def test_prelude_supplies_names(runner: asyncio.Runner, interpreter: LocalInterpreter) -> None:
    prelude = load_prelude("program_of_thoughts")
    code = "x = Symbol('x')\nans = solve_it(x * 2 - math.sqrt(16), x)[x]\nnone = solve_it(Eq(x, x + 1), x)"
    format = load_format("pot")
    after = runner.run(re_execute(solution(Code(text=code)), interpreter, format=format, prelude=prelude))
    assert after.blocks[-1].text == "2.00000000000000"


def test_unknown_prelude_is_named() -> None:
    with pytest.raises(InputError, match="did you mean `program_of_thoughts`"):
        load_prelude("program_of_thought")


@pytest.mark.parametrize(
    ("recorded", "ours", "equal"),
    [
        ("18", "18\n", True),
        ("18", "18.0", False),
        ("0.3", "0.30000000000000004", False),
        ("a\r\nb", "a\nb", True),
        ("a\nb", "a b", False),
        ("<empty_execution>", "", True),
        ("\x1b[31m5\x1b[0m", "5", True),
        (
            "---- NameError  Traceback ...\n NameError: name 'x' is not defined",
            "NameError: name 'x' is not defined",
            True,
        ),
        ("NameError: name 'x' is not defined", "NameError: name 'y' is not defined", False),
        ("sympy.core.sympify.SympifyError: bad", "Traceback ...\nSympifyError: bad", True),
        ("timeout_decorator.TimeoutError: 'Timed Out'", "TimeoutError: no end within 10 s", True),
        ("KeyError: 0", "0", False),
        ("Error", "Failure", False),
        ("", "None", False),
    ],
)
def test_outputs_equal(recorded: str, ours: str, equal: bool) -> None:
    assert outputs_equal(recorded, ours) is equal
    assert outputs_equal(ours, recorded) is equal
