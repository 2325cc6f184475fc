"""Lays out what a model sees as pieces of text, one way in training and in generation."""

import random
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any, Literal, NamedTuple

from slipstick.encode.chat import chat_pieces
from slipstick.encode.settings import PromptConfig
from slipstick.encode.tokens import token_ids
from slipstick.errors import InputError
from slipstick.formats import Format, Piece, render_chat, render_example
from slipstick.schema import Block, Problem, Text


class Prompt(NamedTuple):
    """What a model continues."""

    ids: list[int]
    """Token ids."""
    opening: str = ""
    """What a chat template has the model write before its own words."""


def lay_out(
    format: Format, problem: Problem, blocks: Sequence[Block], tokenizer: Any, *, chat: bool, ended: bool
) -> list[Piece]:
    """Prompt and response as pieces of text, each encoded by itself; joined they are what a model sees.

    ended: whether a chat's last turn is over, so that its end is written too. Raises InputError if the tokenizer's
    chat template has no place for them.
    """
    if chat:
        return chat_pieces(format, problem, blocks, tokenizer, ended=ended)
    # Turns are stretches of trained pieces between two outputs.
    turns = -1
    numbered = []
    for trained, group in groupby(render_example(format, problem, blocks), key=lambda piece: piece.trained):
        turns += trained
        numbered += [piece._replace(turn=turns) if trained else piece for piece in group]
    return numbered


def prompt_for(
    format: Format, problem: Problem, blocks: Sequence[Block], tokenizer: Any, config: PromptConfig
) -> Prompt:
    """The prompt that a model trained with `config` continues: exactly the ids that came before its words in training.

    If each example had a prompt variant of its own, the first one is used, as MAmmoTH's evaluation does. Raises as
    `lay_out` does.
    """
    chat = config.template == "chat"
    if config.template == "alpaca" and config.prompt_variant == "run" and format.template == prompt_variants()[0]:
        format = with_prompt_variant(format, "", choose="run", seed=config.seed)
    if not chat or render_chat(format, problem, blocks)[-1]["role"] == "assistant":
        pieces, opening = lay_out(format, problem, blocks, tokenizer, chat=chat, ended=False), ""
    else:
        # A template may put something before an answer's words; it can only be seen if there are words.
        pieces = lay_out(format, problem, [*blocks, Text(text="?")], tokenizer, chat=True, ended=False)
        begun = max(number for number, piece in enumerate(pieces, start=1) if not piece.trained)
        opening = "".join(piece.text for piece in pieces[begun:-1])
        pieces = pieces[:begun]
    texts = [piece.text for piece in pieces]
    return Prompt([token for ids in token_ids(tokenizer, texts, begin=not chat) for token in ids], opening)


def end_of_turn(tokenizer: Any) -> int:
    """The token that ends a model's turn in a chat. Raises InputError if there is no usable chat template."""
    format = Format(name="words", executes="never")
    pieces = chat_pieces(format, Problem(id="", text="?"), [Text(text="?")], tokenizer, ended=True)
    return token_ids(tokenizer, [pieces[-1].text], begin=False)[0][-1]


def with_prompt_variant(format: Format, key: str, *, choose: Literal["one", "run", "example"], seed: int) -> Format:
    """The format with one of MAmmoTH's prompts: the first, the run's, or the one chosen for the example `key`.

    Raises InputError for a format whose prompt is not MAmmoTH's.
    """
    variants = prompt_variants()
    if format.template != variants[0]:
        raise InputError(
            f'format `{format.name}` has a prompt of its own, so template = "alpaca" cannot render it: '
            'set template = "format"'
        )
    if choose == "one":
        return format
    rng = random.Random(f"{seed}/{key}" if choose == "example" else str(seed))
    return format.model_copy(update={"template": rng.choice(variants)})


@cache
def prompt_variants() -> tuple[str, ...]:
    """MAmmoTH's twelve prompts, the one that its evaluation uses first."""
    data = tomllib.loads(files("slipstick.encode").joinpath("prompt_variants.toml").read_text("utf-8"))
    return tuple(
        data["frame"].replace("{opening}", opening).replace("{header}", header)
        for header in data["headers"]
        for opening in data["openings"]
    )
