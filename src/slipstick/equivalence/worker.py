r"""What a grading worker does: reads one JSON line a comparison from its input, writes one JSON line a decision.

Limits itself before it reads anything: memory, no files written, no programs started, and a kernel timer that ends it
when a comparison overstays, should the process that owns it be gone.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from typing import IO, Any

MEMORY_MB = 1024
RECURSION = 5_000


def main() -> None:
    """Serves comparisons until the input ends."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not look like a reply
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that owns this one
    from slipstick.equivalence.algebra import compare_by_algebra
    from slipstick.equivalence.meaning import decide

    compare_by_algebra(r"\frac{x}{2}+1", "(x+2)/2")  # the first parse builds the grammar's tables
    _confine()
    _reply(replies, {"ready": os.getpid()})
    for line in sys.stdin:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, request["seconds"] + 2.0)
        try:
            decision = decide(request["answer"], request["expected"], kind=request["kind"], algebra=compare_by_algebra)
            reply = {"equal": decision.equal, "method": decision.method, "reason": decision.reason}
        except (MemoryError, RecursionError) as error:
            reply = {"equal": None, "method": "symbolic", "reason": f"computer algebra gave up: {type(error).__name__}"}
        except Exception as error:  # boundary: a comparison that fails in a library is open, and says so
            reply = {"equal": None, "method": "symbolic", "reason": f"computer algebra failed: {type(error).__name__}"}
        signal.setitimer(signal.ITIMER_REAL, 0)
        _reply(replies, reply)


def _reply(replies: IO[str], reply: dict[str, Any]) -> None:
    replies.write(json.dumps(reply) + "\n")
    replies.flush()


def _confine() -> None:
    """Memory bounded; no file written, no program started, nothing sent: a comparison needs none of it."""
    sys.setrecursionlimit(RECURSION)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MB << 20, MEMORY_MB << 20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # what a library prints or logs from here on is of no interest
    os.dup2(nowhere, 2)

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[1], str) and not set(arguments[1]) & set("wax+"):
            return
        if event in _REFUSED or event.startswith(("socket.", "os.exec", "os.spawn", "os.posix_spawn", "shutil.")):
            raise PermissionError(f"a grading worker does not do this: {event}")

    sys.addaudithook(refuse)


_REFUSED = frozenset(
    (
        "open",
        "os.system",
        "os.fork",
        "os.forkpty",
        "subprocess.Popen",
        "os.remove",
        "os.rename",
        "os.mkdir",
        "pty.spawn",
    )
)

if __name__ == "__main__":
    main()
