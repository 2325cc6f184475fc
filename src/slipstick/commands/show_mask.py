"""`slipstick show-mask`: which tokens of a recipe's examples are trained on, in colour and as a page."""

from __future__ import annotations

import html
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from pydantic import Field
from rich.console import Console
from rich.text import Text

from slipstick.commands.train import TrainRecipe
from slipstick.encode import IGNORED, Encoded
from slipstick.recipe import find_recipe, load_recipe
from slipstick.store import write_atomically

_PAGE = Path(__file__).with_name("masks.html")


class MaskRecipe(TrainRecipe):
    """What `slipstick show-mask` can be told, beside the recipe it shows."""

    shown: int = Field(default=2, ge=1)
    """Examples of each format."""
    page: str | None = None
    """Where the page goes; None: runs/RECIPE-mask.html."""


def run_show_mask(target: str, overrides: list[str], console: Console) -> None:
    """`slipstick show-mask RECIPE`: prints examples with their trained tokens in colour and writes them as a page."""
    from slipstick.train import encoded_examples, packed_examples

    recipe, _ = load_recipe(target, MaskRecipe, overrides=overrides)
    if recipe.stage == "cpt":
        examples, tokenizer = packed_examples(recipe.texts(), recipe)
    else:
        examples, tokenizer = encoded_examples(recipe.pairs(), recipe)
    chosen: dict[str, list[Encoded]] = {}
    for group, example in zip(examples.groups, examples.encoded, strict=True):
        if len(chosen.setdefault(group, [])) < recipe.shown:
            chosen[group].append(example)
    sections = []
    for group, of_group in chosen.items():
        for example in of_group:
            pieces = [(tokenizer.decode([token]), trained) for token, trained in _tokens(example)]
            count = sum(trained for _, trained in pieces)
            title = f"{group}: {count} of {len(pieces)} tokens are trained on"
            console.rule(title, align="left")
            console.print(_coloured(pieces))
            sections.append(_section(title, pieces))
    page = Path(recipe.page) if recipe.page else Path("runs") / f"{find_recipe(target).stem}-mask.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    text = _PAGE.read_text("utf-8").replace("{{title}}", html.escape(target))
    write_atomically(page, text.replace("{{examples}}", "\n".join(sections)))
    said = f"{len(examples.encoded):,} examples, {examples.too_long:,} too long, {examples.cut:,} cut; page: {page}"
    console.print(said, highlight=False, soft_wrap=True)


def _tokens(example: Encoded) -> Iterator[tuple[int, bool]]:
    for place, (token, label) in enumerate(zip(example.ids, example.labels, strict=True)):
        yield token, place > 0 and label != IGNORED  # nothing comes before the first, so nothing learns to write it


def _coloured(pieces: list[tuple[str, bool]]) -> Text:
    text = Text()
    for trained, group in groupby(pieces, key=lambda piece: piece[1]):
        text.append("".join(piece for piece, _ in group), style="black on green" if trained else "dim")
    return text


def _section(title: str, pieces: list[tuple[str, bool]]) -> str:
    spans = []
    for text, trained in pieces:
        kind = "trained" if trained else "given"
        spans.append(f'<span class="{kind}" title="{html.escape(repr(text))}">{html.escape(text)}</span>')
    return f"<h2>{html.escape(title)}</h2>\n<pre>{''.join(spans)}</pre>"
