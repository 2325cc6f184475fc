"""Before a fork, finishes what the first comparison of a process loads and builds.

A child has the locks that the parent's other threads held, but not the threads that would release them: forked while
another thread imports something, it would wait for ever when it imports the same.
"""

# Modules with hooks of their own come first: of hooks that are registered while ours runs, only the second half is run.
import concurrent.futures.thread  # noqa: F401
import logging  # noqa: F401
import os
import sys
import threading
from collections import deque
from functools import cache
from importlib import import_module
from types import FrameType


def register() -> None:
    """Lets every fork of this process wait for imports of slipstick that other threads have begun."""
    os.register_at_fork(before=_finish)


def _finish() -> None:
    own = threading.get_ident()
    others = [frame for thread, frame in sys._current_frames().items() if thread != own]
    if not others:
        return
    for name in [name for name in sys.modules if name.startswith("slipstick.")]:
        import_module(name)  # returns once no thread is importing it
    if "slipstick.equivalence" in sys.modules or any(map(_imports, others)):
        _load_all()


def _imports(frame: FrameType | None) -> bool:
    """Whether a thread is importing: until the module is found it is not in `sys.modules`, but its lock is held."""
    while frame and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
        frame = frame.f_back
    return frame is not None


@cache
def _load_all() -> None:
    """Grades a solution for each library that is loaded, and each record that is built, when one first needs it."""
    from slipstick.grade import grade_solutions
    from slipstick.schema import Problem, Solution, Text

    pairs = ("4 cm", "0.04 m"), ("(x+1)^2", "x^2+2x+1"), (r"(\sqrt{2}, 3]", r"(2^{1/2}, 3]")
    problems = [Problem(id=answer, text="", answer=expected) for answer, expected in pairs]
    solutions = [
        Solution(id=answer, problem_id=answer, format="cot", blocks=[Text(text=rf"It is $\boxed{{{answer}}}$.")])
        for answer, _ in pairs
    ]
    deque(grade_solutions(solutions, problems), maxlen=0)
