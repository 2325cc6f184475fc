"""Simple programs run one after another in one process: they notice nothing, and none can spoil it for the next."""

import ast
import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slipstick import interpreters
from slipstick.interpreters import InterpreterSettings, Limits
from slipstick.interpreters.guest.simple import is_simple
from slipstick.interpreters.host.local import open_interpreter as open_local
from slipstick.interpreters.host.sandbox import Sandbox

CASES = Path(__file__).parents[2] / "cases"
POISON = [json.loads(line) for line in (CASES / "poison.jsonl").read_text("utf-8").splitlines()]
PROBES = {
    "standard": (
        "import math\nfrom decimal import Decimal\nfrom fractions import Fraction\n"
        "def deep(n):\n    return n and deep(n - 1)\n"
        "print(abs(-1), math.sqrt(16), Decimal(1) / 3, Fraction(2, 4).numerator, deep(500), '{}'.format(3))\n"
        "sum([1, 2])",
        "1 4.0 0.3333333333333333333333333333 1 0 3\n3",
    ),
    "symbolic": (
        "import math\nfrom sympy import symbols, solve, divisors, primefactors, factorint, sqrt, Symbol\n"
        "from sympy import simplify, pi, Poly\n"
        "x, y = symbols('x y')\nr = Symbol('x', real=True)\n"
        "print(solve(x**2 - 4, x), divisors(6), primefactors(6), factorint(6), sqrt(r**2), (r**2).is_nonnegative)\n"
        "print(x + x, (x + y).free_symbols == {x, y}, simplify(x / x), pi.evalf(20))\n"
        "print(math.sqrt(16), abs(-1), Poly(x).degree())",
        "[-2, 2] [1, 2, 3, 6] [2, 3] {2: 1, 3: 1} Abs(x) True\n2*x True 1 3.1415926535897932385\n4.0 1 1",
    ),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1, timeout=10, seed=0, scratch_mb=0) as opened:
        yield opened


@pytest.mark.parametrize("row", POISON, ids=[row["name"] for row in POISON])
def test_no_program_spoils_the_next(sandbox: Sandbox, row: dict[str, Any]) -> None:
    probe, said = PROBES[row["tier"]]
    outputs = sandbox.run_many([probe, row["code"], probe, row["code"], probe])
    assert [(output.text, output.status) for output in outputs[::2]] == [(said, "ok")] * 3
    assert "POISON" not in outputs[2].text


@pytest.mark.parametrize("tier", PROBES)
def test_probes_are_simple(tier: str) -> None:
    assert is_simple(ast.parse(PROBES[tier][0]))


@pytest.mark.parametrize("empty_output", ["", "<empty_execution>"])
def test_simple_programs_share_a_process_and_others_have_their_own(
    empty_output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> list[int]:
        local = open_local("", Limits(), workers=1)
        monkeypatch.setattr(interpreters, "load_plugin", lambda *_: lambda *_, **__: local)
        interpreter = interpreters.open_interpreter(InterpreterSettings(empty_output=empty_output))
        counts = []
        for program in ("x = 1", "x = 2", "print(x)", "import os", "y = 3"):
            await interpreter.run_program(program)
            counts.append(next(local._servers[0]._keys))
        await interpreter.close()
        return counts

    first, again, raised, other, after = asyncio.run(scenario())
    assert [again - first, raised - again, other - raised, after - other] == [1, 1, 2, 1]  # each count takes one


def test_what_sympy_makes_for_itself_ends_no_process() -> None:
    names = "from sympy import symbols, solve\nx, y, z, w = symbols('x y z w')\n"
    system = names + "solve([x*y + z - 1, y - w*x, w*z, x + y + z - 3])"
    primes = "from sympy import primefactors\nprimefactors(10007 * 10009)"

    async def scenario() -> int:
        local = open_local("", Limits(), workers=1)
        for program in (system, primes, system):
            await local.run_program(program)
        made = next(local._servers[1]._keys) - 1
        await local.close()
        return made

    assert asyncio.run(scenario()) == 1


def test_what_one_program_names_the_next_does_not_find(sandbox: Sandbox) -> None:
    first, second = sandbox.run_many(["secret = 42", "secret"])
    assert first.status == "ok"
    assert second.text.endswith("NameError: name 'secret' is not defined")


def test_program_that_is_too_deep_says_what_it_says_in_a_process_of_its_own(sandbox: Sandbox) -> None:
    (output,) = sandbox.run_many(["def f(n):\n    return f(n + 1)\nf(0)"])
    assert output.text.endswith("RecursionError: maximum recursion depth exceeded")


def test_memory_that_earlier_programs_took_is_not_a_programs_own() -> None:
    keep = "x = [n for n in range(1_000_000)]\nlen(x)"
    with Sandbox(workers=1, memory_mb=64, scratch_mb=0) as sandbox:
        assert {output.status for output in sandbox.run_many([keep] * 20)} == {"ok"}


def test_time_and_memory_are_limited_where_programs_follow_each_other() -> None:
    with Sandbox(workers=1, timeout=1, memory_mb=256, scratch_mb=0) as sandbox:
        outputs = sandbox.run_many(["1", "while True:\n    pass", "x = [0] * (1 << 30)", "2"])
    assert [output.status for output in outputs] == ["ok", "timeout", "memory", "ok"]
