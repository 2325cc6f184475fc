"""Workers that know four more answers, so that what goes wrong with workers goes wrong on purpose.

"hang" never returns from a loop in C, "nap ..." takes a second, "hoard" asks for more memory than there is and "grow"
keeps some.
"""

from collections.abc import Iterator

import pytest

from slipstick.equivalence.pool import process
from slipstick.equivalence.pool.pool import Pool

PLAYFUL = """
import time
from slipstick.equivalence import verdicts
from slipstick.equivalence.pool import main as worker
plain, kept = verdicts.decide_each, []
def decide_each(answer, *rest, **named):
    if answer == "hang":
        pow(7, 10**9)
    if answer.startswith("nap"):
        time.sleep(1)
    if answer == "hoard":
        raise MemoryError if not bytearray(1 << 31) else None
    if answer == "grow":
        kept.append(b"x" * (200 << 20))
    return plain(answer.removeprefix("nap"), *rest, **named)
verdicts.decide_each = decide_each
"""


@pytest.fixture
def playful_boot() -> str:
    """The program that a playful worker runs."""
    return f"exec({PLAYFUL!r}); {process._BOOT}"


@pytest.fixture
def playful(monkeypatch: pytest.MonkeyPatch, playful_boot: str) -> None:
    """Every worker that starts from now on is a playful one."""
    monkeypatch.setattr(process, "_BOOT", playful_boot)


@pytest.fixture
def pool(playful: None) -> Iterator[Pool]:
    """A pool with two places and playful workers."""
    pool = Pool(2)
    yield pool
    pool.close()
