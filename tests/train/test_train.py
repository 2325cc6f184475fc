import json
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from slipstick.errors import InputError, ModelError, UserError
from slipstick.formats import load_format, render, render_chat, render_prompt
from slipstick.schema import Output, Problem, Solution
from slipstick.train import Phase, TrainSettings, train

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")

SIZE = {"d_model": 32, "num_layers": 2, "num_heads": 2, "d_ff": 64, "vocab_size": 340}
RATES = {"batch_tokens": 512, "learning_rate": 8e-3, "embedding_learning_rate": 8e-3, "num_processes": 1}
SMALL = TrainSettings(max_train_tokens=12_000, checkpoint_every=3000, **SIZE, **RATES)


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
    format = load_format(solution.format)
    text = tokenizer.apply_chat_template(render_chat(format, problem, solution.blocks), tokenize=False)
    assert text == render_prompt(format, problem) + "".join(p.text for p in render(format, solution.blocks))


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


TRL = {
    "trainer": "trl",
    "optimizer": "adamw",
    "per_device_train_batch_size": 4,
    "learning_rate": 1e-3,
    "max_length": 128,
}


@pytest.mark.parametrize("trainer", ["loop", "loop of two", "trl", "trl, rows fitted"])
def test_a_killed_training_goes_on_along_the_same_losses(sums, tiny_model, tmp_path, trainer):
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
    steps = []
    train(sums, settings=settings, out=tmp_path / "killed", progress=lambda *now: steps.append(now))
    losses = losses_in(tmp_path / "whole")
    assert 0 < len(steps) < len(losses)
    assert not done or len(steps) == len(losses) - done
    assert losses_in(tmp_path / "killed") == pytest.approx(losses, abs=1e-6)


def test_two_processes_learn_what_one_learns(sums, tmp_path):
    short = SMALL.model_copy(update={"max_train_tokens": 4000})
    for threads in (1, 2):
        train(sums, settings=short.model_copy(update={"num_processes": threads}), out=tmp_path / str(threads))
    assert losses_in(tmp_path / "1") == pytest.approx(losses_in(tmp_path / "2"), rel=1e-3)
    assert opened(tmp_path / "2").num_parameters() == opened(tmp_path / "1").num_parameters()


def opened(folder: Path):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder)


