"""What programs see of the Python they run in, at every isolation, and the packages they can import."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipstick.interpreters.host import installation
from slipstick.interpreters.host.isolation import ISOLATION, missing
from slipstick.interpreters.host.sandbox import Sandbox

PRIVATE = [sys.prefix, sys.base_prefix, str(Path.home()), str(Path(installation.__file__).parents[2])]
LOOKS = {
    "prefixes": "import sys\nprint(sys.prefix, sys.base_prefix, sys.path, sys.executable, sys.orig_argv)",
    "modules": "import sys\nprint([vars(m).get('__spec__') for m in list(sys.modules.values())])",
    "frames": "import sys\nf = sys._getframe()\nwhile f:\n    print(f.f_code.co_filename)\n    f = f.f_back",
    "traceback": "import json, traceback\ntry:\n    json.loads('x')\nexcept ValueError:\n    traceback.print_exc()",
    "how it was built": "import sysconfig\nprint(sysconfig.get_config_vars(), sysconfig.get_paths())",
    "settings": "import sys\nfor name in ('pyvenv.cfg', 'pip.conf'):\n    try:\n"
    "        print(open(f'{sys.prefix}/{name}').read())\n    except OSError as error:\n        print(type(error))",
    "notes of packages": "import glob, os, sys\nfor folder in sys.path:\n"
    "    for name in glob.glob(f'{folder}/*.pth') + glob.glob(f'{folder}/*/direct_url.json'):\n"
    "        print(open(name).read())",
    "libraries": "import ctypes\nprint(ctypes.pythonapi, ctypes.__file__)",
}


@pytest.fixture(scope="module")
def full() -> Iterator[Sandbox]:
    if missing("full"):
        pytest.skip(f"this machine lacks {missing('full')}")
    with Sandbox(isolation="full", scratch_mb=0) as opened:
        yield opened


@pytest.mark.parametrize("look", LOOKS)
def test_the_path_of_the_installation_is_not_seen(full: Sandbox, look: str) -> None:
    (output,) = full.run_many([LOOKS[look]])
    assert output.status == "ok", output.text
    for path in PRIVATE:
        assert path in ("/usr", "/usr/local") or path not in output.text
    assert "home =" not in output.text


@pytest.mark.parametrize("isolation", ISOLATION)
def test_the_name_of_the_machine_is_not_told(isolation: str) -> None:
    if missing(isolation):
        pytest.skip(f"this machine lacks {missing(isolation)}")
    look = "import os, platform, socket\nprint(os.uname().nodename, platform.node(), socket.gethostname())"
    with Sandbox(isolation=isolation, scratch_mb=0) as sandbox:
        (output,) = sandbox.run_many([look])
    assert output.text == "sandbox sandbox sandbox" != socket.gethostname()


@pytest.mark.parametrize("isolation", ISOLATION)
def test_packages_of_pythonpath_are_imported(isolation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing(isolation):
        pytest.skip(f"this machine lacks {missing(isolation)}")
    folders = [tmp_path / "packages", tmp_path / "project", tmp_path / "absent"]
    for folder, name in zip(folders[:2], ("extra", "private"), strict=True):
        folder.mkdir()
        (folder / f"{name}.py").write_text("value = 42\n")
    (folders[0] / ".env").write_text("SECRET")
    monkeypatch.chdir(folders[1])
    monkeypatch.setenv("PYTHONPATH", ":".join(map(str, folders)))
    installation.neutral_root.cache_clear()
    try:
        with Sandbox(isolation=isolation, scratch_mb=0) as sandbox:
            found, secret, private, absent = sandbox.run_many(
                [
                    "import extra\nprint(extra.value, extra.__file__)",
                    "import extra, os\nprint(open(os.path.dirname(extra.__file__) + '/.env').read())",
                    "import private",
                    "import no_such_package",
                ]
            )
    finally:
        installation.neutral_root.cache_clear()
    assert found.text.startswith("42")
    assert (str(tmp_path) in found.text) == (isolation != "full")
    assert ("SECRET" in secret.text) == (isolation == "process")
    assert private.text.endswith("ModuleNotFoundError: No module named 'private'")  # the working folder is no package
    assert absent.text.endswith("ModuleNotFoundError: No module named 'no_such_package'")
