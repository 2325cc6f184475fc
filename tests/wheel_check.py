"""Tries an installed wheel with nothing but the core beside it: `python wheel_check.py PATH-OF-SLIPSTICK`."""

from __future__ import annotations

import subprocess
import sys

import slipstick


def main(command: str) -> None:
    """Import, a verdict that needs computer algebra, programs in the sandbox, and two commands."""
    assert slipstick.compare(r"\frac{1}{2}", "0.5").outcome == "correct"
    assert slipstick.compare(r"\lim_{x \to 0} \frac{\sin x}{x}", "1").outcome == "correct"
    assert slipstick.grade("The answer is \\boxed{42}.", "42").outcome == "correct"
    with slipstick.Sandbox(workers=1) as sandbox:
        assert [output.text for output in sandbox.run_many(["print(6 * 7)", "2**64"])] == ["42", str(2**64)]
    assert next(slipstick.load_problems("synthetic:known")).answer is not None
    for arguments in (["list"], ["list", "recipes"], ["doctor"], ["settings", "solve"]):
        found = subprocess.run([command, *arguments], capture_output=True, text=True, check=True)
        assert found.stdout.strip(), arguments
    print(f"the wheel works: {slipstick.__file__}")


if __name__ == "__main__":
    main(sys.argv[1])
