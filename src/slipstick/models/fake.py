"""A model that says what a script says: for tests of recipes and of plug-ins, at no cost and without a network."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from slipstick.errors import InputError, did_you_mean
from slipstick.models import Model, ModelSettings, Reply, Request
from slipstick.tabular import Row, read_rows

Script = Callable[[Request], str | Reply] | Mapping[str, str | Sequence[str]]
_KEYS = ("format", "turn", "sample")


class FakeModel(Model):
    """Answers from a script and keeps every request in `requests`."""

    def __init__(self, script: Script, *, name: str = "fake") -> None:
        """script: a function from a request to its reply, or problem id -> the text of each turn (one text: turn 0)."""
        self.name = name
        self.requests: list[Request] = []
        self._script = script

    async def generate(self, request: Request) -> Reply:
        """What the script says; tokens are counted as words. Where it says nothing, a reply with finish "error"."""
        self.requests.append(request)
        if callable(self._script):
            said = self._script(request)
            return said if isinstance(said, Reply) else _reply(said)
        texts = self._script.get(request.problem.id, ())
        texts = [texts] if isinstance(texts, str) else texts
        return _reply(texts[request.turn]) if request.turn < len(texts) else _nothing(request)

    async def close(self) -> None:
        """Nothing to let go of."""


def open_model(argument: str, settings: ModelSettings) -> FakeModel:
    """A fake that answers from a file of rows {"problem_id", "text", and optionally "format", "turn", "sample"}.

    A row holds for every format, turn or sample that it does not name; of several that hold, the one that names most
    wins, then the first. Raises InputError for a file or row that cannot be read.
    """
    if not argument:
        raise InputError("`fake:` needs the path of its script: fake:script.jsonl")
    rows: dict[object, list[dict[str, object]]] = {}
    for row in read_rows(argument):
        values = _checked(row)
        rows.setdefault(values["problem_id"], []).append(values)

    def script(request: Request) -> str | Reply:
        asked = {"format": request.format.name, "turn": request.turn, "sample": request.sample}
        mine = rows.get(request.problem.id, [])
        holding = [row for row in mine if all(row.get(key, asked[key]) == asked[key] for key in _KEYS)]
        if not holding:
            return _nothing(request)
        return str(max(holding, key=lambda row: sum(key in row for key in _KEYS))["text"])

    return FakeModel(script, name=f"fake:{Path(argument).name}")


def _checked(row: Row) -> dict[str, object]:
    for key in row.values:
        hint = did_you_mean(key, ("problem_id", "text", *_KEYS))
        if hint and key not in ("problem_id", "text", *_KEYS):
            raise InputError(f"{row.where}: `{key}` is no key of a script{hint}")
    for key, kind in {"problem_id": str, "text": str, "format": str, "turn": int, "sample": int}.items():
        if key not in row.values and key in _KEYS:
            continue
        if not isinstance(row.values.get(key), kind):
            wanted = "a text" if kind is str else "a whole number"
            raise InputError(f"{row.where}: `{key}` must be {wanted}, not {row.values.get(key)!r}")
    return row.values


def _reply(text: str) -> Reply:
    return Reply(text=text, tokens=len(text.split()))


def _nothing(request: Request) -> Reply:
    asked = f"{request.problem.id}, format {request.format.name}, sample {request.sample}, turn {request.turn}"
    return Reply(text="", finish="error", error=f"the script says nothing for {asked}")
