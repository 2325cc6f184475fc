"""Runs a coroutine to its end from ordinary code, also in a notebook, where an event loop is running already."""

import asyncio
import functools
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_async(work: Coroutine[Any, Any, T], *, shared: bool = False) -> T:
    """What a coroutine returns.

    If the caller is in a running event loop, it runs in the one event loop of another thread, which stays. shared: in
    that one in any case, for objects that several calls use and that belong to the event loop of their first use.
    """
    if shared or _in_event_loop():
        found = _run_in_other_thread(_until_interrupted(work))
    else:
        found = asyncio.run(_until_interrupted(work))
    if isinstance(found, KeyboardInterrupt):
        raise found
    return found


async def _until_interrupted(work: Coroutine[Any, Any, T]) -> T | KeyboardInterrupt:
    """What a coroutine returns; an interrupt that asyncio has not made a cancellation of is no error of its task."""
    try:
        return await work
    except KeyboardInterrupt as error:  # where a shell's background job ignores SIGINT, SIGTERM comes as this
        return error


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@functools.cache
def _other_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=_serve, args=(loop,), name="slipstick", daemon=True).start()
    return loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    while True:
        try:
            loop.run_forever()
        except KeyboardInterrupt:  # out of a task; whoever waits for it hears of it too
            continue


def _run_in_other_thread(work: Coroutine[Any, Any, T]) -> T:
    """Waits for a coroutine in the other event loop; Ctrl-C and a notebook's stop button cancel it."""
    ended = threading.Event()

    async def tracked() -> T:
        try:
            return await work
        finally:
            ended.set()

    future = asyncio.run_coroutine_threadsafe(tracked(), _other_loop())
    try:
        return future.result()
    except KeyboardInterrupt:
        future.cancel()
        ended.wait()  # until it has closed what it opened
        raise
