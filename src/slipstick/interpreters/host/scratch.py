"""Scratch folders on the caller's disk: made for a session, removed when its process has ended.

What is in a folder when it is removed was made by a program that may have been hostile: links out of the folder, a
thousand folders within one another, folders that cannot be read. `tempfile.TemporaryDirectory` follows links when it
changes modes (CVE-2023-6597) and recurses; this does neither.
"""

import os
import stat
import tempfile
import time
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path

_PAUSES = (0.01, 0.1, 0.5, 1.0)
"""Seconds between the attempts to remove a folder."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def make_scratch() -> str:
    """The path of a new empty folder that only this user may enter. Raises OSError."""
    return tempfile.mkdtemp(prefix="slipstick-")


def remove_scratch(path: str) -> None:
    """Removes a folder and all in it, following no link. Never raises: warns if something has to stay.

    Folders within the folder are moved up and emptied in turn, so that depth costs neither stack nor descriptors.
    Tries again for a while: the processes of a session may take a moment to end.
    """
    for pause in (*_PAUSES, None):
        try:
            top = _open(path)
            try:
                _empty(top)
            finally:
                os.close(top)
            Path(path).rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if pause is not None:
                time.sleep(pause)
                continue
            message = f"the scratch folder {path} of a session cannot be removed ({error.strerror}); remove it by hand"
            warnings.warn(message, ResourceWarning, stacklevel=2)
        return


def _empty(top: int) -> None:
    names = (f"slipstick-{number}" for number in count())
    while entries := os.listdir(top):
        for name in entries:
            if not _is_folder(name, top):
                os.unlink(name, dir_fd=top)
                continue
            inner = _open(name, top)
            try:
                for each in os.listdir(inner):  # noqa: PTH208 - a descriptor
                    if _is_folder(each, inner):
                        os.close(_open(each, inner))  # a folder that its owner may not write cannot be moved
                        os.rename(each, _unused(names, top), src_dir_fd=inner, dst_dir_fd=top)
                    else:
                        os.unlink(each, dir_fd=inner)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=top)


def _open(name: str, folder: int | None = None) -> int:
    """Opens a folder that is no link, with all rights of its owner given back."""
    handle = os.open(name, os.O_PATH | _FOLDER, dir_fd=folder)
    try:
        Path(f"/proc/self/fd/{handle}").chmod(stat.S_IRWXU)
        return os.open(".", _FOLDER, dir_fd=handle)
    finally:
        os.close(handle)


def _is_folder(name: str, folder: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def _unused(names: Iterator[str], folder: int) -> str:
    for name in names:
        try:
            os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return name
    raise AssertionError
