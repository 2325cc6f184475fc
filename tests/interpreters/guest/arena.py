"""Runs the attacks of ../shared in their own namespaces: `arena.py ISOLATION FOLDER ATTACKS`, a JSON line for each.

Started by `test_attacks` under unshare(1): against a weak sandbox the attacks do kill everything they can reach.
"""

import fcntl
import json
import os
import re
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from slipstick.interpreters.host.sandbox import Sandbox
from slipstick.schema import Output

PROBE = "import math\nprint(math.sqrt(16), sum([1, 2]))"
SECRETS = {"home/.ssh/id_rsa": "SECRETKEY", "other_session_data": "SECRETTMP"}


def lay_out(arena: Path) -> None:
    """What the attacks are after: files to read, to remove and to change, and a place where canaries would land."""
    for folder in ("canary", "home/.ssh", "victim", "sitepkg", "work"):
        (arena / folder).mkdir(parents=True, exist_ok=True)
    for name, secret in {**SECRETS, "victim/file": "precious", "victim/file2": "precious"}.items():
        (arena / name).write_text(secret)


def raise_loopback() -> None:
    """A new network namespace has it, but down (linux/sockios.h: SIOCSIFFLAGS)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 1))


def escaped(esc: str, output: Output, arena: Path) -> bool:
    """Whether the output or the arena shows that the attack escaped."""
    kind, _, rest = esc.partition(":")
    match kind:
        case "out_has" | "parent_or_out":
            return rest in re.sub(r"^    .*$", "", output.text, flags=re.MULTILINE)  # tracebacks quote the attack
        case "out_int_gt":
            word, number = rest.split(":")
            return any(int(found) > int(number) for found in re.findall(rf"{word} (\d+)", output.text))
        case "out_len_gt":
            return len(output.text) > int(rest)
        case "canary":
            return (arena / "canary" / rest).exists()
        case "gone":
            return not Path(rest.replace("/arena", str(arena))).exists()
        case "survive":
            before = list((arena / "canary").iterdir())
            time.sleep(0.3)
            return bool(before or list((arena / "canary").iterdir()))
    return False


def main(isolation: str, folder: str, attacks: str) -> None:
    """Prints for every attack its name, and whether it was contained and the next program was correct."""
    arena = Path(folder)
    os.environ["HF_TOKEN_CANARY"] = "SECRETENV"
    raise_loopback()
    lay_out(arena)
    os.chdir(arena / "work")
    with socket.create_server(("127.0.0.1", 15999)), Sandbox(timeout=3, isolation=isolation, scratch_mb=0) as sandbox:
        for line in Path(attacks).read_text("utf-8").splitlines():
            attack = json.loads(line)
            victim = subprocess.Popen(["sleep", "100"])
            (arena / "victim" / "pid").write_text(str(victim.pid))
            code = attack["code"].replace("/arena", folder).replace("/tmp/other", f"{folder}/other")
            output, probe = sandbox.run_many([code, PROBE])
            contained = not escaped(attack["esc"], output, arena) and probe.text == "4.0 3" and victim.poll() is None
            victim.kill()
            victim.wait()
            print(
                json.dumps({"name": attack["name"], "contained": contained, "output": output.text[-300:]}), flush=True
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
