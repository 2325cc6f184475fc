"""The memory that the sessions of this process take, and how much there is."""

import os
from contextlib import suppress
from pathlib import Path

_CGROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def half_of_memory_mb() -> int:
    """Half of the memory that this machine, or this container, has."""
    most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUPS:
        with suppress(OSError, ValueError):  # no such file, or "max"
            most = min(most, int(Path(path).read_text()))
    return most >> 21


def memory_below_mb(pid: int) -> float:
    """Memory of all processes below one, in MB; of what several share, each counts for its part of it."""
    kilobytes, found = 0, [pid]
    for each in found:
        with suppress(OSError):  # it has ended
            for task in Path(f"/proc/{each}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        if each != pid:
            kilobytes += _kilobytes(each)
    return kilobytes / 1024


def _kilobytes(pid: int) -> int:
    for name, field in (("smaps_rollup", "Pss:"), ("status", "RssAnon:")):  # the first may be forbidden
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/{name}").read_text().splitlines():
                if line.startswith(field):
                    return int(line.split()[1])
    return 0
