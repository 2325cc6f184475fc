"""Optional packages that are missing: one line with the command that installs them, before any work is done."""

import sys

import pytest

from slipstick.extras import extra_of, how_to_install
from tests.invoked import Invoke

EXTRAS = {"torch": "train", "huggingface_hub": "data", "pyarrow": "data", "uvicorn": "serve", "matplotlib": "report"}


@pytest.mark.parametrize(("package", "extra"), EXTRAS.items())
def test_the_extra_that_brings_a_package(package: str, extra: str) -> None:
    assert extra_of(package) == extra and how_to_install(package) == f"pip install 'slipstick[{extra}]'"


def test_what_no_extra_brings() -> None:
    assert extra_of("sympy") is None and extra_of("torchvision") is None and extra_of("tor") is None


@pytest.mark.parametrize("line", ["quickstart run", "train mammoth-7b", "doctor --set model=hf:x"])
def test_without_torch(line: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("torch", "transformers"):
        monkeypatch.setitem(sys.modules, package, None)
    code, out, err = invoke(*line.split())
    assert code == (1 if line.startswith("doctor") else 2)
    assert "pip install 'slipstick[train]'" in out + err and "Traceback" not in err
