"""Which isolation this machine offers: a process tries each and ends."""

import functools
import subprocess
import sys

from slipstick.errors import InterpreterError, did_you_mean
from slipstick.interpreters.host.zygote import command

ISOLATION = ("full", "kernel", "process")
"""Strongest first; docs/sandbox.md says what each prevents."""

_SECONDS = 60.0


def choose_isolation(demanded: str | None) -> str:
    """The isolation demanded, or the strongest available. Raises InterpreterError if it is unknown or not available."""
    if not sys.platform.startswith("linux"):
        raise InterpreterError(
            f"the interpreter `local` needs Linux; this machine runs {sys.platform}: run slipstick in Docker or WSL, "
            'or start `slipstick sandbox` on a Linux machine and set interpreter = "remote:http://HOST:8080"'
        )
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
    """What this machine lacks for an isolation, with the kernel's reason; "" if it lacks nothing."""
    if isolation == "process":
        return ""
    try:
        python, environment = command(isolation, "try_isolation", isolation)
        tried = subprocess.run(python, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"an answer within {_SECONDS:g} s"
    if tried.returncode == 0:
        return ""
    lines = f"{tried.stderr}\n{tried.stdout}".strip().split("\n")
    return lines[-1] or f"a clean exit (exit code {tried.returncode})"
