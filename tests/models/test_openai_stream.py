"""Replies that come in pieces: the same as whole ones, asked for again if they break off; servers that have none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from benchmarks import long_replies

from slipstick.errors import ModelError
from slipstick.formats import load_format
from slipstick.models import ModelSettings, Reply, Request, Sampling
from slipstick.models.openai import OpenAIModel
from slipstick.models.openai.streaming import read_stream
from slipstick.schema import Problem
from tests.models.events import DONE, event
from tests.models.scripted_server import Server
from tests.models.test_thought_dialects import COUNTED, DIALECTS, OPENED_BY_THE_PROMPT, SAID, Dialect, filled

PROBLEM = Problem(id="p/1", text="What is 6 times 7?", answer="42")
CALLS = [{"function": {"name": "python", "arguments": f'{{"code": "print({n}*7)"}}'}} for n in (6, 8)]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def ask(loop: asyncio.Runner, server: Server, *, format: str = "cot", **settings: Any) -> Reply:
    async def run() -> Reply:
        model = OpenAIModel(
            "abacus-7b",
            ModelSettings(**{"base_url": [server.url], "stream": True, **settings}),
            max_retries=2,
            first_pause=0.01,
        )
        try:
            return await model.generate(
                Request(problem=PROBLEM, format=load_format(format), sample=0, turn=0, blocks=[], sampling=Sampling())
            )
        finally:
            await model.close()

    return loop.run(run())


def said(text: str, **choice: Any) -> str:
    return event({"choices": [{"index": 0, "delta": {"content": text}, **choice}]})


LAST = said("", finish_reason="stop")
CASES = [(dialect, end) for dialect in (*DIALECTS, *OPENED_BY_THE_PROMPT) for end in ("ended", "endless")]


@pytest.mark.parametrize(("dialect", "end"), CASES, ids=[f"{dialect.name} {end}" for dialect, end in CASES])
def test_a_reply_in_pieces_is_the_whole_one(loop: asyncio.Runner, server: Server, dialect: Dialect, end: str) -> None:
    server.obeys_stop, server.usage = False, COUNTED
    server.messages = [filled(dialect.ended if end == "ended" else dialect.endless, SAID["tir"])] * 4
    whole, streamed = (ask(loop, server, format="tir", stream=stream) for stream in (False, True))
    assert streamed == whole and whole.tokens
    assert "stream" not in server.bodies[0] and server.bodies[-1]["stream_options"] == {"include_usage": True}


def test_calls_in_pieces_are_the_whole_ones(loop: asyncio.Runner, server: Server) -> None:
    server.messages = [{"reasoning": "Hm.", "content": None, "tool_calls": CALLS}] * 2
    whole, streamed = (ask(loop, server, format="tools", stream=stream) for stream in (False, True))
    assert streamed == whole and whole.calls == ["print(6*7)", "print(8*7)"]


@pytest.mark.parametrize(
    "pieces",
    [
        [{"index": 0, **CALLS[0], "id": "a"}, {"index": 0, **CALLS[1], "id": "b"}],
        [{**CALLS[0], "id": "a"}, {**CALLS[1], "id": "b"}],
        [
            {"index": place, "id": f"{place}{part}", "function": {"name": name, "arguments": text}}
            for place, call in enumerate(CALLS)
            for part, (name, text) in enumerate([("python", ""), (None, call["function"]["arguments"])])
        ],
        [
            {"index": place, "id": f"{place}", "function": {"name": "python", "arguments": text}}
            for place, call in enumerate(CALLS)
            for text in (call["function"]["arguments"][:9], call["function"]["arguments"][9:])
        ],
    ],
    ids=["one index", "no index", "an id for each piece", "the name in each piece"],
)
def test_calls_are_told_apart(loop: asyncio.Runner, server: Server, pieces: list[dict[str, Any]]) -> None:
    chunks = [event({"choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]}) for piece in pieces]
    server.scripts = [[*chunks, said("", finish_reason="tool_calls"), DONE]]
    assert ask(loop, server, format="tools").calls == ["print(6*7)", "print(8*7)"]


def test_texts_and_parts_of_one_value_become_parts(loop: asyncio.Runner, server: Server) -> None:
    part = [{"type": "text", "text": " times seven"}]
    deltas: list[Any] = ["", "Si", "x", part, " is", None, " 42."]
    server.scripts = [[*(event({"choices": [{"index": 0, "delta": {"content": piece}}]}) for piece in deltas), LAST]]
    assert ask(loop, server).text == "Six times seven is 42."


def test_a_reply_of_many_pieces_is_read(loop: asyncio.Runner) -> None:
    """Each has its part of a call too; what a piece costs in replies of 2,000 and 30,000: `benchmarks.long_replies`."""
    response = long_replies.stream(500)
    message = json.loads(loop.run(read_stream(response, stall_timeout=60)))["choices"][0]["message"]
    assert message["content"] == long_replies.WORDS * 500
    assert message["tool_calls"][0]["function"]["arguments"] == long_replies.ARGUMENTS * 500


def test_a_text_that_is_continued_comes_in_pieces_too(loop: asyncio.Runner, server: Server) -> None:
    server.text = "Six times seven is 42."
    assert ask(loop, server, api="completions").text == server.text


@pytest.mark.parametrize(
    "script",
    [
        [said("It is 42."), LAST],
        [said("It is "), said("42."), DONE],
        [": ping\n\n", "event: ping\ndata:\n\n", "id: 7\nretry: 10\n" + said("It is 42."), LAST, DONE],
        [said("It is 42.").replace("\n", "\r\n"), LAST, DONE],
        ["data:" + said("It is 42.").removeprefix("data: "), LAST, DONE],
        [said("It is 42.")[:20], 0.01, said("It is 42.")[20:], LAST, DONE],
        [event({"choices": [], "prompt_filter_results": []}), said("It is 42."), LAST, DONE, 0.2, "data: more\n\n"],
        [event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": None}}]}), said("It is 42."), LAST],
    ],
    ids=["no end", "no reason", "pings", "CRLF", "no space", "a cut event", "filters, and more", "null"],
)
def test_streams_as_servers_have_them(loop: asyncio.Runner, server: Server, script: list[str | float]) -> None:
    server.scripts = [script]
    reply = ask(loop, server)
    assert (reply.text, reply.finish, len(server.bodies)) == ("It is 42.", "stop", 1)


OVERLOADED = {"error": {"message": "overloaded", "code": 503}}


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ([said("It is 4"), "cut"], "RemoteProtocolError"),
        ([said("It is 4")], "the stream ended before the answer did"),
        ([said("It is 4"), event(OVERLOADED)], "overloaded"),
        ([said("It is 4"), event({"error": "out of memory"})], "out of memory"),
        ([said("It is 4"), "event: error\n" + event({"message": "a worker died"})], "a worker died"),
        ([said("It is 4"), "data: <html>\n\n"], "no JSON: <html>"),
        ([said("It is 4"), event({"choices": [7]})], "no piece of an answer"),
        ([said("It is 4"), event({"choices": [{"delta": {"content": 7}}]}), LAST], "no piece of an answer"),
        ([said("It is 4"), 30.0], "no byte for 1 s (stall_timeout)"),
    ],
    ids=[
        "cut",
        "no end",
        "overloaded",
        "an error",
        "an event of its own",
        "a page",
        "no choice",
        "no words",
        "a stall",
    ],
)
def test_a_stream_that_breaks_off_is_asked_for_again(
    loop: asyncio.Runner, server: Server, script: list[str | float], words: str
) -> None:
    server.scripts, server.text = [script], "It is 42."
    assert ask(loop, server, stall_timeout=1).text == "It is 42."
    assert len(server.bodies) == 2
    server.scripts = [[said("It is 42."), LAST, DONE], *[script] * 3]

    async def run() -> list[Reply]:
        settings = ModelSettings(base_url=[server.url], stream=True, stall_timeout=1)
        model = OpenAIModel("abacus-7b", settings, max_retries=1, first_pause=0.01)
        asked = Request(problem=PROBLEM, format=load_format("cot"), sample=0, turn=0, blocks=[], sampling=Sampling())
        try:
            return [await model.generate(asked) for _ in range(2)]
        finally:
            await model.close()

    good, bad = loop.run(run())
    assert good.text == "It is 42." and bad.finish == "error" and words in bad.error


def test_the_first_byte_may_take_longer_and_pings_are_bytes(loop: asyncio.Runner, server: Server) -> None:
    pings: list[str | float] = [": ping\n\n", 0.1] * 5
    server.scripts = [[0.6, *pings, said("It is 42."), LAST, DONE]]
    assert ask(loop, server, stall_timeout=0.4).text == "It is 42." and len(server.bodies) == 1


def test_a_request_that_is_rejected_in_its_stream_is_not_sent_again(loop: asyncio.Runner, server: Server) -> None:
    server.scripts = [[event({"error": {"message": "the prompt is too long", "code": 400}})]]
    with pytest.raises(ModelError, match="the prompt is too long"):
        ask(loop, server)
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("refused", "sent", "fact"),
    [
        ({}, [True], "given"),
        ({"stream_options": "Extra inputs are not permitted: stream_options"}, [True, True], "given"),
        ({"stream": "stream: not supported by this model"}, [True, None], "refused: replies come as a whole"),
        (None, [True], "ignored: replies come as a whole"),
    ],
    ids=["streams", "no stream_options", "refuses", "ignores"],
)
def test_a_server_that_does_not_stream_answers_and_doctor_says_so(
    loop: asyncio.Runner, server: Server, refused: dict[str, str] | None, sent: list[bool | None], fact: str
) -> None:
    server.streams, server.refuses = refused is not None, refused or {}
    assert ask(loop, server).text == "The answer is 42."
    assert [body.get("stream") for body in server.bodies] == sent

    async def described(stream: bool) -> dict[str, str]:
        model = OpenAIModel("abacus-7b", ModelSettings(base_url=[server.url], stream=stream))
        try:
            return await model.describe()
        finally:
            await model.close()

    assert loop.run(described(True))["server.stream"] == fact
    assert "server.stream" not in loop.run(described(False))


@pytest.mark.parametrize("other", [{"api": "messages"}, {"mode": "batch"}])
def test_what_cannot_stream_says_so(other: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="stream = true does not go with"):
        OpenAIModel("abacus-7b", ModelSettings(base_url=["http://127.0.0.1:1/v1"], stream=True, **other))


def test_a_connection_is_used_again(loop: asyncio.Runner, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        model = OpenAIModel("abacus-7b", ModelSettings(base_url=[server.url], stream=True))
        asked = Request(problem=PROBLEM, format=load_format("cot"), sample=0, turn=0, blocks=[], sampling=Sampling())
        for _ in range(4):
            assert (await model.generate(asked)).text == "The answer is 42."
        await model.close()

    monkeypatch.setattr(server.http.RequestHandlerClass, "protocol_version", "HTTP/1.1")
    loop.run(run())
    assert len(server.connections) == 1
