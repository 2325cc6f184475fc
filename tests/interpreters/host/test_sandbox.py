"""`slipstick.Sandbox` from threads, inside event loops, and after it was closed."""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from slipstick.errors import InterpreterError
from slipstick.interpreters.host import isolation as isolations
from slipstick.interpreters.host.sandbox import Sandbox


def test_outputs_come_in_the_order_of_the_programs() -> None:
    with Sandbox() as sandbox:
        programs = [f"import time\ntime.sleep({0.05 if i % 3 == 0 else 0})\nprint({i})" for i in range(12)]
        assert [output.text for output in sandbox.run_many(programs)] == [str(i) for i in range(12)]
        assert sandbox.run_many([]) == []


def test_session() -> None:
    with Sandbox() as sandbox, sandbox.session() as session:
        session.run("x = 3")
        assert session.run("x + 1").text == "4"


def test_inside_a_running_event_loop() -> None:
    async def main() -> str:
        with Sandbox() as sandbox:
            return sandbox.run_many(["print(6*7)"])[0].text

    assert asyncio.run(main()) == "42"


def test_from_eight_threads() -> None:
    def work(number: int) -> list[str]:
        with sandbox.session() as session:
            session.run(f"x = {number}")
            return [session.run("x").text, sandbox.run_many([f"print({number} * 2)"])[0].text]

    with Sandbox() as sandbox, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(16))) == [[str(n), str(2 * n)] for n in range(16)]


def test_closed_sandbox_says_so() -> None:
    sandbox = Sandbox()
    sandbox.close()
    sandbox.close()
    with pytest.raises(InterpreterError, match="closed"):
        sandbox.run_many(["1"])


def test_isolation_that_is_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolations, "missing", lambda name: {"full": "user namespaces (refused)"}.get(name, ""))
    with pytest.raises(InterpreterError, match=r"lacks user namespaces \(refused\). Set isolation to `kernel`"):
        Sandbox(isolation="full")
    with Sandbox() as sandbox:
        assert sandbox.isolation == "kernel"


def test_process_that_forgets_to_close_ends_and_takes_everything_along() -> None:
    program = """
import os, slipstick.interpreters.host.sandbox as s
sandbox = s.Sandbox()
print(sandbox.run_many(["print(42)"])[0].text)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "42\n")
