"""`slipstick plan`: memory, time and money of a training run, before it starts."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from slipstick.errors import UserError, counted
from slipstick.plan.dry_run import DryRunResult, dry_run
from slipstick.plan.estimate import PlanSettings, changes_that_fit, gpu_for, training_tokens
from slipstick.plan.fit import on_this_machine, remedies, shape_for, workload_for
from slipstick.plan.memory import GIB, Workload, flops_per_token, memory_parts, total
from slipstick.plan.shapes import MODEL_TYPES, ModelShape
from slipstick.progress import duration
from slipstick.recipe import load_recipe
from slipstick.train.sources import TrainRecipe


def run_plan(target: str, overrides: list[str], console: Console) -> None:
    """`slipstick plan RECIPE --set gpu=TYPE --set num_gpus=N`: prints the plan."""
    settings, _ = load_recipe(target, PlanSettings, overrides=overrides)
    shape = shape_for(settings)
    if shape is None:
        raise UserError(
            f"base = {settings.base!r} is neither in our table nor a folder with a config.json of a known model_type "
            f"({', '.join(MODEL_TYPES)}): download the model and set base to its folder"
        )
    if settings.gpu == "cpu":
        _plan_this_machine(settings, shape, console)
    else:
        _plan_gpus(settings, shape, console)


def _plan_this_machine(settings: PlanSettings, shape: ModelShape, console: Console) -> None:
    if settings.parallel != "none":
        _print(
            f'parallel = "{settings.parallel}": this machine is planned as if one process trained alone; set a type '
            "of GPU (--set gpu=h100) to plan for all of them",
            console,
        )
        settings = settings.model_copy(update={"parallel": "none", "num_gpus": 1, "num_nodes": 1})
    free, work = on_this_machine(settings)
    device = counted(work.processes, "process") if work.on_cpu else "its GPU"
    table, need = _memory_table(shape, work, title=f"this machine, {device}")
    measured = _dry_run(settings, need, free, console)
    if measured:
        need = measured.peak_bytes
        table.add_row("measured in the first steps", f"{need / GIB:.2f}")
    console.print(table)
    _print_fit(need, free, work, console)
    if measured:
        seconds = measured.start_seconds + measured.total_tokens / measured.tokens_per_second
        _print(
            f"{measured.tokens_per_second:,.0f} tokens/s in the first steps: {measured.total_tokens:,} tokens take "
            f"about {duration(seconds)}, {duration(measured.start_seconds)} of them before the first step",
            console,
        )


def _dry_run(settings: PlanSettings, need: float, free: float, console: Console) -> DryRunResult | None:
    """What the first steps show, if the data exist and the estimate leaves room."""
    if not settings.dry_run_seconds or need > 0.7 * free or not all(Path(source).exists() for source in settings.data):
        console.print("speed: not measured (no data, too little memory, or dry_run_seconds = 0)")
        return None
    recipe = TrainRecipe.model_validate(settings.model_dump(include=set(TrainRecipe.model_fields)))
    with console.status("training for a few seconds"):
        return dry_run(recipe, seconds=settings.dry_run_seconds)


def _plan_gpus(settings: PlanSettings, shape: ModelShape, console: Console) -> None:
    gpu, count = gpu_for(settings), settings.num_gpus
    work = workload_for(settings, trl=settings.optimizer != "muon", on_cpu=False, processes=1)
    table, need = _memory_table(shape, work, title=f"each of {count} x {settings.gpu}")
    console.print(table)
    if not _print_fit(need, gpu.memory_gib * GIB, work, console):
        for change in changes_that_fit(settings, shape, gpu):
            _print(f"  fits with {change}", console)
    rate = count * gpu.tflops * 1e12 * settings.utilisation / flops_per_token(shape, work)
    share = f"{settings.utilisation:.0%} of {gpu.tflops:,.0f} TFLOP/s per GPU"
    _print(f"{rate:,.0f} tokens/s at {share} (assumed, not measured)", console)
    tokens = training_tokens(settings)
    if tokens is None:
        _print("hours and money: set the number of examples, --set examples=N --set example_tokens=N", console)
        return
    hours = tokens / rate / 3600
    cost = f"${hours * count * gpu.price:,.0f} at ${gpu.price:.2f} per GPU hour"
    _print(f"{tokens:,.0f} tokens take about {duration(hours * 3600)}: {cost}", console)


def _memory_table(shape: ModelShape, work: Workload, *, title: str) -> tuple[Table, float]:
    parts = memory_parts(shape, work)
    table = Table("GiB of memory", title, box=None, title_justify="left")
    for part in parts:
        table.add_row(part.name, f"{part.bytes / GIB:.2f}")
    table.add_row("together", f"{total(parts) / GIB:.2f}", style="bold")
    return table, total(parts)


def _print_fit(need: float, free: float, work: Workload, console: Console) -> bool:
    fits = need <= free
    verdict = "fits" if fits else "does not fit: " + "; ".join(remedies(work))
    _print(f"needs {need / GIB:.1f} GiB of {free / GIB:.1f}: {verdict}", console)
    return fits


def _print(line: str, console: Console) -> None:
    console.print(line, highlight=False, soft_wrap=True)
