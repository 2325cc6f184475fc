"""Who writes.

A plug-in is a function `open_model(argument, settings) -> Model`, named by an entry point in the group
`slipstick.models`; `argument` is what a recipe wrote after the colon, `settings` is a ModelSettings.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from pydantic import AfterValidator, BeforeValidator, Field

from slipstick.encode.settings import Template
from slipstick.formats import Format
from slipstick.models.passed import check_body, check_headers
from slipstick.plugins import load_plugin, split_spec
from slipstick.recipe import Names, placed
from slipstick.schema import Block, Finish, Problem, Record

Device = Annotated[str, Field(pattern=r"^(auto|cpu|mps|(cuda|xpu)(:\d+)?)$")]
"""Where weights are: "cpu", "cuda", "cuda:1", "auto"."""


class Sampling(Record):
    """How tokens are sampled."""

    temperature: float = 0.0
    """0 takes the likeliest token."""
    top_p: float = 1.0
    """Sample only from the most likely tokens of this total probability."""
    max_tokens: int = 1024
    """Most new tokens of one turn."""
    seed: int | None = None
    """Seed of the sampling; None leaves it to the model."""


class Request(Record):
    """A request for one turn: continue `blocks` until a code block closes or the answer ends."""

    problem: Problem
    """The problem to solve."""
    format: Format
    """The format to write in."""
    sample: int
    """Number of the sample of this problem and format."""
    turn: int
    """0 for the first turn of a solution, one more after every output."""
    blocks: list[Block]
    """What was written so far, outputs included."""
    sampling: Sampling
    """How tokens are sampled."""


class Reply(Record):
    """What a model wrote in one turn."""

    text: str
    """Without the stop string that ended the turn, unless that closes a code block (then it is the last of it)."""
    reasoning: str = ""
    """What a reasoning model thought before it, if it is kept apart from the text."""
    calls: list[str] = Field(default_factory=list)
    """The code of native tool calls, in order; they come behind the text."""
    refused: dict[int, str] = Field(default_factory=dict)
    """Why calls are not run, by their place in `calls`; the model is told in place of an output."""
    finish: Finish = "stop"
    """"length" if tokens ran out; "error" if no usable reply came, with `error` saying why."""
    tokens: int = 0
    """Tokens generated, thoughts included."""
    thought_tokens: int | None = None
    """Of these, those of thoughts; None if nothing counted them."""
    ids: list[int] = Field(default_factory=list)
    """What was generated in token ids, without an end of text, if the model says; `text` may be cut shorter."""
    prompt_tokens: int = 0
    """Tokens of the prompt, if the model counts them."""
    cost: float = 0.0
    """US dollars."""
    cached: bool = False
    """Whether it was kept from an earlier request, and so cost nothing."""
    error: str = ""
    """Why no usable reply came."""


class Model(Protocol):
    """Answers requests, many at a time.

    A plug-in inherits from it and has `name`, `generate` and `close`; the rest does by default what its docstring says.
    """

    name: str
    """What records call it."""
    patient: bool = False
    """Whether a reply may take hours, so that what a solution holds in the meantime is better let go."""

    async def generate(self, request: Request) -> Reply:
        """One turn. A failed request is a Reply with finish "error", not an exception."""
        ...

    async def close(self) -> None:
        """Lets go of connections and memory."""
        ...

    async def describe(self) -> dict[str, str]:
        """Facts about what the model runs on, for the record of a run: {"server.max_model_len": "4096"}.

        By default none. Raises ModelError if the model finds that it cannot be reached.
        """
        return {}

    async def keep_in(self, folder: Path) -> None:
        """A run's folder, before its first request, for what a model must not lose in a kill; by default nothing."""
        del folder

    def throttle(self, *, paused: bool, most: int | None) -> bool:
        """Whether no request is sent from now on, and the most at a time at one server (None: as before).

        False, the default, if the model sends every request at once; its caller then holds them back.
        """
        del paused, most
        return False

    def trouble(self) -> str:
        """Why requests wait now, for the progress line, "" if nothing is wrong; by default nothing ever is."""
        return ""

    def progress(self) -> str:
        """How far the model is with what it was asked, for the progress line; "" if there is nothing to say."""
        return ""


_MOST_REQUESTS = 65_536


def _check_concurrency(value: object) -> object:
    if value != "auto" and (not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST_REQUESTS):
        raise ValueError(f'must be a whole number from 1 to {_MOST_REQUESTS:,}, or "auto"')
    return value


_SECRET = re.compile(r"(?i)^\s*(?:\w+:)?//[^/?#]*@|[?&][\w-]*(?:key|token|secret|signature|sig)=.")
"""A user before the host, or a parameter that lets its holder in."""


def _without_passwords(addresses: list[str]) -> list[str]:
    if any(_SECRET.search(address) for address in addresses):
        raise ValueError(
            "an address with a user, password or key would stand in the run's record; set it as the environment "
            "variable OPENAI_BASE_URL, or the key alone as OPENAI_API_KEY (of Anthropic's API, ANTHROPIC_API_KEY)"
        )
    return addresses


