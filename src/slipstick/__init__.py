"""slipstick builds, trains and judges language models that do mathematics with a Python interpreter."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from slipstick import forking

if TYPE_CHECKING:
    from slipstick import errors, rewards
    from slipstick.answers import Found, final_answer, find_answer
    from slipstick.equivalence import compare, compare_many
    from slipstick.frames import Frames, frames
    from slipstick.grade import grade
    from slipstick.interpreters.host.async_sandbox import AsyncSandbox
    from slipstick.interpreters.host.sandbox import Sandbox
    from slipstick.models import open_model
    from slipstick.problems import load_problems
    from slipstick.run_result import RunResult, open_run
    from slipstick.schema import Code, Drop, Metric, Output, Problem, Run, Solution, Text, Verdict
    from slipstick.verbs import (
        audit,
        curate,
        evaluate,
        export,
        grade_run,
        import_data,
        report,
        solve,
        synthesize,
        train,
    )

__version__ = "0.1.0"

__all__ = [
    "AsyncSandbox",
    "Code",
    "Drop",
    "Found",
    "Frames",
    "Metric",
    "Output",
    "Problem",
    "Run",
    "RunResult",
    "Sandbox",
    "Solution",
    "Text",
    "Verdict",
    "audit",
    "compare",
    "compare_many",
    "curate",
    "errors",
    "evaluate",
    "export",
    "final_answer",
    "find_answer",
    "frames",
    "grade",
    "grade_run",
    "import_data",
    "load_problems",
    "open_model",
    "open_run",
    "report",
    "rewards",
    "solve",
    "synthesize",
    "train",
]

_HOME = {
    "AsyncSandbox": "slipstick.interpreters.host.async_sandbox",
    "Sandbox": "slipstick.interpreters.host.sandbox",
    "audit": "slipstick.verbs",
    "compare": "slipstick.equivalence",
    "compare_many": "slipstick.equivalence",
    "final_answer": "slipstick.answers",
    "curate": "slipstick.verbs",
    "evaluate": "slipstick.verbs",
    "export": "slipstick.verbs",
    "find_answer": "slipstick.answers",
    "Found": "slipstick.answers",
    "Frames": "slipstick.frames",
    "frames": "slipstick.frames",
    "grade": "slipstick.grade",
    "grade_run": "slipstick.verbs",
    "import_data": "slipstick.verbs",
    "load_problems": "slipstick.problems",
    "open_model": "slipstick.models",
    "open_run": "slipstick.run_result",
    "report": "slipstick.verbs",
    "RunResult": "slipstick.run_result",
    "solve": "slipstick.verbs",
    "synthesize": "slipstick.verbs",
    "train": "slipstick.verbs",
}
_MODULES = ("errors", "rewards")


class _Package(ModuleType):
    """This package: a function keeps its name if the import system would put the module of that name in its place."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
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
