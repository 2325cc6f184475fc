"""The records that cross module boundaries or reach disk: frozen, one JSON line each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["number", "latex", "choice", "text", "list"]
Status = Literal["ok", "error", "timeout", "memory", "killed", "sandbox_fault"]
Finish = Literal["stop", "length", "turns", "error"]
Outcome = Literal["correct", "incorrect", "no_answer", "undecided"]

RECORD_FORMAT = 1
"""Counted up by a change after which an earlier version would misread what this one writes."""


class Record(BaseModel):
    """A frozen record; unknown fields are refused, so that a misspelt one is not lost silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, use_attribute_docstrings=True)


class Problem(Record):
    """A question and what is known of its answer."""

    id: str
    """Unique over all runs, "set/split/number": "gsm8k/test/7"."""
    text: str
    """The question as a model gets it, with its choices if it has any."""
    answer: str | list[str] | None = None
    """The gold; a list holds several acceptable golds; None if unknown."""
    kind: Kind | None = None
    """What the answer is; None lets the grader find out."""
    choices: list[str] | None = None
    """The texts of the options in order, without their letters, for kind "choice"."""
    rationale: str | None = None
    """The reference solution in words, if the source has one."""
    licence: str | None = None
    """Licence of the source, as its owner names it."""
    metadata: dict[str, Any] = Field(default_factory=dict)
    """Whatever else the source has: split, subject, level, worked steps."""


class Text(Record):
    """Words a model (or a writer) wrote."""

    type: Literal["text"] = "text"
    """Tells the blocks apart."""
    text: str
    """Exactly as written, white space included."""


class Code(Record):
    """A program, or one step of one, that a model wrote."""

    type: Literal["code"] = "code"
    """Tells the blocks apart."""
    text: str
    """Python source without its fences."""


class Output(Record):
    """What an interpreter answered to the code before it. Only an interpreter makes one."""

    type: Literal["output"] = "output"
    """Tells the blocks apart."""
    text: str
    """What the program printed and the echo of its last expression; the traceback if it failed."""
    status: Status = "ok"
    """How the program ended; `sandbox_fault` is our fault, never the program's."""
    seconds: float = 0.0
    """Wall-clock seconds the program took."""
    cpu_seconds: float = 0.0
    """Processor seconds it took, which other programs of the machine hardly change; 0 if they are not known."""
    images: list[str] = Field(default_factory=list, exclude_if=lambda images: not images)
    """Figures that it showed, as PNG in base64, at most four of 1 MB; written only if there are any."""


Block = Annotated[Text | Code | Output, Field(discriminator="type")]


class Verdict(Record):
    """Whether an answer means the same as the expected one, and why we say so."""

    outcome: Outcome
    """`undecided` is never counted correct and never trained on."""
    method: str
    """The layer of the grader that decided: "text", "number", "choice", "symbolic", ..."""
    expected: str | None = None
    """The gold the answer was compared with (of several, the one that matched)."""
    reason: str = ""
    """One line: why."""


class ImportedPrompt(Record):
    """How an imported dialogue asked for a solution, beside its question."""

    system: str = ""
    """Its system message; "" if it had none."""
    instruction: str = "{question}"
    """The question with the words of the solution's format around it, if it had them."""


