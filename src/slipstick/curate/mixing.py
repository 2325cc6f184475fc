"""How many of each: a cap on the solutions of a question, a mix by weights, and splits that divide no question."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from slipstick.errors import InputError, did_you_mean


class Candidate(NamedTuple):
    """A row that may stay."""

    place: int
    """Its number among all rows."""
    question: int
    """Number of its question; problems with the same text share it."""
    problem: int
    """Number of its problem."""
    source: str
    """First part of its problem's id."""
    format: str
    """Format of the solution."""
    has_code: bool
    """Whether it has programs."""
    id: str
    """Id of the solution."""


def over_cap(rows: Iterable[Candidate], cap: int) -> list[int]:
    """Places of the rows of each question beyond `cap`; formats take turns, in each format earlier rows go first.

    Which format has the first turn changes from question to question, so that a cap below the number of formats leaves
    as many rows of each.
    """
    questions: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        questions[row.question][row.format].append(row.place)
    over: list[int] = []
    for question, formats in questions.items():
        first = question % len(formats)
        by_format = sorted(formats.values())
        orders = [*by_format[first:], *by_format[:first]]
        turns = [(turn, order, place) for order, places in enumerate(orders) for turn, place in enumerate(places)]
        over += [place for _, _, place in sorted(turns)[cap:]]
    return sorted(over)


def choose_mix(
    rows: Iterable[Candidate], weights: Mapping[str, float], *, by: str, total: int | None, seed: int
) -> set[int]:
    """Places of the rows that stay: as many as the weights allow without a row twice, at most `total`.

    by: "source" or "format", what the weights are given for; without weights `total` rows are sampled from all.
    Raises InputError for a weight of something the rows do not have.
    """
    rows = list(rows)
    require_groups(rows, weights, by=by)
    groups: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        groups[group_of(row, by) if weights else ""].append(row.place)
    shares = {name: weight / sum(weights.values()) for name, weight in weights.items() if weight} or {"": 1.0}
    size = min((len(groups[name]) / share for name, share in shares.items()), default=0.0)
    size = size if total is None else min(size, total)
    stay: set[int] = set()
    for name, share in shares.items():
        places = sorted(groups[name], key=lambda place: random_key(seed, "mix", place))
        stay.update(places[: min(round(size * share), len(places))])
    return stay


def require_groups(rows: Iterable[Candidate], weights: Mapping[str, float], *, by: str) -> None:
    """Raises InputError for a weight of something that no row has."""
    groups = {group_of(row, by) for row in rows} if weights else set()
    for name, weight in weights.items():
        if weight and name not in groups:
            known = ", ".join(sorted(groups)) or "none"
            hint = did_you_mean(name, groups)
            raise InputError(f"mix names `{name}`{hint}, but no row of that {by} is left; there are: {known}")


def group_of(row: Candidate, by: str) -> str:
    """A row's source or format."""
    return row.source if by == "source" else row.format


def split_questions(sources: Mapping[int, str], shares: Mapping[str, float], *, seed: int) -> dict[int, str]:
    """Question -> split; each source is divided in the same proportions.

    sources: question -> source.
    """
    strata: dict[str, list[int]] = defaultdict(list)
    for question, source in sources.items():
        strata[source].append(question)
    found: dict[int, str] = {}
    for questions in strata.values():
        questions.sort(key=lambda question: random_key(seed, "split", question))
        for place, question in enumerate(questions):
            found[question] = _stretch((place + 0.5) / len(questions), shares)
    return found


def random_key(seed: int, what: str, number: int) -> bytes:
    """A number's sort key in a random order that depends on the seed alone."""
    return blake2b(f"{seed} {what} {number}".encode(), digest_size=8).digest()


def _stretch(point: float, shares: Mapping[str, float]) -> str:
    high = 0.0
    names: Sequence[str] = list(shares)
    for name in names:
        high += shares[name]
        if point < high:
            return name
    return names[-1]
