"""Training speed on a CPU compared with TRL's SFTTrainer, and what `plan` predicted compared with the measurement.

    python -m benchmarks.training [--tokens N] [--rounds N]

The same examples, model and AdamW for all. TRL's kinds of packing, its threads and its precision are tried on a
quarter of the tokens; the fastest two then alternate with ours on all of them; the best round counts. `loss_gap` is
the difference of the two trained models' mean loss on held-out examples. What needs a GPU says "skipped" with the
reason.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from slipstick.encode.encoding import IGNORED
from slipstick.formats import load_format
from slipstick.plan.dry_run import dry_run, tree_bytes
from slipstick.problems import load_problems
from slipstick.schema import Problem, Run, Solution, Verdict
from slipstick.store import RunFolder
from slipstick.synthesize.writing import can_write, write
from slipstick.train.sources import TrainRecipe

# TRL's kinds of packing; 8 padded rows and one packed row hold about as many tokens as a step of ours.
LAYOUTS: dict[str, dict[str, Any]] = {
    "none": {"packing": "none", "per_device_train_batch_size": 8},
    "wrapped": {"packing": "wrapped", "per_device_train_batch_size": 1},
    "bfd": {"packing": "bfd", "per_device_train_batch_size": 1},
}
COMMON = {"optimizer": "adamw", "learning_rate": 1.5e-3, "max_length": 1024, "adam_beta2": 0.95}


def pairs(n: int) -> list[tuple[Solution, Problem]]:
    """Made problems with a program and words each, unexecuted: only their tokens matter here."""
    made = []
    for problem in load_problems(f"synthetic:train,n={n}"):
        gold = problem.answer[0] if isinstance(problem.answer, list) else problem.answer
        for name in ("pot", "cot"):
            format = load_format(name)
            if gold is not None and can_write(format, problem):
                blocks = write(format, problem, answer=gold)
                verdict = Verdict(outcome="correct", method="made")
                key = f"{problem.id}#{name}#0"
                fields: dict[str, Any] = {"problem_id": problem.id, "format": name, "verdict": verdict}
                made.append((Solution(id=key, blocks=blocks, answer=gold, **fields), problem))
    return made


def save(folder: Path, rows: list[tuple[Solution, Problem]]) -> Path:
    """A run folder that `train` learns from."""
    run = Run.model_validate({"name": "d", "verb": "made", "status": "running", "started": 0, "recipe": {}})
    data = RunFolder.start(folder, run)
    data.write_problems({problem.id: problem for _, problem in rows}.values())
    for solution, _ in rows:
        data.append(solution)
    data.finish("finished", counts={}, metrics=[])
    return folder


CHILD = """
import json, os, sys, time, resource
from pathlib import Path
from slipstick.train.sources import TrainRecipe
from slipstick.train import train
threads = int(sys.argv[3])
recipe = TrainRecipe.model_validate_json(sys.argv[1])
if threads > 1:
    import torch
    torch.set_num_threads = lambda n, real=torch.set_num_threads: real(threads)
