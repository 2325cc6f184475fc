"""Reads problems from files of many shapes: known keys are recognised, others are mapped by the recipe."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pydantic import ValidationError

from slipstick.errors import InputError, did_you_mean
from slipstick.problems.choices import Options, asks_for_a_letter, read_listed, read_object, read_options, with_choices
from slipstick.problems.conversion import to_problems
from slipstick.problems.gold_columns import (
    ANSWERS,
    REPLY,
    Counted,
    Gold,
    gold_of,
    gold_of_solution,
    holds_gold,
    solution_keys,
)
from slipstick.problems.messages import Chat, read_chat
from slipstick.problems.option_columns import UNDECIDED, Decided, FieldMap, Survey, lettered_columns
from slipstick.schema import Kind, Problem
from slipstick.tabular import OnBad, Row, read_rows, require_file

_KNOWN: dict[str, tuple[str, ...]] = {
    "id": ("id", "problem_id", "question_id", "unique_id", "idx", "index", "query_id", "extra_info.index"),
    "text": ("text", "question", "problem", "instruction", "query", "prompt", "messages", "conversations", "input"),
    "answer": ANSWERS,
    "kind": ("kind", "answer_type", "extra_info.kind"),
    "choices": ("choices", "options"),
    "rationale": ("rationale", "solution", "cot", "reasoning"),
    "licence": ("licence", "license"),
}
"""Field -> keys, in lower case with _ for a blank; "a.b" is b inside a."""
_BEFORE = ("context", "passage", "body")
"""Keys of what stands before a question: OlympiadBench, AGIEval, SVAMP."""
_LOGGER = logging.getLogger("slipstick")
_KINDS = frozenset(get_args(Kind))
_LETTER = re.compile(r"\(?[A-J]\)?")
_STEM = re.compile(r"(\.jsonl?|\.ndjson|\.[ct]sv|\.parquet)?(\.gz)?$", re.IGNORECASE)


def load(
    argument: str,
    *,
    field_map: FieldMap | None = None,
    on_bad: OnBad | None = None,
    on_notice: Callable[[str], None] = _LOGGER.warning,
) -> Iterator[Problem]:
    """The problems of a file, one at a time; docs/problems.md says how a row's keys are read.

    argument: path to a file that `read_rows` reads. field_map: a field of Problem -> the row's key ("a.b" for b inside
    a), which beats recognition; for `choices` also several keys, of an option each. on_notice: takes one line at the
    end if some problems have no gold, and one for what columns and whole numbers were read as if they could be
    something else. Raises InputError: immediately for a missing file or an unknown field, and with file and line for
    an invalid row, unless `on_bad` takes it.
    """
    field_map = field_map or {}
    for field in field_map:
        if field not in Problem.model_fields:
            known = ", ".join(Problem.model_fields)
            raise InputError(f"field_map.{field} is not a problem's field{did_you_mean(field, _KNOWN)}; known: {known}")
        if field != "choices" and not isinstance(field_map[field], str):
            raise InputError(f"field_map.{field} = {field_map[field]}: only `choices` may have several columns")
    path = Path(argument)
    require_file(path)
    stem = _STEM.sub("", path.name)
    counted, numbers = Counted(str(path), on_notice), PlacesOrOptions()
    letters = LettersWithoutOptions(str(path), on_notice)
    decided: list[Decided] = []  # once a row has options, by all rows

    def convert(row: Row) -> Problem:
        if not decided and has_options(row, field_map):
            decided.append(survey(path, field_map).decided(str(path), on_notice))
        read = read_problem(row, stem=stem, field_map=field_map, decided=decided[0] if decided else UNDECIDED)
        numbers.check(row, read.gold)
        letters.look(row, read.problem)
        if read.problem.answer is None:
            counted.add(row.number, read.gold.missing)
        return read.problem

    return letters.watch(counted.count(to_problems(read_rows(path, on_bad=on_bad), convert, on_bad=on_bad)))


class ReadProblem(NamedTuple):
    """A row's problem."""

    problem: Problem
    """The problem."""
    gold: Gold
    """What the row says of its answer."""


