"""Writes the problems of a run as tasks of lm-evaluation-harness, one for each set, and a group of them all.

Shapes: EleutherAI/lm-evaluation-harness, docs/task_guide.md; the filters of maj@k are those of its
gsm8k-cot-self-consistency.yaml. lm-eval has no interpreter in its loop, so tasks ask for words; the verdict is ours.
"""

import json
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import StrictUndefined, Template

from slipstick.errors import InputError
from slipstick.metrics.groups import set_of
from slipstick.schema import Problem
from slipstick.store import RunFolder, write_atomically

_REGEX = r"(?m)answer is:?\s*(?:\$?\\boxed\{(.*)\}\$?|\$(.*?)\$|(.*?))\.?\s*$"
"""What follows the last "The answer is" of a line, which the prompt asks for, without \\boxed and dollars around it.

lm-eval takes the group that is not empty."""
_GRADE = '''"""slipstick's verdict as the metric of an lm-eval task."""

import slipstick


def process_results(doc, results):
    """Whether what the filter took out of a response means the same as the gold."""
    known = {key: doc.get(key) for key in ("answer", "kind", "choices")}
    problem = slipstick.Problem(id=str(doc["id"]), text=doc["question"], **known)
    verdict = slipstick.grade(f"The answer is {results[0]}.", problem)
    return {"exact_match": float(verdict.outcome == "correct")}
'''


def write_lm_eval_tasks(folder: RunFolder, out: Path, ks: Sequence[int] = ()) -> dict[str, int]:
    """Writes OUT/lm_eval_tasks: problems, a YAML file a set, the group's, and the metric; path -> rows.

    `lm_eval --include_path OUT/lm_eval_tasks --tasks slipstick_NAME` finds them. ks: for maj@k; the largest is the
    number of samples. Without it a task asks once, at temperature 0.
    Raises InputError if no problem has a gold.
    """
    place = out / "lm_eval_tasks"
    sets: dict[str, list[Problem]] = {}
    for problem in folder.problems():
        if problem.answer:
            sets.setdefault((set_of(problem) or "problems").replace("-", "_"), []).append(problem)
    if not sets:
        raise InputError(f"{folder.path} has no problem with an expected answer, which a task needs")
    place.mkdir(parents=True, exist_ok=True)
    written = {}
    for name, problems in sets.items():
        data = place / f"{name}.jsonl"
        write_atomically(data, _rows(problems))
        text = files("slipstick.exporters").joinpath("lm_eval_task.yaml.j2").read_text("utf-8")
        template = Template(text, trim_blocks=True, keep_trailing_newline=True, undefined=StrictUndefined)
        # JSON strings are YAML strings.
        task: str = template.render(name=name, data=str(data.absolute()), ks=sorted(ks), regex=_REGEX, json=json.dumps)
        write_atomically(place / f"slipstick_{name}.yaml", task)
        written[str(data.relative_to(out))] = len(problems)
    group = folder.path.name.replace("-", "_")
    if f"slipstick_{group}" not in {f"slipstick_{name}" for name in sets}:
        write_atomically(place / f"slipstick_{group}_group.yaml", _group(group, sets))
    write_atomically(place / "verdict.py", _GRADE)
    return written


def _rows(problems: Iterable[Problem]) -> Iterable[str]:
    for problem in problems:
        answers = [problem.answer] if isinstance(problem.answer, str) else problem.answer or []
        row = {"id": problem.id, "question": problem.text, "answer": answers, "kind": problem.kind}
        row |= {"choices": problem.choices} if problem.choices else {}
        yield f"{json.dumps(row, ensure_ascii=False)}\n"


def _group(name: str, sets: Iterable[str]) -> str:
    """A group whose mean weighs each set the same, as MAmmoTH's average does."""
    tasks = "".join(f"  - slipstick_{each}\n" for each in sets)
    weigh = "aggregate_metric_list:\n  - metric: exact_match\n    weight_by_size: false\n"
    return f"group: slipstick_{name}\ntask:\n{tasks}{weigh}metadata:\n  version: 1.0\n"
