"""Command lines as they are typed."""

import contextlib
import io
import shlex
import sys
from pathlib import Path
from unittest.mock import patch

from slipstick.cli import main


def slipstick(line: str, folder: Path) -> tuple[int, str]:
    """Runs `slipstick LINE` in a folder; its exit code, and what it says on both streams.

    In this process: that the command is one of its own, with its start and its end, is what test_cli.py is about.
    """
    said = io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        patch.object(sys, "argv", ["slipstick", *shlex.split(line)]),
    ):
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return code, said.getvalue()
