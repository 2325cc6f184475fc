"""Solves problems: each solution alternates between the model and the interpreter at its own pace.

scheduler.py   the one sampler: solutions side by side, as many as a policy wants, under one budget
policies.py    how many are wanted: a number, a schedule, until the vote is settled
attempt.py     one solution: generate, run the code, append its output, generate on
closest.py     asks once more if an answer is none of the options
hybrid.py      two formats as one strategy, and what solutions took
monitor.py     what is counted while sampling
shots.py       demonstrations from a dataset or a run
estimate.py    what all problems will take, judged by a few
settings.py    the settings of sampling
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from slipstick.formats import Format, load_format, with_num_fewshot, with_system
from slipstick.interpreters import Interpreter
from slipstick.models import Model
from slipstick.problems.option_columns import FieldMap
from slipstick.schema import Problem, Solution
from slipstick.solve.attempt import attempt
from slipstick.solve.hybrid import Hybrid
from slipstick.solve.monitor import Monitor
from slipstick.solve.policies import SamplingPolicy, SamplingStep, scheduled, until_settled
from slipstick.solve.scheduler import Strategy, sample
from slipstick.solve.settings import SolveSettings
from slipstick.solve.shots import with_shots

__all__ = [
    "SolveSettings",
    "attempt",
    "formats_in",
    "load_prompted",
    "load_strategies",
    "policy_of",
    "prepare",
    "prepare_format",
    "solve",
]


async def solve(
    problems: Iterable[Problem],
    strategies: Sequence[Strategy],
    *,
    model: Model,
    interpreter: Interpreter,
    settings: SolveSettings,
    on_solution: Callable[[Solution], None],
    done: Mapping[str, Solution] | None = None,
) -> bool:
    """Passes every solution to `on_solution` as it ends: per problem and sample one in each format.

    Returns False if `max_cost` ended it early, else True. A hybrid solution shares its attempts with the other
    formats, so nothing is solved twice; it carries the attempt that failed as `previous_attempts`.
    Problems are read as there is room for them and solutions are not kept, so memory does not grow with their number.
    done: solutions by id that an interrupted run already has; they are neither sampled nor passed on again.
    Raises RecipeError if a format has fewer demonstrations than `num_fewshot`, and what the model raises for a
    user's mistake (ModelError), in an ExceptionGroup.
    """
    return await sample(
        problems,
        [prepare(strategy, settings) for strategy in strategies],
        policy=policy_of(settings),
        monitor=model if isinstance(model, Monitor) else Monitor(model),
        interpreter=interpreter,
        settings=settings,
        on_solution=on_solution,
        done=done,
    )


def policy_of(settings: SolveSettings) -> SamplingPolicy:
    """`num_samples` solutions, or one after another until the vote is settled."""
    count, threshold, temperature = settings.num_samples, settings.consistency_threshold, settings.temperature
    if threshold is not None:
        return until_settled(count, threshold=threshold, temperature=temperature)
    return scheduled([SamplingStep(temperature=temperature, num_samples=count)])


def load_strategies(
    names: Iterable[str],
    settings: SolveSettings | None = None,
    *,
    problems_dir: Path | None = None,
    field_map: FieldMap | None = None,
) -> list[Strategy]:
    """Formats by their names or files, and "hybrid", with a run's system message and demonstrations.

    problems_dir, field_map: how `shots_from` is read, as of `load_problems`; keys that its file lacks are passed over.
    Raises PluginError or RecipeError for a name that is neither, RecipeError for demonstrations there are not.
    """
    chosen = settings or SolveSettings()

    def load(name: str) -> Format:
        return load_prompted(name, chosen, problems_dir=problems_dir, field_map=field_map)

    return [Hybrid(pot=load("pot"), cot=load("cot")) if name == "hybrid" else load(name) for name in names]


def load_prompted(
    name: str,
    settings: SolveSettings,
    *,
    problems_dir: Path | None = None,
    field_map: FieldMap | None = None,
) -> Format:
    """A format by its name or file, with a run's system message and demonstrations. Raises as `load_strategies`."""
    format, system = load_format(name), settings.system_text()
    format = format if system is None else with_system(format, system)
    if not settings.shots_from:
        return format
    return with_shots(format, settings, problems_dir=problems_dir, field_map=field_map)


def formats_in(strategies: Iterable[Strategy]) -> list[Format]:
    """The formats of strategies, each once."""
    found = [(each.pot, each.cot) if isinstance(each, Hybrid) else (each,) for each in strategies]
    return list({format.name: format for formats in found for format in formats}.values())


def prepare(strategy: Strategy, settings: SolveSettings) -> Strategy:
    """The format with the settings' demonstrations and stop strings. Raises RecipeError if it has too few of them."""
    if isinstance(strategy, Hybrid):
        return Hybrid(pot=prepare_format(strategy.pot, settings), cot=prepare_format(strategy.cot, settings))
    return prepare_format(strategy, settings)


def prepare_format(format: Format, settings: SolveSettings) -> Format:
    """One format with them."""
    format = format if settings.num_fewshot is None else with_num_fewshot(format, settings.num_fewshot)
    return format.model_copy(update={"stop": [*format.stop, *settings.stop]})
