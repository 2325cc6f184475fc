"""The layers, their table in docs/grade.md and `Verdict.method` are one list."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from slipstick.equivalence import layers
from slipstick.equivalence.decision import Decision, Method

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"\| `(\w+)` \| ((?:`\w+`(?:, )?)+) \| .+ \|")
CASES = [
    json.loads(line)
    for name in ("verdicts", "values", "structure", "symbolic")
    for line in (ROOT / f"tests/cases/{name}.jsonl").read_text().splitlines()
]


class Listening(layers.Context):
    """A context that knows whether a layer asked about parts."""

    asked = False

    def same(self, answer: str, expected: str) -> Decision:
        self.asked = True
        return super().same(answer, expected)


@pytest.fixture(scope="module")
def documented() -> dict[str, set[str]]:
    """Layer -> methods, in the order of the table of docs/grade.md."""
    page = (ROOT / "docs/grade.md").read_text()
    rows = map(ROW.fullmatch, page.partition("\nTheir rules:")[0].splitlines())
    return {row[1]: set(re.findall(r"\w+", row[2])) for row in rows if row}


def test_the_documented_layers_are_those_of_the_code_in_its_order(documented: dict[str, set[str]]) -> None:
    assert list(documented) == [layer.__name__ for layer in layers.LAYERS]


def test_the_documented_methods_are_those_a_verdict_may_have(documented: dict[str, set[str]]) -> None:
    assert set.union(*documented.values()) | {"none"} == set(get_args(Method))  # none: no gold, before any layer


def test_every_case_is_decided_by_the_layer_it_names_and_by_a_method_of_it(documented: dict[str, set[str]]) -> None:
    for case in CASES:
        layer, decision, asked_parts = first_decision(case["answer"], case["expected"], case["kind"])
        assert layer == case["layer"], case
        assert decision.method in documented[layer] or asked_parts, (case, decision)
    assert {case["layer"] for case in CASES} == set(documented) - {"size", "expression_size"}


def first_decision(answer: str, expected: str, kind: str | None) -> tuple[str, Decision, bool]:
    """The layer that decides about two answers, its decision, and whether it asked about their parts."""
    texts = layers.in_one_notation(answer), layers.in_one_notation(expected)
    a, e = layers.Side(*texts), layers.Side(*reversed(texts))
    context = Listening(kind, lambda *_: Decision(None, "symbolic", "a worker decides"), depth=0)
    for layer in layers.LAYERS:
        if decision := layer(a, e, context):
            return layer.__name__, decision, context.asked
    raise AssertionError("no layer decides")