VARIANTS = {
    "plain": {},
    "fitted rows": {"packing": "bfd"},
    "wrapped rows, recomputed": {"packing": "wrapped", "gradient_checkpointing": True},
    "bfloat16": {"param_dtype": "bfloat16", "bf16": True, "optimizer": "adafactor"},
    "phases": {"phases": [{"share": 1, "mix": {"pot": 1}}, {"share": 1, "mix": {"cot": 1}}]},
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_trls_trainer_learns_from_our_labels(sums, tiny_model, tmp_path, variant):
    settings = TrainSettings.model_validate({"base": str(tiny_model), "max_train_tokens": 2500, **TRL, **variant})
    seen = []
    trained = train(sums, settings=settings, out=tmp_path, progress=lambda *now: seen.append(now))
    assert trained.steps == len(losses_in(tmp_path)) == len(seen) > 2
    assert losses_in(tmp_path)[-1] < losses_in(tmp_path)[0]
    opened(tmp_path)
    assert not (tmp_path / "checkpoints").exists()


def test_fitted_rows_keep_examples_apart(sums, tiny_model, tmp_path):
    """All of them in one step: packed or not, its loss is the mean over the same labels."""
    whole = {"base": str(tiny_model), "num_train_epochs": 1, "bf16": False, **TRL, "per_device_train_batch_size": 64}
    for packing in ("none", "bfd"):
        train(sums[:24], settings=TrainSettings(packing=packing, **whole), out=tmp_path / packing)
    assert losses_in(tmp_path / "bfd") == pytest.approx(losses_in(tmp_path / "none"), abs=1e-4)


def test_both_trainers_begin_at_the_same_loss(sums, tiny_model, tmp_path):
    short = {"base": str(tiny_model), "max_train_tokens": 50, "optimizer": "adamw", "max_length": 128, "bf16": False}
    train(sums[:1], settings=TrainSettings(**short, num_processes=1), out=tmp_path / "loop")
    train(sums[:1], settings=TrainSettings(**short, trainer="trl", per_device_train_batch_size=1), out=tmp_path / "trl")
    assert losses_in(tmp_path / "loop")[0] == pytest.approx(losses_in(tmp_path / "trl")[0], abs=1e-4)


@pytest.mark.parametrize("trainer", ["loop", "trl"])
def test_adapters_are_merged_into_the_weights(sums, tiny_model, tmp_path, trainer):
    from peft import PeftModel

    lora = {"lora_rank": 4, "lora_target_modules": ["q_proj", "down_proj"], "lora_dropout": 0.1}
    settings = TrainSettings(
        base=str(tiny_model), max_train_tokens=2500, num_processes=1, **{**TRL, "trainer": trainer}, **lora
    )
    train(sums, settings=settings, out=tmp_path)
    ids = torch.arange(20)[None]
    before, after = opened(tiny_model)(ids).logits, opened(tmp_path)(ids).logits
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        adapted = PeftModel.from_pretrained(opened(tiny_model), str(tmp_path / "adapter"))(ids).logits
    assert torch.allclose(adapted, after, atol=1e-4) and not torch.allclose(before, after, atol=1e-3)
    card = (tmp_path / "README.md").read_text()
    assert "base_model" not in card, "the Hub refuses a card whose base is a folder"
    assert f"`{tiny_model}`, trained further" in card and "rank 4" in card and "lora_rank = 4" in card


def test_the_seed_decides_where_adapters_begin(tiny_model):
    from slipstick.train.adapters import add_adapters

    def start(seed: int) -> float:
        model = add_adapters(opened(tiny_model), TrainSettings(base=str(tiny_model), lora_rank=2, seed=seed))
        return sum(float(p.detach().sum()) for name, p in model.named_parameters() if "lora_A" in name)

    assert start(0) == start(0) != start(1)


def test_a_card_names_a_base_that_the_hub_has(tmp_path):
    from slipstick.train.card import CardText, write_card

    write_card(tmp_path, TrainSettings(base="owner/name"), CardText("1 example", [], "Nothing is known."))
    assert "base_model: owner/name" in (tmp_path / "README.md").read_text()


def test_trls_arguments_are_there_before_the_model_is_opened(sums, tiny_model, tmp_path):
    """They tell transformers of ZeRO-3 and FSDP2, by which it loads a part of the model alone."""
    from accelerate.state import AcceleratorState, PartialState

    from slipstick.train import encoded_examples
    from slipstick.train.run import Training
    from slipstick.train.trl import fit_with_trl, rows_of

    class OpenedError(Exception):
        pass

    def start():
        assert PartialState._shared_state
        raise OpenedError

    settings = TrainSettings(base=str(tiny_model), max_train_tokens=500, **TRL)
    examples, tokenizer = encoded_examples(sums, settings)
    AcceleratorState._reset_state(reset_partial_state=True)
    rows, training = rows_of(examples, settings), Training(tmp_path, "")
    with pytest.raises(OpenedError):
        fit_with_trl(start, tokenizer, rows, settings=settings, training=training)
    assert not any(tmp_path.iterdir()), "a base that does not open leaves nothing behind"


@pytest.mark.parametrize("trainer", ["loop", "trl"])
def test_raw_text_is_packed_and_every_token_learnt(tiny_model, tmp_path, trainer):
    from slipstick.train import packed_examples, train_on_texts

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


def test_raw_text_from_nothing(tmp_path):
    from slipstick.train import train_on_texts

    train_on_texts(
        ["nuts and numbers 12 " * 40], settings=SMALL.model_copy(update={"max_train_tokens": 1000}), out=tmp_path
    )
    assert opened(tmp_path).config.vocab_size <= 340
    with pytest.raises(InputError, match="there is no text"):
        train_on_texts([], settings=SMALL, out=tmp_path)


def test_a_run_for_more_gpus_than_there_are_says_what_to_run(sums, tiny_model, tmp_path):
    from slipstick.train import encoded_examples
    from slipstick.train.trl import read_rows, rows_of

    settings = TrainSettings(base=str(tiny_model), parallel="zero3", num_gpus=16, num_nodes=2, **TRL)
    with pytest.raises(UserError, match=r"16 GPUs in 2 machine\(s\).*launch\.sh.*--resume"):
        train(sums, settings=settings, out=tmp_path)
    config = json.loads((tmp_path / "accelerate.json").read_text())
    assert (config["num_processes"], config["num_machines"]) == (16, 2)
    assert config["distributed_type"] == "DEEPSPEED" and config["deepspeed_config"]["zero_stage"] == 3
    assert config["deepspeed_config"]["deepspeed_multinode_launcher"] == "standard", "the other, pdsh, wants ssh"
    assert not config["use_cpu"] and config["mixed_precision"] == "bf16", "the machines that train have GPUs"
    read, there = read_rows(tmp_path / "job"), rows_of(encoded_examples(sums, settings)[0], settings)
    assert read.tokens == there.tokens and read.dataset[:] == there.dataset[:]
    assert read.dataset.cache_files, "it lies on disk"
    script = (tmp_path / "launch.sh").read_text()
    assert "--machine_rank" in script and f"slipstick.train.worker_main {tmp_path}" in script


@pytest.mark.slow
def test_two_processes_by_accelerate_train_one_model(sums, tiny_model, tmp_path):
    settings = TrainSettings(
        base=str(tiny_model), device="cpu", parallel="fsdp2", num_gpus=2, max_train_tokens=3000, **TRL
    )
    trained = train(sums, settings=settings, out=tmp_path)
    assert trained.steps == len(losses_in(tmp_path)) and trained.loss < losses_in(tmp_path)[0]
    opened(tmp_path)
    config = json.loads((tmp_path / "accelerate.json").read_text())
    assert config["fsdp_config"]["fsdp_version"] == 2 and config["num_processes"] == 2


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
    short = SMALL.model_copy(update={"max_train_tokens": 2000})
    for name, settings in [("a", short), ("b", short), ("c", short.model_copy(update={"seed": 1}))]:
        train(sums, settings=settings, out=tmp_path / name)
    assert losses_in(tmp_path / "a") == losses_in(tmp_path / "b") != losses_in(tmp_path / "c")


def test_an_existing_model_is_trained_further(sums, tiny_model, tmp_path):
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


def test_examples_that_are_left_out_are_counted(sums, tmp_path):
    solution, _ = sums[0]
    long = Problem(id="sums/train/long", text="nuts " * 500)
    pair = (Solution(id="sums/train/long#0", problem_id=long.id, format="cot", blocks=solution.blocks), long)
    tir, problem = sums[2]
    silent = (tir.model_copy(update={"blocks": [Output(text="42")], "finish": "length"}), problem)
    settings = SMALL.model_copy(update={"max_train_tokens": 500, "max_length": 200})
    trained = train([*sums, pair, silent], settings=settings, out=tmp_path)
    assert (trained.examples, trained.too_long, trained.unlabelled) == (len(sums), 1, 1)
    assert "none of their tokens is a label | 1 |" in (tmp_path / "README.md").read_text()


def test_a_step_that_fails_is_told_once(sums, tiny_model, capfd):
    """What a child computed meanwhile nobody waits for, and it says nothing of that."""
    from slipstick.encode import Encoded
    from slipstick.train.data_parallel import Replicas

    replicas = Replicas(opened(tiny_model), processes=2)
    bad, good = Encoded([0, 10**6, 0], [0, 0, 0]), Encoded([5] * 800, [5] * 800)
    with pytest.raises(IndexError):
        replicas.gradients([bad, good, bad, good], seed=0)
    capfd.readouterr()
    replicas.close()
    assert capfd.readouterr().err == ""
