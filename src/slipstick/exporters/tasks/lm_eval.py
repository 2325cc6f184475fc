"""Writes problems as tasks of lm-evaluation-harness, one for each set, and a group of them all.

Shapes: EleutherAI/lm-evaluation-harness, docs/task_guide.md; the filters of maj@k are those of its
gsm8k-cot-self-consistency.yaml, with our reading of an answer in place of a regular expression. lm-eval has no
interpreter in its loop, so tasks ask for words; the verdict is ours.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from slipstick.exporters.tasks.rows import distinct, graded_by, slug
from slipstick.exporters.tasks.templates import fill_in, templates
from slipstick.metrics.groups import set_of
from slipstick.schema import Problem
from slipstick.store import write_atomically


def write_lm_eval_tasks(
    problems: Iterable[Problem], out: Path, *, name: str, ks: Sequence[int] = (), profile: str = "slipstick"
) -> dict[str, int]:
    """Writes OUT/lm_eval_tasks: problems, a YAML file a set, the group's, and the metric; path -> rows.

    `lm-eval run --include_path OUT/lm_eval_tasks --tasks slipstick_NAME` finds them. problems: each with a gold. name:
    of the group. ks: for maj@k; the largest is the number of samples. Without it a task asks once, at temperature 0.
    """
    place = out / "lm_eval_tasks"
    named: dict[str, list[Problem]] = {}
    for problem in problems:
        named.setdefault(set_of(problem) or "problems", []).append(problem)
    names = distinct(named, slug)
    sets = {names[each]: members for each, members in named.items()}
    place.mkdir(parents=True, exist_ok=True)
    made = templates("lm_eval_tasks")
    group = slug(name)
    written = {}
    for each, members in sets.items():
        data = place / f"{each}.jsonl"
        write_atomically(data, _rows(members))
        values = {"name": each, "data": str(data.absolute()), "ks": sorted(ks)}
        write_atomically(place / f"slipstick_{each}.yaml", fill_in(made["task.yaml"], values))
        written[str(data.relative_to(out))] = len(members)
    if f"slipstick_{group}" not in {f"slipstick_{each}" for each in sets}:
        write_atomically(place / f"slipstick_{group}_group.yaml", _group(group, sets))
    write_atomically(place / "verdict.py", fill_in(made["verdict.py"], {"profile": profile}))
    said = {"task": f"slipstick_{next(iter(sets))}", "sets": list(sets)}
    write_atomically(place / "README.md", fill_in(made["README.md"], said))
    return written


def _rows(problems: Iterable[Problem]) -> Iterable[str]:
    """The problem is a text in its row, since `datasets` gives every row the fields of all."""
    for problem in problems:
        answers = [problem.answer] if isinstance(problem.answer, str) else problem.answer or []
        graded = json.dumps(graded_by(problem), ensure_ascii=False)
        row = {"id": problem.id, "question": problem.text, "answer": answers, "problem": graded}
        yield f"{json.dumps(row, ensure_ascii=False)}\n"


def _group(name: str, sets: Iterable[str]) -> str:
    """A group whose mean weighs each set the same, as MAmmoTH's average does."""
    tasks = "".join(f"  - slipstick_{each}\n" for each in sets)
    weigh = "aggregate_metric_list:\n  - metric: exact_match\n    weight_by_size: false\n"
    return f"group: slipstick_{name}\ntask:\n{tasks}{weigh}metadata:\n  version: 2.0\n"
