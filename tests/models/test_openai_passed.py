"""Settings that pass through to a server: sent as they are, named if refused, told if ignored, without secrets."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from slipstick.alarms import ignored_settings, read_alarms
from slipstick.commands import Invocation
from slipstick.commands.doctor import examine
from slipstick.commands.evaluate import run_evaluate
from slipstick.commands.solve import run_solve
from slipstick.errors import ModelError, RecipeError
from slipstick.models import ModelSettings, open_model
from slipstick.models.openai import OpenAIModel
from slipstick.models.passed import is_secret
from slipstick.recipe import check_settings
from slipstick.store import RunFolder
from tests.models.scripted_server import Server
from tests.models.test_openai import ask

GIVEN: dict[str, Any] = {
    "reasoning_effort": "high",
    "top_k": 40,
    "min_p": 0.1,
    "presence_penalty": 1.5,
    "chat_template_kwargs": {"enable_thinking": False},
}
SECRET = "a1b2c3d4e5f6g7h8i9j0"


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    path = tmp_path / "p.jsonl"
    path.write_text('{"id": "p/1", "text": "What is 6 times 7?", "answer": "42"}\n')
    return path


def describe(server: Server, **settings: Any) -> dict[str, str]:
    async def run() -> dict[str, str]:
        model = OpenAIModel("abacus-7b", ModelSettings(base_url=[server.url], **settings), first_pause=0.01)
        try:
            return await model.describe()
        finally:
            await model.close()

    return asyncio.run(run())


def test_every_request_has_them(server: Server) -> None:
    ask(server, **GIVEN, extra_body={"repetition_penalty": 1.1, "guided": {"x": [1]}})
    body = server.bodies[0]
    assert {name: body[name] for name in GIVEN} == GIVEN
    assert (body["repetition_penalty"], body["guided"]) == (1.1, {"x": [1]})
    ask(server)
    assert not (GIVEN.keys() | {"extra_body", "extra_headers"}) & server.bodies[-1].keys()


@pytest.mark.parametrize("name", ["messages", "temperature", "top_k", "stream", "n", "max_tokens"])
def test_what_slipstick_sets_itself_is_no_extra(name: str) -> None:
    with pytest.raises(RecipeError, match=name):
        check_settings({"extra_body": {name: 1}}, ModelSettings)


def test_a_chats_settings_are_refused_for_completions() -> None:
    for name in ("reasoning_effort", "chat_template_kwargs"):
        settings = ModelSettings(base_url=["http://127.0.0.1:1/v1"], api="completions", **{name: GIVEN[name]})
        with pytest.raises(ModelError, match=name):
            open_model("openai:m", settings)


@pytest.mark.parametrize(
    ("name", "settings", "said", "param"),
    [
        ("top_k", {"top_k": 5}, "Unrecognized request argument supplied: top_k", None),
        ("reasoning_effort", {"reasoning_effort": "huge"}, "Unsupported value", "reasoning_effort"),
        ("min_p", {"min_p": 0.5, "top_k": 5}, "[{'type': 'extra_forbidden', 'loc': ('body', 'min_p')}]", None),
        ("extra_body.guided_json", {"extra_body": {"guided_json": {}}}, "guided_json is not supported", None),
        ("chat_template_kwargs", {"chat_template_kwargs": {"a": 1}}, "bad", "chat_template_kwargs.a"),
    ],
)
def test_a_refused_setting_is_named(
    server: Server, name: str, settings: dict[str, Any], said: str, param: str | None
) -> None:
    server.refuses = {name.rpartition(".")[2]: said}
    server.params = {name.rpartition(".")[2]: param}
    with pytest.raises(ModelError, match=rf"refuses {re.escape(name)}: remove this setting"):
        ask(server, **settings)
    overrides = [f"{key}={json.dumps(value)}" for key, value in settings.items() if not isinstance(value, dict)]
    overrides += [
        f"{key}.{inner}={json.dumps(each)}"
        for key, value in settings.items()
        if isinstance(value, dict)
        for inner, each in value.items()
    ]
    found = dict(examine(["model=openai:abacus-7b", f"base_url={server.url}", *overrides]))
    assert f"refuses {name}" in found["model"]


class Sampler(Server):
    """A server that samples: another text each time, unless it takes a setting with which it cannot."""

    def __init__(self, takes: set[str]) -> None:
        super().__init__()
        self.takes = takes

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        taken = {name: body[name] for name in self.takes if name in body}
        narrow = taken.get("top_k") == 1 or taken.get("min_p") == 1.0
        self.text = f"{taken}" + (f" {len(self.bodies)}" if body["temperature"] and not narrow else "")
        return super().answer(body)


@pytest.mark.parametrize("takes", [set(), {*GIVEN, "guided"}], ids=["ignores all", "takes all"])
def test_what_a_server_does_with_them_is_found_out(takes: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = Sampler(takes)
    try:
        found = describe(server, **GIVEN, extra_body={"guided": True})
    finally:
        server.stop()
    said = {name: found[f"server.{name}"] for name in [*GIVEN, "extra_body.guided"]}
    if takes:
        assert set(said.values()) == {"taken"} and not list(ignored_settings(found))
        return
    assert {name: said.pop(name).partition(":")[0] for name in ("top_k", "min_p")} == dict.fromkeys(
        ("top_k", "min_p"), "ignored"
    )
    assert all(value.startswith("no effect seen") for value in said.values())
    assert len(list(ignored_settings(found))) == 6


def test_nothing_is_claimed_of_a_server_that_always_says_the_same(server: Server) -> None:
    assert describe(server, top_k=5)["server.top_k"].startswith("unknown")
    count = len(server.bodies)
    describe(server)
    assert len(server.bodies) == count + 2, "without such settings there are no more requests"


def test_the_run_says_what_is_ignored_and_has_no_secret(
    problems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_KEY", f" {SECRET}\n")
    server, out = Sampler(set()), tmp_path / "run"
    console = Console(record=True, width=200)
    changes = [f"problems={problems}", "model=openai:abacus-7b", f"base_url={server.url}", "top_k=5"]
    header = "extra_headers.X-Api-Key=${GATEWAY_KEY}"
    try:
        run_solve(Invocation("", out=out, overrides=[*changes, header]), console)
    finally:
        server.stop()
    assert {headers["x-api-key"] for headers in server.headers} == {SECRET}
    assert "top_k: ignored: with top_k = 1 samples differ" in console.export_text()
    run = RunFolder(out).run()
    assert run.recipe["extra_headers"] == {"X-Api-Key": "${GATEWAY_KEY}"} and run.recipe["top_k"] == 5
    assert run.versions["server.top_k"].startswith("ignored")
    assert not [path for path in out.rglob("*") if path.is_file() and SECRET in path.read_text("utf-8")]
    with pytest.raises(Exception, match="top_k: 5 then, 6 now"):
        run_solve(Invocation("", out=out, resume=True, overrides=[*changes, header, "top_k=6"]), Console(quiet=True))


def test_an_evaluation_has_alarms_for_what_is_ignored_and_for_words_in_place_of_programs(
    problems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = Sampler(set())
    changes = [f"problems={problems}", "model=openai:abacus-7b", f"base_url={server.url}", "top_k=5", "formats=tir"]
    try:
        run_evaluate(Invocation("", out=tmp_path / "run", overrides=changes), Console(quiet=True))
    finally:
        server.stop()
    assert {"ignored_settings", "without_program"} <= {alarm.name for alarm in read_alarms(tmp_path / "run")}


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "letmein"},
        {"X-Api-Key": "letmein"},
        {"apikey": "letmein"},
        {"Cookie": "letmein"},
        {"X-Anything": f"{SECRET}"},
        {"X-Anything": "sk-proj-letmeinletmein"},
        {"X-Anything": "Bearer letmein"},
        {"X-Anything": "123e4567-e89b-12d3-a456-426614174000"},
        {"Authorization": f"${{USER}} {SECRET}"},
    ],
)
def test_a_secret_in_a_recipe_is_refused_and_not_repeated(headers: dict[str, str]) -> None:
    with pytest.raises(RecipeError, match="environment variable") as caught:
        check_settings({"extra_headers": headers}, ModelSettings)
    assert "letmein" not in str(caught.value) and SECRET not in str(caught.value)


def test_a_secret_in_the_body_is_refused() -> None:
    for body in ({"api_key": "letmein"}, {"provider": {"key": "sk-letmeinletmein"}}):
        with pytest.raises(RecipeError, match="extra_headers") as caught:
            check_settings({"extra_body": body}, ModelSettings)
        assert "letmein" not in str(caught.value)


def test_other_headers_stand_in_the_record() -> None:
    headers = {"HTTP-Referer": "https://example.org/a", "X-Title": "slipstick", "x-portkey-provider": "openai"}
    headers |= {"anthropic-beta": "prompt-caching-2024-07-31", "Authorization": "Bearer ${TOKEN}"}
    assert check_settings({"extra_headers": headers}, ModelSettings).extra_headers == headers
    assert not is_secret("a plain sentence of words")


def test_a_variable_must_be_set_and_fit_a_header(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ModelSettings(base_url=["http://127.0.0.1:1/v1"], extra_headers={"X-Api-Key": "${NO_SUCH_KEY}"})
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(ModelError, match=r"environment variable NO_SUCH_KEY, which is not set"):
        open_model("openai:m", settings)
    monkeypatch.setenv("NO_SUCH_KEY", "letme\nin")
    with pytest.raises(ModelError, match="cannot have") as caught:
        open_model("openai:m", settings)
    assert "letme" not in str(caught.value)


def test_a_server_that_repeats_a_secret_does_not_bring_it_into_the_run(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_KEY", SECRET)
    server.faults = [(400, {"error": {"message": f"bad key {SECRET} {'x' * 400}"}}, {}), (200, f"<html>{SECRET}", {})]
    settings: dict[str, Any] = {"extra_headers": {"Authorization": "Bearer ${GATEWAY_KEY}"}}
    (failed,) = ask(server, retries=0, **settings)
    (broken,) = ask(server, retries=0, **settings)
    server.text = f"Your key is {SECRET}. The answer is 42."
    (reply,) = ask(server, **settings)
    assert "bad key ***" in failed.error and "<html>***" in broken.error and "is ***. The" in reply.text
    assert server.headers[0]["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    ("api", "header", "key", "sent"),
    [
        ("messages", "authorization", None, {"authorization": f"Bearer {SECRET}"}),
        ("messages", "X-Api-Key", None, {"x-api-key": f"Bearer {SECRET}"}),
        ("messages", "X-Api-Key", "ours", {"x-api-key": f"Bearer {SECRET}"}),
        ("messages", "Authorization", "ours", {"authorization": f"Bearer {SECRET}", "x-api-key": "ours"}),
        ("messages", "X-Title", None, {}),
        ("chat", "authorization", "ours", {"authorization": f"Bearer {SECRET}"}),
        ("chat", "api-key", None, {"api-key": f"Bearer {SECRET}"}),
        ("chat", "X-Title", "ours", {"authorization": "Bearer ours"}),
    ],
)
def test_a_key_is_sent_once_and_none_that_there_is_not(
    server: Server, monkeypatch: pytest.MonkeyPatch, api: str, header: str, key: str | None, sent: dict[str, str]
) -> None:
    monkeypatch.setenv("GATEWAY_KEY", SECRET)
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(variable, key) if key else monkeypatch.delenv(variable, raising=False)
    settings: dict[str, Any] = {"api": api, "extra_headers": {header: "Bearer ${GATEWAY_KEY}"}}
    for streams in (False, True)[: 1 if api == "messages" else 2]:
        with suppress(ModelError):  # of an answer that is no message
            ask(server, retries=0, stream=streams, **settings)

    async def get() -> None:
        model = OpenAIModel("abacus-7b", ModelSettings(base_url=[server.url], **settings))
        await model._balancer.servers[0].client.get(f"{server.url}/models")
        await model.close()

    asyncio.run(get())
    assert len(server.headers) == (1 if api == "messages" else 2) and len(server.looked_at) == 1
    for headers in server.headers + server.looked_at:
        found = {name: headers[name] for name in ("authorization", "x-api-key", "api-key") if name in headers}
        assert found == sent


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "OPENAI_API_KEY"),
        ({"api": "messages"}, "ANTHROPIC_API_KEY"),
        ({"api": "messages", "extra_headers": {"X-Api-Key": "${GATEWAY_KEY}"}}, "extra_headers.X-Api-Key"),
        ({"extra_headers": {"authorization": "Bearer ${GATEWAY_KEY}"}}, "extra_headers.Authorization"),
    ],
)
def test_a_refused_key_is_named(
    server: Server, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], named: str
) -> None:
    monkeypatch.setenv("GATEWAY_KEY", SECRET)
    server.faults = [(401, {"error": {"message": "no such key"}}, {})]
    with pytest.raises(ModelError, match=f"refuses the key: set {named} to one that it accepts"):
        ask(server, **settings)


def test_a_header_may_be_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("GATEWAY_KEY", SECRET)
    with pytest.raises(ModelError, match="needs a key"):
        open_model("openai:m", ModelSettings())
    open_model("openai:m", ModelSettings(extra_headers={"authorization": "Bearer ${GATEWAY_KEY}"}))


def test_hf_names_what_is_for_servers() -> None:
    with pytest.raises(ModelError, match=r"hf: has no presence_penalty, reasoning_effort"):
        open_model("hf:nowhere", ModelSettings(presence_penalty=1, reasoning_effort="low", top_k=3))
