"""One server: sends a request, waits no longer than its timeout, and says what kind of failure a failure was."""

from __future__ import annotations

import asyncio
import email.utils
import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

from slipstick.errors import did_you_mean
from slipstick.formats import Format, join, render_chat, render_example, tool_schema
from slipstick.models import ModelSettings, Request, Sampling
from slipstick.models.openai.batch_api import AnthropicBatches, BatchAPI, OpenAIBatches
from slipstick.models.openai.batch_queue import BatchQueue
from slipstick.models.openai.failures import RefusedParameter, RequestFailure
from slipstick.models.openai.ledger import Ledger
from slipstick.models.openai.messages import HEADERS, from_message, to_messages
from slipstick.models.openai.replies import shorten
from slipstick.models.passed import Passed
from slipstick.thoughts import split_thoughts, thought_fields

if TYPE_CHECKING:
    import openai

_LONGEST_PAUSE = 120.0
_MOST_STOPS = 4  # what the API takes
_AGAIN = frozenset({408, 409, 429})
_NOT_CONNECTED = frozenset({"ConnectError", "ConnectTimeout"})
_UNREACHABLE = "cannot be reached: is the server running, and is base_url its address?"
_NO_CREDIT = "insufficient_quota"


@dataclass
class ServerCapabilities:
    """What one server takes.

    Only what leaves the answer the same is changed: the name of a limit, stop strings (the turn is cut here just as
    well), streaming, and the seed, without which samples have the same distribution but cannot be repeated (`describe`
    says so).
    Any other refused parameter is the request's failure.
    """

    max_tokens_key: str = "max_tokens"
    """Name of the limit on new tokens; OpenAI's reasoning models know "max_completion_tokens"."""
    stop: bool = True
    """Whether it takes stop strings; reasoning models refuse them."""
    seed: bool = True
    """Whether it takes a seed; Mistral's own server refuses it."""
    thoughts_key: str | None = None
    """Where in a message it gives thoughts, and so takes those of earlier turns back, for its chat template to leave
    out or to show. None: they are not sent."""
    takes_thoughts: bool = True
    """Whether it takes them back; DeepSeek's reasoner refused them."""
    stream: bool = False
    """Whether replies are asked for piece by piece: the setting, until the server refuses."""
    stream_options: bool = True
    """Whether a stream may be asked to end with the usage."""

    def note(self, body: str) -> None:
        """Learns from an answer where the server puts thoughts."""
        if self.thoughts_key is None:
            self.thoughts_key = next((key for key in thought_fields().keys if f'"{key}"' in body), None)

    def content(self, content: dict[str, Any]) -> dict[str, Any]:
        """A request's content with earlier thoughts where the server takes them, or without them."""
        if "messages" not in content:
            return content
        key = self.thoughts_key if self.takes_thoughts else None
        return {**content, "messages": [_place_thoughts(message, key) for message in content["messages"]]}

    def parameters(self, sampling: Sampling, stops: list[str]) -> dict[str, Any]:
        """The request's parameters that say how tokens are sampled and where they end."""
        parameters: dict[str, Any] = {
            self.max_tokens_key: sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
        }
        if self.stop and stops:
            parameters["stop"] = stops[:_MOST_STOPS]
        if self.seed and sampling.seed is not None:
            parameters["seed"] = sampling.seed
        if self.stream:
            parameters["stream"] = True
            if self.stream_options:
                parameters["stream_options"] = {"include_usage": True}
        return parameters

    def learn(self, message: str, param: str | None, sent: dict[str, Any]) -> bool:
        """Whether a refusal says that `sent` can be sent another way; then it is from now on."""
        if "max_completion_tokens" in message and "instead" in message and "max_tokens" in sent:
            self.max_tokens_key = "max_completion_tokens"
        elif _names("stop", message, param) and "stop" in sent:
            self.stop = False
        elif _names("seed", message, param) and "seed" in sent:
            self.seed = False
        elif _names("stream_options", message, (param or "").partition(".")[0]) and "stream_options" in sent:
            self.stream_options = False
        elif _names("stream", message, param) and "stream" in sent:
            self.stream = False
        elif self.takes_thoughts and self.thoughts_key and "reasoning" in message and self.thoughts_key in str(sent):
            self.takes_thoughts = False
        else:
            return False
        return True


