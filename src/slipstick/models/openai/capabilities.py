"""What a server cannot be sent: found out from its refusals, kept in one place, sent otherwise ever after."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from slipstick.formats import Format
from slipstick.models import Sampling

_MOST_STOPS = 4  # what the API takes


@dataclass
class ServerCapabilities:
    """How one server wants to be asked.

    Only what leaves the answer the same is changed: the name of a limit, stop strings (the turn is cut here just as
    well), and the seed, without which samples are drawn alike but cannot be drawn again (`describe` says so). Any other
    refused parameter is the request's failure.
    """

    length: str = "max_tokens"
    """Name of the limit on new tokens; OpenAI's reasoning models know "max_completion_tokens"."""
    stop: bool = True
    """Whether it takes stop strings; reasoning models refuse them."""
    seed: bool = True
    """Whether it takes a seed; Mistral's own server refuses it."""

    def drawing(self, sampling: Sampling, stops: list[str]) -> dict[str, Any]:
        """The parameters that say how tokens are drawn and where they end."""
        drawing: dict[str, Any] = {
            self.length: sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
        }
        if self.stop and stops:
            drawing["stop"] = stops[:_MOST_STOPS]
        if self.seed and sampling.seed is not None:
            drawing["seed"] = sampling.seed
        return drawing

    def learn(self, message: str, param: str | None, sent: dict[str, Any]) -> bool:
        """Whether a refusal says that `sent` can be put another way; then it is from now on."""
        if "max_completion_tokens" in message and "instead" in message and "max_tokens" in sent:
            self.length = "max_completion_tokens"
        elif _names("stop", message, param) and "stop" in sent:
            self.stop = False
        elif _names("seed", message, param) and "seed" in sent:
            self.seed = False
        else:
            return False
        return True


def stops_of(format: Format, *, calls: bool) -> list[str]:
    """Strings that end a turn; calls: whether code is called as a tool, so that none closes in the text."""
    ends = [format.code_end] if format.executes == "steps" and format.code_end and not calls else []
    return ends + format.stop


def _names(name: str, message: str, param: str | None) -> bool:
    return param == name or (not param and re.search(rf"\b{name}\b", message) is not None)
