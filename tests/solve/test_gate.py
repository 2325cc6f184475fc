"""Requests that wait at the gate of a run."""

import asyncio

from slipstick.solve.gate import Gate


class Crowd:
    """Requests that pass a gate and stay behind it until they are let go."""

    def __init__(self, gate: Gate, count: int) -> None:
        self.inside: list[int] = []
        self.let_go = [asyncio.Event() for _ in range(count)]
        self.tasks = [asyncio.create_task(self._pass(gate, number)) for number in range(count)]

    async def _pass(self, gate: Gate, number: int) -> None:
        async with gate.passed():
            self.inside.append(number)
            await self.let_go[number].wait()
            self.inside.remove(number)


async def settled() -> None:
    """Everything that can go on has gone on."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_none_pass_a_closed_gate_and_the_first_go_first() -> None:
    async def check() -> None:
        gate = Gate()
        gate.change(paused=True, most=None)
        crowd = Crowd(gate, 4)
        await settled()
        assert crowd.inside == []
        gate.change(paused=False, most=2)
        await settled()
        assert crowd.inside == [0, 1]
        crowd.let_go[0].set()
        await settled()
        assert crowd.inside == [1, 2]
        gate.change(paused=False, most=3)
        await settled()
        assert crowd.inside == [1, 2, 3]
        for each in crowd.let_go:
            each.set()
        await asyncio.gather(*crowd.tasks)

    asyncio.run(check())


def test_a_request_that_is_cancelled_leaves_its_place_to_the_next() -> None:
    async def check() -> None:
        gate = Gate()
        gate.change(paused=False, most=1)
        crowd = Crowd(gate, 3)
        await settled()
        crowd.tasks[1].cancel()  # it waits
        crowd.tasks[0].cancel()  # it is behind the gate
        await settled()
        assert crowd.inside == [2] or crowd.inside == [0, 2]
        crowd.let_go[2].set()
        await crowd.tasks[2]

    asyncio.run(check())


def test_a_pause_leaves_the_most_as_it_was() -> None:
    async def check() -> None:
        gate = Gate()
        gate.change(paused=False, most=1)
        gate.change(paused=True, most=None)
        crowd = Crowd(gate, 3)
        gate.change(paused=False, most=None)
        await settled()
        assert crowd.inside == [0]
        for each in crowd.let_go:
            each.set()
        await asyncio.gather(*crowd.tasks)

    asyncio.run(check())
