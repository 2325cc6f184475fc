"""The stream that shares long work among processes: order, bounded look-ahead, hangs, progress."""

from collections.abc import Iterator

import pytest

from slipstick.equivalence import compare_many
from slipstick.equivalence.pool import pool as pool_module
from slipstick.equivalence.pool import process, stream

SYMBOLIC = ("(x+1)^2", ["x^2+2x+1"], None)


def test_a_stream_yields_immediately_and_looks_a_bounded_way_ahead() -> None:
    taken = 0

    def rows() -> Iterator[stream.Row]:
        nonlocal taken
        for n in range(100_000):
            taken += 1
            yield str(n), str(n), None

    verdicts = stream.decide_stream(rows(), workers=1, profile="slipstick")
    assert next(verdicts).outcome == "correct"
    assert taken == 1
    for _ in range(50_000):
        next(verdicts)
    assert taken - 50_000 <= (stream.WINDOW + 1) * stream.BATCH_ROWS


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_many_processes_say_what_one_says_in_the_same_order(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    monkeypatch.setattr(stream, "MIN_ROWS", 500)
    pairs = [(str(n % 7), str(n % 5)) if n % 50 else (f"x+{n}", f"{n}+x") for n in range(20_000)]
    verdicts = compare_many(pairs, workers=workers)
    for n, verdict in enumerate(verdicts):
        assert (verdict.outcome == "correct") == (n % 7 == n % 5 or n % 50 == 0), n


def test_a_row_that_hangs_in_another_process_costs_no_other(playful: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MIN_ROWS", 0)
    monkeypatch.setattr(stream, "SECONDS", 1.0)
    monkeypatch.setattr(pool_module, "SECONDS", 1.0)
    sent: list[object] = []
    take = stream._Neighbour.take

    def take_and_note(self: stream._Neighbour, batch: stream._Batch) -> bool:
        taken = take(self, batch)
        sent.extend([batch] * taken)
        return taken

    monkeypatch.setattr(stream._Neighbour, "take", take_and_note)
    places: list[int] = []

    def pairs() -> Iterator[tuple[str, str]]:
        n = 0
        while len(places) < 4:
            hangs = len(sent) > 10 * len(places)
            places.extend([n] * hangs)
            yield ("hang", "7") if hangs else (str(n), str(n))
            n += 1

    verdicts = compare_many(pairs(), workers=2)
    assert [n for n, verdict in enumerate(verdicts) if verdict.outcome != "correct"] == places


def test_a_stream_goes_on_alone_if_no_process_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MIN_ROWS", 0)
    monkeypatch.setattr(process, "_BOOT", "raise SystemExit(1)")
    assert {verdict.outcome for verdict in compare_many([("1", "1.0")] * 5_000, workers=3)} == {"correct"}


def test_progress_is_shown_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    compare_many([("1", "1")] * 10)
    assert capsys.readouterr().err == ""
    compare_many([("1", "1")] * 10, progress=True)
    assert "grading: 10 of 10 pairs" in capsys.readouterr().err


# Programs of their own, as a trainer, a Ray worker or a server would be
