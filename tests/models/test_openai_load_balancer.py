"""Several servers of one model: who gets which request, and what happens when one is away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from slipstick.errors import ModelError
from slipstick.formats import load_format
from slipstick.models import ModelSettings, Reply, Request, Sampling
from slipstick.models.openai import OpenAIModel
from slipstick.schema import Problem
from tests.models.scripted_server import Server, StartServer

TIR = load_format("tir")
ERROR: tuple[int, dict[str, Any], dict[str, str]] = (500, {"error": {"message": "oops"}}, {})


def request(problem: int = 0, turn: int = 0) -> Request:
    return Request(
        problem=Problem(id=f"p/{problem}", text=f"Problem {problem}"),
        format=TIR,
        sample=0,
        turn=turn,
        blocks=[],
        sampling=Sampling(),
    )


def open_at(*servers: Server, retries: int = 5, **settings: Any) -> OpenAIModel:
    known = ModelSettings(base_url=[server.url for server in servers], **settings)
    return OpenAIModel("abacus-7b", known, max_retries=retries, first_pause=0.01)


def ask(*servers: Server, times: int = 1, **settings: Any) -> list[Reply]:
    """The replies to as many problems, asked at once."""

    async def run() -> list[Reply]:
        model = open_at(*servers, **settings)
        try:
            return await asyncio.gather(*(model.generate(request(number)) for number in range(times)))
        finally:
            await model.close()

    return asyncio.run(run())


def test_requests_go_where_there_is_most_room(start_server: StartServer) -> None:
    one, two = start_server(Server), start_server(Server)
    one.seconds = two.seconds = 0.1
    assert len(ask(one, two, times=20)) == 20
    assert (len(one.bodies), len(two.bodies)) == (10, 10)


def test_the_turns_of_a_solution_stay_with_the_server_that_had_the_first(start_server: StartServer) -> None:
    one, two = start_server(Server), start_server(Server)
    one.seconds = two.seconds = 0.01

    async def solution(model: OpenAIModel, number: int) -> None:
        for turn in range(4):
            await model.generate(request(number, turn))

    async def run() -> None:
        model = open_at(one, two, max_concurrent_requests=2)
        await asyncio.gather(*(solution(model, number) for number in range(12)))
        await model.close()

    asyncio.run(run())
    asked = [[body["messages"][-1]["content"] for body in server.bodies] for server in (one, two)]
    homes = [set(texts) for texts in asked]
    assert len(asked[0]) + len(asked[1]) == 48
    moved = homes[0] & homes[1]
    assert len(moved) < 12 / 2


def test_a_server_that_fails_is_left_and_none_is_lost(start_server: StartServer) -> None:
    good, bad = start_server(Server), start_server(Server)
    bad.faults = [ERROR] * 100
    assert [reply.finish for reply in ask(bad, good, times=60)] == ["stop"] * 60
    assert len(bad.bodies) < 60
    assert len(good.bodies) == 60


def test_a_server_that_is_not_there_is_no_matter_while_another_is(start_server: StartServer) -> None:
    good, gone = start_server(Server), start_server(Server)
    gone.stop()
    assert [reply.finish for reply in ask(gone, good, times=60)] == ["stop"] * 60


def test_a_server_that_comes_back_is_used_again(start_server: StartServer) -> None:
    server = start_server(Server)
    server.faults = [None, *[ERROR] * 4]

    async def run() -> list[Reply]:
        model = open_at(server)
        replies = [await model.generate(request())]
        replies += await asyncio.gather(*(model.generate(request(number)) for number in range(10)))
        await model.close()
        return replies

    assert [reply.finish for reply in asyncio.run(run())] == ["stop"] * 11


def test_a_server_that_fails_for_good_is_told_while_requests_wait(
    start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    server = start_server(Server)
    server.faults = [None, *[ERROR] * 3]
    said: list[str] = []

    async def run() -> None:
        model = open_at(server, request_timeout=60)
        await model.generate(request())
        assert not model.trouble()
        waiting = asyncio.ensure_future(model.generate(request(1)))
        while not waiting.done():
            said.append(model.trouble())
            await asyncio.sleep(0.01)
        await waiting
        said.append(model.trouble())
        await model.close()

    asyncio.run(run())
    told = [words for words in said if words]
    assert told and all("no server answers" in words and "oops" in words and "fail in" in words for words in told)
    assert not said[-1], "it answers again"
    assert "failed 3 times in a row" in caplog.text and "answers again" in caplog.text


def test_a_server_that_asks_for_a_pause_gets_it_while_another_works(start_server: StartServer) -> None:
    good, busy = start_server(Server), start_server(Server)
    busy.faults = [(429, {"error": {"message": "slow down"}}, {"retry_after": "60"})]
    assert [reply.finish for reply in ask(busy, good, times=20, max_concurrent_requests=1)] == ["stop"] * 20
    assert len(busy.bodies) == 1


def test_when_all_fail_before_the_first_answer_one_error_says_so(start_server: StartServer) -> None:
    one, two = start_server(Server), start_server(Server)
    one.stop()
    two.stop()
    with pytest.raises(ModelError, match="cannot be reached: is the server running"):
        ask(one, two, retries=1)


def test_when_all_are_gone_later_solutions_end_in_an_error(start_server: StartServer) -> None:
    server = start_server(Server)

    async def run() -> list[Reply]:
        model = open_at(server, request_timeout=0.5)
        replies = [await model.generate(request())]
        server.stop()
        replies += await asyncio.gather(*(model.generate(request(number)) for number in range(5)))
        await model.close()
        return replies

    first, *others = asyncio.run(run())
    assert first.finish == "stop"
    assert [reply.finish for reply in others] == ["error"] * 5
    assert "no server came back within 0.5 s" in others[-1].error and server.url in others[-1].error


def test_a_cancelled_request_gives_its_place_back(server: Server) -> None:
    server.faults = ["hang"]

    async def run() -> Reply:
        model = open_at(server, max_concurrent_requests=1)
        hanging, waiting = (asyncio.create_task(model.generate(request(number))) for number in range(2))
        await asyncio.to_thread(server.asked.wait, 30)
        waiting.cancel()
        hanging.cancel()
        reply = await model.generate(request(2))
        await model.close()
        return reply

    assert asyncio.run(run()).text == "The answer is 42."
