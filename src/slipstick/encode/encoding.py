"""Encodes a solution as token ids and labels: built once from its blocks, piece by piece, never re-tokenised.

Labels are exactly what the model has to write: words, code with its fences, and the token that ends its turn. The
prompt and the interpreter's outputs have none (-100, which every Hugging Face loss ignores). If a solution has kept
the token ids that a model generated, these are used.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from slipstick.encode.prompts import lay_out, with_prompt_variant
from slipstick.encode.settings import EncodeSettings
from slipstick.encode.tokens import eos_id, text_of, token_ids
from slipstick.formats import Format, Piece
from slipstick.schema import Code, Output, Problem, Solution, Text
from slipstick.thoughts import split_thoughts

IGNORED = -100
_DEFAULTS = EncodeSettings()


class Encoded(NamedTuple):
    """Token ids and labels of one solution, of the same length."""

    ids: list[int]
    """Token ids."""
    labels: list[int]
    """At each position the token's own id, or -100 if it is not trained on."""


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

    A solution that was broken off (`has_ended`) gets no end, because it has none.
    tokenizer: a Hugging Face tokenizer. seed: of the choice among prompt variants. Raises ValueError if the tokenizer
    has no end-of-text token, InputError if it has no chat template and the settings need one.
    """
    pieces = pieces_of(solution, problem, format, tokenizer, settings=settings, seed=seed)
    ids: list[int] = []
    labels: list[int] = []
    for piece, piece_ids in zip(pieces, _ids(pieces, solution, tokenizer, settings), strict=True):
        ids += piece_ids
        labels += piece_ids if piece.trained else [IGNORED] * len(piece_ids)
    if settings.template != "chat" and has_ended(solution):
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
    """The encoding in at most `max_length` tokens, None if there is none; and whether blocks were cut off for it.

    Whole blocks are cut from the end, and with them the end of the turn: a model must not learn to stop there.
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


def pieces_of(
    solution: Solution,
    problem: Problem,
    format: Format,
    tokenizer: Any,
    *,
    settings: EncodeSettings = _DEFAULTS,
    seed: int = 0,
) -> list[Piece]:
    """The pieces of text that are encoded, each by itself; joined they are what the model sees."""
    if settings.template == "alpaca":
        format = with_prompt_variant(format, solution.id, choose=settings.prompt_variant, seed=seed)
    chat, ended = settings.template == "chat", has_ended(solution)
    pieces = lay_out(format, problem, solution.blocks, tokenizer, chat=chat, ended=ended)
    if settings.train_on_outputs:
        pieces = [piece._replace(trained=True) if piece.output else piece for piece in pieces]
    return pieces


def trained_positions(example: Encoded, tokenizer: Any, *, steps_only: bool = False) -> list[int]:
    """Positions of the labelled tokens; steps_only: of those that end a line, and of the last one."""
    trained = [position for position, label in enumerate(example.labels) if label != IGNORED]
    if not steps_only:
        return trained
    ends = [position for position in trained if "\n" in tokenizer.decode([example.ids[position]])]
    return sorted({*ends, *trained[-1:]})


def has_ended(solution: Solution) -> bool:
    """Whether the model ended the solution itself, so that what it wrote is a whole turn.

    It did not if it ran out of tokens or turns, if a request failed, or if its last thoughts never ended.
    """
    last = solution.blocks[-1] if solution.blocks else None
    return solution.finish == "stop" and not (isinstance(last, Text) and not split_thoughts(last.text).finished)


def format_name(solution: Solution) -> str:
    """The format a solution is laid out in; for a hybrid one that of the attempt that counted."""
    if solution.format != "hybrid":
        return solution.format
    return "pot" if any(isinstance(block, Code) for block in solution.blocks) else "cot"


def _ids(pieces: Sequence[Piece], solution: Solution, tokenizer: Any, settings: EncodeSettings) -> list[list[int]]:
    """The ids of every piece: for a turn those that were generated if they are known, else those of its text."""
    ids = token_ids(tokenizer, [piece.text for piece in pieces], begin=settings.template != "chat")
    for turn, generated in enumerate(solution.turn_ids):
        of_turn = [number for number, piece in enumerate(pieces) if piece.turn == turn]
        # Only ids of this very tokenizer give the turn's text back; those of a turn cut at a stop string do not.
        known = generated and max(generated) < len(tokenizer)
        if of_turn and known and text_of(tokenizer, generated) == "".join(pieces[number].text for number in of_turn):
            ids[of_turn[0]] = list(generated)
            for number in of_turn[1:]:
                ids[number] = []
    return ids
