"""Asks any server that speaks the OpenAI API, or several that serve one model, over chat or completions.

client.py       one server: a request, its deadline, the kinds of faults
replies.py      the body of an answer -> a Reply; calls.py: native tool calls
endpoints.py    several servers, and who waits for a place at one
concurrency.py  how many requests a server is sent at a time
quirks.py       what a server cannot be sent; describe.py: what it is and does, asked once
prices.py       what tokens cost
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from slipstick.errors import ModelError, did_you_mean
from slipstick.models import ModelSettings, Reply, Request
from slipstick.models.openai.client import Client, Fault
from slipstick.models.openai.concurrency import Level
from slipstick.models.openai.load_balancer import AwayError, Endpoint, Endpoints
from slipstick.models.openai.prices import OFFICIAL, find_price
from slipstick.models.openai.probe import describe
from slipstick.models.openai.replies import NoCompletionError, end_turn, to_reply

__all__ = ["OpenAIModel", "end_turn", "open_model", "to_reply"]

_LONGEST_PAUSE = 8.0


@dataclass
class _Tries:
    """What one request went through."""

    most: int
    pause: float
    count: int = 0
    answers: int = 0
    """Answers that other requests had when this one was sent last."""

    def failed(self) -> bool:
        """Counts a failure; whether it was the last one allowed."""
        self.count += 1
        return self.count > self.most

    async def wait(self) -> None:
        """A random pause that doubles with every try."""
        longest = min(_LONGEST_PAUSE, self.pause * 2 ** max(0, self.count - 1))
        await asyncio.sleep(longest * random.uniform(0.5, 1.0))


class OpenAIModel:
    """One model, at one server or several."""

    def __init__(self, name: str, settings: ModelSettings, *, max_retries: int = 5, first_pause: float = 0.5) -> None:
        """max_retries: how often a request is sent again after 408, 409, 429, 5xx, an answer that is no completion, a
        timeout or a lost connection, with a random pause that doubles from `first_pause` to 8 s, or as long as the
        server's Retry-After says (up to 120 s).

        Raises ModelError where the API is unknown or a key is needed and missing.
        """
        if settings.api not in ("chat", "completions"):
            hint = did_you_mean(settings.api, ["chat", "completions"])
            raise ModelError(f"api `{settings.api}` is neither `chat` nor `completions`{hint}")
        self.name = name
        self.base_urls = _addresses(settings.base_url)
        self._retries, self._first_pause = max_retries, first_pause
        self._endpoints = Endpoints(
            [_endpoint(name, base_url, settings) for base_url in self.base_urls], away=settings.request_timeout
        )

    async def generate(self, request: Request) -> Reply:
        """One turn; a request that fails for good is a Reply with finish "error".

        Raises ModelError where, before any answer, no server is reached, or one refuses the key or has no such model.
        """
        tries = _Tries(self._retries, self._first_pause)
        solution = f"{request.problem.id}#{request.format.name}#{request.sample}"
        while True:
            try:
                async with self._endpoints.place(solution) as endpoint:
                    reply = await self._try(endpoint, request, tries)
            except AwayError as error:
                return _failure(str(error))
            if reply:
                return reply
            await tries.wait()

    async def describe(self) -> dict[str, str]:
        """What the servers say of themselves and how they behave, by "server.KEY"; what differs between them stands
        side by side. Sends each two short requests. Raises ModelError as `generate` does.
        """
        asked = self._endpoints.all
        told = await asyncio.gather(*(self._describe(endpoint) for endpoint in asked), return_exceptions=True)
        found: list[dict[str, str]] = []
        for endpoint, facts in zip(asked, told, strict=True):
            if isinstance(facts, Fault):
                if facts.kind == "denied" or all(isinstance(other, Fault) for other in told):
                    self._give_up(facts, endpoint)
                found.append({"probe": facts.reason})
            elif isinstance(facts, BaseException):
                raise facts
            else:
                found.append(facts)
        keys = dict.fromkeys(key for facts in found for key in facts)
        return {f"server.{key}": " | ".join(dict.fromkeys(facts.get(key, "?") for facts in found)) for key in keys}

    async def close(self) -> None:
        """Closes the connections."""
        self._endpoints.close()
        await asyncio.gather(*(endpoint.client.close() for endpoint in self._endpoints.all))

    async def _try(self, endpoint: Endpoint, request: Request, tries: _Tries) -> Reply | None:
        """The reply, or None where the request is to be sent again."""
        sent = time.monotonic()
        tries.answers, before = self._endpoints.answers, tries.answers
        try:
            body = await endpoint.client.ask(request)
            reply = to_reply(body, request.format, endpoint.price)
        except NoCompletionError as error:
            return _failure(str(error)) if tries.failed() else None
        except Fault as fault:
            return self._after(fault, endpoint, tries, sent=sent, others=self._endpoints.answers > before)
        self._endpoints.answers += 1
        endpoint.answered(time.monotonic(), sent=sent, work=reply.tokens or 1, wanted=self._endpoints.wanted)
        return reply

    def _after(self, fault: Fault, endpoint: Endpoint, tries: _Tries, *, sent: float, others: bool) -> Reply | None:
        """What a fault means for the server and for the request: another try (None), or its end.

        others: whether other requests were answered since this one was sent the time before.
        """
        now, first = time.monotonic(), not self._endpoints.answers
        if fault.kind in ("busy", "late"):
            endpoint.busy(now, sent=sent, pause=fault.pause)
        if fault.kind == "refused" or (fault.kind == "denied" and (first or len(self.base_urls) == 1)):
            return self._give_up(fault, endpoint)
        if fault.kind in ("broken", "unreached", "denied"):
            endpoint.failed(now, sent=sent, fault=fault.reason)
        if (fault.kind == "busy" and others) or (fault.kind == "unreached" and not first):
            return None  # it was never worked on, and will be once there is room or the server is back
        least = min(other.strikes for other in self._endpoints.all)
        if first and least == 0 and fault.kind in ("broken", "unreached"):
            return None  # another server may answer yet
        if first and least > self._retries:
            return self._give_up(fault, endpoint)
        return self._give_up(fault, endpoint) if tries.failed() else None

    def _give_up(self, fault: Fault, endpoint: Endpoint) -> Reply:
        if fault.way_out and not self._endpoints.answers:
            where = f"{endpoint.client.base_url} {fault.way_out}"
            raise ModelError(f"model `{self.name}`: {where} ({fault.reason})") from fault
        return _failure(fault.reason)

    async def _describe(self, endpoint: Endpoint) -> dict[str, str]:
        facts = await describe(endpoint.client)
        if "total_slots" in facts:
            endpoint.level.limit(int(facts["total_slots"]))
        price = endpoint.price
        if price:
            facts["price"] = f"${price.input:g} in, ${price.cached:g} cached, ${price.output:g} out a million tokens"
        return facts


def open_model(argument: str, settings: ModelSettings) -> OpenAIModel:
    """A model by the name its server knows it by, as in `openai:gpt-4o`; the server is `base_url` or OPENAI_BASE_URL.

    Raises ModelError where the name is missing, or a key is needed and missing.
    """
    if not argument:
        raise ModelError("`openai:` needs the name of a model, as its server knows it: openai:NAME")
    return OpenAIModel(argument, settings)


def _addresses(base_urls: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(base_urls)) or [os.environ.get("OPENAI_BASE_URL") or OFFICIAL]


def _endpoint(name: str, base_url: str, settings: ModelSettings) -> Endpoint:
    key = os.environ.get("OPENAI_API_KEY")
    if not key and base_url.startswith(OFFICIAL):
        raise ModelError(
            f"{base_url} needs a key: set OPENAI_API_KEY, or name another server with --set base_url=ADDRESS"
        )
    client = Client(name, base_url, key=key, api=settings.api, seconds=settings.request_timeout)
    level = Level(settings.max_concurrent_requests, deadline=settings.request_timeout)
    return Endpoint(client, level, find_price(name, base_url, settings))


def _failure(reason: str) -> Reply:
    return Reply(text="", finish="error", error=reason)
