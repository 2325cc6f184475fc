"""Reads training data that people have: rows of questions and solutions become problems and solutions.

shapes.py     how rows are written: messages, ShareGPT, Alpaca, prompt and completion, our own exports, or any keys
dialogues.py  messages and turns, with calls of a tool and their results
layouts.py    code and outputs in the text of a solution

A gold is a key of its own: what a solution says itself is none. Without one a solution has no verdict.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, NamedTuple, get_args

from slipstick.errors import InputError
from slipstick.importers.rows import LOOKED_AT, USUAL_KEYS, at, flag_of, is_missing, verdict_key
from slipstick.importers.training.dialogues import Exchange
from slipstick.importers.training.layouts import format_of
from slipstick.importers.training.shapes import SHAPES, TrainingRow, format_named, own_id, training_keys, without_frame
from slipstick.problems.choices import read_object
from slipstick.problems.files import to_problem, value_at
from slipstick.problems.gold_columns import ANSWERS, FLAGS_OR_GOLDS
from slipstick.schema import ImportedPrompt, Outcome, Problem, Solution, Verdict
from slipstick.tabular import OnBad, Row, hand_over
from slipstick.trainable import split_named

__all__ = ["SHAPES", "Imported", "Names", "Notes", "read_training"]

_REFERENCES = ("solution", "rationale", "context", "passage", "body")
"""Keys beside a dialogue that say again what it says."""


class Imported(NamedTuple):
    """A problem with one solution of it."""

    problem: Problem
    """The problem, with the gold if the row has one."""
    solution: Solution
    """The solution; its verdict is the row's own if there is no gold, None if the row says nothing."""


