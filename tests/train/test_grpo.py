"""GRPO: a few real updates on the tiny model, the interpreter's tokens masked, verdicts as rewards."""

from __future__ import annotations

import asyncio
import json
import shutil
import tomllib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

pytest.importorskip("trl", reason="the extra `train` is not installed")

import torch
from safetensors.torch import load_file

from slipstick.commands import Invocation
from slipstick.commands.grpo import GrpoRecipe
from slipstick.commands.train import run_train
from slipstick.encode.prompts import prompt_for
from slipstick.encode.settings import PromptConfig, save_prompt_config
from slipstick.errors import InputError, RecipeError, UserError
from slipstick.formats import Format, join, load_format, render
from slipstick.interpreters import InterpreterSettings, open_interpreter
from slipstick.metrics.conduct import conduct_of
from slipstick.models.hf import HfModel, load_weights
from slipstick.models.hf.decode import Decoder
from slipstick.problems.settings import take_problems
from slipstick.rewards.trl import reward
from slipstick.schema import Block, Code, Output, Problem, Solution, Text
from slipstick.solve import SolveSettings, attempt
from slipstick.store import RunFolder
from slipstick.train.grpo import train_grpo
from slipstick.train.result import GrpoResult, mean_of_each_pass
from slipstick.train.rollouts import open_rollout, rows_for_trl
from tests.encode.encoding_cases import CHATML, THINKING, chatting

Pairs = list[tuple[Solution, Problem]]


@pytest.fixture
def problems(sums: Pairs, tmp_path: Path) -> Path:
    """A file of a few sums."""
    rows = list({problem.id: problem for _, problem in sums}.values())[:4]
    path = tmp_path / "sums.jsonl"
    path.write_text("".join(f"{row.model_dump_json()}\n" for row in rows))
    return path


