"""The edges: whatever a file, a path or a setting is, a user's mistake is one message with exit code 2."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.fuzz import fuzz

from slipstick.edges import files_below, refused_by_system
from slipstick.errors import InputError, RunFolderError
from slipstick.store import RunFolder
from tests.invoked import Invoke
from tests.wishes.typed import slipstick

RECIPE = 'problems = "problems.jsonl"\nmodel = "fake:script.jsonl"\nformats = ["cot"]\n'
Call = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe and its run `run` of three problems."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "r.toml").write_text(RECIPE)
    rows = [{"id": f"p/{n}", "question": f"What is {n} times 2?", "answer": 2 * n} for n in range(3)]
    (folder / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    said = [{"problem_id": f"p/{n}", "text": f"The answer is {2 * n}."} for n in range(3)]
    (folder / "script.jsonl").write_text("".join(json.dumps(row) + "\n" for row in said))
    assert slipstick("evaluate r.toml --out run", folder)[0] == 0
    return folder


@pytest.fixture
def call(invoke: Invoke, made: Path, tmp_path: Path) -> Call:
    """Runs a command line in a copy of that folder; gives the exit code and what it said."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)

    def run(*arguments: str) -> tuple[int, str]:
        code, out, err = invoke(*arguments)
        return code, out + err

    return run


def lines(name: str) -> list[bytes]:
    return Path("run", name).read_bytes().splitlines(keepends=True)


def put_second(name: str, change: Callable[[bytes], bytes]) -> None:
    first, second, *rest = lines(name)
    Path("run", name).write_bytes(b"".join([first, change(second), *rest]))


def a_folder(name: str) -> None:
    Path("run", name).unlink()
    Path("run", name).mkdir()


DAMAGES: dict[str, tuple[Callable[[], object], int]] = {
    # what is done to the run -> how many of its three solutions `repair` must leave
    "not UTF-8": (lambda: put_second("solutions.jsonl", lambda line: line.replace(b"answer", b"\xff")), 2),
    "a blank line": (lambda: put_second("solutions.jsonl", lambda line: b"\n" + line), 3),
    "two rows on one line": (lambda: put_second("solutions.jsonl", bytes.rstrip), 3),
    "garbage": (lambda: put_second("solutions.jsonl", lambda line: b"\x00\x01{\n" + line), 3),
    "half a row": (lambda: put_second("solutions.jsonl", lambda line: line[:50] + b"\n"), 2),
    "no id": (lambda: put_second("solutions.jsonl", lambda line: b"{}\n"), 2),
    "nested": (lambda: put_second("solutions.jsonl", lambda line: b"[" * 100_000 + b"\n" + line), 3),
    "a verdict": (lambda: put_second("verdicts.jsonl", lambda line: b"?\n"), 3),
    "a folder": (lambda: a_folder("solutions.jsonl"), 0),
    "metrics": (lambda: Path("run", "metrics.json").write_text("["), 3),
    "formats": (lambda: Path("run", "formats.jsonl").write_text("?\n"), 3),
    "a problem": (lambda: put_second("problems.jsonl", lambda line: b"?\n"), 3),
    "a problem missing": (lambda: put_second("problems.jsonl", lambda line: b""), 2),
}
READERS = (["report", "run"], ["grade", "run"], ["export", "run", "--set", "shapes=alpaca"])


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_is_one_message_and_works_once_repaired(call: Call, damage: str) -> None:
    undisturbed = [solution.id for solution in RunFolder("run").solutions()]
    spoil, left = DAMAGES[damage]
    spoil()
    for reader in READERS:
        code, said = call(*reader)
        assert code in (0, 2) and "Traceback" not in said
        if code == 2 and damage != "a folder":
            assert "slipstick repair run" in said, said
    code, said = call("repair", "run")
    assert code == 0 and "kept" in said, said
    assert "moved to run/" not in said or any(Path("run").glob("*.damaged*"))
    held = {json.loads(line)["id"] for line in lines("solutions.jsonl")} if Path("run/solutions.jsonl").exists() else []
    assert len(held) == left
    code, said = call("evaluate", "r.toml", "--out", "run", "--resume")
    assert code == 0, said
    assert [solution.id for solution in RunFolder("run").solutions()] == undisturbed
    assert all(solution.verdict for solution in RunFolder("run").solutions()) and RunFolder("run").metrics()
    assert call("repair", "run") == (0, "run is sound: every row of it can be read\n")


