"""Settings of curation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from slipstick.curate.contamination import OverlapKind
from slipstick.recipe import ONE_OR_MORE, Names
from slipstick.schema import Record

DuplicateScope = Literal["solutions", "questions"]
STRICT: tuple[OverlapKind, ...] = ("exact", "13-gram", "8-gram")
SOLUTIONS: tuple[DuplicateScope, ...] = ("solutions",)
Share = Annotated[float, Field(gt=0, le=1)]


class LicenceFilter(Record):
    """Which licences may stay; patterns with `*`, case ignored."""

    allow: list[str] = Field(default_factory=list)
    """Only these stay, if any are named: ["MIT", "Apache-2.0", "CC-BY-4.0"]."""
    deny: list[str] = Field(default_factory=list)
    """These are dropped: ["*NC*"]."""
    unknown: Literal["keep", "drop"] = "keep"
    """What happens to problems that state no licence."""


class CurateSettings(Record):
    """Settings of curation: its rules, in the order in which they are applied."""

    licences: LicenceFilter = Field(default_factory=LicenceFilter)
    """Filter by the licence of the problem: {deny = ["*NC*"], unknown = "drop"}."""
    language: Names = Field(default_factory=list)
    """Languages that stay, as two letters: ["en"]; an empty list keeps all."""
    decontaminate_against: Names = Field(default_factory=list)
    """Evaluation sets whose questions must not be trained on: ["gsm8k:test", "my-test.jsonl"]; "catalogue" names all
    of the catalogue."""
    contamination_rules: Annotated[list[OverlapKind], ONE_OR_MORE] = Field(default_factory=lambda: list(STRICT))
    """Kinds of overlap with them for which a problem is dropped; other kinds are only reported."""
    unverified: Names = Field(default_factory=list)
    """Sources, or "*" for all, whose solutions stay without a verdict if the problem has no gold."""
    allow_hardcoded_answers: bool = False
    """Whether programs stay that print a literal answer instead of computing it."""
    require_code: Names = Field(default_factory=lambda: ["pot", "tir"])
    """Formats whose solutions are dropped if no code of theirs was run: a `tir` in words alone is no interleaved row;
    an empty list keeps all."""
    min_solution_tokens: int | None = Field(default=None, ge=0)
    """Fewest tokens of a solution."""
    max_solution_tokens: int | None = Field(default=None, ge=1)
    """Most tokens of a solution."""
    min_characters: int | None = Field(default=None, ge=0)
    """Fewest characters of a solution."""
    max_characters: int | None = Field(default=None, ge=1)
    """Most characters of a solution."""
    tokenizer: str | None = None
    """Folder or `tokenizer.json` of the tokenizer that counts tokens; None counts words, digits and signs."""
    rerun_programs: bool = True
    """Whether every program is run again and has to print what is recorded."""
    duplicates: Annotated[list[DuplicateScope], ONE_OR_MORE] = Field(default_factory=lambda: list(SOLUTIONS))
    """What is compared exactly, spacing and case aside: solutions of one question in one format, or questions."""
    near_duplicates: dict[DuplicateScope, Share] = Field(default_factory=lambda: dict.fromkeys(SOLUTIONS, 0.9))
    """What is compared by runs of three words -> least Jaccard similarity at which the later one is dropped; texts with
    different numbers are never near duplicates."""
    max_solutions_per_problem: int | None = Field(default=None, ge=1)
    """Most solutions of one question (problems with the same text are one), taken from its formats in turn."""
    mix: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """Source or format -> weight: {gsm8k = 1, math = 2}; what is not named is dropped."""
    mix_by: Literal["source", "format"] = "source"
    """What the keys of `mix` name."""
    max_rows: int | None = Field(default=None, ge=1)
    """Most solutions in all."""
    splits: dict[str, Share] = Field(default_factory=dict)
    """Split -> share of the questions, from each source alike: {train = 0.98, valid = 0.02}."""
    seed: int = 0
    """Seed of what `mix`, `max_rows` and `splits` sample, and of programs that are run again."""

    @model_validator(mode="after")
    def _shares_add_up(self) -> CurateSettings:
        if self.splits and abs(sum(self.splits.values()) - 1) > 1e-6:
            raise ValueError(f"splits: the shares sum to {sum(self.splits.values()):g}; they must sum to 1")
        if self.mix and not any(self.mix.values()):
            raise ValueError("mix: all weights are 0; give at least one a positive weight")
        return self

    def applied_rules(self, *, compared: bool, executed: bool) -> list[str]:
        """The names of the rules that are applied.

        compared: whether there are evaluation sets. executed: whether there is an interpreter.
        """
        limits = (self.min_solution_tokens, self.max_solution_tokens, self.min_characters, self.max_characters)
        applied = {
            "licence": bool(self.licences.allow or self.licences.deny or self.licences.unknown == "drop"),
            "language": bool(self.language),
            "contaminated": compared,
            "verdict": True,
            "hardcoded answer": not self.allow_hardcoded_answers,
            "no code run": bool(self.require_code),
            "length": any(limit is not None for limit in limits),
            "not reproduced": self.rerun_programs and executed,
            "duplicate": bool(self.duplicates),
            "near duplicate": bool(self.near_duplicates),
            "cap": self.max_solutions_per_problem is not None,
            "mix": bool(self.mix or self.max_rows),
        }
        return [name for name, is_applied in applied.items() if is_applied]
