"""Sessions that a service keeps: whose make room for others, and what is left of many."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

pytest.importorskip("prometheus_client", reason="the extra `serve` is not installed")

from slipstick.serve import ServeSettings
from slipstick.serve.memory import memory_below_mb
from slipstick.serve.service import Demand, RefusedError, Service


async def step(service: Service, name: str, address: str, code: str = "x = 1") -> None:
    async with service.kept_session(name, Demand(), address) as held, service.place(address, held.lock):
        await service.run_step(held, name, lambda session: session.run(code))


def shares(service: Service) -> str:
    return "".join(sorted(held.owner for held in service.held.values()))


def test_who_has_most_sessions_makes_room() -> None:
    async def scenario() -> None:
        service = Service(ServeSettings(sessions=6, isolation="process"))
        await service.start()
        for number in range(6):
            await step(service, f"a{number}", "a")
        with pytest.raises(RefusedError, match="6 sessions are kept already"):
            await step(service, "a6", "a")
        await step(service, "a0", "a")  # used lately
        for number in range(3):
            await step(service, f"b{number}", "b")
        assert shares(service) == "aaabbb" and "a0" in service.held and "a1" not in service.held
        for address in "ab":
            with pytest.raises(RefusedError, match="try again later"):
                await step(service, "more", address)
        await step(service, "c0", "c")
        assert shares(service) in ("aabbbc", "aaabbc")
        service.held["b2"].used -= service.settings.idle_seconds / 2
        await step(service, "more", "a")
        assert "b2" not in service.held, "what nobody has used for long makes room for anybody"
        await service.close()

    asyncio.run(scenario())


def test_sessions_that_wait_for_a_worker_make_room_too() -> None:
    async def scenario() -> None:
        service = Service(ServeSettings(sessions=4, isolation="process"))
        await service.start()
        slow = "import time\ntime.sleep(2)"
        waiting = [asyncio.create_task(step(service, f"a{number}", "a", slow)) for number in range(4)]
        while sum(held.running is not None for held in service.held.values()) < 2:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
        await step(service, "b0", "b")
        results = await asyncio.gather(*waiting, return_exceptions=True)
        (refused,) = (each for each in results if each is not None)
        assert isinstance(refused, RefusedError) and refused.status == 429
        await service.close()

    asyncio.run(scenario())


def test_sessions_that_take_too_much_memory_together_end_from_the_oldest_on() -> None:
    async def scenario() -> None:
        service = Service(ServeSettings(isolation="process", memory_mb=512))
        await service.start()
        free = memory_below_mb(os.getpid())
        for number in range(4):
            await step(service, f"a{number}", "a", "x = bytearray(range(256)) * (100 << 12)")
        assert memory_below_mb(os.getpid()) > free + 350
        service.settings = service.settings.model_copy(update={"sessions_mb": int(free) + 250})
        await service.end_largest()
        assert sorted(service.held) == ["a2", "a3"]
        assert "more than the" in service.gone("a0").message and "sessions_mb" in service.gone("a0").message
        assert "expired" in service.gone("b").message
        await service.close()

    asyncio.run(scenario())


def test_a_thousand_sessions_leave_nothing() -> None:
    def resources() -> tuple[int, int]:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        return len(list(Path("/proc/self/fd").iterdir())), len(children)

    async def scenario() -> None:
        service = Service(ServeSettings(sessions=100, idle_seconds=100, isolation="process"))
        await service.start()
        warm = resources()
        expiring = asyncio.create_task(service.expire())
        for turn in range(10):
            await asyncio.gather(*(step(service, f"{turn}-{number}", str(number % 7)) for number in range(100)))
            assert len(service.held) == 100
            await asyncio.gather(*(service.drop(f"{turn}-{number}") for number in range(50)))
            for held in service.held.values():
                held.used -= 60
            await service.end_unused(50)
            assert not service.held
        expiring.cancel()
        await asyncio.sleep(0.1)
        assert resources() == warm
        await service.close()

    before = resources()
    asyncio.run(scenario())
    assert resources() == before


def test_a_step_that_nobody_waits_for_leaves_no_session() -> None:
    async def scenario() -> None:
        service = Service(ServeSettings(isolation="process"))
        await service.start()
        task = asyncio.create_task(step(service, "a", "a", "while True: pass"))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not service.held
        await step(service, "a", "a")
        await service.close()

    asyncio.run(scenario())