def test_a_repair_that_was_killed_is_done_again_with_the_same_end(call: Call) -> None:
    put_second("solutions.jsonl", lambda line: line[:50] + b"\n")
    damaged = lines("solutions.jsonl")[1]
    Path("run/solutions.jsonl.damaged").write_bytes(damaged)  # as far as it had come
    Path("run/.solutions.jsonl.part").mkdir()
    assert call("repair", "run")[0] == 2
    assert RunFolder("run").run().status == "stopped", "before it changes a row"
    Path("run/.solutions.jsonl.part").rmdir()
    assert call("repair", "run")[0] == 0
    assert lines("solutions.jsonl.damaged") == [damaged] and len(lines("solutions.jsonl")) == 2


def test_solutions_of_problems_that_were_lost_stay_until_the_run_goes_on(call: Call) -> None:
    put_second("problems.jsonl", lambda line: b"?\n")
    for _ in range(2):
        assert call("repair", "run")[0] == 0 and len(lines("solutions.jsonl")) == 3


def test_rows_laid_out_otherwise_are_read_and_found(call: Call) -> None:
    put_second("solutions.jsonl", lambda line: json.dumps(json.loads(line), sort_keys=True).encode() + b"\n")
    assert call("evaluate", "run", "--resume")[0] == 0 and call("report", "run")[0] == 0
    assert len(RunFolder("run").index()) == 3 and call("trace", "p/1#cot#0", "--set", "runs_dir=.")[0] == 0


def test_no_problems_are_written_again_by_resume(call: Call) -> None:
    Path("run/problems.jsonl").write_text("")
    code, said = call("repair", "run")
    assert code == 2 and "--resume writes its problems again" in said
    assert call("grade", "run")[0] == 2 and call("export", "run")[0] == 2
    assert call("evaluate", "run", "--resume")[0] == 0 and len(list(RunFolder("run").problems())) == 3


def test_another_versions_run_says_so(call: Call) -> None:
    run = json.loads(Path("run/run.json").read_text())
    run["versions"]["slipstick"] = "0.2.0"

    def changed_run(**fields: object) -> None:
        Path("run/run.json").write_text(json.dumps(run | fields))

    assert run["record_format"] == 1
    changed_run(mood="fine")
    code, said = call("report", "run")
    assert (
        code == 2 and "another version of slipstick (0.2.0" in said and "`mood`" in said and "Use that version" in said
    )
    changed_run(record_format=2)
    assert "(0.2.0, format 2)" in call("grade", "run")[1]
    changed_run()
    put_second("solutions.jsonl", lambda line: line.replace(b"{", b'{"mood":1,', 1))
    code, said = call("report", "run")
    assert code == 2 and "run/solutions.jsonl:2 was written by another version of slipstick (0.2.0" in said
    Path("run/run.json").write_text("[")
    assert "put it back from a copy" in call("report", "run")[1]


