"""What programs find around themselves, with and without a scratch folder, at every isolation."""

from collections.abc import Iterator

import pytest

from slipstick.interpreters.host.isolation import ISOLATION, missing
from slipstick.interpreters.host.sandbox import Sandbox

PROCESSES = "PermissionError: [Errno 1] processes cannot be started here; use one process"
NO_FILE = "(no file can be written: scratch_mb is 0)"
# Program, what its output is or ends with, and whether that holds at "process" too, where nothing is refused.
WITHOUT_SCRATCH = [
    ("import os\nprint(os.listdir('.'), os.path.expanduser('~') == os.getcwd())", "[] True", True),
    ("import getpass, tempfile\nprint(getpass.getuser(), tempfile.gettempdir())", "nobody /tmp", True),
    ("from datetime import datetime\nprint(datetime.now().astimezone().tzinfo)", "UTC", True),
    ("import locale\nprint(locale.setlocale(locale.LC_ALL, ''), locale.getpreferredencoding())", "C.UTF-8 UTF-8", True),
    ("import os\nprint([n for n in os.environ if n.startswith(('PYTHON', 'LD_', 'MALLOC'))])", "[]", True),
    ("import faulthandler\nfaulthandler.enable()\nprint(1)", "1", True),
    ("from ctypes.util import find_library\nprint(find_library('m'))", "None", False),
    ("import uuid\nprint(uuid.getnode() > 0, len(str(uuid.uuid1())))", "True 36", True),
    ("open('x', 'w').write('a')", NO_FILE, True),
    ("import os\nos.mkdir('x')", NO_FILE, True),
    ("import tempfile\ntempfile.NamedTemporaryFile()", NO_FILE, False),
    ("with open('x', 'w') as f:\n    f.write('a')", NO_FILE, True),
    ("open('x')", "FileNotFoundError: [Errno 2] No such file or directory: 'x'", True),
    ("import os\nos.system('ls')", PROCESSES, False),
    ("import os\nos.popen('ls')", PROCESSES, False),
    ("import os\nos.fork()", PROCESSES, False),
    ("import subprocess\nsubprocess.run(['ls'])", PROCESSES, False),
    ("from multiprocessing import Process\nProcess(target=print).start()", PROCESSES, False),
    ("from concurrent.futures import ProcessPoolExecutor as P\nlist(P().map(abs, [1]))", PROCESSES, False),
    ("from multiprocessing.pool import ThreadPool\nprint(ThreadPool(2).map(abs, [-1, -2]))", "[1, 2]", False),
    ("from multiprocessing import Queue\nq = Queue()\nq.put(3)\nprint(q.get())", "3", False),
    ("from multiprocessing import RLock\nr = RLock()\nwith r, r:\n    print(r)", "<RLock(MainProcess, 2)>", False),
    (
        "from multiprocessing import Lock\nLock().release()",
        "ValueError: semaphore or lock released too many times",
        False,
    ),
    ("import urllib.request as u\nu.urlopen('http://example.org')", "there is no network here>", False),
    ("import socket\nsocket.create_connection(('127.0.0.1', 9))", "[Errno 1] there is no network here", False),
    ("import socket\na, b = socket.socketpair()\na.send(b'x')\nprint(b.recv(1))", "b'x'", True),
]
WITH_SCRATCH = [
    ("import os, tempfile\nprint(tempfile.gettempdir() == os.getcwd() == os.environ['TMPDIR'])", "True"),
    ("import tempfile\nwith tempfile.NamedTemporaryFile('w') as f:\n    print(f.write('abc'))", "3"),
    ("import shutil\nopen('a', 'w').write('x')\nprint(shutil.copy('a', 'b'), shutil.copy2('a', 'c'))", "b c"),
    ("import os\nopen('a', 'w').close()\nprint(os.chmod('a', 0o600), os.utime('a'))", "None None"),
    ("from pathlib import Path\nPath('a').touch()\nPath('a').touch()\nprint(Path('a').exists())", "True"),
    (
        "import os, shutil\nos.makedirs('d/e')\nopen('d/e/f', 'w').close()\nshutil.copytree('d', 'g')\n"
        "print(os.listdir('g/e'), shutil.rmtree('g'))",
        "['f'] None",
    ),
    (
        "import zipfile\nwith zipfile.ZipFile('z', 'w') as z:\n    z.writestr('a', 'b')\n"
        "with zipfile.ZipFile('z') as z:\n    z.extractall('out')\nprint(open('out/a').read())",
        "b",
    ),
    (
        "import sqlite3\nc = sqlite3.connect('x.db')\nc.execute('create table t(a)')\n"
        "c.execute('insert into t values (7)')\nc.commit()\nprint(c.execute('select a from t').fetchall())",
        "[(7,)]",
    ),
    ("open('big', 'wb').write(bytes(9 << 20))", "(scratch_mb limits what can be written)"),
]


