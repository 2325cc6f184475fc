"""Decoding in slots: the same replies as side by side with padding, whatever joins, leaves and is shared."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from slipstick.models import ModelSettings, Reply, Sampling, open_model
from tests.models.test_hf import QUESTIONS, ask, request

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")

import transformers  # noqa: E402

import slipstick.models.hf  # noqa: E402
from slipstick.models.hf import decode, packing, sampling, slots  # noqa: E402
from slipstick.models.hf.decode import Decoder, Row  # noqa: E402
from slipstick.models.hf.padded import PaddedBatch  # noqa: E402
from slipstick.models.hf.slots import SlotBatch  # noqa: E402

BEGINS_ALIKE = "Ann has 5 nuts and finds 15 more. Why?"
SIZES: dict[str, Any] = {"hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 3, "initializer_range": 0.4}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "grouped": ("Llama", {"num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 8}),
    "each its own": ("Llama", {"num_attention_heads": 4, "num_key_value_heads": 4}),
    "biased": ("Qwen2", {"num_attention_heads": 4, "num_key_value_heads": 1}),
    "normed": ("Qwen3", {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16}),
}


def make(tiny_model: Path, kind: str, **more: Any) -> tuple[Any, Any]:
    """A model that was not trained, whose weights are large enough that it does not repeat one token."""
    name, heads = KINDS[kind]
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(tiny_model)
    torch.manual_seed(3)
    ends = {"eos_token_id": tokenizer.eos_token_id, "bos_token_id": None, "pad_token_id": tokenizer.pad_token_id}
    config = getattr(transformers, f"{name}Config")(vocab_size=len(tokenizer), **SIZES, **heads, **ends, **more)
    return getattr(transformers, f"{name}ForCausalLM")(config).eval(), tokenizer


def decoded(model: Any, tokenizer: Any, waves: Sequence[list[Row]], *, drop: Sequence[Row] = ()) -> Decoder:
    """Rows join in waves of three steps each; those in `drop` are cancelled in the second."""
    decoder = Decoder(model, tokenizer)
    for number, wave in enumerate(waves):
        if number == 1:
            for row in drop:
                row.dropped = True
        decoder.run(wave, steps=3)
    while decoder.rows:
        decoder.run([], steps=16)
    return decoder


def mixed_rows() -> list[Row]:
    return [Row(request(q, max_tokens=1 + 11 * i % 37, sample=i)) for i, q in enumerate(QUESTIONS[:24])]


@pytest.fixture
def side_by_side(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Inside its context no model is decoded in slots."""
    with monkeypatch.context() as patch:
        patch.setattr(decode, "can_use_slots", lambda model: False)
        yield patch


