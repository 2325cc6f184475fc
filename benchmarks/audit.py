"""How well wrong labels are found: `python -m benchmarks.audit [--picture FILE]`.

GSM8K's test problems with an even number, which people relabelled: positives are the labels they corrected and the
problems they rejected as ambiguous. Every ranking is of all test problems and measured on the even ones; the odd
ones are held out. `average_precision` is that of the audit with all recorded samples, `vote_average_precision` that of
the better of two plain votes (largest share of samples that agree on an answer other than the label): over the same
samples, and over the panel of twelve alone. `panel_...` are the figures with the panel of twelve only, `rationale_...`
those without any sample. `train_fixes_in_200` counts the known fixes of GSM8K's training labels among the first 200
suspects, found without any model. The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from slipstick.audit.curve import average_precision, draw_curves, gain, precision_recall
from slipstick.audit.ranking import audit
from slipstick.audit.votes import Ballot, Vote, count_votes, majority_disagreement
from slipstick.schema import Metric, Problem

DATA = Path(__file__).parents[2] / "shared" / "data"
PANEL = ("panel_gsm8k",)
ALL = (*PANEL, "openai_gsm8k_4models", "panel_gsm8k_gsmplus_answers.unlicensed")
_RUN = re.compile(r"\.\d{8}-\d{4}$")
FIRST = 200


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file of JSON lines, gzipped or not."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        yield from map(json.loads, lines)


def read_problems(path: Path) -> list[Problem]:
    """GSM8K's problems with their worked solutions."""
    return [
        Problem(id=row["id"], text=row["question"], answer=row["answer"], kind="number", rationale=row["solution"])
        for row in read(path)
    ]


def read_votes(files: Sequence[str]) -> dict[str, list[Vote]]:
    """Problem -> votes; repeated runs of a model are samples of one solver."""
    votes: dict[str, list[Vote]] = {}
    for file in files:
        for row in read(DATA / "samples" / f"{file}.jsonl.gz"):
            for sample in row["samples"]:
                answer = None if sample["answer"] in (None, "", "None") else str(sample["answer"])
                votes.setdefault(row["problem_id"], []).append(Vote(_RUN.sub("", sample["model"]), answer))
    return votes


class Measured:
    """The rankings of one set of samples, on the problems that people looked at."""

    def __init__(self, problems: Sequence[Problem], files: Sequence[str], wrong: Mapping[str, bool]) -> None:
        votes = read_votes(files)
        self.ballots: list[Ballot] = [count_votes(each, votes[each.id]) for each in problems if each.id in votes]
        suspects = {suspect.id: suspect for suspect in audit(problems, self.ballots)}
        shares = {ballot.problem_id: majority_disagreement(ballot) for ballot in self.ballots}
        self.suspects = [suspects[name] for name in wrong]
        self.audit = [suspect.score for suspect in self.suspects]
        self.vote = [shares.get(name, 0.0) for name in wrong]


def main() -> None:
    """Prints what was measured and the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", type=Path, help="file for the curves of precision and recall, as SVG")
    arguments = parser.parse_args()
    if not DATA.exists():
        raise SystemExit(f"{DATA} is not there: the recorded samples are not part of the project")
    problems = read_problems(DATA / "eval" / "gsm8k.jsonl")
    listed = {row["id"] for row in read(DATA / "label_errors" / "gsm8k_test_platinum_even_ids.jsonl")}
    wrong = {each.id: each.id in listed for each in problems if int(each.id.rpartition("/")[2]) % 2 == 0}
    truth = list(wrong.values())
    everybody, panel, nobody = (Measured(problems, files, wrong) for files in (ALL, PANEL, ()))
    rankings = {
        "audit, 26 samples": everybody.audit,
        "vote, 26 samples": everybody.vote,
        "audit, panel of 12": panel.audit,
        "vote, panel of 12": panel.vote,
        "audit, no samples": nobody.audit,
    }
    measured = {name: average_precision(name, scores, truth) for name, scores in rankings.items()}
    for name, metric in measured.items():
        print(f"{name}: {_show(metric)}")
    for name, bands in (("26 samples", everybody), ("panel of 12", panel)):
        print(f"{name}:")
        print_bands(bands, truth)
    if arguments.picture:
        draw_curves(arguments.picture, dict(list(rankings.items())[:4]), truth)
    fixes = {row["id"] for row in read(DATA / "label_errors" / "gsm8k_train_nemo_fixes.jsonl")}
    train = audit(read_problems(DATA / "train" / "gsm8k_train.jsonl.gz"))
    ranks = {suspect.id: suspect.rank for suspect in train if suspect.id in fixes}
    print("ranks of the known fixes of the training labels:", sorted(ranks.values()))
    vote = max(("vote, 26 samples", "vote, panel of 12"), key=lambda name: measured[name].value)
    times, low, high = gain(everybody.audit, rankings[vote], truth)
    summary = {
        "average_precision": measured["audit, 26 samples"].value,
        "average_precision_low": measured["audit, 26 samples"].low,
        "average_precision_high": measured["audit, 26 samples"].high,
        "vote_average_precision": measured[vote].value,
        "times_vote": times,
        "times_vote_low": low,
        "times_vote_high": high,
        "panel_average_precision": measured["audit, panel of 12"].value,
        "panel_vote_average_precision": measured["vote, panel of 12"].value,
        "rationale_average_precision": measured["audit, no samples"].value,
        "train_fixes_in_200": sum(rank <= FIRST for rank in ranks.values()),
    }
    print(json.dumps({name: round(value, 3) for name, value in summary.items()}))


def print_bands(measured: Measured, truth: Sequence[bool]) -> None:
    """How many of the labels of each band of scores are wrong, and what reading down the list finds."""
    ends = (0.0, 0.05, 0.2, 0.5, 0.8, 1.0)
    for low, high in pairwise(ends):
        inside = [bad for score, bad in zip(measured.audit, truth, strict=True) if low < score <= high]
        print(f"score above {low} to {high}: {sum(inside)} of {len(inside)} wrong")
    for point in precision_recall(measured.audit, truth):
        if point.read in (10, 20, 30, 50, 100, 200):
            print(f"first {point.read}: {point.found} wrong, {point.recall:.0%} of all")


def _show(metric: Metric) -> str:
    return f"average precision {metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f}, n = {metric.n})"


if __name__ == "__main__":
    main()
