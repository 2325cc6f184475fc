"""A run as Python and a notebook see it: its record, problems, solutions and numbers, also as pandas frames."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from slipstick.comparison import RunComparison, compare_folders
from slipstick.frames import SOLUTIONS, frame_of, solution_row
from slipstick.metrics.labels import order_formats
from slipstick.report.content import format_styles, interval, metric_sections, number
from slipstick.schema import Drop, Metric, Problem, Run, Solution
from slipstick.store import RunFolder

if TYPE_CHECKING:
    import pandas


class RunResult:
    """A run, read from its folder whenever it is asked. Wherever a run folder is named, this may stand instead."""

    def __init__(self, path: Path | str) -> None:
        """Raises RunFolderError if `path` holds no run."""
        self._folder = RunFolder(path)

    @property
    def path(self) -> Path:
        """Its folder."""
        return self._folder.path

    @property
    def record(self) -> Run:
        """What run.json says: verb, status, every setting, versions, counts."""
        return self._folder.run()

    @property
    def problems(self) -> list[Problem]:
        """Its problems, in order."""
        return list(self._folder.problems())

    @property
    def solutions(self) -> list[Solution]:
        """Its solutions with their verdicts."""
        return list(self._folder.solutions())

    @property
    def dropped(self) -> list[Drop]:
        """Rows that were dropped, each with rule and reason."""
        return list(self._folder.dropped())

    @property
    def metrics(self) -> list[Metric]:
        """Its numbers, each with a 95 % interval and a count."""
        return self._folder.metrics()

    @property
    def report(self) -> Path | None:
        """Its page, to open in a browser; None if it has none."""
        page = self.path / "report.html"
        return page if page.is_file() else None

    @property
    def model(self) -> str | None:
        """Of a run of `train`: the model as other verbs take it, "hf:FOLDER"; None for other runs."""
        trained = self.path / "model"
        return f"hf:{trained}" if (trained / "config.json").is_file() else None

    def frame(self) -> pandas.DataFrame:
        """A row for each solution: problem, expected answer, answer, outcome, reason, tokens, cost, ...

        `expected` is a list if several answers are acceptable. Raises UserError if pandas is not installed.
        """
        problems = {problem.id: problem for problem in self._folder.problems()}
        rows = [solution_row(one, problems.get(one.problem_id)) for one in self._folder.solutions()]
        return frame_of(rows, SOLUTIONS[1:])

    def metrics_frame(self) -> pandas.DataFrame:
        """A row for each metric: measure, format, group, value, the ends of its 95 % interval, count.

        Raises UserError if pandas is not installed.
        """
        return frame_of([metric.model_dump() for metric in self.metrics], tuple(Metric.model_fields))

    def compare(self, other: Path | str | RunResult) -> RunComparison:
        """This run minus another on the problems that both have: differences with intervals, tests, what flipped.

        `findings()` of the result says it in words. Raises InputError as `slipstick report RUN --set against=OTHER`
        does: for runs without a common problem or format, other questions or golds under one id, ungraded solutions.
        """
        return compare_folders(RunFolder(Path(other)), self._folder)

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"<{self._line()}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the run in a line, its numbers with their intervals, where its report is."""
        metrics = self.metrics
        formats = format_styles(order_formats(metric.format for metric in metrics if metric.format))
        head = "".join(f"<th>{escape(format.name)}</th>" for format in formats)
        rows = []
        for section in metric_sections(metrics, formats):
            for row in section.rows:
                cells = [f"{number(cell)} <small>{interval(cell)}</small>" if cell else "" for cell in row.cells]
                label = f"{section.label}, {row.label}"
                rows.append(f"<tr><th>{escape(label)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}")
                rows.append(f"<td>{escape(row.n)}</td></tr>")
        table = f"<table><tr><th>%, 95 % interval</th>{head}<th>n</th></tr>{''.join(rows)}</table>" if rows else ""
        page = f"<p>report: {escape(str(self.report))}</p>" if self.report else ""
        return f"<p>{escape(self._line())}</p>{table}{page}"

    def _line(self) -> str:
        run = self.record
        counts = [f"{run.counts[key]:,} {key}" for key in ("problems", "solutions", "correct") if key in run.counts]
        return ", ".join([f"{self.path}: {run.verb}, {run.status}", *counts])


def open_run(path: Path | str) -> RunResult:
    """A run that was made before, here or on the command line. Raises RunFolderError if `path` holds none."""
    return RunResult(path)
