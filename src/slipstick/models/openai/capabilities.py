"""Which parameters a server takes: learnt from its refusals, which are never provoked twice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from slipstick.formats import Format
from slipstick.models import Sampling

_MOST_STOPS = 4  # what the API takes


@dataclass
class ServerCapabilities:
    """What one server takes.

    Only what leaves the answer the same is changed: the name of a limit, stop strings (the turn is cut here just as
    well), and the seed, without which samples have the same distribution but cannot be repeated (`describe` says so).
    Any other refused parameter is the request's failure.
    """

    max_tokens_key: str = "max_tokens"
    """Name of the limit on new tokens; OpenAI's reasoning models know "max_completion_tokens"."""
    stop: bool = True
    """Whether it takes stop strings; reasoning models refuse them."""
    seed: bool = True
    """Whether it takes a seed; Mistral's own server refuses it."""

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
        return parameters

    def learn(self, message: str, param: str | None, sent: dict[str, Any]) -> bool:
        """Whether a refusal says that `sent` can be sent another way; then it is from now on."""
        if "max_completion_tokens" in message and "instead" in message and "max_tokens" in sent:
            self.max_tokens_key = "max_completion_tokens"
        elif _names("stop", message, param) and "stop" in sent:
            self.stop = False
        elif _names("seed", message, param) and "seed" in sent:
            self.seed = False
        else:
            return False
        return True


def stops_of(format: Format, *, calls: bool) -> list[str]:
    """Strings that end a turn; calls: whether code is called as a tool, so that no code block closes in the text."""
    ends = [format.code_end] if format.executes == "steps" and format.code_end and not calls else []
    return ends + format.stop


def _names(name: str, message: str, param: str | None) -> bool:
    return param == name or (not param and re.search(rf"\b{name}\b", message) is not None)
