"""The folder of what can be made again: kept replies, fetched models."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """`$SLIPSTICK_CACHE`, else `slipstick/` in the user's cache."""
    own = os.environ.get("SLIPSTICK_CACHE")
    shared = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return (Path(own) if own else Path(shared, "slipstick")).expanduser()
