"""Turns rows into problems one by one; a row that is none is an error, or goes to `on_bad`."""

from collections.abc import Callable, Iterable, Iterator

from slipstick.errors import InputError
from slipstick.schema import Problem
from slipstick.tabular import OnBad, Row, hand_over


def to_problems(
    rows: Iterable[Row], convert: Callable[[Row], Problem | None], *, on_bad: OnBad | None = None
) -> Iterator[Problem]:
    """What `convert` makes of each row; None passes a row over.

    Raises InputError, unless `on_bad` takes it, for a row that `convert` refuses and for an id that came before.
    """
    seen: dict[str, int] = {}
    for row in rows:
        try:
            problem = convert(row)
            if problem is None:
                continue
            if problem.id in seen:
                raise InputError(
                    f"{row.where}: duplicate id `{problem.id}`, first on line {seen[problem.id]}; ids must be unique "
                    "(--set field_map.id=KEY picks another key)"
                )
        except InputError as error:
            hand_over(row.where, error, on_bad)
            continue
        seen[problem.id] = row.number
        yield problem
