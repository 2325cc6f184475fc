"""The corpora of the two papers, each by one command: every source, a teacher behind HTTP, a kill, what is left out."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from slipstick.commands import Invocation
from slipstick.errors import RecipeError
from slipstick.problems.catalogue import datasets
from slipstick.store import RunFolder
from slipstick.successors import parts_of
from tests.models.scripted_server import Server, StartServer
from tests.wishes.typed import slipstick


def nuts(number: int) -> str:
    return f"Ann has {number} nuts and finds {number + 3} more. How many are they?"


SOLVED = "She has {0}+{1} = <<{0}+{1}={2}>>{2} nuts."
QUESTIONS = {
    "gsm8k": [nuts(number) for number in (11, 12, 13)],
    "math": [r"What is the value of $17^2 - 16^2$ in base ten?"],
    "aqua": ["A train runs 240 km in 4 hours. How many km does it run in an hour?"],
    "theoremqa": ["How many edges does a tree with 31 vertices have?"],
    "metamath": ["Bob had 31 pears, and 4 are gone. How many does he have now?"],
}
KNOWN = {
    **{nuts(number): (f"nuts = {number} + {number + 3}\nprint(nuts)", 2 * number + 3) for number in (11, 12, 13)},
    QUESTIONS["math"][0]: ("print(17**2 - 16**2)", 33),
    QUESTIONS["aqua"][0]: ("print(240 // 4)", "B"),
    QUESTIONS["theoremqa"][0]: ("vertices = 31\nprint(vertices - 1)", 30),
    QUESTIONS["metamath"][0]: ("print(31 - 4)", 27),
}
"""Question -> what the teacher knows of it: a program and the answer."""
ROWS: dict[str, list[dict[str, Any]]] = {
    "gsm8k_train": [
        {"question": nuts(n), "answer": f"{SOLVED.format(n, n + 3, 2 * n + 3)}\n#### {2 * n + 3}"} for n in (11, 12, 13)
    ],
    "gsm8k_test": [{"question": nuts(13), "answer": "#### 29"}],
    "gsm8k-rft_train": [{"query": nuts(11), "response": "11+14 = <<11+14=25>>25 nuts in all.\n#### 25"}],
    "aqua_train": [
        {
            "question": QUESTIONS["aqua"][0],
            "options": ["A)50", "B)60", "C)70", "D)80", "E)90"],
            "rationale": "In an hour it runs 240 / 4 = 60 km.\nThe answer is B.",
            "correct": "B",
        }
    ],
    "math_train": [
        {
            "problem": QUESTIONS["math"][0],
            "level": "Level 2",
            "type": "Algebra",
            "solution": r"It is $(17+16)(17-16) = \boxed{33}$.",
        }
    ],
    "camel-math_train": [{"topic;": "Algebra", "message_1": "Solve x - 2 = 5 for x.", "message_2": "So x = 7."}],
    "mathqa_train": [
        {
            "Problem": "what is 5 % of 40 ?",
            "Rationale": "5 / 100 * 40 = 2",
            "options": "a ) 1 , b ) 3 , c ) 2 , d ) 4 , e ) none of these",
            "correct": "c",
            "linear_formula": "divide(n0,const_100)|multiply(#0,n1)|",
            "category": "gain",
        }
    ],
    "numglue_train": [
        {"input": "What do 3 carts of 4 wheels have?", "output_program": "print(3 * 4)", "output_answer": "12"}
    ],
    "theoremqa_test": [
        {"Question": QUESTIONS["theoremqa"][0], "Answer": "30", "Answer_type": "integer", "Picture": None}
    ],
    "metamath_train": [
        {"query": QUESTIONS["metamath"][0], "response": "31 - 4 = 27\n#### 27\nThe answer is: 27", "type": "GSM_SV"}
    ],
}
NEW = (
    "Which positive number has a square that is nine more than eight times the number itself?",
    "At what value of t does the curve y = t^3 - 12t turn downward for the last time before rising?",
)


class Teacher(Server):
    """Knows every question above; at temperature 0 its program for twelve nuts is wrong."""

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        said = [str(message["content"]) for message in body.get("messages", [])] or [""]
        asked = next((question for question in KNOWN if question in "".join(said)), None)
        program, answer = KNOWN[asked] if asked else ("print(9)", 9)
        if "more questions on this topic" in said[-1]:
            self.text = "".join(f"<question>{question}</question>\n" for question in NEW)
        elif "one Python program" in said[0]:
            self.text = "print(12 + 12)" if asked == nuts(12) and body.get("temperature") == 0 else program
        elif "<code>" in said[0] and asked and asked in said[-1]:
            self.text = f"We compute.\n</p>\n\n<code>\n```python\n{program}\n```\n</code>\n"
        elif "<code>" in said[0]:
            self.text = f"So it is.\n</p>\n\nFinal Answer: ${answer}$"
        else:
            self.text = f"We compute.\nThe answer is {answer}."
        return super().answer(body)


@pytest.fixture
def teacher(start_server: StartServer) -> Teacher:
    return start_server(Teacher)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the sources' files in `data`, where commands are typed."""
    for name, rows in ROWS.items():
        path = tmp_path / "data" / f"{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


