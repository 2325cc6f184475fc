"""The command line as users meet it: whole runs, kills, and mistakes that are one message and touch nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import slipstick
from slipstick.metrics.labels import metric_label
from slipstick.schema import Solution
from slipstick.store import RunFolder, read_records
from tests.invoked import Invoke

RECIPE = """# slipstick evaluate r.toml
problems = "{folder}/problems.jsonl"
model = "fake:{folder}/script.jsonl"
formats = ["cot", "pot", "hybrid"]
"""


@pytest.fixture
def invoke(invoke: Invoke, tmp_path: Path) -> Invoke:
    """Runs a command line in a folder with a recipe, problems and a script."""
    (tmp_path / "r.toml").write_text(RECIPE.format(folder=tmp_path))
    problems = [{"id": f"p/{n}", "question": f"What is {n} times 2?", "answer": 2 * n} for n in range(4)]
    write_rows(tmp_path / "problems.jsonl", problems)
    words = [{"problem_id": f"p/{n}", "format": "cot", "text": f"The answer is {2 * n}."} for n in range(4)]
    code = [{"problem_id": f"p/{n}", "format": "pot", "text": f"print({n} * 2)"} for n in range(3)]
    write_rows(tmp_path / "script.jsonl", words + code + [{"problem_id": "p/3", "format": "pot", "text": "print("}])

    return invoke


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_evaluate_then_every_verb_on_its_run(invoke: Invoke, tmp_path: Path) -> None:
    code, out, err = invoke("evaluate", "r.toml", "--out", "run")
    assert (code, err) == (0, "") and "report: run/report.html" in out
    run = RunFolder("run")
    accuracy = {
        metric_label(metric): (metric.value, metric.n) for metric in run.metrics() if metric.measure == "accuracy"
    }
    assert accuracy == {"accuracy, cot": (1.0, 4), "accuracy, pot": (0.75, 4), "accuracy, hybrid": (1.0, 4)}
    assert run.run().status == "finished" and run.run().counts["solutions"] == 12
    assert len(run.run().inputs) == 2 and run.run().recipe["formats"] == ["cot", "pot", "hybrid"]

    assert invoke("grade", "run").code == 0
    assert invoke("report", "run", "--out", "page.html").code == 0
    assert "What is 3 times 2?" not in Path("page.html").read_text(), "rows are embedded compressed"
    code, out, _ = invoke("execute", "run")
    assert code == 0 and "outputs_equal, pot" in out and (tmp_path / "run-executed" / "run.json").is_file()


def test_solve_limit_and_set(invoke: Invoke) -> None:
    assert invoke("solve", "r.toml", "--set", "formats=5", "--limit", "2").code == 2  # no name
    assert invoke("solve", "r.toml", "--set", "formats=['cot']", "--limit", "2").code == 0
    solutions = list(RunFolder("runs/r").solutions())
    assert [solution.id for solution in solutions] == ["p/0#cot#0", "p/1#cot#0"] and solutions[0].verdict is None


def test_a_full_folder_needs_resume_or_overwrite(invoke: Invoke) -> None:
    assert invoke("evaluate", "r.toml", "--out", "run").code == 0
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    code, out, err = invoke("evaluate", "r.toml", "--out", "run")
    assert code == 2 and out == "" and "add --resume" in err and "Traceback" not in err
    code, _, err = invoke("evaluate", "r.toml", "--out", "run", "--resume", "--set", "temperature=0.5")
    assert code == 2 and "temperature: 0.0 then, 0.5 now" in err
    code, _, err = invoke("evaluate", "r.toml", "--out", "run", "--resume", "--set", "mode=batch")
    assert code == 2 and "mode: 'live' then, 'batch' now" in err
    assert {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()} == before
    assert invoke("evaluate", "r.toml", "--out", "run", "--resume").code == 0
    changes = [part for each in ("request_timeout=9", "device=cpu", "stream=true") for part in ("--set", each)]
    assert invoke("evaluate", "r.toml", "--out", "run", "--resume", *changes).code == 0
    assert Path("run/solutions.jsonl").read_bytes() == before[Path("run/solutions.jsonl")]
    assert invoke("evaluate", "r.toml", "--out", "run", "--overwrite").code == 0


MISTAKES: dict[str, tuple[str, list[str], str]] = {
    "a broken line": ('{"id": "x", "question": "?"', [], "broken.jsonl:2"),
    "a missing field": ('{"id": "x", "answer": "1"}', [], "broken.jsonl:2"),
}


@pytest.mark.parametrize(("line", "flags", "says"), MISTAKES.values(), ids=MISTAKES)
def test_broken_rows_name_file_and_line(invoke: Invoke, line: str, flags: list[str], says: str) -> None:
    Path("broken.jsonl").write_text('{"id": "a", "question": "?", "answer": "1"}\n' + line + "\n")
    code, out, err = invoke("evaluate", "r.toml", "--set", "problems=broken.jsonl", "--out", "run", *flags)
    assert code == 2 and out == "" and says in err and "Traceback" not in err
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("model=hf:no-such-folder", "no-such-folder"),
        ("model=hff:x", "did you mean `hf`?"),
        ("model=replay:no.jsonl", "no.jsonl"),
        ("problems=no.jsonl", "no.jsonl"),
        ("problems=problem.jsonl", "problems.jsonl"),
        ("formats=['pott']", "did you mean `pot`?"),
        ("interpreter=lokal", "did you mean `local`?"),
        ("isolation=ful", "did you mean `full`?"),
        ("profile=slipstik", "did you mean `slipstick`?"),
    ],
)
def test_names_that_do_not_exist(invoke: Invoke, setting: str, says: str) -> None:
    code, out, err = invoke("evaluate", "r.toml", "--out", "run", "--set", setting)
    assert code == 2 and out == "" and says in err and "Traceback" not in err
    assert err.startswith("slipstick: ") and not Path("run").exists()


def test_a_recipe_with_three_mistakes_says_all_three(invoke: Invoke) -> None:
    Path("bad.toml").write_text('problem = "p.jsonl"\nmodel = "fake:x"\nformats = []\nnum_samples = "many"\n')
    code, out, err = invoke("evaluate", "bad.toml")
    assert code == 2 and out == "" and "Traceback" not in err
    for says in ("did you mean `problems`?", "formats = []", "num_samples = 'many'"):
        assert says in err


def test_list_and_doctor(invoke: Invoke) -> None:
    code, out, _ = invoke("list")
    assert code == 0 and all(name in out for name in ("quickstart-train", "synthetic", "openai", "local", "tir"))
    assert invoke("list", "formats").out.split()[:2] == ["formats", "cot"]
    code, _, err = invoke("list", "format")
    assert code == 2 and "did you mean `formats`?" in err
    code, out, _ = invoke("doctor", "--set", "model=hf:nowhere")
    assert code == 1 and "`local` works" in out and "hf:nowhere cannot be opened" in out


def test_the_version_and_python_m() -> None:
    said = subprocess.run([sys.executable, "-m", "slipstick", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"slipstick {slipstick.__version__}\n"


def test_the_same_five_flags_on_every_verb(invoke: Invoke) -> None:
    for verb in ("solve", "execute", "grade", "synthesize", "train", "evaluate", "report"):
        code, out, _ = invoke(verb, "--help")
        flags = {word for word in out.split() if word.startswith("--")}
        assert code == 0 and flags == {"--set", "--limit", "--out", "--resume", "--overwrite", "--help"}, verb


STOPS = [
    (signal.SIGKILL, -9, "running"),
    *((number, 130, "stopped") for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)),
]


@pytest.mark.parametrize(("kill", "code", "status"), STOPS)
def test_a_run_that_is_killed_ends_with_the_same_records(
    invoke: Invoke, tmp_path: Path, kill: signal.Signals, code: int, status: str
) -> None:
    slow = [{"problem_id": f"p/{n}", "text": f"import time\ntime.sleep(0.05)\nprint({n} * 2)"} for n in range(60)]
    write_rows(tmp_path / "script.jsonl", slow)
    write_rows(tmp_path / "problems.jsonl", [{"id": f"p/{n}", "question": "?", "answer": 2 * n} for n in range(60)])
    arguments = ["evaluate", "r.toml", "--set", "formats=['pot']", "--out", "run"]
    command = [str(Path(sys.executable).with_name("slipstick")), *arguments]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if sum(1 for _ in read_records(tmp_path / "run" / "solutions.jsonl", Solution, missing_ok=True)) >= 5:
            break
        time.sleep(0.02)
    os.killpg(run.pid, kill)
    _, complaint = run.communicate()
    assert (run.returncode, complaint) == (code, b"") and RunFolder("run").run().status == status
    early = {solution.id: solution for solution in RunFolder("run").solutions()}
    assert 5 <= len(early) < 60
    assert invoke(*arguments, "--resume").code == 0
    solutions = list(RunFolder("run").solutions())
    assert [s.id for s in solutions] == [f"p/{n}#pot#0" for n in range(60)], "in the order asked for"
    assert all(s.blocks == early[s.id].blocks for s in solutions if s.id in early), "what was done is not done again"
    assert all(s.verdict and s.verdict.outcome == "correct" for s in solutions)


def test_a_job_of_a_script_is_stopped_by_sigterm(invoke: Invoke, tmp_path: Path) -> None:
    slow = [{"problem_id": f"p/{n}", "text": "import time\ntime.sleep(0.2)\nprint(1)"} for n in range(99)]
    write_rows(tmp_path / "script.jsonl", slow)
    write_rows(tmp_path / "problems.jsonl", [{"id": f"p/{n}", "question": "?", "answer": 1} for n in range(99)])
    slipstick_here = Path(sys.executable).with_name("slipstick")
    line = f"{slipstick_here} evaluate r.toml --set \"formats=['pot']\" --out run >/dev/null & echo $!; wait $!"
    with subprocess.Popen(
        ["sh", "-c", line], stdout=subprocess.PIPE, text=True
    ) as shell:  # which ignores SIGINT for it
        assert shell.stdout
        job, deadline = int(shell.stdout.readline()), time.monotonic() + 60
        while not (Path("run/solutions.jsonl").is_file() or time.monotonic() > deadline):
            time.sleep(0.05)
        os.kill(job, signal.SIGTERM)
    assert RunFolder("run").run().status == "stopped"


def test_a_run_whose_output_nobody_reads_any_more_goes_on(invoke: Invoke, tmp_path: Path) -> None:
    write_rows(tmp_path / "script.jsonl", [{"problem_id": f"p/{n}", "text": "print(1)"} for n in range(9)])
    write_rows(tmp_path / "problems.jsonl", [{"id": f"p/{n}", "question": "?", "answer": 1} for n in range(9)])
    command = [str(Path(sys.executable).with_name("slipstick")), "evaluate", "r.toml", "--out", "run"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout and run.stderr
        run.stdout.close()
        complaint = run.stderr.read()
    assert run.returncode == 0 and b"Traceback" not in complaint
    assert RunFolder("run").run().status == "finished" and Path("run/report.html").is_file()


def test_a_command_that_is_written_wrongly_is_told_how(invoke: Invoke) -> None:
    Path("bare.toml").write_text("problems = 'problems.jsonl'  # \u2028\x85\nmodel = gpt\n", "utf-8")
    said = {
        ("evaluate", "problems.jsonl"): "the command line has a mistake:\n  - model: is missing; add --set model=...",
        ("evaluate", "problem.jsonl"): "did you mean `problems.jsonl`?",
        ("evaluate", "bare.toml"): 'a text needs quotation marks: model = "gpt"',
        ("evaluate", "r.toml", "--model", "m"): "A setting is changed by --set: --set model=VALUE",
        ("evaluate", "r.toml", "--set", "formats=cot,pot"): "several are a list: --set \"formats=['cot', 'pot']\"",
        ("evaluate", "r.toml", "--set", "formats=cot pot"): "several are a list: --set \"formats=['cot', 'pot']\"",
    }
    for arguments, words in said.items():
        code, _, err = invoke(*arguments)
        assert code == 2 and words in err, err
    code, out, _ = invoke("settings")
    assert code == 0 and "evaluate" in out and "self-train" in out
    code, out, _ = invoke("list", "recipes")
    assert "slipstick evaluate value-samples  # after `slipstick quickstart`" in out
    invoke("evaluate", "r.toml", "--set", "formats=cot")
    code, _, err = invoke("trace", "p/2")
    assert code == 2 and "its solutions: p/2#cot#0" in err
