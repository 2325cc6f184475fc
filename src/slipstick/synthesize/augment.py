"""New problems from those there are: in other words, turned round, or with other numbers (the last in variation.py).

MetaMath (Yu et al. 2024) trains on questions that were reworded by a model and on questions that ask for one of the
given numbers. A new problem's id is its parent's with the kind and a count: "gsm8k/train/7~rephrase~0".
"""

import random
import re
from typing import Literal

from pydantic import Field

from slipstick.equivalence.verdicts import acceptable_answers
from slipstick.schema import Drop, Problem, Record, Solution
from slipstick.synthesize.novelty import rouge_l, words
from slipstick.synthesize.numerals import Numeral, in_digits, in_words, once
from slipstick.synthesize.prompts import questions_in, read_prompt
from slipstick.synthesize.self_instruct import written_by
from slipstick.synthesize.writing import worked_steps

Kind = Literal["rephrase", "backward", "vary"]
_UNKNOWNS = ("x", "y", "n", "k", "m", "t", "z", "w")
_SAME = 0.98  # ROUGE-L from which a rewording is the question itself


class AugmentSettings(Record):
    """Settings of new problems made from those there are."""

    kinds: list[Kind] = Field(default=["rephrase", "backward", "vary"], min_length=1)
    """"rephrase" asks the model; "backward" hides a number and asks for it; "vary" changes the numbers."""
    variants: int = Field(default=1, ge=1, le=1_000)
    """New problems of each kind from one problem."""


def child_id(parent: Problem, kind: Kind, number: int) -> str:
    """'gsm8k/train/7~rephrase~0'."""
    return f"{parent.id}~{kind}~{number}"


def child(
    parent: Problem, kind: Kind, number: int, *, text: str, answer: str | list[str] | None, **about: object
) -> Problem:
    """A new problem that says whose child it is; worked steps and rationale are not handed down."""
    inherited = {key: value for key, value in parent.metadata.items() if key != "steps"}
    return Problem(
        id=child_id(parent, kind, number),
        text=text,
        answer=answer,
        kind=parent.kind,
        choices=parent.choices,
        licence=parent.licence,
        metadata=inherited | {"parent": parent.id, "method": kind} | about,
    )


def refuse(parent: Problem, kind: Kind, number: int, rule: str, reason: str, *, text: str = "") -> Drop:
    """A new problem that did not come about."""
    row = {"id": child_id(parent, kind, number), "text": text, "metadata": {"parent": parent.id, "method": kind}}
    return Drop(row=row, rule=rule, reason=reason)


def rephrased(parent: Problem, reply: Solution) -> Problem | Drop:
    """The problem in the words of a reply; its numbers must be the same, and choices must be there exactly."""
    number = reply.sample
    found = questions_in(reply)
    text = found[0] if found else ""
    fault = _lost_meaning(parent, text, reply)
    if fault:
        return refuse(parent, "rephrase", number, *fault, text=text)
    about = {"validated": False, **written_by(reply)}
    return child(parent, "rephrase", number, text=text, answer=parent.answer, **about)


def turned_round(parent: Problem, number: int, *, seed: int) -> Problem | Drop:
    """The problem with one of its numbers hidden, its answer given, and the number asked for.

    Only a number that occurs once in the text, and if worked steps are known, one that they use.
    """
    golds = acceptable_answers(parent.answer or [])
    if not golds or parent.choices or parent.kind == "choice":
        why = "it is multiple choice" if golds else "its answer is not known"
        return refuse(parent, "backward", number, "cannot be turned round", why)
    candidates = [numeral for numeral in once(parent.text) if _matters(parent, numeral)]
    random.Random(f"{seed}/{parent.id}/backward").shuffle(candidates)
    if number >= len(candidates):
        reason = f"{len(candidates)} of its numbers can be hidden"
        return refuse(parent, "backward", number, "too few numbers", reason)
    hidden = candidates[number]
    letters = {word.lower() for word in re.findall(r"(?<![A-Za-z])[A-Za-z](?![A-Za-z])", parent.text)}
    unknown = next((letter for letter in _UNKNOWNS if letter not in letters), "the unknown number")
    text = f"{parent.text[: hidden.start]}{unknown}{parent.text[hidden.end :]}"
    asked = read_prompt("backward")["ask"].strip()
    for key, value in {"{unknown}": unknown, "{answer}": golds[0], "{text}": text}.items():
        asked = asked.replace(key, value)
    made = child(parent, "backward", number, text=asked, answer=hidden.value, hidden=hidden.text, validated=False)
    return made.model_copy(update={"kind": "number"})


def _matters(parent: Problem, numeral: Numeral) -> bool:
    given = {step.expression for step in worked_steps(parent)}
    return not given or numeral.value in given


def _lost_meaning(parent: Problem, text: str, reply: Solution) -> tuple[str, str] | None:
    """(rule, reason) if a rewording cannot mean the same."""
    if not text:
        return "no question", reply.error or "the reply has no question between <question> and </question>"
    if rouge_l(words(parent.text), words(text)) >= _SAME:
        return "not new", "it is the original to the word"
    old, new = in_digits(parent.text), in_digits(text)
    lost, added = old - new - in_words(text), new - old - in_words(parent.text)
    if lost or added:
        said = [f"{verb} {', '.join(sorted(some))}" for verb, some in (("lost", lost), ("added", added)) if some]
        return "numbers changed", f"it {' and '.join(said)}"
    missing = [choice for choice in parent.choices or [] if choice not in text]
    return ("choices changed", f"it lost the choice {missing[0]!r}") if missing else None
