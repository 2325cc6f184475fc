"""What ends a verb from outside: Ctrl-C, and the signals of schedulers and closed terminals, which end it likewise."""

import os
import signal
import sys
import threading
from functools import partial
from typing import Any


def stop_as_by_ctrl_c() -> None:
    """Has SIGTERM and SIGHUP, which schedulers and closed terminals send, end a run as Ctrl-C does: `stopped`."""
    if threading.current_thread() is not threading.main_thread():
        return  # in a notebook's thread: Python sets handlers in the main thread alone
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # not under nohup, nor where a host program has its own
            signal.signal(number, partial(_interrupt, os.getpid()))
            sys.unraisablehook = partial(_again, os.getpid(), sys.unraisablehook)


def _interrupt(process: int, number: int, _: object) -> None:
    if os.getpid() != process:  # a child that was forked from it, and has its handlers
        os._exit(128 + number)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell sets it for what it starts with `&`
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)


def _again(process: int, told: Any, unraisable: Any) -> None:
    """Interrupts once more if Python has ignored an interrupt because it came while an object was being deleted."""
    if not isinstance(unraisable.exc_value, KeyboardInterrupt) or os.getpid() != process:
        told(unraisable)
        return
    threading.Timer(0.01, os.kill, (process, signal.SIGINT)).start()
