"""What a program finds around itself: its working folder, a machine's name, and plain words about what cannot be done.

The kernel enforces what is refused, and says so in few words; what is here only replaces these words, and lets what
needs no second process work without one. A program that takes it away gains nothing.
"""

from __future__ import annotations

import _multiprocessing  # type: ignore[import-not-found]
import _posixsubprocess
import _socket
import errno
import functools
import os
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from slipstick.interpreters.guest.filesystem import HOST, TEMPORARY
from slipstick.interpreters.guest.semaphore import Semaphore

_NO_PROCESSES = "processes cannot be started here; use one process"
_NO_NETWORK = "there is no network here"
_STARTERS = ("fork", "forkpty", "posix_spawn", "posix_spawnp", "system", "execv", "execve")
_LOOK_UPS = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr")
_REFUSED, _FULL = (errno.EROFS, errno.EACCES, errno.EPERM), (errno.EFBIG, errno.ENOSPC)


def work_in(folder: str, *, temporary: str | None) -> None:
    """Makes a folder the working folder and the home of programs; `temporary`: where their temporary files go."""
    os.chdir(folder)
    os.environ["HOME"] = folder
    tempfile.tempdir = temporary or TEMPORARY
    if temporary:
        os.environ["TMPDIR"] = temporary


def describe_machine(*, confined: bool) -> None:
    """Tells programs the same name on every machine and, if they are `confined`, why a process or host is out of reach.

    The name of the machine stays in reach of the kernel's own call, but for isolation "full".
    """
    uname = os.uname()
    told = os.uname_result((uname.sysname, HOST.decode(), *uname[2:]))
    os.uname = lambda: told
    _socket.gethostname = socket.gethostname = HOST.decode
    if not confined:
        return
    os.environ["PATH"] = ""  # libraries that look for a compiler find none, and do without
    for name in _STARTERS:
        setattr(os, name, _no_process)
    _posixsubprocess.fork_exec = subprocess._fork_exec = _no_process  # type: ignore[attr-defined]
    _multiprocessing.SemLock = Semaphore
    socket.socket.__init__ = _explained(socket.socket.__init__, PermissionError)  # type: ignore[method-assign]
    for name in _LOOK_UPS:
        for module in (_socket, socket):
            setattr(module, name, _explained(getattr(module, name), socket.gaierror))


def miss_absent_files() -> None:
    """Has `os.chmod` and `os.utime` fail for a file that does not exist, as they do if the kernel carries them out."""
    for name in ("chmod", "utime"):
        setattr(os, name, _of_existing(getattr(os, name)))


def remedy(error: BaseException) -> str | None:
    """What to do about an error of a file that cannot be written, for the line that names the error."""
    if not isinstance(error, OSError):
        return None
    scratch = tempfile.tempdir != TEMPORARY
    if error.errno in _FULL:
        return "scratch_mb limits what can be written" if scratch else "no file can be written: scratch_mb is 0"
    if scratch or error.errno not in _REFUSED or not isinstance(error.filename, str):
        return None
    own = Path(error.filename).absolute().parent in (Path.cwd(), Path(TEMPORARY))
    return "no file can be written: scratch_mb is 0" if own else None


def _no_process(*_: object, **__: object) -> NoReturn:
    raise PermissionError(errno.EPERM, _NO_PROCESSES)


def _of_existing(function: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(function)
    def of_existing(path: str | int, *arguments: Any, **names: Any) -> None:
        os.stat(path, dir_fd=names.get("dir_fd"), follow_symlinks=names.get("follow_symlinks", True))
        function(path, *arguments, **names)

    return of_existing


def _explained(function: Callable[..., Any], expected: type[OSError]) -> Callable[..., Any]:
    """The same function; an error of the expected type says that there is no network."""

    def explained(*arguments: Any, **names: Any) -> Any:
        try:
            return function(*arguments, **names)
        except expected as error:
            raise expected(error.errno, _NO_NETWORK) from None

    return explained
