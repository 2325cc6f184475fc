"""Tokenizers for tests of encode."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from tests.encode.encoding_cases import CHATML, LAYOUTS, TEXTS, chatting


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    from slipstick.train.tokenizer import train_tokenizer

    return train_tokenizer(TEXTS, LAYOUTS, vocab_size=330)


@pytest.fixture(scope="session")
def spacing_tokenizer() -> Any:
    """One that puts a space before every text it is given, as those of Llama and Mistral do."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    fast: Any = import_module("transformers").PreTrainedTokenizerFast
    names = ["<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *"acdeinrsw.", "is", "▁is"]
    merges = [("i", "s"), ("▁", "is")]
    made = Tokenizer(models.BPE({name: i for i, name in enumerate(names)}, merges, byte_fallback=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    made.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 0)])
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return fast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")


@pytest.fixture(scope="session")
def chatml(tokenizer: Any) -> Any:
    return chatting(tokenizer, CHATML)
