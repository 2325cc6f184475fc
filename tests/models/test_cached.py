"""Replies that are kept across runs: what makes a request the same, and what a kill or a second process does."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from slipstick.cache_folder import cache_folder
from slipstick.commands import Invocation
from slipstick.commands.solve import run_solve
from slipstick.errors import ModelError
from slipstick.formats import load_format
from slipstick.judge import JudgeSettings
from slipstick.models import CHANGES_NO_REPLY, CHANGES_REPLIES, Model, ModelSettings, Reply, Request, Sampling
from slipstick.models.cached import CachedModel, ReplyCache, cached, key_of
from slipstick.models.fake import FakeModel
from slipstick.problems.settings import ProblemSettings
from slipstick.recipe import resolved
from slipstick.report.content import FormatStyle
from slipstick.report.facts import spending_table
from slipstick.schema import Block, Code, Output, Problem
from slipstick.solve import SolveSettings
from slipstick.store import RunFolder

from .scripted_server import Server

PROBLEM = Problem(id="p/1", text="What is 6 times 7?", answer="42")


def request(**changes: Any) -> Request:
    known: dict[str, Any] = {"problem": PROBLEM, "format": load_format("tir"), "sample": 0, "turn": 0, "blocks": []}
    return Request(**{**known, "sampling": Sampling(seed=0), **changes})


def asked(settings: ModelSettings, requests: list[Request], script: Any, spec: str = "openai:m") -> list[Reply]:
    async def work() -> list[Reply]:
        model = cached(FakeModel(script), spec, settings)
        try:
            return [await model.generate(each) for each in requests]
        finally:
            await model.close()

    return asyncio.run(work())


def test_a_second_run_gets_the_replies_of_the_first_at_no_cost(tmp_path: Path) -> None:
    settings = ModelSettings(cache=str(tmp_path / "kept.sqlite"))
    reply = Reply(text="It is 42.\u2028", reasoning="Hm.", calls=["6*7"], refused={0: "no"}, tokens=4, cost=0.5)
    (first,) = asked(settings, [request()], lambda _: reply)
    again = asked(settings, [request()] * 2, lambda _: pytest.fail("asked again"))
    assert first == reply
    assert again == [reply.model_copy(update={"cost": 0.0, "cached": True})] * 2


def test_failures_are_not_kept_and_nothing_is_by_default(tmp_path: Path) -> None:
    settings = ModelSettings(cache=str(tmp_path / "kept.sqlite"))
    failures = [Reply(text="", finish="error", error="gone"), Reply(text="", error="the model refused: no")]
    for failure in failures:
        asked(settings, [request()], lambda _, failure=failure: failure)
    assert not asked(settings, [request()], lambda _: Reply(text="42", finish="length"))[0].cached
    assert asked(settings, [request()], lambda _: "other")[0].finish == "length"
    model = FakeModel({})
    assert cached(model, "openai:m", ModelSettings()) is model
    assert cached(model, "fake:x", ModelSettings(cache=True)) is cached(model, "replay:x", ModelSettings(cache=True))


def test_a_kept_model_passes_on_all_that_a_model_has() -> None:
    methods = {name for name, member in vars(Model).items() if inspect.isfunction(member) and name[0] != "_"}
    assert {"trouble", "keep_in"} < methods <= vars(CachedModel).keys()


def test_what_makes_a_request_another_one() -> None:
    output: list[Block] = [Code(text="6*7"), Output(text="42", seconds=0.1)]
    changes: list[dict[str, Any]] = [
        {"problem": PROBLEM.model_copy(update={"text": "What is 7 times 7?"})},
        {"format": load_format("cot")},
        {"format": load_format("tir").model_copy(update={"system": "Be brief."})},
        {"sampling": Sampling(seed=1)},
        {"sampling": Sampling(seed=0, max_tokens=9)},
        {"sampling": Sampling(seed=0, temperature=0.5)},
        {"sampling": Sampling(seed=0, temperature=0.5), "sample": 1},
        {"blocks": output, "turn": 1},
    ]
    keys = {key_of("m", request(**each)) for each in [{}, *changes]} | {key_of("n", request())}
    assert len(keys) == len(changes) + 2
    same: list[dict[str, Any]] = [
        {"sample": 1},
        {"problem": PROBLEM.model_copy(update={"answer": "43", "metadata": {"level": 1}})},
    ]
    assert {key_of("m", request(**each)) for each in same} == {key_of("m", request())}
    slower: list[Block] = [output[0], Output(text="42", seconds=9.0)]
    assert key_of("m", request(blocks=slower, turn=1)) == key_of("m", request(blocks=output, turn=1))


def test_settings_that_are_sent_count_and_where_a_model_is_served_does_not(tmp_path: Path) -> None:
    path = str(tmp_path / "kept.sqlite")
    asked(ModelSettings(cache=path, base_url=["http://one/v1"]), [request()], lambda _: "first")

    def text(spec: str = "openai:m", **settings: Any) -> str:
        return asked(ModelSettings(cache=path, **settings), [request()], lambda _: "another", spec)[0].text

    assert text(base_url=["http://two/v1"], max_concurrent_requests=3, price_in=1.0, mode="batch") == "first"
    assert text(request_timeout=9.0, stream=True, stall_timeout=9.0, cache_mb=9, device="cpu") == "first"
    assert text(extra_body={"repetition_penalty": 1.1}) == text(top_k=3) == text("openai:n") == "another"


def test_of_each_setting_it_is_decided_whether_it_may_change_replies() -> None:
    assert sorted([*CHANGES_REPLIES, *CHANGES_NO_REPLY]) == sorted(ModelSettings.model_fields)


def test_a_model_that_is_trained_again_is_another_one(tmp_path: Path) -> None:
    folder, settings = tmp_path / "model", ModelSettings(cache=str(tmp_path / "kept.sqlite"))
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"1")
    asked(settings, [request()], lambda _: "first", f"hf:{folder}")
    assert asked(settings, [request()], lambda _: "second", f"hf:{folder}")[0].text == "first"
    (folder / "model.safetensors").write_bytes(b"22")
    assert asked(settings, [request()], lambda _: "second", f"hf:{folder}")[0].text == "second"


def test_files_below_home_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ModelSettings(cache="~/r.sqlite").cache == str(tmp_path / "r.sqlite")
    monkeypatch.setenv("SLIPSTICK_CACHE", "~/mine")
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("SLIPSTICK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "~/c")
    assert cache_folder() == tmp_path / "c" / "slipstick"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / ".cache" / "slipstick"
    (tmp_path / "labels.jsonl").touch()
    (tmp_path / "system.md").touch()
    assert JudgeSettings(judge_labels="~/labels.jsonl").judge_labels == str(tmp_path / "labels.jsonl")
    settings = SolveSettings(shots_from="~/labels.jsonl", system="~/system.md")
    assert (settings.shots_from, settings.system) == (str(tmp_path / "labels.jsonl"), str(tmp_path / "system.md"))
    assert SolveSettings(shots_from="~nobody/labels.jsonl").shots_from == "~nobody/labels.jsonl"
    monkeypatch.setenv("SLIPSTICK_PROBLEMS_DIR", "~")
    assert f'problems_dir = "{tmp_path}"' in resolved(ProblemSettings(problems=["gsm8k"]))


def test_the_oldest_replies_go_when_the_file_is_full(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path / "kept.sqlite", most_mb=1)
    for number in range(1024):
        cache.put(f"key {number}", Reply(text="x" * 3000))
    assert cache.get("key 0") is None and cache.get("key 1023") is not None
    cache.close()
    assert (tmp_path / "kept.sqlite").stat().st_size < 3 << 20


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no cache\n" * 200)
    with pytest.raises(ModelError, match="cannot be used as a cache of replies"):
        ReplyCache(tmp_path / "notes.txt", most_mb=1)
    (tmp_path / "kept.sqlite").mkdir()
    with pytest.raises(ModelError, match="name another file"):
        ReplyCache(tmp_path / "kept.sqlite", most_mb=1)


def test_two_processes_may_write_and_a_kill_leaves_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "kept.sqlite"
    writer = (
        "import sys; from pathlib import Path; from slipstick.models import Reply\n"
        "from slipstick.models.cached import ReplyCache\n"
        "cache = ReplyCache(Path(sys.argv[1]), most_mb=64)\n"
        "for n in range(10**9):\n"
        "    cache.put(f'{sys.argv[2]} {n}', Reply(text='x' * 500))\n"
        "    if n == 50: print('begun', flush=True)\n"
    )
    command = [sys.executable, "-c", writer, str(path)]
    writers = [subprocess.Popen([*command, name], stdout=subprocess.PIPE) for name in "ab"]
    for process in writers:
        assert process.stdout and process.stdout.readline() == b"begun\n"
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    cache = ReplyCache(path, most_mb=64)
    assert all(cache.get(f"{name} {n}") for name in "ab" for n in range(51))
    cache.put("mine", Reply(text="42"))
    cache.close()


@pytest.mark.parametrize(
    "damage", ["{", '{"texts": "42"}', None, b"\xff"], ids=["cut", "of another version", "none", "bytes"]
)
def test_a_reply_that_cannot_be_read_is_asked_for_once_and_replaced(tmp_path: Path, damage: Any) -> None:
    settings = ModelSettings(cache=str(tmp_path / "kept.sqlite"))
    asked(settings, [request()], lambda _: "first")
    with closing(sqlite3.connect(tmp_path / "kept.sqlite", isolation_level=None)) as file:
        file.execute("UPDATE replies SET reply = ?", (damage,))
    replies = asked(settings, [request()] * 2, lambda _: "second")
    assert [(reply.text, reply.cached) for reply in replies] == [("second", False), ("second", True)]


def test_a_lookup_waits_for_no_writer(tmp_path: Path) -> None:
    settings, other = ModelSettings(cache=str(tmp_path / "kept.sqlite")), request(sampling=Sampling(seed=1))
    asked(settings, [request()], lambda _: "first")

    async def work() -> None:
        model = cached(FakeModel(lambda _: "second"), "openai:m", settings)
        writer = sqlite3.connect(tmp_path / "kept.sqlite", isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        waiting = [asyncio.create_task(model.generate(other)) for _ in range(64)]  # more than there are threads
        await asyncio.sleep(0.3)
        assert (await model.generate(request())).cached
        assert not any(task.done() for task in waiting)
        writer.execute("ROLLBACK")
        writer.close()
        assert {reply.text for reply in await asyncio.gather(*waiting)} == {"second"}
        await model.close()

    asyncio.run(work())


def test_a_run_says_how_many_replies_are_from_the_cache(tmp_path: Path, server: Server) -> None:
    rows = [{"id": f"p/{n}", "question": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(20)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = ["model=openai:m", f"base_url={server.url}", "formats=cot", f"cache={tmp_path / 'kept.sqlite'}"]
    told += [f"problems={tmp_path / 'mine.jsonl'}", "price_in=1", "price_out=1", "max_cost=1"]
    console = Console(width=200)
    for name, count in (("first", 15), ("second", 20)):
        with console.capture() as printed:
            run_solve(Invocation("", [*told, f"limit={count}"], out=tmp_path / name), console)
    assert "15 of 20 replies came from the cache" in printed.get()
    folder = RunFolder(tmp_path / "second")
    solutions = list(folder.solutions())
    assert sum(solution.cached_replies for solution in solutions) == 15
    assert sum(solution.cost == 0 for solution in solutions) == 15 and all(solution.tokens for solution in solutions)
    run = folder.run()
    assert run.versions["cache"] == run.recipe["cache"] == str(tmp_path / "kept.sqlite")
    table = spending_table(run, solutions, [FormatStyle("cot", 0, "")])
    assert table and ["replies from the cache", "15, in 15 of 20 solutions", "·"] in table.rows
