"""Files of a session's working folder: written before a step, listed and read between steps."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path

from slipstick.interpreters.guest.protocol import PART, Reply, Request
from slipstick.interpreters.guest.tracebacks import name_and_message

MOST_LISTED = 1000
"""Files whose names are told."""


def write_files(files: dict[str, str]) -> None:
    """Writes files, whose content is in base64, into the working folder."""
    for name, content in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(base64.b64decode(content))


def look(request: Request) -> Reply:
    """Writes files; or tells the names of those below the working folder, or a part of one of them."""
    try:
        write_files(request.files)
        if request.mode == "write":
            return Reply("ok")
        data = json.dumps(_names()) if request.mode == "list" else _part(str(request.name), request.start)
    except Exception as error:  # a folder, a missing file, a name that cannot be: told to the caller
        return Reply("error", error=name_and_message(error), exit_code=1)
    return Reply("ok", data=data)


def _names() -> list[str]:
    """Paths of the files; links are not followed."""
    names: list[str] = []
    for folder, folders, files in os.walk("."):
        folders.sort()
        for name in sorted(files):
            path = os.path.normpath(os.path.join(folder, name))  # noqa: PTH118 - Path drops nothing of odd names, but is slow
            if len(names) < MOST_LISTED and stat.S_ISREG(os.lstat(path).st_mode):
                names.append(path)
    return names


def _part(name: str, start: int) -> str:
    handle = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{name} is no file")
        return base64.b64encode(os.pread(handle, PART, start)).decode("ascii")
    finally:
        os.close(handle)
