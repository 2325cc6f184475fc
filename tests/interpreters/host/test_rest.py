"""A session that is let go for a long time, and goes on."""

from __future__ import annotations

import asyncio
import os

from benchmarks.sandbox_soak import below

from slipstick.interpreters import Limits
from slipstick.interpreters.host.local import open_interpreter


def test_a_session_that_rests_has_no_process_and_goes_on_where_it_was() -> None:
    async def work() -> tuple[str, int, int, str]:
        interpreter = open_interpreter("", Limits(timeout=20))
        try:
            session, other = interpreter.session(), interpreter.session()
            await session.run("x = 20")
            first = (await session.run("x + 1")).text
            before = len(below(os.getpid()))
            await session.rest()
            await other.run("1")  # with the next request the fork server ends what was let go
            after, second = len(below(os.getpid())), (await session.run("x + 2")).text
            await asyncio.gather(session.close(), other.close())
            return first, before, after, second
        finally:
            await interpreter.close()

    first, before, after, second = asyncio.run(work())
    assert (first, second) == ("21", "22") and after <= before
