"""Shows which tokens of an example are trained on: in colour for a terminal, and as a page."""

import html
from collections.abc import Iterable
from importlib.resources import files
from itertools import groupby
from typing import Any

from rich.text import Text

from slipstick.encode.encoding import IGNORED, Encoded

Tokens = list[tuple[str, bool]]
"""Text of each token of an example, and whether it is trained on."""


def shown_tokens(example: Encoded, tokenizer: Any) -> Tokens:
    """The tokens of an example; the first one is never trained on, as nothing comes before it."""
    pairs = enumerate(zip(example.ids, example.labels, strict=True))
    return [(tokenizer.decode([token]), number > 0 and label != IGNORED) for number, (token, label) in pairs]


def coloured(tokens: Tokens) -> Text:
    """The tokens for a terminal, trained ones on green."""
    text = Text()
    for trained, group in groupby(tokens, key=lambda token: token[1]):
        text.append("".join(token for token, _ in group), style="black on green" if trained else "dim")
    return text


def mask_page(title: str, examples: Iterable[tuple[str, Tokens]]) -> str:
    """Examples, each with a heading, as an HTML page that needs no network."""
    page = files("slipstick.encode").joinpath("mask.html").read_text("utf-8").replace("{{title}}", html.escape(title))
    return page.replace("{{examples}}", "\n".join(_section(heading, tokens) for heading, tokens in examples))


def _section(heading: str, tokens: Tokens) -> str:
    spans = []
    for text, trained in tokens:
        kind = "trained" if trained else "given"
        spans.append(f'<span class="{kind}" title="{html.escape(repr(text))}">{html.escape(text)}</span>')
    return f"<h2>{html.escape(heading)}</h2>\n<pre>{''.join(spans)}</pre>"
