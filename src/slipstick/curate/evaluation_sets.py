"""Loads the evaluation sets that training questions are compared with."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from slipstick.errors import InputError
from slipstick.problems import load_problems
from slipstick.problems.catalogue.local import evaluation_sources
from slipstick.problems.catalogue.selection import expand
from slipstick.schema import Problem

CATALOGUE = "catalogue"
"""Stands for every evaluation set of the catalogue."""


class EvaluationSets(NamedTuple):
    """Evaluation sets by name."""

    problems: Mapping[str, Sequence[Problem]]
    """Set -> its problems."""
    not_loaded: Mapping[str, str]
    """Set -> why it, or rows of it, could not be loaded."""


NO_SETS = EvaluationSets({}, {})


def list_sets(sources: Sequence[str], *, problems_dir: Path | None) -> list[str]:
    """The evaluation sets, "catalogue" and lists of sets expanded so that each set is reported by its own name."""
    found: list[str] = []
    for source in sources:
        found += evaluation_sources(problems_dir=problems_dir) if source == CATALOGUE else expand(source)
    return list(dict.fromkeys(found))


def load_sets(sources: Sequence[str], *, problems_dir: Path | None) -> EvaluationSets:
    """Loads evaluation sets; one that cannot be loaded stops the others only if none can.

    Raises InputError if sets are named and none can be loaded, PluginError for an unknown source.
    """
    loaded: dict[str, list[Problem]] = {}
    missing: dict[str, str] = {}
    for name in list_sets(sources, problems_dir=problems_dir):
        try:
            loaded[name], bad = _load(name, problems_dir)
        except InputError as error:
            missing[name] = str(error)
            continue
        if bad:
            missing[name] = f"{len(bad)} rows cannot be read, the first: {bad[0]}"
    if missing and not loaded:
        name, reason = next(iter(missing.items()))
        raise InputError(
            f"decontaminate_against = {list(sources)}: none of {len(missing)} sets can be loaded; `{name}`: {reason}\n"
            "(decontaminate_against = [] leaves decontamination out)"
        )
    return EvaluationSets(loaded, missing)


def _load(name: str, problems_dir: Path | None) -> tuple[list[Problem], list[str]]:
    """The problems of a set, and what is wrong with the rows that are none."""
    bad: list[str] = []
    found = load_problems(name, problems_dir=problems_dir, on_bad=lambda where, what: bad.append(f"{where}: {what}"))
    return list(found), bad
