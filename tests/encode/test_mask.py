"""The tokens of examples as a page and on a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from slipstick.commands import show_mask
from slipstick.encode.encoding import IGNORED, Encoded
from slipstick.encode.mask import coloured, mask_page, shown_tokens


class Letters:
    """A tokenizer of one letter a token; 0 pads."""

    pad_token_id = 0

    def decode(self, ids: list[int]) -> str:
        return "".join(chr(96 + one) if one else "<|pad|>" for one in ids)


def example(*ids: int, trained_from: int) -> Encoded:
    labels = [IGNORED if place < trained_from else one for place, one in enumerate(ids)]
    return Encoded(ids=list(ids), labels=labels)


def test_hidden_words_have_a_legend_and_only_if_there_are_any() -> None:
    hidden = shown_tokens(example(1, 0, 2, 3, trained_from=3), Letters())
    assert [kind for _, kind in hidden] == ["given", "hidden", "given", "trained"]
    page, without = (mask_page("demo", [("pot", tokens)]) for tokens in (hidden, [hidden[0], hidden[3]]))
    assert '<span><b class="hidden">' in page and '<span hidden><b class="hidden">' in without


def test_what_is_trained_on_is_marked_without_colours_too() -> None:
    tokens = shown_tokens(example(1, 2, 3, 4, trained_from=2), Letters())
    assert coloured(tokens).plain == "abcd" and coloured(tokens, colours=False).plain == "ab⟦cd⟧"


def test_the_first_example_of_every_format_comes_before_the_second(tmp_path: Path, curated_runs: Path) -> None:
    pytest.importorskip("transformers", reason="the extra `train` is not installed")
    recipe = tmp_path / "train.toml"
    recipe.write_text(f'data = "{curated_runs / "data"}"\nvocab_size = 400\n', encoding="utf-8")
    console = Console(record=True, width=100)
    show_mask.run_show_mask(str(recipe), [f"page={tmp_path / 'mask.html'}"], console)
    page = (tmp_path / "mask.html").read_text("utf-8")
    headings = [line.partition(":")[0] for line in page.split("<h2>")[1:]]
    assert len(headings) > 2 and headings == [*dict.fromkeys(headings)] * 2
    assert "⟦" in console.export_text()
