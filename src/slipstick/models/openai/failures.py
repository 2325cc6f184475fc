"""The kinds of failures of a request."""

from typing import Literal

FailureKind = Literal["busy", "unreachable", "broken", "timeout", "denied", "rejected", "lost"]


class RequestFailure(Exception):  # noqa: N818  a request's outcome that `generate` turns into data, no error of ours
    """A request without an answer.

    "busy": no room now (429, 503); "unreachable": never sent; "broken": it failed there or on the way (408, 409, 5xx, a
    cut connection); "timeout": no answer in time; "denied": the key, the credit or the model's name is not accepted;
    "rejected": this request is not accepted; "lost": its batch came back without an answer to it.
    """

    def __init__(self, kind: FailureKind, reason: str, *, remedy: str = "", pause: float = 0.0) -> None:
        """remedy: what the user can do, if the run has not begun; pause: seconds to wait, if the server says so."""
        super().__init__(reason)
        self.kind, self.reason, self.remedy, self.pause = kind, reason, remedy, pause


class RefusedParameter(RequestFailure):
    """A request that is rejected, perhaps because of one parameter."""

    def __init__(self, reason: str, *, param: str | None) -> None:
        super().__init__("rejected", reason)
        self.param = param
