"""Reads rows from files: JSON (one object a line, or one array of objects), CSV, TSV, gzipped or not; Parquet.

A folder that `datasets.save_to_disk` wrote is read as a file is.
"""

import codecs
import csv
import difflib
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from slipstick.edges import is_pattern, paths_that_fit
from slipstick.errors import InputError, UserError
from slipstick.surrogates import load_json, replace_surrogates

OnBad = Callable[[str, str], None]
"""Takes the place of a row that cannot be read ("path:line") and what is wrong with it."""

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_SIGNS = ",;\t|"
"""What may separate cells; the one of the file's ending comes first if another is as frequent in the header."""
_QUOTED = re.compile(r'"[^"]*"?')
_SEPARATOR_LINE = re.compile(r"\s*sep=(.)\s*", re.IGNORECASE)
_OTHER_FILES = {
    b"PK\x03\x04": "a workbook of Excel or an archive: save a workbook's sheet as CSV (UTF-8), or unpack the archive",
    b"\xd0\xcf\x11\xe0": "a workbook of Excel: save its sheet as CSV (UTF-8)",
}
"""First bytes of files of no rows -> what they are, and the remedy."""
_DICT = "dataset_dict.json"
"""What `DatasetDict.save_to_disk` writes beside the folders of its splits."""
_KINDS = (
    "JSON (one object a line, or an array of objects), CSV and TSV by their endings, all of them gzipped or not; "
    "Parquet; a folder that datasets.save_to_disk wrote"
)
"""What can be read, for a message."""
_BEGIN_ROWS = (b"{", b"[", b"PAR1", codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"\x1f\x8b")
"""How a file of no known ending begins if it has rows: JSON, Parquet, UTF-16, gzip."""
_ENDINGS = (".json", ".ndjson", ".csv", ".tsv", ".parquet")


class Row(NamedTuple):
    """One object of a file and its place."""

    where: str
    """"path:line" for messages; in a file that is one array the number of the element, in Parquet that of the row."""
    number: int
    """Line, element of the array or row, counted from 1."""
    values: dict[str, Any]
    """Key or column -> value."""


def read_rows(path: Path | str, *, on_bad: OnBad | None = None) -> Iterator[Row]:
    """The rows of a file, one at a time (an array is read whole); blank lines are skipped.

    Parquet is recognised by its first bytes, CSV and TSV by their endings; all else is JSON: an object a line, an array
    of objects, or an object of named objects over several lines. Cells of CSV are text; a header
    that has more of `;`, tabs or `|` than of its ending's sign is separated by those, and rows of empty cells are
    passed over. UTF-8, or UTF-16 with its mark.
    Raises InputError immediately if there is no such file or it is of another kind, and while reading, with file and
    line, for a row that cannot be read, a truncated gzip file and a file without rows. With `on_bad` a bad row is given
    to it instead and the next one is read; a truncated file is still an error. Half a surrogate pair becomes U+FFFD.
    """
    path = Path(path)
    require_file(path)
    if path.is_file():
        _refuse_other_kinds(path)
    return _rows(path, on_bad)


def require_file(path: Path) -> None:
    """Raises InputError, naming the file with the nearest name, if `path` is neither a file nor a saved dataset."""
    if path.is_file() or saved_files(path):
        return
    if splits := _saved_splits(path):
        raise InputError(f"{path} holds several splits: name one of {', '.join(map(str, splits))}")
    if path.is_dir():
        names = sorted(entry.name for entry in path.iterdir() if entry.is_file())
        inside = [name for name in names if any(ending in name for ending in _ENDINGS)]
        listing = f"; name one of its files: {', '.join(inside[:5])}" if inside else ""
        raise InputError(f"{path} is a folder, not a file of rows{listing}")
    if path.exists():
        raise InputError(f"{path} is a device, not a file of rows")
    beside = [entry.name for entry in path.parent.iterdir() if entry.is_file()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, beside, n=1, cutoff=0.6)
    hint = f" (did you mean `{path.parent / near[0]}`?)" if near else ""
    raise InputError(f"{path} does not exist{hint}")


def files_at(path: Path | str) -> list[Path]:
    """The file at a path, or those that fit it as a pattern ("data/*.parquet"), in order; InputError for none.

    A saved dataset is one file, a saved DatasetDict one for each split.
    """
    path = Path(path)
    if splits := _saved_splits(path):
        return splits
    if not is_pattern(path):
        require_file(path)
        return [path]
    found = [file for file in paths_that_fit(path) if file.is_file()]
    if not found:
        raise InputError(f"no file fits the pattern {path}")
    return found


