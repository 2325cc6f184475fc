"""The exceptions that slipstick raises.

    SlipstickError
      * UserError                 the user can fix it: printed as one message, exit code 2, no traceback
          + RecipeError           an invalid recipe or --set; lists every mistake
          + InputError            a file or a row that cannot be read; names file and line
          + RunFolderError        a run folder that is full, busy, or from another recipe
          + PluginError           no plug-in of that name, or one that does not load
          + InterpreterError      an interpreter that cannot be started as configured
          + ModelError            a model that cannot be opened or reached

A program that crashes, a missing answer and an undecidable comparison are not errors but data: see
`Output.status`, `Solution.finish` and `Verdict.outcome` in schema.py.
"""

import difflib
from collections.abc import Iterable


class SlipstickError(Exception):
    """Root of everything slipstick raises on purpose."""


class UserError(SlipstickError):
    """Something the user can fix; the message names the thing, its value and the remedy."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows of it: the message, without a traceback."""
        return [f"slipstick: {self}"]


class RecipeError(UserError):
    """An invalid recipe; `mistakes` has a line for each mistake."""

    def __init__(self, recipe: str, mistakes: list[str]) -> None:
        self.mistakes = mistakes
        count = f"{len(mistakes)} mistakes" if len(mistakes) > 1 else "a mistake"
        super().__init__(f"{recipe} has {count}:\n" + "\n".join(f"  - {line}" for line in mistakes))


class InputError(UserError):
    """A file or row that cannot be read."""


class RunFolderError(UserError):
    """A run folder that cannot be used as requested."""


class PluginError(UserError):
    """No plug-in of that name, or one that does not load."""


class InterpreterError(UserError):
    """The interpreter cannot be started as configured."""


class ModelError(UserError):
    """The model cannot be opened or reached, or does not answer."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """' (did you mean `x`?)' for the nearest known word, or '' if none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean `{near[0]}`?)" if near else ""


def counted(number: int, thing: str) -> str:
    """'1 problem', '1,200 problems'; thing: in the singular, with a plural in s or es."""
    plural = f"{thing}es" if thing.endswith("s") else f"{thing}s"
    return f"{number:,} {thing if number == 1 else plural}"


def first_error(error: BaseException) -> BaseException:
    """What a group of exceptions is about: the first one in it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
