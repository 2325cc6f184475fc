"""How strongly sessions can be confined on this machine: asked of a process that tries it and ends."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

from slipstick.errors import InterpreterError, did_you_mean

ISOLATION = ("full", "kernel", "process")
"""Strongest first; docs/sandbox.md says what each keeps in."""

# Empty packages stand in for slipstick's own, so that the modules of this folder load without what the package imports.
_BOOT = """
import sys, types
for name, path in (("slipstick", ""), ("slipstick.interpreters", sys.argv[1])):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [path]
from slipstick.interpreters.keeper import {function}
{function}(*sys.argv[2:])
"""
_SECONDS = 60.0


def command(function: str, *arguments: str) -> list[str]:
    """What starts a clean Python that runs a function of `keeper` with those arguments."""
    return [sys.executable, "-s", "-P", "-c", _BOOT.format(function=function), str(Path(__file__).parent), *arguments]


def choose_isolation(demanded: str | None) -> str:
    """The level demanded, or the strongest there is. Raises InterpreterError where it is unknown or not to be had."""
    if not sys.platform.startswith("linux"):
        raise InterpreterError(f"the interpreter `local` needs Linux; this is {sys.platform}")
    if demanded is None:
        return next(each for each in ISOLATION if not missing(each))
    if demanded not in ISOLATION:
        known = ", ".join(ISOLATION)
        raise InterpreterError(f"there is no isolation `{demanded}`{did_you_mean(demanded, ISOLATION)}; known: {known}")
    if lacking := missing(demanded):
        raise InterpreterError(
            f'isolation = "{demanded}" is not available: this machine lacks {lacking}. Use '
            f"`{choose_isolation(None)}`, or remove `isolation` to take the strongest there is"
        )
    return demanded


@functools.cache
def missing(isolation: str) -> str:
    """What this machine lacks for an isolation, by name and the kernel's reason; '' where it has everything."""
    if isolation == "process":
        return ""
    try:
        tried = subprocess.run(
            command("try_isolation", isolation), env={}, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"an answer within {_SECONDS:g} s"
    if tried.returncode == 0:
        return ""
    return tried.stdout.strip() or tried.stderr.strip().split("\n")[-1] or f"its way out (exit code {tried.returncode})"
