"""The solutions of a file by id: only their ids and places are in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from slipstick.edges import damaged_row, to_record, whole_lines
from slipstick.schema import Solution

_DECODER = json.JSONDecoder()
_ID = b'{"id":'  # how a line of ours begins


def id_of(line: bytes) -> str | None:
    """The id of a row, however it is laid out; None if it is no object with an id."""
    try:
        if line.startswith(_ID):
            found = _DECODER.raw_decode(line.decode("utf-8"), len(_ID))[0]
        else:
            row = json.loads(line)
            found = row.get("id") if isinstance(row, dict) else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, str) else None


class SolutionIndex(Mapping[str, Solution]):
    """The solutions of a file by id, as offsets of lines. Of two lines with one id the later one counts."""

    def __init__(self, path: Path) -> None:
        """Raises InputError for a line that is no row with an id; a torn last line is passed over."""
        self._path = path
        self._places: dict[str, tuple[int, int]] = {}  # id -> number and offset of its line
        if not path.exists():
            return
        at = 0
        for number, line in whole_lines(path):
            name = id_of(line)
            if name is None:
                raise damaged_row(path, number, "is no row with an id")
            self._places[name] = number, at
            at += len(line)

    def __getitem__(self, key: str) -> Solution:
        if key not in self._places:
            raise KeyError(key)
        return to_record(next(self._lines([key])), Solution, self._path, self._places[key][0])

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def lines(self, keys: Iterable[str]) -> Iterator[str]:
        """Lines of solutions, as they are in the file. Raises KeyError for an id that it does not have."""
        return (line.decode("utf-8") for line in self._lines(keys))

    def _lines(self, keys: Iterable[str]) -> Iterator[bytes]:
        places = (self._places[key][1] for key in keys)
        with self._path.open("rb") as file:
            for place in places:
                file.seek(place)
                yield file.readline()
