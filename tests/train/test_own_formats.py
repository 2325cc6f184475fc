"""Training in formats of files: the runs that are trained on have them, and the model's folder keeps them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.curate import run_curate
from slipstick.commands.evaluate import run_evaluate
from slipstick.commands.grade import run_grade
from slipstick.commands.show_mask import run_show_mask
from slipstick.commands.train import run_train
from slipstick.commands.value import run_value
from slipstick.errors import InputError, RecipeError
from slipstick.formats.recorded import formats_of
from slipstick.schema import Problem, Solution
from slipstick.store import RunFolder

pytest.importorskip("torch", reason="the extra `train` is not installed")

TAGS = """
executes = "steps"
instruction = "Solve: {question}"
code_begin = "<py>\\n"
code_end = "\\n</py>"
code_output_begin = "\\n<out>"
code_output_end = "</out>\\n"
"""
SMALL = 'num_processes = 1\nmax_train_tokens = 2000\nbatch_tokens = 512\nmax_length = 128\ndevice = "cpu"\n'
ASKED = ["max_tokens=12", "isolation=process", "sandbox_workers=1", "device=cpu"]
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory, sums: list[tuple[Solution, Problem]]) -> Path:
    """A folder with an evaluated run of six sums in a format of a file, half of its solutions correct; no file."""
    here = tmp_path_factory.mktemp("solved")
    problems = list({problem.id: problem for _, problem in sums}.values())[:6]
    rows = [{"question": problem.text, "answer": problem.answer} for problem in problems]
    (here / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    script = []
    for number, problem in enumerate(problems, start=1):
        asked = {"problem_id": f"sums/{number}", "format": "tags"}
        script += [
            {**asked, "sample": 0, "turn": 0, "text": f"<py>\nprint({problem.answer})\n</py>"},
            {**asked, "sample": 0, "turn": 1, "text": f"The answer is {problem.answer}."},
            {**asked, "sample": 1, "text": "The answer is 7777."},
        ]
    (here / "script.jsonl").write_text("".join(json.dumps(row) + "\n" for row in script))
    (here / "tags.toml").write_text(TAGS)
    changes = [f"model=fake:{here / 'script.jsonl'}", f"formats={here / 'tags.toml'}", "num_samples=2", "temperature=1"]
    run_evaluate(Invocation(str(here / "sums.jsonl"), [*changes, *ASKED[1:3]], out=here / "run"), QUIET)
    (here / "tags.toml").unlink()
    outcomes = [solution.verdict and solution.verdict.outcome for solution in RunFolder(here / "run").solutions()]
    assert sorted(map(str, outcomes)) == ["correct"] * 6 + ["incorrect"] * 6
    return here


def test_train_on_solutions_in_it_and_ask_the_model_in_it(solved: Path, tiny_model: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "small.toml"
    data = f'base = "{tiny_model}"\ndata = "{solved / "run"}"\n'
    measured = f'eval_accuracy_problems = 2\neval_every = 1000\neval_problems = "{solved / "sums.jsonl"}"\n'
    recipe.write_text(SMALL + data + measured + 'max_tokens = 12\nisolation = "process"\n')
    told = Console(record=True, width=200)
    run_show_mask(str(recipe), [f"page={tmp_path / 'mask.html'}"], told)
    shown = told.export_text()
    assert "tags: " in shown and "⟦<py>" in shown and "Solve: " in shown
    folder = run_train(Invocation(str(recipe), out=tmp_path / "trained"), QUIET) / "model"
    measured_in = [metric.format for metric in RunFolder(tmp_path / "trained").metrics()]
    assert measured_in == ["", "tags"]
    kept = folder / "tags.toml"
    assert tomllib.loads(kept.read_text()) == tomllib.loads(TAGS)
    assert "in the format of `tags.toml`" in (folder / "README.md").read_text()

    problems, model = str(solved / "sums.jsonl"), f"model=hf:{folder}"
    asked = run_evaluate(
        Invocation(problems, [model, f"formats={kept}", *ASKED], limit=2, out=tmp_path / "asked"), QUIET
    )
    assert {solution.format for solution in RunFolder(asked).solutions()} == {"tags"}
    for absent in ("tags", "nowhere/tags.toml"):
        with pytest.raises(RecipeError, match=f"trained in one of this name: {kept}"):
            run_evaluate(Invocation(problems, [model, f"formats={absent}", *ASKED]), QUIET)


def test_judge_and_choose_solutions_in_it(solved: Path, tiny_model: Path, tmp_path: Path) -> None:
    graded = run_grade(Invocation(str(solved / "run"), out=tmp_path / "graded"), QUIET)
    recipe = tmp_path / "value.toml"
    recipe.write_text(
        f'stage = "value"\nbase = "{tiny_model}"\ndata = "{graded}"\nholdout = 0.4\nmax_length = 128\ndevice = "cpu"\n'
    )
    folder = run_train(Invocation(str(recipe), out=tmp_path / "trained"), QUIET) / "model"
    assert (folder / "tags.toml").is_file()
    changes = [f"value_model={folder}", "device=cpu"]
    valued = run_value(Invocation(str(solved / "run"), changes, out=tmp_path / "valued"), QUIET)
    assert all(solution.value is not None for solution in RunFolder(valued).solutions())
    assert formats_of([valued])("tags").code_begin == "<py>\n"


def test_reinforce_solutions_in_it(solved: Path, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "tags.toml").write_text(TAGS)
    recipe = tmp_path / "grpo.toml"
    recipe.write_text(
        f'stage = "grpo"\nbase = "{tiny_model}"\nproblems = "{solved / "sums.jsonl"}"\n'
        f'format = "{tmp_path / "tags.toml"}"\n'
        'max_steps = 1\nnum_generations = 2\nbatch_size = 2\nmax_tokens = 8\nisolation = "process"\ndevice = "cpu"\n'
    )
    run = run_train(Invocation(str(recipe), limit=1, out=tmp_path / "run"), QUIET)
    assert RunFolder(run).run().counts == {"problems": 1, "solutions": 2}
    folder = run / "model"
    assert tomllib.loads((folder / "tags.toml").read_text()) == tomllib.loads(TAGS)
    with pytest.raises(RecipeError, match="there is no format `tagz`"):
        run_train(Invocation(str(recipe), ["format=tagz"], out=tmp_path / "none"), QUIET)
    with pytest.raises(RecipeError, match='format = "hybrid": stage "grpo" samples in one format'):
        run_train(Invocation(str(recipe), ["format=hybrid"], out=tmp_path / "none"), QUIET)


def test_two_runs_with_different_formats_of_one_name(solved: Path, tmp_path: Path) -> None:
    (tmp_path / "tags.toml").write_text(TAGS.replace("Solve", "Answer"))
    changes = [f"model=fake:{solved / 'script.jsonl'}", f"formats={tmp_path / 'tags.toml'}", *ASKED[1:3]]
    other = run_evaluate(Invocation(str(solved / "sums.jsonl"), changes, limit=1, out=tmp_path / "other"), QUIET)
    with pytest.raises(InputError, match="have different formats of the name `tags`"):
        formats_of([solved / "run", other])
    recipe = tmp_path / "c.toml"
    recipe.write_text(f'data = ["{solved / "run"}", "{other}"]\ndecontaminate_against = []\nrerun_programs = false\n')
    with pytest.raises(InputError, match="have different formats of the name `tags`"):
        run_curate(Invocation(str(recipe), out=tmp_path / "kept"), QUIET)
