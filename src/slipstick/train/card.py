"""The card of a trained model: what it was made from, how, and what is known of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipstick.store import write_atomically

if TYPE_CHECKING:
    from slipstick.train import TrainResult
    from slipstick.train.grpo import GrpoSettings
    from slipstick.train.settings import TrainSettings
    from slipstick.train.value_head import ValueSettings

    Settings = TrainSettings | ValueSettings | GrpoSettings

_CARD = """---
library_name: transformers
pipeline_tag: text-generation
{front}tags: [mathematics, slipstick]
---

# {title}

{origin} with slipstick, stage `{stage}`: {told}.
{adapters}
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


def write_card(folder: Path, settings: TrainSettings, trained: TrainResult, *, groups: Sequence[str]) -> None:
    """Writes the card of a plain training."""
    mix = ", ".join(f"{count:,} {name}" for name, count in Counter(groups).most_common())
    numbers = [
        ("parameters", f"{trained.parameters:,}"),
        ("loss of the last tenth of the steps, nats per labelled token", f"{trained.loss:.4f}"),
        (f"examples left out as longer than {settings.max_length} tokens", f"{trained.too_long:,}"),
        ("examples left out as none of their tokens is a label", f"{trained.unlabelled:,}"),
        ("examples cut to fit", f"{trained.cut:,}"),
    ]
    write_any_card(
        folder,
        settings,
        told=f"{trained.examples:,} examples ({mix}), {trained.tokens:,} tokens, {trained.steps:,} steps",
        numbers=numbers,
        closing="Losses of every step: `losses.jsonl`. Accuracy is measured by `slipstick evaluate`, not by training.",
    )


def write_any_card(
    folder: Path, settings: Settings, *, told: str, numbers: Sequence[tuple[str, str]], closing: str
) -> None:
    """Writes README.md into a model's folder. A data card of the run that was learnt from is named where it has one.

    told: how much was learnt from what, in words; numbers: what is known of the model, name and value; closing: a
    sentence on them.
    """
    scale = settings.lora_alpha / settings.lora_rank if settings.lora_rank else 0
    adapters = f"\nAdapters of rank {settings.lora_rank}, scale {scale:g}, merged into the weights.\n" if scale else ""
    text = _CARD.format(
        front=f"base_model: {settings.base}\n" if settings.base and _is_hub_name(settings.base) else "",
        title=folder.resolve().parent.name if folder.name == "model" else folder.name,
        origin=f"`{settings.base}`, trained further" if settings.base else "Trained from scratch",
        stage=settings.stage,
        told=told,
        adapters=adapters,
        data=_data(settings),
        numbers="\n".join(f"| {name} | {value} |" for name, value in numbers),
        closing=closing,
        recipe="\n".join(_toml(settings)),
    )
    write_atomically(folder / "README.md", text)


def _is_hub_name(base: str) -> bool:
    """Whether a card can name it: the Hub refuses one whose base is a folder."""
    return re.fullmatch(r"[\w.-]+/[\w.-]+", base) is not None and not Path(base).exists()


def _data(settings: Settings) -> str:
    said = settings.model_dump()  # a recipe of the command line names data or problems, plain settings do not
    named: Any = said.get("data") or said.get("problems")
    if not named:
        return "Given by the calling program."
    sources = named if isinstance(named, list) else [named]
    cards = [card for source in sources if (card := Path(source) / "README.md").is_file()]
    told = f"; its card: `{cards[0]}`" if cards else ""
    return f"`{', '.join(map(str, sources))}`{told}."


def _toml(settings: Settings) -> list[str]:
    """The settings that are not the defaults, as a recipe has them."""
    changed = settings.model_dump(mode="json", exclude_defaults=True)
    return [f"{key} = {_value(value)}" for key, value in changed.items()]


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_value(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(part) for part in value) + "]"
    return json.dumps(value, ensure_ascii=False)
