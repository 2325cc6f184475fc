"""The cases of `benchmarks.attacks`: programs and requests, each with what must happen.

Those of ../shared/attacks/interpreter_cases.jsonl and tests/cases/hostile.jsonl. A case that only a stronger isolation
contains is left out.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import slipstick
from benchmarks.sandbox_soak import below
from slipstick.interpreters.host.isolation import ISOLATION
from slipstick.schema import Output

_ROOT = Path(__file__).parents[1]
CASES = _ROOT.parent / "shared" / "attacks" / "interpreter_cases.jsonl"
HOSTILE = _ROOT / "tests" / "cases" / "hostile.jsonl"
_TIMEOUT = 8.0
_PROBE = "import math\nprint(math.sqrt(16), sum([1, 2]))"
_PROBE_SAYS = "4.0 3"
_HALF_OPEN, _OPEN_FILES = 1100, 1024
_SETTINGS = {"seconds": "timeout"}
"""Settings that a case calls by a name of its own."""

Case = dict[str, Any]


def run_cases(isolation: str) -> dict[str, object]:
    """Runs the cases that hold at an isolation: cases, cases_right, siblings_harmed, cases_wrong (why, by name)."""
    counts: Counter[str] = Counter()
    wrong: dict[str, str] = {}
    for name, outcome in _outcomes(isolation, counts):
        counts["cases"] += 1
        if outcome:
            wrong[name] = "; ".join(outcome)[:400]
    return {
        "cases": counts["cases"],
        "cases_right": counts["cases"] - len(wrong),
        "siblings_harmed": counts["siblings_harmed"],
        "cases_wrong": wrong,
    }


def _outcomes(isolation: str, counts: Counter[str]) -> Iterator[tuple[str, list[str]]]:
    """Name of each case and what was not as it must be."""
    rank = ISOLATION.index(isolation)
    for case in _read(CASES):
        if case["kind"] == "attack" and ISOLATION.index(case["level"]) < rank:
            continue
        by_kind = {"attack": _run_programs, "fidelity": _run_programs, "run_code": _run_code, "http": _ask}
        try:
            outcome = by_kind[case["kind"]](case, isolation)
        except Exception as error:  # whatever is raised in the host is what the case looks for
            outcome = [f"raised {error!r}"]
        counts["siblings_harmed"] += sum(what.startswith("beside") for what in outcome)
        yield f"{case['kind']}: {case['name']}", outcome
    hostile = [case for case in _read(HOSTILE) if ISOLATION.index(case["isolation"]) >= rank]
    with slipstick.Sandbox(timeout=2, memory_mb=256, isolation=isolation, scratch_mb=0) as sandbox:
        for case in hostile:
            yield f"hostile: {case['name']}", _run_hostile(case, sandbox)


def _read(path: Path) -> list[Case]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []


def _run_programs(case: Case, isolation: str) -> list[str]:
    """A program, or the steps of a session, or a program with innocent ones beside it."""
    limits = {name: case[name] for name in ("scratch_mb", "memory_mb") if name in case}
    timeout, beside = case.get("seconds", _TIMEOUT), case.get("beside", [])
    with slipstick.Sandbox(isolation=isolation, workers=2 + len(beside), timeout=timeout, **limits) as sandbox:
        if "steps" in case:
            with sandbox.session() as session:
                output = [session.run(step) for step in case["steps"]][-1]
        else:
            output, *others = sandbox.run_many([case["code"], *beside])
        wrong = _not_as_it_must(case, output)
        for other in others if beside else []:
            if other.status not in case["beside_statuses"] or case["beside_present"] not in other.text:
                wrong.append(f"beside: {other.status} {other.text[-80:]!r}")
        if "next" in case:
            after = sandbox.run_many([case["next"]])[0]
            wrong += [] if case["next_present"] in after.text else [f"the next program: {after.status}"]
    if "left_behind" in case and any(case["left_behind"] in command for command in _commands()):
        wrong.append("left a process behind")
    return wrong


def _not_as_it_must(case: Case, output: Output) -> list[str]:
    wrong = []
    if "statuses" in case and output.status not in case["statuses"]:
        wrong.append(f"status {output.status}: {output.text[-200:]!r}")
    if case.get("present") and case["present"] not in output.text:
        wrong.append(f"lacks {case['present']!r}: {output.text[-200:]!r}")
    if case.get("absent") and case["absent"] in output.text:
        wrong.append(f"has {case['absent']!r}")
    if "exact" in case and output.text != case["exact"]:
        wrong.append(f"is {output.text[-200:]!r}")
    return wrong


def _commands() -> Iterator[str]:
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                yield (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")


def _run_hostile(case: Case, sandbox: slipstick.Sandbox) -> list[str]:
    """A program of the project's own, with a file and a port that it may reach for."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        victim = Path(folder) / "victim"
        victim.write_text("precious")
        before = victim.stat()
        code = case["code"].replace("PORT", str(listener.getsockname()[1])).replace("VICTIM", repr(str(victim)))
        output, probe = sandbox.run_many([code, _PROBE])
        after = victim.stat()
        wrong = _not_as_it_must(case, output)
        if victim.read_text() != "precious" or (before.st_mode, before.st_mtime) != (after.st_mode, after.st_mtime):
            wrong.append("changed a file")
    return wrong if probe.text == _PROBE_SAYS else [*wrong, f"the next program: {probe.status}"]


