"""Shows which tokens of an example are trained on: in colour for a terminal, and as a page."""

import html
from collections.abc import Iterable
from importlib.resources import files
from itertools import groupby
from typing import Any, Literal

from rich.text import Text

from slipstick.encode.encoding import IGNORED, Encoded

Kind = Literal["trained", "given", "hidden"]
"""hidden: a word of the question that word dropout replaced by the padding token."""
Tokens = list[tuple[str, Kind]]
"""Text of each token of an example, and what it is for."""
_STYLES: dict[Kind, str] = {"trained": "black on green", "given": "dim", "hidden": "black on yellow"}


def shown_tokens(example: Encoded, tokenizer: Any) -> Tokens:
    """The tokens of an example; the first one is never trained on, as nothing comes before it."""

    def kind(number: int, token: int, label: int) -> Kind:
        if number > 0 and label != IGNORED:
            return "trained"
        return "hidden" if number > 0 and token == tokenizer.pad_token_id else "given"

    pairs = enumerate(zip(example.ids, example.labels, strict=True))
    return [(tokenizer.decode([token]), kind(number, token, label)) for number, (token, label) in pairs]


def coloured(tokens: Tokens, *, colours: bool = True) -> Text:
    """The tokens for a terminal, trained ones on green; without colours, as in a file, between ⟦ and ⟧."""
    text = Text()
    for kind, group in groupby(tokens, key=lambda token: token[1]):
        words = "".join(token for token, _ in group)
        text.append(f"⟦{words}⟧" if kind == "trained" and not colours else words, style=_STYLES[kind])
    return text


def mask_page(title: str, examples: Iterable[tuple[str, Tokens]]) -> str:
    """Examples, each with a heading, as an HTML page that needs no network."""
    examples = list(examples)
    hidden = any(kind == "hidden" for _, tokens in examples for _, kind in tokens)
    page = files("slipstick.encode").joinpath("mask.html").read_text("utf-8").replace("{{title}}", html.escape(title))
    page = page.replace("{{hidden}}", "" if hidden else " hidden")
    return page.replace("{{examples}}", "\n".join(_section(heading, tokens) for heading, tokens in examples))


def _section(heading: str, tokens: Tokens) -> str:
    spans = [
        f'<span class="{kind}" title="{html.escape(repr(text))}">{html.escape(text)}</span>' for text, kind in tokens
    ]
    return f"<h2>{html.escape(heading)}</h2>\n<pre>{''.join(spans)}</pre>"
