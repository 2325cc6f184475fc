"""Where a turn ends: at a stop string (cut off), or where a code block that is to be run closes (kept)."""

from __future__ import annotations

import re

from slipstick.formats import Format


def cut_turn(format: Format, text: str) -> tuple[str, bool]:
    """The turn's own part of a text generated from its start, and whether the turn has ended in it."""
    ends = [(at, at) for stop in format.stop if (at := text.find(stop)) >= 0]
    if format.executes == "steps" and format.code_begin:
        block = re.search(rf"{re.escape(format.code_begin)}.*?{re.escape(format.code_end)}", text, re.DOTALL)
        if block:
            ends.append((block.end() - len(format.code_end), block.end()))
    return (text[: min(ends)[1]], True) if ends else (text, False)


def ends_of_turn(format: Format) -> list[str]:
    """The strings one of which is the last of a turn that ended early."""
    return [end for end in (*format.stop, format.code_end if format.executes == "steps" else "") if end]
