"""Pieces of text to token ids and back: training and generation share this one way.

Each piece is encoded by itself and the ids are concatenated. So what comes before a piece never changes its ids, an
interpreter's output that is appended later re-encodes nothing, and a label belongs to exactly one piece. The price: a
token never spans two pieces, in training and in generation alike.
"""

from collections.abc import Iterable, Sequence
from typing import Any

_ANCHOR = "\n"


def token_ids(tokenizer: Any, texts: Iterable[str], *, begin: bool = True) -> list[list[int]]:
    """The ids of every text, in order; the first starts with the tokenizer's begin token, if it adds one.

    tokenizer: a Hugging Face tokenizer. begin: False leaves the begin token to the text, as chat templates need it.
    """
    anchored = _adds_space(tokenizer)
    ids = [_encode(tokenizer, text, anchored=anchored and i > 0) for i, text in enumerate(texts)]
    first = tokenizer.bos_token_id
    if begin and ids and first is not None and tokenizer("a")["input_ids"][0] == first:
        ids[0] = [first, *ids[0]]
    return ids


def text_of(tokenizer: Any, ids: Sequence[int]) -> str:
    """The text of ids that follow other text, without special tokens, with a leading space if there is one."""
    before = tokenizer(_ANCHOR, add_special_tokens=False)["input_ids"] if _adds_space(tokenizer) else []
    text: str = _decode(tokenizer, [*before, *ids])
    return text.removeprefix(_decode(tokenizer, before))


def eos_id(tokenizer: Any) -> int:
    """The token that ends a response. Raises ValueError if the tokenizer has none."""
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
    """Whether the tokenizer puts a space before a text, as SentencePiece's do: right once, wrong at every piece."""
    first = tokenizer.convert_ids_to_tokens(tokenizer("a", add_special_tokens=False)["input_ids"])[0]
    return str(first).startswith("▁")
