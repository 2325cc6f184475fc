"""Settings of prompts and labels, and how a model's folder keeps those of its prompts.

`slipstick.json` is in the model's folder. A model without one gets each format's own prompt.
"""

import logging
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from slipstick.errors import ModelError
from slipstick.schema import Record
from slipstick.store import write_atomically

_LOGGER = logging.getLogger(__name__)
PROMPT_CONFIG = "slipstick.json"
Template = Literal["auto", "format", "alpaca", "chat"]
"""Who lays out a prompt."""


class PromptSettings(Record):
    """Settings of prompts; the default is each format's own way."""

    template: Template = "format"
    """Who lays out the prompt: the solution's format, MAmmoTH's Alpaca prompts, or the tokenizer's chat template."""
    prompt_variant: Literal["one", "run", "example"] = "one"
    """With "alpaca": the first of the twelve variants, one chosen for the whole run, or one chosen for each example."""


class PromptConfig(PromptSettings):
    """How the prompts that a model was trained on were rendered."""

    seed: int = 0
    """Seed of the choice among prompt variants."""


class EncodeSettings(PromptSettings):
    """Settings of how solutions become token ids and labels; by default the interpreter's outputs are masked."""

    chat_template: str | None = None
    """With "chat": a Jinja file to use instead of the tokenizer's own template; it is saved with the trained model."""
    train_on_outputs: bool = False
    """Train on the interpreter's outputs too, as ToRA and AlphaMath did."""
    max_length: int = Field(default=1024, gt=1)
    """Most tokens of an example; for a model trained from scratch also its context length."""
    too_long: Literal["drop", "cut"] = "drop"
    """Longer examples are dropped, or cut after the last whole block that fits. Both are counted."""

    @model_validator(mode="after")
    def _says_which_template(self) -> Self:
        if self.template == "auto":
            raise ValueError(
                'template = "auto" is for a model that is asked; training needs "format", "alpaca" or "chat"'
            )
        return self


def save_prompt_config(config: PromptConfig, folder: Path) -> None:
    """Writes `slipstick.json` into a model's folder."""
    write_atomically(folder / PROMPT_CONFIG, config.model_dump_json(indent=2) + "\n")


def prompt_config_for(model: str, tokenizer: Any, template: Template, *, name: str) -> PromptConfig:
    """How a model is asked: as `template` says; with "auto" as it was trained, if its folder says that, else in the
    tokenizer's chat template, else, if it has none, as each format says.

    name: what the user calls the model. Raises ModelError as `load_prompt_config`.
    """
    trained = load_prompt_config(model)
    if template != "auto":
        return (trained or PromptConfig()).model_copy(update={"template": template})
    if trained or not tokenizer.chat_template:
        return trained or PromptConfig()
    _LOGGER.warning('%s is asked in its own chat template; template = "format" asks it as the formats say', name)
    return PromptConfig(template="chat")


def load_prompt_config(model: str) -> PromptConfig | None:
    """The config in a model's folder or in its repository on the Hub; None if there is none.

    Raises ModelError if it cannot be read.
    """
    from transformers.utils.hub import cached_file

    try:
        file = cached_file(
            model,
            PROMPT_CONFIG,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )
    except OSError:  # neither a folder nor a name that the Hub could have: whoever opens the model says so
        return None
    if file is None:
        return None
    try:
        return PromptConfig.model_validate_json(Path(file).read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelError(
            f"{file}, which has the model's prompt settings, cannot be read: {error}; train the model again, "
            "or remove the file to use each format's own prompt"
        ) from error
