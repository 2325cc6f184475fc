"""Self-training: rounds of training, evaluating, solving, grading and curating, each stage a run of its own verb.

MARIO (arXiv 2401.08190, section 2) fine-tunes on its first solutions, lets the model solve more problems, keeps the
correct solutions, and fine-tunes again; STaR (Zelikman et al. 2022) is the same loop for words alone.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, TypeAdapter, model_validator

from slipstick.comparison import compare_runs, describe_difference
from slipstick.curate.writing import read_origins
from slipstick.grade import grade_solutions
from slipstick.recipe import Names
from slipstick.schema import Metric, Record, Solution
from slipstick.store import RunFolder, write_atomically
from slipstick.terminal import Fitting, headed_table, unwrapped

RunStage = Callable[[str, Path, dict[str, Any]], Path]
"""Runs a stage ("start", "train", "held_out", "solve", "curate") into a folder, unless it has finished there.

Its third argument is what the rounds fill in of the stage's settings. Gives the folder.
"""


class RoundsSettings(Record):
    """Settings of the rounds, and a table of settings for each stage."""

    rounds: int = Field(default=2, ge=1, le=1_000)
    """Rounds of training and solving; one more training follows them."""
    data: Names = Field(default_factory=list)
    """Run folders of the first solutions; none: `start` writes them."""
    continue_from_previous: bool = False
    """Whether a round trains the weights of the round before further. Otherwise each trains on all data from
    `train.base`, or from scratch, as STaR does."""
    start: dict[str, Any] = Field(default_factory=dict)
    """Settings of `synthesize` for the first solutions: problems, formats, ..."""
    train: dict[str, Any] = Field(default_factory=dict)
    """Settings of `train`."""
    held_out: dict[str, Any]
    """Settings of `evaluate`: problems that are never trained on, formats, ..."""
    solve: dict[str, Any]
    """Settings of `solve`: formats, num_samples, temperature, ..."""
    curate: dict[str, Any] = Field(default_factory=dict)
    """Settings of `curate`; `decontaminate_against` is the held-out problems unless set."""

    @model_validator(mode="after")
    def _begins_somewhere(self) -> RoundsSettings:
        if bool(self.data) == bool(self.start):
            raise ValueError("data: name run folders of the first solutions, or give a table `start`, one of the two")
        return self


class Round(Record):
    """One training, and what the trained model solved."""

    name: str
    """"round 1", ..., and "final" for the training on all that the rounds brought."""
    examples: int
    """Solutions it was trained on."""
    trained_tokens: int
    """Tokens of training, repeats included."""
    held_out: list[Metric]
    """Accuracy on problems that are never trained on, one for each format."""
    attempts: int = 0
    """Solutions that the model wrote for the problems to learn from."""
    written_tokens: int = 0
    """Tokens it wrote for them."""
    solved: int = 0
    """Problems with a correct one among them."""
    newly_solved: int = 0
    """Of these, problems that had no correct solution before."""
    added: int = 0
    """Solutions of this round that are in the data of the next training."""
    seconds: float = Field(ge=0)
    """Wall-clock seconds of the round's stages."""


_ROUNDS = TypeAdapter(list[Round])


def self_train(path: Path, settings: RoundsSettings, run_stage: RunStage) -> list[Round]:
    """All rounds and the last training, in the folder that holds problems.jsonl; rounds.json says what each added."""
    first = settings.data or [str(run_stage("start", path / "start", {}))]
    data, base = [*first], settings.train.get("base")
    known = {name for source in first for name in solved_by(RunFolder(source).solutions())}
    source = data[0] if len(data) == 1 else str(_curate(path / "start-data", data, settings, run_stage))
    made: list[Round] = []
    for name in [*(f"round-{number}" for number in range(1, settings.rounds + 1)), "final"]:
        home, filled = path / name, {"data": source} | ({"base": base} if base else {})
        trained = run_stage("train", home / "train", filled)
        model = f"hf:{trained / 'model'}"
        stages = [trained, run_stage("held_out", home / "held-out", {"model": model})]
        if name != "final":
            filled = {"model": model, "problems": [str(path / "problems.jsonl")]}
            solved = run_stage("solve", home / "solve", filled)
            _grade(RunFolder(solved))
            data.append(str(solved))
            curated = _curate(home / "data", data, settings, run_stage)
            source = str(curated)
            stages += [solved, curated]
        made.append(_round(name.replace("-", " "), stages, known))
        write_atomically(path / "rounds.json", _ROUNDS.dump_json(made, indent=2).decode())
        if name != "final":
            known |= solved_by(RunFolder(solved).solutions())
            base = str(trained / "model") if settings.continue_from_previous else base
    return made


def rounds_of(path: Path) -> list[Round]:
    """What each round of the run in a folder added so far; empty if it is no such run."""
    file = path / "rounds.json"
    return _ROUNDS.validate_json(file.read_bytes()) if file.is_file() else []


