"""Text pieces to token ids and back, once and for all: training and generation share this one way.

Each piece is encoded by itself and the ids are put one behind the other. So what stands before a piece never changes
the ids of the piece, an interpreter's output that comes in later re-encodes nothing, and a label belongs to exactly
one piece. The price: a token never spans two pieces, in training and in generation alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from slipstick.formats import Format, Piece, render, render_prompt
from slipstick.schema import Block, Problem

_ANCHOR = "\n"


def prompt_pieces(format: Format, problem: Problem, blocks: Iterable[Block] = ()) -> list[Piece]:
    """The prompt as one piece that is given, then the pieces of the response."""
    return [Piece(text=render_prompt(format, problem), written=False), *render(format, blocks)]


class HasText(Protocol):
    """A piece of text that is encoded by itself."""

    @property
    def text(self) -> str: ...


def token_ids(tokenizer: Any, pieces: Iterable[HasText], *, begin: bool = True) -> list[list[int]]:
    """The ids of every piece, in order; the first piece starts with the tokenizer's begin token, where it adds one.

    tokenizer: a Hugging Face tokenizer. begin: False leaves the begin token to the text, as chat templates want it.
    """
    anchored = _adds_space(tokenizer)
    ids = [_encode(tokenizer, piece.text, anchored=anchored and i > 0) for i, piece in enumerate(pieces)]
    first = tokenizer.bos_token_id
    if begin and ids and first is not None and tokenizer("a")["input_ids"][0] == first:
        ids[0] = [first, *ids[0]]
    return ids


def text_of(tokenizer: Any, ids: Sequence[int]) -> str:
    """The text of ids that follow other text, special tokens left out, leading space kept."""
    before = tokenizer(_ANCHOR, add_special_tokens=False)["input_ids"] if _adds_space(tokenizer) else []
    text: str = _decode(tokenizer, [*before, *ids])
    return text.removeprefix(_decode(tokenizer, before))


def eos_id(tokenizer: Any) -> int:
    """The token that ends a response. Raises ValueError where the tokenizer has none."""
    if tokenizer.eos_token_id is None:
        raise ValueError(f"the tokenizer `{tokenizer.name_or_path}` has no end-of-text token; set eos_token in it")
    return int(tokenizer.eos_token_id)


def _encode(tokenizer: Any, text: str, *, anchored: bool) -> list[int]:
    if not anchored:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])
    before = tokenizer(_ANCHOR, add_special_tokens=False)["input_ids"]
    both = tokenizer(_ANCHOR + text, add_special_tokens=False)["input_ids"]
    if both[: len(before)] == before:
        return list(both[len(before) :])
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _decode(tokenizer: Any, ids: Sequence[int]) -> str:
    return str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _adds_space(tokenizer: Any) -> bool:
    """Whether a text gets a space put before it, as SentencePiece tokenizers do: right once, wrong at every piece."""
    first = tokenizer.convert_ids_to_tokens(tokenizer("a", add_special_tokens=False)["input_ids"])[0]
    return str(first).startswith("▁")
