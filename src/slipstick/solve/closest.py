"""Asks a model once more if its answer is none of a choice question's options (MAmmoTH, run_choice.py)."""

import asyncio
from collections.abc import Sequence
from string import ascii_uppercase
from typing import NamedTuple

from slipstick.answers import final_answer
from slipstick.equivalence import as_letter
from slipstick.formats import load_format
from slipstick.models import Model, Reply, Request
from slipstick.schema import Block, Text

_MOST = 100  # characters of the answer that are quoted
_QUESTION = """Somebody's answer to a multiple-choice question is: {answer}
The options are: {options}
Which option comes closest to that answer? Reply with its letter alone."""


class Closest(NamedTuple):
    """The result of asking once more."""

    answer: str
    """The letter; the old answer if the reply names none."""
    blocks: list[Block]
    """The question and what the model said to it."""
    reply: Reply
    """The model's reply."""


async def ask_closest(first: Request, answer: str, *, choices: Sequence[str], model: Model) -> Closest | None:
    """The option that the model says is closest to its answer; None if the answer is an option already.

    first: the solution's first request; the question goes out in the words-only format, under the name "closest".
    """
    if await asyncio.to_thread(as_letter, answer, choices):
        return None
    options = " ".join(f"({letter}) {option}" for letter, option in zip(ascii_uppercase, choices, strict=False))
    question = _QUESTION.format(answer=answer[:_MOST], options=options)
    plain = {"name": "closest", "system": "", "instruction": "{question}", "preamble": "", "num_fewshot": 0}
    format = load_format("cot").model_copy(update={**plain, "stop": first.format.stop})
    problem = first.problem.model_copy(update={"text": question})
    reply = await model.generate(first.model_copy(update={"problem": problem, "format": format}))
    named = final_answer(reply.text, kind="choice")
    letter = await asyncio.to_thread(as_letter, named, choices) if named else None
    return Closest(letter or answer, [Text(text=f"\n\n{question}\n"), Text(text=reply.text)], reply)
