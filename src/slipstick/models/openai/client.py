"""One server: sends a request, waits no longer than its deadline, and says what kind of fault a failure was."""

from __future__ import annotations

import asyncio
import email.utils
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.request import getproxies

from slipstick.errors import did_you_mean
from slipstick.formats import join, render_chat, render_example, tool_schema
from slipstick.models import Request, Sampling
from slipstick.models.openai.capabilities import ServerCapabilities, stops_of
from slipstick.models.openai.replies import shorten

if TYPE_CHECKING:
    import openai

_LONGEST_PAUSE = 120.0
_AGAIN = frozenset({408, 409, 429})
_UNREACHED = frozenset({"ConnectError", "ConnectTimeout"})
_NO_CREDIT = "insufficient_quota"

FaultKind = Literal["busy", "unreached", "broken", "late", "denied", "refused"]


class Fault(Exception):  # noqa: N818  a request's outcome that `generate` turns into data, no error of ours
    """A request that brought no answer.

    "busy": no room now (429, 503); "unreached": never sent; "broken": it failed there or on the way (408, 409, 5xx, a
    cut connection); "late": no answer in time; "denied": the key, the credit or the model's name will not do;
    "refused": this request will not do.
    """

    def __init__(self, kind: FaultKind, reason: str, *, way_out: str = "", pause: float = 0.0) -> None:
        """way_out: what to tell a user whose run has not begun; pause: seconds to wait, where the server says so."""
        super().__init__(reason)
        self.kind, self.reason, self.way_out, self.pause = kind, reason, way_out, pause


