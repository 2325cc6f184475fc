"""`slipstick show-mask`: which tokens of a recipe's examples are trained on, in colour and as a page."""

from itertools import zip_longest
from pathlib import Path

from pydantic import Field
from rich.console import Console

from slipstick.encode.mask import Tokens, coloured, mask_page, shown_tokens
from slipstick.recipe import find_recipe, load_recipe
from slipstick.store import write_atomically
from slipstick.train.sources import TrainRecipe


class ShowMaskSettings(TrainRecipe):
    """Settings of `slipstick show-mask`, in addition to those of the recipe."""

    num_examples: int = Field(default=2, ge=1)
    """Examples of each format."""
    page: str | None = None
    """Where the page is written; None: runs/RECIPE-mask.html."""


def run_show_mask(target: str, overrides: list[str], console: Console) -> None:
    """`slipstick show-mask RECIPE`: prints examples with their trained tokens in colour and writes them as a page."""
    from slipstick.train import encoded_examples, packed_examples

    settings, _ = load_recipe(target, ShowMaskSettings, overrides=overrides)
    with console.status("encoding all examples, as a training does"):
        if settings.stage == "cpt":
            examples, tokenizer = packed_examples(settings.texts(), settings)
        else:
            examples, tokenizer = encoded_examples(settings.pairs(), settings, settings.formats())
    shown: dict[str, list[Tokens]] = {}
    for format, example in zip(examples.groups, examples.encoded, strict=True):
        if len(of_format := shown.setdefault(format, [])) < settings.num_examples:
            of_format.append(shown_tokens(example, tokenizer))
    sections = []
    for of_formats in zip_longest(*shown.values()):  # the first of every format, then the second
        for format, tokens in zip(shown, of_formats, strict=True):
            if tokens is not None:
                trained = sum(kind == "trained" for _, kind in tokens)
                sections.append((f"{format}: {trained} of {len(tokens)} tokens are trained on", tokens))
    for heading, tokens in sections:
        console.rule(heading, align="left")
        console.print(coloured(tokens, colours=console.is_terminal))
    page = Path(settings.page) if settings.page else Path("runs") / f"{find_recipe(target).stem}-mask.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(page, mask_page(target, sections))
    summary = f"{len(examples.encoded):,} examples, {examples.too_long:,} too long, {examples.cut:,} cut; page: {page}"
    console.print(summary, highlight=False, soft_wrap=True)
