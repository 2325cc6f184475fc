"""Runs a solution's programs again, and says whether two outputs are the same."""

import re
from importlib.resources import files

from slipstick.errors import InputError, did_you_mean
from slipstick.formats import Format
from slipstick.interpreters import Interpreter, Session
from slipstick.schema import Block, Code, Output, Solution

# The names under which published programs leave their result if they print nothing: `ans` (Program of Thoughts,
# Chen et al. 2022), `answer`, `solution()` (PAL, Gao et al. 2022).
_RESULT = """\
for _name in ("ans", "answer", "solution"):
    if (_value := globals().get(_name)) is not None:
        if _name == "solution" and callable(_value):
            _value = _value()
        if _value is not None:
            print(_value)
            break
"""

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_HISTORY = re.compile(
    r"The history saving thread hit an unexpected error \(.*?\)\.History will not be written to the database\."
)
_ERROR = re.compile(
    r"(?:[\w.]+\.)?(\w*(?:Error|Exception|Iteration|Exit|Interrupt|Infinity|Convergence))\b(?:: ?(.*))?"
)
_SILENT = "<empty_execution>"


async def run_program(session: Session, code: str, *, prelude: str = "") -> Output:
    """Runs a whole program: what it prints, else its last expression, else `ans`, `answer` or `solution()`.

    prelude: code that goes before, for programs that lean on names their executor supplied; see `load_prelude`.
    """
    if prelude:
        before = await session.run(prelude)
        if before.status != "ok":
            return before
    output = await session.run(code)
    if output.status != "ok" or output.text.strip():
        return output
    result = await session.run(_RESULT)
    return result.model_copy(update={"seconds": output.seconds + result.seconds})


async def re_execute(solution: Solution, interpreter: Interpreter, *, format: Format, prelude: str = "") -> Solution:
    """The solution with every output replaced by what the interpreter says now; each program gets one.

    format: says by `executes` whether a code block is a whole program, a session each, or a step of one session.
    """
    if format.executes == "never":
        return solution
    blocks: list[Block] = []
    session = interpreter.session()
    try:
        if prelude and format.executes == "steps":
            await session.run(prelude)
        for block in solution.blocks:
            if isinstance(block, Output):
                continue
            blocks.append(block)
            if isinstance(block, Code) and format.executes == "steps":
                blocks.append(await session.run(block.text))
            elif isinstance(block, Code):
                blocks.append(await run_program(session, block.text, prelude=prelude))
                await session.close()
    finally:
        await session.close()
    return solution.model_copy(update={"blocks": blocks})


def load_prelude(name: str) -> str:
    """Code that a published executor ran before every program. Raises InputError if there is none of that name.

    "program_of_thoughts": Chen et al. 2022; their few-shot programs for AQuA use `Symbol`, `solve_it` and `math`
    without importing them.
    """
    folder = files("slipstick.interpreters") / "preludes"
    known = sorted(entry.name.removesuffix(".txt") for entry in folder.iterdir())
    if name not in known:
        raise InputError(f"there is no prelude `{name}`{did_you_mean(name, known)}; known: {', '.join(known)}")
    return (folder / f"{name}.txt").read_text("utf-8")


def outputs_equal(recorded: str, ours: str) -> bool:
    """Whether a recorded output is exactly ours, or both are errors with the same last line.

    White space around them, terminal colours and a notebook's own notices do not count.
    """
    left, right = _plain(recorded), _plain(ours)
    if left == right:
        return True
    errors = _error(left), _error(right)
    return errors[0] is not None and errors[0] == errors[1]


def _plain(text: str) -> str:
    text = _HISTORY.sub("", _ANSI.sub("", text)).replace("\r\n", "\n").strip()
    return "" if text == _SILENT else text


def _error(text: str) -> tuple[str, str] | None:
    """Type and message of the error that a traceback's last line names; timeouts are equal whatever their text."""
    match = _ERROR.fullmatch(text.rpartition("\n")[2].strip())
    if match is None:
        return None
    kind, message = match[1], match[2] or ""
    return (kind, "") if kind == "TimeoutError" else (kind, message.strip())
