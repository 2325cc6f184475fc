"""Who writes.

A plug-in is a function `open_model(argument, settings) -> Model`, named by an entry point in the group
`slipstick.models`; `argument` is what a recipe wrote after the colon, `settings` is a ModelSettings.
"""

from __future__ import annotations

from typing import Any, Protocol

from pydantic import Field

from slipstick.formats import Format
from slipstick.plugins import load_plugin, split_spec
from slipstick.schema import Block, Finish, Problem, Record


class Sampling(Record):
    """How tokens are drawn."""

    temperature: float = 0.0
    """0 takes the likeliest token."""
    top_p: float = 1.0
    max_tokens: int = 1024
    """Most new tokens of one turn."""
    seed: int | None = None


class Request(Record):
    """One turn asked of a model: go on from `blocks` until a code block closes or all is said."""

    problem: Problem
    layout: Format
    sample: int
    turn: int
    """0 for the first turn of a solution, one more after every output."""
    blocks: list[Block]
    """What was written so far, outputs included."""
    sampling: Sampling


class Reply(Record):
    """What a model wrote in one turn."""

    text: str
    """Without the stop string that ended the turn, unless that closes a code block (then it is the last of it)."""
    finish: Finish = "stop"
    """"length" where tokens ran out; "error" where no usable reply came, with `error` saying why."""
    tokens: int = 0
    """Tokens generated."""
    cost: float = 0.0
    """US dollars."""
    error: str = ""


class Model(Protocol):
    """Answers requests, many at a time."""

    name: str

    async def generate(self, request: Request) -> Reply:
        """One turn. A failed request is a Reply with finish "error", not an exception."""
        ...

    async def close(self) -> None:
        """Lets go of connections and memory."""
        ...


class ModelSettings(Record):
    """What a recipe can say of any model; each plug-in uses what applies to it."""

    base_url: str | None = None
    """Server address, for `openai`."""
    endpoint: str = "chat"
    """"chat" or "completions", for `openai`."""
    concurrency: int = Field(default=32, ge=1)
    """Requests under way at one time; for `hf` the batch size."""
    request_seconds: float = 600.0
    """Deadline of one request."""
    dtype: str = "auto"
    """Number format of the weights, for `hf`."""
    device: str = "auto"
    """"cpu", "cuda" or "auto", for `hf`."""


def open_model(spec: str, settings: ModelSettings | None = None) -> Model:
    """The model a recipe names: "openai:gpt-4o", "hf:path", "replay:file", "fake:script".

    Raises PluginError for an unknown plug-in, ModelError where the model cannot be opened.
    """
    name, argument = split_spec(spec)
    make: Any = load_plugin("models", name)
    model: Model = make(argument, settings or ModelSettings())
    return model