FULL = (
    "synthesize mathinstruct-full --set problems_dir=data --set mathinstruct-full-college.topics=calculus --set "
    "mathinstruct-full-college.questions=2 --set mathinstruct-full-curate.decontaminate_against=gsm8k:test --set "
    "isolation=process --set model=openai:teacher --set base_url="
)
MARIO = (
    "synthesize mario-corpus --set problems_dir=data --set mario-corpus-curate.decontaminate_against=gsm8k:test --set "
    "isolation=process --set model=openai:teacher --set base_url="
)


def exported(folder: Path, name: str, runs: str = "runs") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((folder / runs / name / "exports" / "alpaca.json").read_text())
    return rows


def test_all_thirteen_sources_by_one_command(teacher: Teacher, folder: Path) -> None:
    code, said = slipstick(FULL + teacher.url, folder)
    assert code == 0, said
    rows = exported(folder, "mathinstruct-full-curate")
    assert Counter(row["source"] for row in rows) == {
        "gsm8k/cot": 2,  # the third is GSM8K's test question
        "gsm8k/pot": 2,
        "gsm8k-rft/cot": 1,
        "aqua/cot": 1,
        "aqua/pot": 1,
        "math/cot": 1,
        "math/pot": 1,
        "theoremqa/cot": 1,
        "theoremqa/pot": 1,
        "camel-math/cot": 1,
        "self_instruct/cot": 2,
        "mathqa/pot": 1,
        "numglue/pot": 1,
    }
    paper = [part for part in datasets()["mathinstruct"].parts.values() if part.rows]
    assert {"/".join(part.key()) for part in paper} == {row["source"] for row in rows} and len(paper) == 13
    drops = Counter(drop.rule for drop in RunFolder(folder / "runs" / "mathinstruct-full-programs").dropped())
    assert drops == {"wrong answer": 1}, "a program stays if it comes to the gold"
    assert re.search(r"College-Math +CoT +GPT-4, unchecked +MIT +1,840 +0\.7% +2 ", said), said
    card = (folder / "runs" / "mathinstruct-full-curate" / "exports" / "README.md").read_text()
    assert "3 of them came without a gold" in card, "Camel-Math and College-Math"
    assert "table 1" in card and "| GSM8K | PoT | 14,000 | GPT-4, checked | 2 | MIT |" in card


def test_killed_half_way_it_ends_in_the_same_file(teacher: Teacher, folder: Path) -> None:
    code, said = slipstick(f"{FULL}{teacher.url} --out whole/mathinstruct-full", folder)
    assert code == 0, said
    teacher.seconds = 0.1
    process = subprocess.Popen([sys.executable, "-m", "slipstick", *(FULL + teacher.url).split()], cwd=folder)
    asked = folder / "runs" / "mathinstruct-full-programs" / "solutions.jsonl"
    while process.poll() is None and not (asked.is_file() and asked.stat().st_size):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (folder / "runs" / "mathinstruct-full-theoremqa").exists()
    code, said = slipstick(f"{FULL}{teacher.url} --resume", folder)
    assert code == 0 and "already done in runs/mathinstruct-full\n" in said, said
    name = "mathinstruct-full-curate"
    assert exported(folder, name) == exported(folder, name, "whole")


