"""Models behind any server that speaks the OpenAI API, or several that serve one model, over chat or completions.

load_balancer.py  a request waits for the fewest loaded server
concurrency.py    how many requests a server is sent at a time
client.py         one server: a request, its timeout, the kinds of failures, the parameters that the server takes
transport.py      its connections
streaming.py      an answer that comes piece by piece -> the body of a whole one
replies.py        the body of an answer -> a Reply, native tool calls included
messages.py       Anthropic's API: bodies and answers of a chat as bodies and messages there, and back
batch_queue.py    requests that gather, go in batches and wait for their replies
ledger.py         these batches as files of the run
batch_api.py      the batch endpoints of OpenAI and Anthropic
batch_http.py     requests to them
failures.py       the kinds of failures of a request
prices.py         what tokens cost
probe.py          what a server is and does, found out once per run
"""

import asyncio
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

from slipstick.errors import ModelError, did_you_mean
from slipstick.formats import Format
from slipstick.models import Model, ModelSettings, Reply, Request
from slipstick.models.openai.client import Client, key_variable, stops_of
from slipstick.models.openai.concurrency import ConcurrencyLimit
from slipstick.models.openai.failures import RequestFailure
from slipstick.models.openai.load_balancer import LoadBalancer, NoServerError, Server
from slipstick.models.openai.messages import ANTHROPIC
from slipstick.models.openai.prices import OFFICIAL, find_price
from slipstick.models.openai.probe import describe
from slipstick.models.openai.replies import NoCompletionError, to_reply
from slipstick.models.passed import Passed, read_passed
from slipstick.replies.fences import FENCE, find_fenced
from slipstick.thoughts import split_thoughts

__all__ = ["OpenAIModel", "open_model", "to_reply"]

_LONGEST_PAUSE = 8.0
_APIS = ("chat", "completions", "messages")
_MOST_IN_BATCHES = 65_536
"""Requests that wait for their batches at one time."""


@dataclass
class _Attempts:
    """How often one request was sent."""

    most: int
    pause: float
    count: int = 0
    answers: int = 0
    """Answers that all requests had got when this one was sent last."""
    unused: Reply | None = None
    """An answer that is asked for again; what it took is counted."""

    def failed(self) -> bool:
        """Counts a failure; whether it was the last one allowed."""
        self.count += 1
        return self.count > self.most

    async def wait(self) -> None:
        """A random pause that doubles with every attempt."""
        longest = min(_LONGEST_PAUSE, self.pause * 2 ** max(0, self.count - 1))
        await asyncio.sleep(longest * random.uniform(0.5, 1.0))


