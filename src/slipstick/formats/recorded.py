"""The formats of a run as it asked in them, kept in its folder: `formats.jsonl`.

Solutions say only the name of their format. For a format of a file, which no other command can find by its name, the
run's folder has what it was.
"""

from collections.abc import Iterable
from pathlib import Path

from slipstick.errors import InputError
from slipstick.formats import Format, FormatLoader, load_format, name_of_format
from slipstick.plugins import list_plugins
from slipstick.recipe import to_toml
from slipstick.schema import Record
from slipstick.store import RunFolder, read_records, write_atomically, write_records

FORMATS = "formats.jsonl"


class RecordedFormat(Record):
    """A format of a run."""

    asked: Format
    """As problems were asked in it: with the run's system message, demonstrations and stop strings."""
    own: Format | None = None
    """As its file has it, if it is no plug-in's."""


def record_formats(folder: RunFolder, asked: Iterable[Format], *, named: Iterable[str]) -> None:
    """Writes down a run's formats. named: as its recipe names them."""
    files = {name_of_format(name): load_format(name) for name in named if name.endswith(".toml")}
    write_records(folder.path / FORMATS, [RecordedFormat(asked=format, own=files.get(format.name)) for format in asked])


def copy_formats(folder: RunFolder, runs: Iterable[Path]) -> None:
    """Takes over the formats of files of the runs that a run's rows come from."""
    own = _own_formats(runs)
    if own:
        write_records(folder.path / FORMATS, own.values())


def read_formats(run: Path) -> list[RecordedFormat]:
    """The formats that a run has written down; none for a run that asked no model."""
    return list(read_records(run / FORMATS, RecordedFormat, missing_ok=True))


def formats_of(runs: Iterable[Path]) -> FormatLoader:
    """Name -> format, for the solutions of these runs: of their files, else a plug-in's. Raises InputError."""
    own = {name: row.own for name, row in _own_formats(runs).items() if row.own}
    return lambda name: own[name] if name in own else load_format(name)


def write_formats(folder: Path, formats: Iterable[Format]) -> None:
    """Writes each format that is no plug-in's into a model's folder, which can then be asked in `FOLDER/NAME.toml`."""
    known = list_plugins("formats")
    for format in formats:
        if format.name not in known:
            table = format.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
            write_atomically(folder / f"{format.name}.toml", to_toml(table))


def _own_formats(runs: Iterable[Path]) -> dict[str, RecordedFormat]:
    """The formats of files, by name. Raises InputError if two runs have different ones of the same name."""
    own: dict[str, tuple[Path, RecordedFormat]] = {}
    for run in runs:
        for row in read_formats(run):
            if row.own is None:
                continue
            other, first = own.setdefault(row.asked.name, (run, row))
            if first.own != row.own:
                raise InputError(
                    f"{other} and {run} have different formats of the name `{row.asked.name}`: give one of the files "
                    "another name and make its run again"
                )
    return {name: row for name, (_, row) in own.items()}
