"""Answers that are errors: their body, their statuses, and a message that says what to send instead."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from slipstick.errors import InterpreterError
from slipstick.serve.service import RefusedError, Service

_RETRY = {"Retry-After": "1"}
_SHOWN = 60
"""Characters of a value that a message shows."""
_MOST_TOLD = 10
"""Mistakes in a body that a message tells: it may have 100,000."""


class Refusal(BaseModel):
    """Body of every answer that is an error."""

    error: str
    """What is wrong, and what to do."""


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": description}
    for status, description in (
        (400, "no valid HTTP, or the service does not offer what is asked"),
        (401, "the token is missing or wrong"),
        (404, "no such route, or the session was lost"),
        (405, "another method is needed"),
        (413, "the body is too long"),
        (415, "the body is not declared as JSON, or compressed"),
        (417, "an expectation other than 100-continue"),
        (421, "the request names another host"),
        (422, "the body is malformed"),
        (429, "busy; try again after Retry-After"),
        (431, "the head of the request is too long"),
        (499, "the client has disconnected"),
        (500, "the interpreter cannot start"),
        (503, "the service was stopped before the step ended"),
        (504, "busy, on /run_code; try again after Retry-After"),
    )
}
"""Statuses of errors that any route may answer with."""


def add_handlers(app: FastAPI, service: Service) -> None:
    """Gives every error of the application its body."""

    @app.exception_handler(RefusedError)
    async def refused(request: Request, error: RefusedError) -> Response:
        if error.reason != "warming":  # a probe that asks is no request that was refused
            service.metrics.reject(error.reason)
        return refuse(request, error.status, error.message)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        service.metrics.reject("malformed")
        mistakes = error.errors()
        told = [_in_words(each) for each in mistakes[:_MOST_TOLD]]
        told += [f"and {len(mistakes) - _MOST_TOLD} more"] if len(mistakes) > _MOST_TOLD else []
        return refuse(request, 422, "; ".join(told))

    @app.exception_handler(HTTPException)
    async def failed(request: Request, error: HTTPException) -> Response:
        method, path, headers = request.method, request.url.path[:_SHOWN], dict(error.headers or {})
        message = str(error.detail)
        if error.status_code == 404:
            routes = (f"{each.upper()} {route}" for route, ways in app.openapi()["paths"].items() for each in ways)
            message = f"there is no {path}; there are {', '.join(routes)}"
        elif error.status_code == 405:
            headers["Allow"] = headers.get("Allow", "").replace("GET", "GET, HEAD")
            message = f"{path} takes {headers['Allow']}, not {method}"
        elif error.status_code == 400:
            message = f"the body is not JSON: {message}"
        return refuse(request, error.status_code, message, headers)

    @app.exception_handler(InterpreterError)
    async def broken(request: Request, error: InterpreterError) -> Response:
        return refuse(request, 500, str(error))


def refuse(request: Request, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An answer that is an error."""
    body = {"error": message}
    if request.url.path == "/execute":  # its clients read these three whatever the status
        body |= {"process_status": "error", "stdout": "", "stderr": f"{message}\n"}
    if status == 429 and request.url.path == "/run_code":
        status = 504  # the only one after which verl's client tries again
    own = {401: {"WWW-Authenticate": "Bearer"}, 429: _RETRY, 503: _RETRY, 504: _RETRY}
    return JSONResponse(body, status, own.get(status, headers))


def too_long(most: int, length: int | None = None) -> str:
    """The message for a body of more than `most` bytes."""
    of = "the body" if length is None else f"a body of {length:,} bytes"
    return f"{of} is over this service's {most:,} bytes; send less, or start the service with --set body_mb=..."


def _in_words(error: Mapping[str, Any]) -> str:
    """One thing that is wrong with a request: where, what, and the value."""
    place, message = error["loc"], error["msg"]
    if error["type"] == "json_invalid":
        return f"the body is not JSON: {error['ctx']['error']} at character {place[-1]}"
    where = ".".join(str(part) for part in place)
    if error["type"] == "missing":
        return f"{where}: {message}" if len(place) > 1 else "the body is empty; send a JSON object"
    value = error["input"]
    if isinstance(value, dict | list):
        return f"{where}: {message}; it is {'an object' if isinstance(value, dict) else 'a list'}"
    shown = json.dumps(value[:_SHOWN] if isinstance(value, str) else value)
    return f"{where}: {message}; it is {shown}{'...' if isinstance(value, str) and len(value) > _SHOWN else ''}"
