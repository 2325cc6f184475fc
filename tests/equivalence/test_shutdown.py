"""A comparison in `__del__` while Python shuts down, when nothing can be imported any more, says that it could not."""

import subprocess
import sys

PROGRAM = """
import sys
from slipstick import compare
compare("x + 2", "2 + x")
pairs = [("4", "4"), ("x+1", "1+x"), ("3 km", "3000 m"), ("\\\\int_0^1 x^2 dx", "1/3"), ("4", "\\\\text{n/a}")]

class Late:
    def __del__(self):
        for pair in pairs:
            verdict = compare(*pair)
            print(sys.is_finalizing(), verdict.outcome, verdict.reason)

late = Late()
"""


def test_a_comparison_at_shutdown_is_decided_or_says_why() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], timeout=100, check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert done.stderr == "" and len(lines) == 5
    assert lines[0].startswith("True correct")
    for line in lines[1:4]:
        assert line.startswith("True correct") or line.endswith("the comparison failed: Python is shutting down")
    assert lines[4].startswith("True undecided the gold is")
