r"""One worker process seen from its owner: how it is started, sent requests over its pipes, and ended."""

import contextlib
import json
import os
import select
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slipstick.equivalence.decision import NEEDS_ALGEBRA, Decision
from slipstick.equivalence.profiles import PUBLISHED
from slipstick.errors import SlipstickError, UserError

START_SECONDS = 120.0
"""A first start reads sympy from a cold disk; it does not count against the deadline of a verdict."""
# The caller's own search path, so that the worker finds the same slipstick; -P keeps the working folder out.
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from slipstick.equivalence.pool.main import main; main(algebra={algebra})"
)
PATIENCE = 5.0
"""On a machine that is busy a worker may take so many times as long by the clock as it may compute."""
Row = tuple[str, Sequence[str], str | None]
"""What a worker decides at a time: an answer, the acceptable answers and the kind of the problem."""
_FIRST: Sequence[Row] = (
    ("x+1", ["1+x"], None),
    (r"\frac{x}{2}", [r"\frac{2x}{4}"], None),
    ("[f('x','w')]", ["1"], None),
)
"""Rows for which the rules of a published grader load each parser that they try, a second's work."""


class WorkerLostError(SlipstickError):
    """The process has ended without answering its request."""


class WorkerProcess:
    """A worker and the two pipes to it; it answers requests in the order in which they were sent.

    algebra: whether it loads computer algebra before it takes the first request.
    Raises OSError if no process can be had.
    """

    def __init__(self, *, algebra: bool) -> None:
        self._unsent = self._received = b""
        self._owed = 0
        self._spent = False
        self._prepared: set[str] = set()
        python = _python()
        self._errors: int | None = os.memfd_create("slipstick-worker-errors")
        try:
            self._process = subprocess.Popen(
                [python, "-P", "-B", "-c", _BOOT.format(algebra=algebra), json.dumps([str(p) for p in sys.path if p])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
                start_new_session=True,  # Ctrl-C at the terminal is not for it
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        except BaseException:
            os.close(self._errors)
            raise
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._stdin, False)

    def is_ready(self, seconds: float) -> bool:
        """Whether it has started, waiting up to so many seconds for it.

        Raises WorkerLostError if it was killed, SlipstickError if it failed.
        """
        if self._errors is None:
            return True
        try:
            if self._next_line(seconds) is None:
                return False
        except WorkerLostError:
            if self._process.wait() < 0:
                raise
            words = os.pread(self._errors, 1 << 20, 0)[-2000:].decode(errors="replace")
            raise SlipstickError(f"the grading worker does not start; its error output ends:\n{words}") from None
        os.close(self._errors)
        self._errors = None
        return True

    def prepare(self, profile: str) -> None:
        """Has it load what the rules of a published grader need, which is no part of a verdict's time.

        Raises WorkerLostError if the process is gone, SlipstickError if it takes too long.
        """
        if profile in self._prepared or profile not in PUBLISHED:
            return
        self.send({"rows": _FIRST, "algebra": True, "profile": profile, "seconds": START_SECONDS})
        if self.receive(START_SECONDS, patience=1) is None:
            raise SlipstickError(
                f"the rules of {profile} did not load within {START_SECONDS:g} s: is the machine overloaded?"
            )
        self._prepared.add(profile)

    def send(self, request: dict[str, Any]) -> None:
        """Sends a request; what does not fit into the pipe goes with the next `receive`."""
        self._unsent += json.dumps(request).encode() + b"\n"
        self._owed += 1
        self._write()

    def receive(self, seconds: float, *, patience: float = PATIENCE) -> list[list[Decision]] | None:
        """For each row of the oldest open request its decisions; None once so many seconds were computed in vain.

        Where other programs keep the processor busy the worker has `patience` times as long: its verdict must not
        depend on them. Raises WorkerLostError if the process is gone.
        """
        line = self._next_line(seconds, patience=patience)
        if line is None:
            return None
        self._owed -= 1
        reply = json.loads(line)
        self._spent = reply["spent"]
        return [[Decision(*parts) if parts else NEEDS_ALGEBRA for parts in row] for row in reply["rows"]]

    @property
    def is_fit(self) -> bool:
        """Whether it owes no reply and has not grown too large, so that it can take another request."""
        return not (self._owed or self._spent)

    def kill(self) -> None:
        """Ends the process now and waits for it, so that none is left."""
        self._process.kill()
        self._process.wait()
        self.close_pipes()

    def close_pipes(self) -> None:
        """Closes our ends; the worker, seeing its input end, leaves, even in the middle of a comparison."""
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        if self._errors is not None:
            os.close(self._errors)
            self._errors = None

    def disown(self) -> None:
        """In a forked child: the process is the parent's, to be neither used nor waited for here."""
        self.close_pipes()
        self._process.returncode = 0

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def _write(self) -> None:
        while self._unsent:
            try:
                self._unsent = self._unsent[os.write(self._stdin, self._unsent) :]
            except BlockingIOError:
                return
            except OSError as error:
                raise WorkerLostError(self._end()) from error

    def _next_line(self, seconds: float, *, patience: float = 1.0) -> bytes | None:
        """The next line; None after so many seconds of computing, or `patience` times as many by the clock."""
        begun, computed = time.monotonic(), self._computed()
        while b"\n" not in self._received:
            left = seconds - (passed := time.monotonic() - begun)
            if left <= 0 and patience > 1:
                left = min(seconds - (self._computed() - computed), patience * seconds - passed)
            poll = select.poll()
            poll.register(self._stdout, select.POLLIN)
            if self._unsent:
                poll.register(self._stdin, select.POLLOUT)
            events = dict(poll.poll(max(0.0, left) * 1000))
            if not events and left <= 0:
                return None
            if self._stdout in events:
                chunk = os.read(self._stdout, 1 << 20)
                if not chunk:
                    raise WorkerLostError(self._end())
                self._received += chunk
            if self._stdin in events:
                self._write()
        line, _, self._received = self._received.partition(b"\n")
        return line

    def _computed(self) -> float:
        """Seconds of processor time so far; without Linux's clocks of processes, the wall clock's."""
        try:
            return time.clock_gettime(~self.pid << 3 | 2)  # what clock_getcpuclockid(3) gives on Linux
        except OSError:  # ended
            return time.monotonic()

    def _end(self) -> str:
        """How the process ended, in words; ends it if it only closed its pipes."""
        self._spent = True
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(1)
            return f"signal {-code}" if code < 0 else f"exit code {code}"
        return "it closed its pipes"


def _python() -> str:
    """The interpreter of this process, also if it is embedded in another program or was renamed."""
    beside = Path(sysconfig.get_path("scripts")) / f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, str(beside), getattr(sys, "_base_executable", "")):
        if candidate and "python" in Path(candidate).name and os.access(candidate, os.X_OK):
            return candidate
    raise UserError(
        f"no Python interpreter is found to start a grading worker with: sys.executable is {sys.executable!r}, "
        f"and there is no {beside}; set sys.executable to the interpreter of this environment"
    )
