"""`slipstick self-train`: rounds of training, solving, grading and curating, each stage a run of its own verb.

problems.jsonl        what is solved in every round
rounds.json           what each round added
start/                the first solutions, where worked steps give them
round-1/train/        the model; train.toml beside it is the stage's recipe
round-1/held-out/     what it is worth on problems that are never trained on
round-1/solve/        its solutions to the problems to learn from, graded
round-1/data/         all that is correct so far, curated: what the next round is trained on
...
final/train/, final/held-out/
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, TypeAdapter, model_validator
from rich.console import Console

from slipstick.commands import Invocation, ProblemSettings, count, load_order, running, take_problems
from slipstick.commands.curate import CurateRecipe, run_curate
from slipstick.commands.drawing import SolveRecipe
from slipstick.commands.evaluate import EvaluateRecipe, run_evaluate
from slipstick.commands.solve import run_solve
from slipstick.commands.synthesize import SynthesizeRecipe, run_synthesize
from slipstick.commands.train import TrainRecipe, run_train
from slipstick.errors import RecipeError, UserError
from slipstick.grade import grade_solutions
from slipstick.recipe import check_settings
from slipstick.schema import Metric, Record
from slipstick.self_train import Round, newly, rounds_table, solved_by
from slipstick.store import RunFolder, write_atomically

_Sources = Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]
_Launch = Callable[[Invocation, Console], Path]
_ROUNDS = TypeAdapter(list[Round])
# Stage -> its verb's settings, and those of them that the rounds fill in.
_STAGES: Mapping[str, tuple[type[Record], dict[str, Any]]] = {
    "start": (SynthesizeRecipe, {}),
    "train": (TrainRecipe, {"data": "-"}),
    "held_out": (EvaluateRecipe, {"model": "hf:-"}),
    "solve": (SolveRecipe, {"model": "hf:-", "problems": ["-"]}),
    "curate": (CurateRecipe, {"data": ["-"]}),
}


class RoundsRecipe(ProblemSettings):
    """What `slipstick self-train` can be told: the problems to learn from, and a table of settings for each stage."""

    rounds: int = Field(default=2, ge=1)
    """Rounds of training and solving; one more training follows them."""
    data: _Sources = Field(default_factory=list)
    """Run folders of the first solutions; none: `start` writes them."""
    continue_from_previous: bool = False
    """Whether a round goes on from the weights of the one before; else each trains anew from `train.base`, or from
    scratch, on all data, as STaR does."""
    start: dict[str, Any] = Field(default_factory=dict)
    """Settings of `synthesize` for the first solutions: problems, formats, ..."""
    train: dict[str, Any] = Field(default_factory=dict)
    """Settings of `train`."""
    held_out: dict[str, Any]
    """Settings of `evaluate`: problems that are never trained on, formats, ..."""
    solve: dict[str, Any]
    """Settings of `solve`: formats, samples, temperature, ..."""
    curate: dict[str, Any] = Field(default_factory=dict)
    """Settings of `curate`; `decontaminate_against` is the held-out problems unless set."""

    @model_validator(mode="after")
    def _begins_somewhere(self) -> RoundsRecipe:
        if bool(self.data) == bool(self.start):
            raise ValueError("data: name run folders of the first solutions, or give a table `start`, one of the two")
        return self


def run_rounds(order: Invocation, console: Console) -> Path:
    """`slipstick self-train`: rounds of train, solve, grade and curate, and a last training."""
    recipe, text = load_order(order, RoundsRecipe)
    _check_stages(recipe, order.target)
    problems = take_problems(recipe)
    inputs = [*recipe.files(), *(Path(path) / "solutions.jsonl" for path in recipe.data)]
    with running(order, "self-train", recipe, console, text=text, inputs=inputs) as folder:
        if order.overwrite:
            _remove_stages(folder.path)
        folder.write_problems(problems)
        made = _Rounds(folder.path, recipe, console).run()
        final = {"group_by": "round", "group": made[-1].name}
        metrics = [metric.model_copy(update=final) for metric in made[-1].held_out]
        counts = {"rounds": recipe.rounds, "examples": made[-1].examples, "added": sum(each.added for each in made)}
        folder.finish("finished", counts=counts, metrics=metrics)
    console.print(rounds_table(made))
    console.print(f"{folder.path / 'final' / 'train' / 'model'}", highlight=False, soft_wrap=True)
    return folder.path


class _Rounds:
    """The stages of all rounds in their order; those that are finished already are not run again."""

    def __init__(self, path: Path, recipe: RoundsRecipe, console: Console) -> None:
        self._path, self._recipe, self._console = path, recipe, console
        self._made: list[Round] = []

    def run(self) -> list[Round]:
        """All rounds and the last training."""
        first = self._recipe.data or [str(self._start())]
        known = {name for path in first for name in solved_by(RunFolder(path).solutions())}
        data, base = [*first], self._recipe.train.get("base")
        source = data[0] if len(data) == 1 else str(self._curate(self._path / "start-data", data))
        for number in range(1, self._recipe.rounds + 1):
            home = self._path / f"round-{number}"
            trained = self._train(home, source, base)
            tested = self._held_out(home, trained)
            solved = self._solve(home, trained)
            data.append(str(solved))
            source = str(self._curate(home / "data", data))
            self._note(f"round {number}", trained, tested, solved, Path(source), known)
            known |= solved_by(RunFolder(solved).solutions())
            base = str(trained / "model") if self._recipe.continue_from_previous else base
        home = self._path / "final"
        trained = self._train(home, source, base)
        self._note("final", trained, self._held_out(home, trained), None, None, known)
        return self._made

    def _start(self) -> Path:
        return self._stage(self._path / "start", "start", run_synthesize)

    def _train(self, home: Path, source: str, base: str | None) -> Path:
        own = {"data": source} | ({"base": base} if base else {})
        return self._stage(home / "train", "train", run_train, **own)

    def _held_out(self, home: Path, trained: Path) -> Path:
        return self._stage(home / "held-out", "held_out", run_evaluate, model=f"hf:{trained / 'model'}")

    def _solve(self, home: Path, trained: Path) -> Path:
        own = {"model": f"hf:{trained / 'model'}", "problems": [str(self._path / "problems.jsonl")]}
        out = self._stage(home / "solve", "solve", run_solve, **own)
        if not (out / "verdicts.jsonl").is_file():
            folder = RunFolder(out)
            every = list(folder.problems())
            graded = list(grade_solutions(folder.solutions(), every))
            folder.note(counts=count(every, graded))
            folder.write_verdicts(graded)
        return out

    def _curate(self, out: Path, data: Sequence[str]) -> Path:
        own: dict[str, Any] = {"data": list(data)}
        if "decontaminate_against" not in self._recipe.curate:
            held_out = self._recipe.held_out["problems"]
            own["decontaminate_against"] = held_out if isinstance(held_out, list) else [held_out]
        return self._stage(out, "curate", run_curate, **own)

    def _stage(self, out: Path, stage: str, launch: _Launch, **own: Any) -> Path:
        """A stage's run folder, finished; `own` is what the rounds fill in of its recipe."""
        self._console.rule(str(out.relative_to(self._path)), align="left")
        if (out / "run.json").is_file() and RunFolder(out).run().status == "finished":
            self._console.print("already done", highlight=False)
            return out
        settings = {**getattr(self._recipe, stage), **own}
        out.parent.mkdir(parents=True, exist_ok=True)
        recipe = out.with_name(f"{out.name}.toml")
        write_atomically(recipe, to_toml({key: value for key, value in settings.items() if value is not None}))
        try:
            launch(Invocation(str(recipe), out=out, resume=True), self._console)
        except BaseException:
            if not (out / "run.json").is_file():  # nothing was made, so nothing is left in the way of another start
                recipe.unlink()
                if out.parent != self._path and not any(out.parent.iterdir()):
                    out.parent.rmdir()
            raise
        if (status := RunFolder(out).run().status) != "finished":
            raise UserError(f"{out} is {status} before its end (max_cost, estimate?): mend `{stage}` and go on in it")
        return out

    def _note(
        self, name: str, trained: Path, tested: Path, solved: Path | None, data: Path | None, known: set[str]
    ) -> None:
        """Writes down what a round added; known: problems that had a solution before it."""
        training = RunFolder(trained).run()
        folders = [trained, tested, *([solved] if solved else []), *([data] if data else [])]
        attempts = list(RunFolder(solved).solutions()) if solved else []
        right = solved_by(attempts)
        self._made.append(
            Round(
                name=name,
                examples=training.counts.get("examples", 0),
                trained_tokens=training.counts.get("tokens", 0),
                held_out=[metric for metric in RunFolder(tested).metrics() if _is_of_a_format(metric)],
                attempts=len(attempts),
                written_tokens=sum(attempt.tokens for attempt in attempts),
                solved=len(right),
                newly_solved=newly(right, known),
                added=_kept_of(solved, data) if solved and data else 0,
                seconds=sum(_seconds(folder) for folder in folders),
            )
        )
        write_atomically(self._path / "rounds.json", _ROUNDS.dump_json(self._made, indent=2).decode())


