r"""What a grading worker does: reads one JSON line a request from its input, writes one JSON line a reply.

A request has rows (answer, expected, kind), whether computer algebra may be used on them, the profile and how many
seconds it may take; its reply has a list of decisions for each row (see `verdicts.decide_each`).
The process limits itself before it reads anything: memory, no files written, no programs started. While it computes,
the kernel ends it as soon as the process that owns it has ended, whatever code it is in, or long after its deadline.
"""

import contextlib
import fcntl
import json
import os
import resource
import select
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

MEMORY_MB = 1024
SPENT_MB = 512
"""A worker that holds more after a request is replaced: sympy's caches grow."""
RECURSION = 5_000


def main(*, algebra: bool = True) -> None:
    """Serves requests until the input ends."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not look like a reply
    _reset_signals()
    from slipstick.equivalence.decision import NEEDS_ALGEBRA
    from slipstick.equivalence.pool.process import PATIENCE
    from slipstick.equivalence.verdicts import decide_each

    compare_by_algebra = _load_algebra() if algebra else None
    _confine()
    _reply(replies, {"ready": os.getpid()})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        rows = []
        with _killable(PATIENCE * request["seconds"], watch=request["algebra"]):
            for answer, expected, kind in request["rows"]:
                decisions = decide_each(
                    answer, expected, kind=kind, profile=request["profile"], algebra=compare_by_algebra
                )
                rows.append([None if d is NEEDS_ALGEBRA else [d.equal, d.method, d.reason] for d in decisions])
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        _reply(replies, {"rows": rows, "spent": pages * resource.getpagesize() / (1 << 20) > SPENT_MB})


def _load_algebra() -> Any:
    from slipstick.equivalence.symbolic.algebra import compare_by_algebra

    compare_by_algebra(r"\lim_{x\to 0} x", "0")  # the first parse builds the grammar's tables
    return compare_by_algebra


def _reply(replies: IO[str], reply: dict[str, Any]) -> None:
    replies.write(json.dumps(reply) + "\n")
    replies.flush()


def _reset_signals() -> None:
    """Whatever the owner blocked or ignored, what `_killable` relies on ends this process."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGALRM, signal.SIGIO, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that owns this one


@contextlib.contextmanager
def _killable(seconds: float, *, watch: bool) -> Iterator[None]:
    """Ends this process when it computes too long or, with `watch`, as soon as the other end of its input is closed.

    While it computes its owner sends nothing, so any event on the input is the owner's end; the kernel's signal for it
    comes through even in a loop in C, and unlike a parent-death signal does not depend on which thread started us.
    Without `watch` the owner may send the next request early.
    """
    flags = fcntl.fcntl(0, fcntl.F_GETFL)
    signal.setitimer(signal.ITIMER_REAL, seconds + 2.0)
    if watch:
        fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(0, fcntl.F_SETFL, flags | os.O_ASYNC)
        if select.select([0], [], [], 0)[0]:  # closed before we watched
            sys.exit()
    yield
    fcntl.fcntl(0, fcntl.F_SETFL, flags & ~os.O_ASYNC)
    signal.setitimer(signal.ITIMER_REAL, 0)


def _confine() -> None:
    """Memory bounded; no file written, no program started, nothing sent: a comparison needs none of it."""
    sys.setrecursionlimit(RECURSION)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MB << 20, MEMORY_MB << 20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # what a library prints or logs from here on is of no interest
    os.dup2(nowhere, 2)

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[1], str) and not set(arguments[1]) & set("wax+"):
            return
        if event in _REFUSED or event.startswith(("socket.", "os.exec", "os.spawn", "os.posix_spawn", "shutil.")):
            raise PermissionError(f"not allowed in a grading worker: {event}")

    sys.addaudithook(refuse)


_REFUSED = frozenset(
    ("open", "os.system", "os.fork", "os.forkpty", "subprocess.Popen", "os.remove",
     "os.rename", "os.mkdir", "pty.spawn")
)  # fmt: skip

if __name__ == "__main__":
    main()
