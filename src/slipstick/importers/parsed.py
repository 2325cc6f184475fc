"""What a row of another tool's file parses to: its problem, and the attempts with what the tool recorded of them."""

from typing import Any, Literal, NamedTuple

Scope = Literal["sample", "all", "other"]
"""What a rule's answer is of: the sample it is recorded with, all samples of the problem together, another sample."""


class ParsedAttempt(NamedTuple):
    """One attempt of a row and how its tool graded it."""

    text: str | None
    """The whole output; None if the file keeps only the answer."""
    answer: str | None
    """The answer the tool found, "" if it found none; None if the file does not say."""
    verdicts: dict[str, bool]
    """Name of a verdict -> whether it is "correct"."""
    rule: str = ""
    """Name of the rule that found the answer, if the tool has several."""
    program: str | None = None
    """The program, if the text is one whose output the file does not hold."""
    failed: bool = False
    """Whether that program failed."""
    tokens: int = 0
    """Tokens that were generated, 0 if the file does not say."""
    scope: Scope = "sample"
    """What `answer` and `verdicts` are of."""


class ParsedRow(NamedTuple):
    """One row."""

    problem: dict[str, Any]
    """Keys as `problems.files.to_problem` recognises them."""
    attempts: list[ParsedAttempt]
    """The samples, in order."""
    dropped: list[tuple[str, str]] = []  # noqa: RUF012  never changed
    """The place of each sample that ended in an error, and the error."""


def as_text(value: Any) -> str | None:
    """An answer as a row has it: text, a number, or None."""
    return None if value is None else str(value)


def pick(values: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Those of the keys that the row has."""
    return {key: values[key] for key in keys if key in values}
