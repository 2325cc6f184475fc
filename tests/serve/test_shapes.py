"""Requests of other services' clients, sent to a service that really runs."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest


@pytest.fixture(scope="module")
def client(start_sandbox: Callable[..., Any]) -> Iterator[httpx2.Client]:
    served = start_sandbox("timeout=5", "memory_mb=512", "scratch_mb=2")
    with httpx2.Client(base_url=served.url, trust_env=False, timeout=60) as opened:
        yield opened


def run_code(client: httpx2.Client, code: str, **more: Any) -> dict[str, Any]:
    response = client.post("/run_code", json={"code": code, "language": "python", **more})
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    assert set(answer) == {"status", "message", "compile_result", "run_result", "executor_pod_name", "files"}
    return answer


def test_run_code_is_a_script(client: httpx2.Client) -> None:
    answer = run_code(client, 'import sys\nprint(input())\nprint("two", file=sys.stderr)\n1 + 1', stdin="one\n")
    result = answer["run_result"]
    assert result.pop("execution_time") > 0
    assert result == {"status": "Finished", "return_code": 0, "stdout": "one\n", "stderr": "two\n"}
    assert (answer["status"], answer["message"], answer["compile_result"]) == ("Success", "", None)


@pytest.mark.parametrize(
    ("code", "status", "run_status", "return_code", "says"),
    [
        ("1/0", "Failed", "Finished", 1, 'File "main.py", line 1, in <module>\n    1/0\n'),
        ("print(", "Failed", "Finished", 1, "SyntaxError: '(' was never closed\n"),
        ("import sys\nsys.exit('no way')", "Failed", "Finished", 1, "no way\n"),
        ("exit(3)", "Failed", "Finished", 3, ""),
        ("exit()", "Success", "Finished", 0, ""),
        ("import os\nos._exit(7)", "Failed", "Finished", 7, ""),
        ("import ctypes\nctypes.string_at(0)", "Failed", "Finished", -11, ""),
        ("x = bytearray(1 << 30)", "Failed", "Finished", 1, "MemoryError"),
        ("while True: pass", "Failed", "TimeLimitExceeded", None, "no end within 0.5 s"),
        ("class E(Exception):\n    def __str__(self): 1/0\nraise E", "Failed", "Finished", 1, "E: <exception str"),
    ],
)
def test_run_code_endings(
    client: httpx2.Client, code: str, status: str, run_status: str, return_code: int | None, says: str
) -> None:
    answer = run_code(client, code, run_timeout=0.5)
    result = answer["run_result"]
    assert (answer["status"], result["status"], result["return_code"]) == (status, run_status, return_code)
    assert says in result["stderr"]


def test_memory_limit_of_one_program(client: httpx2.Client) -> None:
    program = "x = bytearray(200 << 20)\nprint(len(x))"
    assert run_code(client, program)["status"] == "Success"
    assert "MemoryError" in run_code(client, program, memory_limit_MB=128)["run_result"]["stderr"]


def test_long_output_keeps_head_tail_and_errors(client: httpx2.Client) -> None:
    code = "import sys\nprint('HEAD')\nprint('é' * 600_000)\nprint('TAIL')\nsys.stderr.write('ü' * 600_000)\n{1}[0]"
    result = run_code(client, code)["run_result"]
    assert result["stdout"].startswith("HEAD\né") and result["stdout"].endswith("TAIL\n")
    assert "bytes of output cut" in result["stdout"] and result["return_code"] == 1
    assert "ü" in result["stderr"] and result["stderr"].endswith("TypeError: 'set' object is not subscriptable\n")


@pytest.mark.parametrize(
    "code", ['print("""a\\n\'b\'""" + "\\\\" + r"\\d")', "print('\t|\u2028|é|\U0001f600')", "print(1)\r\nprint(2)\r\n"]
)
def test_source_arrives_as_it_is(client: httpx2.Client, code: str) -> None:
    expected = "1\n2\n" if "\r" in code else "a\n'b'\\\\d\n" if '"""' in code else "\t|\u2028|é|\U0001f600\n"
    assert run_code(client, code)["run_result"]["stdout"] == expected


def test_main_future_and_science(client: httpx2.Client) -> None:
    code = (
        "from __future__ import annotations\nimport sympy\nif __name__ == '__main__':\n    print(sympy.Rational(1, 3))"
    )
    assert run_code(client, code)["run_result"]["stdout"] == "1/3\n"


