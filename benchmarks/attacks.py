"""Hostile programs in the interpreter: `python -m benchmarks.attacks [ISOLATION] [--user NAME]`.

With `--search [--minutes N] [--seed N] [--isolation full|kernel]` it looks for unknown ways out: see `attack_search`.

The programs of ../shared/attacks really kill and delete what they can, so all of this happens inside mount and process
namespaces with a small file system at /arena. After each program a probe must be correct and no process may be left.
The last line is a JSON object: isolation, attacks, contained, escaped (names and how), and what `attack_cases` counts:
cases, cases_right, siblings_harmed, cases_wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pwd
import re
import shlex
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import slipstick
from benchmarks.attack_cases import run_cases
from benchmarks.attack_search import search
from slipstick.interpreters.host.isolation import ISOLATION
from slipstick.schema import Output

ATTACKS = Path(__file__).parents[2] / "shared" / "attacks" / "attacks.jsonl"
ARENA = Path("/arena")
PROBE = "import math\nprint(math.sqrt(16.0), sum([1, 2, 3]), round(math.pi, 5))"
PROBE_SAYS = "4.0 6 3.14159"
SECONDS = 4.0


def lay_out() -> None:
    """The files that the programs try to read, change and remove."""
    for folder in ("canary", "home/.ssh", "victim", "sitepkg", "work"):
        (ARENA / folder).mkdir(parents=True, exist_ok=True)
    victim = subprocess.Popen(["sleep", "1000"])
    for name, text in (
        ("home/.ssh/id_rsa", "SECRETKEY"),
        ("home/.bashrc", "true\n"),
        ("victim/file", "victim"),
        ("victim/file2", "victim"),
        ("victim/pid", str(victim.pid)),
    ):
        (ARENA / name).write_text(text)
    with contextlib.suppress(OSError):
        Path("/tmp/other_session_data").write_text("SECRETTMP")


def how_it_escaped(rule: str, output: Output, source: str) -> str | None:
    """What an attack achieved by the file's own rule, None if it was contained."""
    kind, _, what = rule.partition(":")
    quoted = {line.strip() for line in source.splitlines()}
    text = "\n".join(line for line in output.text.splitlines() if line.strip() not in quoted)  # as tracebacks do
    if kind == "out_int_gt":
        word, _, bound = what.partition(":")
        said = re.search(rf"{word} (\d+)", text)
        return f"{word} {said[1]}" if said and int(said[1]) > int(bound) else None
    achieved = {
        "out_has": what in text,
        "out_len_gt": len(text) > int(what or 0) if kind == "out_len_gt" else False,
        "canary": (ARENA / "canary" / what).exists(),
        "gone": not Path(what).exists() if kind == "gone" else False,
        "parent_or_out": what in text,  # a dead parent ends the whole arena
        "survive": _still_writing(),
    }
    return rule if achieved.get(kind) else None


def _still_writing() -> bool:
    before = {path: path.stat().st_size for path in (ARENA / "canary").rglob("*")}
    time.sleep(0.5)
    return before != {path: path.stat().st_size for path in (ARENA / "canary").rglob("*")}


def run_inside(isolation: str) -> None:
    """Everything that happens in the arena."""
    lay_out()
    listener = socket.create_server(("127.0.0.1", 15999))
    os.environ["HF_TOKEN_CANARY"] = "SECRETENV"
    os.chdir(ARENA / "work")
    attacks = [json.loads(line) for line in sys.stdin]
    escaped: dict[str, str] = {}
    with slipstick.Sandbox(workers=1, timeout=SECONDS, isolation=isolation, seed=0, scratch_mb=0) as sandbox:
        sandbox.run_many([PROBE, "import sympy\nprint(1)"])
        servers = _processes()
        for attack in attacks:
            output = sandbox.run_many([attack["code"]])[0]
            how = how_it_escaped(attack["esc"], output, attack["code"])
            probe = sandbox.run_many([PROBE])[0]
            if how is None and probe.text.strip() != PROBE_SAYS:
                how = f"the next program says {probe.text[:80]!r} ({probe.status})"
            if how is None and (left := _left_after(servers)):
                how = f"{left} processes left"
            if how:
                escaped[attack["name"]] = how
    listener.close()
    print(
        json.dumps(
            {
                "isolation": isolation,
                "attacks": len(attacks),
                "contained": len(attacks) - len(escaped),
                "escaped": escaped,
                **run_cases(isolation),
            }
        )
    )


