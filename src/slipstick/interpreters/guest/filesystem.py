"""The sandbox's own namespaces, and in them a file system that has nothing but what Python reads.

The zygote starts in that root, so that no path of the machine's is in its memory; every fork server then makes it
read-only and takes /proc away.
"""

from __future__ import annotations

import ctypes
import json
import os
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, TypedDict

from slipstick.interpreters.guest.seccomp import call_number

LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache")
"""What shared libraries and the standard library read besides the Python installation."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
PYTHON_PARTS = ("lib", "lib64", "share/zoneinfo")
"""What programs may read of a Python installation or virtual environment."""
SCRATCH = "/scratch"
"""The path of a session's scratch folder."""
TEMPORARY = "/tmp"
"""An empty folder, where programs look for one of temporary files."""
HOST = b"sandbox"
"""What programs are told is the machine's name."""

_NOTHING = "/nothing"
_NEWNS, _NEWUSER, _NEWNET, _NEWIPC, _NEWPID = 0x00020000, 0x10000000, 0x40000000, 0x08000000, 0x20000000
_NEWUTS = 0x04000000
_NOBODY = 65534
_MOST_FILES = 4096
"""Files in a scratch folder: an empty file takes memory of the kernel, which no other limit counts."""
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE, _MNT_DETACH = (
    0x1,
    0x2,
    0x4,
    0x1000,
    0x4000,
    0x40000,
    2,
)
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 0x1, 0x2, 0x4
_DUMPABLE = 4

_libc = ctypes.CDLL(None, use_errno=True)


class Root(TypedDict):
    """What the new root shows, and how Python is started in it."""

    shown: dict[str, str]
    """Path in the new root -> file or folder of the old one; later ones may lie inside earlier ones."""
    hidden: list[str]
    """Paths in the new root that are shown empty."""
    files: dict[str, str]
    """Path in the new root -> text of a file that is made there."""
    links: dict[str, str]
    """Path in the new root -> path that it refers to."""
    guest: str
    """The folder of this package in the new root."""
    packages: list[str]
    """Folders of packages in the new root that are no part of the installation."""
    command: list[str]
    """The program to start, and its options."""
    environment: dict[str, str]
    """Its environment."""


class MissingError(Exception):
    """Something of the kernel's that an isolation needs and this machine lacks; the message names it."""


def needs(name: str, result: int) -> int:
    """The result of a C call. Raises MissingError with the kernel's reason if it failed."""
    if result < 0:
        raise MissingError(f"{name} ({os.strerror(ctypes.get_errno())})")
    return result


def start_in_root(root: str, arguments: str) -> NoReturn:
    """Replaces this process by a Python with these arguments, in namespaces and a root of its own; both are JSON.

    Ends with exit code 1 if the machine offers no such root, after printing what is missing to both outputs.
    """
    described: Root = json.loads(root)
    try:
        _enter_namespaces(_NEWNS | _NEWNET | _NEWIPC | _NEWUTS)
        _libc.sethostname(HOST, len(HOST))
        _libc.setdomainname(b"", 0)
        _make_root(described)
    except MissingError as error:
        os.write(1, f"{error}\n".encode())
        os.write(2, f"MissingError: {error}\n".encode())
        os._exit(1)
    command = [*described["command"], *json.loads(arguments)]
    os.execve(command[0], command, described["environment"])


def enter_namespaces() -> None:
    """Enters a new mount namespace and a new pid namespace, inside a user namespace unless this is root.

    Processes forked from now on are in the pid namespace. Raises MissingError.
    """
    _enter_namespaces(_NEWNS | _NEWPID)


def close_root() -> None:
    """Makes the root read-only, with /proc empty; root becomes `nobody`. Raises MissingError."""
    Path(sys.prefix, "pyvenv.cfg").unlink(missing_ok=True)  # made for the start of Python
    _set_mounts("/", _ATTR_RDONLY | _ATTR_NOSUID)
    _set_mounts("/proc", 0, cleared=_ATTR_RDONLY)  # to write which ids this process has in its user namespace
    process = os.open("/proc/self", os.O_PATH)
    hidden = b"size=4k,nr_inodes=1,mode=555"
    flags = _MS_RDONLY | _MS_NOSUID | _MS_NODEV
    needs("hiding /proc", _libc.mount(b"tmpfs", b"/proc", b"tmpfs", flags, hidden))
    if os.geteuid() == 0:
        _become_nobody()
        _enter_user_namespace(process, 0)
    os.close(process)