def test_some_updates_of_the_tiny_model(tiny_model: Path, problems: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "grpo.toml"
    recipe.write_text(
        f'stage = "grpo"\nbase = "{tiny_model}"\nproblems = "{problems}"\nformat = "tir"\nmax_steps = 2\n'
        "isolation = 'process'\nnum_generations = 2\nbatch_size = 4\n"
        "learning_rate = 1e-3\nmax_tokens = 24\nmax_turns = 2\n"
    )
    out = run_train(Invocation(str(recipe), out=tmp_path / "run"), Console(quiet=True))
    run = RunFolder(out).run()
    assert run.status == "finished" and run.counts == {"problems": 4, "solutions": 8}
    steps = [json.loads(line) for line in (out / "model" / "steps.jsonl").read_text().splitlines()]
    assert len(steps) == 2 and all(0 <= step["reward"] <= 1 for step in steps)
    load_weights(str(out / "model"), dtype="float32")
    card = (out / "model" / "README.md").read_text()
    assert "2 updates by GRPO, 8 solutions of 4 problems" in card and str(problems) in card


def test_every_update_says_how_its_solutions_were_made(tiny_model: Path, problems: Path, tmp_path: Path) -> None:
    told = f'stage = "grpo"\nbase = "{tiny_model}"\nproblems = "{problems}"\nformat = "tir"\nmax_steps = 2\n'
    recipe = GrpoRecipe.model_validate(
        tomllib.loads(told + "num_generations = 2\nbatch_size = 4\nmax_tokens = 24\nmax_turns = 2\n")
    )
    made: list[list[Solution]] = []
    with open_rollout(recipe, seed=recipe.seed) as rollout:

        def spoilt(*arguments: Any) -> list[Solution]:
            solutions = rollout(*arguments)
            solutions[0] = solutions[0].model_copy(update={"finish": "length"})
            made.append(solutions)
            return solutions

        train_grpo(take_problems(recipe), rollout=spoilt, reward=length, settings=recipe, out=tmp_path)
    steps = [json.loads(line) for line in (tmp_path / "steps.jsonl").read_text().splitlines()]
    names = ("tool_use", "turns", "truncated", "unfinished_thoughts", "sandbox_fault")
    assert [{name: step[name] for name in names} for step in steps] == [conduct_of(rows) for rows in made]
    assert all(step["truncated"] >= 0.25 for step in steps)


def test_a_killed_run_goes_on_as_one_that_never_stopped(tiny_model: Path, problems: Path, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    told = f'stage = "grpo"\nbase = "{tiny_model}"\nproblems = "{problems}"\nformat = "cot"\nmax_steps = 5\n'
    recipe = GrpoRecipe.model_validate(
        tomllib.loads(told + "num_generations = 2\nbatch_size = 4\nmax_tokens = 12\nsave_steps = 2\n")
    )

    def updates(out: Path, stop: int | None = None) -> list[int]:
        steps: list[int] = []

        def watch(step: int, mean: float) -> None:
            steps.append(step)
            if step == stop:
                raise StopError

        with open_rollout(recipe, seed=recipe.seed) as rollout:
            train_grpo(take_problems(recipe), rollout=rollout, reward=length, settings=recipe, out=out, progress=watch)
        return steps

    with pytest.raises(StopError):
        updates(tmp_path / "cut", stop=3)
    torn = tmp_path / "cut" / "checkpoints" / "checkpoint-3"
    shutil.copytree(torn.with_name("checkpoint-2"), torn)
    (torn / "trainer_state.json").write_text("{")
    assert updates(tmp_path / "cut") == [3, 4, 5] and updates(tmp_path / "whole") == [1, 2, 3, 4, 5]
    assert updates(tmp_path / "whole") == [], "it has finished"
    rows = [
        [json.loads(line)["reward"] for line in (tmp_path / name / "steps.jsonl").read_text().splitlines()]
        for name in ("cut", "whole")
    ]
    assert rows[0] == rows[1] and len(set(rows[0])) > 1
    weights = [load_file(tmp_path / name / "model.safetensors") for name in ("cut", "whole")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[1])
    assert not (tmp_path / "cut" / "checkpoints").exists()


def length(completions: Sequence[str], **_: Any) -> list[float | None]:
    """A reward of which even a model that knows nothing gets some."""
    return [len(said) / 10 for said in completions]


def draw(folder: Path, problem: Problem, format: Format, **sampling: Any) -> tuple[Solution, Any]:
    """A solution as it is sampled for an update, and the tokenizer."""
    model, tokenizer = load_weights(str(folder), dtype="float32")
    drawn = SolveSettings(temperature=1.0, return_token_ids=True, **{"max_tokens": 40, **sampling})

    async def run() -> Solution:
        writer = HfModel("policy", Decoder(model.eval(), tokenizer), rows=1)
        interpreter = open_interpreter(InterpreterSettings(isolation="process"), seed=0)
        try:
            return await attempt(problem, format, sample=0, model=writer, interpreter=interpreter, settings=drawn)
        finally:
            await writer.close()
            await interpreter.close()

    return asyncio.run(run()), tokenizer


def test_means_of_passes_are_of_the_same_problems() -> None:
    rewards = [0.0, 0.5, 1.0, 0.5, 1.0]
    assert mean_of_each_pass(rewards, steps=Fraction(2)) == [0.25, 0.75], "whole passes alone"
    assert mean_of_each_pass(rewards, steps=Fraction(5, 2)) == pytest.approx([0.4, 0.8]), "the third step is in both"
    assert mean_of_each_pass(rewards[1:3], steps=Fraction(1, 2)) == [0.5, 0.5, 1.0, 1.0], "two passes in a step"
    assert mean_of_each_pass(rewards, steps=Fraction(6)) == []
    result = GrpoResult(steps=5, seconds=1, problems=4, solutions=20, first_reward=0.0, last_reward=1.0)
    assert result.numbers() == [("the first tenth of the updates", 0.0), ("the last, other problems", 1.0)]
    passed = result.model_copy(update={"pass_rewards": [0.25, 0.75]})
    assert passed.numbers() == [("the first pass through the problems", 0.25), ("the last of 2", 0.75)]


def sampled(rows: dict[str, list[Any]]) -> list[int]:
    """The tokens that are trained on."""
    return [i for i, kept in zip(rows["completion_ids"][0], rows["env_mask"][0], strict=True) if kept]


def test_what_the_interpreter_wrote_is_masked(sums: Pairs, tiny_model: Path) -> None:
    _, tokenizer = load_weights(str(tiny_model), dtype="float32")
    solution, problem = next(pair for pair in sums if pair[0].format == "tir")
    text, code, _, last = (piece.text for piece in render(load_format("tir"), solution.blocks))
    turns = [tokenizer(text + code)["input_ids"], tokenizer(last)["input_ids"]]
    solution = solution.model_copy(update={"answer": problem.answer, "turn_ids": turns})
    rows = rows_for_trl([solution], {problem.id: problem}, tokenizer)
    ids, mask = rows["completion_ids"][0], rows["env_mask"][0]
    assert sampled(rows) == [*turns[0], *turns[1], tokenizer.eos_token_id]
    assert tokenizer.decode(ids, skip_special_tokens=True) == join(render(load_format("tir"), solution.blocks))
    assert 0 in mask and mask[0] == mask[-1] == 1
    assert rows["found"] == [f"The answer is {problem.answer}"]
    several = rows_for_trl([solution], {problem.id: problem}, tokenizer, one_end=False)
    assert several["env_mask"][0] == [*mask[:-1], 0] and several["completion_ids"] == rows["completion_ids"]
    unknown = rows_for_trl([solution.model_copy(update={"turn_ids": []})], {problem.id: problem}, tokenizer)
    assert not any(unknown["env_mask"][0])


@pytest.mark.parametrize("layout", [CHATML, THINKING], ids=["chatml", "thinking"])
def test_in_a_chat_the_templates_own_text_is_masked(tiny_model: Path, layout: str) -> None:
    chat = chatting(load_weights(str(tiny_model), dtype="float32")[1], layout)
    problem, format = Problem(id="p", text="How many nuts?", answer="42"), load_format("tir")
    blocks: list[Block] = [Text(text="Add.\n"), Code(text="12 + 30"), Output(text="\n42"), Text(text="It is 42.")]
    said = [piece.text for piece in render(format, blocks)]
    turns = [chat(said[0] + said[1])["input_ids"], chat(said[3])["input_ids"]]
    solution = Solution(id="s", problem_id="p", format="tir", blocks=blocks, answer="42", turn_ids=turns)
    rows = rows_for_trl([solution], {"p": problem}, chat, template="chat")
    end = chat.convert_tokens_to_ids("<|im_end|>")
    assert sampled(rows) == [*turns[0], *turns[1], end]
    config = PromptConfig(template="chat")
    assert rows["prompt_ids"][0] == prompt_for(format, problem, [], chat, config).ids + (
        chat("<think>\n\n</think>\n\n")["input_ids"] if layout == THINKING else []
    )
    whole = rows["prompt_ids"][0] + rows["completion_ids"][0]
    again = prompt_for(format, problem, blocks[:3], chat, config).ids
    assert whole[: len(again)] == again, "the second turn continues what the model saw"


def test_ids_are_those_that_were_generated(sums: Pairs, tiny_model: Path) -> None:
    _, tokenizer = load_weights(str(tiny_model), dtype="float32")
    problem = sums[0][1]
    spelt = [tokenizer.convert_tokens_to_ids(letter) for letter in "yes"]
    solution = Solution(id="a", problem_id=problem.id, format="cot", blocks=[Text(text="yes")], turn_ids=[spelt])
    rows = rows_for_trl([solution], {problem.id: problem}, tokenizer)
    assert rows["completion_ids"][0] == [*spelt, tokenizer.eos_token_id]


def test_nothing_is_learnt_of_what_was_not_sampled(sums: Pairs, tiny_model: Path) -> None:
    problem, format = sums[0][1], load_format("cot")
    whole, tokenizer = draw(tiny_model, problem, format)
    (ids,) = whole.turn_ids
    pieces = [tokenizer.decode([token]) for token in ids]
    place = next(n for n, piece in enumerate(pieces) if n > 2 and len(piece) > 1 and piece.isascii())
    stop = pieces[place][1:] + "".join(pieces[place + 1 : place + 4])  # begins inside a token
    text = tokenizer.decode(ids)
    cut, _ = draw(tiny_model, problem, format.model_copy(update={"stop": [stop]}))
    assert cut.finish == "stop" and cut.turn_ids[0] == ids[: len(cut.turn_ids[0])]
    assert join(render(format, cut.blocks)) == text[: text.index(stop)]
    rows = rows_for_trl([cut], {problem.id: problem}, tokenizer)
    kept = sampled(rows)
    assert kept == ids[: len(kept)] and text[: text.index(stop)].startswith(tokenizer.decode(kept))
    assert not text[: text.index(stop)].startswith(tokenizer.decode(ids[: len(kept) + 1]))
    assert tokenizer.decode(rows["completion_ids"][0]) == text[: text.index(stop)], "and no end, as none was sampled"


def test_a_program_is_rewarded_by_what_it_printed(tiny_model: Path) -> None:
    _, tokenizer = load_weights(str(tiny_model), dtype="float32")
    problem = Problem(id="p", text="What is 2 + 3?", answer="5")
    blocks = [Code(text="print(2 + 3)"), Output(text="5")]
    solution = Solution(id="s", problem_id="p", format="pot", blocks=blocks, answer="5")
    rows = rows_for_trl([solution], {"p": problem}, tokenizer)
    assert "5" not in tokenizer.decode(rows["completion_ids"][0]).replace("2 + 3", "")
    assert reward(completions=[*rows["found"], "", "The answer is 6"], answer=[["5"]] * 3) == [1.0, 0.0, 0.0]


def test_updates_in_a_chat(
    tiny_model: Path, problems: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, tokenizer = load_weights(str(tiny_model), dtype="float32")
    chat = chatting(tokenizer, CHATML)
    model.resize_token_embeddings(len(chat), mean_resizing=False)
    for part in (model, chat):
        part.save_pretrained(tmp_path / "chatting")
    save_prompt_config(PromptConfig(template="chat"), tmp_path / "chatting")
    recipe = tmp_path / "grpo.toml"
    recipe.write_text(
        f'stage = "grpo"\nbase = "{tmp_path}/chatting"\nproblems = "{problems}"\nformat = "tir"\nmax_steps = 1\n'
        "isolation = 'process'\nnum_generations = 2\nbatch_size = 2\nmax_tokens = 12\nmax_turns = 2\n"
    )
    run_train(Invocation(str(recipe), ["template=chat"], out=tmp_path / "run"), Console(width=300))
    assert "has not seen" not in capsys.readouterr().out
    assert json.loads((tmp_path / "run" / "model" / "slipstick.json").read_text())["template"] == "chat"
    run_train(Invocation(str(recipe), out=tmp_path / "other"), Console(width=300))
    assert 'was trained with template = "chat" and is asked with "format"' in capsys.readouterr().out


def test_mistakes_are_said_before_anything_starts(tiny_model: Path, tmp_path: Path, problems: Path) -> None:
    recipe = tmp_path / "grpo.toml"
    recipe.write_text(
        f'stage = "grpo"\nbase = "{tiny_model}"\nproblems = "{problems}"\nnum_generations = 3\nbatch_size = 4\n'
    )
    with pytest.raises(RecipeError, match="batch_size = 4 is not a multiple of num_generations = 3"):
        run_train(Invocation(str(recipe)), Console(quiet=True))
    bare = tmp_path / "bare.jsonl"
    bare.write_text('{"id": "a/b/0", "text": "What?"}\n')
    overrides = [f"problems={bare}", "batch_size=3"]
    with pytest.raises(InputError, match="a/b/0 has no answer"):
        run_train(Invocation(str(recipe), overrides, out=tmp_path / "none"), Console(quiet=True))
    with pytest.raises(
        UserError, match=r"needs about .* GiB of memory.*a smaller batch_size \(a multiple of num_generations = "
    ):
        run_train(Invocation(str(recipe), ["batch_size=3000000000"], out=tmp_path / "none"), Console(quiet=True))
    with pytest.raises(InputError, match="max_length = 4096 is more than the 1024 tokens"):
        run_train(
            Invocation(str(recipe), ["batch_size=3", "max_length=4096"], out=tmp_path / "none"), Console(quiet=True)
        )
    with pytest.raises(UserError, match=r"no model at `.*/a/b/c`: the folder does not exist"):
        run_train(Invocation(str(recipe), [f"base={tmp_path}/a/b/c", "batch_size=3"], out=tmp_path / "none"), Console())
    assert not (tmp_path / "none").exists()
