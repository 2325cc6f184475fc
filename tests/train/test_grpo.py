"""GRPO: a few real updates on the tiny model, the interpreter's tokens masked, verdicts as rewards."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

pytest.importorskip("trl", reason="the extra `train` is not installed")

from slipstick.errors import InputError, RecipeError
from slipstick.formats import load_format, render
from slipstick.launch import Order
from slipstick.launch.reinforcing import reward, run_grpo
from slipstick.models.hf import load_weights
from slipstick.schema import Code, Output, Problem, Solution, Text
from slipstick.store import RunFolder
from slipstick.train.grpo import GrpoSettings, roll_out


@pytest.fixture
def problems(sums, tmp_path):
    """A file of a few sums."""
    rows = list({problem.id: problem for _, problem in sums}.values())[:4]
    path = tmp_path / "sums.jsonl"
    path.write_text("".join(f"{row.model_dump_json()}\n" for row in rows))
    return path


def test_some_updates_of_the_tiny_model(tiny_model, problems, tmp_path):
    recipe = tmp_path / "grpo.toml"
    recipe.write_text(
        f'stage = "grpo"\nbase = "{tiny_model}"\nproblems = "{problems}"\nformat = "tir"\nsteps = 2\ngroup = 2\n'
        "batch = 4\nlearning_rate = 1e-3\nmax_tokens = 24\nturns = 2\nlevel = 'process'\n"
    )
    out = run_grpo(Order(str(recipe), out=tmp_path / "run"), Console(quiet=True))
    run = RunFolder(out).run()
    assert run.status == "finished" and run.counts == {"problems": 4, "solutions": 8}
    steps = [json.loads(line) for line in (out / "model" / "steps.jsonl").read_text().splitlines()]
    assert len(steps) == 2 and all(0 <= step["reward"] <= 1 for step in steps)
    load_weights(str(out / "model"), dtype="float32")


def test_what_the_interpreter_wrote_is_masked(sums, tiny_model):
    _, tokenizer = load_weights(str(tiny_model), dtype="float32")
    solution, problem = next(pair for pair in sums if pair[0].format == "tir")
    solution = solution.model_copy(update={"answer": problem.answer})
    rows = roll_out([solution], {problem.id: problem}, tokenizer, settings=GrpoSettings(base="x"))
    ids, mask = rows["completion_ids"][0], rows["env_mask"][0]
    written = tokenizer.decode([i for i, kept in zip(ids, mask, strict=True) if kept], skip_special_tokens=True)
    pieces = render(load_format("tir"), solution.blocks)
    assert written == "".join(piece.text for piece in pieces if piece.written)
    assert 0 in mask and mask[0] == mask[-1] == 1 and ids[-1] == tokenizer.eos_token_id
    assert rows["said"] == [f"The answer is {problem.answer}"]


def test_ids_are_those_that_were_generated(sums, tiny_model):
    _, tokenizer = load_weights(str(tiny_model), dtype="float32")
    problem = sums[0][1]
    spelt = [tokenizer.convert_tokens_to_ids(letter) for letter in "yes"]
    solution = Solution(id="a", problem_id=problem.id, format="cot", blocks=[Text(text="yes")], turn_ids=[spelt])
    rows = roll_out([solution], {problem.id: problem}, tokenizer, settings=GrpoSettings(base="x"))
    assert rows["completion_ids"][0] == [*spelt, tokenizer.eos_token_id]


def test_a_program_is_rewarded_by_what_it_printed(tiny_model):
    _, tokenizer = load_weights(str(tiny_model), dtype="float32")
    problem = Problem(id="p", text="What is 2 + 3?", answer="5")
    blocks = [Code(text="print(2 + 3)"), Output(text="5")]
    solution = Solution(id="s", problem_id="p", format="pot", blocks=blocks, answer="5")
    rows = roll_out([solution], {"p": problem}, tokenizer, settings=GrpoSettings(base="x"))
    assert "5" not in tokenizer.decode(rows["completion_ids"][0]).replace("2 + 3", "")
    assert reward(completions=[*rows["said"], "", "The answer is 6"], answer=['["5"]'] * 3) == [1.0, 0.0, 0.0]


def test_mistakes_are_said_before_anything_starts(tiny_model, tmp_path, problems):
    recipe = tmp_path / "grpo.toml"
    recipe.write_text(f'stage = "grpo"\nbase = "{tiny_model}"\nproblems = "{problems}"\ngroup = 3\nbatch = 4\n')
    with pytest.raises(RecipeError, match="batch = 4 is no multiple of group = 3"):
        run_grpo(Order(str(recipe)), Console(quiet=True))
    bare = tmp_path / "bare.jsonl"
    bare.write_text('{"id": "a/b/0", "text": "What?"}\n')
    overrides = [f"problems={bare}", "batch=3"]
    with pytest.raises(InputError, match="a/b/0 has no answer"):
        run_grpo(Order(str(recipe), overrides, out=tmp_path / "none"), Console(quiet=True))
    assert not (tmp_path / "none").exists()
