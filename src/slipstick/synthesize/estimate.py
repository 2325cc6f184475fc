"""What asking a teacher will take: at most, before anything is asked, and judged by a few problems."""

from collections.abc import Mapping, Sequence

from slipstick.formats import Format, render_chat
from slipstick.models import ModelSettings
from slipstick.models.openai.prices import OFFICIAL, find_price
from slipstick.schema import Problem, Solution
from slipstick.solve.estimate import PROBLEMS, Range, bootstrap
from slipstick.solve.hybrid import Spent, spent_alone

_LETTERS = 4  # of a prompt make about one token


def foresee(
    problems: Sequence[Problem],
    formats: Sequence[Format],
    *,
    most: int,
    max_tokens: int,
    model: str,
    settings: ModelSettings,
) -> str:
    """What the attempts take at most.

    most: attempts at a problem in one format; max_tokens: of one turn; model: as a recipe names it.
    """
    count = len(problems) * len(formats) * most
    read, written = int(count * prompt_tokens(problems, formats)), count * max_tokens
    server = settings.base_url[0] if settings.base_url else OFFICIAL
    price = find_price(model.removeprefix("openai:"), server, settings)
    money = f" (${price.cost(prompt=read, cached=0, completion=written):,.2f})" if price else ""
    return (
        f"{len(problems):,} problems: at most {count:,} attempts. Their first turns read about {read:,} tokens and "
        f"write at most {written:,}{money}"
    )


def prompt_tokens(problems: Sequence[Problem], formats: Sequence[Format]) -> float:
    """Tokens of a first turn's prompt, about, over some problems in all formats."""
    few = problems[:: max(1, len(problems) // PROBLEMS)]
    prompts = [render_chat(format, problem) for problem in few for format in formats]
    return sum(len(str(message["content"])) for prompt in prompts for message in prompt) / len(prompts) / _LETTERS


def extrapolate_units(
    by_unit: Mapping[str, Sequence[Solution]], rows: Mapping[str, int], *, total: int, seed: int
) -> tuple[dict[str, Range], dict[str, Range]]:
    """What `total` units (problems, requests) will take, by field of Spent; and what will come of them.

    by_unit: unit -> everything that was sampled for it. rows: unit -> solutions that would be kept of it.
    """
    figures = [
        (*_spent(solutions), float(len(solutions)), float(rows.get(name, 0))) for name, solutions in by_unit.items()
    ]
    found = bootstrap(figures or [(0.0,) * (len(Spent._fields) + 2)], problems=total, seed=seed)
    return dict(zip(Spent._fields, found, strict=False)), {"replies": found[-2], "rows kept": found[-1]}


def _spent(solutions: Sequence[Solution]) -> Spent:
    total = Spent()
    for solution in solutions:
        total = total.plus(spent_alone(solution, ()))
    return total
