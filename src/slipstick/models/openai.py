"""Asks any server that speaks the OpenAI API, over its chat or its completions endpoint."""

from __future__ import annotations

import asyncio
import os
import re
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError

from slipstick.errors import ModelError, did_you_mean
from slipstick.formats import Format, join, render, render_chat, render_prompt
from slipstick.models import ModelSettings, Reply, Request
from slipstick.schema import Finish

if TYPE_CHECKING:
    import openai

_OFFICIAL = "https://api.openai.com/v1"
_MOST_STOPS = 4  # what the API takes
_FENCED = re.compile(
    r"^```(?:python|py)?[^\S\n]*\n(.*?)(?:\n```[^\S\n]*$|\Z)", re.DOTALL | re.MULTILINE | re.IGNORECASE
)


class OpenAIModel:
    """One model of one server."""

    def __init__(self, name: str, settings: ModelSettings, *, max_retries: int = 5) -> None:
        """max_retries: how often a request is sent again after 408, 409, 429, 5xx, a timeout or a lost connection,
        with a random pause that doubles (0.5 to 8 s), or as long as the server's Retry-After says (up to 120 s).

        Raises ModelError where the endpoint is unknown or a key is needed and missing.
        """
        import openai

        if settings.endpoint not in ("chat", "completions"):
            hint = did_you_mean(settings.endpoint, ["chat", "completions"])
            raise ModelError(f"endpoint `{settings.endpoint}` is neither `chat` nor `completions`{hint}")
        self.name = name
        self.base_url = settings.base_url or os.environ.get("OPENAI_BASE_URL") or _OFFICIAL
        key = os.environ.get("OPENAI_API_KEY")
        if not key and self.base_url.startswith(_OFFICIAL):
            raise ModelError(
                f"{self.base_url} needs a key: set OPENAI_API_KEY, or name another server with --set base_url=ADDRESS"
            )
        self._chat = settings.endpoint == "chat"
        self._free = asyncio.Semaphore(settings.concurrency)
        self._answered = False
        self._length = "max_tokens"
        self._send_stop = True
        self._client = openai.AsyncOpenAI(
            base_url=self.base_url,
            api_key=key or "none",
            timeout=openai.Timeout(settings.request_seconds, connect=min(10.0, settings.request_seconds)),
            max_retries=max_retries,
        )

    async def generate(self, request: Request) -> Reply:
        """One turn; a request that fails for good is a Reply with finish "error".

        Raises ModelError where, before any answer, the server is not reached, refuses the key or has no such model.
        """
        import openai

        async with self._free:
            try:
                body = await self._ask(request)
            except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
                return self._fail(error, "refuses the key: set OPENAI_API_KEY to one that it knows")
            except openai.NotFoundError as error:
                return self._fail(error, await self._what_it_serves())
            except openai.APITimeoutError:
                return _error("no answer in time, after all retries (request_seconds sets the time)")
            except openai.APIConnectionError as error:
                return self._fail(error, "is not reached: is the server running, and is base_url its address?")
            except (openai.OpenAIError, ValueError) as error:
                return _error(_short(error))
        self._answered = True
        return to_reply(body, request.layout)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()

    async def _ask(self, request: Request) -> str:
        """The body of the server's answer."""
        import openai

        ask = self._ask_chat if self._chat else self._ask_completions
        while True:
            try:
                return await ask(request)
            except openai.BadRequestError as error:
                if not self._adapts(error):
                    raise

    def _adapts(self, error: openai.BadRequestError) -> bool:
        """Whether the request can be put another way: reasoning models of OpenAI's know other parameters."""
        if error.param == "max_tokens" and self._length == "max_tokens" and "max_completion_tokens" in error.message:
            self._length = "max_completion_tokens"
            return True
        if error.param == "stop" and self._send_stop:
            self._send_stop = False  # `end_turn` cuts
            return True
        return False

    async def _ask_chat(self, request: Request) -> str:
        messages: Any = render_chat(request.layout, request.problem, request.blocks)
        create = self._client.chat.completions.with_raw_response.create
        body: str = (await create(model=self.name, messages=messages, **self._drawing(request))).text
        return body

    async def _ask_completions(self, request: Request) -> str:
        layout = request.layout
        prompt = render_prompt(layout, request.problem) + join(render(layout, request.blocks))
        create = self._client.completions.with_raw_response.create
        body: str = (await create(model=self.name, prompt=prompt, **self._drawing(request))).text
        return body

    def _drawing(self, request: Request) -> dict[str, Any]:
        sampling, layout = request.sampling, request.layout
        drawing: dict[str, Any] = {
            self._length: sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
        }
        ends = [layout.code_end] if layout.executes == "steps" and layout.code_end else []
        if self._send_stop and (stop := (ends + layout.stop)[:_MOST_STOPS]):
            drawing["stop"] = stop
        if sampling.seed is not None:
            drawing["seed"] = sampling.seed
        return drawing

    def _fail(self, error: openai.APIError, way_out: str) -> Reply:
        if not self._answered:
            raise ModelError(f"model `{self.name}`: {self.base_url} {way_out} ({_short(error)})") from error
        return _error(_short(error))

    async def _what_it_serves(self) -> str:
        """Why a server may answer "not found", with the models that it lists, where it lists any."""
        import openai

        wrong = (
            f"knows no such model or no such endpoint{'' if '/v1' in self.base_url else '; most addresses end in /v1'}"
        )
        try:
            names = [model.id for model in (await self._client.with_options(max_retries=0).models.list()).data]
        except (openai.OpenAIError, ValueError, AttributeError, TypeError):
            return wrong
        return f"{wrong}{did_you_mean(self.name, names)}; it serves {', '.join(names[:10]) or 'nothing'}"