@pytest.mark.parametrize("kind", KINDS)
def test_rows_in_slots_write_what_they_write_with_padding(
    tiny_model: Path, kind: str, side_by_side: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = make(tiny_model, kind)
    for name, small in {"_COLUMNS": 8, "_TOKENS": 300, "_GROUP": 4, "_SPARING": 0.97}.items():
        monkeypatch.setattr(slots, name, small)
    found = []
    for kind_of_batch in (PaddedBatch, SlotBatch):
        rows = mixed_rows()
        decoder = decoded(model, tokenizer, [rows[:5], rows[5:6], rows[6:20], rows[20:]], drop=rows[2:4])
        assert type(decoder._batch) is kind_of_batch
        assert all(row.reply for row in rows if row not in rows[2:4])
        found.append([(row.written, row.reply) for row in rows if row not in rows[2:4]])
        side_by_side.undo()
    assert found[0] == found[1]
    assert len({tuple(ids) for ids, _ in found[0]}) > 15


def test_a_stop_string_ends_a_row_in_a_slot(tiny_model: Path) -> None:
    model, tokenizer = make(tiny_model, "grouped")
    (free,) = rows = [Row(request(QUESTIONS[0], max_tokens=30))]
    decoded(model, tokenizer, [rows])
    stop = tokenizer.decode(free.written)[6:8]
    asked = request(QUESTIONS[0], max_tokens=30)
    asked = asked.model_copy(update={"format": asked.format.model_copy(update={"stop": [stop]})})
    rows = [Row(request(QUESTIONS[1], max_tokens=30)), Row(asked), Row(request(QUESTIONS[2], max_tokens=30))]
    decoded(model, tokenizer, [rows])
    assert rows[1].reply is not None and free.reply is not None
    assert (rows[1].reply.text, rows[1].reply.finish) == (free.reply.text[: free.reply.text.index(stop)], "stop")
    assert rows[2].reply is not None and rows[2].reply.tokens == 30


def test_what_prompts_have_in_common_is_computed_once(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = make(tiny_model, "grouped")
    seen: list[int] = []
    forward = model.forward

    def counted(*args: Any, **given: Any) -> Any:
        seen.append(given["input_ids"].numel())
        return forward(*args, **given)

    decoder = Decoder(model, tokenizer)
    monkeypatch.setattr(model, "forward", counted)
    samples = [Row(request(QUESTIONS[4], sample=i, max_tokens=2)) for i in range(5)]
    decoder.run(samples, steps=2)
    assert seen[:2] == [len(samples[0].prompt), 4], "the prompt once, then its last token for the other samples"
    seen.clear()
    again = [Row(request(QUESTIONS[4], sample=9, max_tokens=2)), Row(request(BEGINS_ALIKE, max_tokens=2))]
    decoder.run(again, steps=2)
    shared = slots._shared("".join(map(chr, again[1].prompt)), "".join(map(chr, again[0].prompt)))
    assert shared > 8
    assert seen[0] == 1 + len(again[1].prompt) - shared, "a row that has left is as good"
    assert [row.reply.ids for row in samples if row.reply] == [again[0].reply.ids if again[0].reply else None] * 5
    (alone,) = fresh = [Row(request(BEGINS_ALIKE, max_tokens=2))]
    Decoder(model, tokenizer).run(fresh, steps=2)
    assert again[1].reply == alone.reply


def test_rows_that_left_are_forgotten_when_they_take_too_much(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = make(tiny_model, "grouped")
    monkeypatch.setattr(slots, "_LEFT_BYTES", 200_000)
    decoder = decoded(model, tokenizer, [mixed_rows()])
    batch = decoder._batch
    assert isinstance(batch, SlotBatch)
    assert 0 < sum(left.bytes for left in batch._left) <= 200_000 and len(batch._left) < 24
    monkeypatch.setattr(slots, "_LEFT_BYTES", 0)
    batch = decoded(model, tokenizer, [mixed_rows()])._batch
    assert isinstance(batch, SlotBatch) and not batch._left


@pytest.mark.parametrize("peculiar", ["sinks", "own positions", "a window", "no interface"])
def test_a_model_with_other_attention_is_decoded_with_padding(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, peculiar: str
) -> None:
    model, tokenizer = make(tiny_model, "grouped")
    assert slots.can_use_slots(model)
    if peculiar == "sinks":
        model.model.layers[1].self_attn.sinks = torch.zeros(6)
    elif peculiar == "own positions":
        forward = model.forward
        monkeypatch.setattr(model, "forward", lambda position_ids=None, **given: forward(**given))
    elif peculiar == "a window":
        windowed = {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1}
        model, _ = make(tiny_model, "biased", **windowed)
    else:
        monkeypatch.setattr(type(model), "_supports_attention_backend", False)
    before = model.config._attn_implementation
    assert type(Decoder(model, tokenizer)._batch) is PaddedBatch
    assert model.config._attn_implementation == before


def test_a_sample_depends_on_its_own_seed_alone(tiny_model: Path) -> None:
    model, tokenizer = make(tiny_model, "grouped")

    def rows() -> list[Row]:
        heat: dict[str, Any] = {"temperature": 1.3, "top_p": 0.95, "seed": 5, "max_tokens": 9}
        return [Row(request(q, sample=i, **heat)) for i, q in enumerate(QUESTIONS[:9])]

    together, apart = rows(), rows()
    decoded(model, tokenizer, [together])
    for row in reversed(apart):
        decoded(model, tokenizer, [[row]])
    assert [row.written for row in together] == [row.written for row in apart]


@pytest.mark.parametrize("first", [(), (1,), (5, 40), (64, 2048)])
def test_a_drawn_token_is_the_one_at_its_place_among_all_sorted(
    monkeypatch: pytest.MonkeyPatch, first: tuple[int, ...]
) -> None:
    monkeypatch.setattr(sampling, "_LIKELIEST", first)
    torch.manual_seed(1)
    logits = (torch.randn(400, 300) * 3).bfloat16().float() + torch.arange(300) * 1e-4
    heats = [(0.7, 1.0), (1.5, 0.9), (1.0, 0.3), (0.0, 1.0), (1.0, 1e-9)]
    draws = [(Sampling(temperature=t, top_p=p), random.Random(i)) for i, (t, p) in enumerate(heats * 80)]
    chosen = sampling.choose(logits, draws)
    for i, token in enumerate(chosen):
        (heat, top_p), number = heats[i % 5], random.Random(i).random()
        if heat == 0 or top_p < 1e-6:
            assert token == int(logits[i].argmax())
            continue
        shares, order = torch.softmax(logits[i].double() / heat, -1).sort(descending=True)
        ends = shares.cumsum(0)
        last = int((ends - shares < top_p).sum()) - 1
        place = order.tolist().index(token)
        assert place <= last
        point = number * float(ends[last])
        assert float(ends[place] - shares[place]) - 1e-5 <= point <= float(ends[place]) + 1e-5


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_packed_weights_give_the_same_products(dtype: str) -> None:
    numbers = getattr(torch, dtype)
    if not packing._usable(numbers):
        pytest.skip(f"this CPU has no packed products in {dtype}")
    torch.manual_seed(0)
    for bias in (True, False):
        linear = torch.nn.Linear(96, 80, bias=bias).to(numbers)
        packed = packing.PackedLinear(linear)
        for shape in [(1, 96), (1, 65, 96), (2, 3, 96)]:
            rows = torch.randn(shape).to(numbers)
            with torch.inference_mode():
                assert torch.allclose(packed(rows), linear(rows), atol=1e-5 if dtype == "float32" else 2e-2)


def test_a_wide_model_is_packed_and_writes_the_same(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [request(q) for q in QUESTIONS[:6]]
    plain: list[Reply] = ask(tiny_model, asked)
    monkeypatch.setattr(slipstick.models.hf, "_NARROW", 16)
    assert ask(tiny_model, asked) == plain
    model: Any = open_model(f"hf:{tiny_model}", ModelSettings(device="cpu"))
    kinds = {type(module) for module in model._decoder._model.modules()}
    asyncio.run(model.close())
    assert (packing.PackedLinear in kinds) == packing._usable(torch.float32) and (torch.nn.Linear in kinds) != (
        packing.PackedLinear in kinds
    )


@pytest.mark.parametrize("first", [(), (1,), (5, 40), (64, 2048)])
@pytest.mark.parametrize(("top_k", "min_p"), [(1, 0.0), (7, 0.0), (0, 0.2), (40, 0.01), (0, 1.0), (-1, 0.0)])
def test_a_token_beyond_top_k_or_below_min_p_is_never_drawn(
    monkeypatch: pytest.MonkeyPatch, first: tuple[int, ...], top_k: int, min_p: float
) -> None:
    """Against the definition: temperature, then top_k and min_p, then top_p of what is left."""
    monkeypatch.setattr(sampling, "_LIKELIEST", first)
    torch.manual_seed(2)
    logits = torch.randn(200, 300) * 3
    heats = [(0.7, 1.0), (1.5, 0.9), (1.0, 0.3), (2.0, 1.0)]
    draws = [(Sampling(temperature=t, top_p=p), random.Random(i)) for i, (t, p) in enumerate(heats * 50)]
    chosen = sampling.choose(logits, draws, sampling.Cutoff(top_k, min_p))
    for i, token in enumerate(chosen):
        (heat, top_p), number = heats[i % 4], random.Random(i).random()
        shares, order = torch.softmax(logits[i].double() / heat, -1).sort(descending=True)
        allowed = int((shares >= min_p * shares[0]).sum())
        left = shares[: min(allowed, top_k) if top_k > 0 else allowed]
        last = int((left.cumsum(0) - left < top_p * left.sum() - 1e-12).sum()) - 1
        place, ends = order.tolist().index(token), shares.cumsum(0)
        point = number * float(ends[last])
        assert place <= last
        assert float(ends[place] - shares[place]) - 1e-5 <= point <= float(ends[place]) + 1e-5


def test_the_settings_reach_the_decoder(tiny_model: Path) -> None:
    hot: dict[str, Any] = {"temperature": 2.0, "seed": 3}
    greedy = ask(tiny_model, [request(q) for q in QUESTIONS[:4]])
    warm = [request(q, **hot) for q in QUESTIONS[:4]]
    assert ask(tiny_model, warm) != greedy
    assert ask(tiny_model, warm, top_k=1) == ask(tiny_model, warm, min_p=1.0) == greedy
