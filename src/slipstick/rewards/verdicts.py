"""Verdicts on a batch of completions, as every trainer's reward function asks for them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from slipstick.equivalence.policies import REWARDS
from slipstick.golds import read_gold
from slipstick.grade import grade_solutions, last_message
from slipstick.schema import Kind, Problem, Solution, Text, Verdict
from slipstick.thoughts import split_thoughts

Completion = str | Sequence[dict[str, Any]] | dict[str, Any] | None
"""A text, or chat messages; None and a message without content say nothing."""
# Turns of a decoded dialogue: ChatML, Llama 3 and Gemma, Phi and GLM, DeepSeek, ChatML with the tokens left out.
_TURN = re.compile(
    r"(?:<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>)(\w+)(?:<\|end_header_id\|>)?\n"
    r"|<\|(user|assistant|system|tool|observation)\|>\n?|<｜(User|Assistant)｜>"
    r"|(?m:^)(system|assistant|user|tool)\n"
)
_ASSISTANT = ("assistant", "model", "Assistant")
_USER = ("user", "User")
_FEW_SHOT = re.compile(r"(?im)^\W{0,4}(?:question|problem|q)\b\W{0,4}:")
_MARKER = re.compile(r"(?:<[^<>\n]{1,40}>|\[[A-Z]{1,20}\]|◁\w{1,20}▷)\s*\Z")
_MOST_PROMPT = 20_000
_SPECIAL = re.compile(r"<\|[^|<>\n]{1,40}\|>|<｜[^｜<>\n]{1,40}｜>|</?s>|<(?:bos|eos|pad|end_of_turn)>")
_SPECIAL_END = re.compile(rf"(?:\s*(?:{_SPECIAL.pattern}))+\s*\Z")


class GradedAnswer(NamedTuple):
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


def grade_completions(
    completions: Iterable[Completion],
    expected: Iterable[Any],
    *,
    prompts: Iterable[Completion] | None = None,
    kind: Kind | None = None,
    profile: str = REWARDS,
    workers: int | None = None,
) -> list[GradedAnswer]:
    """The verdicts on completions, in their order: texts, or chat messages of which the last of the assistant counts.

    expected: what `read_gold` reads, one for each completion; without one the verdict is undecided. prompts: what was
    asked, as texts or chat messages; with it a formula of the question given back is incorrect (policy `question`), and
    thoughts that a prompt opened have to be closed. `workers` processes share what needs computer algebra; a
    comparison that exceeds its deadline is undecided and delays no other.
    Raises ValueError if there are more or fewer expected answers or prompts, UserError for a profile that does not
    exist.
    """
    completions = list(completions)
    asked = [None] * len(completions) if prompts is None else prompts
    problems, solutions = [], []
    for number, (completion, gold, prompt) in enumerate(zip(completions, expected, asked, strict=True)):
        text = _opened(prompt) + _said(completion)
        name = str(number)
        problems.append(Problem(id=name, text=question_of(prompt), answer=read_gold(gold), kind=kind))
        solutions.append(Solution(id=name, problem_id=name, format="cot", blocks=[Text(text=text)]))
    graded = grade_solutions(solutions, problems, profile=profile, workers=workers)
    return [GradedAnswer(solution.answer, solution.verdict) for solution in graded if solution.verdict]


def question_of(prompt: Completion) -> str:
    """The question in a prompt: the last message or turn of the user, of worked examples in one text the last."""
    if not isinstance(prompt, str):
        return _said(prompt, role="user")
    turns = [turn for turn in _turns(prompt[-_MOST_PROMPT:], "") if turn[0] in _USER]
    text = _SPECIAL.sub("", turns[-1][1] if turns else prompt[-_MOST_PROMPT:]).strip()
    examples = list(_FEW_SHOT.finditer(text))
    return text[examples[-1].end() :].strip() if examples else text


def last_turn(text: str) -> str:
    """What the assistant said last in a decoded dialogue that begins in its turn; special tokens are left out."""
    said = [turn for role, turn in _turns(text, "assistant") if role in _ASSISTANT][-1]
    if split_thoughts(said).said != said:  # some markers of thoughts are special tokens
        return _SPECIAL_END.sub("", said).strip()
    return _SPECIAL.sub("", said).strip()


def _turns(text: str, role: str) -> Iterator[tuple[str, str]]:
    """(role, text) of each turn of a decoded dialogue that begins in a turn of `role`."""
    start = 0
    for turn in _TURN.finditer(text):
        yield role, text[start : turn.start()]
        role, start = turn[turn.lastindex or 0], turn.end()
    yield role, text[start:]


def _said(completion: Completion, *, role: str = "assistant") -> str:
    if isinstance(completion, str):
        return completion
    messages = [completion] if isinstance(completion, dict) else completion or []
    return last_message(messages, role=role)


def _opened(prompt: Completion) -> str:
    """The marker of thoughts that a prompt ends in, as some chat templates do, "" if it ends in none."""
    marker = _MARKER.search(prompt[-60:]) if isinstance(prompt, str) else None
    return marker.group() if marker and not split_thoughts(marker.group()).finished else ""
