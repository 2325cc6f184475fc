"""TRL's rewards, called with exactly the keywords GRPOTrainer passes."""

from __future__ import annotations

import asyncio
import inspect
import math
import pickle
import subprocess
import sys
import threading
from typing import Any

import pytest

import slipstick
from slipstick.errors import UserError
from slipstick.rewards import trl

HOSTILE = r"\boxed{2003^{2002^{2001}}}"


def called(completions: list[Any], **columns: list[Any]) -> dict[str, Any]:
    """What GRPOTrainer calls a reward function with."""
    logs: dict[str, Any] = {}
    return {
        "prompts": ["?"] * len(completions),
        "completions": completions,
        "completion_ids": [[1, 2]] * len(completions),
        "trainer_state": object(),
        "log_extra": logs.__setitem__,
        "log_metric": logs.__setitem__,
        "environments": None,
    } | columns


def test_texts() -> None:
    completions = ["The answer is 18.", "#### 17", "I do not know.", HOSTILE]
    assert trl.reward(**called(completions, answer=["18", "18", "18", "18"])) == [1.0, 0.0, 0.0, None]


def test_messages_the_last_of_the_assistant_counts() -> None:
    call = {"type": "function", "function": {"name": "python", "arguments": {"code": "print(9 * 2)"}}}
    dialogue = [
        {"role": "assistant", "content": r"Perhaps \boxed{17}.", "tool_calls": [call]},
        {"role": "tool", "name": "python", "content": "18"},
        {"role": "assistant", "content": r"It is \boxed{18}."},
    ]
    unfinished = dialogue[:2]
    only_a_call = [{"role": "assistant", "content": None, "tool_calls": [call]}, dialogue[1]]
    rewards = trl.reward(**called([dialogue, unfinished, only_a_call], solution=["18"] * 3))
    assert rewards == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("gold", "reward"),
    [
        ("18", 1.0),
        (18, 1.0),
        (18.0, 1.0),
        ("9 times 2 is <<9*2=18>>18.\n#### 18", 1.0),
        (r"Doubling 9 gives $\boxed{18}$.", 1.0),
        (["17", "18"], 1.0),
        ("17", 0.0),
        ("", None),
        (None, None),
        ([], None),
        (HOSTILE, None),
    ],
)
def test_golds_of_many_shapes(gold: object, reward: float | None) -> None:
    assert trl.reward(**called(["The answer is 18."], answer=[gold])) == [reward]


def test_the_answer_column_by_its_name_and_by_recognition() -> None:
    columns: dict[str, list[Any]] = {"expected": ["18"], "kind": ["hard"], "profile": ["x"], "settings": [1]}
    assert trl.accuracy(answer_column="expected")(**called(["#### 18"], **columns)) == [1.0]
    for name in ("answer", "ground_truth", "solution", "label", "target", "gold"):
        assert trl.reward(**called(["#### 18"], **{name: ["18"]})) == [1.0]
    with pytest.raises(UserError, match=r"none of the columns answer.*its columns: expected, kind"):
        trl.reward(**called(["#### 18"], **columns))
    with pytest.raises(UserError, match="no column `expect`"):
        trl.accuracy("expect")(**called(["#### 18"], **columns))
    with pytest.raises(UserError, match="known: slipstick"):
        trl.accuracy(profile="mammot")(**called(["#### 18"], answer=["18"]))


def test_it_logs_if_the_trainer_offers_to() -> None:
    logged: dict[str, Any] = {}
    keywords = called(["#### 18", HOSTILE], answer=["18", "18"])
    keywords |= {"log_extra": logged.__setitem__, "log_metric": logged.__setitem__}
    trl.reward(**keywords)
    assert logged["found_answer"][0] == "18" and logged["undecided"] == 0.5
    assert [said.split(":")[0] for said in logged["verdict"]] == ["correct", "undecided"]
    earlier = {name: value for name, value in keywords.items() if not name.startswith("log_")}
    assert trl.reward(**earlier) == [1.0, None]


def test_an_undecided_completion_can_get_the_mean_of_its_group() -> None:
    keywords = called(["#### 18", HOSTILE, "#### 17", "#### 18", HOSTILE, HOSTILE], answer=["18"] * 6)
    keywords["prompts"] = [[{"role": "user", "content": name}] for name in "aaaabb"]
    rewards = trl.accuracy(undecided="mean")(**keywords)
    assert rewards == [1.0, pytest.approx(2 / 3), 0.0, 1.0, None, None]
    assert trl.accuracy()(**keywords) == [1.0, None, 0.0, 1.0, None, None]
    assert trl.accuracy(undecided="mean")(completions=[HOSTILE], answer=["18"]) == [None]


