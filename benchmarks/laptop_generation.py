"""Generation on a CPU compared with transformers' `generate` and llama.cpp's server, in tokens per CPU second.

    python -m benchmarks.laptop_generation [--problems N] [--llama-server FILE --gguf FILE]

The same prompts (made problems in the model's chat template), greedy, for all; every one stops where the model ends
its reply. transformers' batch sizes and number types are tried on a quarter of the prompts; its best then takes turns
with ours and the server, which has as many slots as ours has rows, and the best round counts. CPU seconds are those of
the process that generates, without loading. `llama-server` and its `convert_hf_to_gguf.py` (`--outtype bf16`) are built
from its sources; without them that comparison says "skipped".
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from slipstick.formats import load_format
from slipstick.models import ModelSettings, Request, Sampling, open_model
from slipstick.problems import load_problems

TRIED = [(dtype, batch) for dtype in ("bfloat16", "float32") for batch in (16, 32, 64)]
_PORT = 18_099
_LOADING_SECONDS = 120


def requests(options: argparse.Namespace) -> list[Request]:
    """One request for each problem."""
    format, sampling = load_format("cot"), Sampling(max_tokens=options.max_tokens)
    problems = load_problems(f"synthetic:train,n={options.problems}")
    return [Request(problem=p, format=format, sample=0, turn=0, blocks=[], sampling=sampling) for p in problems]


def prompts(options: argparse.Namespace) -> list[list[int]]:
    """The token ids of the prompts, as ours are."""
    from slipstick.encode.prompts import prompt_for
    from slipstick.encode.settings import prompt_config_for
    from slipstick.models.hf import load_tokenizer
    from slipstick.models.hf.packaged import located

    tokenizer = load_tokenizer(options.model)
    config = prompt_config_for(located(options.model), tokenizer, "auto", name=options.model)
    asked = requests(options)
    return [prompt_for(request.format, request.problem, request.blocks, tokenizer, config)[0] for request in asked]


def ours(options: argparse.Namespace) -> float:
    """Tokens per CPU second of `hf:`."""

    async def run() -> float:
        settings = ModelSettings(max_concurrent_requests=options.rows, device="cpu", dtype=options.dtype)
        model = open_model(f"hf:{options.model}", settings)
        asked = requests(options)
        await model.generate(asked[0].model_copy(update={"sampling": Sampling(max_tokens=2)}))
        began = time.process_time()
        replies = await asyncio.gather(*(model.generate(request) for request in asked))
        spent = time.process_time() - began
        await model.close()
        assert all(reply.finish != "error" for reply in replies)
        return sum(reply.tokens for reply in replies) / spent

    return asyncio.run(run())


def transformers(options: argparse.Namespace) -> float:
    """Tokens per CPU second of transformers' `generate`, batch after batch; padding is not counted."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import torch

    from slipstick.models.hf import load_weights
    from slipstick.models.hf.decode import end_ids

    model, tokenizer = load_weights(options.model, dtype=options.dtype)
    ends, asked = end_ids(model, tokenizer), prompts(options)
    fixed: dict[str, Any] = {"do_sample": False, "pad_token_id": 0, "eos_token_id": sorted(ends)}

    def generate(rows: list[list[int]], most: int) -> int:
        width = max(map(len, rows))
        ids = torch.tensor([[0] * (width - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
        made = model.generate(ids, attention_mask=mask, max_new_tokens=most, **fixed)[:, width:].tolist()
        return sum(next((i + 1 for i, token in enumerate(row) if token in ends), len(row)) for row in made)

    generate(asked[:1], 2)
    began = time.process_time()
    tokens = sum(
        generate(asked[at : at + options.rows], options.max_tokens) for at in range(0, len(asked), options.rows)
    )
    return tokens / (time.process_time() - began)


def llamacpp(options: argparse.Namespace) -> float:
    """Tokens per CPU second of llama.cpp's server, which is asked by token ids."""
    asked = prompts(options)
    columns = options.rows * (max(map(len, asked)) + options.max_tokens + 32)
    command = [options.llama_server, "-m", options.gguf, "--port", str(_PORT), "-np", str(options.rows), "--poll", "0"]
    command += ["-c", str(columns), "-t", options.threads, "-tb", options.threads, "--no-webui", "-fa", options.flash]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(server)
        _ask(asked[0], 2)
        began = _cpu_seconds(server.pid)
        with ThreadPoolExecutor(options.rows) as pool:
            tokens = sum(pool.map(lambda prompt: _ask(prompt, options.max_tokens), asked))
        return tokens / (_cpu_seconds(server.pid) - began)
    finally:
        server.kill()
        server.wait()


def _wait(server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _LOADING_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{_PORT}/health", timeout=5).close()
        except (urllib.error.URLError, OSError):
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("llama-server does not start: run its command by hand to see why") from None
            time.sleep(0.5)
        else:
            return


def _ask(prompt: list[int], tokens: int) -> int:
    body = json.dumps({"prompt": prompt, "n_predict": tokens, "temperature": 0, "cache_prompt": True}).encode()
    asked = urllib.request.Request(f"http://127.0.0.1:{_PORT}/completion", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked) as answer:
        return int(json.load(answer)["tokens_predicted"])


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


ENGINES = {"ours": ours, "transformers": transformers, "llamacpp": llamacpp}


def in_a_process(engine: str, options: argparse.Namespace, **changed: Any) -> float:
    """The figure of an engine, measured in a process of its own."""
    chosen = {**vars(options), **changed, "only": engine}
    given = [f"--{name.replace('_', '-')}={value}" for name, value in chosen.items() if value is not None]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.laptop_generation", *given], stdout=subprocess.PIPE, text=True, check=True
    )
    figure = float(json.loads(done.stdout.splitlines()[-1])["tokens_per_cpu_s"])
    print(f"{engine} {changed}: {figure:.1f} tokens per CPU second", file=sys.stderr, flush=True)
    return figure


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """The figures of `benchmarks.laptop` on generation."""
    quarter = max(options.problems // 4, 1)
    tried = {
        (dtype, rows): in_a_process("transformers", options, dtype=dtype, rows=rows, problems=quarter)
        for dtype, rows in TRIED
    }
    dtype, rows = max(tried, key=lambda setting: tried[setting])
    served = options.llama_server is not None and options.gguf is not None
    best: dict[str, float] = {}
    for _ in range(options.rounds):
        found = {
            "ours": in_a_process("ours", options),
            "transformers": in_a_process("transformers", options, dtype=dtype, rows=rows),
        }
        if served:
            found |= {"llamacpp": max(in_a_process("llamacpp", options, flash=flash) for flash in ("on", "off"))}
        best = {engine: max(figure, best.get(engine, 0.0)) for engine, figure in found.items()}
    skipped = "skipped: name --llama-server and --gguf"
    return {
        "generate_tokens_per_cpu_s": round(best["ours"], 1),
        "generate_vs_transformers": round(best["ours"] / best["transformers"], 2),
        "generate_vs_llamacpp": round(best["ours"] / best["llamacpp"], 2) if served else skipped,
        "transformers_best": {"dtype": dtype, "batch": rows, "tokens_per_cpu_s": round(best["transformers"], 1)},
        "llamacpp_tokens_per_cpu_s": round(best["llamacpp"], 1) if served else skipped,
        "load": round(os.getloadavg()[0], 1),
    }


def parser() -> argparse.ArgumentParser:
    """The options; `benchmarks.laptop` takes their defaults."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--model", default="smollm2")
    made.add_argument("--problems", type=int, default=256)
    made.add_argument("--max-tokens", type=int, default=128)
    made.add_argument("--rows", type=int, default=64, help="rows of ours, slots of the server")
    made.add_argument("--dtype", default="bfloat16")
    made.add_argument("--rounds", type=int, default=2)
    made.add_argument("--llama-server")
    made.add_argument("--gguf")
    made.add_argument("--threads", default="1", help="threads of the server, which spend time waiting for each other")
    made.add_argument("--flash", default="on", help="flash attention of the server: both are tried")
    made.add_argument("--only", choices=ENGINES, help="measure this one alone, as given")
    return made


if __name__ == "__main__":
    chosen = parser().parse_args()
    if chosen.only:
        print(json.dumps({"tokens_per_cpu_s": ENGINES[chosen.only](chosen)}))
    else:
        print(json.dumps(measure(chosen)))
