"""What every training stage has in common.

`run_stage` hashes settings and data into a fingerprint. It returns the result of a training that has already finished;
otherwise it trains, writes the card and, last of all, trained.json. `run_steps` takes the steps of our own loops:
losses.jsonl, progress, checkpoints.

A new stage (DPO, a process reward model) is one file of this package and an entry in `STAGES` of commands/train.py,
with a case in its `run_train` and in `on_this_machine` of plan/fit.py. The file holds

- its settings: a class that inherits `StageSettings` and says `stage: Literal["dpo"] = "dpo"`,
- its result: a class that inherits `StageResult`,
- its function: data in, result out. It encodes the data and calls `run_stage` with a digest of them, a
  function that trains and writes the weights, and the text of the card.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from slipstick.edges import reading
from slipstick.store import write_atomically
from slipstick.train.card import CardText, write_card
from slipstick.train.checkpoints import Stateful, load_checkpoint, remove_checkpoints, save_checkpoint
from slipstick.train.result import StageResult
from slipstick.train.settings import CHANGES_NO_NUMBER, StageSettings

R = TypeVar("R", bound=StageResult)
Progress = Callable[[int, int, float], None]
"""Called after every step with the tokens done, the tokens in all and the step's loss."""
FINISHED = "trained.json"
_CHECKPOINT_TOKENS = 100_000  # between two checkpoints of our own loops, unless the settings say


class Training(NamedTuple):
    """A running training: the folder it writes to, what it is, and whom it keeps informed."""

    out: Path
    """Folder for checkpoints and weights."""
    fingerprint: str
    """Of settings and data: a checkpoint of another one is not resumed."""
    progress: Progress | None = None
    """Called after every step; None shows nothing."""


def run_stage(
    fit: Callable[[Training], R],
    settings: StageSettings,
    *,
    digest: str,
    result: type[R],
    describe: Callable[[R], CardText],
    out: Path,
    progress: Progress | None = None,
) -> R:
    """Trains by `fit`, or gives the result of an earlier call with the same settings and data that finished.

    fit: trains, from the last checkpoint of the same training if there is one, and writes the weights into its folder.
    digest: a hash of the encoded data. describe: what the card says of a result.
    """
    text = settings.model_dump_json(exclude=set(CHANGES_NO_NUMBER))
    fingerprint = hashlib.sha256(f"{text}{digest}".encode()).hexdigest()
    if (out / FINISHED).is_file():
        with reading(out / FINISHED):
            record = json.loads((out / FINISHED).read_bytes())
        if record.pop("fingerprint") == fingerprint:
            return result.model_validate(record)
    out.mkdir(parents=True, exist_ok=True)
    done = fit(Training(out, fingerprint, progress))
    write_card(out, settings, describe(done))
    write_atomically(out / FINISHED, json.dumps({"fingerprint": fingerprint, **done.model_dump()}, indent=2))
    remove_checkpoints(out)
    return done


def digest_of(rows: Sequence[object]) -> str:
    """SHA-256 of what a training learns from."""
    found = hashlib.sha256()
    for row in rows:
        found.update(repr(row).encode())
    return found.hexdigest()


def run_steps(
    take_step: Callable[[int, float], float],
    sizes: Sequence[int],
    *,
    parts: Mapping[str, Stateful],
    checkpoint_every: int | None,
    training: Training,
) -> list[float]:
    """Takes the steps that follow the training's last checkpoint and gives the loss of every step.

    take_step: number of the step and share of the tokens done before it -> its loss. sizes: tokens of every step.
    parts: what a checkpoint holds, by name.
    """
    losses = load_checkpoint(training.out, parts, fingerprint=training.fingerprint)
    resumed, total, done = len(losses), sum(sizes), 0
    since = 0  # tokens since the last checkpoint
    with (training.out / "losses.jsonl").open("w", encoding="utf-8") as log:
        for step, size in enumerate(sizes):
            if step >= resumed:
                losses.append(take_step(step, done / total))
            done += size
            log.write(loss_line(step, done, losses[step]))
            if step < resumed:
                continue
            log.flush()
            if training.progress:
                training.progress(done, total, losses[step])
            since += size
            if since >= (checkpoint_every or _CHECKPOINT_TOKENS):
                save_checkpoint(training.out, parts, losses=losses, fingerprint=training.fingerprint)
                since = 0
    return losses


def loss_line(step: int, tokens: int, loss: float) -> str:
    """A line of losses.jsonl."""
    return json.dumps({"step": step, "tokens": tokens, "loss": round(loss, 7)}) + "\n"