@dataclass
class Notes:
    """What a user should know of the rows that were read."""

    shape: str = ""
    """The shape of the first row."""
    keys: dict[str, str] = field(default_factory=dict)
    """Field -> key, if they are rows of no known shape; of others the key of their verdicts, if they have one."""
    several: int = 0
    """Dialogues of several turns."""
    systems: int = 0
    """Rows with a system message."""
    score: str = ""
    """A column under a usual name of verdicts whose numbers are none, and one of them: "`score`, as 0.7"."""
    splits: Counter[str] = field(default_factory=Counter)
    """Value of `split` that names none -> rows."""
    untrained: int = 0
    """Replies left out because a message of theirs says that it is not trained on."""
    golds: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Hash of a question -> the first gold it has, and where."""
    contradictions: dict[int, str] = field(default_factory=dict)
    """Hash of a question with several golds -> the first two, and where."""

    def compare(self, problem: Problem, where: str) -> None:
        """Notes whether the gold of a row is that of earlier rows of the same question."""
        if problem.answer:
            question, gold = hash(problem.text), str(problem.answer)
            first, place = self.golds.setdefault(question, (gold, where))
            if first != gold:
                self.contradictions.setdefault(question, f"`{first}` in {place}, `{gold}` in {where}")


class Names:
    """The ids of an import, of one file or several: rows of one question are its samples."""

    def __init__(self) -> None:
        self._ids: dict[int, str] = {}
        self._questions: dict[str, int] = {}
        self._samples: Counter[tuple[str, str]] = Counter()

    def problem(self, problem: Problem, new: str, *, given: bool) -> str:
        """The id of a problem: its own unless another question has it, else that of the same question, else `new`."""
        same = hash((problem.text, str(problem.answer)))
        if given and self._questions.setdefault(problem.id, same) == same:
            return problem.id
        if same not in self._ids:
            while self._questions.setdefault(new, same) != same:
                new += "-again"  # an id that another row, or a file of the same name, has
            self._ids[same] = new
        return self._ids[same]

    def sample(self, problem_id: str, format: str, wanted: int | None) -> int:
        """The number of a solution among those of its problem and format."""
        number = max(self._samples[problem_id, format], wanted or 0)
        self._samples[problem_id, format] = number + 1
        return number


def read_training(
    rows: Iterator[Row],
    *,
    stem: str,
    shape: str | None = None,
    field_map: Mapping[str, str] | None = None,
    licence: str | None = None,
    on_bad: OnBad | None = None,
    notes: Notes | None = None,
    names: Names | None = None,
) -> Iterator[Imported]:
    """The solutions of a file's rows, one by one; `metadata` of a problem has the row's place as `where`.

    stem: prefix of ids that are missing or bare numbers, and the writer of solutions that name none. shape: in
    `SHAPES`; None recognises it by the first row. field_map: field -> key (see `importers.rows`). licence: of rows that
    state none. on_bad: takes a row that cannot be read. notes: is filled in as rows are read.
    names: the ids that other files have; None for a file alone.
    Raises InputError if the first row is of no shape, and for a row that cannot be read if nobody takes it.
    """
    fields, notes = dict(field_map or {}), notes or Notes()
    head = list(islice(rows, LOOKED_AT))
    if not head:
        return
    first = head[0]
    for name in {"answer", "verdict"} & fields.keys():
        if all(at(row.values, fields[name]) is None for row in head):
            value_at(first, name, fields[name])
    if not {"text", "response"}.isdisjoint(fields):
        shape = shape or "rows"
    notes.shape = shape or _recognise(first)
    if "verdict" not in fields and (key := verdict_key([row.values for row in head], fields)):
        fields["verdict"] = key
    elif "verdict" not in fields:
        notes.score = notes.score or _score(head, fields)
    said = {"verdict": fields["verdict"]} if "verdict" in fields else {}
    notes.keys = training_keys(first.values, fields) if notes.shape == "rows" else said
    names = names or Names()
    for row in chain(head, rows):
        try:
            made = list(_read(row, notes, fields, licence, stem, names))
        except InputError as error:
            hand_over(row.where, error, on_bad)
            continue
        yield from made


def _score(rows: Sequence[Row], fields: Mapping[str, str]) -> str:
    """The first number under a usual name of verdicts that is none, with its key; "" if there is none."""
    for key in USUAL_KEYS["verdict"]:
        for value in (row.values.get(key) for row in rows if key not in (*FLAGS_OR_GOLDS, *fields.values())):
            if isinstance(value, int | float) and value == value and flag_of(value) is None:
                return f"`{key}`, as {value}"
    return ""


def _recognise(row: Row) -> str:
    """Raises InputError, with the remedy, for a row of no shape."""
    values = row.values
    name = next((name for name, shape in SHAPES.items() if shape.recognises(values)), None)
    if name:
        return name
    keys = f"{row.where} holds no solution that is recognised; its keys are {', '.join(values) or 'none'}"
    if isinstance(values.get("text"), str) and len(values) <= 3:
        raise InputError(f'{keys}. Raw text is trained on as it is: `slipstick train` with stage = "cpt"')
    if {"chosen", "rejected"} <= values.keys():
        raise InputError(f"{keys}. Of preference pairs name the one to train on: --set field_map.response=chosen")
    if isinstance(values.get("reward_model"), dict) or {"prompt", "answer"} <= values.keys():
        file = row.where.rpartition(":")[0]
        raise InputError(f'{keys}. Problems without solutions need no import: problems = "{file}"')
    raise InputError(
        f"{keys}. Name them: --set field_map.text=KEY (the question) --set field_map.response=KEY (the solution) "
        f"--set field_map.answer=KEY (the gold, if there is one), or the shape: --set shape={'|'.join(SHAPES)}"
    )


def _read(
    row: Row, notes: Notes, fields: Mapping[str, str], licence: str | None, stem: str, names: Names
) -> Iterator[Imported]:
    if notes.shape != "rows" and not SHAPES[notes.shape].recognises(row.values):
        raise InputError(f"{row.where} is no row of `{notes.shape}`; its keys are {', '.join(row.values) or 'none'}")
    read = SHAPES[notes.shape].read(row, fields)
    turns = 1 if read.samples else len(read.exchanges)
    notes.several += turns > 1
    notes.systems += any(exchange.system for exchange in read.exchanges)
    notes.untrained += (left_out := sum(not exchange.is_target for exchange in read.exchanges))
    if left_out == len(read.exchanges):
        raise InputError(f"{row.where}: every reply says that it is not trained on (`weight` is 0)")
    own, split = own_id(row.values), _split_of(row)
    if not is_missing(split) and split_named(split) is None:
        notes.splits[str(split)] += 1
    for turn, found in enumerate(read.exchanges):
        if not found.is_target:
            continue
        last = read.samples or turn == turns - 1
        format = read.format or format_of(found.blocks)
        # the trigger of a format is no part of a question: training puts it there again
        instruction = format_named(format).instruction
        exchange = found._replace(question=without_frame(found.question, instruction))
        problem = _problem(row, read, exchange, fields, stem, notes.shape, graded=last)
        place = f"{row.number}-{turn + 1}" if turns > 1 else str(row.number)
        notes.compare(problem, row.where)
        name = names.problem(problem, f"{stem}/{place}", given=last and _id_of(row, fields) is not None)
        problem = problem.model_copy(update={"id": name, "licence": problem.licence or licence})
        sample = names.sample(name, format, own.sample if own else None)
        solution = Solution(
            id=f"{name}#{format}#{sample}",
            problem_id=name,
            sample=sample,
            format=format,
            blocks=exchange.blocks,
            finish="length" if row.values.get("finish_reason") == "length" else "stop",
            model=str(row.values.get("model") or stem),
            imported_prompt=read.imported_prompt
            or _prompt_of(found, instruction if exchange.question != found.question else "{question}"),
            verdict=None if problem.answer else _recorded(row, fields.get("verdict"), notes.shape),
        )
        yield Imported(problem, solution)


def _prompt_of(found: Exchange, instruction: str) -> ImportedPrompt | None:
    """How a dialogue asked, which an export says again; None for what stood in no dialogue."""
    return None if found.system is None else ImportedPrompt(system=found.system, instruction=instruction)


def _problem(
    row: Row, read: TrainingRow, exchange: Exchange, fields: Mapping[str, str], stem: str, shape: str, *, graded: bool
) -> Problem:
    """The problem of an exchange; the gold of a dialogue is that of its last question."""
    values = {key: value for key, value in row.values.items() if key not in read.used and key not in _REFERENCES}
    if (verdict := fields.get("verdict", "label" if shape == "outcomes" else "")).lower() in ANSWERS:
        values.pop(verdict, None)
    values |= {field: at(row.values, key) for field, key in fields.items() if field in ("kind", "choices", "answer")}
    if read.gold:
        values |= {"solution" if read.gold[0] == "solution" else "answer": read.gold[1]}
    values["id"] = _id_of(row, fields)
    values["text"] = _transcript(exchange)
    problem = to_problem(Row(row.where, row.number, values), stem=stem)
    more = {"system": exchange.system} if exchange.system else {}
    split = {"split": name} if (name := split_named(_split_of(row))) else {}
    metadata = {**problem.metadata, **more, **split, "where": row.where}
    return problem.model_copy(update={"metadata": metadata, "answer": problem.answer if graded else None})


def _split_of(row: Row) -> Any:
    """What the row says under the key `split`, in whatever case; None for nothing."""
    own = {key.strip().lower(): value for key, value in row.values.items()}
    return own.get("split", (read_object(own.get("metadata")) or {}).get("split"))


def _id_of(row: Row, fields: Mapping[str, str]) -> Any:
    if own := own_id(row.values):
        return own.problem
    value = at(row.values, fields.get("id", "id"))
    return value if isinstance(value, str | int) and value != "" else None


def _transcript(exchange: Exchange) -> str:
    """The question, behind the turns before it."""
    if not exchange.before:
        return exchange.question
    turns = [*exchange.before, ("User", exchange.question)]
    return "\n\n".join(f"{role}: {text}" for role, text in turns)


def _recorded(row: Row, key: str | None, shape: str) -> Verdict | None:
    """What the row itself says of its solution, under the key of verdicts or as our exports say it; None if nothing.

    Raises InputError for a value that is no verdict.
    """
    said = row.values.get("outcome") if shape == "records" else None
    if outcome := next((name for name in get_args(Outcome) if name == said), None):
        return Verdict(outcome=outcome, method="recorded", reason=f"`outcome` is {outcome} in {row.where}")
    key = "label" if shape == "outcomes" else key
    value = at(row.values, key) if key else None
    if is_missing(value):
        return None
    correct = flag_of(value)
    if correct is None:
        raise InputError(
            f"{row.where}: `{key}` is {str(value)[:60]!r}, and not true, false, 1 or 0 as a verdict is. If it holds "
            f"golds: --set field_map.answer={key}"
        )
    reason = f"`{key}` is {value} in {row.where}"
    return Verdict(outcome="correct" if correct else "incorrect", method="recorded", reason=reason)
