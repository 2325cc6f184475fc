"""An answer that was found: its text, its place and the rule that found it."""

from dataclasses import dataclass

GUESSES = frozenset(("whole", "sentence", "last number", "bold", "formula", "letter", "word"))
"""Rules for a text that marks no answer; "whole" is one that is nothing but an answer."""


@dataclass(frozen=True)
class Found:
    """A final answer and its position: `text[start:end]` of the searched text encloses it."""

    text: str
    start: int
    end: int
    rule: str

    def within(self, text: str, start: int, end: int) -> "Found":
        """A part of this answer, by offsets in its text."""
        return Found(text, self.start + start, self.start + end, self.rule)
