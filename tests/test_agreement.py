"""Our verdicts compared with recorded ones."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console

from slipstick.agreement import Agreement, AgreementCounts, agreement_table, compare_with_recorded
from slipstick.grade import grade_solutions
from slipstick.importers import find_outputs, read_outputs


def generation(number: int, text: str, found: str | None, correct: bool, **more: Any) -> dict[str, Any]:
    """A row as NeMo-Skills writes one."""
    row = {"problem": f"What is {number} + {number}?", "expected_answer": 2 * number, "generation": text}
    return row | {"predicted_answer": found, "symbolic_correct": correct, "num_generated_tokens": 9} | more


def test_agreement_counts_every_case_and_names_the_cause(tmp_path: Path) -> None:
    rows = [
        generation(1, r"\boxed{2}", "2", True),  # both correct
        generation(2, r"\boxed{5}", "5", False),  # both incorrect
        generation(3, r"\boxed{6.0}", "6.0", False),  # comparison: 6.0 is 6
        generation(4, "The answer is 8.", None, False),  # extraction: they looked for a box
        generation(5, "The answer is 11.", "10", True),  # extraction: they took another number
        generation(6, "Some cats sat there.", "twelve", True),  # extraction: we find no answer
    ]
    rows.append(generation(7, r"\boxed{14}", "14", True))
    del rows[-1]["symbolic_correct"]
    path = tmp_path / "sums" / "output.jsonl"
    path.parent.mkdir()
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    attempts = list(read_outputs(find_outputs(path)[0]))
    problems = [attempt.problem for attempt in attempts]
    graded = list(grade_solutions([attempt.solution for attempt in attempts], problems))
    recorded = [row for attempt in attempts for row in attempt.recorded]
    counts, found = compare_with_recorded(problems, graded, recorded, profile="slipstick")
    assert [(row.task, row.verdict, dict(row.counts)) for row in counts] == [
        (
            "sums",
            "symbolic_correct",
            {"both_correct": 1, "both_incorrect": 1, "only_ours_correct": 2, "only_theirs_correct": 2},
        ),
        ("sums", "", {"not_recorded": 1}),
    ]
    assert [(row.id, row.theirs, row.ours, row.cause) for row in found] == [
        ("sums/3#cot#0", False, "correct", "comparison"),
        ("sums/4#cot#0", False, "correct", "extraction"),
        ("sums/5#cot#0", True, "incorrect", "extraction"),
        ("sums/6#cot#0", True, "no_answer", "extraction"),
    ]
    assert found[0].where.endswith("output.jsonl:3") and found[0].expected == "6"


def test_no_name_is_broken_on_a_narrow_terminal() -> None:
    found: Counter[Agreement] = Counter({"both_correct": 7, "only_ours_correct": 2})
    counts = AgreementCounts("sums", "exact_match,flexible-extract", found)
    for width in (80, 160):
        console = Console(width=width, force_terminal=False)
        with console.capture() as capture:
            console.print(agreement_table([counts]))
        lines = [line for line in capture.get().splitlines() if "exact_match,flexible-extract" in line]
        assert len(lines) == (2 if width == 80 else 1) and " 7" in lines[0]
