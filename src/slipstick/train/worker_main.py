"""What each process of a training on several GPUs runs: `python -m slipstick.train.worker_main FOLDER`."""

import os
import sys
from functools import partial
from pathlib import Path

from slipstick.models.hf import quietly
from slipstick.store import write_atomically
from slipstick.train.build import check_packages, start_model
from slipstick.train.run import Training
from slipstick.train.settings import TrainSettings
from slipstick.train.trl import fit_with_trl, read_rows


def main(folder: Path) -> None:
    """Trains the job in the folder; the first process writes the weights into it."""
    from transformers import AutoTokenizer

    job = folder / "job"
    settings = TrainSettings.model_validate_json((job / "settings.json").read_bytes())
    check_packages(settings)
    with quietly():
        tokenizer = AutoTokenizer.from_pretrained(job / "tokenizer")
    trained = fit_with_trl(
        partial(start_model, settings, tokenizer),
        tokenizer,
        read_rows(job),
        settings=settings,
        training=Training(folder, (job / "fingerprint").read_text("utf-8")),
    )
    if os.environ.get("RANK", "0") == "0":
        write_atomically(job / "trained.json", trained.model_dump_json())
    _leave_together()


def _leave_together() -> None:
    """Waits for the others and ends the group: a process that exits while its group lives may abort."""
    import torch.distributed

    if torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
