"""Where problems come from.

A plug-in is a function `load(argument, field_map=None) -> Iterator[Problem]`, named by an entry point in the group
`slipstick.problems`; `argument` is what a recipe wrote after the colon, `field_map` maps a field of Problem to the
row's own key, and a bad row is an InputError. Beside the plug-ins stand the datasets of the
catalogue, and files.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from slipstick.errors import InputError, PluginError, did_you_mean
from slipstick.metrics.groups import set_of
from slipstick.plugins import list_plugins, load_plugin, split_spec
from slipstick.problems.label_corrections import apply_corrections
from slipstick.problems.option_columns import FieldMap
from slipstick.schema import Problem
from slipstick.tabular import OnBad

_LOGGER = logging.getLogger("slipstick")


def load_problems(
    source: str | Sequence[str],
    *,
    field_map: FieldMap | None = None,
    problems_dir: Path | str | None = None,
    label_corrections: Sequence[Path | str] = (),
    limit: int | None = None,
    on_bad: OnBad | None = None,
    on_notice: Callable[[str], None] = _LOGGER.warning,
) -> Iterator[Problem]:
    """Problems of a plug-in ("synthetic:test"), a dataset ("gsm8k:test"), a list ("suite:mario-four") or a file.

    source: one or several, read one after another. field_map: a field of Problem -> the row's own key, for files.
    problems_dir: a folder in which datasets are looked for before the Hub; None uses SLIPSTICK_PROBLEMS_DIR.
    label_corrections: files of corrected labels, see `slipstick.problems.label_corrections`.
    Of several sources a file is a set of its own, named as the file: problems whose id names no set get it as
    `metadata["dataset"]`.
    limit: takes only this many problems of each set, the first. on_bad: takes a row of a file or dataset that cannot
    be read, as ("path:line", what is wrong), so that the rest is read. on_notice: takes one line if problems of a file
    have no gold; by default it is logged, and so printed to standard error.
    Raises PluginError for an unknown source and InputError, with file and line, for a bad row or correction.
    """

    from slipstick.problems.catalogue.selection import expand

    def load(each: str) -> Iterator[Problem]:
        found = _load(each, field_map=field_map, problems_dir=problems_dir, on_bad=on_bad, on_notice=on_notice)
        path = Path(each.removeprefix("files:"))
        return _of_set(found, path.name.partition(".")[0]) if len(sources) > 1 and path.is_file() else found

    sources = [source] if isinstance(source, str) else source
    if limit is not None:
        sources = [each for one in sources for each in expand(one)]
    found = chain.from_iterable([islice(load(each), limit) for each in sources])
    return apply_corrections(found, label_corrections, whole=limit is None) if label_corrections else found


def _of_set(problems: Iterator[Problem], name: str) -> Iterator[Problem]:
    """The problems of a file, each with the set it belongs to."""
    for problem in problems:
        named = {"metadata": {**problem.metadata, "dataset": name}}
        yield problem if set_of(problem) else problem.model_copy(update=named)


def _load(
    source: str,
    *,
    field_map: FieldMap | None,
    problems_dir: Path | str | None,
    on_bad: OnBad | None,
    on_notice: Callable[[str], None],
) -> Iterator[Problem]:
    plugin, argument = _plugin_of(source)
    if plugin is None:
        from slipstick.problems.catalogue.loading import load as load_dataset

        if field_map:
            raise InputError(f"`field_map` does not apply to `{source}`, whose keys are known: remove it")
        return load_dataset(source, problems_dir=problems_dir, on_bad=on_bad)
    load: Any = load_plugin("problems", plugin)
    more = {"on_bad": on_bad, "on_notice": on_notice} if plugin == "files" else {}
    found: Iterator[Problem] = load(argument, field_map=field_map, **more)
    return found


def check_source(source: str) -> None:
    """Raises PluginError or InputError for a source that is no plug-in, file, dataset, split or list; reads no row."""
    from slipstick.problems.catalogue.selection import expand, select

    if _plugin_of(source)[0] is None:
        for each in expand(source):
            select(each)


def _plugin_of(source: str) -> tuple[str | None, str]:
    """The plug-in that a source names, and its argument; None for a dataset or list of the catalogue.

    Raises PluginError for what is none of these.
    """
    from slipstick.problems.catalogue import datasets

    name, argument = split_spec(source)
    plugins = list_plugins("problems")
    if name in plugins:
        return name, argument
    if name in datasets() or name == "suite":
        return None, source
    if Path(source).suffix or Path(source).exists():
        return "files", source
    near = did_you_mean(name, [*plugins, *datasets(), "suite"])
    raise PluginError(
        f"there is no source of problems `{name}`{near}: it is neither a file nor a plug-in ({', '.join(plugins)}) "
        "nor a dataset (`slipstick list problems` shows them)"
    )
