"""slipstick builds, trains and judges language models that do mathematics with a Python interpreter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slipstick import forking

# Eager, because the function and its module share a name: whoever imports the module first would shadow a lazy one.
from slipstick.grade import grade

if TYPE_CHECKING:
    from slipstick import rewards
    from slipstick.answers import Found, final_answer, find_answer
    from slipstick.equivalence import compare, compare_many
    from slipstick.interpreters.host.async_sandbox import AsyncSandbox
    from slipstick.interpreters.host.sandbox import Sandbox
    from slipstick.problems import load_problems
    from slipstick.schema import Code, Drop, Metric, Output, Problem, Run, Solution, Text, Verdict

__version__ = "0.1.0"

__all__ = [
    "AsyncSandbox",
    "Code",
    "Drop",
    "Found",
    "Metric",
    "Output",
    "Problem",
    "Run",
    "Sandbox",
    "Solution",
    "Text",
    "Verdict",
    "compare",
    "compare_many",
    "final_answer",
    "find_answer",
    "grade",
    "load_problems",
    "rewards",
]

_HOME = {
    "AsyncSandbox": "slipstick.interpreters.host.async_sandbox",
    "Sandbox": "slipstick.interpreters.host.sandbox",
    "compare": "slipstick.equivalence",
    "compare_many": "slipstick.equivalence",
    "final_answer": "slipstick.answers",
    "find_answer": "slipstick.answers",
    "Found": "slipstick.answers",
    "load_problems": "slipstick.problems",
}
_MODULES = ("rewards",)

forking.register()


def __getattr__(name: str) -> Any:
    """Loads a public name when it is first asked for, so that `import slipstick` costs next to nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'slipstick' has no attribute {name!r}")
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"slipstick.{name}")
    value = getattr(import_module(_HOME.get(name, "slipstick.schema")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
