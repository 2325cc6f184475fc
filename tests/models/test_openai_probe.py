"""What servers tell of themselves, and how they are found to behave."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from slipstick.commands.doctor import examine
from slipstick.errors import ModelError, RecipeError
from slipstick.models import ModelSettings
from slipstick.models.fake import FakeModel
from slipstick.models.openai import OpenAIModel
from slipstick.recipe import check_settings
from tests.models.scripted_server import Server, StartServer

COUNTED = "1 2 3 4 5 6 7 8 9"


def ask(*servers: Server, **settings: Any) -> dict[str, str]:
    async def run() -> dict[str, str]:
        known = ModelSettings(base_url=[server.url for server in servers], **settings)
        model = OpenAIModel("abacus-7b", known, first_pause=0.01)
        try:
            return await model.describe()
        finally:
            await model.close()

    return asyncio.run(run())


def test_a_server_with_nothing_odd(server: Server) -> None:
    server.text = COUNTED
    assert ask(server) == {
        "server.limit": "max_tokens",
        "server.stop": "cut",
        "server.seed": "taken",
        "server.logprobs": "ignored",
        "server.usage": "given",
        "server.reasoning": "none",
        "server.tools": "not called",
    }


@pytest.mark.parametrize(
    ("obeys", "keeps", "said"), [(True, False, "cut"), (True, True, "left in"), (False, False, "ignored")]
)
@pytest.mark.parametrize("api", ["chat", "completions"])
def test_what_becomes_of_stop_strings(server: Server, api: str, obeys: bool, keeps: bool, said: str) -> None:
    server.text, server.obeys_stop, server.keeps_stop = COUNTED, obeys, keeps
    assert ask(server, api=api)["server.stop"] == said


def test_what_a_server_refuses_is_found_and_sent_otherwise(server: Server) -> None:
    server.refuses = {
        "max_tokens": "Use 'max_completion_tokens' instead.",
        "stop": "Unsupported parameter: stop",
        "seed": "seed is not permitted",
        "logprobs": "no logprobs here",
        "tools": '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
    }
    server.usage = None
    found = ask(server)
    assert found["server.limit"] == "max_completion_tokens"
    assert found["server.stop"] == "refused"
    assert found["server.seed"].startswith("refused")
    assert found["server.logprobs"] == "refused"
    assert found["server.usage"].startswith("missing")
    assert found["server.tools"].startswith("refused: ") and "--tool-call-parser" in found["server.tools"]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"tool_calls": [{"function": {"name": "python", "arguments": '{"code": "6*7"}'}}]}, "called"),
        ({"content": '<tool_call>{"name": "python", "arguments": {"code": "6*7"}}'}, "called in the text only"),
    ],
)
def test_whether_tools_are_called(server: Server, message: dict[str, Any], said: str) -> None:
    server.messages = [{"content": COUNTED, "reasoning": "Count."}, message]
    found = ask(server)
    assert (found["server.tools"], found["server.reasoning"]) == (said, "beside the text")


def test_a_server_that_repeats_the_prompt_is_found_out(server: Server) -> None:
    assert "server.prompt" not in ask(server)
    server.messages = [{"content": f"user: {server.bodies[0]['messages'][0]['content']} 4 5"}]
    server.obeys_stop = False
    assert ask(server)["server.prompt"] == "repeated in the answer"


def test_the_facts_on_a_servers_pages_are_told(server: Server) -> None:
    card = {"id": "abacus-7b", "root": "org/abacus-7b", "max_model_len": 4096, "permission": [{"id": "x"}]}
    server.pages = {
        "/v1/models": {"data": [{"id": "other", "max_model_len": 1}, card]},
        "/version": {"version": "0.9.1"},
        "/props": {"total_slots": 4, "default_generation_settings": {"n_ctx": 2048, "params": {"seed": 1}}},
        "/get_server_info": {"dtype": "bfloat16", "api_key": "secret", "rope_theta": 1000000.0},
    }
    found = {key.removeprefix("server."): value for key, value in ask(server, price_in=1, price_out=2).items()}
    assert {key: found[key] for key in ("root", "max_model_len", "version", "total_slots", "n_ctx")} == {
        "root": "org/abacus-7b",
        "max_model_len": "4096",
        "version": "0.9.1",
        "total_slots": "4",
        "n_ctx": "2048",
    }
    assert (found["dtype"], found["rope_theta"]) == ("bfloat16", "1000000.0")
    assert found["price"] == "$1 in, $1 cached, $2 out a million tokens"
    assert "secret" not in str(found)


def test_what_differs_between_servers_stands_side_by_side(start_server: StartServer) -> None:
    one, two = start_server(Server), start_server(Server)
    two.pages = {"/v1/models": {"data": [{"id": "abacus-7b", "max_model_len": 4096}]}}
    two.text = COUNTED
    found = ask(one, two)
    assert found["server.max_model_len"] == "? | 4096"
    assert found["server.usage"] == "given"


def test_a_server_that_is_not_there_stops_the_run_unless_another_is(start_server: StartServer) -> None:
    good, gone = start_server(Server), start_server(Server)
    gone.stop()
    assert "Connection" in ask(good, gone)["server.probe"]
    with pytest.raises(ModelError, match="cannot be reached"):
        ask(gone)


def test_doctor_shows_what_was_found(server: Server) -> None:
    found = dict(examine(["model=openai:abacus-7b", f"base_url={server.url}"]))
    assert found["model"] == "abacus-7b opens"
    assert found["server.limit"] == "max_tokens"
    server.stop()
    assert "does not answer" in dict(examine(["model=openai:abacus-7b", f"base_url={server.url}"]))["model"]


def test_a_model_that_is_not_listed_has_no_facts_of_another(server: Server) -> None:
    server.pages = {"/v1/models": {"data": [{"id": "abacus-7b", "max_model_len": 4096}, {"id": "b"}]}}
    found = dict(examine(["model=openai:other", f"base_url={server.url}"]))
    assert found["model"] == "other opens, but other is not among those listed: abacus-7b, b"
    assert "server.max_model_len" not in found


def test_a_model_that_tells_nothing_has_no_facts() -> None:
    assert asyncio.run(FakeModel({}).describe()) == {}


def test_an_address_with_a_password_is_refused() -> None:
    address = "http://me:hidden@127.0.0.1:8000/v1"
    with pytest.raises(RecipeError, match="OPENAI_BASE_URL"):
        check_settings({}, ModelSettings, overrides=[f"base_url={address}"])
    with pytest.raises(RecipeError, match="OPENAI_BASE_URL"):
        check_settings({}, ModelSettings, overrides=[f'base_url=["http://127.0.0.1:1/v1?at=@", "{address}"]'])
    with pytest.raises(RecipeError, match="OPENAI_API_KEY"):
        check_settings({}, ModelSettings, overrides=['base_url="http://127.0.0.1:1/v1?api_key=hidden"'])
    with pytest.raises(RecipeError, match="set OPENAI_API_KEY in the environment"):
        check_settings({}, ModelSettings, overrides=["api_key=hidden"])
    assert check_settings({}, ModelSettings, overrides=["base_url=http://127.0.0.1:1/v1?at=@"]).base_url