def open_model(argument: str, settings: ModelSettings) -> OpenAIModel:
    """A model by the name its server knows it by, as in `openai:gpt-4o`; the server is `base_url` or OPENAI_BASE_URL.

    Raises ModelError where the name is missing, or a key is needed and missing.
    """
    if not argument:
        raise ModelError("`openai:` needs the name of a model, as its server knows it: openai:NAME")
    return OpenAIModel(argument, settings)


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message = _Message()
    text: str | None = None
    finish_reason: str | None = None


class _Usage(BaseModel):
    completion_tokens: int | None = None


class _Answer(BaseModel):
    """What we read of either endpoint's answer; servers differ in all the rest."""

    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


def to_reply(body: str, layout: Format) -> Reply:
    """The body of a server's answer as a Reply; finish "error" where it is no completion."""
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        return _error(f"the server's answer is no completion ({where}: {first['msg']}): {_short(body)}")
    choice = answer.choices[0]
    if choice.finish_reason == "content_filter":
        return _error("the server's content filter stopped the answer")
    finish: Finish = "length" if choice.finish_reason == "length" else "stop"
    text, finish = end_turn(choice.text or choice.message.content or "", finish, layout)
    tokens = answer.usage.completion_tokens if answer.usage else None
    return Reply(text=text, finish=finish, tokens=tokens or 0)


def end_turn(text: str, finish: Finish, layout: Format) -> tuple[str, Finish]:
    """The text of one turn as if every server stopped where it is told to, and how the turn ended.

    Cut before the first stop string and behind the first closed code block, whichever comes first; a code block whose
    fence the server took for the stop string is closed again. In a format whose response is one bare program, a
    fence around it is taken off, with the words before and behind.
    """
    stops = [at for at in (text.find(stop) for stop in layout.stop if stop) if at >= 0]
    at = min(stops, default=len(text))
    if layout.executes == "steps" and layout.code_begin:
        begin = text.find(layout.code_begin)
        inside = begin + len(layout.code_begin)
        end = text.find(layout.code_end, inside) if begin >= 0 else -1
        if end >= 0 and end + len(layout.code_end) <= at:
            return text[: end + len(layout.code_end)], "stop"
        if finish == "stop" and 0 <= begin < at == len(text):
            return text + _missing(text[inside:], layout.code_end), "stop"
    text, finish = text[:at], "stop" if stops else finish
    if layout.executes == "program" and not layout.code_begin and (fenced := _FENCED.search(text)):
        text = fenced[1]
    return text, finish


def _missing(code: str, end: str) -> str:
    """What closes the code: all of `end`, or what is missing where the model wrote its fence but not its line end."""
    for length in range(len(end) - 1, 0, -1):
        if end[:length].strip() and code.endswith(end[:length]):
            return end[length:]
    return end


def _error(reason: str) -> Reply:
    return Reply(text="", finish="error", error=reason)


def _short(thing: object) -> str:
    text = " ".join(str(thing)[:2000].split())
    if isinstance(thing, Exception):
        cause = f": {thing.__cause__}" if thing.__cause__ and str(thing.__cause__) not in text else ""
        text = f"{type(thing).__name__}: {text}{cause}"
    return text if len(text) <= 300 else f"{text[:297]}..."
