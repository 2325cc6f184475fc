r"""Grades: finds the answer in an attempt and compares it with the expected one.

`slipstick.grade` is both this module and the function in it, so the package imports it eagerly; everything heavier than
the standard library is therefore imported inside the functions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slipstick.equivalence.verdicts import Answer
    from slipstick.schema import Problem, Solution, Verdict

    _Row = tuple[str, str | list[str], str | None]


def grade(
    attempt: Solution | Answer | Sequence[dict[str, Any]],
    problem_or_expected: Problem | Answer | Sequence[Answer] | None,
    *,
    kind: str | None = None,
    profile: str = "slipstick",
) -> Verdict:
    """Whether an attempt ends in the correct answer.

    The attempt is a Solution, a model's whole output, or chat messages, of which the last assistant message counts.
    It is compared with a Problem's answer, with an answer (a text or a number), or with several acceptable ones; with
    None it is undecided. Raises UserError for a profile that does not exist, and for an attempt or answer of no such
    type.
    """
    from slipstick.equivalence import check_profile, compare
    from slipstick.equivalence.verdicts import answer_text, expected_texts
    from slipstick.schema import Problem, Solution

    check_profile(profile)
    if not isinstance(attempt, Solution | list | tuple):
        attempt = answer_text(attempt, "attempt", wanted="a text, a Solution or a list of messages")
    if isinstance(problem_or_expected, Problem):
        problem = problem_or_expected
    else:
        asked = last_message(attempt, role="user") if isinstance(attempt, list | tuple) else ""
        expected = None if problem_or_expected is None else expected_texts(problem_or_expected)
        problem = Problem(id="", text=asked, answer=expected)
    expected, choices, kind = problem.answer, _options(problem, profile), kind or problem.kind
    row = _row(
        _answer(attempt, _asked(attempt, kind, expected, choices), choices, profile), expected, choices, kind, profile
    )
    if not isinstance(row, tuple):
        return _doubt(row, attempt, "", problem, profile)
    verdict = _tolerate(compare(row[0], row[1], kind=row[2], profile=profile), row[0], problem, profile)
    verdict = _in_order(_doubt(verdict, attempt, row[0], problem, profile), row[0], problem, profile)
    return _refuse_question(verdict, row[0], problem, profile)


def grade_solutions(
    solutions: Iterable[Solution],
    problems: Iterable[Problem],
    *,
    profile: str = "slipstick",
    workers: int | None = None,
) -> Iterator[Solution]:
    """The solutions, in their order, with `answer` (kept if it is set) and `verdict`; a stream, memory stays flat.

    A solution without an answer is `no_answer`; one whose problem is not there or has no known answer is `undecided`.
    `workers` processes share what needs computer algebra. Raises UserError for a profile that does not exist.
    """
    from slipstick.equivalence import check_profile, compare_stream

    check_profile(profile)
    known = {problem.id: problem for problem in problems}
    begun: deque[tuple[Solution, Verdict | None]] = deque()

    def rows() -> Iterator[_Row]:
        for solution in solutions:
            problem = known.get(solution.problem_id)
            kind = problem.kind if problem else None
            choices = _options(problem, profile)
            asked = _asked(solution, kind, problem.answer if problem else None, choices)
            answer = _answer(solution, asked, choices, profile)
            row = _row(answer, problem.answer if problem else None, choices, kind, profile)
            answered = solution.model_copy(update={"answer": answer})
            begun.append((answered, None if isinstance(row, tuple) else _doubt(row, answered, "", problem, profile)))
            if isinstance(row, tuple):
                yield row

    for verdict in compare_stream(rows(), workers=workers, profile=profile):
        while begun[0][1] is not None:
            yield _graded(*begun.popleft())
        solution = begun.popleft()[0]
        problem = known.get(solution.problem_id)
        answer = solution.answer or ""
        doubted = _doubt(_tolerate(verdict, answer, problem, profile), solution, answer, problem, profile)
        ordered = _in_order(doubted, answer, problem, profile)
        yield _graded(solution, _refuse_question(ordered, answer, problem, profile))
    while begun:
        yield _graded(*begun.popleft())


def _asked(
    attempt: Solution | str | Sequence[dict[str, Any]],
    kind: str | None,
    expected: str | list[str] | None,
    choices: list[str] | None,
) -> str | None:
    """The kind that is asked for; if nothing says it, "choice" for a gold A to F beside words that name an option."""
    from slipstick.answers.options import names_option
    from slipstick.golds import asked_kind
    from slipstick.schema import Solution

    asked = asked_kind(kind, expected, choices)
    if asked is not None or not isinstance(expected, str) or expected.strip(" ().*") not in tuple("ABCDEF"):
        return asked
    programs = isinstance(attempt, Solution) and any(block.type != "text" for block in attempt.blocks)
    return "choice" if not programs and names_option(_said(attempt)) else None


def _tolerate(verdict: Verdict, answer: str, problem: Problem | None, profile: str) -> Verdict:
    """The verdict, correct if the answer is within the tolerance that the problem states; not for published graders."""
    from slipstick.equivalence.profiles import PUBLISHED
    from slipstick.equivalence.tolerance import read_tolerance, with_tolerance
    from slipstick.equivalence.verdicts import acceptable_answers

    if problem is None or "tolerance" not in problem.metadata or problem.choices or profile in PUBLISHED:
        return verdict
    tolerance = read_tolerance(problem.metadata["tolerance"])
    return with_tolerance(verdict, answer, acceptable_answers(problem.answer or []), tolerance)


def _doubt(
    verdict: Verdict,
    attempt: Solution | str | Sequence[dict[str, Any]],
    answer: str,
    problem: Problem | None,
    profile: str,
) -> Verdict:
    """The verdict, undecided if words mark no answer and leave open which one they mean (policy `guess`)."""
    from slipstick.answers import find_conclusion
    from slipstick.equivalence import as_letter
    from slipstick.equivalence.policies import policy_of
    from slipstick.equivalence.profiles import PUBLISHED
    from slipstick.equivalence.unmarked import leaves_open
    from slipstick.equivalence.verdicts import acceptable_answers
    from slipstick.golds import asked_kind
    from slipstick.schema import Solution

    if verdict.outcome == "undecided" or problem is None or profile in PUBLISHED:
        return verdict
    policy, words = policy_of(profile), _said(attempt)
    if policy.guess != "undecided":
        return verdict
    if isinstance(attempt, Solution) and any(block.type != "text" for block in attempt.blocks):
        return verdict
    kind = asked_kind(problem.kind, problem.answer, problem.choices)
    conclusion = find_conclusion(words, kind=kind)
    if conclusion is None or conclusion.taken != answer:
        return verdict
    golds, others = acceptable_answers(problem.answer or []), []
    if choices := problem.choices:
        letters = {as_letter(gold, choices, profile=profile) for gold in golds}
        golds = [choice for place, choice in enumerate(choices) if chr(ord("A") + place) in letters]
        others = [choice for choice in choices if choice not in golds]
    reason = leaves_open(conclusion, golds, others, decided=verdict.outcome, policy=policy)
    if reason is None:
        return verdict
    update = {"outcome": "undecided", "method": "text", "reason": f"{reason} ({policy.setting('guess')})"}
    return verdict.model_copy(update=update)


def _in_order(verdict: Verdict, answer: str, problem: Problem | None, profile: str) -> Verdict:
    """The verdict; if the question asks for an order, a list is correct in the gold's alone, and so is a < b < c."""
    from slipstick.equivalence.order import asks_for_order, in_order, is_chain
    from slipstick.equivalence.policies import policy_of
    from slipstick.equivalence.profiles import PUBLISHED
    from slipstick.equivalence.verdicts import acceptable_answers

    if problem is None or not problem.text or problem.choices or problem.kind == "choice" or profile in PUBLISHED:
        return verdict
    golds = acceptable_answers(problem.answer or [])
    if not asks_for_order(problem.text) or not (verdict.outcome == "correct" or any(map(is_chain, (answer, *golds)))):
        return verdict
    right = in_order(answer, golds, policy=policy_of(profile))
    if right is None or right == (verdict.outcome == "correct"):
        return verdict
    outcome, reason = ("correct", "the same items in order") if right else ("incorrect", "not in the order asked for")
    return verdict.model_copy(update={"outcome": outcome, "method": "structure", "reason": reason})


