"""The whole path with a model that is really trained: data, weights, solutions, report; and real recorded outputs."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.evaluate import run_evaluate
from slipstick.commands.grade import run_grade
from slipstick.commands.quickstart import run_quickstart
from slipstick.commands.report import run_report
from slipstick.commands.solve import run_solve
from slipstick.errors import InputError, RecipeError, RunFolderError, UserError, first_error
from slipstick.metrics.labels import metric_label
from slipstick.models import Reply, Request
from slipstick.models.fake import FakeModel
from slipstick.schema import Solution
from slipstick.store import RunFolder

TRAJECTORIES = Path(__file__).parents[3] / "shared" / "data" / "trajectories"
SMALL = [
    "data.problems=synthetic:train,n=150",
    "train.max_train_tokens=6000",
    "train.d_model=32",
    "train.d_ff=64",
    "train.num_layers=1",
    "train.vocab_size=500",
    "evaluate.problems=['synthetic:known,n=3', 'synthetic:abstract,n=2']",
    "evaluate.max_tokens=40",
]


def test_the_quickstart_in_small_and_again(tmp_path: Path) -> None:
    console = Console(record=True, width=120)
    run = run_quickstart(tmp_path / "q", SMALL, console)
    data, train = RunFolder(tmp_path / "q" / "data"), RunFolder(tmp_path / "q" / "train")
    assert not list(data.dropped()) and {s.format for s in data.solutions()} == {"cot", "pot", "tir"}
    assert all(s.verdict and s.verdict.outcome == "correct" for s in data.solutions())
    losses = [json.loads(line)["loss"] for line in (train.path / "model" / "losses.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0]
    solutions = list(RunFolder(run).solutions())
    assert len(solutions) == 5 * 4 and all(s.verdict for s in solutions)
    names = {metric_label(metric) for metric in RunFolder(run).metrics()}
    assert {"accuracy, hybrid", "accuracy, pot, known", "accuracy, cot, abstract"} <= names
    assert (run / "report.html").is_file()

    before = (run / "run.json").read_bytes()
    again = Console(record=True, width=120)
    run_quickstart(tmp_path / "q", SMALL, again)
    assert again.export_text().count("already done") == 3 and (run / "run.json").read_bytes() == before


def test_the_quickstart_knows_its_steps() -> None:
    with pytest.raises(RecipeError, match=r"--set trian\.max_train_tokens=1: write seed=N or STAGE\.KEY=VALUE"):
        run_quickstart(Path("nowhere"), ["trian.max_train_tokens=1"], Console())


@pytest.mark.skipif(not TRAJECTORIES.is_dir(), reason=f"needs recorded outputs in {TRAJECTORIES}")
@pytest.mark.parametrize(
    ("file", "format"), [("tora-70b-v1.0.gsm8k", "tir"), ("MathCoder-L-7b.gsm8k", "tir"), ("pot-codex.gsm8k.fs", "pot")]
)
def test_recorded_outputs_run_through_our_own_path(tmp_path: Path, file: str, format: str) -> None:
    path = TRAJECTORIES / f"{file}.jsonl.gz"
    overrides = [f"problems={path}", f"model=replay:{path}", f"formats=['{format}']"]
    run = RunFolder(run_evaluate(Invocation("replay", overrides, limit=60, out=tmp_path / "run"), Console()))
    metrics = {metric_label(metric): metric.value for metric in run.metrics()}
    assert metrics[f"accuracy, {format}"] > 0.5
    if format == "tir":
        assert metrics["outputs_equal, tir"] > 0.9


Solve = Callable[..., tuple[RunFolder, str]]


@pytest.fixture
def solve(tmp_path: Path) -> Solve:
    """Runs `solve` of 200 problems with a function as the model; gives the folder and what was printed."""
    rows = [{"id": f"p/{n}", "question": f"What is {n} + 0?", "answer": n} for n in range(200)]
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "r.toml").write_text(f'problems = "{tmp_path}/problems.jsonl"\nmodel = "fake:"\nformats = ["cot"]\n')

    def run(script: Callable[[Request], Reply], *overrides: str, **flags: Any) -> tuple[RunFolder, str]:
        console = Console(record=True, width=120, file=io.StringIO())
        order = Invocation(
            str(tmp_path / "r.toml"), list(overrides), out=tmp_path / "run", model=FakeModel(script), **flags
        )
        return RunFolder(run_solve(order, console)), console.export_text()

    return run


def right(request: Request) -> Reply:
    return Reply(text=f"The answer is {request.problem.answer}.", tokens=10, prompt_tokens=50, cost=0.01)


def test_solutions_end_up_in_the_order_asked_for(solve: Solve) -> None:
    folder, shown = solve(right, "num_samples=2", "formats=['hybrid', 'cot']")
    ids = [solution.id for solution in folder.solutions()]
    assert ids == [f"p/{n}#{name}#{k}" for n in range(200) for k in range(2) for name in ("hybrid", "cot")]
    assert folder.run().status == "finished" and folder.run().counts == {"problems": 200, "solutions": 800}
    assert "800 of 800 solutions" in shown and "100 % correct" in shown
    last = f"\n800 solutions of 200 problems: {folder.path}\nnext: slipstick grade {folder.path}\n"
    assert shown.endswith(last), "it says where the run lies and what is next, and ends its line"


def test_votes_that_settle_after_a_failed_request_is_made_again_have_no_more_samples(solve: Solve) -> None:
    def flaky(request: Request) -> Reply:
        failed = request.sample == 1 and int(request.problem.id[2:]) % 2
        return Reply(text="", finish="error", error="HTTP 503") if failed else right(request)

    more = ("num_samples=6", "consistency_threshold=0.9", "temperature=1.0")
    folder, _ = solve(flaky, *more)
    assert len(list(folder.solutions())) == 200 * 3 + 100
    folder, _ = solve(right, *more, resume=True)
    assert [solution.id for solution in folder.solutions()] == [f"p/{n}#cot#{k}" for n in range(200) for k in range(3)]


def test_a_budget_stops_a_run_that_goes_on_when_it_is_raised(solve: Solve) -> None:
    folder, shown = solve(right, "max_cost=0.5", "max_concurrent_solutions=8")
    assert folder.run().status == "stopped" and len(list(folder.solutions())) == 50
    assert "Stopped at $0.5000 of max_cost = 0.5" in shown and "--resume and a higher max_cost" in shown
    folder, _ = solve(right, "max_cost=0.6", "max_concurrent_solutions=8", resume=True)
    assert len(list(folder.solutions())) == 60
    folder, shown = solve(right, "max_concurrent_solutions=16", resume=True)
    assert folder.run().status == "finished" and len(list(folder.solutions())) == 200
    assert folder.run().recipe["max_cost"] is None and "$2.00" in shown, "what was spent before counts"


def test_a_stopped_run_that_is_graded_stays_stopped(solve: Solve) -> None:
    folder, _ = solve(right, "max_cost=0.5", "max_concurrent_solutions=8")
    quiet, console = Console(quiet=True), Console(record=True, width=300, file=io.StringIO())
    run_report(Invocation(str(folder.path)), console)
    shown = console.export_text()
    assert "is stopped, partial: 50 of 200 planned solutions (25%)" in shown and "all problems" in shown
    run_grade(Invocation(str(folder.path)), quiet)
    assert folder.run().status == "stopped" and folder.run().counts["correct"] == 50
    copy = run_grade(Invocation(str(folder.path), out=folder.path.with_name("copy")), quiet)
    assert RunFolder(copy).run().status == "stopped"


def test_a_budget_without_a_price_is_refused_before_much_is_spent(solve: Solve, tmp_path: Path) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        solve(lambda request: Reply(text="The answer is 1.", tokens=10), "max_cost=0.5")
    assert caught.group_contains(UserError, match="Set price_in and price_out, or remove max_cost")
    assert len(list(RunFolder(tmp_path / "run").solutions())) < 50
    assert solve(right, resume=True)[0].run().status == "finished"


def test_an_estimate_says_what_the_run_will_take_and_its_solutions_are_kept(solve: Solve) -> None:
    folder, shown = solve(right, "estimate=true")
    kept = {solution.id: solution for solution in folder.solutions()}
    assert len(kept) == 20 and folder.run().status == "stopped"
    lines = {line.split("  ")[0].strip(): line.split() for line in shown.splitlines()}
    assert lines["new tokens"][2:] == ["2,000", "2,000", "to", "2,000"]
    assert lines["prompt tokens"][2:] == ["10,000", "10,000", "to", "10,000"]
    assert lines["US dollars"][2:] == ["2.00", "2.00", "to", "2.00"]
    folder, _ = solve(right, resume=True)
    assert len(list(folder.solutions())) == 200
    assert all(solution == kept[solution.id] for solution in folder.solutions() if solution.id in kept)


def test_what_ended_in_an_error_is_made_again_on_resume(solve: Solve) -> None:
    def flaky(request: Request) -> Reply:
        odd = int(request.problem.id[2:]) % 2
        return Reply(text="", finish="error", error="HTTP 503: too busy") if odd else right(request)

    folder, shown = solve(flaky, "formats=['cot', 'hybrid']")
    failed = [solution.id for solution in folder.solutions() if solution.finish == "error"]
    assert len(failed) == 200 and "errors: 200 HTTP 503" in shown, "100 of cot, 100 of hybrid's pot"
    folder, _ = solve(right, "formats=['cot', 'hybrid']", resume=True)
    solutions = list(folder.solutions())
    assert [s.id for s in solutions] == [f"p/{n}#{name}#0" for n in range(200) for name in ("cot", "hybrid")]
    assert all(s.finish == "stop" and s.answer == s.problem_id[2:] for s in solutions)


def test_another_recipe_is_refused_with_the_keys_that_differ(solve: Solve) -> None:
    solve(right, "limit=3")
    with pytest.raises(
        RunFolderError, match=r"(?s)- temperature: 0\.0 then, 0\.5 now.*Restore the settings"
    ) as refused:
        solve(right, "limit=3", "temperature=0.5", "max_concurrent_solutions=3", resume=True)
    assert "max_concurrent_solutions" not in str(refused.value)


def test_problems_that_cannot_be_read_leave_an_earlier_run_as_it_is(solve: Solve, tmp_path: Path) -> None:
    solve(right, "limit=3")
    with (tmp_path / "problems.jsonl").open("a") as file:
        file.write('{"id": "p/1", "question": "again?"}\n')
    with pytest.raises(InputError, match="duplicate id `p/1`"):
        solve(right, overwrite=True)
    assert len(list(RunFolder(tmp_path / "run").solutions())) == 3


def test_the_servers_card_is_in_the_runs_record(solve: Solve, monkeypatch: pytest.MonkeyPatch) -> None:
    card = {"server.weights": "rev-1"}

    async def describe(self: FakeModel) -> dict[str, str]:
        return card

    monkeypatch.setattr(FakeModel, "describe", describe, raising=False)
    folder, _ = solve(right, "limit=3")
    assert folder.run().versions["server.weights"] == "rev-1" and "python" in folder.run().versions
    card["server.weights"] = "rev-2"
    _, shown = solve(right, "limit=3", resume=True)
    assert "server.weights was rev-1, now it is rev-2" in shown


def plain(solution: Solution) -> dict[str, object]:
    """A solution without its times."""
    blocks = [block.model_dump(exclude={"seconds", "cpu_seconds"}) for block in solution.blocks]
    rest = solution.model_dump(exclude={"seconds", "blocks", "previous_attempts"})
    return {**rest, "blocks": blocks, "previous_attempts": [plain(attempt) for attempt in solution.previous_attempts]}


def kill_and_resume(folder: Path, *, kills: int, seed: int) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """The solutions of a run that was killed at random instants, and of the same run undisturbed."""
    count = 40
    code = "import time\ntime.sleep({})\nx = {} * 2\nprint(x)"
    rows = []
    for n in range(count):
        steps = f"I double it.\n```python\n{code.format(0.02 * (n % 7), n)}\n```\n"
        rows.append({"problem_id": f"p/{n}", "format": "tir", "turn": 0, "text": steps})
        rows.append({"problem_id": f"p/{n}", "format": "tir", "turn": 1, "text": f"It is \\boxed{{{2 * n}}}."})
        rows.append({"problem_id": f"p/{n}", "format": "pot", "text": "print(" if n % 3 else code.format(0.05, n)})
        rows.append({"problem_id": f"p/{n}", "format": "cot", "text": f"The answer is {2 * n}."})
    (folder / "script.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    problems = [{"id": f"p/{n}", "question": f"Twice {n}?", "answer": 2 * n} for n in range(count)]
    (folder / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in problems))
    (folder / "r.toml").write_text(
        f'problems = "{folder}/problems.jsonl"\nmodel = "fake:{folder}/script.jsonl"\n'
        'formats = ["tir", "hybrid"]\nnum_samples = 2\nconsistency_threshold = 0.9\nmax_concurrent_solutions = 4\n'
    )
    command = [str(Path(sys.executable).with_name("slipstick")), "solve", str(folder / "r.toml"), "--resume", "--out"]
    draw = random.Random(seed)
    for _ in range(kills):
        run = subprocess.Popen([*command, str(folder / "killed")], stdout=subprocess.DEVNULL, start_new_session=True)
        time.sleep(draw.uniform(0.2, 3.0))
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    for name in ("killed", "whole"):
        subprocess.run([*command, str(folder / name)], stdout=subprocess.DEVNULL, check=True)
    killed, whole = (list(map(plain, RunFolder(folder / name).solutions())) for name in ("killed", "whole"))
    return killed, whole


def test_a_run_killed_at_random_instants_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    killed, whole = kill_and_resume(tmp_path, kills=3, seed=0)
    assert len(whole) == 160 and killed == whole
    assert not [path for path in (tmp_path / "killed").iterdir() if path.name.startswith(".solutions")]


def test_problems_of_which_none_has_a_gold_are_refused_before_anything_is_solved(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text('{"q": "What is 2 + 3?", "a": "5"}\n')
    (tmp_path / "model.jsonl").touch()
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        f'problems = ["{tmp_path}/mine.jsonl"]\nfield_map = {{text = "q"}}\nformats = ["cot"]\n'
        f'model = "fake:{tmp_path}/model.jsonl"\n'
    )
    with pytest.raises(InputError, match=r"no problem has a gold.*mine\.jsonl.*keys are q, a.*field_map\.answer=KEY"):
        run_evaluate(Invocation(str(recipe), out=tmp_path / "run"), Console(quiet=True))
    assert not (tmp_path / "run").exists()


def test_a_run_is_repeated_from_its_own_recipe_in_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "first").mkdir()
    monkeypatch.chdir(tmp_path / "first")
    Path("mine.jsonl").write_text(
        "".join(f'{{"question": "What is {n} + 1?", "answer": "{n + 1}"}}\n' for n in range(6))
    )
    Path("model.jsonl").write_text(
        "".join(f'{{"problem_id": "mine/{n}", "text": "The answer is 4."}}\n' for n in range(1, 7))
    )
    Path("r.toml").write_text('problems = ["mine.jsonl"]\nmodel = "fake:model.jsonl"\nformats = ["cot"]\n')
    quiet = Console(quiet=True)
    run = run_evaluate(Invocation("r.toml", ["temperature=0.6"], limit=4, out=Path("run")), quiet)
    once, record = list(map(plain, RunFolder(run).solutions())), RunFolder(run).run()
    assert record.command == "slipstick evaluate r.toml --set temperature=0.6 --limit 4 --out run"
    graded = run_evaluate(Invocation("r.toml", ["temperature=0.6", "profile=mammoth"], 4, run, resume=True), quiet)
    assert 'profile = "mammoth"' in (graded / "recipe.toml").read_text(), "what a resume has changed"
    run_grade(Invocation("run", ["profile=slipstick"]), quiet)
    assert 'profile = "slipstick"' in (run / "recipe.toml").read_text(), "what grading has changed"
    monkeypatch.chdir(run)
    again = run_evaluate(Invocation("recipe.toml", out=Path("../again")), Console(quiet=True))
    assert list(map(plain, RunFolder(again).solutions())) == once
    assert RunFolder(again).run().recipe["temperature"] == 0.6
    with pytest.raises(
        RecipeError, match=r"it names `mine\.jsonl` from the folder .*: cd .*first, and go on from there"
    ):
        run_evaluate(Invocation(str(run.resolve()) if run.is_absolute() else "../run", resume=True), quiet)


def nothing(_: Request) -> Reply:
    return Reply(text="", finish="stop", reasoning="Let me see.", tokens=3)


def overloaded(_: Request) -> Reply:
    return Reply(text="", finish="error", error="HTTP 429: too many requests")


SILENT = [(overloaded, "HTTP 429: too many requests"), (nothing, "wrote only thoughts: raise max_tokens")]


@pytest.mark.parametrize(("script", "says"), SILENT)
@pytest.mark.parametrize("count", [5, 200])
def test_a_model_that_never_answers_ends_the_run_with_its_words(
    solve: Solve, script: Callable[[Request], Reply], says: str, count: int
) -> None:
    with pytest.raises((ExceptionGroup, UserError)) as caught:
        solve(script, f"limit={count}")
    first = first_error(caught.value)
    assert isinstance(first, UserError) and says in str(first)
    folder, _ = solve(right, f"limit={count}", resume=True)
    assert all(solution.finish == "stop" for solution in folder.solutions()), "once the server is well it goes on"


def test_problems_and_runs_are_named_without_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.jsonl").write_text('{"id": "a", "question": "What is 1 + 1?", "answer": "2"}\n')
    Path("model.jsonl").write_text('{"problem_id": "a", "text": "The answer is 2."}\n')
    quiet = Console(quiet=True)
    run = run_evaluate(Invocation("mine.jsonl", ["model=fake:model.jsonl"]), quiet)
    assert run == Path("runs/mine") and RunFolder(run).run().recipe["formats"] == ["cot"]
    assert run_evaluate(Invocation("runs/mine", resume=True), quiet) == run
    with pytest.raises(RunFolderError, match="already holds a run of `slipstick evaluate`: add --resume"):
        run_evaluate(Invocation("runs/mine"), quiet)
    with pytest.raises(RecipeError, match=r"no such recipe, file, dataset or run \(did you mean `gsm8k`\?\)"):
        run_evaluate(Invocation("gsm9k"), quiet)


def test_a_run_of_another_verb_is_told_what_to_do_with_it(solve: Solve) -> None:
    folder, _ = solve(right, limit=2)
    with pytest.raises(RecipeError, match=r"a run of `solve`, which evaluate cannot continue: `slipstick grade "):
        run_evaluate(Invocation(str(folder.path), resume=True), Console(quiet=True))
    graded = run_grade(Invocation(str(folder.path), out=folder.path.with_name("graded")), Console(quiet=True))
    for command in (run_evaluate, run_solve):
        with pytest.raises(RecipeError, match=r"it is a run of `grade`, which \w+ cannot continue"):
            command(Invocation(str(graded), resume=True), Console(quiet=True))
