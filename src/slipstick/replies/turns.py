"""Reads one turn of a model: what it thought and said, and the code that it wants to have run.

Thoughts stay in the text with their markers. Nothing in them ends a turn and no code in them is run.
"""

import re
from typing import NamedTuple

from slipstick.formats import Format, escape_fence, parse_whole
from slipstick.replies.arguments import is_whole
from slipstick.replies.calls import LeftCall, find_calls, find_messages, read_call
from slipstick.replies.fences import FENCE, find_fenced
from slipstick.replies.programs import is_program, parse_python, program_of
from slipstick.schema import Block, Code, Finish, Text
from slipstick.thoughts import Thoughts, split_thoughts


class Turn(NamedTuple):
    """The blocks of one turn."""

    blocks: list[Block]
    """Words, then the code to be run, if there is any: one block, or one for each call."""
    refused: dict[int, str]
    """Why code is not run, by its place in `blocks`: it is a call that cannot be read."""


class _Place(NamedTuple):
    """A code block in a text."""

    start: int
    end: int
    code: str
    closed: bool


def end_turn(text: str, finish: Finish, format: Format) -> tuple[str, Finish]:
    """The text of one turn as if every server stopped exactly at the stop strings, and how the turn ended.

    Cut before the first stop string or behind the first closed code block, whichever comes first; a code block whose
    fence the server cut as the stop string is closed again. Neither counts inside thoughts.
    """
    end = turn_end(format, text)
    if end is not None:
        # A fence that is the last of a text closes its block, as the line end behind it would have.
        closed = format.executes == "steps" and text[:end].endswith(format.code_end.rstrip("\n") or "\n")
        return text[:end] + (format.code_end[-1:] if closed and format.code_end.endswith("\n") else ""), "stop"
    thoughts = split_thoughts(text)
    code = _first_code(format, thoughts.said) if thoughts.finished else None
    if finish == "stop" and code and not code.closed:
        text += _missing(text, _mark(thoughts.said[code.start :], format.code_end))
    return text, finish


def turn_end(format: Format, text: str) -> int | None:
    """Where a turn ends in a text: before a stop string or behind a closed code block; None if it goes on."""
    thoughts = split_thoughts(text)
    if not thoughts.finished:
        return None
    said = thoughts.said
    stop = min((at for at in (said.find(stop) for stop in format.stop if stop) if at >= 0), default=len(said) + 1)
    code = _first_code(format, said) if format.executes == "steps" else None
    if code and code.closed and code.end <= stop:
        return thoughts.place(code.end)
    return thoughts.place(stop) if stop <= len(said) else None


def read_turn(format: Format, text: str, *, finish: Finish = "length", calls: bool = False) -> Turn:
    """The blocks of one turn, cut behind the code that is to be run: what follows was written without its output.

    finish: how the model ended; code that is still open is run only if it stopped by itself. calls: whether the server
    has found calls of its own, so that none is looked for in the text.
    """
    if format.executes == "never" or calls or not text:
        return Turn([Text(text=text)] if text else [], {})
    if format.executes == "program" and is_program(text):
        return Turn([Code(text=text)], {})
    thoughts = split_thoughts(text)
    if messages := _to_run(find_messages(text, format.tool or "python"), finish):
        return _called(text[: messages[0].start], messages)
    if not thoughts.finished or (thoughts.thought and not thoughts.said):
        return Turn([Text(text=text)], {})
    if format.executes == "program":
        return _program(format, text, thoughts, finish)
    code = _first_code(format, thoughts.said)
    if code and (code.closed or finish == "stop"):
        if format.tool and code.code.lstrip()[:1] == "{":  # the arguments of a call between the format's own tags
            call = read_call(code.code, "", (code.start, code.end), format.tool, closed=True)
            return _called(text[: thoughts.place(code.start)], [call])
        return Turn(_words(text[: thoughts.place(code.start)], Code(text=escape_fence(code.code, format.code_end))), {})
    left = [] if code else find_calls(thoughts.said, format.tool or "python")
    if left := _to_run(left, finish):
        return _called(text[: thoughts.place(left[0].start)], left)
    if format.tool and (last := _ends_in_program(thoughts.said, finish)):
        return Turn(_words(text[: thoughts.place(last.start)], Code(text=last.code)), {})
    return Turn([Text(text=text)], {})


