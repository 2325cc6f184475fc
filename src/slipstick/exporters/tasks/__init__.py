"""Writes problems as tasks of other tools, which run them with our interpreter and take our verdict.

    rows        a problem as a row of a task's data
    templates   fills in the files of a task
    lm_eval     tasks of lm-evaluation-harness, one for each set
    inspect_task, verifiers, openenv, nemo_gym
                templates of the files that those tools load, laid out as they are written

`TASKS` says what each shape is. The tools' loops differ; what they end in is graded by `slipstick.rewards.dialogues`.
"""

import json
from collections.abc import Callable, Iterable
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field, field_validator

from slipstick.equivalence import check_profile
from slipstick.equivalence.policies import REWARDS
from slipstick.errors import InputError, UserError, did_you_mean
from slipstick.exporters.files import write_jsonl
from slipstick.exporters.tasks.lm_eval import write_lm_eval_tasks
from slipstick.exporters.tasks.rows import chat_row, gym_row, slug
from slipstick.exporters.tasks.templates import fill_in, templates
from slipstick.formats import FormatName, load_format
from slipstick.schema import Problem, Record
from slipstick.store import write_atomically


class TaskSettings(Record):
    """Settings of tasks for other tools."""

    ks: list[int] = Field(default_factory=list)
    """k of the filters maj@k in "lm_eval_tasks"; the largest is the number of samples of each problem."""
    format: FormatName = "tools"
    """How tasks ask: "tools" offers the interpreter as a tool, "cot" asks for words only, as lm-eval always does."""
    max_turns: int = Field(default=8, ge=1, le=1_000)
    """Most code blocks that are run in one solution of a task."""
    profile: str | None = None
    """The grader of tasks; None takes "slipstick" for evaluations, and "slipstick-strict" for what models are trained
    in: "verifiers", "openenv" and "nemo_gym"."""

    @field_validator("format")
    @classmethod
    def _is_for_a_chat(cls, name: str) -> str:
        chosen = load_format(name)
        if not chosen.tool and chosen.executes != "never":
            raise ValueError(f"`{name}` has code in its text, which other tools do not run; take tools, or cot")
        return name

    @field_validator("profile")
    @classmethod
    def _exists(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                check_profile(name)
            except UserError as error:
                raise ValueError(str(error)) from error
        return name


class Task(NamedTuple):
    """One tool that runs tasks."""

    reader: str
    """What reads it."""
    row: Callable[[Problem, str], dict[str, Any]] | None
    """Makes a row of a problem, in a format; None if the tool has a writer of its own."""
    data: str
    """The path of the rows, in the shape's folder; NAME stands for the task's name."""
    trains: bool = False
    """Whether models are trained in it, so that the stricter profile is the default."""


TASKS: dict[str, Task] = {
    "lm_eval_tasks": Task("lm-evaluation-harness", None, ""),
    "inspect_task": Task("inspect", chat_row, "problems.jsonl"),
    "verifiers": Task("verifiers, prime-rl", chat_row, "NAME/problems.jsonl", trains=True),
    "openenv": Task("OpenEnv: TRL and others", chat_row, "problems.jsonl", trains=True),
    "nemo_gym": Task("NeMo Gym, NeMo RL", gym_row, "resources_servers/NAME/data/problems.jsonl", trains=True),
}


def write_task(
    shape: str, problems: Iterable[Problem], out: Path, *, name: str, settings: TaskSettings
) -> dict[str, int]:
    """Writes OUT/SHAPE, problems with a gold as a task of one tool; path of the data -> rows.

    name: of the task, which becomes `slipstick_NAME`, in small letters, digits and underscores.
    Raises InputError for an unknown shape and if no problem has a gold.
    """
    if shape not in TASKS:
        raise InputError(f"there is no task `{shape}`{did_you_mean(shape, TASKS)}; known: {', '.join(TASKS)}")
    known = [problem for problem in problems if problem.answer]
    if not known:
        raise InputError(f"no problem of {name} has an expected answer, which a task needs")
    task = TASKS[shape]
    if task.row is None:
        return write_lm_eval_tasks(known, out, name=name, ks=settings.ks, profile=settings.profile or "slipstick")
    place, module = out / shape, f"slipstick_{slug(name)}"
    data = place / task.data.replace("NAME", module)
    data.parent.mkdir(parents=True, exist_ok=True)
    values = {
        "name": module,
        "tools": bool(load_format(settings.format).tool),
        "max_turns": settings.max_turns,
        "profile": settings.profile or (REWARDS if task.trains else "slipstick"),
        "system": load_format(settings.format).system,
        "problems": len(known),
        "requirement": _own_requirement(),
    }
    _write_templates(shape, place, values)
    rows = write_jsonl(data, (task.row(problem, settings.format) for problem in known))
    return {str(data.relative_to(out)): rows}


def _write_templates(shape: str, place: Path, values: dict[str, Any]) -> None:
    """Writes every template of a shape's folder where it stands there, NAME in its path replaced."""
    for path, template in templates(shape).items():
        written = place / path.replace("NAME", values["name"])
        written.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(written, fill_in(template, values))


def _own_requirement() -> str:
    """What pip calls the slipstick that writes this: the checkout, commit or file it was installed from, if any."""
    source = json.loads(distribution("slipstick").read_text("direct_url.json") or "{}")
    url = source.get("url")
    if url and (repository := source.get("vcs_info")):
        url = f"{repository['vcs']}+{url}@{repository['commit_id']}"
    if url and (folder := source.get("subdirectory")):
        url += f"#subdirectory={folder}"
    return f"slipstick @ {url}" if url else "slipstick"
