"""Curation of whole runs: what stays, what goes and why, kills, torn files, and mistakes that touch nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.curate import run_curate
from slipstick.curate.composition import Composition
from slipstick.errors import InputError, RecipeError, RunFolderError
from slipstick.schema import Code, Output, Problem, Run, Solution, Text, Verdict
from slipstick.store import RunFolder

QUESTION = "{} carries {} red apples and {} green pears from the old orchard to the market. How many fruits are there?"
RIGHT = Verdict(outcome="correct", method="number", expected="1")
WRONG = Verdict(outcome="incorrect", method="number", expected="1", reason="2 is not 1")

MakeRun = Callable[..., Path]


def problem(number: int, **fields: object) -> Problem:
    values = {"id": f"fruit/train/{number}", "text": QUESTION.format("Ann", number + 2, number + 3), "answer": "1"}
    return Problem.model_validate({**values, "licence": "MIT", **fields})


def pot(
    number: int, *, sample: int = 0, code: str | None = None, said: str | None = None, **fields: object
) -> Solution:
    code = code or f"apples = {number + 2}\npears = {number + 3}\nprint(apples + pears)"
    said = str(2 * number + 5) if said is None else said
    values = {
        "id": f"fruit/train/{number}#pot#{sample}",
        "problem_id": f"fruit/train/{number}",
        "sample": sample,
        "format": "pot",
        "blocks": [Code(text=code), Output(text=f"{said}\n")],
        "answer": said,
        "verdict": RIGHT,
    }
    return Solution.model_validate({**values, **fields})


def cot(number: int, text: str, *, sample: int = 0, **fields: object) -> Solution:
    values = {"id": f"fruit/train/{number}#cot#{sample}", "format": "cot", "blocks": [Text(text=text)], **fields}
    return Solution.model_validate({**pot(number, sample=sample).model_dump(), **values})


@pytest.fixture
def make_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeRun:
    monkeypatch.chdir(tmp_path)

    def make(name: str, problems: Sequence[Problem], solutions: Sequence[Solution]) -> Path:
        run = Run(name=name, verb="solve", status="finished", started=datetime.now(UTC), recipe={})
        folder = tmp_path / name
        folder.mkdir()
        (folder / "run.json").write_text(run.model_dump_json())
        for file, rows in (("problems", problems), ("solutions", solutions)):
            (folder / f"{file}.jsonl").write_text("".join(f"{row.model_dump_json()}\n" for row in rows))
        return folder

    return make


def curated(*settings: str, out: str = "out", recipe: str = "", **flags: Any) -> RunFolder:
    Path("my.toml").write_text(recipe or 'data = ["run"]\n')
    with Path("console.txt").open("w") as file:
        order = Invocation("my.toml", list(settings), out=Path(out), **flags)
        return RunFolder(run_curate(order, Console(file=file, width=200)))


def rules_of(folder: RunFolder) -> dict[str, str]:
    """Row -> rule."""
    return {drop.row.get("id", drop.row.get("where", "").rpartition("/")[2]): drop.rule for drop in folder.dropped()}


def kept(folder: RunFolder) -> list[str]:
    return [solution.id for solution in folder.solutions()]


def composition(folder: RunFolder) -> Composition:
    return Composition.model_validate_json((folder.path / "composition.json").read_text())


def one_row_for_each_rule() -> tuple[list[Problem], list[Solution]]:
    problems = [
        problem(0),
        problem(1, licence="CC-BY-NC-4.0"),
        problem(2, text="Wie viele Äpfel hat Hans, wenn er fünf kauft und seiner Schwester zwei davon schenkt?"),
        problem(3),
        problem(4, answer=None),
        *(problem(number) for number in range(5, 9)),
    ]
    rows = [
        pot(0),
        pot(0, sample=1),
        pot(0, sample=2, code="a = 2\nb = 3\ntotal = a + b\nprint(total)"),
        pot(0, sample=3, code="a = 2\nb = 3\ntotal = b + a\nprint(total)"),
        pot(1),
        pot(2),
        pot(3),
        pot(4, verdict=None),
        pot(5, verdict=WRONG),
        pot(6, code="print(17)", said="17"),
        pot(7, said="18"),
        cot(8, "Short."),
        pot(99),
    ]
    return problems, rows


def test_every_rule_takes_its_rows_and_says_so(make_run: MakeRun) -> None:
    problems, rows = one_row_for_each_rule()
    make_run("run", problems, rows)
    Path("test.jsonl").write_text(json.dumps({"id": "held/0", "question": problem(3).text, "answer": "9"}) + "\n")
    folder = curated(
        'decontaminate_against="test.jsonl"',
        "language=en",
        "licences.deny=['*NC*']",
        "min_solution_tokens=5",
        "max_solutions_per_problem=2",
        "splits={train=1}",
    )
    assert kept(folder) == ["fruit/train/0#pot#0", "fruit/train/0#pot#2"]
    assert rules_of(folder) == {
        "fruit/train/0#pot#1": "duplicate",
        "fruit/train/0#pot#3": "cap",
        "fruit/train/1#pot#0": "licence",
        "fruit/train/2#pot#0": "language",
        "fruit/train/3#pot#0": "contaminated",
        "fruit/train/4#pot#0": "verdict",
        "fruit/train/5#pot#0": "verdict",
        "fruit/train/6#pot#0": "hardcoded answer",
        "fruit/train/7#pot#0": "not reproduced",
        "fruit/train/8#cot#0": "length",
        "fruit/train/99#pot#0": "no problem",
    }
    reasons = {drop.rule: drop.reason for drop in folder.dropped()}
    assert reasons["not reproduced"] == "printed '18', now '19'"
    assert reasons["duplicate"] == "says what fruit/train/0#pot#0 says"
    assert reasons["contaminated"].startswith('exact overlap with held/0: "ann carries 5 red apples')
    made = composition(folder)
    assert made.overlaps == {"test.jsonl": {"exact": 1}} and made.evaluation == {"test.jsonl": 1}
    assert made.licences == {"MIT": 2} and made.splits == {"train": 2} and made.problems == 1
    assert sum(part.read for part in made.groups) == len(rows)
    assert {"licence", "contaminated", "not reproduced", "cap"} <= set(made.rules)
    assert [row.metadata for row in folder.problems()] == [{"split": "train"}]
    assert folder.run().counts == {"problems": 1, "solutions": 2, "correct": 2, "split train": 2, "dropped": 11}
    said = Path("console.txt").read_text()
    assert "overlap with test.jsonl: 1 exact of 1 problems" in said and "hardcoded answer" in said
    hits = [json.loads(line) for line in (folder.path / "contamination.jsonl").read_text().splitlines()]
    assert [hit["problem_id"] for hit in hits if hit["kind"] == "exact"] == ["fruit/train/3"]
    assert {hit["kind"] for hit in hits} == {"exact", "template"}, "the others differ from it in their numbers"


def test_near_duplicates_of_solutions_and_questions(make_run: MakeRun) -> None:
    words = (
        "First we count the apples in the basket, then the pears, and then we add them all: {} and {} make {} fruits."
    )
    first, second = words.format(2, 3, 5), words.format(2, 3, 5).replace("basket", "cart")
    twin = QUESTION.format("Ann", 2, 3).replace("market", "station")
    make_run(
        "run",
        [problem(0), problem(1), problem(2, text=twin), problem(3, text=QUESTION.format("Ann", 2, 3))],
        [
            cot(0, first),
            cot(0, second, sample=1),
            cot(0, words.format(2, 4, 6), sample=2),
            cot(1, first),
            cot(2, "x"),
            cot(3, "y"),
        ],
    )
    folder = curated("near_duplicates={solutions=0.6, questions=0.6}", 'duplicates=["solutions", "questions"]')
    assert kept(folder) == ["fruit/train/0#cot#0", "fruit/train/0#cot#2", "fruit/train/1#cot#0"]
    drops = {drop.row["id"]: (drop.rule, drop.reason) for drop in folder.dropped()}
    assert drops["fruit/train/0#cot#1"][0] == "near duplicate" and drops["fruit/train/0#cot#1"][1].endswith("0#cot#0")
    assert drops["fruit/train/2#cot#0"][0] == "near duplicate" and "train/0" in drops["fruit/train/2#cot#0"][1]
    assert drops["fruit/train/3#cot#0"] == ("duplicate", "asks what fruit/train/0 asks")
    assert kept(curated("near_duplicates={}", "duplicates=[]", out="all")) == [
        *(f"fruit/train/0#cot#{sample}" for sample in range(3)),
        *(f"fruit/train/{number}#cot#0" for number in (1, 2, 3)),
    ]


def test_several_runs_and_ids_that_collide(make_run: MakeRun) -> None:
    make_run("one", [problem(0)], [cot(0, "One way to say it."), cot(0, "Another.", sample=1)])
    make_run("two", [problem(0), problem(1)], [cot(0, "Quite another way."), cot(1, "A fourth.")])
    folder = curated(recipe='data = ["one", "two"]\n')
    assert kept(folder) == [
        "fruit/train/0#cot#0",
        "fruit/train/0#cot#1",
        "fruit/train/0#cot#0@two",
        "fruit/train/1#cot#0",
    ]
    assert [row.id for row in folder.problems()] == ["fruit/train/0", "fruit/train/1"]
    origins = [json.loads(line) for line in (folder.path / "origins.jsonl").read_text().splitlines()]
    assert origins[2] == {
        "id": "fruit/train/0#cot#0@two",
        "run": "two",
        "line": 1,
        "original_id": "fruit/train/0#cot#0",
    }
    make_run("three", [problem(0, text="Something else?")], [])
    with pytest.raises(InputError, match=r"three/problems.jsonl:1: `fruit/train/0` is another question"):
        curated(recipe='data = ["one", "three"]\n', out="clash")
    assert not Path("clash").exists()


def test_lines_that_are_no_rows_are_dropped_with_file_and_line(make_run: MakeRun) -> None:
    folder = make_run("run", [problem(0), problem(1)], [cot(0, "Fine."), cot(1, "Fine, too."), cot(0, "x", sample=1)])
    lines = (folder / "solutions.jsonl").read_text().splitlines()
    (folder / "solutions.jsonl").write_text(f"{lines[0]}\n[1, 2]\n\n{lines[1]}\n{lines[2]}\n{lines[2][:50]}")
    with (folder / "problems.jsonl").open("ab") as file:
        file.write(b'{"id": 7}\n\xff\xfe\n')
    (folder / "verdicts.jsonl").write_text(f'not json\n{{"id":"{"fruit/train/0#cot#1"}","answer":3}}\n')
    made = curated()
    assert kept(made) == ["fruit/train/0#cot#0", "fruit/train/1#cot#0"]
    drops = [(drop.row["where"].rpartition("run/")[2], drop.rule) for drop in made.dropped()]
    assert drops == [
        ("problems.jsonl:3", "unreadable"),
        ("problems.jsonl:4", "unreadable"),
        ("verdicts.jsonl:1", "unreadable"),
        ("solutions.jsonl:2", "unreadable"),
        ("solutions.jsonl:3", "unreadable"),
        ("verdicts.jsonl:2", "unreadable"),
        ("solutions.jsonl:6", "unreadable"),
    ]
    assert all(drop.row["where"] in drop.reason for drop in made.dropped())


def test_verdicts_given_later_count(make_run: MakeRun) -> None:
    folder = make_run("run", [problem(0)], [cot(0, "Fine.", verdict=None), cot(0, "Not so.", sample=1, verdict=None)])
    RunFolder(folder).write_verdicts([cot(0, "", verdict=RIGHT), cot(0, "", sample=1, verdict=WRONG)])
    assert kept(curated()) == ["fruit/train/0#cot#0"]


def test_unverified_sources_stay_where_they_are_named(make_run: MakeRun) -> None:
    make_run("run", [problem(0, answer=None)], [cot(0, "Fine.", verdict=None)])
    assert kept(curated()) == []
    assert kept(curated("unverified=fruit", out="named")) == ["fruit/train/0#cot#0"]
    assert kept(curated("unverified=*", out="all")) == ["fruit/train/0#cot#0"]


def test_limit_takes_the_first_problems_and_drops_no_others(make_run: MakeRun) -> None:
    make_run("run", [problem(n) for n in range(5)], [cot(n, f"Fine, {n}.") for n in range(5)])
    folder = curated("limit=2")
    assert kept(folder) == ["fruit/train/0#cot#0", "fruit/train/1#cot#0"] and not list(folder.dropped())


def test_splits_keep_a_question_together_and_the_mix_is_kept(make_run: MakeRun) -> None:
    problems = [problem(n, metadata={"split": "train"}) for n in range(40)]
    twins = [row.model_copy(update={"id": row.id.replace("fruit", "twin")}) for row in problems]
    rows = [cot(n, f"Fine, {n}.", sample=k) for n in range(40) for k in range(2)]
    again = [cot(n, f"Well, {n}.", problem_id=f"twin/train/{n}", id=f"twin/train/{n}#cot#0") for n in range(40)]
    make_run("run", [*problems, *twins], [*rows, *again])
    folder = curated("splits={train=0.75, valid=0.25}", "duplicates=[]", "near_duplicates={}", "mix={fruit=2, twin=1}")
    splits = {row.id: row.metadata["split"] for row in folder.problems()}
    assert all(splits[name] == splits[name.replace("fruit", "twin")] for name in splits if name.startswith("fruit"))
    assert sorted(splits.values()).count("valid") == 20
    assert {row.metadata.get("origin_split") for row in folder.problems()} == {None, "train"}


def test_empty_runs(make_run: MakeRun) -> None:
    make_run("run", [], [])
    folder = curated("splits={train=1}", "near_duplicates={questions=0.5}")
    assert kept(folder) == [] and folder.run().status == "finished"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["near_duplicate={}"], "did you mean `near_duplicates`"),
        (["near_duplicates={words=0.5}"], "near_duplicates"),
        (["near_duplicates={solutions=1.5}"], "near_duplicates"),
        (["splits={train=0.5}"], "the shares sum to 0.5; they must sum to 1"),
        (["mix={fruit=0}"], "all weights are 0"),
        (["max_solutions_per_problem=0"], "max_solutions_per_problem"),
        (["licences={denied=['x']}"], "licences"),
        (["contamination_rules=['8gram']"], "contamination_rules"),
    ],
)
def test_mistakes_in_a_recipe(make_run: MakeRun, settings: list[str], message: str) -> None:
    make_run("run", [problem(0)], [cot(0, "Fine.")])
    with pytest.raises(RecipeError, match=message):
        curated(*settings)
    assert not Path("out").exists()


def test_mistakes_about_data(make_run: MakeRun) -> None:
    folder = make_run("run", [problem(0)], [cot(0, "Fine.")])
    with pytest.raises(RunFolderError, match="is not a run folder"):
        curated(recipe='data = "nowhere"\n')
    with pytest.raises(InputError, match=r"none of 1 sets can be loaded; `missing\.jsonl`"):
        curated("decontaminate_against=missing.jsonl")
    with pytest.raises(InputError, match="mix names `pears`"):
        curated("mix={pears=1}")
    run = RunFolder(folder)
    run.note(status="running")
    with pytest.raises(InputError, match="is not finished"):
        curated()
    assert not Path("out").exists()


def test_a_set_that_cannot_be_loaded_is_named(make_run: MakeRun) -> None:
    make_run("run", [problem(0)], [cot(0, "Fine.")])
    Path("test.jsonl").write_text('{"id": "held/0", "question": "Is it?", "answer": "9"}\n')
    folder = curated("decontaminate_against=['test.jsonl', 'missing.jsonl']")
    made = composition(folder)
    assert list(made.evaluation) == ["test.jsonl"] and "does not exist" in made.not_compared["missing.jsonl"]
    assert "NOT compared with missing.jsonl" in Path("console.txt").read_text()


def test_a_dataset_is_compared_by_its_local_file(make_run: MakeRun) -> None:
    make_run("run", [problem(0)], [cot(0, "Fine.")])
    Path("sets").mkdir()
    lines = [json.dumps({"question": problem(0).text, "answer": "So it is. #### 5"}), '{"answer": "no question"}']
    Path("sets/gsm8k_test.jsonl").write_text("\n".join(lines) + "\n")
    folder = curated("decontaminate_against=gsm8k:test", "problems_dir=sets")
    made = composition(folder)
    assert rules_of(folder) == {"fruit/train/0#cot#0": "contaminated"} and made.evaluation == {"gsm8k:test": 1}
    assert made.not_compared["gsm8k:test"].startswith("1 rows cannot be read, the first: sets/gsm8k_test.jsonl:2")
    assert any(name.endswith("gsm8k_test.jsonl") for name in folder.run().inputs)


def test_templates_are_reported_and_stay(make_run: MakeRun) -> None:
    make_run("run", [problem(0)], [cot(0, "Fine.")])
    Path("test.jsonl").write_text(json.dumps({"id": "held/0", "question": QUESTION.format("Ann", 7, 8)}) + "\n")
    folder = curated("decontaminate_against=test.jsonl")
    assert kept(folder) == ["fruit/train/0#cot#0"] and composition(folder).overlaps == {"test.jsonl": {"template": 1}}
    strict = curated("decontaminate_against=test.jsonl", 'contamination_rules=["exact", "template"]', out="strict")
    assert kept(strict) == [] and rules_of(strict) == {"fruit/train/0#cot#0": "contaminated"}


def test_a_changed_rule_does_not_run_programs_again(make_run: MakeRun) -> None:
    make_run("run", [problem(n) for n in range(3)], [pot(n) for n in range(3)])
    folder = curated()
    before = (folder.path / "executed.jsonl").read_text()
    (folder.path / "executed.jsonl").write_text(
        before.replace('"difference": ""', '"difference": "kept\u2028from before"', 1) + '{"to'
    )
    folder = curated("max_solution_tokens=500", resume=True)
    assert kept(folder) == ["fruit/train/1#pot#0", "fruit/train/2#pot#0"]
    assert [drop.reason for drop in folder.dropped()] == ["kept\u2028from before"]
    assert (
        folder.run().recipe["max_solution_tokens"] == 500
        and "max_solution_tokens = 500" in (folder.path / "recipe.toml").read_text()
    )


def test_a_run_that_is_killed_ends_as_an_undisturbed_one(make_run: MakeRun, tmp_path: Path) -> None:
    make_run("run", [problem(n) for n in range(60)], [pot(n, said="0" if n % 7 == 0 else None) for n in range(60)])
    whole = curated("splits={train=0.8, valid=0.2}", out="whole")
    command = [str(Path(sys.executable).with_name("slipstick")), "curate", "my.toml", "--out", "killed"]
    command += ["--set", "splits={train=0.8, valid=0.2}", "--set", "sandbox_workers=1"]
    log = tmp_path / "killed" / "executed.jsonl"
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (log.exists() and log.read_text().count("\n") >= 5) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    folder = curated("splits={train=0.8, valid=0.2}", out="killed", resume=True)
    for name in ("problems.jsonl", "solutions.jsonl", "dropped.jsonl", "composition.json", "origins.jsonl"):
        assert (folder.path / name).read_text() == (whole.path / name).read_text()
    assert sorted((folder.path / "executed.jsonl").read_text().splitlines()) == sorted(
        (whole.path / "executed.jsonl").read_text().splitlines()
    )