@pytest.fixture(scope="module", params=ISOLATION)
def isolation(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if missing(name):
        pytest.skip(f"this machine lacks {missing(name)}")
    return name


@pytest.fixture(scope="module")
def without(isolation: str) -> Iterator[Sandbox]:
    with Sandbox(isolation=isolation, scratch_mb=0) as opened:
        yield opened


@pytest.fixture(scope="module")
def scratch(isolation: str) -> Iterator[Sandbox]:
    with Sandbox(isolation=isolation, scratch_mb=4) as opened:
        yield opened


@pytest.mark.parametrize(("code", "end", "always"), WITHOUT_SCRATCH)
def test_without_a_scratch_folder(without: Sandbox, code: str, end: str, always: bool) -> None:
    if without.isolation == "process" and not always:
        pytest.skip("there it is not refused")
    assert without.run_many([code])[0].text.endswith(end)


@pytest.mark.parametrize(("code", "end"), WITH_SCRATCH)
def test_with_a_scratch_folder(scratch: Sandbox, code: str, end: str) -> None:
    assert scratch.run_many([code])[0].text.endswith(end)


def test_modes_and_times_of_other_files_stay(scratch: Sandbox) -> None:
    if scratch.isolation == "process":
        pytest.skip("there files of this user can be changed")
    looked = "import os\nbefore = os.stat(os.__file__)\n"
    tries = "for change in (lambda: os.chmod(os.__file__, 0o777), lambda: os.utime(os.__file__, (1, 1))):\n    try:\n"
    tries += "        change()\n    except OSError:\n        pass\n"
    (output,) = scratch.run_many([f"{looked}{tries}print(os.stat(os.__file__) == before)"])
    assert output.text == "True"


def test_threads_of_one_session_leave_others_theirs() -> None:
    if missing("full"):
        pytest.skip(f"this machine lacks {missing('full')}")
    take = "import threading, time\nthreading.stack_size(32768)\ntaken = 0\ntry:\n    while True:\n"
    take += "        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n        taken += 1\n"
    take += "except RuntimeError:\n    print(taken)"
    for scratch_mb in (0, 1):
        with Sandbox(isolation="full", scratch_mb=scratch_mb) as sandbox, sandbox.session() as greedy:
            assert greedy.run(take).text == "255"
            (output,) = sandbox.run_many(
                ["import threading\nt = threading.Thread(target=print, args=(1,))\nt.start()\nt.join()"]
            )
            assert output.text == "1"


@pytest.mark.parametrize("seed", [None, 3])
def test_dummies_of_sympy_are_numbered_alike_in_every_interpreter(seed: int | None) -> None:
    look = (
        "from sympy import Dummy, Lambda\nx, y = Dummy('x'), Dummy('y')\nprint(hash(x), [*{x, y}], hash(Lambda(x, y)))"
    )
    texts = set()
    for _ in range(2):
        with Sandbox(seed=seed, timeout=30, scratch_mb=0) as sandbox:
            texts |= {sandbox.run_many([look])[0].text}
    assert len(texts) == 1
