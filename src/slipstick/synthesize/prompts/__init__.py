"""What a teacher is asked for other than an answer: a TOML file each, whose table `format` is a Format."""

import re
import tomllib
from importlib.resources import files
from typing import Any

from slipstick.formats import Format
from slipstick.schema import Solution, Text
from slipstick.thoughts import split_thoughts

_TAGGED = re.compile(r"<question>(.*?)</question>", re.DOTALL | re.IGNORECASE)
_NUMBERED = re.compile(r"^\s*(?:\*\*)?\d+[.)](?:\*\*)?\s+(.+?)(?=^\s*(?:\*\*)?\d+[.)]|\Z)", re.DOTALL | re.MULTILINE)


def read_prompt(name: str) -> dict[str, Any]:
    """A prompt file of slipstick."""
    return tomllib.loads(files(__name__).joinpath(f"{name}.toml").read_text("utf-8"))


def prompt_format(name: str) -> Format:
    """How a prompt file asks: the name is that of the file."""
    return Format.model_validate({"name": name, "executes": "never", **read_prompt(name)["format"]})


def questions_in(reply: Solution) -> list[str]:
    """The questions of a reply, in order: those between tags, else the items of a numbered list; no thoughts."""
    text = split_thoughts("".join(block.text for block in reply.blocks if isinstance(block, Text))).said
    found = _TAGGED.findall(text) or _NUMBERED.findall(text)
    return [question for each in found if (question := each.strip().removeprefix("<question>").strip())]
