"""The settings of sampling."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from slipstick.edges import read_text
from slipstick.recipe import exists, placed
from slipstick.schema import Record


def _names_a_file(value: str) -> bool:
    return "\n" not in value and Path(value).suffix in (".txt", ".md")


def _found(value: str | None) -> str | None:
    """A setting that is a text or a file, a file by its absolute path. Raises ValueError for a file there is not."""
    if value and _names_a_file(value):
        if not placed(value).is_file():
            raise ValueError("there is no such file; write the text itself, or the name of a file with it")
        return str(placed(value))
    return value


def _placed(value: str | None) -> str | None:
    """A file or folder by its absolute path; any other source as it is."""
    return str(placed(value)) if value and exists(placed(value)) else value


class SolveSettings(Record):
    """Settings of sampling."""

    num_samples: int = Field(default=1, ge=1, le=100_000)
    """Solutions of one problem in one format; with `consistency_threshold` the most there can be."""
    consistency_threshold: float | None = Field(default=None, gt=0.5, lt=1)
    """Stop sampling a problem once its majority answer is final with this probability (adaptive consistency).
    None takes all samples."""
    temperature: float = Field(default=0.0, ge=0, le=100)
    """0 takes the likeliest token."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Share of probability that tokens are sampled from."""
    max_tokens: int = Field(default=1024, ge=1)
    """Most new tokens of one turn."""
    seed: int = 0
    """Sample k uses seed + k."""
    num_fewshot: int | None = Field(default=None, ge=0, le=1_000)
    """Demonstrations shown in each prompt; None leaves it to the format, with `shots_from` it is 5."""
    shots_from: Annotated[str | None, AfterValidator(_placed)] = None
    """Where demonstrations come from instead of the format: problems with worked solutions ("gsm8k:train", a file), or
    the folder of a run with correct solutions in the format. Which ones depends on `seed`; never the problem itself."""
    system: Annotated[str | None, AfterValidator(_found)] = None
    """The system message instead of the format's, or a file (.txt, .md) with it. A prompt for a model that continues a
    text (completions, `hf` in a format's own or an Alpaca template) begins with it; "" leaves the message out."""
    stop: list[str] = Field(default_factory=list)
    """Strings that end an answer, in addition to those of the format."""
    max_turns: int = Field(default=8, ge=1, le=1_000)
    """Most code blocks that are run in one solution; MARIO used 5 for its data and 8 in its code."""
    hybrid_choice: Literal["pot", "cot"] = "pot"
    """What hybrid tries first for choice questions: MAmmoTH's first version tried "cot", its later ones "pot"."""
    closest_option: bool = False
    """Whether the model is asked once more if its answer is none of a choice question's options (MAmmoTH)."""
    return_token_ids: bool = False
    """Whether solutions keep the token ids of every turn, so that training takes them as generated; for `hf`."""
    max_concurrent_solutions: int = Field(default=512, ge=1, le=100_000)
    """Solutions that run at one time; with `mode = "batch"` 50,000 unless this is set."""
    max_cost: float | None = Field(default=None, gt=0)
    """Budget in US dollars; no solution is begun that would exceed it."""

    def system_text(self) -> str | None:
        """What `system` says; None if it says nothing."""
        if self.system and _names_a_file(self.system):
            return read_text(self.system).strip()
        return self.system
