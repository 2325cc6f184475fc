"""What a training reads: correct solutions of run folders; raw texts of files, JSON lines and problem sources."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from pydantic import Field

from slipstick.edges import read_text
from slipstick.errors import InputError
from slipstick.formats import FormatLoader
from slipstick.formats.recorded import formats_of
from slipstick.problems import load_problems
from slipstick.recipe import Names
from slipstick.schema import Problem, Solution
from slipstick.tabular import read_rows
from slipstick.train.settings import TrainSettings
from slipstick.trainable import open_run, split_of, splits_of, trainable
from slipstick.value.reranking import require_verdicts


class TrainRecipe(TrainSettings):
    """Settings of `slipstick train` with stage = "sft" or "cpt"."""

    data: Names = Field(min_length=1)
    """Run folders whose correct solutions are trained on; for stage "cpt" files of raw text or problem sources."""
    text_field: str = "text"
    """Key of the text in JSONL files of raw text."""
    limit: int | None = Field(default=None, ge=1)
    """Use only the first `limit` solutions or texts; of `valid_split` too."""
    split: str = "train"
    """Split that is trained on, of runs that are divided: by a curation, or by the `split` of imported rows."""
    valid_split: str = "valid"
    """Their split that is held out; the loss on it is measured at the end, and while the model is trained if
    `eval_every` is set."""

    def files(self) -> list[Path]:
        """What the training reads."""
        return files_of([*self.data, *self.eval_problems])

    def accuracy_problems(self) -> list[Problem]:
        """The problems named to be solved while the model is trained; [] leaves the choice to `valid_split`.

        Raises InputError if some are named and none has a gold.
        """
        found = [problem for source in self.eval_problems for problem in load_problems(source) if problem.answer]
        if self.eval_problems and not found:
            raise InputError(
                f"eval_problems = {self.eval_problems}: no problem has a gold, so nothing can be graded; name problems "
                "with answers, or leave it out and the problems of `valid_split` are solved"
            )
        return found

    def pairs(self) -> Iterator[tuple[Solution, Problem]]:
        """The correct solutions to train on, with their problems. Raises InputError for one that is held out."""
        return islice(_none_held_out(correct_solutions(self.data, split=self.split), self._divided(), self), self.limit)

    def valid_pairs(self) -> Iterator[tuple[Solution, Problem]]:
        """The correct solutions that are held out, at most `limit`; none if no run has that split."""
        return islice(correct_solutions(self._divided(), split=self.valid_split), self.limit)

    def _divided(self) -> list[str]:
        """The runs that have the split that is held out."""
        return [source for source in self.data if self.valid_split in splits_of(open_run(source))]

    def formats(self) -> FormatLoader:
        """Gives the formats of these solutions."""
        return formats_of(map(Path, self.data))

    def texts(self) -> Iterator[str]:
        """The raw texts to train on, with stage = "cpt"."""
        return islice(raw_texts(self.data, field=self.text_field), self.limit)


def correct_solutions(sources: Sequence[str], *, split: str) -> Iterator[tuple[Solution, Problem]]:
    """The correct solutions of the run folders, with their problems, one by one (see `trainable`).

    split: of runs whose problems are divided, only those of this split. Raises InputError if there is none.
    """
    for source in sources:
        run = open_run(source)
        splits = splits_of(run)
        if splits and split not in splits:
            raise InputError(
                f"{run.path} has no split `{split}`; it was divided into {', '.join(splits)}: name one with "
                "--set split=NAME"
            )
        problems = {problem.id: problem for problem in run.problems()}
        for solution in trainable(run):
            if solution.problem_id not in problems:
                raise InputError(f"{run.path}: problems.jsonl lacks the problem of solution {solution.id}")
            problem = problems[solution.problem_id]
            if not splits or split_of(problem) == split:
                yield solution, problem


def _none_held_out(
    pairs: Iterator[tuple[Solution, Problem]], divided: Sequence[str], recipe: TrainRecipe
) -> Iterator[tuple[Solution, Problem]]:
    """The pairs. Raises InputError for one whose question a run holds out: other runs, not divided with it, have it."""
    held_out = {
        _words(problem.text): f"{source} holds out as {problem.id}"
        for source in (divided if recipe.split != recipe.valid_split else ())
        for problem in open_run(source).problems()
        if split_of(problem) == recipe.valid_split
    }
    for solution, problem in pairs:
        if said := held_out.get(_words(problem.text)):
            raise InputError(
                f"solution {solution.id} is of a question that {said} (split `{recipe.valid_split}`): it cannot be "
                "trained on and measured with. Curate the runs of `data` together, or hold nothing out: "
                "--set valid_split=none"
            )
        yield solution, problem


def _words(text: str) -> str:
    return " ".join(text.lower().split())


def graded_samples(
    sources: Sequence[str], *, limit: int | None, split: str = "train"
) -> tuple[list[Solution], dict[str, Problem]]:
    """The solutions of the run folders, at most `limit` of each, and their problems by id.

    split: of runs whose problems are divided, only those of this split.
    Raises InputError if there is none, UserError if one has no verdict.
    """
    problems: dict[str, Problem] = {}
    samples: list[Solution] = []
    for run in map(open_run, sources):
        divided = bool(splits_of(run))
        inside = {one.id: one for one in run.problems() if not divided or split_of(one) == split}
        problems |= inside
        chosen = (one for one in run.solutions() if not divided or one.problem_id in inside)
        samples += islice(chosen, limit)
    require_verdicts(samples, sources)
    return samples, problems


def raw_texts(sources: Sequence[str], *, field: str) -> Iterator[str]:
    """The texts, one by one: files of text, JSON lines (their `field`), or problems with their reference solutions."""
    for source in sources:
        path = Path(source)
        if not path.suffix:
            for problem in load_problems(source):
                yield "\n".join(filter(None, (problem.text, problem.rationale)))
        elif ".json" in path.name:
            yield from _fields(path, field)
        else:
            yield read_text(path)


def _fields(path: Path, field: str) -> Iterator[str]:
    for row in read_rows(path):
        text = row.values.get(field)
        if not isinstance(text, str):
            keys = ", ".join(row.values)
            raise InputError(f"{row.where} has no text in `{field}`; set text_field to one of its keys: {keys}")
        yield text


def files_of(sources: Sequence[str]) -> list[Path]:
    """The files that a training on these sources reads."""
    paths = [Path(source) for source in sources]
    return [path / "solutions.jsonl" if path.is_dir() else path for path in paths]