marks = []
def mark(done, total, loss):
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    marks.append((time.monotonic(), sum(u.ru_utime + u.ru_stime for u in used), done))
train(recipe.pairs(), settings=recipe, out=Path(sys.argv[2]), progress=mark)
print(json.dumps([marks[2], marks[-1]]))
"""


def run(recipe: TrainRecipe, out: Path, *, threads: int = 1) -> dict[str, float]:
    """Trains in a process of its own; tokens a second after the first steps, and the most memory seen."""
    command = [sys.executable, "-c", CHILD, recipe.model_dump_json(), str(out), str(threads)]
    began, peak = time.monotonic(), 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            peak = max(peak, tree_bytes(process.pid))
            time.sleep(0.1)
        assert process.stdout
        said = process.stdout.read()
    if process.returncode:
        raise SystemExit(f"a training failed: {recipe.trainer}")
    (start, _, early), (end, _, late) = json.loads(said.splitlines()[-1])
    return {"rate": (late - early) / (end - start), "seconds": time.monotonic() - began, "peak": peak}


def held_out(folder: Path, rows: list[tuple[Solution, Problem]]) -> float:
    """Mean loss over the labelled tokens of examples that were not trained on, in nats."""
    import torch

    from slipstick.encode.encoding import encode
    from slipstick.models.hf import load_weights

    model, tokenizer = load_weights(str(folder), dtype="float32")
    total, count = 0.0, 0
    with torch.inference_mode():
        for solution, problem in rows:
            ids, labels = encode(solution, problem, load_format(solution.format), tokenizer)
            logits = model(torch.tensor([ids])).logits[0, :-1]
            target = torch.tensor(labels[1:])
            chosen = target != IGNORED
            total += float(torch.nn.functional.cross_entropy(logits[chosen], target[chosen], reduction="sum"))
            count += int(chosen.sum())
    return total / count


def peers(recipe: TrainRecipe) -> dict[str, tuple[TrainRecipe, int]]:
    """TRL's settings by name, and the threads each is given."""
    found = {}
    for format, settings in LAYOUTS.items():
        for threads in (1, 2):
            for narrow in (False, True):
                name = f"{format}, {threads} threads, {'bfloat16' if narrow else 'float32'}"
                update = {"trainer": "trl", "bf16": narrow, **settings}
                found[name] = recipe.model_copy(update=update), threads
    return found


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, default=120_000)
    parser.add_argument("--rounds", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = pairs(1200)
        data, test = str(save(folder / "data", rows[:-200])), rows[-200:]
        base = str(folder / "base")
        run(TrainRecipe(data=[data], max_train_tokens=10_000, num_processes=1), folder / "base")
        recipe = TrainRecipe.model_validate({"data": data, "base": base, "max_train_tokens": asked.tokens, **COMMON})
        ways = peers(recipe)
        tried = {}
        for way, (peer, threads) in ways.items():
            short = peer.model_copy(update={"max_train_tokens": asked.tokens // 4})
            tried[way] = run(short, folder / f"tried {way}", threads=threads)["rate"]
        finalists = sorted(tried, key=lambda way: -tried[way])[:2]
        plan = dry_run(recipe, seconds=8)
        ours, best = [], dict.fromkeys(finalists, 0.0)
        for turn in range(asked.rounds):
            ours.append(run(recipe, folder / f"ours {turn}"))
            for way in finalists:
                peer, threads = ways[way]
                best[way] = max(best[way], run(peer, folder / f"{way} {turn}", threads=threads)["rate"])
        fastest = max(best, key=lambda way: best[way])
        rate = max(seen["rate"] for seen in ours)
        ours_loss, peer_loss = held_out(folder / "ours 0", test), held_out(folder / f"{fastest} 0", test)
    planned = plan.start_seconds + plan.total_tokens / plan.tokens_per_second
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {
        "cpu_vs_sfttrainer": round(rate / best[fastest], 3),
        "loss_gap": round(ours_loss - peer_loss, 4),
        "plan_memory_error": round(abs(plan.peak_bytes - ours[0]["peak"]) / ours[0]["peak"], 3),
        "plan_time_error": round(abs(planned - ours[0]["seconds"]) / ours[0]["seconds"], 3),
        "tokens_per_second": round(rate),
        "sfttrainer": {way: round(value) for way, value in best.items()},
        "sfttrainer_tried": {way: round(value) for way, value in tried.items()},
        "losses": [round(ours_loss, 4), round(peer_loss, 4)],
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime),
        **gpu_figures(),
    }
    print(json.dumps(figures))


def gpu_figures() -> dict[str, Any]:
    """Utilisation of a GPU, if there is one."""
    import torch

    if not torch.cuda.is_available():
        why = "skipped: no GPU"
        return {"mfu": why, "vs_sfttrainer": why, "device": why}
    from benchmarks.training_gpu import measure

    return measure()


if __name__ == "__main__":
    main()
