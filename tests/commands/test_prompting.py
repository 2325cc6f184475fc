"""Prompts of one's own: a format in a file, a system message, demonstrations from a dataset or a run."""

from __future__ import annotations

import io
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.curate import run_curate
from slipstick.commands.evaluate import run_evaluate
from slipstick.commands.execute import run_execute
from slipstick.commands.export import run_export
from slipstick.commands.trace import run_trace
from slipstick.errors import RecipeError, RunFolderError
from slipstick.formats.recorded import read_formats
from slipstick.store import RunFolder
from tests.models.scripted_server import Server, StartServer

MINE = """
executes = "steps"
system = "Use <py> blocks."
instruction = "Q: {question}"
code_begin = "<py>\\n"
code_end = "\\n</py>"
code_output_begin = "\\n<out>"
code_output_end = "</out>\\n"
"""


class Scripted(Server):
    """A server that gives the next of `replies` to each request about a problem, and keeps those requests apart."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: list[str] = []
        self.questions: list[dict[str, Any]] = []

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        if "What is" in json.dumps(body):
            self.questions.append(body)
            self.text = self.replies.pop(0) if self.replies else self.text
        return super().answer(body)


@pytest.fixture
def server(start_server: StartServer) -> Scripted:
    return start_server(Scripted)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with problems, and with the training split of a dataset."""
    rows = [{"question": f"What is {n} + 1?", "answer": str(n + 1)} for n in (41, 5)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    solved = [
        {"question": f"What is {n} + 1?", "answer": f"It is <<{n}+1={n + 1}>>{n + 1}.\n#### {n + 1}"}
        for n in (41, 50, 60, 70)
    ]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "gsm8k_train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in solved))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evaluate(server: Scripted, *overrides: str, **flags: Any) -> RunFolder:
    changes = ["model=openai:abacus-7b", f"base_url={server.url}", "sandbox_workers=1", *overrides]
    return RunFolder(run_evaluate(Invocation("mine.jsonl", changes, out=Path("run"), **flags), Console(quiet=True)))


def asked(server: Scripted) -> dict[str, list[dict[str, str]]]:
    """The last user's message -> the messages of the request."""
    return {body["messages"][-1]["content"]: body["messages"] for body in server.questions}


def test_a_format_of_a_file_is_asked_and_run_as_it_says(here: Path, server: Scripted) -> None:
    (here / "prompts").mkdir()
    (here / "prompts" / "mine.toml").write_text(MINE)
    server.replies = ["<py>\nprint(41 + 1)\n</py>", "The answer is 42."]
    run = evaluate(server, "formats=prompts/mine.toml", "limit=1")
    (solution,) = run.solutions()
    assert solution.format == "mine" and solution.id == "mine/1#mine#0" and solution.answer == "42"
    assert [block.type for block in solution.blocks] == ["code", "output", "text"]
    messages = server.questions[-1]["messages"]
    assert [message["content"] for message in messages[:2]] == ["Use <py> blocks.", "Q: What is 41 + 1?"]
    assert messages[-1]["content"] == "\n<out>42</out>\n"
    assert run.run().recipe["formats"] == [str(here / "prompts" / "mine.toml")]
    assert str(here / "prompts" / "mine.toml") in run.run().inputs


def test_other_commands_know_the_format_of_a_run_though_its_file_is_gone(here: Path, server: Scripted) -> None:
    (here / "my.toml").write_text(MINE)
    server.replies = ["<py>\nprint(41 + 1)\n</py>", "The answer is 42."]
    run = evaluate(server, "formats=my.toml", "limit=1")
    (here / "my.toml").unlink()
    quiet = Console(quiet=True)
    again = RunFolder(run_execute(Invocation(str(run.path), ["sandbox_workers=1"]), quiet))
    assert [metric.value for metric in again.metrics() if metric.measure == "outputs_equal"] == [1.0]
    recipe = here / "c.toml"
    recipe.write_text(f'data = "{run.path}"\nsandbox_workers = 1\ndecontaminate_against = []\n')
    curated = run_curate(Invocation(str(recipe), out=here / "curated"), quiet)
    assert len(list(RunFolder(curated).solutions())) == 1
    run_export(Invocation(str(curated), ["shapes=segments"], out=here / "out"), quiet)
    text = "".join(path.read_text() for path in (here / "out").glob("segments*"))
    assert "<out>42</out>" in json.loads(text.splitlines()[0])["segments"][2]["text"]


def test_a_file_that_changed_is_no_resume(here: Path, server: Scripted) -> None:
    (here / "my.toml").write_text('executes = "never"\n')
    evaluate(server, "formats=my.toml")
    (here / "my.toml").write_text('executes = "never"\nsystem = "New."\n')
    with pytest.raises(RunFolderError, match=r"other contents of .*my\.toml"):
        evaluate(server, "formats=my.toml", resume=True)


def test_a_run_is_repeated_from_another_folder(here: Path, server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "my.toml").write_text('executes = "never"\n')
    (here / "sys.txt").write_text("Be brief.\n")
    more = ["shots_from=gsm8k:train", "num_fewshot=2", f"problems_dir={here}/data"]
    run = evaluate(server, "formats=my.toml", "system=sys.txt", *more)
    before = [solution.prompt_hash for solution in run.solutions()]
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    again = run_evaluate(Invocation(str(here / "run" / "recipe.toml"), out=here / "again"), Console(quiet=True))
    assert [solution.prompt_hash for solution in RunFolder(again).solutions()] == before
    said = RunFolder(again).run().recipe
    assert said["system"] == str(here / "sys.txt") and tomllib.loads((again / "recipe.toml").read_text())["shots_from"]


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_a_system_message_for_every_format(here: Path, server: Scripted, api: str) -> None:
    evaluate(server, "formats=['cot', 'pot']", "system=Answer like a pirate.", f"api={api}")
    assert len(server.questions) == 4
    for body in server.questions:
        if api == "chat":
            assert body["messages"][0] == {"role": "system", "content": "Answer like a pirate."}
        else:
            assert body["prompt"].startswith("Answer like a pirate.\n\nBelow is an instruction")


def test_an_empty_system_message_is_none(here: Path, server: Scripted) -> None:
    evaluate(server, "formats=cot", "system=")
    assert all(body["messages"][0]["role"] == "user" for body in server.questions)


def test_demonstrations_come_from_a_dataset_and_never_are_the_problem_itself(here: Path, server: Scripted) -> None:
    run = evaluate(server, "formats=cot", "shots_from=gsm8k:train", "num_fewshot=3", f"problems_dir={here}/data")
    requests = asked(server)
    shown = {name: [each["content"] for each in messages[1:-1]] for name, messages in requests.items()}
    for name, lines in shown.items():
        assert len(lines) == 6 and name not in lines, "three demonstrations, none of them the question"
    assert "It is 51.\nThe answer is 51." in shown["What is 41 + 1?"], "without annotations, with the format's line"
    (recorded,) = read_formats(run.path)
    assert recorded.asked.num_fewshot == 3 and recorded.own is None
    assert str(here / "data" / "gsm8k_train.jsonl") in run.run().inputs
    server.questions.clear()
    evaluate(
        server, "formats=cot", "shots_from=gsm8k:train", "num_fewshot=3", f"problems_dir={here}/data", overwrite=True
    )
    assert asked(server) == requests, "the same seed shows the same"
    console = Console(record=True, width=200, file=io.StringIO())
    run_trace("mine/1#cot#0", [f"runs_dir={here}"], console)
    assert "[assistant] It is 51." in console.export_text()


def test_demonstrations_come_from_a_run_in_the_format(here: Path, server: Scripted) -> None:
    server.text = "```python\nprint(41 + 1)\n```"
    first = evaluate(server, "formats=pot", "limit=1")
    first.path.rename(here / "solved")
    run = evaluate(server, "formats=pot", "shots_from=solved", "num_fewshot=1")
    messages = asked(server)["What is 5 + 1? Let's write a program."]
    assert [each["content"] for each in messages if each["role"] == "assistant"] == ["print(41 + 1)"]
    assert str(here / "solved" / "solutions.jsonl") in run.run().inputs
    with pytest.raises(RecipeError) as caught:
        evaluate(server, "formats=tir", "shots_from=solved", overwrite=True)
    assert "has 0 correct solutions in format `tir`, num_fewshot = 5 are wanted" in str(caught.value)


def test_words_are_no_demonstrations_of_programs(here: Path, server: Scripted) -> None:
    with pytest.raises(RecipeError, match="`pot` runs code, which worked solutions in words have not; name a run"):
        evaluate(server, "formats=pot", "shots_from=gsm8k:train", f"problems_dir={here}/data")
    assert not (here / "run").exists() and not server.questions


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("executes = 'sometimes'", "my.toml: executes: input should be 'never', 'program' or 'steps'"),
        ("executes = 'steps'", 'my.toml: executes = "steps" needs code_begin and code_end'),
        ("executes = 'never'\nsistem = 'x'", "my.toml: sistem: no such key (did you mean `system`?)"),
        ("executes = 'never'\ninstruction = 'Solve it'", "my.toml: instruction: has no {question}, where it goes"),
        ("executes = 'never'\nname = 'other'", "my.toml: name = 'other': a format is called as its file"),
        ("executes = never", "my.toml: it cannot be read"),
        (None, "my.toml: there is no such file"),
    ],
)
def test_a_file_with_a_mistake_is_one_message_with_file_and_key(
    here: Path, server: Scripted, text: str | None, said: str
) -> None:
    if text is not None:
        (here / "my.toml").write_text(text)
    with pytest.raises(RecipeError) as caught:
        evaluate(server, "formats=['my.toml', 'cott', 'pott']", "system=nowhere.txt")
    assert said in str(caught.value)
    assert "there is no format `cott` (did you mean `cot`?)" in str(caught.value), "every mistake at once"
    assert "`pott`" in str(caught.value) and "known: hybrid, cot," in str(caught.value)
    assert "system = 'nowhere.txt': there is no such file" in str(caught.value)
    assert not (here / "run").exists() and not server.questions


def test_a_name_of_ours_and_a_name_twice_are_refused(here: Path, server: Scripted) -> None:
    (here / "cot.toml").write_text("executes = 'never'")
    with pytest.raises(RecipeError, match="a format of ours is called `cot`: give the file another name"):
        evaluate(server, "formats=cot.toml")
    with pytest.raises(RecipeError, match="`pot` is named twice"):
        evaluate(server, "formats=['pot', 'cot', 'pot']")