RECIPES: dict[str, bytes] = {
    "UTF-16": RECIPE.encode("utf-16"),
    "Latin-1": RECIPE.encode() + "# é\n".encode("latin-1"),
    "NUL": RECIPE.encode() + b"\x00",
    "nested": RECIPE.encode() + b"x = " + b"[" * 1000 + b"]" * 1000,
    "digits": RECIPE.encode() + b"seed = " + b"9" * 5000,
    "seed = true": RECIPE.encode() + b"seed = true",
    "max_tokens = true": RECIPE.encode() + b"max_tokens = true",
    "temperature = 1e308": RECIPE.encode() + b"temperature = 1e308",
    "temperature = inf": RECIPE.encode() + b"temperature = inf",
    "request_timeout = nan": RECIPE.encode() + b"request_timeout = nan",
    "dtype": RECIPE.encode() + b'dtype = "float99"',
    "device": RECIPE.encode() + b'device = "toaster"',
    "limit": RECIPE.encode() + b"limit = 99999999999999999999",
    "seed": RECIPE.encode() + b"seed = 99999999999999999999",
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_that_cannot_hold_is_refused_at_the_check(call: Call, name: str) -> None:
    Path("bad.toml").write_bytes(RECIPES[name])
    code, said = call("evaluate", "bad.toml")
    assert code == 2 and said.startswith("slipstick: bad.toml has ") and len(said) < 600, said
    assert not Path("runs").exists()


TARGETS = [
    ["evaluate", "r.toml", "--limit", "99999999999999999999"],
    ["evaluate", "r.toml", "--set", "seed=1", "--set", "seed.x=2"],
    ["evaluate", "r.toml", "--set", "seed=" + "9" * 5000],
    ["evaluate", "r.toml", "--set", "seed=" + "[" * 5000],
    ["evaluate", "r.toml", "--out", "dangling"],
    ["evaluate", "r.toml", "--out", "loop"],
    ["evaluate", "r.toml", "--out", "/proc/x"],
    ["evaluate", "r.toml", "--out", "/sys/x"],
    ["evaluate", "r.toml", "--out", "problems.jsonl/x"],
    ["evaluate", "r.toml", "--out", "x" * 300],
    ["evaluate", "x" * 300],
    ["report", "x" * 300],
    ["evaluate", "/dev/null"],
    ["grade", "/proc/self/mem"],
    ["trace", "/", "--set", "runs_dir=/"],
    ["grade", "/"],
    ["export", "/"],
    ["curate", "/"],
]


@pytest.mark.parametrize("arguments", TARGETS, ids=[" ".join(each)[:60] for each in TARGETS])
def test_an_odd_target_is_one_message_and_nothing_starts(call: Call, arguments: list[str]) -> None:
    Path("dangling").symlink_to("nowhere")
    Path("loop").symlink_to("loop")
    code, said = call(*arguments)
    assert code == 2 and ("slipstick: " in said or "--limit" in said) and len(said) < 1500, said
    assert not Path("runs").exists() and not Path("nowhere").exists()


def test_out_may_hold_what_looks_like_markup(call: Call) -> None:
    assert call("evaluate", "r.toml", "--out", "w[/x]")[0] == 0 and Path("w[", "x]", "run.json").is_file()


def test_an_id_of_ten_thousand_characters_is_no_file_name(call: Call) -> None:
    name = "p" * 10_000
    Path("long.jsonl").write_text(json.dumps({"id": name, "question": "1+1?", "answer": 2}) + "\n")
    Path("script.jsonl").write_text(json.dumps({"problem_id": name, "text": "print(2)"}) + "\n")
    code, said = call(
        "evaluate", "long.jsonl", "--set", "model=fake:script.jsonl", "--set", "formats=pot", "--out", "l"
    )
    assert code == 0, said
    assert call("execute", "l")[0] == 0


def test_a_full_disk_is_one_message_and_the_run_goes_on_later(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **fields: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    kept = [solution.id for solution in RunFolder("run").solutions()]
    Path("run/solutions.jsonl").write_bytes(lines("solutions.jsonl")[0])
    with monkeypatch.context() as disk:
        disk.setattr(RunFolder, "append", full)
        disk.setattr(RunFolder, "note", full)
        code, said = call("evaluate", "run", "--resume")
    assert code == 2 and "No space left on device" in said and "--resume" in said, said
    assert call("evaluate", "run", "--resume")[0] == 0 and [each.id for each in RunFolder("run").solutions()] == kept


def test_what_the_system_refuses_is_told_with_its_remedy() -> None:
    assert "permissions" in str(refused_by_system(PermissionError(errno.EACCES, "Permission denied", "/root/x")))
    assert "/a -> /b" in str(refused_by_system(OSError(errno.EEXIST, "File exists", "/a", None, "/b")))
    assert refused_by_system(OSError("ours")) is None and refused_by_system(ConnectionResetError(104, "reset")) is None


def test_a_walk_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").touch()
    (tmp_path / "a" / "back").symlink_to(tmp_path)
    assert [path.name for path in files_below(tmp_path)] == ["x"]
    monkeypatch.setattr("slipstick.edges._MOST_ENTRIES", 1)
    with pytest.raises(InputError, match="name a folder inside it"):
        list(files_below(tmp_path))


def test_a_run_in_use_is_not_repaired(call: Call) -> None:
    folder = RunFolder("run")
    with folder.locked(), pytest.raises(RunFolderError, match="in use"), RunFolder("run").locked():
        pass
    assert call("repair", "nothing")[0] == 2 and call("repair", "run", "--set", "x=1")[0] == 2


def test_mutated_recipes_and_targets_end_in_one_message() -> None:
    found = fuzz(150, seed=1)
    assert (found["cases"], found["tracebacks"], found["started_anyway"]) == (150, 0, 0)