class LettersWithoutOptions:
    """Counts golds that are letters where no options are known but a key has a list, and says so at the end."""

    def __init__(self, source: str, on_notice: Callable[[str], None]) -> None:
        self._source, self._on_notice = source, on_notice
        self._count, self._key = 0, ""

    def look(self, row: Row, problem: Problem) -> None:
        """Looks at a row."""
        if problem.choices or not isinstance(problem.answer, str) or not _LETTER.fullmatch(problem.answer):
            return
        lists = (key for key, value in row.values.items() if isinstance(value, list) and len(value) > 1)
        if key := next(lists, ""):
            self._count, self._key = self._count + 1, self._key or key

    def watch(self, problems: Iterator[Problem]) -> Iterator[Problem]:
        """The problems."""
        try:
            yield from problems
        finally:
            if self._count:
                self._on_notice(
                    f"{self._source}: {self._count:,} golds are letters and no options are known, but `{self._key}` "
                    f"holds lists: are they the options? --set field_map.choices={self._key}"
                )


class PlacesOrOptions:
    """Refuses a file in which some whole numbers were read as places of options, and others as options themselves."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}

    def check(self, row: Row, gold: Gold) -> None:
        """Raises InputError for the first row that shows it."""
        if gold.number:
            self._first.setdefault(gold.number, row.where)
        if len(self._first) == 2:
            raise InputError(
                f"{row.where}: some answers are places of options, counted from 0 ({self._first['place']}), others are "
                f"options themselves ({self._first['option']}): write letters, or whole numbers for places, or name a "
                "key that has them: --set field_map.answer=KEY"
            )


def to_problem(row: Row, *, stem: str = "", field_map: FieldMap | None = None) -> Problem:
    """A row as a Problem. stem: prefix of an id that is missing or a bare number. Raises InputError."""
    return read_problem(row, stem=stem, field_map=field_map).problem


def read_problem(
    row: Row, *, stem: str = "", field_map: FieldMap | None = None, decided: Decided = UNDECIDED
) -> ReadProblem:
    """A row as a Problem, and what its gold was read from. decided: what holds for all rows of its file.

    Raises InputError as `to_problem`.
    """
    field_map = field_map or {}
    try:
        if not field_map and row.values.keys() == Problem.model_fields.keys():
            return ReadProblem(Problem.model_validate(row.values), Gold(None, "key `answer` is empty"))
        taken = _take(row, field_map, decided.lettered)
        options = _options(row, taken, decided)
        fields, gold = _fields(row, taken, options, stem)
        problem = Problem(**fields, metadata=_metadata(row.values, taken))
        return ReadProblem(problem, gold)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{row.where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


class _Taken(NamedTuple):
    """What a row has for the fields of a problem."""

    values: dict[str, Any]
    """Field -> value."""
    keys: dict[str, str]
    """Field -> the key that holds it, in lower case if it was recognised."""
    places: dict[str, Any]
    """All values of the row by their keys, see `_places`."""
    columns: list[str]
    """Columns that hold an option each."""


def _take(row: Row, field_map: FieldMap, lettered: bool | None) -> _Taken:
    values: dict[str, Any] = {}
    keys: dict[str, str] = {}
    columns: list[str] = []
    for field, key in field_map.items():
        if isinstance(key, str):
            values[field], keys[field] = value_at(row, field, key), key
        else:
            held = {name: value_at(row, field, name) for name in key}
            columns, values[field] = key, {name: value for name, value in held.items() if value not in (None, "")}
    places = _places(row.values)
    found = [] if "choices" in field_map else lettered_columns(places, lettered)
    for field in _KNOWN.keys() - field_map.keys():
        own = next((own for own in _KNOWN[field] if _fits(field, own, places.get(own), places, found)), None)
        if own is not None:
            values[field], keys[field] = places[own], own
    return _Taken(values, keys, places, columns or ([] if "choices" in values else found))


def has_options(row: Row, field_map: FieldMap) -> bool:
    """Whether a row has options, or columns that may be options."""
    with suppress(InputError):
        taken = _take(row, field_map, lettered=True)
        return bool(taken.columns or taken.values.get("choices"))
    return False


def survey(path: Path, field_map: FieldMap) -> Survey:
    """What the golds of a file are beside their options; rows that cannot be read are passed over."""
    found = Survey()
    for row in read_rows(path, on_bad=lambda _, reason: None):
        with suppress(InputError):
            taken = _take(row, field_map, lettered=True)
            if options := _options(row, taken, UNDECIDED):
                bare = [key for key in row.values if len(key.strip()) == 1 and _named(key) in taken.columns]
                found.add(taken.values.get("answer"), options, [] if "choices" in field_map else bare, taken.places)
    return found


def option_cells(values: dict[str, Any], decided: Decided) -> dict[str, Any]:
    """The cells of a row that hold an option each, by their columns' names in lower case; {} if none do."""
    places = _places(values)
    return {name: places[name] for name in lettered_columns(places, decided.lettered)}