class Client:
    """Asks one model of one server."""

    def __init__(self, model: str, base_url: str, *, key: str | None, api: str, seconds: float) -> None:
        """api: "chat" or "completions"; seconds: deadline of one request."""
        import httpx2
        import openai

        from slipstick.models.openai.transport import Spread

        self.model, self.base_url, self.chat = model, base_url, api == "chat"
        self.quirks = ServerCapabilities()
        self._seconds = seconds
        # As many connections as there are requests under way, all kept: what is sent is bounded elsewhere.
        timeout = openai.Timeout(seconds, connect=min(10.0, seconds))
        if getproxies():  # which a client honours only with a transport of its own
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
            self._http = openai.DefaultAsyncHttpxClient(limits=limits, timeout=timeout)
        else:
            self._http = openai.DefaultAsyncHttpxClient(transport=Spread(), timeout=timeout)
        self._api = openai.AsyncOpenAI(
            base_url=base_url, api_key=key or "none", timeout=timeout, max_retries=0, http_client=self._http
        )

    async def ask(self, request: Request) -> str:
        """The body of the answer to one turn. Raises Fault."""
        format = request.format
        calls = self.chat and bool(format.tool)
        if self.chat:
            asked: dict[str, Any] = {"messages": render_chat(format, request.problem, request.blocks)}
        else:
            asked = {"prompt": join(render_example(format, request.problem, request.blocks))}
        if calls:
            asked["tools"] = [tool_schema(format.tool)]
        return await self.draw(asked, request.sampling, stops_of(format, calls=calls))

    async def draw(self, asked: dict[str, Any], sampling: Sampling, stops: list[str]) -> str:
        """The body of the answer to a prompt or messages; what the server refuses is put another way. Raises Fault."""
        known = replace(self.quirks)
        while True:
            sent = asked | self.quirks.drawing(sampling, stops)
            try:
                return await self._post(sent)
            except RefusedParameter as refused:
                if not self.quirks.learn(refused.reason, refused.param, sent):
                    self.quirks = known  # what it seemed to refuse was not the reason
                    raise

    async def _post(self, asked: dict[str, Any]) -> str:
        """The body of the answer to a request as the API words it, its model put in. Raises Fault."""
        import httpx2
        import openai

        path = "/chat/completions" if self.chat else "/completions"
        try:
            async with asyncio.timeout(self._seconds):  # the client's own is between two bytes
                # Not through `create`: what it does to a body that is right already takes a millisecond.
                answer = await self._api.post(path, cast_to=httpx2.Response, body={"model": self.model, **asked})
                return answer.text
        except TimeoutError:
            raise Fault("late", f"no answer within {self._seconds:g} s (request_timeout)") from None
        except openai.APIStatusError as error:
            raise await self._status_fault(error) from error
        except openai.APIConnectionError as error:
            raise _connection_fault(error, self._seconds) from error
        except (openai.OpenAIError, ValueError) as error:
            raise Fault("refused", shorten(error)) from error

    async def get(self, address: str) -> Any:
        """What a server says at an address, as JSON; None where it says nothing there."""
        import httpx2

        try:
            answer = await self._http.get(address, headers=self._api.auth_headers, timeout=min(5.0, self._seconds))
            return answer.json() if answer.status_code == 200 else None
        except (httpx2.HTTPError, ValueError):
            return None

    async def close(self) -> None:
        """Closes the connections."""
        await self._api.close()

    async def _status_fault(self, error: openai.APIStatusError) -> Fault:
        status, reason = error.status_code, shorten(error)
        if error.code == _NO_CREDIT:
            return Fault("denied", reason, way_out="says that there is no credit left: add some, or name another key")
        if status in (401, 403):
            return Fault("denied", reason, way_out="refuses the key: set OPENAI_API_KEY to one that it knows")
        if status == 404:
            return Fault("denied", reason, way_out=await self._what_it_serves())
        if status in (429, 503):
            return Fault("busy", reason, pause=_retry_after(error.response.headers))
        if status >= 500 or status in _AGAIN:
            return Fault("broken", reason, way_out="answers with errors", pause=_retry_after(error.response.headers))
        if "--tool-call-parser" in error.message:
            out = (
                "gives models no tools: start it with --enable-auto-tool-choice --tool-call-parser NAME, or take `tir`"
            )
            return Fault("refused", reason, way_out=out)
        return RefusedParameter(reason, param=error.param) if status in (400, 422) else Fault("refused", reason)

    async def _what_it_serves(self) -> str:
        """Why a server may answer "not found", with the models that it lists, where it lists any."""
        far = "" if "/v1" in self.base_url else "; most addresses end in /v1"
        listed = await self.get(f"{self.base_url.rstrip('/')}/models")
        rows = listed.get("data") if isinstance(listed, dict) else None
        names = [str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row] if rows else []
        serves = f"{did_you_mean(self.model, names)}; it serves {', '.join(names[:10])}" if names else ""
        return f"knows no such model or no such endpoint{far}{serves}"


class RefusedParameter(Fault):
    """A request that will not do, perhaps because of one parameter."""

    def __init__(self, reason: str, *, param: str | None) -> None:
        super().__init__("refused", reason)
        self.param = param


def _connection_fault(error: openai.APIConnectionError, seconds: float) -> Fault:
    import openai

    if type(error.__cause__).__name__ in _UNREACHED:
        out = "is not reached: is the server running, and is base_url its address?"
        return Fault("unreached", shorten(error), way_out=out)
    if isinstance(error, openai.APITimeoutError):
        return Fault("late", f"no answer within {seconds:g} s (request_timeout)")
    return Fault(
        "broken", shorten(error), way_out="is not reached: is the server running, and is base_url its address?"
    )


def _retry_after(headers: Any) -> float:
    """Seconds that a server asks to be left alone, at most 120; 0 where it does not say."""
    try:
        seconds = float(headers["retry-after-ms"]) / 1000 if "retry-after-ms" in headers else _date(headers)
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_PAUSE)


def _date(headers: Any) -> float:
    given: str = headers.get("retry-after", "0")
    try:
        return float(given)
    except ValueError:
        return email.utils.parsedate_to_datetime(given).timestamp() - time.time()