def to_toml(table: Mapping[str, Any]) -> str:
    """A table of settings as TOML, one key a line."""
    return "".join(f"{_key(key)} = {_value(value)}\n" for key, value in table.items())


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)  # JSON's strings, numbers and truth values are TOML's too


def _key(key: str) -> str:
    return key if key.replace("_", "").isalnum() and key.isascii() else json.dumps(key)


def _check_stages(recipe: RoundsRecipe, target: str) -> None:
    """Raises RecipeError with the mistakes of all stages at once."""
    mistakes: list[str] = []
    for stage, (settings, filled) in _STAGES.items():
        table = getattr(recipe, stage)
        if stage == "start" and not table:
            continue
        mistakes += [f"{stage}.{key}: the rounds fill this in; leave it out" for key in filled if key in table]
        try:
            check_settings({**table, **filled}, settings)
        except RecipeError as error:
            mistakes += [f"{stage}.{line}" for line in error.mistakes]
    if mistakes:
        raise RecipeError(target, mistakes)


def _remove_stages(path: Path) -> None:
    for home in ("start", "start-data", "final", *(each.name for each in path.glob("round-*"))):
        shutil.rmtree(path / home, ignore_errors=True)
    (path / "rounds.json").unlink(missing_ok=True)


def _kept_of(solved: Path, data: Path) -> int:
    """How many rows of a round's curated data were read from its own solutions."""
    origins = (Path(json.loads(line)["run"]) for line in (data / "origins.jsonl").read_text("utf-8").splitlines())
    return sum(run.parts[-2:] == solved.parts[-2:] for run in origins)


def _is_of_a_format(metric: Metric) -> bool:
    """Whether a metric is the accuracy in a format over all its problems."""
    return metric.measure == "accuracy" and not metric.group


def _seconds(path: Path) -> float:
    run = RunFolder(path).run()
    return round((run.finished - run.started).total_seconds(), 1) if run.finished else 0.0
