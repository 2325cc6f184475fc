"""What curation can be told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from slipstick.curate.contamination import How
from slipstick.schema import Record

Compared = Literal["solutions", "questions"]
STRICT: tuple[How, ...] = ("exact", "13-gram", "8-gram")
SOLUTIONS: tuple[Compared, ...] = ("solutions",)
Share = Annotated[float, Field(gt=0, le=1)]
_one_or_more = BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
Names = Annotated[list[str], _one_or_more]
"""One name or a list of names."""


class LicenceFilter(Record):
    """Which licences may stay; patterns with `*`, case ignored."""

    allow: list[str] = Field(default_factory=list)
    """Only these stay, where any are named: ["MIT", "Apache-2.0", "CC-BY-4.0"]."""
    deny: list[str] = Field(default_factory=list)
    """These go: ["*NC*"]."""
    unknown: Literal["keep", "drop"] = "keep"
    """What becomes of problems whose licence nobody states."""


class CurateSettings(Record):
    """The rules of curation, in the order in which they are applied."""

    licences: LicenceFilter = Field(default_factory=LicenceFilter)
    """Filter by the licence of the problem: {deny = ["*NC*"], unknown = "drop"}."""
    language: Names = Field(default_factory=list)
    """Languages that stay, as two letters: ["en"]; none named lets all stay."""
    decontaminate_against: Names = Field(default_factory=list)
    """Evaluation sets whose questions must not be trained on: ["gsm8k:test", "my-test.jsonl"]; "catalogue" names all
    of the catalogue."""
    contamination_rules: Annotated[list[How], _one_or_more] = Field(default_factory=lambda: list(STRICT))
    """Kinds of overlap with them that take a problem out; other kinds are reported and stay."""
    unverified: Names = Field(default_factory=list)
    """Sources, or "*" for all, of which solutions without a verdict stay where the problem has no gold."""
    allow_hardcoded_answers: bool = False
    """Whether programs stay that print a literal answer without computing it."""
    min_solution_tokens: int | None = Field(default=None, ge=0)
    """Fewest tokens of a solution."""
    max_solution_tokens: int | None = Field(default=None, ge=1)
    """Most tokens of a solution."""
    min_characters: int | None = Field(default=None, ge=0)
    """Fewest characters of a solution."""
    max_characters: int | None = Field(default=None, ge=1)
    """Most characters of a solution."""
    tokenizer: str | None = None
    """Folder or `tokenizer.json` by which tokens are counted; None counts words, digits and signs."""
    rerun_programs: bool = True
    """Whether every program is run again and has to say what is recorded."""
    duplicates: Annotated[list[Compared], _one_or_more] = Field(default_factory=lambda: list(SOLUTIONS))
    """What is compared to the letter, spacing and case aside: solutions of one question in one format, or questions."""
    near_duplicates: dict[Compared, Share] = Field(default_factory=lambda: dict.fromkeys(SOLUTIONS, 0.9))
    """What is compared by runs of three words, and from which Jaccard similarity on the later one goes; texts with
    different numbers are never near duplicates."""
    max_solutions_per_problem: int | None = Field(default=None, ge=1)
    """Most solutions of one question, taken from its formats in turn."""
    mix: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """Source or format -> weight: {gsm8k = 1, math = 2}; what is not named goes."""
    mix_by: Literal["source", "format"] = "source"
    """What the keys of `mix` name."""
    max_rows: int | None = Field(default=None, ge=1)
    """Most solutions in all."""
    splits: dict[str, Share] = Field(default_factory=dict)
    """Split -> share of the questions, from each source alike: {train = 0.98, valid = 0.02}."""
    seed: int = 0
    """What is drawn by `mix`, `max_rows` and `splits`."""

    @model_validator(mode="after")
    def _shares_add_up(self) -> CurateSettings:
        if self.splits and abs(sum(self.splits.values()) - 1) > 1e-6:
            raise ValueError(f"splits: the shares add up to {sum(self.splits.values()):g}, not to 1")
        if self.mix and not any(self.mix.values()):
            raise ValueError("mix: all weights are 0")
        return self
