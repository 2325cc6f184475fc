"""What `slipstick ctl` can ask of a run that is being worked on."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from slipstick.commands.control_socket import listening
from slipstick.errors import UserError
from slipstick.solve.monitor import Monitor
from slipstick.store import RunFolder

_KEY = "max_concurrent_requests"


@asynccontextmanager
async def controlled(
    folder: RunFolder, monitor: Monitor, *, planned: int, solutions: Callable[[], int]
) -> AsyncIterator[None]:
    """Lets `slipstick ctl` look at a run and change it. planned: most solutions; solutions: how many there are."""
    record, changed = folder.run(), dict[str, int]()

    def answer(question: dict[str, Any]) -> dict[str, Any]:
        action = question.get("do")
        if action in ("pause", "resume"):
            monitor.throttle(paused=action == "pause", most=None)
        elif action == "set":
            most = _checked(question.get("key"), question.get("value"))
            monitor.throttle(paused=monitor.paused, most=most)
            changed[_KEY] = most
        elif action == "requeue-errors":
            monitor.ask_again = True
        elif action != "status":
            raise UserError(f"this version of slipstick works on {folder.path}, which knows no {action!r}")
        status = "paused" if monitor.paused else "running"
        done = {"solutions": solutions(), "planned": planned}
        asked = {"requeue_errors": True} if monitor.ask_again else {}
        return {
            "run": record.name, "verb": record.verb, "status": status, "live": True,
            **done, **monitor.state(), **changed, **asked,
        }  # fmt: skip

    async with listening(folder.path, answer):
        yield


def _checked(key: Any, value: Any) -> int:
    if key != _KEY:
        raise UserError(f"{key} cannot be changed while a run works, only {_KEY}; stop it and --resume with another")
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UserError(f"{_KEY} = {value!r} is no whole number from 1; `slipstick ctl RUN pause` sends no requests")
    return value
