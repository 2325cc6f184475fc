"""A server on this machine that speaks the OpenAI API and solves the tutorials' problems, in the format asked for."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from tests.models.scripted_server import Server

REPLIES = tomllib.loads((Path(__file__).parent / "replies.toml").read_text("utf-8"))
"""Question -> what the model writes: `words`, or a `program`; `small` holds what a weaker model writes instead."""


class Tutor(Server):
    """Answers by `replies.toml`; a question that is not there gets a program that adds up its numbers."""

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """The next turn of the dialogue."""
        said = [message["content"] for message in body["messages"]]
        question = next(text for role, text in zip(roles(body), said, strict=True) if role == "user")
        self.text = reply(question, " ".join(said[:1]), said[-1], small="small" in body["model"])
        return super().answer(body)


def roles(body: dict[str, Any]) -> list[str]:
    """Who speaks, message by message."""
    return [message["role"] for message in body["messages"]]


def reply(question: str, system: str, last: str, *, small: bool) -> str:
    """A program, words, or words around a program whose output has come back."""
    entry = next((row for row in REPLIES["reply"] if row["question"] in question), None) or added_up(question)
    entry = entry | (entry.get("small", {}) if small else {})
    if "one Python program" in system:
        return str(entry["program"])
    if "```python" not in system:
        return str(entry["words"])
    if "```output" in last:
        output = last.partition("```output")[2].partition("```")[0].strip()
        return f"The answer is \\boxed{{{output.splitlines()[-1]}}}."
    return f"I compute it.\n```python\n{entry['program']}\n```\n"


def added_up(question: str) -> dict[str, str]:
    """What to say to a question that nobody prepared."""
    numbers = [int(word) for word in question.replace("?", " ").replace(".", " ").split() if word.isdigit()]
    return {"program": f"print({' + '.join(map(str, numbers or [0]))})", "words": f"The answer is {sum(numbers)}."}
