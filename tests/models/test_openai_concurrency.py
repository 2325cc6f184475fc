"""How many requests a server is sent at a time, on simulated servers in simulated time."""

from __future__ import annotations

import heapq
import random
from collections import deque
from dataclasses import dataclass

import pytest

from slipstick.models.openai.concurrency import PATIENCE, START, Level


@dataclass
class Outcome:
    busy: float
    """Share of the server's slots that worked, as long as requests waited to be sent."""
    refused: int


def simulate(level: Level, *, slots: int, room: int = 10**9, seconds: float = 5.0, answers: int = 4000) -> Outcome:
    """A server that works on `slots` requests at once, queues up to `room` and refuses more; 512 callers want one."""
    draw = random.Random(7)
    events: list[tuple[float, int, str, float]] = [(0.0, 0, "look", 0.0)]
    queue: deque[float] = deque()
    now = worked = 0.0
    waiting, left, working, under_way, done, refused, number = 512, answers - 512, 0, 0, 0, 0, 0

    def put(delay: float, what: str, sent: float) -> None:
        nonlocal number
        number += 1
        heapq.heappush(events, (now + delay, number, what, sent))

    while waiting:
        while waiting and under_way < level.value:
            waiting, under_way = waiting - 1, under_way + 1
            if under_way > room:
                put(0.02, "refused", now)
            elif working < slots:
                working += 1
                put(draw.expovariate(1 / seconds), "answered", now)
            else:
                queue.append(now)
        then, _, what, sent = heapq.heappop(events)
        worked, now = worked + (then - now) * working, then
        if what == "look":
            level.waited(now)
            put(1.0, "look", now)
            continue
        under_way -= 1
        if what == "refused":
            refused, waiting = refused + 1, waiting + 1
            level.refused(now, sent=sent, under_way=under_way + 1)
            continue
        done, working = done + 1, working - 1
        level.answered(now, sent=sent, work=draw.randint(50, 400), wanted=waiting > 0)
        left, waiting = (left - 1, waiting + 1) if left else (0, waiting)
        if queue:
            working += 1
            put(draw.expovariate(1 / seconds), "answered", queue.popleft())
    return Outcome(worked / (now * slots), refused)


@pytest.mark.parametrize("seconds", [0.05, 1.0, 60.0])
def test_a_server_of_64_slots_is_busy_from_the_start(seconds: float) -> None:
    assert simulate(Level("auto"), slots=64, seconds=seconds).busy > 0.95


def test_a_server_with_fewer_slots_than_the_start_is_always_busy() -> None:
    assert simulate(Level("auto"), slots=4).busy > 0.99


def test_a_server_with_many_slots_is_found_out() -> None:
    assert simulate(Level("auto"), slots=256, answers=12_000).busy > 0.9


@pytest.mark.parametrize(("room", "share"), [(8, 0.4), (64, 0.08), (200, 0.04)])
def test_a_server_that_refuses_is_kept_filled_with_few_refusals(room: int, share: float) -> None:
    outcome = simulate(Level("auto"), slots=room, room=room, answers=8000)
    assert outcome.busy > 0.75
    assert outcome.refused < share * 8000


def test_answers_that_take_long_of_their_time_let_it_grow_no_further() -> None:
    level = Level("auto", deadline=600)
    simulate(level, slots=4, seconds=60)
    assert level.value < 512


def test_refusals_of_requests_sent_together_lower_it_once() -> None:
    level = Level(64)
    for _ in range(64):
        level.refused(10.0, sent=9.0, under_way=64)
    assert level.value == 44
    for _ in range(12):
        level.refused(11.0, sent=10.5, under_way=44)
    assert level.value == 30


def test_a_server_that_refuses_one_in_twenty_whatever_the_level_is_sent_as_much_as_before() -> None:
    level = Level(64)
    for number in range(2000):
        now = number / 100
        if number % 20:
            level.answered(now, sent=now - 0.5, work=1, wanted=True)
        else:
            level.refused(now, sent=now - 0.5, under_way=64)
    assert level.value == 64


def test_it_never_exceeds_its_most_and_never_ends() -> None:
    level = Level(3)
    for time in range(100):
        level.answered(time, sent=time - 1, work=1, wanted=True)
    assert level.value == 3
    for time in range(200, 300):
        level.refused(time, sent=time - 0.5, under_way=1)
    assert level.value == 1


def test_without_demand_it_does_not_grow() -> None:
    level = Level("auto")
    for time in range(1000):
        level.answered(time, sent=time - 1, work=1, wanted=False)
    assert level.value == START


def test_while_the_first_answers_are_written_it_grows_but_not_without_end() -> None:
    level = Level("auto")
    level.waited(0)
    level.waited(PATIENCE)
    assert level.value == 2 * START
    for time in range(1000):
        level.waited(PATIENCE * time)
    assert level.value == 256


def test_a_server_that_says_how_much_it_works_on_is_sent_twice_that() -> None:
    level = Level("auto")
    level.limit(4)
    assert level.value == 8
