"""How many requests a server is sent at a time, on simulated servers in simulated time."""

from __future__ import annotations

import heapq
import random
from collections import deque
from dataclasses import dataclass

import pytest

from slipstick.models.openai.concurrency import PATIENCE, START, ConcurrencyLimit


@dataclass
class Outcome:
    busy: float
    """Share of the server's slots that worked, as long as requests waited to be sent."""
    refused: int


def simulate(
    limit: ConcurrencyLimit, *, slots: int, room: int = 10**9, seconds: float = 5.0, answers: int = 4000
) -> Outcome:
    """A server that works on `slots` requests at once, queues up to `room` and refuses more; 512 callers want one."""
    draw = random.Random(7)
    events: list[tuple[float, int, str, float]] = [(0.0, 0, "look", 0.0)]
    queue: deque[float] = deque()
    now = worked = 0.0
    waiting, left, working, running, done, refused, number = 512, answers - 512, 0, 0, 0, 0, 0

    def put(delay: float, what: str, sent: float) -> None:
        nonlocal number
        number += 1
        heapq.heappush(events, (now + delay, number, what, sent))

    while waiting:
        while waiting and running < limit.value:
            waiting, running = waiting - 1, running + 1
            if running > room:
                put(0.02, "refused", now)
            elif working < slots:
                working += 1
                put(draw.expovariate(1 / seconds), "answered", now)
            else:
                queue.append(now)
        then, _, what, sent = heapq.heappop(events)
        worked, now = worked + (then - now) * working, then
        if what == "look":
            limit.waited(now)
            put(1.0, "look", now)
            continue
        running -= 1
        if what == "refused":
            refused, waiting = refused + 1, waiting + 1
            limit.refused(now, sent=sent, running=running + 1)
            continue
        done, working = done + 1, working - 1
        limit.answered(now, sent=sent, work=draw.randint(50, 400), waiting=waiting > 0)
        left, waiting = (left - 1, waiting + 1) if left else (0, waiting)
        if queue:
            working += 1
            put(draw.expovariate(1 / seconds), "answered", queue.popleft())
    return Outcome(worked / (now * slots), refused)


@pytest.mark.parametrize("seconds", [0.05, 1.0, 60.0])
def test_a_server_of_64_slots_is_busy_from_the_start(seconds: float) -> None:
    assert simulate(ConcurrencyLimit("auto"), slots=64, seconds=seconds).busy > 0.95


def test_a_server_with_fewer_slots_than_the_start_is_always_busy() -> None:
    assert simulate(ConcurrencyLimit("auto"), slots=4).busy > 0.99


def test_a_server_with_many_slots_is_found_out() -> None:
    assert simulate(ConcurrencyLimit("auto"), slots=256, answers=12_000).busy > 0.9


@pytest.mark.parametrize(("room", "share"), [(8, 0.4), (64, 0.08), (200, 0.04)])
def test_a_server_that_refuses_is_kept_filled_with_few_refusals(room: int, share: float) -> None:
    outcome = simulate(ConcurrencyLimit("auto"), slots=room, room=room, answers=8000)
    assert outcome.busy > 0.75
    assert outcome.refused < share * 8000


def test_answers_that_take_long_of_their_time_let_it_grow_no_further() -> None:
    limit = ConcurrencyLimit("auto", timeout=600)
    simulate(limit, slots=4, seconds=60)
    assert limit.value < 512


def test_refusals_of_requests_sent_together_lower_it_once() -> None:
    limit = ConcurrencyLimit(64)
    for _ in range(64):
        limit.refused(10.0, sent=9.0, running=64)
    assert limit.value == 44
    for _ in range(12):
        limit.refused(11.0, sent=10.5, running=44)
    assert limit.value == 30


def test_a_server_that_refuses_one_in_twenty_whatever_the_limit_is_sent_as_much_as_before() -> None:
    limit = ConcurrencyLimit(64)
    for number in range(2000):
        now = number / 100
        if number % 20:
            limit.answered(now, sent=now - 0.5, work=1, waiting=True)
        else:
            limit.refused(now, sent=now - 0.5, running=64)
    assert limit.value == 64


def test_it_never_exceeds_its_most_and_never_ends() -> None:
    limit = ConcurrencyLimit(3)
    for time in range(100):
        limit.answered(time, sent=time - 1, work=1, waiting=True)
    assert limit.value == 3
    for time in range(200, 300):
        limit.refused(time, sent=time - 0.5, running=1)
    assert limit.value == 1


def test_without_demand_it_does_not_grow() -> None:
    limit = ConcurrencyLimit("auto")
    for time in range(1000):
        limit.answered(time, sent=time - 1, work=1, waiting=False)
    assert limit.value == START


def test_while_the_first_answers_are_written_it_grows_but_not_without_end() -> None:
    limit = ConcurrencyLimit("auto")
    limit.waited(0)
    limit.waited(PATIENCE)
    assert limit.value == 2 * START
    for time in range(1000):
        limit.waited(PATIENCE * time)
    assert limit.value == 256


def test_a_server_that_says_how_much_it_works_on_is_sent_twice_that() -> None:
    limit = ConcurrencyLimit("auto")
    limit.set_slots(4)
    assert limit.value == 8
