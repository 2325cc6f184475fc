"""`slipstick plan`: memory, time and money of a training run, beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field
from rich.console import Console
from rich.table import Table

from slipstick.commands.dry_run import DryRunResult, rehearse
from slipstick.commands.memory import here, load_for, shape_for, ways_out
from slipstick.commands.train import TrainRecipe
from slipstick.errors import UserError
from slipstick.plan import GIB, KINDS, Gpu, Load, Shape, flops_per_token, gpu_type, memory_parts, total
from slipstick.progress import duration
from slipstick.recipe import load_recipe

_CHARACTERS = 3.0  # of mathematical English and Python to a token of today's tokenizers, about


class PlanRecipe(TrainRecipe):
    """What `slipstick plan` can be told, beside the recipe it plans."""

    gpu: str = "cpu"
    """The type of GPU ("h100", "a100-80gb", ...), or "cpu" for this machine, on the `device` that it would train on."""
    price: float | None = Field(default=None, ge=0)
    """US dollars an hour of one GPU; None takes our table's round figure."""
    memory_gib: float | None = Field(default=None, gt=0)
    """Memory of one GPU; None takes the table's."""
    tflops: float | None = Field(default=None, gt=0)
    """Dense bfloat16 matrix rate of one GPU; None takes the table's."""
    utilisation: float = Field(default=0.4, gt=0, le=1)
    """Share of that rate that training reaches: an assumption until it is measured."""
    examples: int | None = Field(default=None, gt=0)
    """Examples of the data; None counts them where the data are there."""
    example_tokens: float | None = Field(default=None, gt=0)
    """Tokens of an example; None takes them from the data, at three characters a token."""
    rehearsal_seconds: float = Field(default=8.0, ge=0)
    """How long a plan for this machine trains to see speed and memory; 0 counts only."""


def run_plan(target: str, overrides: list[str], console: Console) -> None:
    """`slipstick plan RECIPE --set gpu=TYPE --set num_gpus=N`: prints the plan."""
    recipe, _ = load_recipe(target, PlanRecipe, overrides=overrides)
    shape = shape_for(recipe)
    if shape is None:
        raise UserError(
            f"base = {recipe.base!r} is not in our table and no folder with a config.json that can be counted: "
            f"download it and give its folder; kinds that are counted: {', '.join(KINDS)}"
        )
    if recipe.gpu == "cpu":
        _plan_here(recipe, shape, console)
    else:
        _plan_gpu(recipe, shape, console)


def _plan_here(recipe: PlanRecipe, shape: Shape, console: Console) -> None:
    if recipe.parallel != "none":
        console.print(
            f'parallel = "{recipe.parallel}": this machine is planned for as if one process trained alone; name a '
            "type of GPU (--set gpu=h100) to plan for all of them",
            highlight=False,
            soft_wrap=True,
        )
        recipe = recipe.model_copy(update={"parallel": "none", "num_gpus": 1, "num_nodes": 1})
    free, load = here(recipe)
    where = f"{load.processes} processes" if load.on_cpu else "its GPU"
    table, counted = _memory_table(shape, load, title=f"this machine, {where}")
    seen = _rehearsal(recipe, counted, free, console)
    if seen:
        table.add_row("seen in the first steps", f"{seen.peak_bytes / GIB:.2f}")
    console.print(table)
    need = seen.peak_bytes if seen else counted
    _say_fit(need, free, load, console)
    if seen:
        seconds = seen.start_seconds + seen.total_tokens / seen.tokens_per_second
        console.print(
            f"{seen.tokens_per_second:,.0f} tokens/s in the first steps: {seen.total_tokens:,} tokens take about "
            f"{duration(seconds)}, {duration(seen.start_seconds)} of them before the first step",
            highlight=False,
        )


def _rehearsal(recipe: PlanRecipe, counted: float, free: float, console: Console) -> DryRunResult | None:
    """What the first steps show, where the data are there and the count leaves room."""
    if not recipe.rehearsal_seconds or counted > 0.7 * free or not all(Path(source).exists() for source in recipe.data):
        console.print("speed: not rehearsed (no data there, too little memory, or rehearsal_seconds = 0)")
        return None
    plain = TrainRecipe.model_validate(recipe.model_dump(include=set(TrainRecipe.model_fields)))
    with console.status("training for a few seconds"):
        return rehearse(plain, seconds=recipe.rehearsal_seconds)


