"""Keeps memory that was freed: large tensors of every step lie where those of the step before lay.

glibc gives blocks above 32 MiB back to the kernel as soon as they are freed; the next block is then mapped page by page
again, which takes ten times as long as the sum or product that it is for.
"""

import ctypes
import functools
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of <malloc.h>
_MOST = 2**31 - 1


@functools.cache
def keep_freed_memory() -> bool:
    """From now on freed memory stays with this process and its forks; False if the C library has no such setting."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, _MOST))
