"""What every training stage has in common.

`run_stage` hashes settings and data into a fingerprint. It returns the result of a training that has already finished;
otherwise it trains, writes the card and, last of all, trained.json. `run_steps` takes the steps of our own loops:
losses.jsonl, progress, checkpoints.

A new stage (DPO, a process reward model) is one file of this package and an entry in `AnyStage` of commands/train.py,
with a case in its `run_train` and in `on_this_machine` of plan/fit.py. The file holds

- its settings: a class that inherits `StageSettings` and says `stage: Literal["dpo"] = "dpo"`,
- its result: a class that inherits `StageResult`,
- its function: data in, result out. It encodes the data and calls `run_stage` with a digest of them, a
  function that trains and writes the weights, and the text of the card.
"""

import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from slipstick.edges import reading
from slipstick.formats import Format
from slipstick.formats.recorded import write_formats
from slipstick.store import write_atomically
from slipstick.trackers import Track
from slipstick.train.card import CardText, write_card
from slipstick.train.checkpoints import Stateful, load_checkpoint, remove_checkpoints, save_checkpoint
from slipstick.train.result import Evaluation, StageResult
from slipstick.train.settings import CHANGES_NO_NUMBER, StageSettings

R = TypeVar("R", bound=StageResult)
Progress = Callable[[int, int, float], None]
"""Called after every step with the tokens done, the tokens in all and the step's loss."""
FINISHED = "trained.json"
_CHECKPOINT_TOKENS, _CHECKPOINT_SECONDS, _CHECKPOINTS = 100_000, 300.0, 10
"""Most tokens and seconds between two checkpoints of our own loops, and how many there are at least."""


class Observers(NamedTuple):
    """Whom a training keeps informed."""

    progress: Progress | None = None
    """Called after every step; None shows nothing."""
    on_evaluation: Callable[[Evaluation], None] | None = None
    """Called after every evaluation while the model is trained."""
    track: Track | None = None
    """Called with what is measured at a step, for experiment trackers."""


NOBODY = Observers()


class Training(NamedTuple):
    """A running training: the folder it writes to, what it is, and whom it keeps informed."""

    out: Path
    """Folder for checkpoints and weights."""
    fingerprint: str
    """Of settings and data: a checkpoint of another one is not resumed."""
    observers: Observers = NOBODY
    """Whom it keeps informed."""


class Watch(NamedTuple):
    """What measures the model between steps."""

    every: float
    """Tokens between two times; the last step is always one."""
    resume: Callable[[int], None]
    """Called with the steps that an earlier call did."""
    measure: Callable[[int, int], None]
    """Called after a step with the steps and tokens done; a checkpoint follows it."""


def run_stage(
    fit: Callable[[Training], R],
    settings: StageSettings,
    *,
    digest: str,
    result: type[R],
    describe: Callable[[R], CardText],
    out: Path,
    observers: Observers = NOBODY,
    formats: Iterable[Format] = (),
) -> R:
    """Trains by `fit`, or gives the result of an earlier call with the same settings and data that finished.

    fit: trains, from the last checkpoint of the same training if there is one, and writes the weights into its folder.
    digest: a hash of the encoded data. describe: what the card says of a result. formats: those that it learns; the
    model's folder keeps those of files.
    """
    text = settings.model_dump_json(exclude=set(CHANGES_NO_NUMBER))
    fingerprint = hashlib.sha256(f"{text}{digest}".encode()).hexdigest()
    if (out / FINISHED).is_file():
        with reading(out / FINISHED):
            record = json.loads((out / FINISHED).read_bytes())
        if record.pop("fingerprint") == fingerprint:
            return result.model_validate(record)
    out.mkdir(parents=True, exist_ok=True)
    done = fit(Training(out, fingerprint, observers))
    write_formats(out, formats)
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
    watch: Watch | None = None,
) -> list[float]:
    """Takes the steps that follow the training's last checkpoint and gives the loss of every step.

    take_step: number of the step and share of the tokens done before it -> its loss. sizes: tokens of every step.
    parts: what a checkpoint holds, by name. checkpoint_every: tokens; None: a tenth of all, at most
    100,000, and at most five minutes. watch: what measures the model between steps.
    """
    losses = load_checkpoint(training.out, parts, fingerprint=training.fingerprint)
    resumed, total, done, observers = len(losses), sum(sizes), 0, training.observers
    since, saved = 0, time.monotonic()  # tokens since the last checkpoint, and its time
    often = checkpoint_every or min(_CHECKPOINT_TOKENS, total / _CHECKPOINTS)
    if watch:
        watch.resume(resumed)
    with (training.out / "losses.jsonl").open("w", encoding="utf-8") as log, _ctrl_c_between_steps() as stopping:
        for step, size in enumerate(sizes):
            if step >= resumed:
                losses.append(take_step(step, done / total))
            done += size
            log.write(loss_line(step, done, losses[step]))
            if step < resumed:
                continue
            log.flush()
            if observers.progress:
                observers.progress(done, total, losses[step])
            if observers.track:
                observers.track(step + 1, {"train/loss": losses[step], "train/tokens": done})
            since += size
            due = watch is not None and (done // watch.every > (done - size) // watch.every or step + 1 == len(sizes))
            if watch and due:
                watch.measure(step + 1, done)
            late = checkpoint_every is None and time.monotonic() - saved >= _CHECKPOINT_SECONDS
            if due or late or since >= often or stopping():
                save_checkpoint(training.out, parts, losses=losses, fingerprint=training.fingerprint)
                since, saved = 0, time.monotonic()
            if stopping():
                raise KeyboardInterrupt
    return losses


@contextmanager
def _ctrl_c_between_steps() -> Iterator[Callable[[], bool]]:
    """Whether somebody has pressed Ctrl-C: the first time the step is finished and kept, the second ends it."""
    before, pressed = signal.getsignal(signal.SIGINT), False

    def note(number: int, frame: Any) -> None:
        nonlocal pressed
        if pressed and callable(before):
            before(number, frame)
        pressed = True
        if os.isatty(2):
            os.write(2, b"\nStops after this step, which is kept; Ctrl-C again stops now\n")

    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: False  # a notebook's thread, or Ctrl-C is ignored
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


def loss_line(step: int, tokens: int, loss: float) -> str:
    """A line of losses.jsonl."""
    return json.dumps({"step": step, "tokens": tokens, "loss": round(loss, 7)}) + "\n"


def numbers_of(row: dict[str, Any]) -> dict[str, float]:
    """What transformers logged at a step, as trackers are told: "train/loss", "train/grad_norm", ..."""
    return {f"train/{name}": value for name, value in row.items() if isinstance(value, int | float) and name != "step"}