def _places(values: dict[str, Any]) -> dict[str, Any]:
    """The row's values by their keys in lower case, those inside objects too; an exact key comes first."""
    objects = ((key, read_object(held)) for key, held in values.items())
    inner = {f"{key}.{name}": value for key, held in objects if held for name, value in held.items()}
    places: dict[str, Any] = {}
    for key, value in sorted({**inner, **values}.items(), key=lambda item: item[0] != _named(item[0])):
        places.setdefault(_named(key), value)
    return places


def _named(key: str) -> str:
    return key.strip().lower().replace(" ", "_")


def _own_key(values: dict[str, Any], key: str) -> str:
    """The row's own key of a recognised or mapped one."""
    if key in values:
        return key
    return next((own for own in values if _named(own) == key), key.partition(".")[0])


def value_at(row: Row, field: str, path: str) -> Any:
    """The value under the key a recipe names; "a.b" is b inside a unless the row has a key "a.b" itself.

    Raises InputError, with file and line, for a row without that key.
    """
    value: Any = row.values
    for key in [path] if path in row.values else path.split("."):
        if isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
            continue
        value = read_object(value)
        if value is None or key not in value:
            near = did_you_mean(path, row.values)
            raise InputError(f"{row.where} has no `{path}`, which field_map.{field} names{near}; {_keys(row)}")
        value = value[key]
    return value


def _fits(field: str, key: str, value: Any, places: dict[str, Any], columns: list[str]) -> bool:
    match field:
        case "kind":
            return isinstance(value, str) and value.lower() in _KINDS
        case "id":
            return value is not None
        case "answer":
            options = places.get("choices") or places.get("options") or columns
            return holds_gold(key, value, has_options=bool(options))
        case "choices":
            return isinstance(value, list | dict) or (isinstance(value, str) and bool(read_listed(value)))
        case "text":
            return isinstance(value, str) or read_chat(value) is not None
        case _:
            return isinstance(value, str)


def _fields(row: Row, taken: _Taken, options: Options | None, stem: str) -> tuple[dict[str, Any], Gold]:
    text, chat = _question(row, taken.values, taken.places)
    said = str(taken.values.get("kind")).lower()
    kind: Kind | None = next((kind for kind in get_args(Kind) if kind == said), None)
    gold = _gold(row, taken, options, kind, chat)
    rationale = taken.values.get("rationale")
    if rationale is not None and rationale == gold.answer:
        rationale = None
    fields = {
        "id": _id(row, taken.values.get("id"), stem),
        "text": with_choices(text, options.texts if options else None),
        "answer": gold.answer,
        "kind": kind or ("choice" if gold.is_choice or asks_for_a_letter(text, gold.answer) else None),
        "choices": options.texts if options else None,
        "rationale": rationale or gold.rationale,
        "licence": taken.values.get("licence"),
    }
    return fields, gold


