"""The card of a trained model: what it was made from, how, and what is known of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from slipstick.models.hf.packaged import hub_name, said_of_base
from slipstick.recipe import to_toml
from slipstick.store import write_atomically
from slipstick.train.settings import StageSettings

_CARD = """---
library_name: transformers
pipeline_tag: text-generation
{front}tags: [mathematics, slipstick]
---

# {title}

{origin} with slipstick, stage `{stage}`: {trained_on}.
{adapters}{exactness}
## Data

{data}

## Numbers

| | |
|---|---|
{numbers}

{closing}

## Recipe

```toml
{recipe}
```
"""


class CardText(NamedTuple):
    """What a stage says of its model."""

    trained_on: str
    """How much of what, in words."""
    numbers: Sequence[tuple[str, str]]
    """What is known of the model: name and value."""
    closing: str
    """A sentence on the numbers."""


def write_card(folder: Path, settings: StageSettings, text: CardText) -> None:
    """Writes README.md into a model's folder; it names the data's own card if there is one."""
    recipe = settings.model_dump(mode="json")
    scale = settings.lora_alpha / settings.lora_rank if settings.lora_rank else 0
    adapters = f"\nAdapters of rank {settings.lora_rank}, scale {scale:g}, merged into the weights.\n" if scale else ""
    card = _CARD.format(
        front=f"base_model: {base}\n" if settings.base and (base := hub_name(settings.base)) else "",
        title=folder.resolve().parent.name if folder.name == "model" else folder.name,
        origin=f"`{settings.base}`, trained further" if settings.base else "Trained from scratch",
        stage=settings.stage,
        trained_on=text.trained_on,
        adapters=adapters,
        exactness=f"\n{said}\n" if settings.base and (said := said_of_base(settings.base)) else "",
        data=_data(recipe.get("data") or recipe.get("problems")),  # named by a recipe, not by plain settings
        numbers="\n".join(f"| {name} | {value} |" for name, value in text.numbers),
        closing=" ".join([text.closing, *_own_formats(folder)]),
        recipe=to_toml({"stage": settings.stage, **settings.model_dump(mode="json", exclude_defaults=True)}).rstrip(
            "\n"
        ),
    )
    write_atomically(folder / "README.md", card)


def _own_formats(folder: Path) -> list[str]:
    """Sentences on the formats that a model's folder keeps."""
    return [f"It writes in the format of `{path.name}`, a file beside this card." for path in folder.glob("*.toml")]


def _data(sources: list[str] | None) -> str:
    if not sources:
        return "Given by the calling program."
    cards = [card for source in sources if (card := Path(source) / "README.md").is_file()]
    return f"`{', '.join(sources)}`" + (f"; its card: `{cards[0]}`" if cards else "") + "."