def _left_after(before: set[int]) -> int:
    """Processes more than before; one that is ending has two seconds."""
    end = time.monotonic() + 2
    while (left := len(_processes()) - len(before)) > 0 and time.monotonic() < end:
        time.sleep(0.05)
    return max(0, left)


def _processes() -> set[int]:
    """Processes that run in the arena, those that ended but are not yet waited for left out."""
    alive = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                alive.add(int(entry.name))
    return alive


def run(isolation: str, user: str | None = None) -> dict[str, object]:
    """Counts the attacks that an isolation contains, in new namespaces; `user`: as that user, if root runs this."""
    ARENA.mkdir(exist_ok=True)
    inside = [sys.executable, "-m", "benchmarks.attacks", isolation, f"--inside={ARENA}"]
    owner = pwd.getpwnam(user).pw_uid if user else os.getuid()
    if user:
        inside = ["setpriv", f"--reuid={user}", f"--regid={owner}", "--clear-groups", *inside]
    mounts = f"mount -t tmpfs -o size=64m,uid={owner} arena {ARENA} && {_open_python() if user else 'true'} && "
    mounts += f"{{ ip link set lo up 2>/dev/null; exec {shlex.join(inside)}; }}"
    made = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", mounts],
        input=ATTACKS.read_text(),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    if made.returncode:
        raise SystemExit(f"the arena failed with isolation {isolation} ({made.returncode}):\n{made.stderr[-3000:]}")
    result: dict[str, object] = json.loads(made.stdout.splitlines()[-1])
    return result


def _open_python() -> str:
    """Shell commands by which everybody can reach Python, in a new mount namespace: it may lie in a closed folder."""
    closed = [each for each in Path(sys.base_prefix).parents if not each.stat().st_mode & stat.S_IXOTH]
    if not closed:
        return "true"
    python, folder = shlex.quote(sys.base_prefix), shlex.quote(str(closed[-1]))
    keep = f"mkdir {ARENA}/python && mount --bind {python} {ARENA}/python && mount -t tmpfs -o mode=755 none {folder}"
    return f"{keep} && mkdir -p {python} && mount --bind {ARENA}/python {python}"


def look_for_holes(arguments: argparse.Namespace) -> None:
    """Runs the search in namespaces of its own, so that it notices nothing that others do on this machine."""
    again = [f"--seed={arguments.seed}", f"--minutes={arguments.minutes}", "--calls", *arguments.calls]
    mapped = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    namespaces = ["--mount", "--pid", "--net", "--ipc", "--fork", "--mount-proc", "--kill-child"]
    with tempfile.TemporaryDirectory(prefix="slipstick-search-") as folder:
        inside = [sys.executable, "-m", "benchmarks.attacks", arguments.isolation, "--search", f"--inside={folder}"]
        shell = f"mount -t tmpfs none /dev/shm; exec {shlex.join([*inside, *again])}"
        done = subprocess.run(["unshare", *mapped, *namespaces, "sh", "-c", shell], check=False)
    raise SystemExit(done.returncode)


def main() -> None:
    """Runs the attacks with one isolation, or the search, in the arena or by making one."""
    parser = argparse.ArgumentParser(prog="benchmarks.attacks")
    parser.add_argument("isolation", nargs="?", default="full", choices=ISOLATION)
    parser.add_argument("--isolation", dest="other", choices=ISOLATION[:2], help="the same, for the search")
    parser.add_argument("--user", help="run as this user, if root runs this")
    parser.add_argument("--search", action="store_true", help="look for unknown ways out")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the search")
    parser.add_argument("--seed", type=int, default=0, help="of the search")
    parser.add_argument("--calls", nargs="*", default=[], help="no others than these are tried by the search")
    parser.add_argument("--inside", metavar="FOLDER", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.isolation = arguments.other or arguments.isolation
    if arguments.search and arguments.inside:
        settings = (arguments.isolation, arguments.minutes, arguments.seed, Path(arguments.inside))
        search(*settings, only=tuple(arguments.calls), alone=True)
    elif arguments.search:
        look_for_holes(arguments)
    elif arguments.inside:
        run_inside(arguments.isolation)
    elif ATTACKS.is_file():
        print(json.dumps(run(arguments.isolation, arguments.user)))
    else:
        raise SystemExit(f"benchmarks.attacks needs the programs of {ATTACKS}, which is absent")


if __name__ == "__main__":
    main()
