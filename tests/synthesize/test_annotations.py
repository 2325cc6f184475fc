"""Rationales and formulas as programs: they follow the rationale, their result is the gold, nothing is pasted."""

from __future__ import annotations

import ast
import asyncio
import json
import keyword
import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from slipstick.equivalence import compare
from slipstick.formats import join, load_format, parse, render
from slipstick.interpreters import open_interpreter
from slipstick.interpreters.host.sandbox import Sandbox
from slipstick.schema import Code, Drop, Output, Problem, Solution, Text
from slipstick.synthesize import choose_formats, synthesize
from slipstick.synthesize.annotations import ANNOTATIONS
from slipstick.synthesize.annotations.read.mentions import mentions, values_in

CASES = Path(__file__).parents[1] / "cases"


def cases(name: str) -> list[Problem]:
    rows = [json.loads(line) for line in (CASES / name).read_text("utf-8").splitlines()]
    return [
        Problem(
            id=f"own/{name.removesuffix('.jsonl')}/{number}",
            text=row["text"],
            answer=row["answer"],
            kind="number",
            rationale=row["rationale"],
            metadata={"rule": row.get("rule", ""), "why": row["why"]},
        )
        for number, row in enumerate(rows)
    ]


def written(problems: Iterable[Problem], formats: Sequence[str]) -> tuple[dict[str, Solution], dict[str, Drop]]:
    rows: list[Solution | Drop] = []

    async def run() -> None:
        interpreter = open_interpreter()
        try:
            await synthesize(
                problems,
                [load_format(name) for name in formats],
                interpreter=interpreter,
                writer=ANNOTATIONS,
                on_solution=rows.append,
                on_drop=rows.append,
            )
        finally:
            await interpreter.close()

    asyncio.run(run())
    kept = {row.id: row for row in rows if isinstance(row, Solution)}
    return kept, {row.row["id"]: row for row in rows if isinstance(row, Drop)}


RATIONALES, FORMULAS = cases("rationales.jsonl"), cases("formulas.jsonl")


@pytest.fixture(scope="module")
def rows() -> tuple[dict[str, Solution], dict[str, Drop]]:
    return written([*RATIONALES, *FORMULAS], ["pot", "tir"])


@pytest.mark.parametrize("problem", [*RATIONALES, *FORMULAS], ids=lambda problem: problem.metadata["why"])
@pytest.mark.parametrize("format", ["pot", "tir"])
def test_cases(rows: tuple[dict[str, Solution], dict[str, Drop]], problem: Problem, format: str) -> None:
    kept, dropped = rows
    name = f"{problem.id}#{format}#0"
    if problem in FORMULAS and format == "tir":
        assert name not in kept and name not in dropped, "a formula has no words to interleave"
    elif problem.metadata["rule"]:
        assert name not in kept
        assert dropped[name].rule == problem.metadata["rule"]
        assert dropped[name].reason
    else:
        assert name in kept, dropped[name].reason
        solution = kept[name]
        assert solution.model == "annotations"
        assert solution.verdict and solution.verdict.outcome == "correct"
        assert compare(solution.answer or "", problem.answer or "", kind="number").outcome == "correct"


def programs(rows: tuple[dict[str, Solution], dict[str, Drop]]) -> list[tuple[Problem, str]]:
    by_id = {problem.id: problem for problem in (*RATIONALES, *FORMULAS)}
    return [
        (by_id[solution.problem_id], block.text)
        for solution in rows[0].values()
        if solution.format == "pot"
        for block in solution.blocks
        if isinstance(block, Code)
    ]


def test_every_literal_stands_in_the_problem_or_its_rationale(
    rows: tuple[dict[str, Solution], dict[str, Drop]],
) -> None:
    for problem, program in programs(rows):
        allowed = values_in(problem.text) | values_in(problem.rationale or "") | {Fraction(0)}
        if "volume" in (problem.rationale or "") or "divide" in (problem.rationale or ""):
            allowed.add(Fraction(100))
        for node in ast.walk(ast.parse(program)):
            if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and program.count("[0]") < 1:
                assert Fraction(repr(node.value)) in allowed, program


def test_names_are_words_of_their_problem(rows: tuple[dict[str, Solution], dict[str, Drop]]) -> None:
    for _, program in programs(rows):
        names = [
            node.targets[0].id
            for node in ast.walk(ast.parse(program))
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        ]
        assert len(set(names)) + program.count("symbols(") == len(names), f"a name for two things:\n{program}"
        for name in names:
            assert re.fullmatch(r"[a-z]{3,36}(_\d+)?", name) and not keyword.iskeyword(name)


def test_a_changed_input_changes_what_the_program_prints(
    rows: tuple[dict[str, Solution], dict[str, Drop]],
) -> None:
    changed: list[str] = []
    originals: list[str] = []
    for _, program in programs(rows):
        for line in program.splitlines():
            if match := re.fullmatch(r"([a-z_0-9]+) = (\d+(?:\.\d+)?)", line):
                other = program.replace(line, f"{match[1]} = {float(match[2]) * 2 + 3}")
                # whole-number division and functions of whole numbers are for the numbers as they are
                other = other.replace("//", "/")
                if "comb(" not in program and "ceil(" not in program:
                    changed.append(other)
                    originals.append(program)
    assert len(changed) > 20
    with Sandbox(workers=2, scratch_mb=0) as sandbox:
        before, after = sandbox.run_many(originals), sandbox.run_many(changed)
    for program, old, new in zip(changed, before, after, strict=True):
        assert new.status == "ok", new.text
        assert float(old.text) != pytest.approx(float(new.text)), program