class Client:
    """Sends requests to one model of one server."""

    def __init__(
        self, model: str, base_url: str, *, key: str | None, settings: ModelSettings, passed: Passed | None = None
    ) -> None:
        """passed: what else is sent."""
        import httpx2
        import openai

        from slipstick.models.openai.transport import PooledTransport

        api = settings.api
        self.model, self.base_url, self.chat = model, base_url, api != "completions"
        self.batches: BatchQueue | None = None
        """If there is one, requests of solutions go in batches."""
        self._path = {"chat": "/chat/completions"}.get(api, f"/{api}")
        self._anthropic = api == "messages"
        self.capabilities = ServerCapabilities(seed=not self._anthropic, stream=settings.stream)
        self.stream = settings.stream
        self.streams = False
        """Whether its last answer came piece by piece."""
        self.passed = passed or Passed()
        self._timeout = timeout = settings.request_timeout
        self._stall_timeout = settings.stall_timeout
        # As many connections as there are requests running, all kept: what is sent is bounded elsewhere.
        timeouts = openai.Timeout(timeout, connect=min(10.0, timeout))
        if getproxies():  # which a client honours only with a transport of its own
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
            self._http = openai.DefaultAsyncHttpxClient(limits=limits, timeout=timeouts)
        else:
            self._http = openai.DefaultAsyncHttpxClient(transport=PooledTransport(), timeout=timeouts)
        self._headers = self.passed.over(_own_headers(api, key))
        # Its own `Authorization` would be of a key that there is not.
        absent = {} if "Authorization" in self._headers else {"Authorization": openai.Omit()}
        self._options: Any = {"headers": absent}
        self._api = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=key or "none",
            default_headers=self._headers,
            timeout=timeouts,
            max_retries=0,
            http_client=self._http,
        )

    async def ask(self, request: Request, *, stop: bool = True) -> str:
        """The body of the answer to one turn; stop: whether stop strings are sent. Raises RequestFailure."""
        format = request.format
        calls = self.chat and bool(format.tool)
        if self.chat:
            messages = render_chat(format, request.problem, request.blocks)
            content: dict[str, Any] = {"messages": [_apart(message) for message in messages]}
        else:
            content = {"prompt": join(render_example(format, request.problem, request.blocks))}
        if calls:
            content["tools"] = [tool_schema(format.tool)]
        place = f"{request.problem.id}#{format.name}#{request.sample}#{request.turn}"
        return await self.complete(
            content, request.sampling, stops_of(format, calls=calls) if stop else [], place=place
        )

    async def complete(
        self,
        content: dict[str, Any],
        sampling: Sampling,
        stops: list[str],
        *,
        passed: Mapping[str, Any] | None = None,
        place: str = "",
    ) -> str:
        """The body of the answer to a prompt or messages; a parameter that the server refuses is sent another way.

        passed: parameters instead of those that pass through. place: solution and turn of a request that may go in a
        batch. Raises RequestFailure, which names a setting that is refused.
        """
        known = replace(self.capabilities)
        more = self.passed.parameters if passed is None else passed
        # Of what is asked, not of how a server takes it, which has to be learnt again in a run that is resumed.
        key = _key(place, self.model, content, sampling.model_dump(), stops, more) if place and self.batches else ""
        while True:
            sent = {**self.capabilities.content(content), **self.capabilities.parameters(sampling, stops), **more}
            try:
                return await self._send(sent, key)
            except RefusedParameter as refused:
                if not self.capabilities.learn(refused.reason, refused.param, sent):
                    self.capabilities = known  # what it seemed to refuse was not the reason
                    if setting := self.passed.named_in(refused.reason, refused.param):
                        refused.remedy = f"refuses {setting}: remove this setting, or give a value that it takes"
                    raise

    async def _send(self, parameters: dict[str, Any], key: str) -> str:
        """The body of the answer to a request with these parameters. Raises RequestFailure."""
        body = {"model": self.model, **parameters}
        body = to_messages(body) if self._anthropic else body
        text = await (self.batches.ask(key, body) if key and self.batches else self._post(body))
        self.capabilities.note(text)
        return self.passed.without_secrets(text)

    async def _post(self, body: dict[str, Any]) -> str:
        import httpx2
        import openai

        try:
            async with asyncio.timeout(self._timeout):  # the client's own is between two bytes
                # Not through `create`: what it does to a body that is complete already takes a millisecond.
                if "stream" in body:
                    return await self._stream(body)
                answer = await self._api.post(self._path, cast_to=httpx2.Response, body=body, options=self._options)
                return json.dumps(from_message(answer.json())) if self._anthropic else answer.text
        except TimeoutError:
            raise _timeout(self._timeout) from None
        except openai.APIStatusError as error:
            raise await self._status_failure(error) from error
        except openai.APIConnectionError as error:
            raise _connection_failure(error, self._timeout, self.passed) from error
        except httpx2.TransportError as error:
            raise RequestFailure("broken", shorten(error, clean=self.passed.without_secrets)) from error
        except (openai.OpenAIError, ValueError) as error:
            raise RequestFailure("rejected", shorten(error, clean=self.passed.without_secrets)) from error

    async def _stream(self, body: dict[str, Any]) -> str:
        """The body of an answer that came piece by piece, or as a whole, if the server does not stream."""
        import openai

        from slipstick.models.openai.streaming import StreamError, is_stream, read_stream

        chunks, options = openai.AsyncStream[Any], self._options
        stream = await self._api.post(
            self._path, cast_to=object, body=body, options=options, stream=True, stream_cls=chunks
        )
        self.streams = is_stream(stream.response)
        if not self.streams:
            return (await stream.response.aread()).decode("utf-8", "replace")
        try:
            return await read_stream(stream.response, stall_timeout=self._stall_timeout)
        except StreamError as error:
            reason = shorten(error, clean=self.passed.without_secrets)
            raise RequestFailure(error.kind, reason, remedy="fails in the middle of answers") from error

    async def get(self, address: str) -> Any:
        """What a server answers at an address, as JSON; None if it has nothing there."""
        import httpx2

        try:
            answer = await self._http.get(address, headers=self._headers, timeout=min(5.0, self._timeout))
            return json.loads(self.passed.without_secrets(answer.text)) if answer.status_code == 200 else None
        except (httpx2.HTTPError, ValueError):
            return None

    async def keep_batches_in(self, folder: Path, *, wait: float, most: int | None) -> None:
        """From now on requests of solutions go in batches, whose ledger is in a run's folder; see BatchQueue."""
        from slipstick.models.openai.batch_http import BatchConnection

        if self.batches:
            await self.batches.close()
        connection = BatchConnection(self._http, self.base_url, self._headers, self.passed.without_secrets)
        api: BatchAPI = AnthropicBatches(connection) if self._anthropic else OpenAIBatches(connection, self._path)
        self.batches = BatchQueue(api, Ledger(folder), wait=wait, most=most)

    async def close(self) -> None:
        """Closes the connections."""
        if self.batches:
            await self.batches.close()
        await self._api.close()

    async def _status_failure(self, error: openai.APIStatusError) -> RequestFailure:
        status, reason = error.status_code, shorten(error, clean=self.passed.without_secrets)
        if error.code == _NO_CREDIT:
            return RequestFailure(
                "denied", reason, remedy="reports that no credit is left: add credit, or set another key"
            )
        if status in (401, 403):
            where = self.passed.key_header() or key_variable("messages" if self._anthropic else "chat")
            return RequestFailure("denied", reason, remedy=f"refuses the key: set {where} to one that it accepts")
        if status == 404:
            return RequestFailure("denied", reason, remedy=await self._what_it_serves())
        if status in (429, 503):
            return RequestFailure("busy", reason, pause=_retry_after(error.response.headers))
        if status >= 500 or status in _AGAIN:
            return RequestFailure(
                "broken", reason, remedy="answers with errors", pause=_retry_after(error.response.headers)
            )
        if "--tool-call-parser" in error.message:
            remedy = (
                "gives models no tools: start it with --enable-auto-tool-choice --tool-call-parser NAME, or set "
                'formats = ["tir"]'
            )
            return RequestFailure("rejected", reason, remedy=remedy)
        if status in (400, 422):
            return RefusedParameter(reason, param=error.param)
        return RequestFailure("rejected", reason)

    async def _what_it_serves(self) -> str:
        """Why a server may answer "not found", with the models that it lists, if any."""
        hint = "" if "/v1" in self.base_url else "; most addresses end in /v1"
        listed = await self.get(f"{self.base_url.rstrip('/')}/models")
        rows = listed.get("data") if isinstance(listed, dict) else None
        names = [str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row] if rows else []
        serves = f"{did_you_mean(self.model, names)}; it serves {', '.join(names[:10])}" if names else ""
        return f"knows no such model or no such endpoint{hint}{serves}"


