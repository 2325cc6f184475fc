"""Counters of the service, for Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from slipstick.schema import Status

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counters of one service, in a registry of their own."""

    def __init__(self, *, sessions: Callable[[], float], waiting: Callable[[], float]) -> None:
        self._registry = CollectorRegistry()
        self._programs = Counter(
            "slipstick_programs", "Programs and steps that were run", ["outcome"], registry=self._registry
        )
        self._seconds = Histogram(
            "slipstick_program_seconds", "Seconds a program took", buckets=_SECONDS, registry=self._registry
        )
        self._rejections = Counter(
            "slipstick_rejections", "Requests that were not run", ["reason"], registry=self._registry
        )
        for name, doc, ask in (
            ("slipstick_sessions", "Sessions that are kept", sessions),
            ("slipstick_queue_length", "Steps that wait for a worker", waiting),
        ):
            Gauge(name, doc, registry=self._registry).set_function(ask)

    def count(self, status: Status, seconds: float) -> None:
        """Counts a program or step that has ended."""
        self._programs.labels(status).inc()
        self._seconds.observe(seconds)

    def reject(self, reason: str) -> None:
        """Counts a request that was refused."""
        self._rejections.labels(reason).inc()

    def page(self) -> bytes:
        """All counters in Prometheus' text format."""
        return generate_latest(self._registry)