def saved_files(path: Path) -> list[Path]:
    """The files of rows in a folder that `Dataset.save_to_disk` wrote; [] for all else."""
    state = path / "state.json"
    if not state.is_file() or not (path / "dataset_info.json").is_file():
        return []
    held = _decode(state.read_text("utf-8"), str(state))
    return [path / each["filename"] for each in held.get("_data_files", ())]


def _saved_splits(path: Path) -> list[Path]:
    """The folders of the splits in one that `DatasetDict.save_to_disk` wrote; [] for all else."""
    listed = path / _DICT
    held = _decode(listed.read_text("utf-8"), str(listed)) if listed.is_file() else {}
    return [path / name for name in held.get("splits", ())]


def hand_over(where: str, error: InputError, on_bad: OnBad | None) -> None:
    """Gives a bad row to `on_bad`, without the place its message begins with; raises the error if `on_bad` is None."""
    if on_bad is None:
        raise error
    on_bad(where, str(error).removeprefix(where).lstrip(": "))


def _refuse_other_kinds(path: Path) -> None:
    """Raises InputError for a file of no rows, as its ending or its first bytes say."""
    if path.suffix.lower() in (".yaml", ".yml"):
        raise InputError(
            f"{path} is YAML and no file of rows. If it describes a task of lm-eval, name the data set of its "
            "`dataset_path` (`slipstick list problems` has the names), or save the rows of that as JSON lines"
        )
    for mark, what in _OTHER_FILES.items():
        if _begins_with(path, mark):
            raise InputError(f"{path} is {what}")
    if {suffix.lower() for suffix in path.suffixes}.isdisjoint((".jsonl", *_ENDINGS)):
        start = _head(path).removeprefix(codecs.BOM_UTF8).lstrip()
        if start and not start.startswith(_BEGIN_ROWS):
            raise InputError(f"{path} is no file of rows. What can be read: {_KINDS}")


def _head(path: Path) -> bytes:
    """The first bytes of a file."""
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def _rows(path: Path, on_bad: OnBad | None) -> Iterator[Row]:
    saved = saved_files(path)
    delimiter = _DELIMITERS.get(Path(path.name.lower().removesuffix(".gz")).suffix)
    found = False
    if saved:
        rows = _arrow(path, saved)
    elif _begins_with(path, b"PAR1"):
        rows = _parquet(path)
    elif delimiter:
        rows = _cells(path, delimiter, on_bad)
    else:
        rows = _objects(path, on_bad)
    for row in rows:
        found = True
        yield row
    if not found:
        what = "a line of cells under a header" if delimiter else "one JSON object on a line of its own"
        raise InputError(f"{path} has no rows; a row is {what}")


def _objects(path: Path, on_bad: OnBad | None) -> Iterator[Row]:
    lines = ((number, line) for number, line in _lines(path, on_bad) if line.strip())
    first = next(lines, None)
    if first is None:
        return
    elements: Iterable[tuple[int, object]] = chain([first], lines)
    opening = first[1].strip()
    whole = opening.startswith("[")
    if whole or opening == "{":
        held = list(elements)
        text = "".join(str(line) for _, line in held)
        objects = _decode(text, str(path)) if whole else _named_objects(text)
        whole = whole or bool(objects)
        elements = enumerate(objects, start=1) if whole else held
    for number, element in elements:
        where = f"{path}:{number}"
        try:
            row = _row(where, number, element if whole else _decode(str(element), where))
        except InputError as error:
            hand_over(where, error, on_bad)
        else:
            yield row


def _named_objects(text: str) -> list[dict[str, Any]]:
    """The objects inside one object, their names as ids: {"16": {"question": ...}}; none if it is no such object."""
    try:
        found = load_json(text)
    except (ValueError, RecursionError):
        return []
    alike = isinstance(found, dict) and all(isinstance(inner, dict) for inner in found.values())
    return [{"id": name, **inner} for name, inner in found.items()] if alike else []


def _row(where: str, number: int, value: object) -> Row:
    if not isinstance(value, dict):
        raise InputError(f"{where} is {_json_type(value)}, not a JSON object: {_short(json.dumps(value))}")
    return Row(where, number, value)


def _decode(text: str, where: str) -> Any:
    try:
        return load_json(text)
    except json.JSONDecodeError as error:
        line = f" line {error.lineno}" if error.lineno > 1 else ""
        hint = "; a row is one JSON object on a line of its own" if text.strip() == "{" else ""
        raise InputError(
            f"{where} is not valid JSON:{line} column {error.colno}: {error.msg}: {_short(text)}{hint}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is JSON that cannot be read: {error}") from error