@pytest.mark.parametrize(
    ("installed", "warned"), [("0.29.1", True), ("1.5.0", True), ("1.6.0", False), ("1.16.0", False)]
)
def test_a_trainer_that_counts_none_as_zero_gives_a_warning(
    installed: str, warned: bool, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr(trl, "version", lambda name: installed)
    assert trl.reward(**called([HOSTILE], answer=["18"])) == [None]
    assert any("counts undecided completions as incorrect" in str(each.message) for each in recwarn) == warned


def test_what_the_trainer_asks_of_a_function() -> None:
    assert trl.reward.__name__ == "reward" and trl.accuracy("a").__name__ == "accuracy"
    assert trl.accuracy("a").func.__name__ == trl.async_accuracy("a").func.__name__ == "accuracy"  # type: ignore[attr-defined]
    assert inspect.iscoroutinefunction(trl.async_reward) and inspect.iscoroutinefunction(trl.async_accuracy("a"))
    assert not inspect.iscoroutinefunction(trl.accuracy("a"))
    assert pickle.loads(pickle.dumps(trl.accuracy("a")))(completions=["#### 18"], a=["18"]) == [1.0]
    assert trl.reward(**called([], answer=[])) == []


def test_async_rewards_leave_the_event_loop_free() -> None:
    hard = [r"\boxed{\lim_{x\to 0}\frac{\sin x}{x}}"] * 4  # only a worker can tell
    ticks = 0

    async def tick(done: asyncio.Event) -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            await asyncio.sleep(0)

    async def both() -> list[list[float | None]]:
        done = asyncio.Event()
        ticking = asyncio.create_task(tick(done))
        keywords = called(hard, answer=[r"\lim_{x\to 0}\frac{\tan x}{x}"] * 4)
        rewards = await asyncio.gather(trl.async_reward(**keywords), trl.async_accuracy("answer")(**keywords))
        done.set()
        await ticking
        return list(rewards)

    assert asyncio.run(both()) == [[1.0] * 4] * 2 and ticks > 5


def test_inside_an_event_loop_that_is_not_the_main_threads() -> None:
    found: list[Any] = []

    def loop() -> None:
        found.append(asyncio.run(trl.async_reward(**called(["#### 18"], answer=["18"]))))

    thread = threading.Thread(target=loop)
    thread.start()
    thread.join()
    assert found == [[1.0]]


def test_a_hostile_completion_holds_up_no_other() -> None:
    hostile = [HOSTILE, r"\boxed{9^{9^{9^{9}}}!}", r"\boxed{" + "(" * 5000 + "}", "\\boxed{" + "\\frac{1}" * 400 + "}"]
    plain = [r"\boxed{(x+1)^2}"] * 8
    rewards = trl.reward(**called(hostile + plain, answer=["x^2+2x+1"] * 12))
    assert rewards[4:] == [1.0] * 8 and 1.0 not in rewards[:4] and rewards[0] is None
    assert not any(reward is not None and math.isnan(reward) for reward in rewards)


def test_reached_by_name_without_an_import() -> None:
    assert slipstick.rewards.trl is trl
    program = (
        "import sys, slipstick; slipstick.rewards; assert 'pydantic' not in sys.modules;"
        "slipstick.rewards.trl.reward, slipstick.rewards.verl.compute_score, slipstick.rewards.openrlhf.reward_func;"
        "from slipstick.equivalence.pool.pool import shared_pool;"
        "sys.exit(bool(shared_pool().pids()) or any(name in sys.modules for name in ('torch', 'sympy')))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"profile": "slipstik"}, "did you mean `slipstick`"),
        ({"profile": "slipstick:percent=valu"}, "percent"),
        ({"kind": "nummber"}, "kind = 'nummber' is not known (did you mean `number`?)"),
        ({"undecided": "maen"}, "undecided = 'maen' is not known (did you mean `mean`?)"),
        ({"answer_column": ["gold"]}, "give the name of a column"),
    ],
)
def test_a_mistake_in_the_settings_is_told_when_the_reward_is_built(settings: dict[str, Any], says: str) -> None:
    for build in (trl.accuracy, trl.async_accuracy):
        with pytest.raises(UserError) as told:
            build(**settings)
        assert says in str(told.value)
