"""Wish: a table of my three models on two sets as Markdown and LaTeX."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.wishes.typed import slipstick


def write_files(folder: Path) -> None:
    """Two sets, and three models that know a part of them: weak, good, best."""
    golds = {f"{name}/{i + 1}": i + sign * 3 for name, sign in (("sums", 1), ("gaps", -1)) for i in range(30)}
    for name in ("sums", "gaps"):
        rows = [{"question": f"What is {key}?", "answer": str(gold)} for key, gold in golds.items() if name in key]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    for model, known in (("weak", 2), ("good", 8), ("best", 9)):
        said = [
            {"problem_id": key, "text": f"The answer is {gold if place % 10 < known else 99}."}
            for place, (key, gold) in enumerate(golds.items())
        ]
        (folder / f"{model}.jsonl").write_text("\n".join(map(json.dumps, said)), encoding="utf-8")
    recipe = 'problems = ["sums.jsonl", "gaps.jsonl"]\nformats = ["cot"]\nrerun = false\n'
    (folder / "eval.toml").write_text(recipe, encoding="utf-8")


def test_three_models_on_two_sets(tmp_path: Path) -> None:
    write_files(tmp_path)
    for model in ("weak", "good", "best"):
        code, said = slipstick(f"evaluate eval.toml --set model=fake:{model}.jsonl --out runs/{model}", tmp_path)
        assert code == 0, said
    code, said = slipstick("report runs/best runs/good runs/weak", tmp_path)
    assert code == 0, said
    assert [path.name for path in sorted((tmp_path / "runs" / "table").iterdir())] == [
        "table.html",
        "table.md",
        "table.tex",
    ]
    markdown = (tmp_path / "runs" / "table" / "table.md").read_text("utf-8").splitlines()
    assert markdown[0] == "| model | format | sums (n = 30) | gaps (n = 30) | average (n = 60) |"
    assert re.match(r"\| best\.jsonl \| cot \| \*\*90\.0\*\* \[\d+\.\d, \d+\.\d\] \|", markdown[2])
    assert re.match(r"\| good\.jsonl \| cot \| \*\*80\.0\*\* ", markdown[3])  # not shown to be worse on 30 problems
    assert re.match(r"\| weak\.jsonl \| cot \| 20\.0 ", markdown[4])
    latex = (tmp_path / "runs" / "table" / "table.tex").read_text("utf-8")
    assert "\\toprule" in latex and "\\textbf{90.0}" in latex and latex.count("&") == 4 * latex.count("\\\\")
    assert "Accuracy, % with 95 % interval" in said and "runs/table/table.html" in said

    code, again = slipstick("report runs/ --out paper", tmp_path)
    assert code == 0 and (tmp_path / "paper" / "table.tex").is_file(), again
    code, again = slipstick("report 'runs/*' --set measure=tokens_per_correct --out paper/tokens.html", tmp_path)
    assert code == 0 and (tmp_path / "paper" / "tokens.md").is_file(), again
