"""Writes a graded run as lm-evaluation-harness writes its own: results_DATE.json and samples_TASK_DATE.jsonl.

Shapes: EleutherAI/lm-evaluation-harness, `lm_eval/loggers/evaluation_tracker.py` and `lm_eval/evaluator.py`.
A task is a set in one format: `slipstick_gsm8k_pot`. Tools that read lm-eval's folders read this one.
"""

import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import pstdev
from typing import Any

from slipstick.errors import InputError
from slipstick.exporters.shapes import written_format
from slipstick.exporters.tasks.rows import distinct
from slipstick.formats import Format, join, render
from slipstick.formats.recorded import formats_of
from slipstick.metrics.estimators import share_correct
from slipstick.metrics.groups import set_of
from slipstick.metrics.labels import order_formats
from slipstick.metrics.measures import by_problem
from slipstick.schema import Metric, Problem, Run, Solution
from slipstick.store import RunFolder, write_atomically

_METRIC = "exact_match"
"""What lm-eval's own tasks on these sets call it; the verdict is slipstick's."""
_FILTER = "none"


def write_lm_eval(folder: RunFolder, out: Path) -> dict[str, int]:
    """Writes a run's results and samples into OUT/MODEL, as lm-eval does; gives path -> rows.

    Raises InputError for a run without solutions, or one that has not been graded.
    """
    run, problems = folder.run(), {problem.id: problem for problem in folder.problems()}
    tasks = _tasks(problems, list(folder.solutions()))
    if not tasks:
        raise InputError(f"{folder.path} has no solutions to write as lm-eval samples")
    date = f"{run.started:%Y-%m-%dT%H-%M-%S.%f}"
    model = next(iter(next(iter(tasks.values())).values()))[0].model or str(run.recipe.get("model", "model"))
    place = out / re.sub(r"[\"<>:/|\\?*\[\]]+", "__", model)
    place.mkdir(parents=True, exist_ok=True)
    written, load = {}, functools.cache(formats_of([folder.path]))
    names = distinct(tasks, lambda task: re.sub(r"[^\w.=-]+", "_", task))
    for task, attempts in tasks.items():
        rows = list(_sample_rows(problems, attempts, load))
        path = place / f"samples_{names[task]}_{date}.jsonl"
        write_atomically(path, (f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))
        written[str(path.relative_to(out))] = len(rows)
    results = _results(run, tasks, folder.metrics(), model)
    path = place / f"results_{date}.json"
    write_atomically(path, json.dumps(results, indent=2, ensure_ascii=False))
    return {**written, str(path.relative_to(out)): len(tasks)}


def _tasks(problems: dict[str, Problem], solutions: Sequence[Solution]) -> dict[str, dict[str, list[Solution]]]:
    """Task -> problem id -> samples."""
    named: dict[str, list[Solution]] = {}
    for format in order_formats(solution.format for solution in solutions):
        for solution in solutions:
            if solution.format == format:
                name = set_of(problems[solution.problem_id]) or "problems"
                named.setdefault(f"slipstick_{name}_{format}", []).append(solution)
    return {task: by_problem(members) for task, members in named.items()}


def _sample_rows(
    problems: dict[str, Problem], attempts: dict[str, list[Solution]], load: Callable[[str], Format]
) -> Iterator[dict[str, Any]]:
    for number, (name, samples) in enumerate(attempts.items()):
        problem = problems[name]
        gold = problem.answer if isinstance(problem.answer, str) else "; ".join(problem.answer or [])
        texts = [join(render(load(written_format(sample).partition(":")[0]), sample.blocks)) for sample in samples]
        doc = {"id": name, "question": problem.text, "answer": gold, "choices": problem.choices}
        yield {
            "doc_id": number,
            "doc": {key: value for key, value in doc.items() if value is not None},
            "target": gold,
            "arguments": {"gen_args_0": {"arg_0": problem.text, "arg_1": {}}},
            "resps": [texts],
            "filtered_resps": [sample.answer or "[invalid]" for sample in samples],
            "filter": _FILTER,
            "metrics": [_METRIC],
            "doc_hash": _digest(json.dumps(doc, ensure_ascii=False)),
            "prompt_hash": samples[0].prompt_hash or _digest(problem.text),
            "target_hash": _digest(gold),
            _METRIC: share_correct(samples),
        }


def _results(
    run: Run, tasks: dict[str, dict[str, list[Solution]]], metrics: Sequence[Metric], model: str
) -> dict[str, Any]:
    shown = {task: _task_results(task, attempts, metrics) for task, attempts in tasks.items()}
    counts = {task: len(attempts) for task, attempts in tasks.items()}
    settings = {key: value for key, value in run.recipe.items() if value is not None}
    return {
        "results": shown,
        "group_subtasks": {task: [] for task in tasks},
        "configs": {
            task: {"task": task, "output_type": "generate_until", "metadata": {"version": 1.0}} for task in tasks
        },
        "versions": dict.fromkeys(tasks, 1.0),
        "n-shot": dict.fromkeys(tasks, settings.get("num_fewshot", 0)),
        "higher_is_better": {task: {_METRIC: True} for task in tasks},
        "n-samples": {task: {"original": n, "effective": n} for task, n in counts.items()},
        "config": {"model": model, "model_args": settings, "limit": settings.get("limit")},
        "git_hash": run.commit,
        "date": run.started.timestamp(),
        "pretty_env_info": ", ".join(f"{name} {version}" for name, version in run.versions.items()),
        "transformers_version": run.versions.get("transformers"),
        "lm_eval_version": f"slipstick {run.versions.get('slipstick', '')}".strip(),
        "model_name": model,
    }


def _task_results(task: str, attempts: dict[str, list[Solution]], metrics: Sequence[Metric]) -> dict[str, Any]:
    """Accuracy with its standard error, and pass@k and maj@k if the run has them for the task's set."""
    values = [share_correct(samples) for samples in attempts.values()]
    found: dict[str, Any] = {
        "alias": task,
        f"{_METRIC},{_FILTER}": sum(values) / len(values),
        f"{_METRIC}_stderr,{_FILTER}": pstdev(values) / max(1, len(values) - 1) ** 0.5,
    }
    for metric in metrics:
        of_task = task == f"slipstick_{metric.group}_{metric.format}" or (not metric.group and metric.n == len(values))
        if of_task and task.endswith(f"_{metric.format}") and metric.measure.startswith(("maj@", "pass@", "best@")):
            found[f"{_METRIC},{metric.measure}"] = metric.value
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