def _plan_gpu(recipe: PlanRecipe, shape: Shape, console: Console) -> None:
    known = gpu_type(recipe.gpu)
    gpu = Gpu(
        memory_gib=recipe.memory_gib or known.memory_gib,
        tflops=recipe.tflops or known.tflops,
        price=known.price if recipe.price is None else recipe.price,
    )
    load = load_for(recipe, trl=recipe.optimizer != "muon", on_cpu=False, processes=1)
    table, need = _memory_table(shape, load, title=f"each of {recipe.num_gpus} x {recipe.gpu}")
    console.print(table)
    if not _say_fit(need, gpu.memory_gib * GIB, load, console):
        for change in _changes_that_fit(recipe, shape, gpu):
            console.print(f"  fits with {change}", highlight=False, soft_wrap=True)
    rate = recipe.num_gpus * gpu.tflops * 1e12 * recipe.utilisation / flops_per_token(shape, load)
    console.print(
        f"{rate:,.0f} tokens/s at {recipe.utilisation:.0%} of {gpu.tflops:,.0f} TFLOP/s a GPU (assumed, not measured)",
        highlight=False,
    )
    tokens = _tokens(recipe)
    if tokens is None:
        console.print(
            "hours and money: say how many examples there are with --set examples=N --set example_tokens=N",
            soft_wrap=True,
        )
        return
    hours = tokens / rate / 3600
    console.print(
        f"{tokens:,.0f} tokens take about {duration(hours * 3600)}: ${hours * recipe.num_gpus * gpu.price:,.0f} at "
        f"${gpu.price:.2f} a GPU hour",
        highlight=False,
    )


def _memory_table(shape: Shape, load: Load, *, title: str) -> tuple[Table, float]:
    parts = memory_parts(shape, load)
    table = Table("GiB of memory", title, box=None, title_justify="left")
    for part in parts:
        table.add_row(part.name, f"{part.bytes / GIB:.2f}")
    table.add_row("together", f"{total(parts) / GIB:.2f}", style="bold")
    return table, total(parts)


def _say_fit(need: float, there: float, load: Load, console: Console) -> bool:
    fits = need <= there
    line = f"needs {need / GIB:.1f} GiB of {there / GIB:.1f}: "
    line += "fits" if fits else "does not fit: " + "; ".join(ways_out(load))
    console.print(line, highlight=False, soft_wrap=True)
    return fits


def _changes_that_fit(recipe: PlanRecipe, shape: Shape, gpu: Gpu) -> Iterator[str]:
    """Changes, from the least on, that make it fit, in the recipe's words; more GPUs come last."""
    smaller: dict[str, Any] = {
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": recipe.gradient_accumulation_steps * recipe.per_device_train_batch_size,
        "gradient_checkpointing": True,
    }
    steps: list[dict[str, Any]] = [
        {"gradient_checkpointing": True},
        smaller,
        {**smaller, "optimizer": "adamw_8bit"},
        {**smaller, "lora_rank": 16, "param_dtype": "bfloat16"},
        *(
            {**smaller, "parallel": "fsdp2", "num_gpus": count}
            for count in (2, 4, 8, 16, 32, 64)
            if count > recipe.num_gpus
        ),
    ]
    for step in steps:
        load = load_for(recipe.model_copy(update=step), trl=True, on_cpu=False, processes=1)
        if total(memory_parts(shape, load)) <= gpu.memory_gib * GIB:
            yield ", ".join(f"{key} = {str(value).lower()}" for key, value in step.items())
            if "num_gpus" in step:
                return


def _tokens(recipe: PlanRecipe) -> float | None:
    """Tokens the run will be trained on; None where nobody knows how many examples there are."""
    if recipe.num_train_epochs is None:
        return recipe.max_train_tokens
    if recipe.examples and recipe.example_tokens:
        return recipe.num_train_epochs * recipe.examples * recipe.example_tokens
    if recipe.stage == "cpt" or not all((Path(source) / "run.json").is_file() for source in recipe.data):
        return None
    sizes = [len(p.text) + sum(len(block.text) for block in s.blocks) + 160 for s, p in recipe.pairs()]
    return recipe.num_train_epochs * sum(sizes) / _CHARACTERS
