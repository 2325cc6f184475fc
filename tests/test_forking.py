"""A child that is forked while another thread makes the process's first comparison compares as well."""

import subprocess
import sys
import textwrap

import pytest

BEGINNINGS = {
    "compare": 'slipstick.compare("4 cm", "0.04 m")',
    "find": 'slipstick.find_answer("The answer is 4.")',
    "grade": 'slipstick.grade("The answer is 4 cm.", "0.04 m")',
    "reward": 'slipstick.rewards.trl.reward(["The answer is 4 cm."], answer=["0.04 m"])',
}
PROGRAM = """
    import os, signal, sys, threading, time
    import slipstick

    thread = threading.Thread(target=lambda: {first})
    thread.start()
    time.sleep({delay})
    child = os.fork()
    if not child:
        signal.alarm(60)  # a child that waits for a lock nobody holds would wait for ever
        pairs = [("5 km", "5000 m"), ("(x+1)^2", "x^2+2x+1"), ("(0, 1]", "0 < x <= 1")]
        right = all(slipstick.compare(*pair).outcome == "correct" for pair in pairs)
        os._exit(not right or slipstick.rewards.trl.reward(["It is 4."], answer=["4"]) != [1.0])
    thread.join()
    sys.exit(os.waitpid(child, 0)[1] != 0)
"""


@pytest.mark.parametrize("delay", [0, 0.002, 0.02, 0.1, 0.2])
@pytest.mark.parametrize("first", BEGINNINGS.values(), ids=BEGINNINGS)
def test_a_fork_during_the_first_comparison(first: str, delay: float) -> None:
    program = textwrap.dedent(PROGRAM).format(first=first, delay=delay)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], timeout=150, check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_fork_of_one_thread_loads_nothing() -> None:
    program = "import os, sys, slipstick; os.fork() or os._exit(0); os.wait(); print('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], timeout=60, check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
