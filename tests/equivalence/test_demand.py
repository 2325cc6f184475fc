"""Tests of what users of other graders reported: tests/cases/demand.jsonl, each with its source, and behaviour."""

import asyncio
import functools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from slipstick import compare, grade
from slipstick.equivalence import compare_many
from slipstick.equivalence.pool.pool import Pool

CASES = [json.loads(line) for line in (Path(__file__).parents[1] / "cases" / "demand.jsonl").read_text().splitlines()]
IDS = [f"{place}-{case['answer'][-20:]}-{case['expected'][:20]}" for place, case in enumerate(CASES)]


def judge(case: dict[str, Any]) -> str:
    verdict = (grade if case.get("whole") else compare)(case["answer"], case["expected"])
    assert verdict.reason
    return verdict.outcome


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_case(case: dict[str, Any]) -> None:
    outcome = judge(case)
    assert outcome != "correct" if case["outcome"] == "not correct" else outcome == case["outcome"]


@pytest.mark.parametrize(
    "source", ["Math-Verify#55", "Math-Verify#50", "Math-Verify#22", "Math-Verify#11", "trl#5281", "verifiers#620"]
)
def test_a_thread_and_an_event_loop_say_what_the_main_thread_says(source: str) -> None:
    repository, number = source.split("#")
    cases = [case for case in CASES if f"/{repository}/" in case["source"] and case["source"].endswith(f"/{number}")]
    assert cases
    here = [judge(case) for case in cases]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(judge, cases)) == here

    async def inside() -> list[str]:
        return [judge(case) for case in cases]

    async def off_thread() -> list[str]:
        return list(await asyncio.gather(*(asyncio.to_thread(judge, case) for case in cases)))

    assert asyncio.run(inside()) == here
    assert asyncio.run(off_thread()) == here


def test_a_sample_that_hangs_does_not_keep_a_worker(pool: Pool) -> None:
    """AReaL#1426: retried and abandoned comparisons tied up the reward workers one by one."""
    for _ in range(3):
        assert pool.compare(("hang", ["7"], None), seconds=0.8)[0].equal is None
        assert pool.compare(("x+1", ["1+x"], None), seconds=60)[0].equal
    assert len(pool._living) == len(pool.pids()) == 1


def test_waiting_for_a_worker_does_not_count_against_the_deadline(pool: Pool) -> None:
    """verifiers#831: in a burst of 200 the deadline struck before a comparison had begun."""
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(pool.compare, (f"nap x+{n}", [f"{n}+x"], None), seconds=2.5) for n in range(8)]
        assert all(future.result()[0].equal for future in asked)


def test_an_event_loop_goes_on_while_two_hundred_are_compared(pool: Pool) -> None:
    """verifiers#620: comparisons must neither block the loop nor race with one another."""

    async def inside() -> tuple[list[bool | None], int]:
        loop, ticks = asyncio.get_running_loop(), 0
        with ThreadPoolExecutor(200) as threads:
            rows = [("hang", ["7"], None) if n % 70 == 0 else (f"x+{n}", [f"{n}+x"], None) for n in range(200)]
            asked = [loop.run_in_executor(threads, functools.partial(pool.compare, row, seconds=1.5)) for row in rows]
            together = asyncio.gather(*asked)
            while not together.done():
                await asyncio.sleep(0.01)
                ticks += 1
            return [decisions[0].equal for decisions in await together], ticks

    decided, ticks = asyncio.run(inside())
    assert decided == [None if n % 70 == 0 else True for n in range(200)]
    assert ticks > 20


def test_a_deadline_that_strikes_is_a_verdict_and_no_exception(pool: Pool) -> None:
    """open-r1#420: a TimeoutError out of the grader ended a training run after 1,119 steps."""
    (decision,) = pool.compare(("hang", ["7"], None), seconds=0.6)
    assert (decision.equal, decision.reason) == (None, "not decided within 0.6 s")


def test_a_row_that_hangs_leaves_its_neighbours_in_their_places(playful: None) -> None:
    """torchtitan#4442: one power of powers stopped the scoring of a whole batch."""
    tower = "2003^{2002^{2001}}"
    pairs = [(str(n), str(n)) if n % 10 else (tower, "241") for n in range(60)]
    verdicts = compare_many(pairs, workers=2)
    assert [verdict.outcome == "correct" for verdict in verdicts] == [n % 10 != 0 for n in range(60)]


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    compare_many([(case["answer"], case["expected"]) for case in CASES], workers=2)
    assert threading.active_count() == before