def _cells(path: Path, delimiter: str, on_bad: OnBad | None) -> Iterator[Row]:
    lines = _lines(path, None)
    first = next(((number, line) for number, line in lines if line.strip()), (1, ""))
    if said := _SEPARATOR_LINE.fullmatch(first[1]):  # for Excel
        delimiter, first = said[1], next(lines, (2, ""))
    else:
        bare = _QUOTED.sub("", first[1])
        delimiter = max(delimiter + _SIGNS, key=bare.count)
    table = csv.reader(chain([first[1]], (line for _, line in lines)), delimiter=delimiter, strict=True)
    skipped = first[0] - 1
    header = next(_records(table, path, skipped), (0, []))[1]
    while header and not header[-1].strip():  # empty columns that Excel has beside the table
        header.pop()
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise InputError(f"{path}:1 names the column `{twice}` more than once")
    for number, cells in _records(table, path, skipped):
        where = f"{path}:{number}"
        while len(cells) > len(header) and not cells[-1].strip():
            cells.pop()
        if len(cells) == len(header):
            yield Row(where, number, dict(zip(header, cells, strict=True)))
        else:
            message = f"{where} has {len(cells)} cells where the header has {len(header)}: {_short(str(cells))}"
            hand_over(where, InputError(message), on_bad)


def _records(table: Any, path: Path, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Records with a cell that is not empty, with the line each begins on. skipped: lines before the table."""
    while True:
        number = table.line_num + 1 + skipped
        try:
            cells = next(table)
        except StopIteration:
            return
        except csv.Error as error:  # after a quote that never closes no cell can be found
            open_quote = "a quotation mark of this cell is never closed" if "end of data" in str(error) else error
            raise InputError(f"{path}:{number} is not valid CSV: {open_quote}") from error
        if any(cell.strip() for cell in cells):
            yield number, cells


def _parquet(path: Path) -> Iterator[Row]:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise UserError(f"{path} is Parquet, which needs pyarrow (pip install 'slipstick[data]')") from error
    number = 0
    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1000):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(f"{path}:{number}", number, values)
    except (ArrowException, OSError) as error:
        raise InputError(f"{path} is damaged after row {number}: {_short(str(error))}") from error


def _arrow(path: Path, files: Sequence[Path]) -> Iterator[Row]:
    """The rows of a saved dataset; one of a DatasetDict is the `split` of its rows."""
    try:
        from pyarrow import ArrowException, ipc, memory_map
    except ImportError as error:
        raise UserError(f"{path} is a saved dataset, which needs pyarrow (pip install 'slipstick[data]')") from error
    split = {"split": path.name} if (path.parent / _DICT).is_file() else {}
    number = 0
    try:
        for file in files:
            with memory_map(str(file)) as source, ipc.open_stream(source) as batches:
                for batch in batches:
                    for values in batch.to_pylist():
                        number += 1
                        yield Row(f"{path}:{number}", number, values | split)
    except (ArrowException, OSError) as error:
        raise InputError(f"{path} is damaged after row {number}: {_short(str(error))}") from error


def _lines(path: Path, on_bad: OnBad | None) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        with cast(BinaryIO, gzip.open(path, "rb")) if _begins_with(path, b"\x1f\x8b") else path.open("rb") as file:
            if _begins_with(path, codecs.BOM_UTF16_LE) or _begins_with(path, codecs.BOM_UTF16_BE):
                with io.TextIOWrapper(file, "utf-16", newline="") as decoded:
                    for number, text in enumerate(decoded, start=1):
                        yield number, text
                return
            for number, line in enumerate(file, start=1):
                try:
                    text = _decode_line(line.removeprefix(codecs.BOM_UTF8) if number == 1 else line)
                except UnicodeDecodeError as error:
                    where = f"{path}:{number}"
                    message = f"{where} is not UTF-8: byte {line[error.start]:#04x}"
                    if on_bad is None:
                        message += (
                            f"; save it as UTF-8, one of Windows: iconv -f CP1252 -t UTF-8 {path.name} > NEW_FILE"
                        )
                    hand_over(where, InputError(message), on_bad)
                else:
                    yield number, text
    except UnicodeDecodeError as error:
        raise InputError(f"{path} begins as UTF-16 and is none after line {number}: save it as UTF-8") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is a damaged gzip file, cut or altered after line {number}: {error}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def _decode_line(line: bytes) -> str:
    """Raises UnicodeDecodeError for what is no UTF-8, except surrogates as Java and MySQL write them."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return str(replace_surrogates(line.decode("utf-8", "surrogatepass")))


def _begins_with(path: Path, mark: bytes) -> bool:
    return _head(path).startswith(mark)


def _json_type(value: object) -> str:
    names = {list: "an array", str: "a string", int: "a number", float: "a number", bool: "true or false"}
    return names.get(type(value), "null")


def _short(text: str) -> str:
    text = text.strip()
    return text if len(text) <= 80 else f"{text[:77]}..."