def _run_code(case: Case, isolation: str) -> list[str]:
    """A script that a client of the service runs."""
    says = case["stdout"]
    if says is None:
        write = f"import sys; sys.stdout.write({case['stdout_expr']})"
        says = subprocess.run([sys.executable, "-c", write], check=True, capture_output=True, text=True).stdout
    with _service(isolation, {}) as port:
        status, text = _request(
            port, "POST", "/run_code", {"code": case["code"], "language": "python", "stdin": case["stdin"]}
        )
    answer = json.loads(text) if status == 200 else {}
    said = (answer.get("run_result") or {}).get("stdout", "")
    right = answer.get("status") == "Success" and said == says
    return [] if right else [f"status {status} {answer.get('status')}: {said[-100:]!r}"]


def _ask(case: Case, isolation: str) -> list[str]:
    """A request to the service, or one of the scenarios with many."""
    with _service(isolation, case.get("settings", {})) as port:
        if "scenario" in case:
            return {"slow heads": _slow_heads, "memory limits": _memory_limits}[case["scenario"]](port)
        body = b"x" * case["body_bytes"] if "body_bytes" in case else case["body"]
        status, text = _request(port, case["method"], case["path"], body, case["headers"])
    wrong = [] if status in case["statuses"] else [f"status {status}: {text[:200]!r}"]
    return wrong if case.get("present", "") in text else [*wrong, f"lacks {case['present']!r}: {text[:200]!r}"]


@contextmanager
def _service(isolation: str, settings: dict[str, object]) -> Iterator[int]:
    """A service with 1,024 open files, on a free port."""
    asked = {
        "isolation": isolation,
        "port": 0,
        **{_SETTINGS.get(name, name): value for name, value in settings.items()},
    }
    command = [str(Path(sys.executable).with_name("slipstick")), "sandbox"]
    command += [part for name, value in asked.items() for part in ("--set", f"{name}={value}")]
    limited = ["sh", "-c", f'ulimit -n {_OPEN_FILES}; exec "$@"', "sh", *command]
    process = subprocess.Popen(limited, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout
        said = process.stdout.readline()
        if not (port := re.search(r":(\d+)\D*$", said)):
            raise OSError(f"the service says {said!r}")
        end = time.monotonic() + 60
        while _request(int(port[1]), "GET", "/health")[0] != 200 and time.monotonic() < end:
            time.sleep(0.2)
        yield int(port[1])
    finally:
        process.terminate()
        process.wait(30)


def _request(
    port: int,
    method: str,
    path: str,
    body: object = None,
    headers: dict[str, str] | None = None,
    *,
    seconds: float = 60,
) -> tuple[int, str]:
    """Status and text of an answer; 0 if there was none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    try:
        connection.request(method, path, data, headers or {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error)
    finally:
        connection.close()


def _slow_heads(port: int) -> list[str]:
    """Connections that never finish their request: others are answered, and these are closed."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    slow: list[socket.socket] = []
    for _ in range(_HALF_OPEN):
        with suppress(OSError):
            slow.append(socket.create_connection(("127.0.0.1", port), timeout=2))
            slow[-1].sendall(b"POST /run_code HTTP/1.1\r\nHost: localhost\r\n")
    begun = time.monotonic()
    status, _ = _request(port, "GET", "/health", seconds=10)
    wrong = (
        []
        if status == 200 and time.monotonic() - begun < 5
        else [f"others: {status} after {time.monotonic() - begun:.1f} s"]
    )
    end = begun + 60
    open_still = slow
    while open_still and time.monotonic() < end:
        time.sleep(1)
        open_still = [each for each in open_still if not _is_closed(each)]
    for each in slow:
        each.close()
    return wrong if not open_still else [*wrong, f"{len(open_still)} slow connections are open after 60 s"]


def _is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return not connection.recv(4096) or _is_closed(connection)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _memory_limits(port: int) -> list[str]:
    """Requests that each ask for another limit: a client that asks for none does not wait for them."""
    body = {"code": "print(1)", "language": "python"}
    _request(port, "POST", "/run_code", body)
    asked = [{**body, "memory_limit_MB": 100 + number} for number in range(12)]
    threads = [threading.Thread(target=_request, args=(port, "POST", "/run_code", each)) for each in asked]
    for thread in threads:
        thread.start()
    begun = time.monotonic()
    status, _ = _request(port, "POST", "/run_code", body)
    waited = time.monotonic() - begun
    for thread in threads:
        thread.join()
    processes = len(below(os.getpid()))
    wrong = [] if status == 200 and waited < 5 else [f"a plain request: {status} after {waited:.1f} s"]
    return wrong if processes < 20 else [*wrong, f"{processes} processes"]