def _refuse_question(verdict: Verdict, answer: str, problem: Problem | None, profile: str) -> Verdict:
    """The verdict, incorrect if the answer is only a formula of the question given back (policy `question`)."""
    from slipstick.equivalence.policies import policy_of
    from slipstick.equivalence.profiles import PUBLISHED
    from slipstick.equivalence.question import is_given_back
    from slipstick.equivalence.verdicts import acceptable_answers

    if verdict.outcome != "correct" or not problem or not problem.text or problem.choices or problem.kind == "choice":
        return verdict
    if profile in PUBLISHED or (policy := policy_of(profile)).question == "correct":
        return verdict
    golds, reordered = acceptable_answers(problem.answer or []), policy.question == "reordered"
    if not is_given_back(answer, golds, problem.text, reordered=reordered):
        return verdict
    reason = f"a formula of the question given back ({policy.setting('question')})"
    return verdict.model_copy(update={"outcome": "incorrect", "method": "text", "reason": reason})


def _graded(solution: Solution, verdict: Verdict | None) -> Solution:
    return solution.model_copy(update={"verdict": verdict})


def answer_in(attempt: Solution | str | Sequence[dict[str, Any]], kind: str | None, profile: str) -> str | None:
    """The final answer of an attempt by a profile's rules, None if it gives none; a solution's own if it has one."""
    from slipstick.answers import answer_of, final_answer
    from slipstick.equivalence.policies import policy_of
    from slipstick.equivalence.profiles import PUBLISHED, find_by
    from slipstick.schema import Solution

    policy = None if profile in PUBLISHED else policy_of(profile)
    guess = policy is None or policy.guess != "none"
    if isinstance(attempt, Solution):
        words = _said(attempt)
        if attempt.answer is not None and ((policy and guess) or not attempt.blocks):
            answer: str | None = attempt.answer
        elif policy:
            answer = answer_of(attempt.blocks, kind=kind, guess=guess)
        else:
            answer = find_by(profile, attempt.blocks, kind=kind)
    else:
        words = _said(attempt)
        answer = final_answer(words, kind=kind, guess=guess) if policy else find_by(profile, words, kind=kind)
    return _listed(words, answer) if policy and policy.several == "incorrect" and kind == "number" else answer


