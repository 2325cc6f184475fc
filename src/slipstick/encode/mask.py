"""Shows which tokens of an example are trained on: in colour for a terminal, and as a page."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import groupby
from typing import Any, NamedTuple

from rich.text import Text

from slipstick.encode.encoding import IGNORED, Encoded


class ShownExample(NamedTuple):
    """An example's tokens as texts."""

    title: str
    """Its format and how many of its tokens are trained on."""
    tokens: list[tuple[str, bool]]
    """Text of each token, and whether it is trained on."""


def show_example(example: Encoded, tokenizer: Any, *, format: str) -> ShownExample:
    """The tokens of an example; the first one is never trained on, as nothing comes before it."""
    pairs = enumerate(zip(example.ids, example.labels, strict=True))
    tokens = [(tokenizer.decode([token]), number > 0 and label != IGNORED) for number, (token, label) in pairs]
    count = sum(trained for _, trained in tokens)
    return ShownExample(f"{format}: {count} of {len(tokens)} tokens are trained on", tokens)


def coloured(example: ShownExample) -> Text:
    """The example for a terminal, trained tokens on green."""
    text = Text()
    for trained, group in groupby(example.tokens, key=lambda token: token[1]):
        text.append("".join(token for token, _ in group), style="black on green" if trained else "dim")
    return text


def mask_page(title: str, examples: Iterable[ShownExample]) -> str:
    """The examples as an HTML page that needs no network."""
    page = files("slipstick.encode").joinpath("mask.html").read_text("utf-8").replace("{{title}}", html.escape(title))
    return page.replace("{{examples}}", "\n".join(_section(example.title, example.tokens) for example in examples))


def _section(title: str, tokens: Sequence[tuple[str, bool]]) -> str:
    spans = []
    for text, trained in tokens:
        kind = "trained" if trained else "given"
        spans.append(f'<span class="{kind}" title="{html.escape(repr(text))}">{html.escape(text)}</span>')
    return f"<h2>{html.escape(title)}</h2>\n<pre>{''.join(spans)}</pre>"
