"""The sandbox's own namespaces, and in them a file system that has nothing but what Python reads."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from contextlib import suppress
from pathlib import Path

from slipstick.interpreters.guest.seccomp import call_number

LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache")
"""What shared libraries and the standard library read besides the Python installation."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
SCRATCH = "/scratch"
"""The path of a session's scratch folder."""

_NEWNS, _NEWUSER, _NEWNET, _NEWIPC, _NEWPID = 0x00020000, 0x10000000, 0x40000000, 0x08000000, 0x20000000
_NOBODY = 65534
_MOST_FILES = 4096
"""Files in a scratch folder: an empty file takes memory of the kernel, which no other limit counts."""
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE, _MNT_DETACH = 0x2, 0x4, 0x1000, 0x4000, 0x40000, 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 0x1, 0x2, 0x4
_DUMPABLE = 4

_libc = ctypes.CDLL(None, use_errno=True)


class MissingError(Exception):
    """Something of the kernel's that an isolation needs and this machine lacks; the message names it."""


def needs(name: str, result: int) -> int:
    """The result of a C call. Raises MissingError with the kernel's reason if it failed."""
    if result < 0:
        raise MissingError(f"{name} ({os.strerror(ctypes.get_errno())})")
    return result


def enter_namespaces() -> None:
    """Enters new mount, network, ipc and pid namespaces, inside a user namespace unless this is root.

    Processes forked from now on are in the pid namespace. Raises MissingError.
    """
    kinds = _NEWNS | _NEWNET | _NEWIPC | _NEWPID
    if os.geteuid() != 0 or _libc.unshare(kinds) != 0:
        _enter_user_namespace(os.open("/proc/self", os.O_PATH), kinds)
    needs("mounts of its own", _libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None))


def enter_filesystem() -> None:
    """Replaces the root by one that has Python, the libraries and four devices, all read-only; root becomes `nobody`.

    Raises MissingError.
    """
    process = os.open("/proc/self", os.O_PATH)  # the new root has no /proc
    real = {path: os.path.realpath(path) for path in _readable()}
    # Any folder would do to mount the new root on; this one always exists, and what it hides is no longer needed.
    needs("mounting a tmpfs", _libc.mount(b"tmpfs", b"/proc", b"tmpfs", _MS_NOSUID | _MS_NODEV, b"size=1m,mode=755"))
    os.chdir("/proc")
    Path("old").mkdir()
    needs("changing the root", _libc.syscall(call_number("pivot_root"), b".", b"old"))
    os.chdir("/")
    for path, source in real.items():
        _show(path, f"/old{source}")
    Path(SCRATCH).mkdir()
    needs("leaving the old root", _libc.umount2(b"/old", _MNT_DETACH))
    Path("/old").rmdir()
    _set_mounts("/", _ATTR_RDONLY | _ATTR_NOSUID)
    if os.geteuid() == 0:
        _become_nobody()
        _enter_user_namespace(process, 0)
    os.close(process)


def mount_scratch(megabytes: int) -> None:
    """Mounts an empty folder of that total size, seen by this process and its forks alone. Raises OSError."""
    options = f"size={megabytes}m,nr_inodes={_MOST_FILES},mode=700".encode()
    if _libc.unshare(_NEWNS) or _libc.mount(b"tmpfs", SCRATCH.encode(), b"tmpfs", _MS_NOSUID | _MS_NODEV, options):
        raise OSError(ctypes.get_errno(), "no scratch folder can be mounted")
    os.chdir(SCRATCH)


def _readable() -> list[str]:
    """The paths that the new root has, none inside another."""
    python = {path for prefix in (sys.prefix, sys.base_prefix) for path in (prefix, os.path.realpath(prefix))}
    shown: list[str] = []
    for path in sorted({*python, *LIBRARIES, *DEVICES}):
        if Path(path).exists() and not any(path.startswith(f"{above}/") for above in shown):
            shown.append(path)
    return shown


def _show(path: str, source: str) -> None:
    """Binds a file or folder of the old root to the same place in the new one."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    if Path(source).is_dir():
        Path(path).mkdir()
    else:
        Path(path).touch()
    needs(f"showing {path}", _libc.mount(source.encode(), path.encode(), None, _MS_BIND | _MS_REC, None))
    if path not in DEVICES:
        _set_mounts(path, _ATTR_NODEV)


def _set_mounts(path: str, attributes: int) -> None:
    """Sets attributes of everything mounted at a path and below."""
    attr = struct.pack("QQQQ", attributes, 0, 0, 0)
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
