"""How strongly sessions can be confined on this machine: asked of a process that tries it and ends."""

from __future__ import annotations

import functools
import subprocess
import sys

from slipstick.errors import InterpreterError, did_you_mean
from slipstick.interpreters.host import zygote

ISOLATION = ("full", "kernel", "process")
"""Strongest first; docs/sandbox.md says what each keeps in."""

_SECONDS = 60.0


def choose_isolation(demanded: str | None) -> str:
    """The level demanded, or the strongest there is. Raises InterpreterError where it is unknown or not to be had."""
    if not sys.platform.startswith("linux"):
        raise InterpreterError(f"the interpreter `local` needs Linux; this is {sys.platform}")
    if demanded is None:
        return next(each for each in ISOLATION if not missing(each))
    if demanded not in ISOLATION:
        known = ", ".join(ISOLATION)
        raise InterpreterError(f"isolation = {demanded} is unknown{did_you_mean(demanded, ISOLATION)}; known: {known}")
    if lacking := missing(demanded):
        raise InterpreterError(
            f"isolation = {demanded} is not available: this machine lacks {lacking}. Set isolation to "
            f"`{choose_isolation(None)}`, or remove it to take the strongest available"
        )
    return demanded


@functools.cache
def missing(isolation: str) -> str:
    """What this machine lacks for an isolation, by name and the kernel's reason; '' where it has everything."""
    if isolation == "process":
        return ""
    try:
        tried = subprocess.run(
            zygote.command("try_isolation", isolation),
            env={},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"an answer within {_SECONDS:g} s"
    if tried.returncode == 0:
        return ""
    return tried.stdout.strip() or tried.stderr.strip().split("\n")[-1] or f"its way out (exit code {tried.returncode})"