def test_steps_keep_the_order_of_the_rationale(rows: tuple[dict[str, Solution], dict[str, Drop]]) -> None:
    solution = rows[0]["own/rationales/0#tir#0"]
    assert [block.type for block in solution.blocks] == ["text", "code", "output"] * 2 + ["text"]
    texts = [block.text for block in solution.blocks if isinstance(block, Text)]
    assert texts[0] == "\nMira baked 48/2 rolls on Tuesday.\n", "the result is the interpreter's to say"
    assert texts[-1].strip() == "The answer is \\boxed{72}."
    assert [block.text.strip() for block in solution.blocks if isinstance(block, Output)] == ["24", "72"]


def test_a_program_reads_like_a_persons(rows: tuple[dict[str, Solution], dict[str, Drop]]) -> None:
    code = rows[0]["own/rationales/0#pot#0"].blocks[0]
    assert isinstance(code, Code)
    assert code.text.splitlines() == ["rolls = 48", "rolls_2 = rolls // 2", "answer = rolls + rolls_2", "print(answer)"]
    formula = rows[0]["own/formulas/0#pot#0"].blocks[0]
    assert isinstance(formula, Code)
    assert not re.search(r"\b[nt]\d", formula.text)


def test_no_result_is_told_before_its_code(rows: tuple[dict[str, Solution], dict[str, Drop]]) -> None:
    problem = Problem(
        id="own/early",
        text="Karl picks 12 plums and 18 pears. How many pieces of fruit does he pick?",
        answer="30",
        kind="number",
        rationale="He picks 30 pieces of fruit because 12 + 18 = <<12+18=30>>30",
    )
    kept, _ = written([problem], ["tir"])
    blocks = kept["own/early#tir#0"].blocks
    before = "".join(block.text for block in blocks[: [block.type for block in blocks].index("output")])
    assert "30" not in before


def test_what_was_written_parses_back(rows: tuple[dict[str, Solution], dict[str, Drop]]) -> None:
    for solution in rows[0].values():
        format = load_format(solution.format)
        shown = [block for block in solution.blocks if format.code_output_begin or not isinstance(block, Output)]
        back = parse(format, join(render(format, solution.blocks)))
        assert [(block.type, block.text) for block in back] == [(block.type, block.text) for block in shown]


def test_words_keep_the_rationale_and_say_the_answer() -> None:
    letters = Problem(
        id="own/choice",
        text="Which is 2 + 2?",
        answer="B",
        kind="choice",
        choices=["3", "4"],
        rationale="Two and two make 4.\nAnswer: B",
    )
    latex = Problem(
        id="own/latex",
        text="Find x.",
        answer="\\frac{1}{2}",
        kind="latex",
        rationale="So $x = \\boxed{\\frac{1}{2}}$.",
    )
    wrong = latex.model_copy(update={"id": "own/wrong", "answer": "3"})
    silent = letters.model_copy(update={"id": "own/silent", "rationale": "We look at both."})
    kept, dropped = written([RATIONALES[0], letters, latex, wrong, silent], ["cot"])
    assert kept["own/rationales/0#cot#0"].blocks == [
        Text(
            text="\nMira baked 48/2 = 24 rolls on Tuesday.\nShe baked 48+24 = 72 rolls on both days.\nThe answer is 72."
        )
    ]
    assert kept["own/choice#cot#0"].blocks == [Text(text="\nTwo and two make 4.\nThe answer is B.")]
    assert kept["own/latex#cot#0"].answer == "\\frac{1}{2}"
    assert dropped["own/wrong#cot#0"].rule == "another answer"
    assert dropped["own/silent#cot#0"].rule == "no stated answer"


def test_formats_that_suit() -> None:
    formats = [load_format(name) for name in ("cot", "pot", "tir")]

    def suited(problem: Problem) -> list[str]:
        return [format.name for format in choose_formats(problem, formats, writer=ANNOTATIONS)]

    assert suited(RATIONALES[0]) == ["cot", "pot", "tir"]
    assert suited(FORMULAS[0]) == suited(FORMULAS[3]) == ["pot"]
    assert suited(RATIONALES[0].model_copy(update={"rationale": "$x$ is $\\boxed{2}$."})) == ["cot"]


@pytest.mark.parametrize(
    "rationale",
    [
        "",
        "<<>>",
        "<<=>>",
        "<<1/0=0>>0",
        "= = =",
        "9" * 5000 + " + 1 = 2",
        "(" * 3000 + " = 1",
        "2^9999999 = 1",
        "<<a=b>>c",
        "n0 = 1\nanswer = __import__('os').system('true')\n",
        "divide(n0,n0)|" * 500,
    ],
)
def test_strange_rationales_are_dropped_with_a_reason(rationale: str) -> None:
    problem = Problem(id="own/strange", text="What is 1 and 2?", answer="3", kind="number", rationale=rationale)
    kept, dropped = written([problem], ["pot", "tir"])
    assert not kept
    assert dropped and all(drop.reason and drop.rule for drop in dropped.values())


@pytest.mark.parametrize("text", ["tw\u0131ce", "f\u0131ve", "one \u017fixth", "three th\u0131rds", "\u017fix"])
def test_a_letter_of_another_alphabet_is_in_no_number_word(text: str) -> None:
    assert all(mention.form == "number" and mention.value in (1, 3) for mention in mentions(text))
    assert mentions("five\u00a0percent")[0].value == 5
