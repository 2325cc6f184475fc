"""Command lines as they are typed."""

import shlex
import subprocess
import sys
from pathlib import Path


def slipstick(line: str, folder: Path) -> tuple[int, str]:
    """Runs `slipstick LINE` in a folder; its exit code, and what it says on both streams."""
    command = [str(Path(sys.executable).with_name("slipstick")), *shlex.split(line)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    return done.returncode, done.stdout + done.stderr
