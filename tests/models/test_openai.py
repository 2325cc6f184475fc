"""The client against a real server on this machine that speaks both endpoints and fails as it is told to."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from slipstick.errors import ModelError
from slipstick.formats import Format, load_format
from slipstick.models import ModelSettings, Reply, Request, Sampling, open_model
from slipstick.models.openai import OpenAIModel
from slipstick.models.openai.prices import Price, find_price
from slipstick.schema import Block, Code, Output, Problem, Text
from tests.models.scripted_server import Server, busy

PROBLEM = Problem(id="p/1", text="What is 6 times 7?")
TIR = load_format("tir")


def ask(
    server: Server,
    *,
    format: Format = TIR,
    blocks: list[Block] | None = None,
    api: str = "chat",
    times: int = 1,
    retries: int = 2,
    sampling: Sampling | None = None,
    **settings: Any,
) -> list[Reply]:
    """The replies to the same request, sent `times` times at once."""
    request = Request(
        problem=PROBLEM, format=format, sample=0, turn=0, blocks=blocks or [], sampling=sampling or Sampling(seed=3)
    )

    async def run() -> list[Reply]:
        known = ModelSettings(base_url=server.url, api=api, **settings)
        model = OpenAIModel("abacus-7b", known, max_retries=retries, first_pause=0.01)
        try:
            return await asyncio.gather(*(model.generate(request) for _ in range(times)))
        finally:
            await model.close()

    return asyncio.run(run())


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_a_reply_has_text_tokens_and_finish(server: Server, api: str) -> None:
    assert ask(server, api=api) == [Reply(text="The answer is 42.", tokens=7, prompt_tokens=5)]


def test_chat_sends_messages_sampling_and_stop_strings(server: Server) -> None:
    blocks: list[Block] = [Text(text="So\n"), Code(text="6*7"), Output(text="42")]
    ask(server, blocks=blocks, sampling=Sampling(temperature=0.5, top_p=0.9, max_tokens=100, seed=11))
    body = server.bodies[0]
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "user"]
    drawn = {key: body[key] for key in ("model", "temperature", "top_p", "max_tokens", "seed", "stop")}
    assert drawn == {
        "model": "abacus-7b",
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 100,
        "seed": 11,
        "stop": ["\n```\n", "### Instruction"],
    }
    assert "n" not in body


def test_completions_sends_the_prompt_with_what_was_written(server: Server) -> None:
    ask(server, api="completions", blocks=[Code(text="6*7"), Output(text="42")])
    prompt = server.bodies[0]["prompt"]
    assert prompt.endswith("### Response:```python\n6*7\n```\n```output\n42\n```\n")
    assert PROBLEM.text in prompt


@pytest.mark.parametrize("api", ["chat", "completions"])
@pytest.mark.parametrize(
    ("obeys_stop", "keeps_stop"), [(True, False), (True, True), (False, False)], ids=["cuts", "keeps it", "ignores it"]
)
def test_a_turn_ends_with_its_first_code_block(server: Server, api: str, obeys_stop: bool, keeps_stop: bool) -> None:
    server.text = "Compute.\n```python\nprint(6*7)\n```\n```output\n41\n```\nSo 41.\n### Instruction more"
    server.obeys_stop, server.keeps_stop = obeys_stop, keeps_stop
    assert ask(server, api=api)[0].text == "Compute.\n```python\nprint(6*7)\n```\n"


def test_tokens_running_out_is_length(server: Server) -> None:
    server.text, server.finish = "```python\nprint(6", "length"
    assert ask(server) == [Reply(text="```python\nprint(6", finish="length", tokens=7, prompt_tokens=5)]


@pytest.mark.parametrize(
    "fault",
    [busy(), (500, {"error": {"message": "oops"}}, {"retry_after_ms": "5"}), (503, "<html>", {}), "cut", "cut midway"],
    ids=["429", "500", "503 html", "cut", "cut midway"],
)
def test_a_passing_fault_is_asked_again(server: Server, fault: object) -> None:
    server.faults = [fault]
    assert ask(server)[0].text == "The answer is 42."
    assert len(server.bodies) == 2


def test_a_lasting_fault_is_a_reply_that_says_why(server: Server) -> None:
    server.faults = [busy(), busy(), busy()]
    reply = ask(server)[0]
    assert (reply.finish, reply.text) == ("error", "")
    assert "slow down" in reply.error
    assert len(server.bodies) == 3


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ((200, '{"choices": [', {}), "JSON"),
        ((200, "<html>hello</html>", {"Content_Type": "text/html"}), "not a completion"),
        ((200, {"object": "chat.completion"}, {}), "choices: Field required"),
        ((200, {"choices": [{"message": None}]}, {}), "choices.0.message"),
        ((200, {"choices": []}, {}), "choices: List should have at least 1 item"),
        ((200, "[1, 2]", {}), "not a completion"),
        ((200, {"choices": [{"finish_reason": "content_filter", "message": {"content": None}}]}, {}), "filter"),
        ((400, {"error": {"message": "prompt too long"}}, {}), "prompt too long"),
    ],
    ids=["half", "html", "no choices", "no message", "empty choices", "array", "filtered", "bad request"],
)
def test_an_answer_that_is_none_is_a_reply_that_says_why(server: Server, fault: object, said: str) -> None:
    server.faults = [fault] * 3
    reply = ask(server)[0]
    assert reply.finish == "error"
    assert said in reply.error


def test_a_server_that_is_too_slow_is_a_reply_that_says_why(server: Server) -> None:
    server.seconds = 0.5
    reply = ask(server, retries=0, request_timeout=0.1)[0]
    assert reply.finish == "error"
    assert "request_timeout" in reply.error


def test_an_empty_answer_is_an_empty_text(server: Server) -> None:
    server.faults = [(200, {"choices": [{"finish_reason": "length", "message": {"content": None}}]}, {})]
    assert ask(server) == [Reply(text="", finish="length")]


def test_a_refused_key_stops_the_run(server: Server) -> None:
    server.faults = [(401, {"error": {"message": "no such key"}}, {})]
    with pytest.raises(ModelError, match="OPENAI_API_KEY") as caught:
        ask(server)
    assert server.url in str(caught.value)


def test_an_unknown_model_stops_the_run_and_lists_what_is_served(server: Server) -> None:
    server.faults = [(404, {"error": {"message": "no model"}}, {})]
    with pytest.raises(ModelError, match="it serves abacus-7b"):
        ask(server)


def test_a_server_that_is_not_there_stops_the_run(server: Server) -> None:
    server.url = "http://127.0.0.1:9/v1"
    with pytest.raises(ModelError, match=r"http://127.0.0.1:9/v1 cannot be reached: is the server running"):
        ask(server, retries=0)


def test_after_an_answer_no_fault_stops_the_run(server: Server) -> None:
    async def run() -> list[Reply]:
        model = OpenAIModel("abacus-7b", ModelSettings(base_url=server.url), max_retries=0)
        request = Request(problem=PROBLEM, format=TIR, sample=0, turn=0, blocks=[], sampling=Sampling())
        replies = [await model.generate(request)]
        for fault in [(401, {"error": {"message": "expired"}}, {}), (404, {}, {}), "cut"]:
            server.faults = [fault]
            replies.append(await model.generate(request))
        await model.close()
        return replies

    assert [reply.finish for reply in asyncio.run(run())] == ["stop", "error", "error", "error"]


def test_no_more_requests_at_once_than_asked_for(server: Server) -> None:
    server.seconds = 0.02
    assert len(ask(server, times=9, max_concurrent_requests=3)) == 9
    assert 1 <= server.most_at_once <= 3


def test_a_reasoning_model_is_asked_in_its_own_parameters(server: Server) -> None:
    def refuse(param: str, hint: str = "") -> tuple[int, dict[str, Any], dict[str, str]]:
        message = f"Unsupported parameter: '{param}'. {hint}"
        return 400, {"error": {"message": message, "param": param, "code": "unsupported_parameter"}}, {}

    server.faults = [refuse("max_tokens", "Use 'max_completion_tokens' instead."), refuse("stop")]
    assert ask(server)[0].text == "The answer is 42."
    assert "max_completion_tokens" in server.bodies[-1]
    assert not {"max_tokens", "stop"} & server.bodies[-1].keys()


def test_a_parameter_that_changes_the_result_is_never_left_out(server: Server) -> None:
    server.faults = [(400, {"error": {"message": "no temperature here", "param": "temperature"}}, {})]
    assert "no temperature here" in ask(server)[0].error


def test_the_address_may_come_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    assert OpenAIModel("abacus-7b", ModelSettings()).base_urls == [server.url]


def test_a_missing_key_name_or_endpoint_is_said_before_anything_is_sent(server: Server) -> None:
    with pytest.raises(ModelError, match="set OPENAI_API_KEY"):
        open_model("openai:gpt-4o")
    with pytest.raises(ModelError, match="openai:NAME"):
        open_model("openai")
    with pytest.raises(ModelError, match="did you mean `chat`"):
        open_model("openai:gpt-4o", ModelSettings(api="chta"))


def test_a_request_that_hangs_is_asked_again_when_its_time_is_up(server: Server) -> None:
    server.faults = ["hang"]
    assert ask(server, request_timeout=1)[0].text == "The answer is 42."
    assert len(server.bodies) == 2


def test_an_answer_that_is_no_completion_is_asked_again(server: Server) -> None:
    server.faults = [(200, '{"choices": [', {}), (200, {"error": {"message": "overloaded"}}, {})]
    assert ask(server)[0].text == "The answer is 42."


def test_errors_only_stop_the_run_before_it_has_begun(server: Server) -> None:
    server.faults = [(500, {"error": {"message": "out of memory"}}, {})] * 3
    with pytest.raises(ModelError, match=r"answers with errors.*out of memory"):
        ask(server)


def test_credit_that_is_used_up_stops_the_run(server: Server) -> None:
    server.faults = [(429, {"error": {"message": "pay", "code": "insufficient_quota"}}, {})]
    with pytest.raises(ModelError, match="no credit is left"):
        ask(server)


def test_of_many_requests_none_is_lost_and_none_is_doubled(server: Server) -> None:
    faults = ["cut", busy(), (500, "", {}), (200, "<html>", {}), "cut midway", (503, "", {"retry_after": "0"})]
    server.faults = [None, *faults, None, None, *faults]
    replies = ask(server, times=40, retries=5)
    assert [reply.text for reply in replies] == ["The answer is 42."] * 40
    assert len(server.bodies) == 40 + 2 * len(faults)


def test_a_server_that_refuses_what_it_has_no_room_for_gets_less_and_answers_all(server: Server) -> None:
    server.room, server.seconds = 3, 0.002
    replies = ask(server, times=60, retries=5)
    assert [reply.finish for reply in replies] == ["stop"] * 60
    assert len(server.bodies) < 4 * 60


def test_a_parameter_that_was_not_the_reason_is_sent_again(server: Server) -> None:
    async def run() -> list[Reply]:
        model = OpenAIModel("abacus-7b", ModelSettings(base_url=server.url))
        request = Request(problem=PROBLEM, format=TIR, sample=0, turn=0, blocks=[], sampling=Sampling(seed=3))
        replies = [await model.generate(request) for _ in range(2)]
        await model.close()
        return replies

    server.faults = [(400, {"error": {"message": "too long: {'seed': 3, 'stop': []}"}}, {})] * 3
    assert [reply.finish for reply in asyncio.run(run())] == ["error", "stop"]
    assert {"seed", "stop"} <= server.bodies[-1].keys()


def test_a_server_without_a_parser_for_tool_calls_stops_the_run(server: Server) -> None:
    server.refuses = {"tools": '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'}
    with pytest.raises(ModelError, match=r"gives models no tools.*or set formats = \[\"tir\"\]"):
        ask(server, format=load_format("tools"))


def test_a_refused_seed_is_left_out(server: Server) -> None:
    server.refuses = {"seed": "Extra inputs are not permitted: seed"}
    assert ask(server, times=1)[0].text == "The answer is 42."
    assert "seed" not in server.bodies[-1]


@pytest.mark.parametrize(
    "message",
    [
        {"reasoning_content": "6*7 is 42.", "content": "42"},
        {"reasoning": "6*7 is 42.", "content": "42"},
        {"content": [{"type": "thinking", "thinking": "6*7 is 42."}, {"type": "text", "text": "42"}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "6*7 is 42."}]}, {"text": "42"}]},
    ],
    ids=["reasoning_content", "reasoning", "parts", "parts of parts"],
)
def test_reasoning_beside_the_text_is_told_apart(server: Server, message: dict[str, Any]) -> None:
    server.messages = [message]
    reply = ask(server)[0]
    assert (reply.text, reply.reasoning) == ("42", "6*7 is 42.")


def test_tokens_cost_what_the_recipe_says(server: Server) -> None:
    server.usage = {
        "prompt_tokens": 2_000_000,
        "completion_tokens": 1_000_000,
        "prompt_tokens_details": {"cached_tokens": 10},
    }
    reply = ask(server, price_in=0.5, price_out=3)[0]
    assert (reply.prompt_tokens, reply.tokens, reply.cost) == (2_000_000, 1_000_000, 4.0)
    assert ask(server)[0].cost == 0


@pytest.mark.parametrize(
    ("model", "address", "dollars"),
    [
        ("gpt-4o", "https://api.openai.com/v1", 2.5 + 10),
        ("gpt-4o-2024-11-20", "https://api.openai.com/v1", 2.5 + 10),
        ("gpt-4o-mini", "https://api.openai.com/v1", 0.15 + 0.6),
        ("gpt-4o", "http://localhost:8000/v1", None),
        ("gpt-4o-of-mine", "https://api.openai.com/v1", None),
    ],
)
def test_well_known_models_have_a_price_at_their_own_server_only(model: str, address: str, dollars: float) -> None:
    price = find_price(model, address, ModelSettings())
    assert (price and price.cost(prompt=10**6, cached=0, completion=10**6)) == dollars


def test_cached_tokens_cost_less() -> None:
    price = Price(input=2, cached=1, output=0)
    assert price.cost(prompt=1000, cached=500, completion=0) == 0.0015
