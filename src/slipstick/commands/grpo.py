"""`slipstick train` with stage = "grpo": problems with golds -> a model that was rewarded for right answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field
from rich.console import Console

from slipstick.commands import Invocation, ProblemSettings, load_order, running, take_problems
from slipstick.commands.memory import check_memory
from slipstick.formats import Format, load_format
from slipstick.interpreters import Interpreter, InterpreterSettings, open_interpreter
from slipstick.progress import progress
from slipstick.schema import Problem, Solution
from slipstick.solve import SolveSettings, attempt
from slipstick.train.grpo import GrpoSettings


class GrpoRecipe(GrpoSettings, ProblemSettings, InterpreterSettings):
    """What `slipstick train` can be told with stage = "grpo"."""

    format: str = "tir"
    """Format the solutions are written in."""
    temperature: float = Field(default=1.0, gt=0)
    """Of the solutions that are drawn."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Share of probability that tokens are drawn from."""
    max_tokens: int = Field(default=512, ge=1)
    """Most new tokens of one turn."""
    max_turns: int = Field(default=4, ge=1)
    """Most code blocks that are run in one solution."""


class Rollouts:
    """Draws solutions with the model under training; the interpreter stays open from one update to the next."""

    def __init__(self, recipe: GrpoRecipe) -> None:
        self._loop = asyncio.new_event_loop()
        self._format: Format = load_format(recipe.format)
        self._interpreter: Interpreter = open_interpreter(recipe, seed=recipe.seed)
        self._settings = SolveSettings(
            temperature=recipe.temperature,
            top_p=recipe.top_p,
            max_tokens=recipe.max_tokens,
            max_turns=recipe.max_turns,
            seed=recipe.seed,
            return_token_ids=True,
        )

    def __call__(
        self, problems: Sequence[Problem], samples: Sequence[int], model: Any, tokenizer: Any
    ) -> list[Solution]:
        """One solution of each problem."""
        return self._loop.run_until_complete(self._draw(problems, samples, model, tokenizer))

    def close(self) -> None:
        """Ends the interpreter's processes."""
        self._loop.run_until_complete(self._interpreter.close())
        self._loop.close()

    async def _draw(
        self, problems: Sequence[Problem], samples: Sequence[int], model: Any, tokenizer: Any
    ) -> list[Solution]:
        from slipstick.models.hf import HfModel
        from slipstick.models.hf.decode import Decoder

        writer = HfModel("policy", Decoder(model, tokenizer), rows=len(problems))
        try:
            return await asyncio.gather(
                *(
                    attempt(
                        problem,
                        self._format,
                        sample=sample,
                        model=writer,
                        interpreter=self._interpreter,
                        settings=self._settings,
                    )
                    for problem, sample in zip(problems, samples, strict=True)
                )
            )
        finally:
            await writer.close()


def run_grpo(order: Invocation, console: Console) -> Path:
    """`slipstick train` with stage = "grpo": the model after its updates, `model` in the run folder."""
    from slipstick.train.card import write_any_card
    from slipstick.train.grpo import reinforce

    recipe, text = load_order(order, GrpoRecipe)
    # Solutions are seldom as long as `max_length` allows; one full turn of each is what it takes in any case.
    length = max(2, min(recipe.max_tokens, recipe.max_length))
    smaller = f"set a smaller batch_size (a multiple of num_generations = {recipe.num_generations})"
    check_memory(recipe.as_train().model_copy(update={"max_length": length}), smaller=smaller)
    problems = take_problems(recipe)
    with running(order, "train", recipe, console, text=text, inputs=recipe.files()) as folder:
        folder.write_problems(problems)
        rollouts = Rollouts(recipe)
        try:
            with progress("reinforcing", recipe.max_steps, "updates", console=console) as advance:
                done = reinforce(
                    problems,
                    rollout=rollouts,
                    reward=reward,
                    settings=recipe,
                    out=folder.path / "model",
                    progress=lambda step, mean: advance(step, f"reward {mean:.3f}"),
                )
        finally:
            rollouts.close()
        write_any_card(
            folder.path / "model",
            recipe,
            told=f"{done.steps:,} updates by GRPO, {done.solutions:,} solutions of {done.problems:,} problems",
            numbers=[
                ("mean reward of the first tenth of the updates", f"{done.first_reward:.3f}"),
                ("mean reward of the last tenth", f"{done.last_reward:.3f}"),
            ],
            closing="Every update: `steps.jsonl`. Accuracy is measured by `slipstick evaluate`, not by rewards.",
        )
        folder.finish("finished", counts={"problems": done.problems, "solutions": done.solutions}, metrics=[])
    console.print(
        f"{done.steps:,} updates, {done.solutions:,} solutions in {done.seconds:,.0f} s; mean reward "
        f"{done.first_reward:.3f} in the first tenth, {done.last_reward:.3f} in the last; {folder.path / 'model'}",
        highlight=False,
        soft_wrap=True,
    )
    return folder.path


def reward(completions: Sequence[str], answer: Sequence[str], **columns: Any) -> list[float | None]:
    """slipstick's reward for TRL, on golds that went through a data set as JSON."""
    from slipstick.rewards.trl import reward as of_verdict

    return of_verdict(completions, answer=[json.loads(golds) for golds in answer], **columns)
