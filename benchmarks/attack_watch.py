"""What `attack_search` sees from outside: files, processes, what this process has open, what the kernel keeps."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import tempfile
from collections import Counter
from pathlib import Path

_WATCHED = ("SUnreclaim", "KernelStack", "PageTables", "Shmem", "Mlocked", "Unevictable")
_COUNTS = (
    "/proc/sysvipc/shm",
    "/proc/sysvipc/sem",
    "/proc/sysvipc/msg",
    "/proc/net/unix",
    "/proc/net/tcp",
    "/proc/net/udp",
    "/proc/locks",
)


class Watch:
    """What is seen from outside before and after a batch of programs."""

    def __init__(self, folder: Path, *, alone: bool) -> None:
        self.folder = folder
        self.alone = alone
        self.signals: list[int] = []
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGALRM}:
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, lambda got, _: self.signals.append(got))

    def lay_out(self) -> None:
        """Canary files, in the place of what is left of those before."""
        canaries = self.folder / "canaries"
        shutil.rmtree(canaries, ignore_errors=True)
        (canaries / "inner").mkdir(parents=True)
        for name in ("file", "inner/file", "inner/other"):
            (canaries / name).write_text(f"canary {name}")
        (canaries / "link").symlink_to("file")

    def names(self) -> dict[str, str]:
        """The paths that programs may name."""
        canaries = self.folder / "canaries"
        python = Path(os.__file__)
        return {
            "own": "own",
            "new": "new",
            "folder": "made",
            "link": "link",
            "python": str(python),
            "library": str(python.parent),
            "canary": str(canaries / "file"),
            "canary_folder": str(canaries / "inner"),
            "canary_new": str(canaries / "new"),
            "null": "/dev/null",
            "zero": "/dev/zero",
            "root": "/",
            "up": "..",
            "temp": f"{tempfile.gettempdir()}/slipstick-attack",
            "shm": "/dev/shm/slipstick-attack",
            "fd": "/proc/self/fd/0",
            "proc": "/proc/1/status",
            "empty": "",
        }

    def exact(self) -> dict[str, object]:
        """What must be the same afterwards."""
        return {
            "files": [_file(path) for path in sorted(self.folder.glob("canaries/**/*"))],
            "library": [_file(Path(each)) for each in (os.__file__, json.__file__, "/dev/null", "/dev/zero")],
            "temporary files": sorted(map(str, [*self.folder.glob("tmp/*"), *Path("/dev/shm").glob("*")])),
            "processes": sorted(_processes()),
            "mounts": len(Path("/proc/self/mountinfo").read_text().splitlines()),
            "open files": _open_files(),
            "counts": {path: _lines(path) for path in _COUNTS if self.alone},
            "signals": list(self.signals),
        }

    def memory_kb(self) -> dict[str, int]:
        """The kernel's memory, of the whole machine."""
        pairs = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
        return {name[:-1]: int(size) for name, size, *_ in pairs if name[:-1] in _WATCHED}


def _file(path: Path) -> tuple[object, ...]:
    found = path.lstat()
    content = path.read_bytes() if path.is_file() and found.st_size < 1 << 20 and not path.is_symlink() else b""
    marks = [
        (name, os.getxattr(path, name, follow_symlinks=False)) for name in os.listxattr(path, follow_symlinks=False)
    ]
    owner = (found.st_mode, found.st_uid, found.st_gid, found.st_nlink)
    return str(path), content, *owner, found.st_mtime_ns, found.st_ctime_ns, tuple(marks)


def _lines(path: str) -> int:
    with contextlib.suppress(OSError):
        return len(Path(path).read_text().splitlines())
    return 0


def _open_files() -> dict[str, int]:
    """How many of each kind this process has open."""
    found: Counter[str] = Counter()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found[str(link.readlink()).split(":")[0]] += 1
    return dict(found)


def _processes() -> set[tuple[int, str, bool]]:
    """Number, time of start, and whether it is stopped, of this process's descendants."""
    parents: dict[int, int] = {}
    seen: dict[int, tuple[int, str, bool]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent, *rest = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(parent)
                if state != "Z":
                    seen[int(entry.name)] = (int(entry.name), rest[17], state in "Tt")
    return {what for pid, what in seen.items() if _descends(pid, parents)}


def _descends(pid: int, parents: dict[int, int]) -> bool:
    while pid and pid != os.getpid():
        pid = parents.get(pid, 0)
    return pid == os.getpid()
