"""Models that run in this process: any causal language model that Hugging Face transformers can open.

Requests arrive one by one from many tasks; they are gathered into one batch that a worker thread decodes. Results do
not depend on the order of arrival, unless two tokens are almost equally likely: a batch of another shape rounds
differently in the last bit.

decode.py      decodes a batch: rows join and leave it, each takes its own tokens
slots.py       its keys and values on a CPU, without padding; what prompts have in common is computed once
padded.py      the same with padding, for every device and architecture, and
cache.py       its keys and values
sampling.py    the next token of every row
packing.py     weights laid out for products on a CPU
value_head.py  the value head of a model that also scores
packaged.py    pretrained models that a package carries, by name
heap.py        memory that was freed is kept for the next tensor
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipstick.errors import ModelError
from slipstick.models import Model, ModelSettings, Reply, Request
from slipstick.models.hf.packaged import located
from slipstick.shipped import how_to_make

if TYPE_CHECKING:
    from slipstick.models.hf.decode import Decoder, Row

_STEPS = 16  # tokens decoded before finished rows leave and waiting ones join
_GATHER_SECONDS = 0.003
_REMEDY = (
    "hf: takes a folder with config.json, weights and tokenizer (what `slipstick train` writes), "
    "owner/name of a model on the Hugging Face hub, or a name that `slipstick list models` shows"
)
_NARROW = 512  # width up to which one thread is fastest
_ROWS = 32  # decoded together if `max_concurrent_requests` is "auto"


class HfModel(Model):
    """A model and its tokenizer in memory; `generate` may be called from any number of tasks of one event loop."""

    def __init__(self, name: str, decoder: Decoder, *, rows: int) -> None:
        """rows: most requests decoded together."""
        self.name = name
        self._decoder = decoder
        self._most = max(1, rows)
        self._waiting: list[tuple[Row, asyncio.Future[Reply]]] = []
        self._running: dict[Row, asyncio.Future[Reply]] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="slipstick-hf")
        self._loop: asyncio.Task[None] | None = None

    async def generate(self, request: Request) -> Reply:
        """One turn, decoded together with the other running requests.

        Raises ModelError for a format that this model cannot use.
        """
        from slipstick.models.hf.decode import Row

        self._decoder.check(request.format)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append((Row(request), future))
        if self._loop is None or self._loop.done():
            self._loop = asyncio.create_task(self._serve())
            self._loop.add_done_callback(self._abandon)
        return await future

    async def close(self) -> None:
        """Ends the worker thread once its current step is over."""
        if self._loop is not None and not self._loop.done():
            self._loop.cancel()
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _serve(self) -> None:
        """Decodes until no request is left."""
        await asyncio.sleep(_GATHER_SECONDS)
        loop = asyncio.get_running_loop()
        while self._waiting or self._running:
            newcomers = self._newcomers()
            try:
                ended = await loop.run_in_executor(self._thread, partial(self._decoder.run, newcomers, steps=_STEPS))
            except Exception as error:  # boundary: whatever torch or the model raises is every waiting request's reply
                failed = Reply(text="", finish="error", error=f"{type(error).__name__}: {error}")
                self._decoder.clear()
                for row in list(self._running):
                    self._resolve(row, failed)
                continue
            for row in ended:
                self._resolve(row, row.reply or Reply(text="", finish="error", error="cancelled"))
            for row, future in self._running.items():
                row.dropped = future.cancelled()

    def _newcomers(self) -> list[Row]:
        """Moves waiting requests into the batch, as many as there is room for."""
        self._waiting = [(row, future) for row, future in self._waiting if not future.cancelled()]
        room = self._most - len(self._running) if self._decoder.can_join() else 0
        taken, self._waiting = self._waiting[:room], self._waiting[room:]
        self._running.update(taken)
        return [row for row, _ in taken]

    def _abandon(self, ended: asyncio.Task[None]) -> None:
        """Cancels the requests whose replies can no longer come."""
        if ended is not self._loop:
            return  # a request came just after it had ended: the next task serves it
        for future in [*self._running.values(), *(future for _, future in self._waiting)]:
            future.cancel()
        self._running.clear()
        self._waiting.clear()

    def _resolve(self, row: Row, reply: Reply) -> None:
        future = self._running.pop(row)
        if not future.done():
            future.set_result(reply)


def open_model(argument: str, settings: ModelSettings) -> HfModel:
    """The model in a folder (what `slipstick train` or `save_pretrained` writes), in a package, or on the Hub.

    Of the settings, `max_concurrent_requests` is the batch size; `device` and `dtype` say where and in what numbers
    it runs; `top_k` and `min_p` which tokens are sampled. Raises ModelError if there is no model, if the device does
    not exist, or for a setting that is for servers.
    """
    _refuse(settings)
    # Threads that spin while they wait halve the speed if other processes need the cores; read when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import torch

    from slipstick.encode.settings import prompt_config_for
    from slipstick.models.hf.decode import Decoder
    from slipstick.models.hf.packing import pack_weights, too_slow
    from slipstick.models.hf.sampling import Cutoff

    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    model, tokenizer = load_weights(argument, dtype=settings.dtype)
    config = prompt_config_for(located(argument), tokenizer, settings.template, name=argument)
    try:
        model = model.to(device).eval()
        if device == "cpu" and settings.dtype == "auto" and too_slow(model.dtype):
            model = model.float()
        if device == "cpu" and model.get_input_embeddings().weight.shape[1] >= _NARROW:
            pack_weights(model)
        decoder = Decoder(model, tokenizer, config, cutoff=Cutoff(settings.top_k or 0, settings.min_p or 0.0))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise ModelError(f"hf:{argument} cannot be moved to device = {device!r}: {error}") from error
    rows = _ROWS if settings.max_concurrent_requests == "auto" else settings.max_concurrent_requests
    return HfModel(f"hf:{argument}", decoder, rows=rows)


def _refuse(settings: ModelSettings) -> None:
    """Raises ModelError for settings that pass through to a server, as there is none."""
    passed = {"presence_penalty", "reasoning_effort", "chat_template_kwargs", "extra_body", "extra_headers"}
    given = [name for name, value in settings.model_dump(include=passed).items() if value is not None]
    if given := given + (['mode = "batch"'] if settings.mode == "batch" else []):
        raise ModelError(
            f"hf: has no {', '.join(given)}, which pass through to a server: remove what is named, or serve the model "
            'and set model = "openai:NAME"'
        )


def load_weights(argument: str, *, dtype: str, attention: str | None = None) -> tuple[Any, Any]:
    """Model and tokenizer of a folder or of a name on the hub, on the CPU. Raises ModelError if there is none.

    attention: transformers' name of the attention kernel; None leaves it to transformers.
    """
    from transformers import AutoModelForCausalLM

    tokenizer, argument = load_tokenizer(argument), located(argument)
    local = not _on_hub(argument)
    with quietly(), _opening(argument):
        model = AutoModelForCausalLM.from_pretrained(
            argument, dtype=dtype, attn_implementation=attention, local_files_only=local
        )
    return model, tokenizer


def load_tokenizer(argument: str) -> Any:
    """The tokenizer of a model's folder, or of its name on the hub. Raises ModelError if there is none."""
    from transformers import AutoTokenizer

    with quietly():
        argument = located(argument)
    folder = Path(argument)
    if not _on_hub(argument) and not (argument and (folder / "config.json").is_file()):
        remedy = how_to_make(argument) or f"; {_REMEDY}"
        why = "has no config.json" if folder.is_dir() else "does not exist"
        raise ModelError(f"no model at `{argument}`: the folder {why}{remedy}")
    with quietly(), _opening(argument):
        return AutoTokenizer.from_pretrained(argument, local_files_only=not _on_hub(argument))


def _on_hub(argument: str) -> bool:
    return not Path(argument).exists() and re.fullmatch(r"[\w.-]+/[\w.-]+", argument) is not None


@contextmanager
def _opening(argument: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, ImportError) as error:
        if _is_interrupted(error):
            raise KeyboardInterrupt from error
        raise ModelError(f"no model can be opened at `{argument}`: {error}; {_REMEDY}") from error


def _is_interrupted(error: BaseException | None) -> bool:
    """Whether what failed was an import that Ctrl-C ended, of which transformers says that there is no such module."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


@contextmanager
def quietly() -> Iterator[None]:
    """Hides transformers' progress bars for reading and writing weights, as ours are on the terminal."""
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


@contextmanager
def few_threads(model: Any) -> Iterator[None]:
    """One thread for a narrow model on a CPU, whose operations are too short to be worth dividing among several."""
    import torch

    threads = torch.get_num_threads()
    if model.device.type == "cpu" and model.get_input_embeddings().weight.shape[1] < _NARROW:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
