"""The public surface: its names, and that importing it costs next to nothing."""

from __future__ import annotations

import subprocess
import sys

import slipstick

HEAVY = ("torch", "sympy", "transformers", "datasets", "openai", "numpy", "pydantic")


def test_import_loads_nothing_heavy() -> None:
    code = f"import slipstick, sys; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    for name in slipstick.__all__:
        assert getattr(slipstick, name) is not None
    assert set(slipstick.__all__) <= set(dir(slipstick))


def test_the_function_grade_is_not_shadowed_by_its_module() -> None:
    code = (
        "import slipstick.grade, slipstick.evaluate, slipstick; print(slipstick.grade('The answer is 4.', '4').outcome)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "correct"