class OpenAIModel(Model):
    """One model, at one server or several."""

    def __init__(self, name: str, settings: ModelSettings, *, max_retries: int = 5, first_pause: float = 0.5) -> None:
        """max_retries: how often a request is sent again after 408, 409, 429, 5xx, an answer that is not a completion,
        a timeout or a lost connection, with a random pause that doubles from `first_pause` to 8 s, or as long as the
        server's Retry-After says (up to 120 s).

        Raises ModelError if the API is unknown, if a key is needed and missing, or for a setting that cannot be sent.
        """
        if settings.api not in _APIS:
            hint = did_you_mean(settings.api, _APIS)
            raise ModelError(f"api `{settings.api}` is neither `chat` nor `completions` nor `messages`{hint}")
        if settings.stream and (settings.api == "messages" or settings.mode == "batch"):
            other = 'mode = "batch"' if settings.mode == "batch" else 'api = "messages"'
            raise ModelError(f"stream = true does not go with {other}: remove one of the two")
        self.name = name
        self.patient = settings.mode == "batch"
        standard = ANTHROPIC if settings.api == "messages" else os.environ.get("OPENAI_BASE_URL") or OFFICIAL
        self.base_urls = list(dict.fromkeys(settings.base_url)) or [standard]
        if self.patient and len(self.base_urls) > 1:
            raise ModelError('mode = "batch" takes one base_url: a batch is worked on where it was submitted')
        self._settings = settings
        self._retries, self._first_pause = max_retries, first_pause
        self._balancer = LoadBalancer(
            [_server(name, base_url, settings, _passed(settings)) for base_url in self.base_urls],
            timeout=settings.request_timeout,
        )

    async def generate(self, request: Request) -> Reply:
        """One turn; a request that fails for good is a Reply with finish "error".

        Raises ModelError if, before any answer, no server can be reached, or one refuses the key or has no such model;
        and for batches that have no place (`keep_in`).
        """
        if self.patient and not self._balancer.servers[0].client.batches:
            raise ModelError('mode = "batch" needs a run, whose folder keeps its batches: set mode = "live" here')
        attempts = _Attempts(self._retries, self._first_pause)
        solution = f"{request.problem.id}#{request.format.name}#{request.sample}"
        while True:
            try:
                async with self._balancer.assign(solution) as server:
                    reply = await self._send(server, request, attempts)
            except NoServerError as error:
                return _failure(str(error))
            if reply:
                return reply
            await attempts.wait()

    async def describe(self) -> dict[str, str]:
        """What the servers say of themselves and how they behave, by "server.KEY"; values that differ between them
        are joined by " | ". Sends each two short requests. Raises ModelError as `generate` does.
        """
        servers = self._balancer.servers
        results = await asyncio.gather(*(self._describe(server) for server in servers), return_exceptions=True)
        found: list[dict[str, str]] = []
        for server, result in zip(servers, results, strict=True):
            if isinstance(result, RequestFailure):
                if result.kind in ("denied", "rejected") or all(isinstance(other, RequestFailure) for other in results):
                    self._give_up(result, server)
                found.append({"probe": result.reason})
            elif isinstance(result, BaseException):
                raise result
            else:
                found.append(result)
        keys = dict.fromkeys(key for facts in found for key in facts)
        return {f"server.{key}": " | ".join(dict.fromkeys(facts.get(key, "?") for facts in found)) for key in keys}

    def throttle(self, *, paused: bool, most: int | None) -> bool:
        """As `Model.throttle`; requests that were sent get their answers."""
        self._balancer.throttle(paused=paused, most=most)
        return True

    def trouble(self) -> str:
        """What the servers said last, if all of them are suspended, or the provider of batches, if it fails."""
        queue = self._balancer.servers[0].client.batches
        return self._balancer.trouble() or (queue.trouble() if queue else "")

    def progress(self) -> str:
        """How far the batches are, if requests go in batches."""
        queue = self._balancer.servers[0].client.batches
        return queue.progress() if queue else ""

    async def keep_in(self, folder: Path) -> None:
        """With `mode = "batch"`, keeps the ledger of the batches in a run's folder, and waits for those of before."""
        if self.patient:
            client, settings = self._balancer.servers[0].client, self._settings
            await client.keep_batches_in(folder, wait=settings.batch_wait, most=settings.batch_size)

    async def close(self) -> None:
        """Closes the connections."""
        self._balancer.close()
        await asyncio.gather(*(server.client.close() for server in self._balancer.servers))

    async def _send(self, server: Server, request: Request, attempts: _Attempts) -> Reply | None:
        """The reply, or None if the request is to be sent again."""
        sent = time.monotonic()
        attempts.answers, before = self._balancer.answers, attempts.answers
        try:
            body = await server.client.ask(request, stop=attempts.unused is None)
            reply = to_reply(body, request.format, server.price)
        except NoCompletionError as error:
            return _failure(str(error)) if attempts.failed() else None
        except RequestFailure as failure:
            others = self._balancer.answers > before
            return self._after_failure(failure, server, attempts, sent=sent, others_answered=others)
        self._balancer.answers += 1
        server.answered(time.monotonic(), sent=sent, work=reply.tokens or 1, waiting=self._balancer.waiting)
        if server.client.capabilities.stop and attempts.unused is None and _stopped_inside(reply, request.format):
            if _is_thinking(reply):  # from here on turns are cut here, where thoughts are told from words
                server.client.capabilities.stop = False
            attempts.unused = reply
            return None
        return _with_spent(reply, attempts.unused)

    def _after_failure(
        self, failure: RequestFailure, server: Server, attempts: _Attempts, *, sent: float, others_answered: bool
    ) -> Reply | None:
        """What a failure means for the server and for the request: another attempt (None), or its end.

        others_answered: whether other requests were answered since this one was sent the time before.
        """
        now, first = time.monotonic(), not self._balancer.answers
        if failure.kind == "lost":
            return self._give_up(failure, server) if attempts.failed() else None
        if failure.kind in ("busy", "timeout"):
            server.busy(now, sent=sent, pause=failure.pause)
        if failure.kind == "rejected" or (failure.kind == "denied" and (first or len(self.base_urls) == 1)):
            return self._give_up(failure, server)
        if failure.kind in ("broken", "unreachable", "denied"):
            server.failed(now, sent=sent, reason=failure.reason)
        if (failure.kind == "busy" and others_answered) or (failure.kind == "unreachable" and not first):
            return None  # it was never worked on, and will be once there is room or the server is back
        fewest = min(other.failures for other in self._balancer.servers)
        if first and fewest == 0 and failure.kind in ("broken", "unreachable"):
            return None  # another server may answer yet
        if first and fewest > self._retries:
            return self._give_up(failure, server)
        return self._give_up(failure, server) if attempts.failed() else None

    def _give_up(self, failure: RequestFailure, server: Server) -> Reply:
        if failure.remedy and not self._balancer.answers:
            where = f"{server.client.base_url} {failure.remedy}"
            raise ModelError(f"model `{self.name}`: {where} ({failure.reason})") from failure
        return _failure(failure.reason)

    async def _describe(self, server: Server) -> dict[str, str]:
        facts = await describe(server.client)
        if "total_slots" in facts:
            server.limit.set_slots(int(facts["total_slots"]))
        price = server.price
        if price:
            facts["price"] = f"${price.input:g} in, ${price.cached:g} cached, ${price.output:g} out a million tokens"
            facts["price"] += " (half, in batches)" if self.patient else ""
        return facts