def _question(row: Row, taken: dict[str, Any], places: dict[str, Any]) -> tuple[str, Chat | None]:
    """The question, with what stands before it, and the dialogue it was asked in."""
    text = taken.get("text")
    chat = read_chat(text)
    if chat is not None:
        text = chat.question
    if not isinstance(text, str) or not text.strip():
        what = "has no question" if text is None else f"has no words in its question, {text!r}"
        if chat is not None:
            what = "has a dialogue without a message of the user"
        raise InputError(f"{row.where} {what}; {_keys(row)}; say which key holds it: --set field_map.text=KEY")
    extra = places.get("input")
    if taken.get("text") == places.get("instruction") and isinstance(extra, str) and extra.strip():
        text = f"{text}\n{extra}"
    before = [value for key in _BEFORE if isinstance(value := places.get(key), str) and value.strip()]
    return "\n".join([*(part.strip() for part in before if part.strip() not in text), text]), chat


def _gold(row: Row, taken: _Taken, options: Options | None, kind: Kind | None, chat: Chat | None) -> Gold:
    """The gold under its own key, else what a worked solution marks as the answer."""
    value, keys, places = taken.values.get("answer"), taken.keys, taken.places
    key = keys.get("answer", "")
    if value is not None and value != "":
        return gold_of(row, key, value, options, kind)
    empty = next((known for known in ANSWERS if known in places and places[known] in (None, "")), key)
    why = (
        f"key `{empty}` is empty" if empty else f"no key holds one ({_keys(row)}; --set field_map.answer=KEY names it)"
    )
    if "answer" in keys and keys["answer"] not in ANSWERS:
        return Gold(None, why)
    for name in solution_keys(keys.get("text")):
        solution = chat.reply if name == REPLY and chat else places.get(name)
        if isinstance(solution, str) and solution.strip():
            return gold_of_solution(name, solution)
    return Gold(None, why)


def _id(row: Row, value: Any, stem: str) -> str:
    if value is None or value == "":
        return f"{stem}/{row.number}"
    if not isinstance(value, str | int):
        raise InputError(f"{row.where}: the id is {value!r}, neither text nor an integer; --set field_map.id=KEY")
    return f"{stem}/{value}" if stem and str(value).isdigit() else str(value)


def _options(row: Row, taken: _Taken, decided: Decided) -> Options | None:
    value, places = taken.values.get("choices"), taken.places
    wrong = [places[key] for key in sorted(places) if re.fullmatch(r"incorrect_answer_\d", key)]
    if value is None and wrong and "correct_answer" in places:
        # GPQA: in alphabetical order, so that no place is favoured
        value = sorted(str(option).strip() for option in (places["correct_answer"], *wrong))
    if value is None:
        value = {name[-1]: places[name] for name in taken.columns} or None
    try:
        options = read_options(value)
    except ValueError as error:
        raise InputError(f"{row.where}: {error}") from error
    return options._replace(number=decided.number, first=decided.first) if options else None


def _metadata(values: dict[str, Any], taken: _Taken) -> dict[str, Any]:
    """The row's other plain values, and the content of its `metadata` if that is an object."""
    beside = {*_BEFORE, *taken.columns}
    used = {_own_key(values, key) for key in (*taken.keys.values(), *taken.columns)}
    used |= {key for key in values if _named(key) in beside}
    merged = taken.values.get("metadata")
    if merged is None:
        merged = values.get("metadata")
    plain = {key: value for key, value in values.items() if isinstance(value, str | int | float)}
    inner = merged if isinstance(merged, dict) else {}
    return inner | {key: value for key, value in plain.items() if key not in used}


def _keys(row: Row) -> str:
    return f"its keys are {', '.join(row.values) or 'none'}"
