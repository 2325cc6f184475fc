"""Scripts do what `python main.py` does: cases of tests/cases/scripts.txt, by Python itself and by ours in one run."""

from collections.abc import Callable

import pytest
from benchmarks.likeness import Script, by_python, by_service, read_scripts
from tests.conftest import Served

# A few of each kind; all of them, and libraries, are run by `python -m benchmarks.likeness`.
NAMES = """
read until end of file
open descriptor zero
fast input class
the device of standard input
all tokens of the buffer
input at end of file
unicode in standard input
json from standard input
deep recursion in a thread that is not joined
recursion error as the end
stack printed by hand
source of a function
pickle of own classes
doctest that passes
unit tests that fail set the exit code
time limit by an alarm
uncaught exception with a cause
exception group
error in a call over several lines
syntax error
exit with a large code
exit with text
exit in a thread
os exit with a code
killed by its own signal
keyboard interrupt raised
atexit after an error
exception in a thread
logging to standard error
print to both streams
raw writes before buffered ones
much on both streams
warnings on standard error
binary output
carriage return and progress
no newline at the end
daemon thread does not hold the end
pool of threads that is not closed
asyncio with gather
asyncio error
json and csv files
temporary files
"""


@pytest.fixture(scope="module")
def url(start_sandbox: Callable[..., Served]) -> str:
    """A service with room for files."""
    return start_sandbox("scratch_mb=16", "timeout=20").url


@pytest.mark.parametrize("name", NAMES.strip().split("\n"))
def test_as_python_does(name: str, url: str) -> None:
    script: Script = next(each for each in read_scripts() if each.name == name)
    expected, ours = by_python(script), by_service(url, script)
    assert expected.differs(ours) == [], (expected, ours)