def without_unrun_code(format: Format, text: str) -> tuple[str, bool]:
    """A text without the calls in it, nor code that was never closed; and whether it ends with one of these."""
    thoughts = split_thoughts(text)
    said, ends = thoughts.said, False
    spans = [(call.start, call.end) for call in find_calls(said, format.tool or "python")]
    if format.executes != "never" and not spans:
        code = _first_code(format, said)
        blocks = [(block.start, block.end) for block in find_fenced(said) if block.is_python and not block.closed]
        spans = blocks or ([(code.start, code.end)] if code and not code.closed else [])
    for start, end in reversed(spans):
        ends = ends or not said[end:].strip()
        said = said[:start] + said[end:]
    if spans and thoughts.finished:
        return said, ends
    messages = find_messages(text, format.tool or "python")
    return (text[: messages[0].start], True) if messages and not thoughts.finished else (text, False)


def _program(format: Format, text: str, thoughts: Thoughts, finish: Finish) -> Turn:
    """The turn of a format whose response is one program."""
    if format.code_begin:
        return Turn(parse_whole(format, text), {})
    before = _leading_thoughts(text, thoughts)
    if calls := _to_run(find_calls(thoughts.said), finish):
        if refused := next((call for call in calls if call.refused), None):
            return _called(before, [refused])
        code = "\n".join(code for call in calls for code in call.codes)
    elif finish != "stop" and any(block.is_python and not block.closed for block in find_fenced(thoughts.said)):
        return Turn([Text(text=text)], {})  # broken off
    else:
        code = program_of(thoughts.said)
    return Turn(_words(before, Code(text=code)), {})


def _leading_thoughts(text: str, thoughts: Thoughts) -> str:
    """The text up to the first thing that was said, white space included; '' if nothing was thought before it."""
    at = thoughts.places[0][0] if thoughts.thought else 0
    return text[: at + len(text[at:]) - len(text[at:].lstrip())] if at else ""


def _words(before: str, code: Code) -> list[Block]:
    return [Text(text=before), code] if before else [code]


def _called(before: str, calls: list[LeftCall]) -> Turn:
    blocks: list[Block] = [Text(text=before)] if before else []
    refused = {}
    for call in calls:
        if call.refused:
            refused[len(blocks)] = call.refused
        blocks += [Code(text=code) for code in call.codes or [call.text]]
    return Turn(blocks, refused)


def _to_run(calls: list[LeftCall], finish: Finish) -> list[LeftCall]:
    """The calls that did not break off."""
    return [call for call in calls if call.closed or finish == "stop" or is_whole(call.text)]


def _ends_in_program(said: str, finish: Finish) -> _Place | None:
    """The fenced program that a reply ends with, written in place of a call."""
    blocks = [block for block in find_fenced(said) if block.is_python]
    if not blocks or said[blocks[-1].end :].strip() or not (blocks[-1].closed or finish == "stop"):
        return None
    last = blocks[-1]
    return _Place(last.start, last.end, last.code, last.closed) if parse_python(last.code) else None


def _first_code(format: Format, said: str) -> _Place | None:
    """The first code block in what was said, in the format's own fences or near to them."""
    if format.executes != "steps":
        return None
    if FENCE not in format.code_begin:
        return _first_tagged(format, said)
    before, behind = format.code_begin.partition(FENCE)[0].strip(), format.code_end.rpartition(FENCE)[2].strip()
    for block in find_fenced(said):
        head = said[: block.start].rstrip()
        if not block.is_python or not head.endswith(before):
            continue
        rest, end = said[block.end :], block.end
        if behind and rest.lstrip().startswith(behind):
            end += rest.index(behind) + len(behind)
            end += said[end : end + 1] == "\n"
        return _Place(len(head) - len(before) if before else block.start, end, block.code, block.closed)
    return None


def _first_tagged(format: Format, said: str) -> _Place | None:
    """The same for tags, white space around which may be left out."""
    begin, end = format.code_begin.strip(), format.code_end.strip()
    start = said.find(begin)
    if start < 0 or not begin or not end:
        return None
    inside = start + len(begin)
    if format.code_begin.endswith("\n") and (space := re.compile(r"[^\S\n]*\n?").match(said, inside)):
        inside = space.end()
    closing = said.find(end, inside)
    code = said[inside : closing if closing >= 0 else len(said)]
    if format.code_end.startswith("\n"):
        code = code.rstrip(" \t").removesuffix("\n").removesuffix("\r")
    if closing < 0:
        return _Place(start, len(said), code, closed=False)
    behind = closing + len(end)
    behind += format.code_end.endswith("\n") and said[behind : behind + 1] == "\n"
    return _Place(start, behind, code, closed=True)


def _mark(opened: str, end: str) -> str:
    """The closing fence in the characters of the opening one."""
    mark = re.search(r"`{3,}|~{3,}", opened)
    return end.replace(FENCE, mark.group()) if mark else end


def _missing(code: str, end: str) -> str:
    """What closes the code: all of `end`, or what is missing if the model wrote its fence but not its line end."""
    for length in range(len(end) - 1, 0, -1):
        if end[:length].strip() and code.endswith(end[:length]):
            return end[length:]
    return end
