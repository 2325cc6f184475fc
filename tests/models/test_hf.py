"""Models in this process: batching, sampling, ends of turns, chats, and mistakes."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from slipstick.errors import ModelError
from slipstick.formats import load_format, render_prompt
from slipstick.models import ModelSettings, Reply, Request, Sampling, open_model
from slipstick.schema import Block, Code, Output, Problem, Solution, Text

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")

from slipstick.replies.turns import turn_end  # noqa: E402

Pairs = list[tuple[Solution, Problem]]
QUESTIONS = [f"Ann has {n} nuts and finds {3 * n} more. " + "How many are they? " * (n % 5) for n in range(1, 41)]


def request(
    question: str, format: str = "cot", *, sample: int = 0, blocks: Sequence[Block] = (), **sampling: Any
) -> Request:
    problem = Problem(id=f"x/test/{question}", text=question)
    chosen = Sampling(**{"max_tokens": 12, **sampling})
    return Request(
        problem=problem, format=load_format(format), sample=sample, turn=0, blocks=list(blocks), sampling=chosen
    )


def ask(folder: Path, requests: Sequence[Request], **settings: Any) -> list[Reply]:
    async def run() -> list[Reply]:
        chosen = ModelSettings.model_validate({"max_concurrent_requests": 8, "device": "cpu", **settings})
        model = open_model(f"hf:{folder}", chosen)
        try:
            return await asyncio.gather(*(model.generate(r) for r in requests))
        finally:
            await model.close()

    return asyncio.run(run())


def test_greedy_replies_are_those_of_transformers(tiny_model: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(tiny_model)
    model: Any = AutoModelForCausalLM.from_pretrained(tiny_model)
    requests = [request(question) for question in QUESTIONS[:8]]
    replies = ask(tiny_model, requests)
    for asked, reply in zip(requests, replies, strict=True):
        ids = tokenizer(render_prompt(asked.format, asked.problem), return_tensors="pt")
        made = model.generate(**ids, max_new_tokens=12, do_sample=False)[0, ids["input_ids"].shape[1] :]
        assert reply.text == tokenizer.decode(made, skip_special_tokens=True)
        assert reply.tokens == len(made)
        assert reply.finish == ("stop" if made[-1] == tokenizer.eos_token_id else "length")


def test_rows_leave_and_join_without_changing_each_other(tiny_model: Path) -> None:
    requests = [request(q, max_tokens=1 + 9 * (i % 7)) for i, q in enumerate(QUESTIONS)]
    one_by_one = ask(tiny_model, requests, max_concurrent_requests=1)
    assert ask(tiny_model, requests, max_concurrent_requests=5) == one_by_one
    assert ask(tiny_model, requests, max_concurrent_requests=64) == one_by_one


def test_sampling_is_repeatable_per_request_and_differs_between_samples(tiny_model: Path) -> None:
    requests = [request(QUESTIONS[3], sample=i, temperature=1.0, top_p=0.9, seed=7) for i in range(6)]
    replies = ask(tiny_model, requests)
    assert ask(tiny_model, requests[::-1], max_concurrent_requests=2)[::-1] == replies
    assert len({reply.text for reply in replies}) > 1
    other = request(QUESTIONS[3], temperature=1.0, top_p=0.9, seed=8)
    assert ask(tiny_model, [other])[0].text != replies[0].text


def test_a_vanishing_top_p_takes_the_likeliest_token(tiny_model: Path) -> None:
    narrow = ask(tiny_model, [request(q, temperature=1.0, top_p=1e-6, seed=1) for q in QUESTIONS[:5]])
    assert narrow == ask(tiny_model, [request(q) for q in QUESTIONS[:5]])


@pytest.mark.parametrize("kind", ["windowed", "absolute positions"])
def test_other_architectures_decode_as_transformers_does(tiny_model: Path, tmp_path: Path, kind: str) -> None:
    import transformers

    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(tiny_model)
    model: Any
    sizes: dict[str, Any]
    ends: dict[str, Any] = {
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": None,
        "pad_token_id": tokenizer.pad_token_id,
    }
    torch.manual_seed(0)
    if kind == "windowed":
        sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
        windowed = transformers.MistralConfig(
            vocab_size=len(tokenizer), num_key_value_heads=1, sliding_window=8, initializer_range=0.5, **sizes, **ends
        )
        model = transformers.MistralForCausalLM(windowed)
    else:
        sizes = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 128}
        absolute = transformers.GPT2Config(vocab_size=len(tokenizer), initializer_range=0.5, **sizes, **ends)
        model = transformers.GPT2LMHeadModel(absolute)
    model.eval().save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    requests = [request(question, max_tokens=5 + i) for i, question in enumerate(QUESTIONS[:6])]
    replies = ask(tmp_path, requests, max_concurrent_requests=3, template="format")
    for asked, reply in zip(requests, replies, strict=True):
        ids = tokenizer(render_prompt(asked.format, asked.problem), return_tensors="pt")
        length = asked.sampling.max_tokens
        made = model.generate(**ids, max_new_tokens=length, do_sample=False)[0, ids["input_ids"].shape[1] :]
        text = tokenizer.decode(made, skip_special_tokens=True)
        assert reply.text == text[: turn_end(asked.format, text)]


def test_generation_stops_at_a_closed_code_block_and_goes_on_after_its_output(tiny_model: Path, sums: Pairs) -> None:
    from slipstick.train import TrainSettings, train

    folder = tiny_model.parent / "learned"
    one = [pair for pair in sums if pair[0].format == "tir"][:1]
    settings = TrainSettings(
        base=str(tiny_model),
        max_train_tokens=25_000,
        batch_tokens=256,
        optimizer="muon",
        learning_rate=8e-3,
        num_processes=1,
    )
    train(one, settings=settings, out=folder)
    (solution, problem), format = one[0], load_format("tir")
    text, code, output, last = solution.blocks
    first = Request(problem=problem, format=format, sample=0, turn=0, blocks=[], sampling=Sampling(max_tokens=60))
    second = first.model_copy(update={"turn": 1, "blocks": [text, code, output]})
    replies = ask(folder, [first, second])
    assert replies[0].text == f"{text.text}```python\n{code.text}\n```\n"
    assert replies[0].finish == "stop"
    assert replies[1].text == last.text


CHAT = """{%- for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}
{%- if m['role'] == 'assistant' %}{{ 'Well:\n' }}{% endif %}{{ m['content'] + '<|im_end|>' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""


@pytest.fixture(scope="module")
def chatting(tiny_model: Path, sums: Pairs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that learnt one solution by heart in a chat, whose turns end with a token that is not the tokenizer's."""
    from tokenizers import AddedToken

    from slipstick.models.hf import load_weights
    from slipstick.train import TrainSettings, train

    folder = tmp_path_factory.mktemp("chat")
    (folder / "chat.jinja").write_text(CHAT)
    model, tokenizer = load_weights(str(tiny_model), dtype="float32")
    tokenizer.add_tokens([AddedToken(name, special=True) for name in ("<|im_start|>", "<|im_end|>")])
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    rates: dict[str, Any] = {"optimizer": "muon", "batch_tokens": 256, "learning_rate": 8e-3, "num_processes": 1}
    chat: dict[str, Any] = {"template": "chat", "chat_template": str(folder / "chat.jinja")}
    settings = TrainSettings(base=str(folder / "base"), max_train_tokens=30_000, **rates, **chat)
    train([pair for pair in sums if pair[0].format == "tir"][:1], settings=settings, out=folder / "model")
    return folder / "model"


def test_a_model_that_learnt_a_chat_is_asked_in_it_and_ends_its_turns(chatting: Path, sums: Pairs) -> None:
    from slipstick.encode.encoding import IGNORED, encode
    from slipstick.encode.settings import EncodeSettings, load_prompt_config
    from slipstick.models.hf import load_weights
    from slipstick.models.hf.decode import Decoder, Row

    model, tokenizer = load_weights(str(chatting), dtype="float32")
    (solution, problem), format = next(pair for pair in sums if pair[0].format == "tir"), load_format("tir")
    text, code, output, last = solution.blocks
    first = Request(problem=problem, format=format, sample=0, turn=0, blocks=[], sampling=Sampling(max_tokens=60))
    second = first.model_copy(update={"turn": 1, "blocks": [text, code, output]})
    ids, labels = encode(solution, problem, format, tokenizer, settings=EncodeSettings(template="chat"))
    begun = [i for i, label in enumerate(labels) if label != IGNORED and labels[i - 1] == IGNORED]
    rows = [Row(first), Row(second)]
    Decoder(model, tokenizer, load_prompt_config(str(chatting))).run(rows, steps=1)
    assert [row.prompt for row in rows] == [ids[:place] for place in begun]
    replies = ask(chatting, [first, second])
    assert [reply.text for reply in replies] == [f"{text.text}```python\n{code.text}\n```\n", last.text]
    assert [reply.finish for reply in replies] == ["stop", "stop"]
    assert tokenizer.decode(replies[1].ids) == f"Well:\n{last.text}" and tokenizer.eos_token != "<|im_end|>"


def test_a_chat_model_of_others_is_asked_in_its_own_template(
    chatting: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    others = shutil.copytree(chatting, tmp_path / "others")
    (others / "slipstick.json").unlink()
    asked = [request(QUESTIONS[0], "tir", max_tokens=20)]
    said = ask(chatting, asked)
    assert "chat template" not in caplog.text
    assert ask(others, asked) == said and "asked in its own chat template" in caplog.text
    assert ask(others, asked, template="format") != said


def test_what_cannot_be_asked_in_a_chat_is_said(chatting: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"format `tools` has the model call a tool .* \(tir\)"):
        ask(chatting, [request(QUESTIONS[0], "tools")])
    broken = shutil.copytree(chatting, tmp_path / "broken")
    (broken / "slipstick.json").write_text('{"template": "spoken"}')
    unread = r"slipstick\.json, which has the model's prompt settings, cannot be read"
    with pytest.raises(ModelError, match=unread):
        open_model(f"hf:{broken}", ModelSettings(device="cpu"))


def test_a_stop_string_is_cut_off_wherever_the_tokens_fall(tiny_model: Path) -> None:
    plain = ask(tiny_model, [request(QUESTIONS[0], max_tokens=30)])[0].text
    stop = plain[3:5]
    asked = request(QUESTIONS[0], max_tokens=30)
    asked = asked.model_copy(update={"format": asked.format.model_copy(update={"stop": [stop]})})
    (reply,) = ask(tiny_model, [asked])
    assert reply.text == plain[: plain.index(stop)]
    assert reply.finish == "stop"


def test_a_prompt_longer_than_the_model_is_an_error_reply(tiny_model: Path) -> None:
    replies = ask(tiny_model, [request("nuts " * 2000), request(QUESTIONS[0])])
    assert replies[0].finish == "error"
    assert "at most 1024" in replies[0].error
    assert replies[1].finish != "error"


def test_a_failure_inside_the_model_is_an_error_reply_and_the_next_request_works(tiny_model: Path) -> None:
    async def run() -> tuple[list[Reply], Reply]:
        model: Any = open_model(f"hf:{tiny_model}", ModelSettings(device="cpu"))
        forward = model._decoder._model.forward

        def broken(*args: object, **kwargs: object) -> None:
            raise RuntimeError("out of memory")

        model._decoder._model.forward = broken
        failed = await asyncio.gather(*(model.generate(request(q)) for q in QUESTIONS[:3]))
        model._decoder._model.forward = forward
        worked = await model.generate(request(QUESTIONS[0]))
        await model.close()
        return failed, worked

    failed, worked = asyncio.run(run())
    assert [reply.error for reply in failed] == ["RuntimeError: out of memory"] * 3
    assert worked.finish != "error"


def test_a_cancelled_request_leaves_the_others_alone(tiny_model: Path) -> None:
    async def run() -> Reply:
        model = open_model(f"hf:{tiny_model}", ModelSettings(device="cpu"))
        long = asyncio.create_task(model.generate(request(QUESTIONS[0], max_tokens=900, temperature=2.0, seed=1)))
        await asyncio.sleep(0.05)
        other = asyncio.create_task(model.generate(request(QUESTIONS[1])))
        long.cancel()
        reply = await other
        await model.close()
        return reply

    assert asyncio.run(run()) == ask(tiny_model, [request(QUESTIONS[1])])[0]


def test_a_request_right_after_the_last_reply_is_answered(tiny_model: Path) -> None:
    async def run() -> list[Reply]:
        model = open_model(f"hf:{tiny_model}", ModelSettings(max_concurrent_requests=8))
        try:
            return [await model.generate(request(question)) for question in QUESTIONS[:3]]
        finally:
            await model.close()

    assert asyncio.run(run()) == ask(tiny_model, [request(question) for question in QUESTIONS[:3]])


def test_outputs_in_the_blocks_are_part_of_the_prompt(tiny_model: Path) -> None:
    blocks: list[Block] = [Text(text="We add.\n"), Code(text="1 + 2"), Output(text="3")]
    replies = ask(tiny_model, [request(QUESTIONS[0], "tir", blocks=blocks), request(QUESTIONS[0], "tir")])
    assert all(reply.finish != "error" for reply in replies)


@pytest.mark.parametrize("argument", ["", "no/such/folder", "tests"])
def test_a_path_without_a_model_says_so(argument: str) -> None:
    with pytest.raises(ModelError, match="no model at"):
        open_model(f"hf:{argument}")


def test_a_folder_with_a_broken_model_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="no model can be opened"):
        open_model(f"hf:{tmp_path}")


def test_a_device_that_does_not_exist_says_so(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match="xpu:7"):
        open_model(f"hf:{tiny_model}", ModelSettings(device="xpu:7"))


def test_an_interrupted_import_is_an_interrupt_and_no_missing_model() -> None:
    from slipstick.models.hf import _opening

    with pytest.raises(KeyboardInterrupt), _opening("x"):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise ImportError("Could not import module 'LlamaForCausalLM'") from error
