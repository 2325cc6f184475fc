import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from slipstick.errors import InputError, ModelError
from slipstick.formats import load_format, render, render_chat, render_prompt
from slipstick.schema import Problem, Solution
from slipstick.train import Phase, TrainSettings, train

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")

SIZE = {"d_model": 32, "layers": 2, "heads": 2, "d_ff": 64, "vocab": 340}
RATES = {"batch_tokens": 512, "learning_rate": 8e-3, "embedding_rate": 8e-3, "threads": 1}
SMALL = TrainSettings(tokens=12_000, checkpoint_every=3000, **SIZE, **RATES)


def losses_in(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "losses.jsonl").read_text().splitlines()]


def test_training_learns_and_leaves_a_folder_that_opens(sums, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    seen = []
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
def test_the_chat_template_gives_the_text_of_training(sums, tiny_model, number):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    solution, problem = sums[number]
    layout = load_format(solution.format)
    text = tokenizer.apply_chat_template(render_chat(layout, problem, solution.blocks), tokenize=False)
    assert text == render_prompt(layout, problem) + "".join(p.text for p in render(layout, solution.blocks))


KILLED = """
import os, signal, sys
from pathlib import Path
from slipstick.schema import Problem, Solution
from slipstick.train import TrainSettings, train
lines = Path(sys.argv[1]).read_text().splitlines()
pairs = [(Solution.model_validate_json(a), Problem.model_validate_json(b)) for a, b in zip(lines[::2], lines[1::2])]
def progress(done, total, loss):
    if done > 7000:
        os.kill(os.getpid(), signal.SIGKILL)
train(pairs, settings=TrainSettings.model_validate_json(sys.argv[3]), out=Path(sys.argv[2]), progress=progress)
"""


def test_a_killed_training_goes_on_along_the_same_losses(sums, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(f"{s.model_dump_json()}\n{p.model_dump_json()}\n" for s, p in sums))
    arguments = [str(rows), str(tmp_path / "killed"), SMALL.model_dump_json()]
    ended = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / "killed" / "checkpoint.pt").is_file()
    assert not (tmp_path / "killed" / "config.json").exists()

    train(sums, settings=SMALL, out=tmp_path / "whole")
    steps = []
    train(sums, settings=SMALL, out=tmp_path / "killed", progress=lambda *now: steps.append(now))
    losses = losses_in(tmp_path / "whole")
    assert 0 < len(steps) < len(losses)
    assert losses_in(tmp_path / "killed") == pytest.approx(losses, rel=1e-4)


def test_a_checkpoint_of_other_settings_is_not_taken_up(sums, tmp_path):
    class StopError(Exception):
        pass

    def stop(done, total, loss):
        if done > 7000:
            raise StopError

    with pytest.raises(StopError):
        train(sums, settings=SMALL, out=tmp_path, progress=stop)
    assert (tmp_path / "checkpoint.pt").is_file()
    steps = []
    other = SMALL.model_copy(update={"seed": 1})
    trained = train(sums, settings=other, out=tmp_path, progress=lambda *now: steps.append(now))
    assert len(steps) == trained.steps


def test_two_trainings_are_the_same_and_another_seed_is_another(sums, tmp_path):
    short = SMALL.model_copy(update={"tokens": 2000})
    for name, settings in [("a", short), ("b", short), ("c", short.model_copy(update={"seed": 1}))]:
        train(sums, settings=settings, out=tmp_path / name)
    assert losses_in(tmp_path / "a") == losses_in(tmp_path / "b") != losses_in(tmp_path / "c")


def test_an_existing_model_is_trained_further(sums, tiny_model, tmp_path):
    settings = TrainSettings(
        base=str(tiny_model), tokens=3000, batch_tokens=512, learning_rate=1e-3, optimizer="adamw", threads=1
    )
    train(sums, settings=settings, out=tmp_path)
    assert losses_in(tmp_path)[0] < losses_in(tiny_model)[0]


def test_what_cannot_be_trained_on_is_said(sums, tmp_path):
    with pytest.raises(InputError, match="there are none"):
        train([], settings=SMALL, out=tmp_path)
    with pytest.raises(InputError, match="max_length = 5"):
        train(sums, settings=SMALL.model_copy(update={"max_length": 5}), out=tmp_path)
    with pytest.raises(InputError, match="asks for react, but the solutions are in cot, pot, tir"):
        phases = [Phase(share=1, mix={"react": 1})]
        train(sums, settings=SMALL.model_copy(update={"phases": phases}), out=tmp_path)
    with pytest.raises(ModelError, match="no model at"):
        train(sums, settings=SMALL.model_copy(update={"base": "no/such/model"}), out=tmp_path)


def test_long_examples_are_left_out_and_counted(sums, tmp_path):
    solution, _ = sums[0]
    long = Problem(id="sums/train/long", text="nuts " * 500)
    pair = (Solution(id="sums/train/long#0", problem_id=long.id, format="cot", blocks=solution.blocks), long)
    trained = train([*sums, pair], settings=SMALL.model_copy(update={"tokens": 500, "max_length": 200}), out=tmp_path)
    assert trained.too_long == 1 and trained.examples == len(sums)
