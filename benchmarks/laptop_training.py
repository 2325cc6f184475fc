"""Fine-tuning a pretrained model on a CPU, our loop compared with TRL's SFTTrainer, in tokens per CPU second.

    python -m benchmarks.laptop_training [--problems N] [--tokens N] [--rounds N] [--base NAME]

The same model, token ids, labels, AdamW and tokens per update for both, each run in a process of its own, CPU seconds
of its children included. TRL's ways (rows of similar length, packed, without padding; autocast or weights in bfloat16;
attention; threads) are tried for a few updates each; the fastest of each precision then alternate with ours, and the
best round counts. The problems are GSM8K's with their annotations as words, programs and interleaved
(../shared/data), or made ones if that is not there. `curve` is the mean loss of each fifth of the same tokens in
bfloat16 and in float32 (`--curve TOKENS`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.training import pairs, save

SHARED = Path("../shared/data")
BASE = "smollm2"
STEP = {"batch_tokens": 4096}
ROWS = {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 2}  # 16 rows are about 4096 tokens

AUTOCAST, NARROW, FLOAT = {"bf16": True}, {"dtype": "bfloat16"}, {"bf16": False}
BY_LENGTH = {"train_sampling_strategy": "group_by_length"}
FOUR = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 4}
PACKED = {"packing": True, "max_length": 1024, "per_device_train_batch_size": 2}
WAYS: dict[str, dict[str, Any]] = {
    "autocast, by length": AUTOCAST | BY_LENGTH,
    "autocast, by length, 2 threads": AUTOCAST | BY_LENGTH | {"threads": 2},
    "autocast, by length, 4 rows 4 times": AUTOCAST | BY_LENGTH | FOUR,
    "autocast, by length, eager attention": AUTOCAST | BY_LENGTH | {"attention": "eager"},
    "bfloat16 weights, by length": NARROW | BY_LENGTH,
    "bfloat16 weights, by length, 4 rows 4 times": NARROW | BY_LENGTH | FOUR,
    "bfloat16 weights, by length, eager attention": NARROW | BY_LENGTH | {"attention": "eager"},
    "bfloat16 weights, without padding": NARROW | {"padding_free": True, **FOUR},
    "bfloat16 weights, packed bfd": NARROW | PACKED | {"packing_strategy": "bfd"},
    "bfloat16 weights, packed wrapped": NARROW | PACKED | {"packing_strategy": "wrapped"},
    "float32 products in bfloat16, by length": FLOAT | BY_LENGTH | {"medium": True},
    "float32, by length": FLOAT | BY_LENGTH,
}


def data(folder: Path, problems: int) -> str:
    """A run folder of solutions to train on."""
    if not SHARED.is_dir():
        return str(save(folder / "data", pairs(problems)))
    recipe = 'problems = ["gsm8k:train"]\nformats = ["cot", "pot", "tir"]\nmethod = "annotations"\n'
    (folder / "data.toml").write_text(recipe + f'problems_dir = "{SHARED.resolve()}"\n')
    command = [sys.executable, "-m", "slipstick", "synthesize", str(folder / "data.toml"), "--limit", str(problems)]
    subprocess.run([*command, "--out", str(folder / "data")], check=True, capture_output=True)
    return str(folder / "data")


def cpu_seconds() -> float:
    """Of this process and its children, those that still run included."""
    total = 0.0
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    for pid in (os.getpid(), *children):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(field) for field in fields[11:15])
    return total / os.sysconf("SC_CLK_TCK")


def rate_of(marks: list[tuple[float, int]]) -> float:
    """Tokens per CPU second after the first update, which compiles kernels and touches memory for the first time."""
    (start, early), (end, late) = marks[0], marks[-1]
    return (late - early) / (end - start)


def train_ours(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Trains by our loop; a child's work."""
    from slipstick.train import train
    from slipstick.train.sources import TrainRecipe

    recipe, marks = TrainRecipe.model_validate(job["recipe"]), list[tuple[float, int]]()
    train(
        recipe.pairs(),
        settings=recipe,
        out=folder / "model",
        progress=lambda done, total, loss: marks.append((cpu_seconds(), done)),
    )
    losses = [json.loads(line)["loss"] for line in (folder / "model" / "losses.jsonl").read_text().splitlines()]
    return {"rate": rate_of(marks), "losses": losses}


