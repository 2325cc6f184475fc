"""Settings that pass through to a server: what is sent, and what of it may stand in the record of a run.

A header's value names environment variables, `"Bearer ${TOKEN}"`, which are read when the model is opened. So the
record, the recipe and the command line have the name of a secret and never the secret.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from slipstick.errors import ModelError

PARAMETERS = ("reasoning_effort", "top_k", "min_p", "presence_penalty", "chat_template_kwargs")
"""Settings that are parameters of a request by the same name."""
_OURS = frozenset(
    {"model", "messages", "prompt", "tools", "stop", "seed", "temperature", "top_p", "max_tokens", *PARAMETERS}
    | {"max_completion_tokens", "logprobs", "stream", "stream_options"}
)
_ONE_ANSWER = frozenset({"n", "best_of", "echo"})
_REFERENCE = re.compile(r"\$\{(\w+)\}")
_CREDENTIALS = re.compile(
    r"(?i)(?:^|[-_])\w*(?:authori[sz]ation|auth|(?<!port)key|token|secret|password|cookie|credentials?|session)"
    r"(?=$|[-_])"
)
_NAMED_SECRETS = re.compile(r"(?i)api[-_]?key|access[-_]?token|auth[-_]?token|password|secret|authorization")
_PREFIXED = re.compile(r"(?i)\b(?:bearer|basic)\s+\S|\b(?:sk|pk|rk|gsk|hf|ghp|xai|nvapi)[-_]\S{8}")
_UUID = re.compile(r"(?i)\b[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b")
_HIDDEN = "***"
_KEYS = frozenset({"authorization", "x-api-key", "api-key"})


@dataclass(frozen=True)
class Passed:
    """What is sent to a server as the settings say it."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of every request."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of every request, with the values of environment variables in them."""
    secrets: tuple[str, ...] = ()
    """Those values."""

    def over(self, own: Mapping[str, str]) -> dict[str, str]:
        """Our own headers, and those of the settings in the place of these, in whatever case their names are."""
        given = {name.lower() for name in self.headers}
        return {name: value for name, value in own.items() if name.lower() not in given} | dict(self.headers)

    def key_header(self) -> str:
        """The setting that a server takes a key from, "extra_headers.Authorization"; "" if none does."""
        return next((f"extra_headers.{name}" for name in self.headers if name.lower() in _KEYS), "")

    def setting_of(self, parameter: str) -> str:
        """The setting that a parameter of a request comes from: "top_k", "extra_body.guided_json"."""
        return parameter if parameter in PARAMETERS else f"extra_body.{parameter}"

    def named_in(self, message: str, param: str | None) -> str:
        """The setting that a server's refusal names; "" if it names none of these."""
        named = {name: self.setting_of(name) for name in self.parameters}
        named |= {name: f"extra_headers.{name}" for name in self.headers}
        for name, setting in named.items():
            if (param or "").partition(".")[0] == name or re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", message):
                return setting
        return ""

    def without_secrets(self, text: str) -> str:
        """A server's words, which may repeat a header, without the secrets in it."""
        for secret in self.secrets:
            text = text.replace(secret, _HIDDEN)
        return text


def check_headers(headers: dict[str, str] | None) -> dict[str, str] | None:
    """Headers as a setting. Raises ValueError for a value that is a secret, without repeating it."""
    for name, value in (headers or {}).items():
        if not re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", name):
            raise ValueError(f"`{name}` is no name of a header")
        rest = _REFERENCE.sub("", value)
        if (_CREDENTIALS.search(name) and rest == value) or is_secret(rest):
            raise ValueError(
                f"the value of {name} would stand in the run's record: put it into an environment variable and write "
                f"its name, extra_headers.{name} = \"${{NAME}}\" (on a command line in single quotes: '${{NAME}}')"
            )
    return headers


def check_body(body: dict[str, Any] | None) -> dict[str, Any] | None:
    """Further parameters of a request as a setting. Raises ValueError for those that are not to be set there."""
    for name in body or {}:
        if name in _ONE_ANSWER:
            raise ValueError(f"{name} cannot be set: every request is for one answer")
        if name in _OURS:
            raise ValueError(
                f"{name} is set by slipstick; remove it from extra_body and see `slipstick settings solve`"
            )
    for name, text in _texts(body or {}):
        if _NAMED_SECRETS.fullmatch(name) or is_secret(text):
            raise ValueError(
                f"the value of {name} would stand in the run's record: a secret belongs into a header, by the name of "
                'an environment variable: extra_headers = {Authorization = "Bearer ${NAME}"}'
            )
    return body


def is_secret(text: str) -> bool:
    """Whether a text looks like a key: a known beginning, or 16 and more letters and digits mixed."""
    words = re.findall(r"[A-Za-z0-9+=]{16,}", text)
    mixed = any(re.search(r"\d", word) and re.search(r"[A-Za-z]", word) for word in words)
    return mixed or bool(_PREFIXED.search(text) or _UUID.search(text))


def read_passed(
    parameters: Mapping[str, Any], body: Mapping[str, Any] | None, headers: Mapping[str, str] | None
) -> Passed:
    """What is sent, with the values of environment variables.

    Raises ModelError if a variable is not set, or if its value is none that a header can have.
    """
    sent = {name: value for name, value in parameters.items() if value is not None} | dict(body or {})
    secrets = {name: _value_of(name, header) for header, text in (headers or {}).items() for name in _names(text)}
    filled = {header: _REFERENCE.sub(lambda m: secrets[m[1]], text) for header, text in (headers or {}).items()}
    for header, text in filled.items():
        if not (text.isascii() and text.isprintable()):
            raise ModelError(f"extra_headers.{header}: its value has a sign that a header cannot have")
    filled = {"Authorization" if header.lower() == "authorization" else header: text for header, text in filled.items()}
    return Passed(sent, filled, tuple(sorted(filter(None, secrets.values()), key=len, reverse=True)))


def _names(text: str) -> list[str]:
    return _REFERENCE.findall(text)


def _value_of(name: str, header: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise ModelError(
            f"extra_headers.{header} is to have the environment variable {name}, which is not set: export it"
        )
    return value


def _texts(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The texts in a table, with their keys."""
    for name, value in body.items():
        if isinstance(value, Mapping):
            yield from _texts(value)
        elif isinstance(value, str):
            yield name, value