def test_files_lie_in_the_scratch_folder(client: httpx2.Client) -> None:
    files = {"in/data.txt": base64.b64encode(b"seven").decode(), "none.txt": None}
    answer = run_code(client, "print(open('in/data.txt').read())", files=files)
    assert answer["run_result"]["stdout"] == "seven\n"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"language": "cpp"}, "language `cpp` is not supported"),
        ({"fetch_files": ["a"]}, "fetch_files is not supported for scripts"),
        ({"files": {"a": "!"}}, "the content of `a` is no base64"),
        ({"files": {"../a": "YQ=="}}, "`../a` lies outside the session's folder"),
        ({"files": {"/tmp/a": "YQ=="}}, "`/tmp/a` lies outside the session's folder"),
    ],
)
def test_run_code_says_what_is_not_supported(client: httpx2.Client, more: dict[str, Any], says: str) -> None:
    answer = run_code(client, "print(1)", **more)
    assert answer["status"] == "SandboxError" and says in answer["message"] and answer["run_result"] is None


def test_run_jupyter_cells_share_a_session(client: httpx2.Client) -> None:
    cells = ["a = 123", "a", "print(a)", "import sys\nprint('m', file=sys.stderr)", "raise RuntimeError('no')", "a + 1"]
    answer = client.post("/run_jupyter", json={"cells": cells}).json()
    assert (answer["status"], answer["driver"]["status"]) == ("Success", "Finished")
    silent = {"stdout": "", "stderr": "", "display": [], "error": []}
    *first, failed, last = answer["cells"]
    assert first == [
        silent,
        {**silent, "display": [{"text/plain": "123"}]},
        {**silent, "stdout": "123\n"},
        {**silent, "stderr": "m\n"},
    ]
    assert (failed["error"][0]["ename"], failed["error"][0]["evalue"]) == ("RuntimeError", "no")
    assert 'File "<step 5>", line 1' in failed["error"][0]["traceback"][1]
    assert last["display"] == [{"text/plain": "124"}]


def test_figures_are_displayed(client: httpx2.Client) -> None:
    pytest.importorskip("matplotlib")
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n5"
    display = client.post("/run_jupyter", json={"cells": [code]}).json()["cells"][0]["display"]
    own = client.post("/sessions/figures/run", json={"code": code, "step": 0}).json()
    assert display == [{"image/png": own["images"][0]}, {"text/plain": "5"}]
    assert base64.b64decode(own["images"][0]).startswith(b"\x89PNG")


def test_run_jupyter_gives_files_back(client: httpx2.Client) -> None:
    cells = ["open('out.txt', 'w').write(open('in.txt').read() * 2)"]
    body = {"cells": cells, "files": {"in.txt": "YWI="}, "fetch_files": ["out.txt", "none.txt", "../a"]}
    assert client.post("/run_jupyter", json=body).json()["files"] == {"out.txt": base64.b64encode(b"abab").decode()}


def test_run_jupyter_over_its_time(client: httpx2.Client) -> None:
    cells = ["print(1)", "import time\ntime.sleep(9)", "print(2)"]
    for limits in ({"total_timeout": 0.5}, {"cell_timeout": 0.5}):
        answer = client.post("/run_jupyter", json={"cells": cells, **limits}).json()
        assert (answer["status"], answer["driver"]["status"]) == ("Failed", "TimeLimitExceeded")
        assert [cell["stdout"] for cell in answer["cells"]] == ["1\n"]
        if "total_timeout" in limits:  # the limit that was asked for, not what was left of it
            assert answer["message"] == "TimeoutError: no end of all cells within 0.5 s of processor time\n"
    answer = client.post("/run_jupyter", json={"cells": ["1"] * 3000, "total_timeout": 0.03}).json()
    assert answer["driver"]["status"] == "TimeLimitExceeded" and len(answer["cells"]) < 3000


def execute(client: httpx2.Client, code: str, session: str | None = None, **more: Any) -> dict[str, Any]:
    body = {"generated_code": code, "timeout": 5, "language": "ipython", "std_input": "", **more}
    body = {"max_output_characters": 1000, "traceback_verbosity": "Plain", **body}
    answer: dict[str, Any] = client.post(
        "/execute", json=body, headers={"X-Session-ID": session} if session else {}
    ).json()
    return answer


