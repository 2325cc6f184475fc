"""How a model is asked: prompts are laid out one way in training and generation, and the model's folder says which.

`slipstick.json` lies beside the weights. A folder without one is asked in the format's own layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from slipstick.errors import ModelError
from slipstick.formats import Format, render, render_chat, render_prompt
from slipstick.models.hf.chat import chat_parts
from slipstick.models.hf.parts import Part
from slipstick.models.hf.tokens import token_ids
from slipstick.models.hf.wordings import with_wording, wordings
from slipstick.schema import Block, Problem, Record, Text
from slipstick.store import write_atomically

SETTINGS = "slipstick.json"


class PromptSettings(Record):
    """How prompts are laid out; the default is each format's own way."""

    template: Literal["format", "alpaca", "chat"] = "format"
    """Who lays out the prompt: the solution's format, MAmmoTH's Alpaca wordings, or the tokenizer's chat template."""
    prompt_variant: Literal["one", "run", "example"] = "one"
    """With "alpaca": the first of the twelve wordings, one drawn for the whole run, or one drawn for every example."""


class PromptConfig(PromptSettings):
    """How the prompts were laid out that a model was trained on."""

    seed: int = 0
    """What drew the wording."""


class Prompt(NamedTuple):
    """What a model is given to go on from."""

    ids: list[int]
    opening: str = ""
    """What a chat template has the model write before its own words."""


def lay_out(
    format: Format, problem: Problem, blocks: Sequence[Block], tokenizer: Any, *, chat: bool, ended: bool
) -> list[Part]:
    """Prompt and response as texts that are encoded each by itself; joined they are what a model sees.

    ended: whether a chat's last turn is over and has its end. Raises InputError where the tokenizer's chat template
    has no place for them.
    """
    if chat:
        return chat_parts(format, problem, blocks, tokenizer, ended=ended)
    pieces = render(format, blocks)
    parts = [Part(render_prompt(format, problem), trained=False)]
    parts += [Part(piece.text, trained=piece.written, output=not piece.written) for piece in pieces]
    return _with_turns(parts)


def prompt_for(
    format: Format, problem: Problem, blocks: Sequence[Block], tokenizer: Any, taught: PromptConfig
) -> Prompt:
    """The prompt that a model, taught so, goes on from: the very ids that stood before its words in training.

    Where every example had a wording of its own it is asked in the first, as MAmmoTH is. Raises as `lay_out` does.
    """
    chat = taught.template == "chat"
    if taught.template == "alpaca" and taught.prompt_variant == "run" and format.template == wordings()[0]:
        format = with_wording(format, "", draw="run", seed=taught.seed)
    if not chat or render_chat(format, problem, blocks)[-1]["role"] == "assistant":
        parts, opening = lay_out(format, problem, blocks, tokenizer, chat=chat, ended=False), ""
    else:
        # A template may put something before an answer's words; what it is shows where there are words.
        parts = lay_out(format, problem, [*blocks, Text(text="?")], tokenizer, chat=True, ended=False)
        begun = max(number for number, part in enumerate(parts, start=1) if not part.trained)
        opening = "".join(part.text for part in parts[begun:-1])
        parts = parts[:begun]
    return Prompt([token for ids in token_ids(tokenizer, parts, begin=not chat) for token in ids], opening)


def end_of_turn(tokenizer: Any) -> int:
    """The token that ends a model's turn in a chat. Raises InputError where there is no usable chat template."""
    format = Format(name="words", executes="never")
    parts = chat_parts(format, Problem(id="", text="?"), [Text(text="?")], tokenizer, ended=True)
    return token_ids(tokenizer, parts[-1:], begin=False)[0][-1]


def save_taught(taught: PromptConfig, folder: Path) -> None:
    """Writes `slipstick.json` into a model's folder."""
    write_atomically(folder / SETTINGS, taught.model_dump_json(indent=2) + "\n")


def load_taught(argument: str) -> PromptConfig:
    """What a model's folder, or its repository on the hub, says; the defaults where it says nothing.

    Raises ModelError where it cannot be read.
    """
    from transformers.utils.hub import cached_file

    file = cached_file(
        argument,
        SETTINGS,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    if file is None:
        return PromptConfig()
    try:
        return PromptConfig.model_validate_json(Path(file).read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelError(
            f"{file}, which says how the model is asked, cannot be read: {error}; train the model again, or remove the "
            "file to ask in each format's own layout"
        ) from error


def _with_turns(parts: Sequence[Part]) -> list[Part]:
    """Numbers the turns: stretches of written parts between two outputs."""
    turns = -1
    numbered = []
    for trained, group in groupby(parts, key=lambda part: part.trained):
        turns += trained
        numbered += [part._replace(turn=turns) if trained else part for part in group]
    return numbered
