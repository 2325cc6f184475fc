"""Turns a solution into token ids and labels: built once from its blocks, piece by piece, never re-tokenised.

Labels lie exactly on what the model has to write: words, code with its fences, and the token that ends its turn. The
prompt and what the interpreter answered carry none (-100, which every Hugging Face loss leaves out).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from slipstick.formats import Format
from slipstick.models.hf.tokens import eos_id, prompt_pieces, token_ids
from slipstick.schema import Problem, Solution

IGNORED = -100


class Encoded(NamedTuple):
    """Token ids and labels of one solution, of the same length; a label is the token's own id or -100."""

    ids: list[int]
    labels: list[int]


def encode(solution: Solution, problem: Problem, layout: Format, tokenizer: Any) -> Encoded:
    """Ids and labels of the prompt, the solution's blocks and the end-of-text token.

    tokenizer: a Hugging Face tokenizer. Raises ValueError where it has no end-of-text token.
    """
    pieces = prompt_pieces(layout, problem, solution.blocks)
    ids: list[int] = []
    labels: list[int] = []
    for piece, piece_ids in zip(pieces, token_ids(tokenizer, pieces), strict=True):
        ids += piece_ids
        labels += piece_ids if piece.written else [IGNORED] * len(piece_ids)
    end = eos_id(tokenizer)
    return Encoded([*ids, end], [*labels, end])