def test_execute_keeps_a_session(client: httpx2.Client) -> None:
    assert execute(client, "x = 3\nprint('a')\nx", "s1") == {
        "process_status": "completed",
        "stdout": "a\n3\n",
        "stderr": "",
        "new_session_created": True,
    }
    again = execute(client, "x + 1", "s1")
    assert (again["stdout"], again["new_session_created"]) == ("4\n", False)
    failed = execute(client, "print(x)\n1/0", "s1")
    assert failed["process_status"] == "error" and failed["stdout"].startswith("3\nTraceback")
    assert (
        execute(client, "1/0", "s1", traceback_verbosity="Minimal")["stdout"] == "ZeroDivisionError: division by zero\n"
    )
    late = execute(client, "while True: pass", "s1", timeout=0.5)
    assert late == {
        "process_status": "timeout",
        "stdout": "",
        "stderr": "Execution timed out after 0.5 seconds\n",
        "new_session_created": True,
    }
    assert execute(client, "1", "s1")["new_session_created"] is True
    assert execute(client, "1", "s1")["new_session_created"] is False
    listed = client.get("/sessions").json()
    assert listed["backend"] == "ipython" and set(listed["sessions"]["s1"]) == {
        "backend",
        "created",
        "last_used",
        "alive",
    }
    assert client.delete("/sessions/s1").json() == {"message": "IPython session s1 deleted successfully"}
    assert client.delete("/sessions/s1").status_code == 404
    assert "s1" not in client.get("/sessions").json()["sessions"]


def test_execute_a_script(client: httpx2.Client) -> None:
    answer = execute(client, "print(int(input()) + 1)\n5", language="python", std_input="6")
    assert answer == {"process_status": "completed", "stdout": "7\n", "stderr": ""}
    failed = execute(client, "1/0", language="python")
    assert failed["process_status"] == "completed" and "ZeroDivisionError" in failed["stderr"]
    cut = execute(client, "print('x' * 2000)", language="python", max_output_characters=10)
    assert cut["stdout"] == "x" * 10 + "<output cut>"


def test_execute_says_what_is_wrong(client: httpx2.Client) -> None:
    assert execute(client, "x = 1\nx")["stdout"] == "1\n", "without the header a cell has a session of its own"
    assert "NameError" in execute(client, "x")["stdout"]
    assert not [name for name in client.get("/sessions").json()["sessions"] if name.startswith("once")]
    assert "language `lean4` is not supported" in execute(client, "1", language="lean4")["error"]


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/run_code", b'{"code": "pri', "the body is not JSON: Unterminated string starting at at character 9"),
        ("/run_code", b"", "the body is empty"),
        ("/run_code", b'{"code": 5, "language": "python"}', "body.code: Input should be a valid string; it is 5"),
        ("/run_code", b'{"code": "", "language": "python", "memory_limit_MB": true}', "should be a number; it is true"),
        ("/run_code", b'{"language": "python"}', "body.code: Field required"),
        ("/run_code", b'{"code": "1", "language": "python", "run_timeout": -1}', "greater than 0"),
        ("/execute", b'{"generated_code": 5}', "valid string"),
        ("/execute", b"[]", "valid dictionary"),
        ("/sessions/x/run", b'{"code": "1", "step": -1}', "greater than or equal to 0"),
        ("/sessions/x/run", b'{"code": "1", "demand": {"secnds": 3}}', "secnds"),
    ],
)
def test_malformed_bodies(client: httpx2.Client, path: str, body: bytes, says: str) -> None:
    response = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422 and says in response.json()["error"]


def test_a_form_of_a_web_page_runs_nothing(client: httpx2.Client) -> None:
    body = b'{"code": "print(1)", "language": "python"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        refused = client.post("/run_code", content=body, headers={"Content-Type": kind})
        assert refused.status_code == 415 and f"Content-Type is '{kind}'; send JSON" in refused.json()["error"]
    assert client.post("/run_code", content=body).status_code == 415


def test_ping_and_health(client: httpx2.Client) -> None:
    assert client.get("/v1/ping").json() == "pong"
    assert client.get("/health").json() == {"status": "healthy", "service": "slipstick", "state": "ready"}
    assert client.get("/ready").status_code == client.head("/ready").status_code == 200
