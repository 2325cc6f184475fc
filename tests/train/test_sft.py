"""The stages sft and cpt: learning, resuming, what is left out."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from slipstick.errors import InputError, ModelError
from slipstick.formats import load_format, render, render_chat, render_prompt
from slipstick.schema import Output, Problem, Solution
from slipstick.train import Phase, TrainSettings, packed_examples, train, train_on_texts
from tests.train.small_trainings import SMALL, TRL, Pairs, losses_in, opened

pytest.importorskip("torch", reason="the extra `train` is not installed")


def test_training_learns_and_leaves_a_folder_that_opens(sums: Pairs, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    seen: list[tuple[int, int, float]] = []
    trained = train(sums, settings=SMALL, out=tmp_path, progress=lambda *now: seen.append(now))
    losses = losses_in(tmp_path)
    assert trained.steps == len(losses) == len(seen)
    assert losses[0] > 5 and trained.loss < losses[0] - 2
    assert seen[-1][0] == seen[-1][1] == trained.tokens
    assert trained.examples == len(sums) and trained.too_long == 0
    assert not (tmp_path / "checkpoint.pt").exists()
    assert train(sums, settings=SMALL, out=tmp_path, progress=lambda *now: pytest.fail("trained twice")) == trained

    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert len(tokenizer) == model.config.vocab_size <= 340
    text = render_prompt(load_format("tir"), sums[0][1])
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_chat_template_gives_the_text_of_training(sums: Pairs, tiny_model: Path, number: int) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    solution, problem = sums[number]
    format = load_format(solution.format)
    text = tokenizer.apply_chat_template(render_chat(format, problem, solution.blocks), tokenize=False)
    assert text == render_prompt(format, problem) + "".join(p.text for p in render(format, solution.blocks))


def test_the_chat_template_marks_what_the_model_wrote(sums: Pairs, tiny_model: Path) -> None:
    from jinja2 import TemplateError
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    for solution, problem in sums[:3]:
        said = render_chat(load_format(solution.format), problem, solution.blocks)
        found: Any = tokenizer.apply_chat_template(said, return_dict=True, return_assistant_tokens_mask=True)
        ids = [token for token, mine in zip(found["input_ids"], found["assistant_masks"], strict=True) if mine]
        assert tokenizer.decode(ids) == "".join(each["content"] for each in said if each["role"] == "assistant")
    call = {"type": "function", "function": {"name": "python", "arguments": {"code": "1"}}}
    calls: list[Any] = [{"role": "user", "content": "2?"}, {"role": "assistant", "content": "", "tool_calls": [call]}]
    with pytest.raises(TemplateError, match="not as calls of a tool"):  # they would be left out without a word
        tokenizer.apply_chat_template(calls)


KILLED = """
import os, signal, sys
from pathlib import Path
from typing import Any
from slipstick.schema import Problem, Solution
from slipstick.train import TrainSettings, train
lines = Path(sys.argv[1]).read_text().splitlines()
pairs = [(Solution.model_validate_json(a), Problem.model_validate_json(b)) for a, b in zip(lines[::2], lines[1::2])]
def progress(done, total, loss):
    if done > 7000:
        os.kill(os.getpid(), signal.SIGKILL)
