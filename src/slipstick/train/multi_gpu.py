"""Training on several GPUs: files for `accelerate launch`, the command, and its start if this machine has them all.

What each process runs is worker_main.py, which reads the job from the folder that is written here.
"""

import json
import shlex
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from slipstick.errors import UserError
from slipstick.models.hf import quietly
from slipstick.store import write_atomically
from slipstick.train.build import trainer_of
from slipstick.train.checkpoints import remove_checkpoints
from slipstick.train.examples import Examples
from slipstick.train.result import FitResult
from slipstick.train.run import Training
from slipstick.train.settings import TrainSettings
from slipstick.train.trl import write_rows

_DONE = "trained.json"


def fit_with_processes(examples: Examples, tokenizer: Any, *, settings: TrainSettings, training: Training) -> FitResult:
    """Trains by processes of their own and gives what they did.

    If this machine lacks some of the GPUs, writes everything and raises UserError that says what to run where; call it
    again afterwards. Raises UserError if a process fails; the next call resumes.
    """
    out, job = training.out, training.out / "job"
    mark = job / "fingerprint"
    if not mark.is_file() or mark.read_text("utf-8") != training.fingerprint:
        _write_job(examples, tokenizer, settings, out)
        write_atomically(mark, training.fingerprint)
    if not (job / _DONE).is_file():
        _run(settings, out)
    if not (job / _DONE).is_file():
        raise UserError(f"the training processes wrote no weights to {out}; see their last lines above")
    done = FitResult.model_validate_json((job / _DONE).read_bytes())
    shutil.rmtree(job)
    return done


def _write_job(examples: Examples, tokenizer: Any, settings: TrainSettings, out: Path) -> None:
    """Writes out/job (settings, encoded examples, tokenizer), out/accelerate.json and out/launch.sh."""
    job = out / "job"
    shutil.rmtree(job, ignore_errors=True)
    remove_checkpoints(out)
    job.mkdir(parents=True)
    kept = settings.model_dump_json(include=set(TrainSettings.model_fields), indent=2)
    write_atomically(job / "settings.json", kept)
    write_rows(examples, settings, job)
    with quietly():
        tokenizer.save_pretrained(job / "tokenizer")
    write_atomically(out / "accelerate.json", json.dumps(accelerate_config(settings), indent=2))
    write_atomically(out / "launch.sh", _script(_command(out), settings))


def _command(out: Path) -> list[str]:
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(out / "accelerate.json")]
    return [*launch, "-m", "slipstick.train.worker_main", str(out)]


def accelerate_config(settings: TrainSettings) -> dict[str, Any]:
    """What `accelerate launch --config_file` reads: the strategy's file (fsdp2.json, zero3.json) with this run's sizes.

    Another machine may train: only what the settings say counts, not what this one has.
    """
    text = files(__package__).joinpath(f"{settings.parallel}.json").read_text("utf-8")
    config: dict[str, Any] = json.loads(text)
    config |= {
        "num_processes": settings.num_gpus,
        "num_machines": settings.num_nodes,
        "mixed_precision": "bf16" if settings.uses_bf16(settings.device) else "no",
        "use_cpu": settings.device == "cpu",
    }
    if settings.num_nodes == 1:
        config["main_process_port"] = 0  # any that is free
    return config


def is_launched(settings: TrainSettings) -> bool:
    """Whether a training is launched as processes of its own."""
    return settings.parallel != "none" and trainer_of(settings) == "trl"


def is_elsewhere(settings: TrainSettings) -> bool:
    """Whether a training has to be launched by hand, as this machine lacks some of its GPUs."""
    import torch

    all_here = settings.device == "cpu" or torch.cuda.device_count() >= settings.num_gpus
    return is_launched(settings) and (settings.num_nodes > 1 or not all_here)


def _run(settings: TrainSettings, out: Path) -> None:
    if is_elsewhere(settings):
        raise UserError(
            f"this run needs {settings.num_gpus} GPUs in {settings.num_nodes} machine(s), which are not all here. "
            f"Its files are written: run `sh {out / 'launch.sh'}` on each machine (its first lines say how), then this "
            "command once more with --resume"
        )
    ended = subprocess.run(_command(out), check=False)
    if ended.returncode and not (out / "job" / _DONE).is_file():  # once it is there, an unclean end changes nothing
        raise UserError(
            f"the training processes ended with exit code {ended.returncode}; see their last lines above. The same "
            "command with --resume continues from the last checkpoint"
        )


def _script(command: list[str], settings: TrainSettings) -> str:
    line = shlex.join(command)
    if settings.num_nodes == 1:
        return f"{line}\n"
    where = "--machine_rank ${RANK:?} --main_process_ip ${FIRST:?} --main_process_port ${PORT:-29500}"
    head, _, tail = line.partition(" -m slipstick.train.worker_main")
    return (
        "# On every machine, this folder at the same path: RANK=0, 1, ... and FIRST=address of machine 0 in the\n"
        f"# environment, then: sh launch.sh\n{head} {where} -m slipstick.train.worker_main{tail}\n"
    )