def enter_user_namespace() -> None:
    """Gives this process a user namespace of its own, in which its threads are counted apart. Raises MissingError.

    Until it drops them, it has all capabilities in there.
    """
    needs("a user namespace for each session", _libc.unshare(_NEWUSER))


def mount_scratch(megabytes: int) -> None:
    """Mounts an empty folder of that total size, seen by this process and its forks alone. Raises OSError."""
    options = f"size={megabytes}m,nr_inodes={_MOST_FILES},mode=700".encode()
    if _libc.unshare(_NEWNS) or _libc.mount(b"tmpfs", SCRATCH.encode(), b"tmpfs", _MS_NOSUID | _MS_NODEV, options):
        raise OSError(ctypes.get_errno(), "no scratch folder can be mounted")


def _enter_namespaces(kinds: int) -> None:
    if os.geteuid() != 0 or _libc.unshare(kinds) != 0:
        process = os.open("/proc/self", os.O_PATH)
        _enter_user_namespace(process, kinds)
        os.close(process)
    needs("mounts of its own", _libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None))


def _make_root(root: Root) -> None:
    """Changes to a root that has Python, the libraries, four devices and /proc."""
    shown = {path: os.path.realpath(path) for path in (*LIBRARIES, *DEVICES) if Path(path).exists()} | root["shown"]
    # Any folder would do to mount the new root on; this one always exists, and moves back to its place.
    needs("mounting a tmpfs", _libc.mount(b"tmpfs", b"/proc", b"tmpfs", _MS_NOSUID | _MS_NODEV, b"size=1m,mode=755"))
    os.chdir("/proc")
    Path("old").mkdir()
    needs("changing the root", _libc.syscall(call_number("pivot_root"), b".", b"old"))
    os.chdir("/")
    for path in (SCRATCH, TEMPORARY, _NOTHING):
        Path(path).mkdir()
    for path, source in {**shown, "/proc": "/proc"}.items():
        _show(path, f"/old{source}")
    for path, text in root["files"].items():
        _write(path, text)
    for path in root["hidden"]:
        if Path(path).is_dir():
            _show(path, _NOTHING)
        else:
            _write(path, "")
    for path, target in root["links"].items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).symlink_to(target)
    needs("leaving the old root", _libc.umount2(b"/old", _MNT_DETACH))
    Path("/old").rmdir()


def _show(path: str, source: str) -> None:
    """Binds a file or folder to a place in the new root."""
    at = Path(path)
    at.parent.mkdir(parents=True, exist_ok=True)
    if not at.exists():
        at.mkdir() if Path(source).is_dir() else at.touch()
    needs(f"showing {path}", _libc.mount(source.encode(), path.encode(), None, _MS_BIND | _MS_REC, None))
    if path not in (*DEVICES, "/proc"):
        _set_mounts(path, _ATTR_NODEV)


def _write(path: str, text: str) -> None:
    """Makes a file in the new root, in front of one that is shown there."""
    at = Path(path)
    if not at.exists():
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(text, "utf-8")
        return
    new = Path("/run") / path.replace("/", "-")
    new.parent.mkdir(exist_ok=True)
    new.write_text(text, "utf-8")
    _show(path, str(new))


def _set_mounts(path: str, attributes: int, *, cleared: int = 0) -> None:
    """Sets and clears attributes of everything mounted at a path and below."""
    attr = struct.pack("QQQQ", attributes, cleared, 0, 0)
    number = call_number("mount_setattr")
    done = _libc.syscall(number, _AT_FDCWD, path.encode(), _AT_RECURSIVE, attr, ctypes.c_size_t(len(attr)))
    needs("read-only mounts, in Linux since 5.12", done)


def _become_nobody() -> None:
    """Stops being root, which no limit on processes applies to; stays root if the user nobody could not read Python."""
    try:
        os.seteuid(_NOBODY)
        Path(os.__file__).read_bytes()
    except OSError:
        return
    finally:
        os.seteuid(0)
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    _libc.prctl(_DUMPABLE, 1, 0, 0, 0)  # else it cannot read its own files in /proc


def _enter_user_namespace(process: int, kinds: int) -> None:
    """Enters a user namespace, and other `kinds`, in which this user has the same id; `process`: opened /proc/self."""
    uid, gid = os.getuid(), os.getgid()
    needs("user namespaces", _libc.unshare(_NEWUSER | kinds))
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with suppress(OSError):  # unmapped, this user is nobody in there, which works too
            at = os.open(name, os.O_WRONLY, dir_fd=process)
            os.write(at, text.encode())
            os.close(at)
