"""The commands `train`, `show-mask` and `plan`."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.curate import run_curate
from slipstick.commands.plan import run_plan
from slipstick.commands.show_mask import run_show_mask
from slipstick.commands.train import run_train
from slipstick.errors import InputError, RecipeError, RunFolderError, UserError
from slipstick.plan.dry_run import dry_run
from slipstick.schema import Problem, Run, Solution, Verdict
from slipstick.store import RunFolder
from slipstick.train.sources import TrainRecipe

pytest.importorskip("torch", reason="the extra `train` is not installed")

import torch

Pairs = list[tuple[Solution, Problem]]
SIZE = (
    "d_model = 32\nnum_layers = 1\nnum_heads = 2\nd_ff = 64\nvocab_size = 340\nnum_processes = 1\nbatch_tokens = 512\n"
)


@pytest.fixture
def recipe(sums: Pairs, tmp_path: Path) -> Path:
    """A recipe on a run of sums, one of them solved wrongly."""
    run = Run(name="data", verb="synthesize", status="running", started="2026-01-01T00:00:00Z", recipe={})
    folder = RunFolder.start(tmp_path / "data", run)
    folder.write_problems({p.id: p for _, p in sums}.values())
    for number, (solution, _) in enumerate(sums):
        outcome = "incorrect" if number == 0 else "correct"
        verdict = Verdict.model_validate({"outcome": outcome, "method": "number"})
        folder.append(solution.model_copy(update={"verdict": verdict}))
    folder.finish("finished", counts={}, metrics=[])
    (tmp_path / "data" / "README.md").write_text("a card")
    file = tmp_path / "r.toml"
    file.write_text(f'data = "{tmp_path}/data"\nmax_train_tokens = 3000\n{SIZE}')
    return file


def test_only_correct_solutions_are_learnt_from_and_the_card_says_so(recipe: Path, sums: Pairs, tmp_path: Path) -> None:
    out = run_train(Invocation(str(recipe), out=tmp_path / "run"), Console(file=io.StringIO()))
    run = RunFolder(out).run()
    assert run.status == "finished" and run.counts["examples"] == len(sums) - 1 and run.counts["cut"] == 0
    card = (out / "model" / "README.md").read_text()
    assert str(tmp_path / "data" / "README.md") in card and "37 cot" in card and "max_train_tokens = 3000" in card


def test_the_split_that_curation_held_out_is_not_trained_on(recipe: Path, tmp_path: Path) -> None:
    curate = tmp_path / "curate.toml"
    curate.write_text(f'data = "{tmp_path}/data"\nsplits = {{train = 0.8, valid = 0.2}}\n')
    curated = RunFolder(run_curate(Invocation(str(curate), out=tmp_path / "curated"), Console(quiet=True)))
    split = {problem.id: problem.metadata["split"] for problem in curated.problems()}
    held_out = sum(split[solution.problem_id] == "valid" for solution in curated.solutions())
    console = Console(file=io.StringIO(), width=200)
    more = [f"data={curated.path}"]
    run = RunFolder(run_train(Invocation(str(recipe), more, out=tmp_path / "run"), console)).run()
    assert run.counts["valid_examples"] == held_out > 0
    assert run.counts["examples"] == len(list(curated.solutions())) - held_out
    assert isinstance(console.file, io.StringIO) and f"loss on {held_out} held-out examples" in console.file.getvalue()
    result = json.loads((tmp_path / "run" / "model" / "trained.json").read_text())
    assert 0 < result["valid_loss"] < 12 and "held-out" in (tmp_path / "run" / "model" / "README.md").read_text()
    with pytest.raises(InputError, match=r"has no split `dev`; it was divided into train, valid"):
        run_train(Invocation(str(recipe), [*more, "split=dev"], out=tmp_path / "dev"), console)
    both = [f'data=["{curated.path}", "{tmp_path}/data"]']
    with pytest.raises(InputError, match=r"is of a question that .*curated holds out as .* Curate the runs of `data`"):
        run_train(Invocation(str(recipe), both, out=tmp_path / "both"), console)
    assert len(list(TrainRecipe(data=[str(curated.path), f"{tmp_path}/data"], valid_split="none").pairs())) > held_out


def test_show_mask_prints_and_writes_a_page(recipe: Path, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=200)
    run_show_mask(str(recipe), [f"page={tmp_path}/mask.html", "num_examples=1"], console)
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert all(f"{name}: " in said for name in ("cot", "pot", "tir")) and "113 examples" in said
    page = (tmp_path / "mask.html").read_text()
    assert page.count("<h2>") == 3 and "prefers-color-scheme" in page and "http" not in page
    trained = "".join(part.partition(">")[2].partition("<")[0] for part in page.split('class="trained"')[2:])
    assert "The answer is" in trained and "How many" not in trained


def test_a_dry_run_measures_speed_and_memory(recipe: Path) -> None:
    seen = dry_run(
        TrainRecipe(data=[str(recipe.parent / "data")], max_train_tokens=3000, num_processes=1, vocab_size=340),
        seconds=0.2,
    )
    assert seen.total_tokens >= 3000 and seen.tokens_per_second > 10
    assert 0.2 * 2**30 < seen.peak_bytes < 2 * 2**30


def test_a_dry_run_that_cannot_start_says_why_in_words(recipe: Path) -> None:
    with pytest.raises(
        UserError, match=r"steps of this recipe fail: none of 113 solutions is usable.*max_length = 5 tokens"
    ):
        dry_run(TrainRecipe(data=[str(recipe.parent / "data")], max_length=5, vocab_size=340), seconds=0.2)


def test_a_plan_for_this_machine_leaves_out_the_other_processes(recipe: Path, tiny_model: Path) -> None:
    console = Console(file=io.StringIO(), width=200)
    many = ["trainer=trl", "optimizer=adamw", "parallel=fsdp2", "num_gpus=4", f"base={tiny_model}", "max_length=128"]
    run_plan(str(recipe), [*many, "dry_run_seconds=0.1"], console)
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert 'parallel = "fsdp2": this machine is planned as if one process' in said and "tokens/s" in said


def test_raw_text_comes_from_files_and_problems(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one text")
    (tmp_path / "b.jsonl").write_text(json.dumps({"text": "two"}) + "\n" + json.dumps({"text": "three"}) + "\n")
    sources = [str(tmp_path / "a.txt"), str(tmp_path / "b.jsonl")]
    assert list(TrainRecipe(data=sources, stage="cpt").texts()) == ["one text", "two", "three"]
    assert len(list(TrainRecipe(data=["synthetic:train,n=5"], stage="cpt", limit=3).texts())) == 3
    with pytest.raises(InputError, match=r"b\.jsonl:1 has no text in `body`; set text_field"):
        list(TrainRecipe(data=sources[1:], stage="cpt", text_field="body").texts())
    with pytest.raises(InputError, match=r"none\.txt does not exist"):
        list(TrainRecipe(data=[str(tmp_path / "none.txt")], stage="cpt").texts())


def test_a_signal_to_all_of_its_processes_stops_a_run_after_a_step(recipe: Path, tmp_path: Path) -> None:
    """As `timeout` and schedulers send it: the other processes of the training go on until the step is kept."""
    out = tmp_path / "run"
    command = [sys.executable, "-m", "slipstick", "train", str(recipe), "--out", str(out)]
    told = ["--set", "num_processes=2", "--set", "max_train_tokens=3000000"]
    pipe, all_of_it = subprocess.PIPE, subprocess.STDOUT
    started = subprocess.Popen([*command, *told], stdout=pipe, stderr=all_of_it, text=True, start_new_session=True)
    losses, end = out / "model/losses.jsonl", time.monotonic() + 120
    while not losses.exists() or losses.stat().st_size < 400:
        assert started.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    os.killpg(started.pid, signal.SIGTERM)
    said = started.communicate(timeout=120)[0]
    assert "Nothing is lost" in said and "killed" not in said
    assert RunFolder(out).run().status == "stopped"
    kept = torch.load(out / "model/checkpoint.pt", weights_only=False)
    assert len(kept["losses"]) == len(losses.read_text().splitlines())


def run_again(recipe: Path, out: Path, *overrides: str) -> str:
    console = Console(file=io.StringIO(), width=200)
    run_train(Invocation(str(recipe), list(overrides), out=out, resume=out.exists()), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_run_may_be_resumed_with_other_processes(recipe: Path, tmp_path: Path) -> None:
    run_again(recipe, tmp_path / "run", "max_train_tokens=600")
    run_again(recipe, tmp_path / "run", "max_train_tokens=600", "num_processes=2", "checkpoint_every=9000")
    assert RunFolder(tmp_path / "run").run().recipe["num_processes"] == 2
    with pytest.raises(RunFolderError, match="num_gpus: 1 then, 2 now"):
        more = ["trainer=trl", "optimizer=adamw", "parallel=fsdp2", "num_gpus=2"]
        run_again(recipe, tmp_path / "run", "max_train_tokens=600", *more)


def test_the_total_that_is_shown_is_that_of_the_epochs(recipe: Path, tmp_path: Path) -> None:
    said = run_again(recipe, tmp_path / "run", "num_train_epochs=0.5")
    tokens = f"{RunFolder(tmp_path / 'run').run().counts['tokens']:,}"
    assert f"training: {tokens} of {tokens} tokens" in said


def test_a_run_for_other_machines_keeps_what_is_to_be_launched(recipe: Path, tiny_model: Path, tmp_path: Path) -> None:
    many = ["trainer=trl", "optimizer=adamw", "parallel=fsdp2", "num_gpus=4", "num_nodes=2", f"base={tiny_model}"]
    for _ in range(2):
        with pytest.raises(UserError, match=r"run `sh .*launch\.sh` on each machine"):
            run_again(recipe, tmp_path / "run", *many)
        assert (tmp_path / "run" / "model" / "launch.sh").is_file()


def test_a_stage_that_is_none_is_told_all_of_them(recipe: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"stage = 'grop' is not known \(did you mean `grpo`\?\).*cpt, value, grpo"):
        run_again(recipe, tmp_path / "run", "stage=grop")


def test_problems_without_a_gold_are_not_replaced_by_others(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text('{"text": "1+1?"}\n')
    with pytest.raises(InputError, match=r"eval_problems = .*mine\.jsonl.*no problem has a gold"):
        run_again(recipe, tmp_path / "run", f"eval_problems={tmp_path}/mine.jsonl", "eval_accuracy_problems=1")
    assert not (tmp_path / "run").exists()


def test_data_that_is_no_run_is_said(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text(f'data = "{tmp_path}/nothing"\n{SIZE}')
    with pytest.raises(RunFolderError, match="not a run folder"):
        run_train(Invocation(str(file), out=tmp_path / "run"), Console(file=io.StringIO()))
    assert not (tmp_path / "run").exists()
