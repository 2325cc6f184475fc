"""Wish: I have samples of lm-eval and rows of my own; regrade them, and show where the verdicts differ."""

from __future__ import annotations

import json
from pathlib import Path

from slipstick.store import RunFolder
from tests.wishes.typed import slipstick


def outcomes(folder: Path) -> list[str]:
    return [each.verdict.outcome for each in RunFolder(folder).solutions() if each.verdict]


def test_samples_of_lm_eval(tmp_path: Path) -> None:
    replies = [("0.5", r"So $\boxed{\frac{1}{2}}$.", 0), ("7", "It is 8.", 0), ("3", "The answer is 3.", 1)]
    rows = [
        {"doc_id": n, "doc": {"question": f"Task {n}?"}, "target": gold, "resps": [[text]], "filtered_resps": [text]}
        | {"filter": "none", "metrics": ["exact_match"], "exact_match": right}
        for n, (gold, text, right) in enumerate(replies)
    ]
    results = tmp_path / "results" / "my__model"
    results.mkdir(parents=True)
    (results / "samples_sums_2031-01-01T00-00-00.000.jsonl").write_text("\n".join(map(json.dumps, rows)))
    code, said = slipstick("grade results", tmp_path)
    assert code == 0 and "1 disagreement" in said
    assert outcomes(tmp_path / "runs" / "results") == ["correct", "incorrect", "correct"]
    (line,) = (tmp_path / "runs" / "results" / "disagreements.jsonl").read_text().splitlines()
    assert json.loads(line)["theirs"] is False and json.loads(line)["ours"] == "correct"


def test_samples_of_two_models_stand_side_by_side(tmp_path: Path) -> None:
    for model, right in (("org__small", 1), ("org__large", 3)):
        folder = tmp_path / "results" / model
        folder.mkdir(parents=True)
        for task in ("gsm8k", "svamp"):
            rows = [
                {"doc_id": n, "doc": {"question": f"{task} {n}?"}, "target": "5", "filter": "none"}
                | {"resps": [[f"It is {5 if n < right else 6}."]], "filtered_resps": ["5"], "exact_match": 1}
                for n in range(4)
            ]
            (folder / f"samples_{task}_2031-01-01T00-00-00.5.jsonl").write_text("\n".join(map(json.dumps, rows)))
    code, said = slipstick("grade results --out again", tmp_path)
    assert code == 0 and "slipstick report again" in said and "average, all sets" in said
    assert sorted(path.name for path in (tmp_path / "again").iterdir()) == ["org__large", "org__small"]
    assert "slipstick grade results/org__large --out again/org__large" in (
        (tmp_path / "again" / "org__large" / "run.json").read_text()
    )
    code, said = slipstick("report again", tmp_path)
    table = (tmp_path / "again" / "table" / "table.md").read_text()
    assert code == 0 and "gsm8k" in table and "svamp" in table and "average" in table
    cells = {line.split("|")[1].strip(): line for line in table.splitlines() if "org/" in line}
    assert cells.keys() == {"org/small", "org/large"}
    assert cells["org/small"].count("25.0") == cells["org/large"].count("75.0") == 3
    code, said = slipstick("grade results --out again/org__small --overwrite", tmp_path)
    assert code == 2 and "again/org__small is one run: choose a new folder" in said


def test_rows_of_my_own(tmp_path: Path) -> None:
    rows = [
        {"task": {"words": "2+2?"}, "truth": "4", "model_says": ["It is 4.", "It is 5."]},
        {"task": {"words": "6/4?"}, "truth": "1.5", "model_says": [r"\boxed{\frac32}", "no idea"]},
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)))
    code, said = slipstick("grade mine.jsonl", tmp_path)
    assert code == 2 and "--set field_map.text=KEY" in said and "task, truth, model_says" in said
    keys = "--set field_map.text=task.words --set field_map.answer=truth --set field_map.response=model_says"
    code, said = slipstick(f"grade mine.jsonl {keys} --set ks=[2]", tmp_path)
    assert code == 0 and "text = `task.words`" in said
    assert outcomes(tmp_path / "runs" / "mine") == ["correct", "incorrect", "correct", "no_answer"]
