"""When the earlier steps of a session are run again in another process, and whether they did the same."""

from __future__ import annotations

import re
from collections.abc import Sequence

from slipstick.interpreters.host.timing import TimeLimits
from slipstick.schema import Output

_VARYING = re.compile(
    r"^[^\n\r]*+\r[^\n]*"  # a line that was written over, as progress bars do
    r"|\[(?:\d{1,9}:)?\d{1,9}:\d\d<[^\]\n]{0,99}\]"  # a progress bar's own times: [00:01<00:00, 8.42it/s]
    r"|\b0x[0-9a-f]{6,16}\b"  # where an object lies
    r"|\.\.\. \[\d+ bytes of output cut\] \.\.\.",
    re.MULTILINE,
)
"""Looked for in time linear in the text, which a program has chosen."""


def may_repeat(done: Sequence[tuple[object, Output]], limits: TimeLimits) -> bool:
    """Whether the steps took so little time that they can be run again."""
    outputs = [output for _, output in done]
    processor, wall = sum(each.cpu_seconds for each in outputs), sum(each.seconds for each in outputs)
    return processor < limits.processor and wall < limits.wall


def is_same(first: Output, again: Output) -> bool:
    """Whether a step that is run again has done the same, as far as its output shows; progress bars aside."""
    return first.status == again.status and _lasting(first.text) == _lasting(again.text)


def lost(why: str) -> str:
    """The line above the output of the first step that does not find what earlier steps have made."""
    return f"SessionLost: the variables of earlier steps are lost: {why}"


def _lasting(text: str) -> str:
    return _VARYING.sub("\r", text)