def _placed(cache: bool | str) -> bool | str:
    return str(placed(cache)) if isinstance(cache, str) else cache


class ModelSettings(Record):
    """Settings of models; each plug-in uses what applies to it."""

    base_url: Annotated[Names, AfterValidator(_without_passwords)] = Field(default_factory=list)
    """Server address, or those of several servers of one model, for `openai`."""
    api: str = "chat"
    """"chat", "completions", or "messages" (Anthropic's), for `openai`."""
    mode: Literal["live", "batch"] = "live"
    """"batch": requests gather and go to the provider in files, at half the price and within a day, for `openai`; turns
    of a solution go in later files."""
    batch_wait: float = Field(default=10.0, gt=0, le=3600)
    """Seconds without a new request after which those that gathered are submitted as a batch."""
    batch_size: int | None = Field(default=None, ge=1)
    """Most requests of one batch; None: as many as the provider takes (OpenAI 50,000, Anthropic 100,000)."""
    max_concurrent_requests: Annotated[int | Literal["auto"], BeforeValidator(_check_concurrency)] = "auto"
    """Most requests that run at one server, which "auto" finds out; for `hf` the batch size, which "auto" makes 32."""
    request_timeout: float = Field(default=600.0, gt=0)
    """Deadline of one request."""
    cache: Annotated[bool | str, AfterValidator(_placed)] = False
    """Whether replies are kept across runs and a request that was answered before gets its reply from there, at no
    cost; or the file that keeps them, instead of the user's own."""
    cache_mb: int = Field(default=1024, ge=1)
    """Size of that file above which the oldest replies are removed."""
    stream: bool = False
    """Whether replies come piece by piece, for `openai`: for gateways that cut requests which are silent for long."""
    stall_timeout: float = Field(default=60.0, gt=0)
    """Seconds without a byte after which a reply that has begun to come (`stream`) is asked for again."""
    price_in: float | None = Field(default=None, ge=0)
    """US dollars for a million prompt tokens, for `openai`; None leaves it to our table."""
    price_out: float | None = Field(default=None, ge=0)
    """US dollars for a million generated tokens, for `openai`; None leaves it to our table."""
    top_k: int | None = Field(default=None, ge=-1)
    """Sample only from so many likeliest tokens, for `openai` and `hf`; 0: from all. None leaves it to a server."""
    min_p: float | None = Field(default=None, ge=0, le=1)
    """Sample only tokens with this share of the likeliest one's probability, for `openai` and `hf`."""
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    """What the logits of tokens lose that were written already, for `openai`."""
    reasoning_effort: str | None = Field(default=None, min_length=1)
    """How much a reasoning model thinks, in the server's words ("none", "low", "high"), for `openai` in a chat."""
    chat_template_kwargs: dict[str, Any] | None = None
    """Variables of the chat template, for `openai` in a chat: {enable_thinking = false}."""
    extra_body: Annotated[dict[str, Any] | None, AfterValidator(check_body)] = None
    """Further parameters of every request, for `openai`: {repetition_penalty = 1.1}."""
    extra_headers: Annotated[dict[str, str] | None, AfterValidator(check_headers)] = None
    """Headers of every request, for `openai`; a secret is named as an environment variable, which the record of a run
    keeps instead of its value: {X-Api-Key = "${MY_KEY}"}."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Number format of the weights, for `hf`."""
    device: Device = "auto"
    """"cpu", "cuda" or "auto", for `hf`."""
    template: Template = "auto"
    """Who lays out the prompt, for `hf`: "chat", the tokenizer's chat template; "format", the format; "alpaca". "auto":
    as the model was trained by us, else its chat template if it has one, else the format."""


CHANGES_REPLIES = frozenset(
    {"api", "top_k", "min_p", "presence_penalty", "reasoning_effort", "chat_template_kwargs", "extra_body"}
    | {"extra_headers", "dtype", "template"}
)
"""Settings of models that may change what is replied; by its headers a gateway may choose the model."""
CHANGES_NO_REPLY = frozenset(
    {"base_url", "device", "mode", "batch_wait", "batch_size", "max_concurrent_requests", "request_timeout"}
    | {"stream", "stall_timeout", "cache", "cache_mb", "price_in", "price_out"}
)
"""All others: where a model is, in what form and how fast it is asked, what it costs, where its replies are kept."""


def open_model(spec: str, settings: ModelSettings | None = None) -> Model:
    """The model a recipe names: "openai:gpt-4o", "hf:path", "replay:file", "fake:script".

    Raises PluginError for an unknown plug-in, ModelError where the model, or its cache of replies, cannot be opened.
    """
    from slipstick.models.cached import cached

    name, argument = split_spec(spec)
    settings = settings or ModelSettings()
    make: Any = load_plugin("models", name)
    model: Model = make(argument, settings)
    return cached(model, spec, settings)
