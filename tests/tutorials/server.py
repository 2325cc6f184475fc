"""A server on this machine that speaks the OpenAI API and solves the tutorials' problems, in the format asked for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from tests.models.scripted_server import Server

REPLIES = tomllib.loads((Path(__file__).parent / "replies.toml").read_text("utf-8"))
"""What the model writes: `reply`, `words` or a `program` for a question; `form`, a program for questions of a form."""


class Tutor(Server):
    """Answers by `replies.toml`."""

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
    found: dict[str, Any] | None = next((row for row in REPLIES["reply"] if row["question"] in question), None)
    entry: dict[str, Any] = {**(found or by_pattern(question))}
    entry |= entry.get("small", {}) if small else {}
    if "one Python program" in system:
        return str(entry["program"])
    if "```python" not in system:
        return str(entry["words"])
    if "```output" in last:
        output = last.partition("```output")[2].partition("```")[0].strip()
        return f"The answer is \\boxed{{{output.splitlines()[-1]}}}."
    return f"I compute it.\n```python\n{entry['program']}\n```\n"


def by_pattern(question: str) -> dict[str, str]:
    """What to say to a question of which only the form is known: the program has its numbers filled in."""
    for row in REPLIES["form"]:
        if found := re.search(row["question"], question):
            return {"program": row["program"].format(**found.groupdict()), "words": "I do not know."}
    return {"program": "print(0)", "words": "I do not know."}