def _answer(
    attempt: Solution | str | Sequence[dict[str, Any]], kind: str | None, choices: list[str] | None, profile: str
) -> str | None:
    """As `answer_in`; words that name no letter, or an A that may be the article, give the option that they are."""
    from slipstick.equivalence import as_letter
    from slipstick.schema import Solution
    from slipstick.thoughts import split_thoughts

    answer = answer_in(attempt, kind, profile)
    if not choices or answer not in (None, "A"):
        return answer
    blocks = attempt.blocks if isinstance(attempt, Solution) else []
    thoughts = split_thoughts(_said(attempt))
    words = thoughts.said.strip()
    if not thoughts.finished or any(block.type != "text" for block in blocks):
        return answer
    ends = answer_in(words, None, profile)
    if answer == "A":
        return ends if ends and " " in ends and any(one.endswith(ends) for one in choices) else answer
    said = (words if len(words) <= _OPTION else None, ends, answer_in(words, "text", profile))
    return next((one for one in said if one and as_letter(one, choices, profile=profile, by_letter=False)), None)


_OPTION = 200
"""Characters of a text that may be nothing but the text of an option."""


def _listed(words: str, answer: str | None) -> str | None:
    """The answer, or all of the listed boxes of which it is the first; the policy `several` makes them no number."""
    from slipstick.answers import find_answer

    if answer is None or words.count("box") < 2:
        return answer
    found, listed = find_answer(words, kind="number"), find_answer(words, kind="list")
    boxes = found and listed and found.rule == listed.rule == "boxed" and found.text == answer
    return listed.text if boxes and listed else answer


def _said(attempt: Solution | str | Sequence[dict[str, Any]]) -> str:
    """The words of an attempt, without programs and outputs."""
    from slipstick.schema import Solution

    if isinstance(attempt, Solution):
        return "".join(block.text for block in attempt.blocks if block.type == "text")
    return attempt if isinstance(attempt, str) else last_message(attempt)


def last_message(messages: Sequence[dict[str, Any]], *, role: str = "assistant") -> str:
    """The text of the last message of the assistant, or of another role; "" if it has none."""
    said = [message.get("content") for message in messages if message.get("role") == role]
    return _text(said[-1]) if said else ""


def _text(content: Any) -> str:
    """The text of a message's content, which chat APIs give as a string, as parts, or as None with tool calls."""
    if isinstance(content, list):
        parts = (part for part in content if isinstance(part, dict) and part.get("type", "text") in _PARTS)
        return "".join(str(part.get("text") or "") for part in parts)
    return str(content or "")


_PARTS = ("text", "output_text", "input_text")
"""Parts of a message that are said; others are thoughts, pictures, calls."""


def _options(problem: Problem | None, profile: str) -> list[str] | None:
    """The options of a choice problem; published graders do not look at them."""
    from slipstick.equivalence.profiles import PUBLISHED

    return problem.choices if problem and profile not in PUBLISHED else None


def _row(
    answer: str | None, expected: str | list[str] | None, choices: list[str] | None, kind: str | None, profile: str
) -> Verdict | _Row:
    """What is to be compared, or the verdict if nothing is."""
    from slipstick.equivalence import as_letter
    from slipstick.equivalence.verdicts import acceptable_answers
    from slipstick.golds import placeholder
    from slipstick.schema import Verdict

    if not expected:
        return Verdict(outcome="undecided", method="none", reason="the problem has no known answer")
    acceptable = acceptable_answers(expected)
    if not (answer or "").strip():
        if any(placeholder(one, kind) is None for one in acceptable):
            reason = "the attempt gives no answer"
            return Verdict(outcome="no_answer", method="none", expected=acceptable[0], reason=reason)
        answer = ""  # compared, because the verdict says what is missing
    answer = str(answer)
    if choices:
        letters = [as_letter(one, choices, profile=profile) for one in acceptable]
        letter = as_letter(answer, choices, profile=profile)
        if letter and all(letters):
            return letter, [str(one) for one in letters], "choice"
    return answer, expected, kind
