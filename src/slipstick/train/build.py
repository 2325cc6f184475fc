"""What a training starts from: the tokenizer and checks that need no more, then the weights, and the device."""

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import Any

from slipstick.edges import read_text
from slipstick.errors import InputError, UserError
from slipstick.formats import Format
from slipstick.models.hf import load_tokenizer, load_weights
from slipstick.models.hf.packaged import located
from slipstick.train.adapters import add_adapters
from slipstick.train.settings import GrpoSettings, StageSettings, TrainSettings
from slipstick.train.tokenizer import train_tokenizer
from slipstick.train.weights import new_model


def start_tokenizer(settings: TrainSettings, texts: Iterable[str], formats: Sequence[Format]) -> Any:
    """The base's tokenizer, or a new one trained on the texts. Raises as `base_tokenizer` does."""
    if settings.base is not None:
        return base_tokenizer(settings)
    return _with_template(train_tokenizer(texts, formats, vocab_size=settings.vocab_size), settings)


def base_tokenizer(settings: StageSettings) -> Any:
    """The base's tokenizer. Raises ModelError if there is no such base.

    Raises InputError if `max_length` is more than the base can read, or if the chat template cannot be read.
    """
    from transformers import AutoConfig

    assert settings.base is not None
    tokenizer = load_tokenizer(settings.base)
    config = AutoConfig.from_pretrained(located(settings.base))
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    if positions is not None and settings.max_length > positions:
        longer = '; longer examples are then left out, or cut with too_long = "cut"'
        longer = "" if isinstance(settings, GrpoSettings) else longer  # it samples its own
        raise InputError(
            f"max_length = {settings.max_length} is more than the {positions} tokens that base = {settings.base!r} can "
            f"read: set max_length = {positions}{longer}"
        )
    return _with_template(tokenizer, settings)


def _with_template(tokenizer: Any, settings: StageSettings) -> Any:
    if settings.chat_template is not None:
        tokenizer.chat_template = read_text(settings.chat_template)
    return tokenizer


def start_model(settings: TrainSettings, tokenizer: Any) -> Any:
    """The base's weights, with adapters if `lora_rank` asks for them, or a new model's."""
    if settings.base is None:
        return new_model(settings, tokenizer)
    dtype = settings.param_dtype if trainer_of(settings) == "trl" else "float32"
    model, _ = load_weights(settings.base, dtype=dtype, attention=attention(settings))
    return add_adapters(model, settings) if settings.lora_rank else model


def attention(settings: TrainSettings) -> str | None:
    """`attn_implementation`; else FlashAttention on a GPU, if it is installed.

    FlashAttention takes 16-bit numbers alone, which only TRL's trainer has: as weights or by autocast.
    """
    if settings.attn_implementation or device_of(settings) == "cpu":
        return settings.attn_implementation
    in_16_bits = trainer_of(settings) == "trl" and (settings.param_dtype == "bfloat16" or settings.bf16 is not False)
    return "flash_attention_2" if in_16_bits and find_spec("flash_attn") else None


def check_packages(settings: TrainSettings) -> None:
    """Raises UserError if settings need packages that are not installed, with every one that is missing."""
    trl = trainer_of(settings) == "trl"
    needed = [
        (trl and settings.use_liger_kernel, "use_liger_kernel = true", "liger-kernel", "use_liger_kernel = false"),
        (settings.optimizer == "adamw_8bit", 'optimizer = "adamw_8bit"', "bitsandbytes", 'optimizer = "adamw"'),
        (settings.parallel == "zero3", 'parallel = "zero3"', "deepspeed", 'parallel = "fsdp2"'),
    ]
    missing = [
        f"{setting} needs a package that is not installed: pip install {package}, or set {other}"
        for wanted, setting, package, other in needed
        if wanted and not find_spec(package.replace("-", "_"))
    ]
    if missing:
        raise UserError("; ".join(missing))


def count_parameters(model: Any) -> int:
    """Parameters without those of adapters, which are merged; also if ZeRO-3 has left this process only a part."""
    own = [parameter for name, parameter in model.named_parameters() if "lora_" not in name]
    return sum(getattr(parameter, "ds_numel", parameter.numel()) for parameter in own)


def device_of(settings: StageSettings) -> str:
    """`device`; "auto" takes a GPU if there is one."""
    import torch

    if settings.device != "auto":
        return settings.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def free_on_gpu() -> float:
    """Bytes that are free on the first GPU."""
    import torch

    free, _ = torch.cuda.mem_get_info()
    return float(free)


def most_on_gpu() -> float:
    """Peak memory of this process on the first GPU, in bytes."""
    import torch

    return float(torch.cuda.max_memory_allocated())


def trainer_of(settings: TrainSettings) -> str:
    """`trainer`; "auto" takes TRL's on a GPU, unless `optimizer` is Muon, which only the loop has."""
    if settings.trainer != "auto":
        return settings.trainer
    needs_trl = settings.optimizer in ("adamw_8bit", "adafactor")
    on_gpu = device_of(settings) != "cpu" and settings.optimizer == "adamw"
    return "trl" if needs_trl or on_gpu else "loop"
