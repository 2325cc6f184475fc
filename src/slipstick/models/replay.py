"""Replays recorded solutions as a model, turn by turn, so that published outputs run through our own path."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from slipstick.errors import InputError
from slipstick.formats import Format, broken_fence, escape_fence, join, render
from slipstick.models import Model, ModelSettings, Reply, Request
from slipstick.schema import Block, Code, Output, Text
from slipstick.tabular import Row, read_rows

_BLOCKS: dict[str, type[Text] | type[Code] | type[Output]] = {"text": Text, "code": Code, "output": Output}
_ANY = ""


class Recording(NamedTuple):
    """One recorded solution."""

    problem_id: str
    """The problem it answers."""
    format: str
    """Name of the format it was recorded in; '' if it is replayed in any."""
    sample: int | None
    """None if the file does not say: then the place among the problem's rows counts."""
    blocks: list[Block]
    """What was written and what the interpreter printed, in order."""
    model: str
    """Name of the model that wrote it."""


class ReplayModel(Model):
    """Says what was recorded; the recorded outputs are left to the interpreter to make again."""

    def __init__(self, recordings: Iterable[Recording], *, name: str | None = None) -> None:
        """name: what solutions are signed with; by default the recorded model's name."""
        self._recorded: dict[tuple[str, str, int], Recording] = {}
        rows: defaultdict[tuple[str, str], int] = defaultdict(int)
        models: dict[str, None] = {}
        for recording in recordings:
            place = (recording.problem_id, recording.format)
            sample = rows[place] if recording.sample is None else recording.sample
            rows[place] += 1
            self._recorded.setdefault((*place, sample), recording)
            models.setdefault(recording.model)
        self.name = name or ", ".join(model for model in models if model) or "replay"

    async def generate(self, request: Request) -> Reply:
        """The recorded text of that turn; finish "error" if there is none."""
        problem_id, format, sample = request.problem.id, request.format, request.sample
        recording = self._find(problem_id, format.name, sample)
        if recording is None:
            return _error(f"no recording of {problem_id}, format {format.name}, sample {sample}")
        turns = to_turns(recording.blocks, format)
        if request.turn >= len(turns):
            return _error(f"the recording of {problem_id} has no turn {request.turn} in format {format.name}")
        return Reply(text=turns[request.turn])

    def recorded_outputs(self, problem_id: str, sample: int = 0, *, format: str = _ANY) -> list[str]:
        """What the recording's interpreter answered, one text a code block; empty if nothing is recorded."""
        recording = self._find(problem_id, format, sample)
        return [block.text for block in recording.blocks if isinstance(block, Output)] if recording else []

    async def close(self) -> None:
        """Nothing to let go of."""

    def _find(self, problem_id: str, format: str, sample: int) -> Recording | None:
        exact = self._recorded.get((problem_id, format, sample))
        return exact or self._recorded.get((problem_id, _ANY, sample))


def open_model(argument: str, settings: ModelSettings) -> ReplayModel:
    """A replay of a file of recorded solutions, gzipped or not, or of a run folder's solutions.jsonl.

    A row has `problem_id` and `blocks`, each {"type": "text", "code" or "output", and its words under "text" or
    "content"}; `model`, `format` and `sample` if it knows them. Raises InputError for a file or row that is none.
    """
    if not argument:
        raise InputError("`replay:` needs the path of a file of solutions: replay:solutions.jsonl")
    path = Path(argument)
    path = path / "solutions.jsonl" if path.is_dir() else path
    return ReplayModel(recording for row in read_rows(path) for recording in _recordings(row, row.values))


def to_turns(blocks: Sequence[Block], format: Format) -> list[str]:
    """What the model says in each turn when it repeats a recorded solution in a format.

    Steps: each turn ends with a code block, the last one holds what was said behind it. Program: one turn, all code
    as one program. Words only: one turn, the words. No turn if the recording has no code, or no words, for it.
    """
    if format.executes != "steps":
        wanted = Code if format.executes == "program" else Text
        parts = [block.text for block in blocks if isinstance(block, wanted)]
        return ["\n".join(parts)] if parts else []
    turns = [""]
    for block in blocks:
        if isinstance(block, Output):
            continue
        if isinstance(block, Code):
            code = Code(text=escape_fence(block.text, format.code_end))
            turns[-1] = _end_line(turns[-1]) + join(render(format, [code]))
            turns.append("")
        else:
            turns[-1] = _end_line(turns[-1]) + block.text.replace(format.code_begin, broken_fence(format.code_begin))
    return turns


def _end_line(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _recordings(row: Row, values: dict[str, Any]) -> Iterator[Recording]:
    """The recording of a row, and those of the attempts that a hybrid solution made before."""
    problem_id = values.get("problem_id")
    if not isinstance(problem_id, str):
        keys = ", ".join(values)
        raise InputError(f"{row.where} needs a string `problem_id`, the id of the problem it solves; its keys: {keys}")
    listed = values.get("blocks")
    if not isinstance(listed, list):
        raise InputError(f"{row.where} has no list of `blocks`; its keys are {', '.join(values)}")
    format = values.get("format")
    sample = values.get("sample")
    yield Recording(
        problem_id=problem_id,
        format=format if isinstance(format, str) and format != "hybrid" else _ANY,
        sample=sample if isinstance(sample, int) else None,
        blocks=[_block(f"{row.where}: block {number}", block) for number, block in enumerate(listed)],
        model=str(values.get("model") or ""),
    )
    for attempt in values.get("previous_attempts") or ():
        yield from _recordings(row, attempt)


def _block(where: str, block: Any) -> Block:
    if not isinstance(block, dict) or block.get("type") not in _BLOCKS:
        raise InputError(f"{where} must have a `type` of {', '.join(_BLOCKS)}: {str(block)[:80]}")
    text = block.get("text", block.get("content"))
    if not isinstance(text, str):
        raise InputError(f"{where} needs a string `text` or `content`: {str(block)[:80]}")
    return _BLOCKS[block["type"]](text=text)


def _error(reason: str) -> Reply:
    return Reply(text="", finish="error", error=reason)
