"""Verdicts on a batch of completions, as every trainer's reward function asks for them.

Two verdicts are given when this is imported, so that what the next ones need is loaded by then: a trainer that forks
while another thread is in the middle of an import would leave the child waiting for that import for ever.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from slipstick.equivalence.policies import REWARDS
from slipstick.golds import read_gold
from slipstick.grade import grade_solutions, last_message
from slipstick.schema import Kind, Problem, Solution, Text, Verdict

Completion = str | Sequence[dict[str, Any]]
# Turns of a decoded dialogue: ChatML, Llama 3 and Gemma with their special tokens, ChatML with the tokens left out.
_TURN = re.compile(
    r"(?:<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>)(\w+)(?:<\|end_header_id\|>)?\n"
    r"|(?m:^)(assistant|user|tool)\n"
)
_ASSISTANT = ("assistant", "model")
_SPECIAL = re.compile(r"<\|[^|<>\n]{1,40}\|>|</?s>|<(?:bos|eos|pad|end_of_turn)>")


class Judged(NamedTuple):
    """A completion's answer and the verdict on it."""

    answer: str | None
    """None if the completion gives none."""
    verdict: Verdict
    """The verdict."""

    @property
    def reward(self) -> float | None:
        """1.0 for a correct answer, 0.0 for an incorrect one and for none, None if undecided."""
        outcome = self.verdict.outcome
        return None if outcome == "undecided" else float(outcome == "correct")


def judge(
    completions: Iterable[Completion],
    expected: Iterable[Any],
    *,
    kind: Kind | None = None,
    profile: str = REWARDS,
    workers: int | None = None,
) -> list[Judged]:
    """The verdicts on completions, in their order: texts, or chat messages of which the last of the assistant counts.

    expected: what `read_gold` reads, one for each completion; without one the verdict is undecided. `workers` processes
    share what needs computer algebra; a comparison that exceeds its deadline is undecided and delays no other.
    Raises ValueError if there are more or fewer expected answers, UserError for a profile that does not exist.
    """
    problems, solutions = [], []
    for number, (completion, gold) in enumerate(zip(completions, expected, strict=True)):
        text = completion if isinstance(completion, str) else last_message(completion)
        name = str(number)
        problems.append(Problem(id=name, text="", answer=read_gold(gold), kind=kind))
        solutions.append(Solution(id=name, problem_id=name, format="cot", blocks=[Text(text=text)]))
    graded = grade_solutions(solutions, problems, profile=profile, workers=workers)
    return [Judged(solution.answer, solution.verdict) for solution in graded if solution.verdict]


def last_turn(text: str) -> str:
    """What the assistant said last in a decoded dialogue that begins in its turn; special tokens are left out."""
    role, start, said = "assistant", 0, ""
    for turn in _TURN.finditer(text):
        if role in _ASSISTANT:
            said = text[start : turn.start()]
        role, start = turn[turn.lastindex or 0], turn.end()
    if role in _ASSISTANT:
        said = text[start:]
    return _SPECIAL.sub("", said).strip()