def key_variable(api: str) -> str:
    """The environment variable that has the key."""
    return "ANTHROPIC_API_KEY" if api == "messages" else "OPENAI_API_KEY"


def _own_headers(api: str, key: str | None) -> dict[str, str]:
    """Those of every request, before what the settings pass; a key that there is not stands in none."""
    if api == "messages":
        return {**HEADERS, **({"x-api-key": key} if key else {})}
    return {"Authorization": f"Bearer {key}"} if key else {}


def _key(*asked: object) -> str:
    """A name for what is asked, the same in every run of it."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:32]


def _connection_failure(error: openai.APIConnectionError, seconds: float, passed: Passed) -> RequestFailure:
    import openai

    reason = shorten(error, clean=passed.without_secrets)
    if type(error.__cause__).__name__ in _NOT_CONNECTED:
        return RequestFailure("unreachable", reason, remedy=_UNREACHABLE)
    if isinstance(error, openai.APITimeoutError):
        return _timeout(seconds)
    return RequestFailure("broken", reason, remedy=_UNREACHABLE)


def _timeout(seconds: float) -> RequestFailure:
    return RequestFailure("timeout", f"no answer within {seconds:g} s (request_timeout)")


def _retry_after(headers: Any) -> float:
    """Seconds that a server asks to be left alone, at most 120; 0 if it does not say."""
    try:
        seconds = float(headers["retry-after-ms"]) / 1000 if "retry-after-ms" in headers else _retry_seconds(headers)
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_PAUSE)


def _retry_seconds(headers: Any) -> float:
    given: str = headers.get("retry-after", "0")
    try:
        return float(given)
    except ValueError:
        return email.utils.parsedate_to_datetime(given).timestamp() - time.time()


def _apart(message: dict[str, Any]) -> dict[str, Any]:
    """A message with the model's thoughts taken out of its words and put apart, as `reasoning`."""
    thoughts = split_thoughts(message["content"]) if message["role"] == "assistant" else None
    if thoughts is None or not thoughts.thought.strip():
        return message
    return {**message, "content": thoughts.said.lstrip("\n"), "reasoning": thoughts.thought.strip("\n")}


def _place_thoughts(message: dict[str, Any], key: str | None) -> dict[str, Any]:
    if "reasoning" not in message:
        return message
    rest = {name: value for name, value in message.items() if name != "reasoning"}
    return {**rest, key: message["reasoning"]} if key else rest


def stops_of(format: Format, *, calls: bool) -> list[str]:
    """Strings that end a turn; calls: whether code is called as a tool, so that no code block closes in the text."""
    ends = [format.code_end] if format.executes == "steps" and format.code_end and not calls else []
    return ends + format.stop


def _names(name: str, message: str, param: str | None) -> bool:
    return param == name or (not param and re.search(rf"\b{name}\b", message) is not None)
