"""Has the kernel keep this process's memory in huge pages, so that forks copy fewer page tables.

A hint: where the kernel does not take it nothing changes but speed. Imports nothing but the standard library.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

_SIZE = 2 << 20
_COLLAPSE = 25  # MADV_COLLAPSE, in Linux since 6.1


def collapse() -> None:
    """Gathers what is anonymous, writable and whole into huge pages, here and now."""
    advise = ctypes.CDLL(None).madvise
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, rights, _, _, _, *name = line.split()
        if rights.startswith("rw") and name in ([], ["[heap]"]):
            start, end = (int(address, 16) for address in addresses.split("-"))
            for at in range(-(-start // _SIZE) * _SIZE, end - _SIZE + 1, _SIZE):
                advise(ctypes.c_void_p(at), ctypes.c_size_t(_SIZE), _COLLAPSE)
