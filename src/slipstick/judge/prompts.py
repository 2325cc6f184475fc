"""The question to a judge, and how its reply is read, by the table prompts.toml."""

import functools
import re
import tomllib
from collections.abc import Sequence
from importlib.resources import files
from typing import Literal, NamedTuple

from slipstick.thoughts import split_thoughts

Label = Literal["correct", "incorrect", "unclear"]
"""What a judge says of an answer; unclear: its reply is neither label."""
_PLACE = re.compile(r"\{(question|expected|answer)\}")
_MOST = 300
"""Characters of the last line in which a label is looked for."""
_NO_QUESTION = "(The question is not known.)"


class JudgePrompt(NamedTuple):
    """One way to ask a judge."""

    name: str
    """Its name in a recipe."""
    system: str
    """The system message; "" for none."""
    prompt: str
    """The message of the user, with places for question, expected and answer."""
    read: tuple[re.Pattern[str], ...]
    """What a label looks like in the last line of a reply; the first that fits counts."""
    labels: dict[str, Label]
    """What is found, in lower case -> the label."""

    def fill(self, question: str, expected: Sequence[str], answer: str) -> str:
        """The message for a pair of answers; texts with braces stay as they are."""
        texts = {"question": question.strip() or _NO_QUESTION, "expected": " or ".join(expected), "answer": answer}
        return _PLACE.sub(lambda place: texts[place[1]], self.prompt).strip()

    def label(self, reply: str) -> Label:
        """What a reply says. Thoughts are left out; a reply that is still thinking at its end says nothing."""
        thoughts = split_thoughts(reply)
        lines = [line for line in thoughts.said.splitlines() if line.strip()]
        if not thoughts.finished or not lines:
            return "unclear"
        for pattern in self.read:
            words = {match[1].lower() for match in pattern.finditer(lines[-1][-_MOST:])}
            # Signs such as the Turkish I with a dot fit a letter of another case, and no word of the table has them.
            found: set[Label] = {self.labels.get(word, "unclear") for word in words}
            if found:
                return found.pop() if len(found) == 1 else "unclear"
        return "unclear"


def prompt_names() -> list[str]:
    """The names of all prompts."""
    return list(_table())


def load_prompt(name: str) -> JudgePrompt:
    """The prompt of that name, which is one of `prompt_names`."""
    return _table()[name]


@functools.cache
def _table() -> dict[str, JudgePrompt]:
    tables = tomllib.loads(files(__package__).joinpath("prompts.toml").read_text("utf-8"))
    return {name: _prompt(name, table) for name, table in tables.items()}


def _prompt(name: str, table: dict[str, str | list[str]]) -> JudgePrompt:
    labels: tuple[Label, ...] = ("correct", "incorrect")
    return JudgePrompt(
        name,
        str(table.get("system", "")),
        str(table["prompt"]),
        tuple(re.compile(pattern, re.IGNORECASE) for pattern in table["read"]),
        {word: label for label in labels for word in table[label]},
    )