def train_trl(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Trains by TRL's SFTTrainer; a child's work."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, TrainerCallback
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from slipstick.models.hf.packaged import located
    from slipstick.train.sft import encoded_examples
    from slipstick.train.sources import TrainRecipe

    recipe, way = TrainRecipe.model_validate(job["recipe"]), dict(job["way"])
    torch.set_num_threads(way.pop("threads", 1))
    if way.pop("medium", False):
        torch.set_float32_matmul_precision("medium")
    examples, tokenizer = encoded_examples(recipe.pairs(), recipe)
    rows = {"input_ids": [e.ids for e in examples.encoded], "labels": [e.labels for e in examples.encoded]}
    dtype, kernel = way.pop("dtype", "float32"), way.pop("attention", "sdpa")
    model = AutoModelForCausalLM.from_pretrained(
        located(job["recipe"]["base"]), dtype=dtype, attn_implementation=kernel
    )
    marks, seen = [(0.0, 0)], [0]

    class Counting(SFTTrainer):
        def training_step(self, model: Any, inputs: Any, *rest: Any, **options: Any) -> Any:
            mask = inputs.get("attention_mask")
            seen[0] += int(mask.sum()) if mask is not None else inputs["input_ids"].numel()
            step: Any = super().training_step
            return step(model, inputs, *rest, **options)

    class Marking(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            marks.append((cpu_seconds(), seen[0]))

    settings = {
        "bf16": False,
        "max_length": None,
        "optim": "adamw_torch_fused",
        "learning_rate": recipe.learning_rate,
        "max_grad_norm": recipe.max_grad_norm,
        "max_steps": job["steps"],
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "logging_steps": 1,
        "disable_tqdm": True,
        **ROWS,
    } | way
    arguments = SFTConfig(output_dir=str(folder), **settings)
    trainer = Counting(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict(rows),
        processing_class=tokenizer,
        callbacks=[Marking()],
    )
    trainer.train()
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    return {"rate": rate_of(marks[1:]), "losses": losses}


def run(kind: str, job: dict[str, Any]) -> dict[str, Any]:
    """A training in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", __name__ if __name__ != "__main__" else "benchmarks.laptop_training"]
        done = subprocess.run(
            [*command, "--child", kind, json.dumps(job), folder],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"OMP_WAIT_POLICY": "passive"},
        )
    if done.returncode:
        raise SystemExit(f"{kind} failed with exit code {done.returncode}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(
    *,
    base: str = BASE,
    problems: int = 400,
    tokens: int = 24_000,
    rounds: int = 2,
    tries: int = 3,
    ways: list[str] | None = None,
) -> dict[str, Any]:
    """Our rate, TRL's best, and what was tried."""
    with tempfile.TemporaryDirectory() as name:
        recipe = {"data": data(Path(name), problems), "base": base, "template": "chat", **STEP}
        ours = {"recipe": recipe | {"max_train_tokens": tokens}}
        tried: dict[str, float] = {}
        for way, settings in WAYS.items():
            if ways is None or way in ways:
                tried[way] = run("trl", {"recipe": recipe, "way": settings, "steps": tries})["rate"]
                print(way, round(tried[way]), file=sys.stderr, flush=True)
        autocast = [way for way in tried if WAYS[way].get("bf16")]
        finalists = {max(names, key=lambda way: tried[way]) for names in (tried, autocast) if names}
        best, own = dict.fromkeys(finalists, 0.0), list[float]()
        for _ in range(rounds):
            own.append(run("ours", ours)["rate"])
            for way in finalists:
                job = {"recipe": recipe, "way": WAYS[way], "steps": max(3, tokens // STEP["batch_tokens"])}
                best[way] = max(best[way], run("trl", job)["rate"])
    return {
        "train_tokens_per_cpu_s": round(max(own)),
        "train_vs_trl": round(max(own) / max(best.values()), 2),
        "train_vs_trl_autocast": round(max(own) / max(best.get(way, 0.0) for way in autocast), 2) if autocast else None,
        "trl": {way: round(rate) for way, rate in best.items()},
        "trl_tried": {way: round(rate) for way, rate in tried.items()},
        "ours": [round(rate) for rate in own],
        "load": round(os.getloadavg()[0], 1),
    }


def curve(*, base: str = BASE, problems: int = 400, tokens: int) -> dict[str, Any]:
    """The mean loss of each fifth of the same tokens, in bfloat16 and in float32."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        recipe = {"data": data(Path(name), problems), "base": base, "template": "chat", "max_train_tokens": tokens}
        for kind, narrow in (("bfloat16", True), ("float32", False)):
            losses = run("ours", {"recipe": recipe | STEP | {"bf16": narrow}})["losses"]
            fifths = [losses[len(losses) * i // 5 : len(losses) * (i + 1) // 5] for i in range(5)]
            found[kind] = [round(sum(part) / len(part), 4) for part in fifths]
    return {"curve": found}


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", default=BASE)
    parser.add_argument("--problems", type=int, default=400)
    parser.add_argument("--tokens", type=int, default=24_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--tries", type=int, default=3, help="updates of each of TRL's ways")
    parser.add_argument("--curve", type=int, default=0)
    parser.add_argument("--ways", nargs="*")
    parser.add_argument("--child", nargs=3)
    asked = parser.parse_args()
    if asked.child:
        kind, job, folder = asked.child
        print(json.dumps({"trl": train_trl, "ours": train_ours}[kind](json.loads(job), Path(folder))))
        return
    size = {"base": asked.base, "problems": asked.problems}
    if asked.curve:
        print(json.dumps(curve(**size, tokens=asked.curve)))
        return
    print(json.dumps(measure(**size, tokens=asked.tokens, rounds=asked.rounds, tries=asked.tries, ways=asked.ways)))


if __name__ == "__main__":
    main()
