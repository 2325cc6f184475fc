"""Solutions as their sources were published with them: run, compared where there is a gold, kept without one."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.synthesize import run_synthesize
from slipstick.errors import InputError, RecipeError
from slipstick.schema import Code
from slipstick.store import RunFolder

ASK = "A tin holds 3 rows of 4 buns. How many buns are there?"
ROWS = {
    "gsm8k_train": [{"question": ASK, "answer": "Each row has 4, so 3*4 = <<3*4=12>>12 buns.\n#### 12"}],
    "gsm8k-rft_train": [
        {"query": ASK, "response": "3 rows of 4 are <<3*4=12>>12.\n#### 12"},
        {"query": ASK, "response": "Rows and buns."},
    ],
    "camel-math_train": [{"topic;": "Algebra", "message_1": "Solve x - 2 = 5.", "message_2": "x = 7."}],
    "numglue_train": [
        {"input": "What do 3 carts of 4 wheels have?", "output_program": "print(3 * 4)", "output_answer": "12.0"},
        {"input": "What do 3 carts of 5 wheels have?", "output_program": "print(3 * 4)", "output_answer": "15"},
        {"input": "What do 3 carts of 6 wheels have?", "output_program": "print(3 *", "output_answer": "18"},
    ],
    "mathqa_train": [
        {
            "Problem": "what is 5 % of 40 ?",
            "Rationale": "5 / 100 * 40 = 2 answer : c",
            "options": "a ) 1 , b ) 3 , c ) 2 , d ) 4 , e ) none of these",
            "correct": "c",
            "linear_formula": "divide(n0,const_100)|multiply(#0,n1)|",
            "category": "gain",
        }
    ],
}
SOURCES = ["gsm8k:train", "gsm8k-rft:train", "camel-math:train", "numglue:train", "mathqa:numbers"]


@pytest.fixture
def problems_dir(tmp_path: Path) -> Path:
    for name, rows in ROWS.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def run(folder: Path, *overrides: str) -> RunFolder:
    recipe = f'method = "released"\nproblems = {SOURCES}\nformats = ["cot", "pot"]\nisolation = "process"\n'
    (folder / "r.toml").write_text(recipe)
    order = Invocation(str(folder / "r.toml"), [f"problems_dir={folder}", *overrides], out=folder / "run")
    return RunFolder(run_synthesize(order, Console(quiet=True)))


def test_each_source_is_read_as_it_was_published(problems_dir: Path) -> None:
    folder = run(problems_dir)
    kept = {solution.id: solution for solution in folder.solutions()}
    verdicts = {name: solution.verdict and solution.verdict.outcome for name, solution in kept.items()}
    assert verdicts == {
        "gsm8k/train/0#cot#0": "correct",
        "gsm8k-rft/train/0#cot#0": "correct",
        "gsm8k-rft/train/1#cot#0": None,
        "camel-math/train/0#cot#0": None,
        "numglue/train/0#pot#0": "correct",
        "mathqa/numbers/0#pot#0": "correct",
    }
    words = str(kept["gsm8k/train/0#cot#0"].blocks)
    assert "<<" not in words and "The answer is 12." in words
    assert "n0" not in next(b.text for b in kept["mathqa/numbers/0#pot#0"].blocks if isinstance(b, Code))
    assert str(kept["camel-math/train/0#cot#0"].blocks).count("x = 7.") == 1, "as it is"
    rules = Counter(drop.rule for drop in folder.dropped())
    assert rules == {"wrong answer": 1, "program failed": 1}


def test_sources_are_left_out_by_name_and_by_licence(problems_dir: Path) -> None:
    folder = run(problems_dir, "leave_out=['*NC*', 'none', 'numglue']")
    assert {solution.id.partition("/")[0] for solution in folder.solutions()} == {"gsm8k", "mathqa"}
    assert folder.run().recipe["leave_out"] == ["*NC*", "none", "numglue"]
    with pytest.raises(RecipeError, match=r"neither a dataset nor a licence `numgleu` \(did you mean `numglue`\?\)"):
        run(problems_dir, "leave_out=numgleu")


def test_a_run_of_which_all_is_left_out_is_an_empty_one(problems_dir: Path) -> None:
    folder = run(problems_dir, "leave_out=*")
    assert folder.run().status == "finished" and not list(folder.problems())
    with pytest.raises(InputError, match="contains no problem"):
        run(problems_dir, "problems=[]")