train(pairs, settings=TrainSettings.model_validate_json(sys.argv[3]), out=Path(sys.argv[2]), progress=progress)
"""


@pytest.mark.parametrize("trainer", ["loop", "loop of two", "trl", "trl, rows fitted"])
def test_a_killed_training_goes_on_along_the_same_losses(
    sums: Pairs, tiny_model: Path, tmp_path: Path, trainer: str
) -> None:
    settings = SMALL.model_copy(update={"num_processes": 2 if trainer == "loop of two" else 1})
    if trainer == "trl":
        settings = TrainSettings(base=str(tiny_model), max_train_tokens=12_000, checkpoint_every=3000, **TRL)
    elif trainer == "trl, rows fitted":
        settings = TrainSettings(base=str(tiny_model), max_train_tokens=12_000, packing="bfd", **TRL)
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(f"{s.model_dump_json()}\n{p.model_dump_json()}\n" for s, p in sums))
    arguments = [str(rows), str(tmp_path / "killed"), settings.model_dump_json()]
    ended = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "config.json").exists()
    checkpoints = sorted((tmp_path / "killed").glob("checkpoints/checkpoint-*"), key=lambda p: int(p.name[11:]))
    done = 0
    if trainer == "trl":  # as a kill in the middle of a save leaves it: the last but one is taken
        (checkpoints[-1] / "trainer_state.json").unlink()
        done = int(checkpoints[-2].name[11:])
    elif checkpoints:
        state = json.loads((checkpoints[-1] / "trainer_state.json").read_text())
        assert state["train_batch_size"] == 1, "a pass has one fitted row where there is no FlashAttention"
        done = state["global_step"]

    train(sums, settings=settings, out=tmp_path / "whole")
    steps: list[tuple[int, int, float]] = []
    train(sums, settings=settings, out=tmp_path / "killed", progress=lambda *now: steps.append(now))
    losses = losses_in(tmp_path / "whole")
    assert 0 < len(steps) < len(losses)
    assert not done or len(steps) == len(losses) - done
    assert losses_in(tmp_path / "killed") == pytest.approx(losses, abs=1e-6)


def test_a_checkpoint_of_other_settings_is_not_resumed(sums: Pairs, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(done: int, total: int, loss: float) -> None:
        if done > 7000:
            raise StopError

    with pytest.raises(StopError):
        train(sums, settings=SMALL, out=tmp_path, progress=stop)
    assert (tmp_path / "checkpoint.pt").is_file()
    steps: list[tuple[int, int, float]] = []
    other = SMALL.model_copy(update={"seed": 1})
    trained = train(sums, settings=other, out=tmp_path, progress=lambda *now: steps.append(now))
    assert len(steps) == trained.steps


def test_two_trainings_are_the_same_and_another_seed_is_another(sums: Pairs, tmp_path: Path) -> None:
    short = SMALL.model_copy(update={"max_train_tokens": 2000})
    for name, settings in [("a", short), ("b", short), ("c", short.model_copy(update={"seed": 1}))]:
        train(sums, settings=settings, out=tmp_path / name)
    assert losses_in(tmp_path / "a") == losses_in(tmp_path / "b") != losses_in(tmp_path / "c")


def test_an_existing_model_is_trained_further(sums: Pairs, tiny_model: Path, tmp_path: Path) -> None:
    settings = TrainSettings(
        base=str(tiny_model),
        max_train_tokens=3000,
        batch_tokens=512,
        learning_rate=1e-3,
        optimizer="adamw",
        num_processes=1,
    )
    train(sums, settings=settings, out=tmp_path)
    assert losses_in(tmp_path)[0] < losses_in(tiny_model)[0]


@pytest.mark.parametrize("trainer", ["loop", "trl"])
def test_raw_text_is_packed_and_every_token_learnt(tiny_model: Path, tmp_path: Path, trainer: str) -> None:

    texts = ["Ann has 12 nuts. " * 30, "Ben finds 30 more.", "", "They have 42 nuts. " * 30]
    settings = TrainSettings(
        base=str(tiny_model), stage="cpt", num_processes=1, num_train_epochs=9, **{**TRL, "trainer": trainer}
    )
    examples, tokenizer = packed_examples(texts, settings)
    assert all(len(example.ids) == 128 for example in examples.encoded[:-1])
    assert all(example.labels == example.ids for example in examples.encoded)
    ids = [token for example in examples.encoded for token in example.ids]
    assert tokenizer.decode(ids) == "".join(text + tokenizer.eos_token for text in texts)
    trained = train_on_texts(texts, settings=settings, out=tmp_path)
    assert trained.tokens >= 9 * len(ids) and losses_in(tmp_path)[-1] < losses_in(tmp_path)[0]


def test_raw_text_from_nothing(tmp_path: Path) -> None:

    train_on_texts(
        ["nuts and numbers 12 " * 40], settings=SMALL.model_copy(update={"max_train_tokens": 1000}), out=tmp_path
    )
    assert opened(tmp_path).config.vocab_size <= 340
    with pytest.raises(InputError, match="there is no text"):
        train_on_texts([], settings=SMALL, out=tmp_path)


def test_what_cannot_be_trained_on_is_said(sums: Pairs, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are none"):
        train([], settings=SMALL, out=tmp_path)
    with pytest.raises(InputError, match="max_length = 5"):
        train(sums, settings=SMALL.model_copy(update={"max_length": 5}), out=tmp_path)
    with pytest.raises(InputError, match="asks for react, but the solutions are in cot, pot, tir"):
        phases = [Phase(share=1, mix={"react": 1})]
        train(sums, settings=SMALL.model_copy(update={"phases": phases}), out=tmp_path)
    with pytest.raises(ModelError, match="no model at"):
        train(sums, settings=SMALL.model_copy(update={"base": "no/such/model"}), out=tmp_path)


def test_held_out_examples_that_are_left_out_are_counted(sums: Pairs, tmp_path: Path) -> None:
    solution, problem = sums[0]
    long = (solution, problem.model_copy(update={"text": "nuts " * 2000}))
    silent = (sums[2][0].model_copy(update={"blocks": [Output(text="42")], "finish": "length"}), sums[2][1])
    settings = SMALL.model_copy(update={"max_train_tokens": 600})
    trained = train(sums[:9], valid=[*sums[9:12], long, silent, long], settings=settings, out=tmp_path)
    assert (trained.valid_examples, trained.valid_too_long, trained.valid_unlabelled, trained.valid_cut) == (3, 2, 1, 0)
    said = "3 held-out examples (2 more too long, 1 more with nothing to learn)"
    assert trained.says_held_out() == said and f"| loss on {said} |" in (tmp_path / "README.md").read_text()
    with pytest.raises(InputError, match="of what is held out, none of 1 solutions is usable: all are longer"):
        train(sums[:9], valid=[long], settings=settings, out=tmp_path / "none")


def test_examples_that_are_left_out_are_counted(sums: Pairs, tmp_path: Path) -> None:
    solution, _ = sums[0]
    long = Problem(id="sums/train/long", text="nuts " * 500)
    pair = (Solution(id="sums/train/long#0", problem_id=long.id, format="cot", blocks=solution.blocks), long)
    tir, problem = sums[2]
    silent = (tir.model_copy(update={"blocks": [Output(text="42")], "finish": "length"}), problem)
    settings = SMALL.model_copy(update={"max_train_tokens": 500, "max_length": 200})
    trained = train([*sums, pair, silent], settings=settings, out=tmp_path)
    assert (trained.examples, trained.too_long, trained.unlabelled) == (len(sums), 1, 1)
    assert "none of their tokens is a label | 1 |" in (tmp_path / "README.md").read_text()


def test_a_few_examples_that_the_default_length_repeats_are_told(sums: Pairs, caplog: pytest.LogCaptureFixture) -> None:
    from slipstick.train.sft import _say_repeated, encoded_examples

    examples, _ = encoded_examples(sums, TrainSettings())
    _say_repeated(examples, TrainSettings(num_train_epochs=1))
    _say_repeated(examples, TrainSettings(max_train_tokens=1_500_000))
    assert not caplog.text
    _say_repeated(examples, TrainSettings())
    assert "will be seen about" in caplog.text and "num_train_epochs" in caplog.text
