"""The catalogue as a table, and its datasets out of a local folder; offline but for what is said of the Hub."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from slipstick.commands.listing import print_listing
from slipstick.errors import InputError, PluginError
from slipstick.problems import load_problems
from slipstick.problems.catalogue import datasets, datasets_of, evaluation_sets, lists
from slipstick.problems.catalogue.loading import read_texts
from slipstick.problems.catalogue.local import evaluation_sources, find_files, local_files
from slipstick.problems.catalogue.readers import READERS
from slipstick.problems.catalogue.selection import select
from slipstick.problems.settings import ProblemSettings, take_problems
from slipstick.schema import Problem

SHARED = Path(__file__).parents[3] / "shared" / "data"
MATH = [
    {"problem": f"What is {n}+{n}?", "level": f"Level {n}", "type": subject, "solution": f"\\boxed{{{n + n}}}"}
    for n, subject in ((1, "Algebra"), (2, "Geometry"), (3, "Algebra"))
]
GSM = {"question": "What is 3 times 4?", "answer": "3*4=<<3*4=12>>12\n#### 12"}


def write(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_table_holds_together() -> None:
    for dataset in datasets().values():
        assert dataset.hub or dataset.home
        for name, split in dataset.splits.items():
            assert (split.reader or dataset.reader) in READERS
            assert split.role in ("train", "eval") or dataset.kind == "text"
            assert split.part_of is None or split.part_of in set(dataset.splits) - {name}
        for part in dataset.parts.values():
            assert part.problems is None or select(part.problems)
    assert len(datasets()["mathinstruct"].parts) == 13 + 1  # the paper's table, and number_comparison
    for found in lists().values():
        assert all(select(source).split.role != "text" for source in found.sources)


def test_a_dataset_of_the_hub_is_read_at_a_commit_or_says_why_not() -> None:
    commit = re.compile(r"[0-9a-f]{40}")
    for name, dataset in datasets().items():
        pinned = bool(commit.fullmatch(dataset.revision or ""))
        assert pinned != bool(dataset.unpinned) if dataset.hub else not (dataset.revision or dataset.unpinned), name


def test_lists_name_sources() -> None:
    assert datasets_of("mario-four") == ["gsm8k:test", "math:test", "minerva-ocw:test", "gaokao2023-en:test"]
    assert len(datasets_of("mammoth-nine")) == 9
    assert datasets_of("mammoth-nine") == datasets_of("mammoth-nine")
    with pytest.raises(InputError, match="did you mean `mammoth-nine`"):
        datasets_of("mammoth-ninety")
    names = [dataset.name for dataset in evaluation_sets()]
    assert {"gsm8k", "mgsm", "tabmwp"} <= set(names) and not {"mathinstruct", "finemath-4plus"} & set(names)


@pytest.mark.parametrize(
    "name",
    [
        "gsm8k_test.jsonl",
        "gsm8k-test.json",
        "gsm8k/test.ndjson",
        "eval/gsm8k.jsonl",
        "eval/gsm8k_test.jsonl",
        "test/gsm8k.jsonl",
        "gsm8k_test.jsonl.gz",
    ],
)
def test_a_local_file_is_found_under_several_names(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, GSM)
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(path.read_bytes()))
    assert local_files("gsm8k:test", problems_dir=tmp_path) == [path]
    assert [problem.answer for problem in load_problems("gsm8k:test", problems_dir=tmp_path)] == ["12"]
    assert local_files("gsm8k:train", problems_dir=tmp_path) == []


def test_csv_and_parquet_serve_as_well(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="the extra `data` is not installed")
    from pyarrow import parquet

    (tmp_path / "gsm8k_test.csv").write_text('question,answer\nWhat is 3 times 4?,"3*4=12\n#### 12"\n')
    parquet.write_table(pyarrow.Table.from_pylist(MATH), tmp_path / "math_test.parquet")
    assert [problem.answer for problem in load_problems("gsm8k:test", problems_dir=tmp_path)] == ["12"]
    assert [problem.answer for problem in load_problems("math:test", problems_dir=tmp_path)] == ["2", "4", "6"]


def test_an_object_of_named_rows_serves_too(tmp_path: Path) -> None:
    row = {"question": "How many?", "choices": None, "answer": "3", "table": "a | 3"}
    (tmp_path / "problems_test1k.json").write_text(json.dumps({"16": row, "54": row}, indent=4))
    ids = [problem.id for problem in load_problems("tabmwp:test1k", problems_dir=tmp_path)]
    assert ids == ["tabmwp/test1k/16", "tabmwp/test1k/54"]


def test_rows_laid_out_as_ours_are_read_as_files_are(tmp_path: Path) -> None:
    flat = {
        "id": "gsm8k/test/7",
        "source": "gsm8k",
        "split": "test",
        "question": "What is 3 times 4?",
        "answer": "12",
        "answer_type": "number",
        "solution": "3*4=<<3*4=12>>12\n#### 12",
        "licence": "as somebody wrote it",
    }
    ours = Problem(id="gsm8k/test/8", text="What is 2 times 4?", answer="8")
    write(tmp_path / "eval/gsm8k.jsonl", flat, ours.model_dump())
    first, second = load_problems("gsm8k:test", problems_dir=tmp_path)
    assert (first.id, first.kind, first.rationale, first.licence) == (
        "gsm8k/test/7",
        "number",
        "3*4=<<3*4=12>>12",
        "MIT",
    )
    assert second.text == ours.text and second.licence == "MIT" and second.metadata["dataset"] == "gsm8k"


def test_the_text_of_an_option_becomes_its_letter(tmp_path: Path) -> None:
    flat = {
        "id": "tabmwp/test1k/1",
        "question": "Which?",
        "choices": ["web", "tree"],
        "answer": "tree",
        "kind": "choice",
    }
    write(tmp_path / "eval/tabmwp.jsonl", flat)
    assert next(load_problems("tabmwp:test1k", problems_dir=tmp_path)).answer == "B"


def test_a_split_is_put_together_from_others(tmp_path: Path) -> None:
    row = {"ID": "1", "Body": "Ivo has 8 pears", "Question": "How many?", "Equation": "8", "Answer": 8.0, "Type": "x"}
    write(tmp_path / "svamp_train.jsonl", row, row)
    with pytest.raises(InputError):
        list(load_problems("svamp:all", problems_dir=tmp_path, on_bad=lambda where, reason: None))
    write(tmp_path / "svamp_test.jsonl", row)
    ids = [problem.id for problem in load_problems("svamp:all", problems_dir=tmp_path)]
    assert ids == ["svamp/all/train/0", "svamp/all/train/1", "svamp/all/test/0"]


def test_the_beginning_of_a_longer_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = "a ) 1 , b ) 2 , c ) 3 , d ) 4 , e ) 5"
    row = {"Problem": "?", "Rationale": "", "options": options, "correct": "a", "category": "gain"}
    write(tmp_path / "mathqa_test.jsonl", *[row] * 1001)
    monkeypatch.setenv("SLIPSTICK_PROBLEMS_DIR", str(tmp_path))
    assert len(list(load_problems("mathqa:test1k"))) == 1000


def test_settings_behind_the_split(tmp_path: Path) -> None:
    write(tmp_path / "math_test.jsonl", *MATH)

    def ids(source: str) -> list[str]:
        return [problem.id for problem in load_problems(source, problems_dir=tmp_path)]

    assert ids("math:test,n=2") == ["math/test/0", "math/test/1"]
    assert ids("math:test,subject=Algebra") == ["math/test/0", "math/test/2"]
    assert ids("math:test, subject=Algebra, level=Level 3") == ["math/test/2"]
    assert ids("math:test,subject=Algebra,n=1") == ["math/test/0"]
    with pytest.raises(InputError, match=r"no row with .*subject is Algebra, Geometry"):
        ids("math:test,subject=Topology")
    with pytest.raises(InputError, match="colour is in no row"):
        ids("math:test,colour=red")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("data/CoT/TheoremQA.json", ["CoT/TheoremQA"]),
        ("PoT/TheoremQA", ["PoT/TheoremQA"]),
        ("TheoremQA", ["CoT/TheoremQA", "PoT/TheoremQA"]),
        ("PoT", ["PoT/TheoremQA", "PoT/gsm_gpt4"]),
        ("gsm_gpt4", ["PoT/gsm_gpt4"]),
    ],
)
def test_parts_of_mathinstruct_are_selected_by_source(tmp_path: Path, wanted: str, found: list[str]) -> None:
    sources = ["CoT/TheoremQA", "PoT/TheoremQA", "PoT/gsm_gpt4"]
    rows = [{"source": f"data/{name}.json", "instruction": "?", "output": "print(1)"} for name in sources]
    (tmp_path / "MathInstruct.json").write_text(json.dumps(rows))
    problems = load_problems(f"mathinstruct:source={wanted}", problems_dir=tmp_path)
    assert [problem.metadata["source"] for problem in problems] == [f"data/{name}.json" for name in found]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("gsm8k", "several splits; say which of train, test is meant, as in gsm8k:test"),
        ("gsm8k:tset", "did you mean `test`"),
        ("gsm8k:train,test", "no split `train`|several splits"),
        ("gsm8k:test,n=0", "n=0 is not a number of rows"),
        ("gsm8k:test,n=many", "n=many is not a number of rows"),
        ("gsm8k:test,level=", "neither n=COUNT nor KEY=VALUE"),
        ("open-web-math", "raw text, not problems"),
        ("suite:mario-fuor", "did you mean `mario-four`"),
        ("suite:", "no list of datasets"),
        ("simuleq:test", r"not on the Hub but at https://github.*SLIPSTICK_PROBLEMS_DIR.*simuleq_test.jsonl"),
    ],
)
def test_what_there_is_not(source: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLIPSTICK_PROBLEMS_DIR", raising=False)
    with pytest.raises(InputError, match=message):
        list(load_problems(source))


@pytest.mark.parametrize(
    ("source", "near"), [("gsm8:test", "gsm8k"), ("synthetc:mix", "synthetic"), ("suit:modern", "suite")]
)
def test_an_unknown_source_is_compared_with_plugins_and_datasets(source: str, near: str) -> None:
    with pytest.raises(PluginError, match=f"did you mean `{near}`"):
        load_problems(source)


def test_a_plugin_goes_before_a_dataset_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "data/gsm8k_test.jsonl", GSM)
    (tmp_path / "own_gsm8k.py").write_text(
        "from slipstick.schema import Problem\n"
        "def load(argument, *, field_map=None):\n"
        "    yield Problem(id=f'own/{argument}', text='?')\n"
    )
    about = tmp_path / "own_gsm8k-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: own-gsm8k\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[slipstick.problems]\ngsm8k = own_gsm8k:load\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [problem.id for problem in load_problems("gsm8k:any", problems_dir=tmp_path / "data")] == ["own/any"]
    assert local_files("gsm8k:any", problems_dir=tmp_path / "data") == []


def test_a_folder_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"problems_dir = .* is not a folder"):
        load_problems("gsm8k:test", problems_dir=tmp_path / "nowhere")
    monkeypatch.setenv("SLIPSTICK_PROBLEMS_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"SLIPSTICK_PROBLEMS_DIR = .* is not a folder"):
        load_problems("gsm8k:test")


def test_datasets_have_no_keys_to_map(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`field_map` does not apply to"):
        load_problems("gsm8k:test", field_map={"text": "question"}, problems_dir=tmp_path)


def test_bad_rows_go_where_they_are_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "math_test.jsonl", MATH[0], {"problem": "?"}, MATH[2])
    with path.open("a") as file:
        file.write('{"problem": \n')
    bad: list[tuple[str, str]] = []
    found = load_problems("math:test", problems_dir=tmp_path, on_bad=lambda where, reason: bad.append((where, reason)))
    assert [problem.id for problem in found] == ["math/test/0", "math/test/2"]
    assert [where for where, _ in bad] == [f"{path}:2", f"{path}:4"]
    assert bad[0][1].startswith("no row of MATH: has no text under `solution`")
    with pytest.raises(InputError, match=r"math_test.jsonl:2: no row of MATH"):
        list(load_problems("math:test", problems_dir=tmp_path))


def test_a_suite_is_its_sets_one_after_the_other(tmp_path: Path) -> None:
    write(tmp_path / "gsm8k_train.jsonl", GSM)
    write(tmp_path / "math_train.jsonl", *MATH)
    write(tmp_path / "metamath_train.jsonl", {"query": "?", "response": "The answer is: 4", "type": "x"})
    ids = [problem.id for problem in load_problems("suite:mario", problems_dir=tmp_path)]
    assert ids == ["gsm8k/train/0", "math/train/0", "math/train/1", "math/train/2", "metamath/train/0"]
    assert len(local_files("suite:mario", problems_dir=tmp_path)) == 3
    assert local_files("synthetic:mix", problems_dir=tmp_path) == []


def test_of_a_split_and_its_part_one_is_named(tmp_path: Path) -> None:
    everything = evaluation_sources(problems_dir=tmp_path)
    assert {"tabmwp:test", "svamp:all", "mgsm:zh"} <= set(everything)
    assert not {"tabmwp:test1k", "svamp:test", "gsm8k:train"} & set(everything)
    write(tmp_path / "tabmwp_test1k.jsonl")
    with_part = evaluation_sources(problems_dir=tmp_path)
    assert "tabmwp:test1k" in with_part and "tabmwp:test" not in with_part
    write(tmp_path / "tabmwp_test.jsonl")
    assert evaluation_sources(problems_dir=tmp_path) == everything


def test_pages_of_mathematics_are_read_as_text(tmp_path: Path) -> None:
    write(tmp_path / "open_web_math.jsonl", {"text": "A page.", "url": "u"}, {"text": "Another."})
    assert list(read_texts("open-web-math", problems_dir=tmp_path)) == ["A page.", "Another."]
    assert list(read_texts("open-web-math:train,n=1", problems_dir=tmp_path)) == ["A page."]
    with pytest.raises(InputError, match="is not raw text"):
        list(read_texts("gsm8k:test", problems_dir=tmp_path))


def test_a_recipe_names_datasets_and_their_folder(tmp_path: Path) -> None:
    gsm, math = write(tmp_path / "gsm8k_train.jsonl", GSM), write(tmp_path / "math_train.jsonl", *MATH)
    settings = ProblemSettings(problems=["gsm8k:train", "math:train,level=Level 2"], problems_dir=tmp_path)
    assert [problem.id for problem in take_problems(settings)] == ["gsm8k/train/0", "math/train/1"]
    assert settings.files() == [gsm, math]


def test_the_catalogue_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(width=200)
    print_listing(console, "problems")
    shown = capsys.readouterr().out
    row = next(line for line in shown.splitlines() if line.startswith("theoremqa"))
    assert "test 800" in row and "mixed" in row and "MIT" in row and "its test questions are in MathInstruct" in row
    assert all(name in shown for name in [*datasets(), *lists(), "made"])
    print_listing(console)
    assert "its test questions are in MathInstruct" not in capsys.readouterr().out


def shared() -> list[str]:
    sources = [f"{name}:{split}" for name, dataset in datasets().items() for split in dataset.splits]
    return [source for source in sources if SHARED.is_dir() and find_files(select(source), SHARED)]


@pytest.mark.no_cover  # many rows, the same lines
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is absent")
def test_local_files_have_the_published_counts() -> None:
    found = shared()
    assert {*datasets_of("mammoth-nine"), *datasets_of("mario-four")} <= set(found)
    for source in found:
        problems = list(load_problems(source, problems_dir=SHARED))
        published = select(source).split.rows
        assert len(problems) == (published or len(problems)), source
        assert sum(problem.answer is None for problem in problems) <= 2, source
        assert all(problem.kind for problem in problems), source


def test_commands_to_copy_are_not_broken_on_a_narrow_terminal() -> None:
    console = Console(width=80, force_terminal=False)
    with console.capture() as capture:
        print_listing(console, "recipes")
    lines = capture.get().splitlines()
    assert all("slipstick " in line for line in lines[1:] if line) and max(map(len, lines)) > 80
