"""Optional packages that are missing: one line with the command that installs them, before any work is done."""

import sys

import pytest

from slipstick.cli import main
from slipstick.extras import extra_of, how_to_install

EXTRAS = {"torch": "train", "huggingface_hub": "data", "pyarrow": "data", "uvicorn": "serve", "matplotlib": "report"}


@pytest.mark.parametrize(("package", "extra"), EXTRAS.items())
def test_the_extra_that_brings_a_package(package: str, extra: str) -> None:
    assert extra_of(package) == extra and how_to_install(package) == f"pip install 'slipstick[{extra}]'"


def test_what_no_extra_brings() -> None:
    assert extra_of("sympy") is None and extra_of("torchvision") is None and extra_of("tor") is None


@pytest.mark.parametrize("line", ["quickstart run", "train mammoth-7b", "doctor --set model=hf:x"])
def test_without_torch(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["slipstick", *line.split()])
    monkeypatch.setenv("COLUMNS", "200")
    for package in ("torch", "transformers"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == (1 if line.startswith("doctor") else 2)
    assert "pip install 'slipstick[train]'" in said.out + said.err and "Traceback" not in said.err
