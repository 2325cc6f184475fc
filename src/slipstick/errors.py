"""What slipstick raises.

    SlipstickError
      * UserError                 you can mend it: printed as one message, exit code 2, no traceback
          + RecipeError           a recipe or a --set that does not hold; lists every mistake at once
          + InputError            a file or a row that cannot be read; names file and line
          + RunFolderError        a run folder that is full, busy, or from another recipe
          + PluginError           a name that no plug-in answers to, or a plug-in that does not load
          + InterpreterError      an interpreter that cannot be started at the asked level
          + ModelError            a model that cannot be opened or reached

A program that crashes, an answer that is missing and a comparison that cannot be decided are no errors but data: see
`Output.status`, `Solution.finish` and `Verdict.outcome` in schema.py.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SlipstickError(Exception):
    """Root of everything slipstick raises on purpose."""


class UserError(SlipstickError):
    """Something the user can mend; the message names the thing, its value and the way out."""


class RecipeError(UserError):
    """A recipe that does not hold; `mistakes` has one line for each."""

    def __init__(self, recipe: str, mistakes: list[str]) -> None:
        self.mistakes = mistakes
        count = f"{len(mistakes)} mistakes" if len(mistakes) > 1 else "a mistake"
        super().__init__(f"{recipe} has {count}:\n" + "\n".join(f"  - {line}" for line in mistakes))


class InputError(UserError):
    """A file or row that cannot be read."""


class RunFolderError(UserError):
    """A run folder that cannot be used as asked."""


class PluginError(UserError):
    """No plug-in of that name, or one that does not load."""


class InterpreterError(UserError):
    """The interpreter cannot be started as asked."""


class ModelError(UserError):
    """The model cannot be opened, reached or made to answer at all."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """' (did you mean `x`?)' for the nearest known word, or '' where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean `{near[0]}`?)" if near else ""