class Solution(Record):
    """One attempt at one problem."""

    id: str
    """Problem id, format and sample: "gsm8k/test/7#pot#0"."""
    problem_id: str
    """The problem it answers."""
    sample: int = 0
    """Number of the sample of this problem and format, from 0."""
    format: str
    """Name of the solution's format; "hybrid" for a combination of formats."""
    blocks: list[Block]
    """What was written and what the interpreter answered, in order."""
    finish: Finish = "stop"
    """Why it ended: the model stopped, ran out of tokens, out of turns, or something failed."""
    error: str = ""
    """What went wrong if `finish` is "error"."""
    answer: str | None = None
    """The final answer found in it."""
    verdict: Verdict | None = None
    """None until graded."""
    value: float | None = None
    """A value model's score, higher is better."""
    tokens: int = 0
    """Tokens the model generated, thoughts included."""
    thought_tokens: int = Field(default=0, exclude_if=lambda tokens: not tokens)
    """Of these, those of thoughts: as the model's server counted them, else by their share of the characters; written
    only if there are any."""
    prompt_tokens: int = 0
    """Tokens of all its prompts, if the model counts them."""
    cached_replies: int = Field(default=0, exclude_if=lambda replies: not replies)
    """Turns whose reply was kept from an earlier run, and cost nothing; written only if there are any."""
    cost: float = 0.0
    """US dollars."""
    seconds: float = 0.0
    """Wall-clock seconds from first request to last block."""
    model: str = ""
    """Name of the model or writer."""
    seed: int | None = None
    """Seed of this sample."""
    prompt_hash: str = ""
    """First 12 hex digits of the SHA-256 of the prompt."""
    turn_ids: list[list[int]] = Field(default_factory=list)
    """Token ids of every turn as the model generated them, without the one that ended it, if they were kept."""
    imported_prompt: ImportedPrompt | None = Field(default=None, exclude_if=lambda prompt: prompt is None)
    """How the dialogue asked that it was imported from; None: it was in none. Written only if there is something."""
    previous_attempts: list[Solution] = Field(default_factory=list)
    """The attempts a hybrid solution made before this one."""

    @property
    def failed(self) -> bool:
        """Whether the model's server or the interpreter failed, which says nothing of the model."""
        faults = (block.status == "sandbox_fault" for block in self.blocks if isinstance(block, Output))
        return self.finish == "error" or any(faults)


class Drop(Record):
    """A row that was dropped, with its reason."""

    row: dict[str, Any]
    """The row itself."""
    rule: str
    """Short name of the rule that dropped it."""
    reason: str
    """One line: why."""


class Metric(Record):
    """A number with its interval, its count, and the problems it was measured on."""

    measure: str
    """What was measured: "accuracy", "pass@4", "maj@4", "executed", ... (docs/metrics.md)."""
    format: str = ""
    """Format of the solutions: "pot"; "" if the measure is of no one format."""
    group_by: str = ""
    """What the group is: "set", "split", "average", "subject", "error", ... (docs/metrics.md); "" for all problems."""
    group: str = ""
    """The group that was measured: "gsm8k", "algebra", "NameError"; "" for all problems."""
    value: float
    """Between 0 and 1 for shares."""
    low: float
    """Lower end of the 95 % interval."""
    high: float
    """Upper end of the 95 % interval."""
    n: int
    """Problems it was measured on."""


class Run(Record):
    """A run: enough to repeat it."""

    name: str
    """The run folder's name."""
    verb: str
    """The verb that made it."""
    status: Literal["running", "finished", "stopped", "failed"]
    """`stopped`: ended early by its user; `failed`: by an error."""
    started: datetime
    """When it was started."""
    finished: datetime | None = None
    """When it ended, also by a stop or an error."""
    command: str = ""
    """The command line that started it."""
    directory: str = ""
    """The working folder of that command."""
    recipe: dict[str, Any]
    """Every setting, defaults included."""
    files: list[str] = Field(default_factory=list)
    """Files that only this verb writes, beside those that any run has."""
    inputs: dict[str, str] = Field(default_factory=dict)
    """Path -> SHA-256 of every file that was read."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Python and the packages that matter."""
    record_format: int = RECORD_FORMAT
    """Version of how its records are written; a version of slipstick that knows only earlier ones refuses the run."""
    commit: str | None = None
    """Commit of the source tree, if it is one."""
    counts: dict[str, int] = Field(default_factory=dict)
    """Rows by kind: problems, solutions, correct, dropped."""
    metrics: list[Metric] = Field(default_factory=list)
    """Its numbers."""
