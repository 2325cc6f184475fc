"""Checkpoints of a training: one file of our own loop, folders of Hugging Face's trainers.

Each belongs to a fingerprint of settings and data; those of another training are never resumed.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from slipstick.parts import replacing
from slipstick.store import write_atomically

FILE = "checkpoint.pt"
FOLDER = "checkpoints"


class Stateful(Protocol):
    """What a checkpoint can contain: a torch module, an optimiser."""

    def state_dict(self) -> Any: ...

    def load_state_dict(self, state_dict: Any, /) -> Any: ...


def save_checkpoint(out: Path, parts: Mapping[str, Stateful], *, losses: list[float], fingerprint: str) -> None:
    """Writes out/checkpoint.pt so that a kill at any instant leaves either the old file or the complete new one.

    Weights that are not trained, the base's under adapters, are not written: every start has them.
    """
    import torch

    state = {name: _without(part.state_dict(), _frozen(part)) for name, part in parts.items()}
    with replacing(out / FILE) as new:
        torch.save({**state, "losses": losses, "fingerprint": fingerprint}, new)


def load_checkpoint(out: Path, parts: Mapping[str, Stateful], *, fingerprint: str) -> list[float]:
    """Puts every part in the state of out/checkpoint.pt; the losses until then, none if there is no such checkpoint."""
    import torch

    if not (out / FILE).is_file():
        return []
    saved: dict[str, Any] = torch.load(out / FILE, map_location="cpu", weights_only=True)
    if saved["fingerprint"] != fingerprint:
        return []
    for name, part in parts.items():
        frozen = _frozen(part)
        kept = {key: value for key, value in part.state_dict().items() if key in frozen} if frozen else {}
        part.load_state_dict({**kept, **saved[name]} if kept else saved[name])  # an optimiser's is a list
    return list(saved["losses"])


def _frozen(part: Stateful) -> set[str]:
    """Names of the weights that are not trained; a weight may have several names."""
    import torch

    if not isinstance(part, torch.nn.Module):
        return set()
    return {name for name, weight in part.named_parameters(remove_duplicate=False) if not weight.requires_grad}


def _without(state: Any, names: set[str]) -> Any:
    return {key: value for key, value in state.items() if key not in names} if names else state


def last_checkpoint(out: Path, *, fingerprint: str) -> str | None:
    """The last complete checkpoint that a Hugging Face trainer wrote into out/checkpoints; others are removed."""
    folder = out / FOLDER
    mark = folder / "fingerprint"
    if not mark.is_file() or mark.read_text("utf-8") != fingerprint:
        if "RANK" not in os.environ:  # of several processes the first to come would remove what another just wrote
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(mark, fingerprint)
    last = None
    for checkpoint in sorted(folder.glob("checkpoint-[0-9]*"), key=lambda path: int(path.name.rpartition("-")[2])):
        try:
            json.loads((checkpoint / "trainer_state.json").read_bytes())  # the trainer writes it last of all
            last = str(checkpoint)
        except (OSError, ValueError):
            shutil.rmtree(checkpoint, ignore_errors=True)
    return last


def remove_checkpoints(out: Path) -> None:
    """Removes every checkpoint of a training that has finished."""
    (out / FILE).unlink(missing_ok=True)
    shutil.rmtree(out / FOLDER, ignore_errors=True)