def test_sources_are_left_out_by_name_and_licence(teacher: Teacher, folder: Path) -> None:
    for name in ("gsm8k-rft", "camel-math", "numglue"):
        (folder / "data" / f"{name}_train.jsonl").unlink()
    with pytest.raises(RecipeError) as caught:
        parts_of("synthesize", Invocation("mathinstruct-full", ["leave_out=cammel-math", "model=openai:x"]))
    assert all("did you mean `camel-math`" in line for line in caught.value.mistakes)
    code, said = slipstick(FULL + teacher.url, folder)
    assert code == 2 and "gsm8k-rft:train` is not on the Hub but at https" in said and "leave_out" in said
    assert not teacher.bodies and not (folder / "runs").exists(), "told before anything begins"
    out = "leave_out=['none', '*NC*', 'numglue', 'theoremqa', 'self_instruct']"
    code, said = slipstick(f'{FULL}{teacher.url} --set "{out}"', folder)
    assert code == 0 and "left out: gsm8k-rft:train, camel-math:train, numglue:train" in said, said
    sources = {row["source"].partition("/")[0] for row in exported(folder, "mathinstruct-full-curate")}
    assert sources == {"gsm8k", "aqua", "math", "mathqa"}


def test_the_plan_says_what_each_source_takes(folder: Path) -> None:
    line = "plan mathinstruct-full --set problems_dir=data --set leave_out=*NC*"
    code, said = slipstick(line, folder)
    assert code == 0, said
    assert re.search(r"mathinstruct-full +gsm8k:train +MIT +here +3 +3 *\n", said)
    assert re.search(r"mathinstruct-full-programs +gsm8k:train +MIT +here +3 +6 +[\d,]+ +1,500 +unknown", said), said
    assert re.search(r"self_instruct +written +1,842 +1,842 ", said) and "no price is known" in said
    assert "left out: camel-math:train (CC-BY-NC-4.0)" in said
    assert "then: curate mathinstruct-full-curate, export runs/mathinstruct-full-curate" in said
    (folder / "data" / "aqua_train.jsonl").unlink()
    (folder / "data" / "numglue_train.jsonl").unlink()
    code, said = slipstick(f"{line} --set model=openai:x --set price_in=1 --set price_out=2", folder)
    assert re.search(r"aqua:train,n=7500 +Apache-2.0 +the Hub +7,500 +15,000 +[\d,]+ +3,750,000 +[\d.]+", said), said
    assert re.search(r"numglue:train +ODC-By-1.0 +to fetch +unknown +unknown", said) and "no price" not in said


def test_an_estimate_asks_the_teachers_alone(teacher: Teacher, folder: Path) -> None:
    code, said = slipstick(f"{MARIO}{teacher.url} --set estimate=true", folder)
    assert code == 0 and "4 problems, judged by 4" in said and "metamath:train" in said, said
    assert {path.name for path in (folder / "runs").iterdir()} == {"mario-corpus", "mario-corpus-metamath"}
    code, said = slipstick(f"{MARIO}{teacher.url} --resume", folder)
    assert code == 0 and exported(folder, "mario-corpus-curate"), said


def test_marios_corpus_by_one_command(teacher: Teacher, folder: Path) -> None:
    rows = [*ROWS["gsm8k_train"], {"question": "Tom has 4 nets. How many?", "answer": "He has 5.\n#### 5"}]
    (folder / "data" / "gsm8k_train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, said = slipstick(MARIO + teacher.url, folder)
    assert code == 0, said
    rows = exported(folder, "mario-corpus-curate")
    assert {row["source"] for row in rows} == {"gsm8k/mario", "math/mario", "metamath/mario"}
    assert all("<code>" in row["output"] and "Output: " in row["output"] for row in rows)
    suspects = (folder / "runs" / "mario-corpus-audit" / "suspects.jsonl").read_text().splitlines()
    assert json.loads(suspects[0])["id"] == "gsm8k/train/3", "its attempts agree on another answer than the gold"
    (folder / "fixes.jsonl").write_text(
        json.dumps({"id": "gsm8k/train/3", "who": "ann", "when": "2026-11-21", "old": "5", "new": "9", "why": "said"})
    )
    fixed = "--set mario-corpus.label_corrections=fixes.jsonl --set leave_out=metamath --out again/mario-corpus"
    code, said = slipstick(f"{MARIO}{teacher.url} {fixed}", folder)
    assert code == 0, said
    again = exported(folder, "mario-corpus-curate", "again")
    assert any(row["id"].startswith("gsm8k/train/3#") for row in again), "a corrected gold keeps its attempts"
    assert {row["source"] for row in again} == {"gsm8k/mario", "math/mario"}
