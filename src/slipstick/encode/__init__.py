"""Turns a solution into token ids and labels: built once from its blocks, part by part, never re-tokenised.

Labels lie exactly on what the model has to write: words, code with its fences, and the token that ends its turn. The
prompt and what the interpreter answered carry none (-100, which every Hugging Face loss leaves out). The token ids a
model generated are taken as they are where the solution has kept them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from slipstick.encode.settings import EncodeSettings
from slipstick.formats import Format
from slipstick.models.hf.parts import Part
from slipstick.models.hf.prompts import lay_out
from slipstick.models.hf.tokens import eos_id, text_of, token_ids
from slipstick.models.hf.wordings import with_wording
from slipstick.schema import Code, Output, Problem, Solution

__all__ = [
    "IGNORED",
    "EncodeSettings",
    "Encoded",
    "Part",
    "encode",
    "encode_within",
    "layout_name",
    "parts_of",
    "written_places",
]

IGNORED = -100
_DEFAULTS = EncodeSettings()


class Encoded(NamedTuple):
    """Token ids and labels of one solution, of the same length; a label is the token's own id or -100."""

    ids: list[int]
    labels: list[int]


def encode(
    solution: Solution,
    problem: Problem,
    format: Format,
    tokenizer: Any,
    *,
    settings: EncodeSettings = _DEFAULTS,
    seed: int = 0,
) -> Encoded:
    """Ids and labels of the prompt, the solution's blocks and the token that ends the turn.

    A solution that was broken off (`finish` is not "stop") gets no end: nobody wrote one.
    tokenizer: a Hugging Face tokenizer. seed: draws the wording where there are several. Raises ValueError where the
    tokenizer has no end-of-text token, InputError where it has no chat template and one is asked for.
    """
    parts = parts_of(solution, problem, format, tokenizer, settings=settings, seed=seed)
    ids: list[int] = []
    labels: list[int] = []
    for part, part_ids in zip(parts, _ids(parts, solution, tokenizer, settings), strict=True):
        ids += part_ids
        labels += part_ids if part.trained else [IGNORED] * len(part_ids)
    if settings.template != "chat" and solution.finish == "stop":
        end = eos_id(tokenizer)
        ids.append(end)
        labels.append(end)
    return Encoded(ids, labels)


def encode_within(
    solution: Solution,
    problem: Problem,
    format: Format,
    tokenizer: Any,
    *,
    settings: EncodeSettings = _DEFAULTS,
    seed: int = 0,
) -> tuple[Encoded | None, bool]:
    """The encoding in at most `max_length` tokens, None where there is none; and whether blocks were cut off for it.

    What is cut are whole blocks from the end, and with them the end of the turn: a model must not learn to stop there.
    """
    example = encode(solution, problem, format, tokenizer, settings=settings, seed=seed)
    if len(example.ids) <= settings.max_length:
        return example, False
    blocks = list(solution.blocks) if settings.too_long == "cut" else []
    while blocks:
        blocks.pop()
        while blocks and isinstance(blocks[-1], Output):
            blocks.pop()
        shorter = solution.model_copy(update={"blocks": blocks, "finish": "length"})
        example = encode(shorter, problem, format, tokenizer, settings=settings, seed=seed)
        if blocks and len(example.ids) <= settings.max_length:
            return example, True
    return None, False


def parts_of(
    solution: Solution,
    problem: Problem,
    format: Format,
    tokenizer: Any,
    *,
    settings: EncodeSettings = _DEFAULTS,
    seed: int = 0,
) -> list[Part]:
    """The texts that are encoded, in order, each by itself; joined they are what the model sees."""
    if settings.template == "alpaca":
        format = with_wording(format, solution.id, draw=settings.prompt_variant, seed=seed)
    chat, ended = settings.template == "chat", solution.finish == "stop"
    parts = lay_out(format, problem, solution.blocks, tokenizer, chat=chat, ended=ended)
    if settings.train_on_outputs:
        parts = [part._replace(trained=True) if part.output else part for part in parts]
    return parts


def written_places(example: Encoded, tokenizer: Any, *, steps_only: bool = False) -> list[int]:
    """Places of the tokens that the model wrote; steps_only: of those that end a line, and of the last one."""
    written = [place for place, label in enumerate(example.labels) if label != IGNORED]
    if not steps_only:
        return written
    ends = [place for place in written if "\n" in tokenizer.decode([example.ids[place]])]
    return sorted({*ends, *written[-1:]})


def format_name(solution: Solution) -> str:
    """The format a solution is laid out in: of a hybrid one that of the attempt that counted."""
    if solution.format != "hybrid":
        return solution.format
    return "pot" if any(isinstance(block, Code) for block in solution.blocks) else "cot"


def _ids(parts: Sequence[Part], solution: Solution, tokenizer: Any, settings: EncodeSettings) -> list[list[int]]:
    """The ids of every part: of a turn as they were generated where that is known, else of its text."""
    found = token_ids(tokenizer, parts, begin=settings.template != "chat")
    for turn, generated in enumerate(solution.turn_ids):
        places = [place for place, part in enumerate(parts) if part.turn == turn]
        # Only ids of this very tokenizer give the turn's text back; a turn that was cut at a stop string does not.
        known = generated and max(generated) < len(tokenizer)
        if places and known and text_of(tokenizer, generated) == "".join(parts[place].text for place in places):
            found[places[0]] = list(generated)
            for place in places[1:]:
                found[place] = []
    return found
