"""Requests that go in batches: nothing is lost and nothing paid for twice, whatever the provider does."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.batch import run
from benchmarks.batch_provider import FAULTS, Provider

from slipstick.commands.solve_recipe import SolveRecipe
from slipstick.errors import ModelError
from slipstick.formats import load_format, render_chat, tool_schema
from slipstick.models import ModelSettings, Reply, Request, Sampling, open_model
from slipstick.models.openai import OpenAIModel
from slipstick.models.openai.batch_api import AnthropicBatches, BatchAPI, BatchResult, OpenAIBatches
from slipstick.models.openai.failures import RequestFailure
from slipstick.models.openai.messages import from_message, to_messages
from slipstick.models.openai.prices import find_price
from slipstick.schema import Block, Code, Output, Problem, Text

APIS = ("chat", "messages")


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("OPENAI_API_KEY", "secret-of-openai")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret-of-anthropic")
    made = Provider(seconds=0.1)
    yield made
    made.stop()


def model_at(provider: Provider, api: str, **settings: Any) -> OpenAIModel:
    told = {"mode": "batch", "batch_wait": 0.1, "base_url": provider.url, "price_in": 1.0, "price_out": 2.0, **settings}
    return OpenAIModel("m", ModelSettings(api=api, **told), first_pause=0.01)


def request(number: int) -> Request:
    problem = Problem(id=f"p/{number}", text=f"[#{number}] What is {number} + {number}?")
    return Request(
        problem=problem, format=load_format("cot"), sample=0, turn=0, blocks=[], sampling=Sampling(seed=number)
    )


async def replies(model: OpenAIModel, folder: Path, count: int) -> list[Reply]:
    try:
        await model.keep_in(folder)
        return await asyncio.gather(*(model.generate(request(number)) for number in range(count)))
    finally:
        await model.close()


def test_a_run_that_is_killed_loses_nothing_and_pays_for_nothing_twice(tmp_path: Path) -> None:
    found = run(tmp_path, requests=60, kills=1, size=6, wait=0.2)
    assert (found["lost"], found["paid"], found["paid_twice"], found["kills"]) == (0, 60, 0, 1), found
    assert set(found["faults"]) == set(FAULTS)
    assert found["cost"] == pytest.approx(0.5 * 60 * (10 * 1 + 20 * 2) / 1e6)


@pytest.mark.parametrize("api", APIS)
def test_requests_that_come_together_go_in_one_batch(provider: Provider, api: str, tmp_path: Path) -> None:
    found = asyncio.run(replies(model_at(provider, api), tmp_path, 20))
    assert [reply.text.endswith(f"\\boxed{{{2 * number}}}.") for number, reply in enumerate(found)] == [True] * 20
    assert {(reply.tokens, reply.prompt_tokens) for reply in found} == {(20, 10)}
    assert [reply.cost for reply in found] == [pytest.approx(0.5 * (10 * 1 + 20 * 2) / 1e6)] * 20
    assert len(provider.batches) == 1 and sum(provider.billed.values()) == 20 and not provider.bodies


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "none"])
@pytest.mark.parametrize("api", APIS)
def test_whatever_happens_to_a_batch_is_made_up_for(api: str, fault: str, tmp_path: Path) -> None:
    provider = Provider(seconds=0.1, faults=[fault, "none"])
    try:
        found = asyncio.run(replies(model_at(provider, api), tmp_path, 8))
    finally:
        provider.stop()
    assert [reply.finish for reply in found] == ["stop"] * 8, found
    assert sum(provider.billed.values()) == 8 and provider.paid_twice == 0


@pytest.mark.parametrize("api", APIS)
def test_a_batch_whose_id_was_never_told_is_found_again(provider: Provider, api: str, tmp_path: Path) -> None:
    provider.create([], {})
    created = threading.Event()

    def cut(event: str) -> bool:
        if event == "created":
            created.set()
        return event == "created"

    provider.happens = cut

    async def killed() -> None:
        model = model_at(provider, api)
        await model.keep_in(tmp_path)
        asked = [asyncio.create_task(model.generate(request(number))) for number in range(5)]
        assert await asyncio.to_thread(created.wait, 30)
        assert model.progress() == "batch 1 of 1: 0 of 5 done"
        for task in asked:
            task.cancel()
        await model.close()

    asyncio.run(killed())
    assert json.loads((tmp_path / "batches" / "1.json").read_text())["state"] == "prepared"
    assert len(asyncio.run(replies(model_at(provider, api), tmp_path, 5))) == 5
    assert len(provider.batches) == 2 and sum(provider.billed.values()) == 5 and provider.paid_twice == 0


def test_what_was_fetched_is_not_asked_for_again(provider: Provider, tmp_path: Path) -> None:
    first = asyncio.run(replies(model_at(provider, "chat"), tmp_path, 3))
    assert asyncio.run(replies(model_at(provider, "chat"), tmp_path, 3)) == first
    asyncio.run(replies(model_at(provider, "chat"), tmp_path, 4))
    assert len(provider.batches) == 2 and sum(provider.billed.values()) == 4


def test_a_provider_that_refuses_batches_ends_the_run_with_its_words(tmp_path: Path, provider: Provider) -> None:
    with pytest.raises(ModelError, match=r'refuses a batch: set mode = "live".*no such path'):
        asyncio.run(replies(model_at(provider, "chat", base_url=provider.url + "/nowhere"), tmp_path, 1))


def test_batches_need_a_run_and_one_address(provider: Provider) -> None:
    with pytest.raises(ModelError, match="needs a run"):
        asyncio.run(model_at(provider, "chat").generate(request(1)))
    with pytest.raises(ModelError, match="takes one base_url"):
        model_at(provider, "chat", base_url=["http://localhost:1/v1", "http://localhost:2/v1"])
    with pytest.raises(ModelError, match='hf: has no mode = "batch"'):
        open_model("hf:nowhere", ModelSettings(mode="batch"))


def test_batches_cost_half_and_as_many_solutions_run_as_fill_one() -> None:
    live = find_price("gpt-5", "https://api.openai.com/v1", ModelSettings())
    batch = find_price("gpt-5", "https://api.openai.com/v1", ModelSettings(mode="batch"))
    assert (
        live
        and batch
        and (batch.input, batch.cached, batch.output)
        == (
            live.input / 2,
            live.cached / 2,
            live.output / 2,
        )
    )
    recipe: dict[str, Any] = {"model": "openai:m", "formats": ["cot"], "problems": ["x"], "mode": "batch"}
    assert SolveRecipe.model_validate(recipe).max_concurrent_solutions == 50_000
    assert SolveRecipe.model_validate({**recipe, "max_concurrent_solutions": 9}).max_concurrent_solutions == 9


def test_a_live_request_has_anthropics_headers_and_body(provider: Provider) -> None:
    model = model_at(provider, "messages", mode="live", extra_body={"thinking": {"type": "disabled"}})

    async def work() -> Reply:
        try:
            return await model.generate(request(4))
        finally:
            await model.close()

    assert asyncio.run(work()).text.endswith("\\boxed{8}.")
    assert provider.headers["x-api-key"] == "secret-of-anthropic" and "anthropic-version" in provider.headers
    assert "authorization" not in provider.headers
    body = provider.bodies[0]
    assert set(body) == {"model", "system", "messages", "max_tokens", "temperature", "stop_sequences", "thinking"}
    assert [turn["role"] for turn in body["messages"]] == ["user"]


def test_calls_and_their_results_are_parts_of_messages() -> None:
    format = load_format("tools")
    blocks: list[Block] = [Text(text="First."), Code(text="6*7"), Output(text="42")]
    messages = render_chat(format, Problem(id="p", text="6 times 7?"), blocks)
    body = to_messages(
        {"model": "m", "messages": messages, "tools": [tool_schema("python")], "stop": ["\n\n", "END"], "top_p": 0.9}
    )
    called, result = body["messages"][-2:]
    assert called["content"][1] == {"type": "tool_use", "id": "call00000", "name": "python", "input": {"code": "6*7"}}
    assert result == {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "call00000", "content": "42"}],
    }
    assert body["stop_sequences"] == ["END"] and body["top_p"] == 0.9 and "seed" not in body
    assert body["tools"][0]["input_schema"]["required"] == ["code"]

    parts = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "So:"}, called["content"][1]]
    told = {"input_tokens": 3, "cache_read_input_tokens": 5, "output_tokens": 7}
    answer = from_message({"content": parts, "stop_reason": "tool_use", "usage": told})
    assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == {"code": "6*7"}
    assert answer["usage"]["prompt_tokens"] == 8 and answer["usage"]["prompt_tokens_details"]["cached_tokens"] == 5


def test_results_that_are_no_answers_say_why() -> None:
    expired = {"custom_id": "a", "response": None, "error": {"code": "batch_expired", "message": "too late"}}
    refusal = {"error": {"message": "no such parameter", "param": "top_k"}}
    refused = {"custom_id": "b", "response": {"status_code": 400, "body": refusal}, "error": None}
    wrong = {"type": "error", "error": {"type": "invalid_request_error", "message": "max_tokens"}}
    late = {"custom_id": "c", "result": {"type": "expired"}}
    errored = {"custom_id": "d", "result": {"type": "errored", "error": wrong}}

    class Connection:
        async def lines(self, address: str) -> AsyncIterator[str]:
            for row in (expired, refused) if address == "openai" else (late, errored):
                yield json.dumps(row)
            for line in ("{half a li", '{"no": "id"}', "7"):
                yield line

    async def results(api: BatchAPI, file: str) -> list[BatchResult]:
        return [result async for result in api.results(file)]

    connection: Any = Connection()
    assert asyncio.run(results(OpenAIBatches(connection, "/chat/completions"), "openai")) == [
        BatchResult("a", None, 0, "too late", None),
        BatchResult("b", None, 400, "no such parameter", "top_k"),
    ]
    assert asyncio.run(results(AnthropicBatches(connection), "anthropic")) == [
        BatchResult("c", None, 0, "expired"),
        BatchResult("d", None, 400, "max_tokens"),
    ]


def test_a_failure_of_the_list_is_waited_out(provider: Provider) -> None:
    class Connection:
        async def fetch(self, address: str, query: object = None) -> Any:
            page = {"id": "other", "processing_status": "in_progress", "created_at": "2030-01-01T00:00:00Z"}
            return {"data": [{**page, "request_counts": {"processing": 1}}], "has_more": False}

    batches = AnthropicBatches(Connection())  # type: ignore[arg-type]
    with pytest.raises(RequestFailure, match="may be a batch of this run"):
        asyncio.run(batches.find("mark", {"key"}, since=0.0, known=()))
    assert asyncio.run(batches.find("mark", {"key"}, since=0.0, known={"other"})) is None


def test_ctrl_c_leaves_the_batches_running_and_says_so(tmp_path: Path, provider: Provider) -> None:
    provider.batches.clear()
    (tmp_path / "sums.jsonl").write_text(json.dumps({"id": "p/1", "question": "[#1] What is 1 + 1?", "answer": "2"}))
    told = ["model=openai:m", f"base_url={provider.url}", "mode=batch", "batch_wait=0.5", "formats=cot"]
    command = [sys.executable, "-m", "slipstick", "solve", "sums.jsonl", "--out", "run"]
    command += [word for each in told for word in ("--set", each)]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def interrupt(event: str) -> bool:
        if event == "looked at":
            next(iter(provider.batches.values())).ends += 1e6
            os.kill(process.pid, signal.SIGINT)
        return False

    provider.happens = interrupt
    said = process.communicate(timeout=120)[0]
    assert "batch 1 of 1: 0 of 1 done. What was submitted goes on at the provider" in said, said
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["status"] == "stopped" and record["recipe"]["mode"] == "batch"
    assert json.loads((tmp_path / "run" / "batches" / "1.json").read_text())["state"] == "submitted"
