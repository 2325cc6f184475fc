"""Low-rank adapters through PEFT: added before training, merged into the weights after it."""

import json
import warnings
from pathlib import Path
from typing import Any

from slipstick.errors import InputError
from slipstick.models.hf import load_weights, quietly
from slipstick.models.hf.packaged import hub_name, said_of_base
from slipstick.store import write_atomically
from slipstick.train.settings import LoraSettings

ADAPTER = "adapter"
"""Folder of the adapters, next to the merged weights."""
_CARD = """---
library_name: peft
pipeline_tag: text-generation
{front}tags: [mathematics, slipstick, lora]
---

Low-rank adapters of `{base}`, trained with slipstick. The card one folder up says on what and how.
{exactness}"""


def add_adapters(model: Any, settings: LoraSettings) -> Any:
    """The model with adapters on `lora_target_modules`, the rest frozen. Raises InputError if one is missing."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers.integrations.deepspeed import is_deepspeed_zero3_enabled

    targets: Any = settings.lora_target_modules
    if targets == ["all-linear"]:
        targets = "all-linear"
    else:
        _check_targets(model, settings.lora_target_modules)
    torch.manual_seed(settings.seed)
    config = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,  # type: ignore[arg-type]  # PEFT divides it, whole or not
        lora_dropout=settings.lora_dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )
    zero3 = is_deepspeed_zero3_enabled()  # type: ignore[no-untyped-call]  # it gathers numbers of one kind alone
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PEFT asks transformers for a name that is to go
        return get_peft_model(model, config, autocast_adapter_dtype=not zero3)


def save_adapters(model: Any, folder: Path, *, base: str) -> None:
    """Writes the adapters alone to `folder`/adapter, with the base's name on the Hub if it has one."""
    with quietly():
        model.save_pretrained(folder / ADAPTER)
    if name := hub_name(base):  # where the base lies here says nothing elsewhere; PEFT would look the name up
        config = folder / ADAPTER / "adapter_config.json"
        kept = {**json.loads(config.read_text("utf-8")), "base_model_name_or_path": name}
        write_atomically(config, json.dumps(kept, indent=2) + "\n")
    front = f"base_model: {name}\n" if name else ""
    exactness = f"\n{said}\n" if (said := said_of_base(base)) else ""
    write_atomically(folder / ADAPTER / "README.md", _CARD.format(front=front, base=base, exactness=exactness))


def merged(folder: Path, base: str) -> Any:
    """The base, opened again, with the adapters of `folder` merged into its weights."""
    from peft import PeftModel

    model, _ = load_weights(base, dtype="float32")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return PeftModel.from_pretrained(model, str(folder / ADAPTER)).merge_and_unload()


def _check_targets(model: Any, targets: list[str]) -> None:
    import torch

    linear = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    for target in targets:
        if not any(name == target or name.endswith(f".{target}") for name in linear):
            known = sorted({name.rpartition(".")[2] for name in linear})
            raise InputError(
                f"lora_targets: `{target}` matches no matrix of the base; it has {', '.join(known)} "
                '(or say ["all-linear"])'
            )
