"""What tokens cost: a table by host and model, which a recipe can override."""

import re
import tomllib
from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit

from slipstick.models import ModelSettings
from slipstick.schema import Record

OFFICIAL = "https://api.openai.com/v1"
"""The server of `openai:` if a recipe names none."""
BATCH_SHARE = 0.5
"""Of the price, what a request in a batch costs, at OpenAI and at Anthropic."""
_DATE = re.compile(r"-\d{4}-\d{2}-\d{2}$|-\d{8}$")


class Price(Record):
    """US dollars for a million tokens."""

    input: float = 0.0
    """Of prompt tokens."""
    cached: float = 0.0
    """Of prompt tokens that the server had in its cache."""
    output: float = 0.0
    """Of generated tokens."""

    def cost(self, *, prompt: int, cached: int, completion: int) -> float:
        """US dollars of a request; prompt: tokens of the prompt, of which `cached` came from the server's cache."""
        return ((prompt - cached) * self.input + cached * self.cached + completion * self.output) / 1e6


def find_price(model: str, base_url: str, settings: ModelSettings) -> Price | None:
    """What a model costs at a server; None if no price is known (a server of one's own costs nothing per token).

    If a recipe sets the price of the input, cached input costs the same. In batches all cost half.
    """
    known = _table().get(urlsplit(base_url).hostname or "", {})
    price = known.get(model) or known.get(_DATE.sub("", model))
    if settings.price_in is not None:
        price = (price or Price()).model_copy(update={"input": settings.price_in, "cached": settings.price_in})
    if settings.price_out is not None:
        price = (price or Price()).model_copy(update={"output": settings.price_out})
    if price and settings.mode == "batch":
        return Price(**{name: BATCH_SHARE * dollars for name, dollars in price.model_dump().items()})
    return price


@cache
def _table() -> dict[str, dict[str, Price]]:
    table = tomllib.loads(files(__package__).joinpath("prices.toml").read_text("utf-8"))
    return {host: {name: Price.model_validate(row) for name, row in rows.items()} for host, rows in table.items()}
