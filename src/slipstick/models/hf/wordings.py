"""The several wordings of MAmmoTH's prompt, drawn by a seed."""

from __future__ import annotations

import random
import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

from slipstick.errors import InputError
from slipstick.formats import Format


def with_wording(format: Format, key: str, *, draw: Literal["one", "run", "example"], seed: int) -> Format:
    """The format with its prompt in one of the wordings: the first, the run's, or the one drawn for `key`.

    Raises InputError for a format whose prompt is not MAmmoTH's own.
    """
    known = wordings()
    if format.template != known[0]:
        raise InputError(
            f'format `{format.name}` has a prompt of its own, so template = "alpaca" cannot lay it out: '
            'set template = "format"'
        )
    if draw == "one":
        return format
    chance = random.Random(f"{seed}/{key}" if draw == "example" else str(seed))
    return format.model_copy(update={"template": chance.choice(known)})


@cache
def wordings() -> tuple[str, ...]:
    """The twelve prompts, the one that evaluation uses first."""
    data = tomllib.loads(files("slipstick.models.hf").joinpath("wordings.toml").read_text("utf-8"))
    return tuple(
        data["frame"].replace("{opening}", opening).replace("{header}", header)
        for header in data["headers"]
        for opening in data["openings"]
    )
