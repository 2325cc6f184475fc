"""What every process of a training on several GPUs runs: `python -m slipstick.train.ranks FOLDER`, by accelerate."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from slipstick.encode import Encoded
from slipstick.models.hf import quietly
from slipstick.store import write_atomically
from slipstick.train import fit_here
from slipstick.train.examples import Examples
from slipstick.train.settings import TrainSettings


def main(folder: Path) -> None:
    """Trains the job that the folder holds; the first process writes the weights into it."""
    from transformers import AutoTokenizer

    job = folder / "job"
    settings = TrainSettings.model_validate_json((job / "settings.json").read_bytes())
    rows = [json.loads(line) for line in (job / "examples.jsonl").read_text("utf-8").splitlines()]
    counts = json.loads((job / "counts.json").read_text("utf-8"))
    examples = Examples([Encoded(ids, labels) for ids, labels, _ in rows], [group for *_, group in rows], **counts)
    with quietly():
        tokenizer = AutoTokenizer.from_pretrained(job / "tokenizer")
    fingerprint = (job / "fingerprint").read_text("utf-8")
    trained = fit_here(examples, tokenizer, settings=settings, out=folder, fingerprint=fingerprint)
    if os.environ.get("RANK", "0") == "0":
        write_atomically(job / "trained.json", trained.model_dump_json())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
