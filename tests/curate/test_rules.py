"""Rules that look at one problem or one solution alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipstick.curate import rules
from slipstick.curate.settings import CurateSettings, LicenceFilter
from slipstick.errors import InputError
from slipstick.schema import Code, Output, Problem, Solution, Text, Verdict


def solution(*blocks: Text | Code | Output, outcome: str | None = "correct") -> Solution:
    verdict = (
        Verdict.model_validate({"outcome": outcome, "method": "number", "reason": "6 is not 7"}) if outcome else None
    )
    return Solution(id="p#pot#0", problem_id="p", format="pot", blocks=list(blocks), verdict=verdict)


@pytest.mark.parametrize(
    ("stated", "allowed", "stays"),
    [
        ("MIT", LicenceFilter(), True),
        ("CC-BY-NC-4.0", LicenceFilter(deny=["*nc*"]), False),
        ("MIT", LicenceFilter(deny=["*NC*"]), True),
        ("mit", LicenceFilter(allow=["MIT", "Apache-2.0"]), True),
        ("GPL-3.0", LicenceFilter(allow=["MIT", "Apache-2.0"]), False),
        (None, LicenceFilter(allow=["MIT"]), True),
        (None, LicenceFilter(unknown="drop"), False),
        ("unknown (nobody says)", LicenceFilter(unknown="drop"), False),
        ("none", LicenceFilter(unknown="drop"), False),
    ],
)
def test_licence(stated: str | None, allowed: LicenceFilter, stays: bool) -> None:
    reason = rules.licence(Problem(id="p", text="?", licence=stated), allowed)
    assert (reason is None) is stays
    assert stays or (stated or "no licence") in str(reason) or "no licence is stated" in str(reason)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ann has 3 nuts and finds 4 more. How many are they?", None),
        ("Compute $\\cos 150^\\circ$.", None),
        ("$$\\int_0^1 x^2\\,dx = \\frac{1}{3}$$", None),
        ("x + 3 = 5", None),
        ("Solve.", None),
        ("", None),
        ("Antonio Giovanni Maria Paola Luca Fibonacci Galois Abel Gauss Euler Fermat Lagrange Laplace", None),
        ("Combien de pommes Jean a-t-il dans son panier après avoir donné trois pommes à Marie et Paul ?", "fr"),
        ("Wie viele Äpfel hat Hans, wenn er fünf kauft und seiner Schwester zwei davon schenkt?", "de"),
        ("小明有三个苹果，妈妈又给了他两个，他现在有几个苹果？", "zh"),
    ],
)
def test_language(text: str, found: str | None) -> None:
    pytest.importorskip("py3langid", reason="the extra `data` is not installed")
    reason = rules.language(text, ["en"])
    assert (reason is None) if found is None else (reason is not None and f"`{found}`" in reason)
    assert found is None or rules.language(text, ["en", found]) is None


def test_verdict() -> None:
    assert rules.verdict(solution(), has_gold=True, unverified_stays=False) is None
    for outcome in ("incorrect", "no_answer", "undecided"):
        reason = rules.verdict(solution(outcome=outcome), has_gold=True, unverified_stays=True)
        assert reason == f"{outcome}: 6 is not 7"
    without = solution(outcome=None)
    assert "grade its run" in str(rules.verdict(without, has_gold=True, unverified_stays=True))
    assert "no gold" in str(rules.verdict(without, has_gold=False, unverified_stays=False))
    assert rules.verdict(without, has_gold=False, unverified_stays=True) is None


def test_pasted_names_what_was_printed() -> None:
    assert rules.hardcoded_answer(solution(Code(text="print(42)"), Output(text="42\n"))) == (
        "the program only prints '42', nothing of it is computed"
    )
    assert rules.hardcoded_answer(solution(Code(text="print(6 * 7)"), Output(text="42\n"))) is None
    assert rules.hardcoded_answer(solution(Text(text="The answer is 42."))) is None


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"min_solution_tokens": 6}, "5 tokens, fewer than 6"),
        ({"max_solution_tokens": 4}, "5 tokens, more than 4"),
        ({"min_characters": 99}, "17 characters, fewer than 99"),
        ({"max_characters": 16}, "17 characters, more than 16"),
        ({"min_solution_tokens": 5, "max_solution_tokens": 5, "min_characters": 17, "max_characters": 17}, None),
    ],
)
def test_length_counts_what_was_written(settings: dict[str, int], reason: str | None) -> None:
    row = solution(Text(text="The answer is 42."), Output(text="not counted " * 50))
    assert rules.length(row, CurateSettings(**settings), tokens=5) == reason


def test_tokens_are_counted_by_a_tokenizer_where_one_is_named(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="the extra `train` is not installed")
    assert rules.token_counter(None)("x1 = 42 + y\n") == 8
    with pytest.raises(InputError, match="does not exist"):
        rules.token_counter(str(tmp_path))
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"Ann": 0, "has": 1, "?": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert rules.token_counter(str(tmp_path))("Ann has 12 nuts") == 4
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match="cannot be read"):
        rules.token_counter(str(tmp_path))


@pytest.mark.parametrize(
    ("blocks", "says"),
    [
        ([Text(text="2 + 3 = 5. The answer is 5.")], "has no code"),
        ([Text(text="We add."), Code(text="2 + 3")], "none of its code was run"),
        ([Output(text="5"), Code(text="2 + 3")], "none of its code was run"),
        ([Code(text="2 + 3"), Output(text="5"), Text(text="The answer is 5.")], None),
        ([Code(text="x = 5"), Output(text="")], None),
    ],
)
def test_interleaved_rows_need_code_that_was_run(blocks: list[Text | Code | Output], says: str | None) -> None:
    reason = rules.no_code_run(solution(*blocks))
    assert (reason is None) if says is None else (reason is not None and says in reason)