def describe_gain(path: Path) -> list[str]:
    """What the rounds of the run in a folder gained: the first model against the last on the same held-out problems.

    A line for each format over all problems, then for each set; empty while there is only one of the two models. The
    first is trained on the first solutions alone, so it is a control if both are trained on equally many tokens.
    """
    made = rounds_of(path)
    if not made or made[-1].name != "final":
        return []
    first, last = RunFolder(path / "round-1" / "held-out"), RunFolder(path / "final" / "held-out")
    names = (made[0].name, made[-1].name)
    compared = compare_runs(first.problems(), first.solutions(), last.problems(), last.solutions(), names=names)
    tokens = [each.trained_tokens for each in made]
    tokens[-1] = sum(tokens) if RunFolder(path).run().recipe.get("continue_from_previous") else tokens[-1]
    seen = f"trained on {tokens[0]:,} and {tokens[-1]:,} tokens"
    return [f"{names[0]} against {names[1]}, {seen}:", *(describe_difference(row, names) for row in compared.rows)]


def remove_stages(path: Path) -> None:
    """Removes everything that earlier rounds left in the folder."""
    for home in ("start", "start-data", "final", *(each.name for each in path.glob("round-*"))):
        shutil.rmtree(path / home, ignore_errors=True)
    (path / "rounds.json").unlink(missing_ok=True)


def _grade(folder: RunFolder) -> None:
    if (folder.path / "verdicts.jsonl").is_file():
        return
    problems = list(folder.problems())
    graded = list(grade_solutions(folder.solutions(), problems))
    outcomes = Counter[str](solution.verdict.outcome for solution in graded if solution.verdict)
    folder.note(counts={"problems": len(problems), "solutions": len(graded), **outcomes})
    folder.write_verdicts(graded)


def _curate(out: Path, data: Sequence[str], settings: RoundsSettings, run_stage: RunStage) -> Path:
    filled: dict[str, Any] = {"data": list(data)}
    if "decontaminate_against" not in settings.curate:
        held_out = settings.held_out["problems"]
        filled["decontaminate_against"] = held_out if isinstance(held_out, list) else [held_out]
    return run_stage("curate", out, filled)


def _round(name: str, stages: Sequence[Path], known: set[str]) -> Round:
    """What a round added. stages: its training and evaluation, then its solving and curation unless it is the last.

    known: problems that had a correct solution before it.
    """
    trained, tested, *more = stages
    training = RunFolder(trained).run()
    attempts = list(RunFolder(more[0]).solutions()) if more else []
    solved = solved_by(attempts)
    return Round(
        name=name,
        examples=training.counts.get("examples", 0),
        trained_tokens=training.counts.get("tokens", 0),
        held_out=[m for m in RunFolder(tested).metrics() if m.measure == "accuracy" and not m.group],
        attempts=len(attempts),
        written_tokens=sum(attempt.tokens for attempt in attempts),
        solved=len(solved),
        newly_solved=len(solved - known),
        added=_rows_from(*more) if more else 0,
        seconds=sum(_seconds(stage) for stage in stages),
    )


def solved_by(solutions: Iterable[Solution]) -> set[str]:
    """Ids of the problems with a correct solution."""
    return {s.problem_id for s in solutions if s.verdict and s.verdict.outcome == "correct"}


def _rows_from(solved: Path, data: Path) -> int:
    """How many rows of a round's curated data were read from its own solutions."""
    origins = read_origins(RunFolder(data))
    return sum(Path(origin.run).parts[-2:] == solved.parts[-2:] for origin in origins)


def _seconds(path: Path) -> float:
    run = RunFolder(path).run()
    return round((run.finished - run.started).total_seconds(), 1) if run.finished else 0.0


def rounds_table(rounds: Sequence[Round]) -> Fitting:
    """What each round added; on a narrow terminal a column for each round in place of a row."""
    formats = list(dict.fromkeys(metric.format for each in rounds for metric in each.held_out))
    held_out = (f"held out {format} %" for format in formats)
    heads = ["trained on", *held_out, "solved", "first time", "added", "tokens trained", "tokens written", "s"]
    rows = {each.name: _cells(each, formats) for each in rounds}
    wide, narrow = headed_table("", right=tuple(heads)), headed_table("", right=tuple(rows))
    for name, cells in rows.items():
        wide.add_row(name, *cells)
    for head, *values in zip(heads, *rows.values(), strict=True):
        narrow.add_row(head, *values)
    for table in (wide, narrow):
        table.title, table.title_justify = "What each round added", "left"
    return Fitting(unwrapped(wide), narrow)


def _cells(each: Round, formats: Sequence[str]) -> list[str]:
    measured = {metric.format: metric for metric in each.held_out}
    last = each.attempts == 0
    return [
        f"{each.examples:,}",
        *(_accuracy(measured.get(format)) for format in formats),
        *(("-",) * 3 if last else (f"{each.solved:,}", f"{each.newly_solved:,}", f"{each.added:,}")),
        f"{each.trained_tokens:,}",
        f"{each.written_tokens:,}",
        f"{each.seconds:,.0f}",
    ]


def _accuracy(metric: Metric | None) -> str:
    if metric is None:
        return "-"
    return f"{100 * metric.value:.1f} ({100 * metric.low:.1f}-{100 * metric.high:.1f})"