def open_model(argument: str, settings: ModelSettings) -> OpenAIModel:
    """A model by the name its server knows it by, as in `openai:gpt-4o`; the server is `base_url` or OPENAI_BASE_URL.

    Raises ModelError if the name is missing, or a key is needed and missing.
    """
    if not argument:
        raise ModelError("`openai:` needs the name of a model, as its server knows it: openai:NAME")
    return OpenAIModel(argument, settings)


def _passed(settings: ModelSettings) -> Passed:
    of_a_chat = {
        "reasoning_effort": settings.reasoning_effort,
        "chat_template_kwargs": settings.chat_template_kwargs,
    }
    if settings.api == "completions" and (given := [name for name, value in of_a_chat.items() if value is not None]):
        raise ModelError(f'{given[0]} is for a chat, and api = "completions" has none: remove one of the two')
    parameters = {
        "top_k": settings.top_k,
        "min_p": settings.min_p,
        "presence_penalty": settings.presence_penalty,
        **of_a_chat,
    }
    return read_passed(parameters, settings.extra_body, settings.extra_headers)


def _server(name: str, base_url: str, settings: ModelSettings, passed: Passed) -> Server:
    variable = key_variable(settings.api)
    key = os.environ.get(variable)
    if not key and base_url.startswith((OFFICIAL, ANTHROPIC)) and not passed.key_header():
        raise ModelError(f"{base_url} needs a key: set {variable}, or set another server with --set base_url=ADDRESS")
    client = Client(name, base_url, key=key, settings=settings, passed=passed)
    most = _MOST_IN_BATCHES if settings.mode == "batch" else settings.max_concurrent_requests
    limit = ConcurrencyLimit(most, timeout=settings.request_timeout)
    return Server(client, limit, find_price(name, base_url, settings))


def _stopped_inside(reply: Reply, format: Format) -> bool:
    """Whether an answer ended at a stop string where none counts: in its thoughts, or at the fence of another block."""
    if reply.finish != "stop" or not stops_of(format, calls=bool(format.tool)):
        return False
    blocks = find_fenced(reply.text) if FENCE in format.code_end and not format.tool else []
    return _is_thinking(reply) or bool(blocks and not blocks[-1].closed and not blocks[-1].is_python)


def _is_thinking(reply: Reply) -> bool:
    """Whether an answer has not come to an end with its thoughts."""
    nothing_said = reply.reasoning and not reply.text.strip() and not reply.calls
    return bool(nothing_said) or not split_thoughts(reply.text).finished


def _with_spent(reply: Reply, unused: Reply | None) -> Reply:
    if unused is None:
        return reply
    spent: dict[str, float] = {
        "tokens": reply.tokens + unused.tokens,
        "prompt_tokens": reply.prompt_tokens + unused.prompt_tokens,
        "cost": reply.cost + unused.cost,
    }
    if reply.thought_tokens is not None and unused.thought_tokens is not None:
        spent["thought_tokens"] = reply.thought_tokens + unused.thought_tokens
    return reply.model_copy(update=spent)


def _failure(reason: str) -> Reply:
    return Reply(text="", finish="error", error=reason)
