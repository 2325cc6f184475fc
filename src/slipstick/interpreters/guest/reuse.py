"""A session's process that runs one simple program after another, each in a namespace of its own, and refuses others.

It ends with the first program that raised inside a library or that turned out not to be simple. The caller runs refused
programs in a process of their own.
"""

from __future__ import annotations

import ast
import inspect
import re
import resource
import sys
import time
from typing import Any

from slipstick.interpreters.guest import session, simple
from slipstick.interpreters.guest.capture import Captures
from slipstick.interpreters.guest.protocol import Reply, receive
from slipstick.interpreters.guest.session import RefusedError, Session

_MOST_PROGRAMS = 500
_MOST_GROWTH = 64 << 10
"""Kilobytes by which programs may raise the peak of memory before the process is replaced."""
_PATIENCE = 0.05
"""Share of its time within which a program that turns out not to be simple is begun again in a process of its own."""
_HARMLESS = ("builtins.id", "array.__new__")
"""Audit events that simple programs may cause."""
_NUMERAL = re.compile(rb"from sympy import \*|(?:Integer|Float|Rational|sqrt|exp|log|pi|[0-9.,'()+*/ -])*")
"""The text that sympy evaluates to turn the numeral it found for a float into a number."""


class Watch:
    """Listens to Python's audit events while a program runs: simple programs cause none but the harmless ones."""

    def __init__(self, patience: float) -> None:
        """patience: processor seconds of a program after which it is not begun again in a process of its own."""
        self.tripped = False
        """Whether a program did what is not simple, or raised while sympy was storing a conclusion."""
        self.late = False
        """Whether it did so late: then it goes on, as the last program of this process."""
        self._patience = patience
        self._began = 0.0
        self._code: object = None
        self._numeral = False
        sys.addaudithook(self._hear)
        if "sympy" in sys.modules:
            self._watch_assumptions(sys.modules["sympy.core.assumptions"])

    def admit(self, tree: ast.Module) -> None:
        """Raises RefusedError for a program whose syntax tree is not simple."""
        self._began = time.process_time()
        if not simple.is_simple(tree):
            raise RefusedError

    def evaluate(self, code: Any, names: dict[str, Any]) -> Any:
        """As `eval`; raises RefusedError if the code causes an audit event."""
        self._code = code
        try:
            return eval(code, names)  # noqa: S307 - what this process is for
        finally:
            self._code = None

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._code is None or event in _HARMLESS:
            return
        numeral, self._numeral = self._numeral, False
        if event == "exec" and (numeral or arguments[0] is self._code):
            return
        if event == "compile" and isinstance(arguments[0], bytes) and _NUMERAL.fullmatch(arguments[0]):
            self._numeral = True
            return
        self.tripped = True
        self.late = self.late or time.process_time() - self._began >= self._patience
        if not self.late:
            raise RefusedError

    def _watch_assumptions(self, assumptions: Any) -> None:
        """sympy marks a fact as unknown while it derives it: if that raises, a shared object keeps the mark.

        Rewritten instead of wrapped: derivations call each other, and a wrapper would double the depth of their calls.
        """
        tree: Any = ast.parse(inspect.getsource(assumptions._ask))
        handler: Any = ast.parse("try: pass\nexcept BaseException: _trip(); raise")
        handler.body[0].body, tree.body[0].body = tree.body[0].body, handler.body
        assumptions._trip = self._trip
        exec(compile(tree, assumptions.__file__, "exec"), vars(assumptions))  # noqa: S102 - defines `_ask` again

    def _trip(self) -> None:
        self.tripped = True


def serve(captures: Captures, fd: int, *, limits: dict[str, Any]) -> None:
    """Runs the programs received over the socket `fd`; returns when this process must not run another."""
    watch = Watch(_PATIENCE * limits["timeout"])
    seed = limits["seed"]
    session.seed_libraries(seed)
    offered = simple.offered_builtins()
    before, peak = simple.shared_state(), _peak()
    for number in range(_MOST_PROGRAMS):
        received = receive(fd)
        if received is None:
            return
        session.limit_processor(limits["timeout"])
        session.seed_sympy(seed)
        program = Session(built_ins=dict(offered), admit=watch.admit, evaluate=watch.evaluate, captures=captures)
        try:
            reply = program.run(received[1])
        except RefusedError:
            captures.out.take()
            reply = Reply("refused")
        clean = (
            not (watch.tripped or program.interrupted)
            and simple.shared_state() == before
            and _peak() - peak < _MOST_GROWTH
        )
        # In a process of its own a program has more depth left, and the memory that earlier programs have taken here.
        short = reply.error[:1] == ["RecursionError"]
        if (watch.tripped and not watch.late) or short or (reply.status == "memory" and number):
            reply, clean = Reply("refused"), False
        reply.cpu = captures.spent()
        reply.more = clean and number + 1 < _MOST_PROGRAMS
        session.answer(fd, received[0], reply, output_kb=limits["output_kb"])
        if not reply.more:
            return


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
