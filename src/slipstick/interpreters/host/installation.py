"""The Python that programs run in: this one and its packages, and with isolation "full" the paths they see it at.

The path of an installation often names its user, and files beside it name registries. With "full" everything is shown
at paths that are the same on every machine, and what names the real ones is hidden.
"""

from __future__ import annotations

import functools
import glob
import os
import re
import site
import sys
from pathlib import Path

from slipstick.interpreters.guest.filesystem import PYTHON_PARTS, Root

GUEST = Path(__file__).parents[1] / "guest"
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "USER": "nobody",
    "MALLOC_ARENA_MAX": "1",
    "SYMPY_CACHE_SIZE": "None",  # a cache that evicts writes on every look-up, and forks pay for writes
    "SYMPY_GROUND_TYPES": "python",  # what sympy alone gives: results do not depend on other packages
}
"""Python's environment when it starts; `guest.zygote` says what of it programs see."""
_NOBODYS = ("/usr", "/usr/local")
"""Where an installation names no user and stays where it is; any other is shown at the last."""
_VENV, _PACKAGES, _USER_BASE, _GUEST = "/venv", "/packages", "/user", "/guest"
_NAMES_A_PATH = re.compile(rb"""(?:^|['"=]|file:/{0,2})/\w""", re.MULTILINE)


def packages() -> list[str]:
    """The folders and archives of PYTHONPATH that programs import from.

    One that holds the working folder or the user's own is left out: it would show programs what is no package.
    """
    entries = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    if sys.flags.ignore_environment or not entries:
        return []
    private = [Path.cwd().resolve(), Path(os.environ.get("HOME", "/")).resolve()]
    named = [Path(entry).resolve() for entry in entries]
    return [
        str(each) for each in named if os.access(each, os.R_OK) and not any(own.is_relative_to(each) for own in private)
    ]


def modules(folder: str) -> list[str]:
    """What programs may read of a folder of packages: no module's name begins with a dot, but that of secrets may."""
    return [f"{folder}/{name}" for name in _glob("*", folder)] if Path(folder).is_dir() else [folder]


def user_packages() -> str | None:
    """The folder of packages that this user has installed for all projects, if Python looks there."""
    folder = site.getusersitepackages()
    return folder if site.ENABLE_USER_SITE and Path(folder).is_dir() else None


def environment(folders: list[str], user_base: str | None) -> dict[str, str]:
    """The environment in which Python starts, to import from these folders and from a user's own packages."""
    added = {"PYTHONPATH": os.pathsep.join(folders), "PYTHONUSERBASE": user_base or ""}
    return {**_ENVIRONMENT, **{name: value for name, value in added.items() if value}}


def options() -> list[str]:
    """Options with which Python starts: it imports nothing from a working folder."""
    return ["-P", *([] if user_packages() else ["-s"])]


@functools.cache
def neutral_root() -> Root:
    """What the root of isolation "full" shows, and how Python is started in it."""
    base = sys.base_prefix if sys.base_prefix in _NOBODYS else _NOBODYS[-1]
    binary = _binary()
    program = f"{base}/bin/{binary.name}"
    shown = {program: str(binary), _GUEST: str(GUEST), **_python_at(base, sys.base_prefix)}
    files, links = _build_settings(base), {}
    if sys.prefix != sys.base_prefix:
        shown |= _python_at(_VENV, sys.prefix)
        files[f"{_VENV}/pyvenv.cfg"] = f"home = {base}/bin\n{_system_packages()}\n"
        links[f"{_VENV}/bin/python"] = program
        program = f"{_VENV}/bin/python"
    folders = {f"{_PACKAGES}/{number}": path for number, path in enumerate(packages())}
    shown |= folders
    dotted = [f"{path}/{name}" for path, source in folders.items() for name in _glob(".*", source)]
    user = user_packages()
    if user is not None:
        shown[user.replace(site.getuserbase(), _USER_BASE, 1)] = user
    loader = {} if base == sys.base_prefix else {"LD_LIBRARY_PATH": f"{base}/lib"}
    return Root(
        shown=shown,
        hidden=dotted + [found for path, source in shown.items() for found in _naming_paths(path, source)],
        files=files,
        links=links,
        guest=_GUEST,
        packages=[*folders, *([f"{_USER_BASE}/lib"] if user else [])],
        command=[program, *options()],
        environment={**environment(list(folders), _USER_BASE if user else None), **loader},
    )


def _python_at(path: str, prefix: str) -> dict[str, str]:
    """What an installation consists of, below another path: the real place of each part."""
    parts = {part: os.path.realpath(f"{prefix}/{part}") for part in PYTHON_PARTS}
    return {f"{path}/{part}": source for part, source in parts.items() if Path(source).is_dir()}


def _system_packages() -> str:
    """The line of a virtual environment's settings that says whether Python's own packages are seen in it."""
    settings = (Path(sys.prefix) / "pyvenv.cfg").read_text("utf-8")
    return next((line for line in settings.splitlines() if line.startswith("include-system")), "")


def _build_settings(base: str) -> dict[str, str]:
    """The module that says how Python was built, with the paths that programs see."""
    if base == sys.base_prefix:
        return {}
    library = Path(os.__file__).parent
    real = {sys.base_prefix, os.path.realpath(sys.base_prefix)}
    files = {}
    for file in library.glob("_sysconfigdata_*.py"):
        text = file.read_text("utf-8")
        for path in sorted(real, key=len, reverse=True):
            text = text.replace(path, base)
        files[f"{base}/{library.relative_to(sys.base_prefix)}/{file.name}"] = text
    return files


def _naming_paths(path: str, source: str) -> list[str]:
    """Files of an installation, or of a folder of packages, that name real paths: as they are seen below `path`."""
    build = () if path == source else ("pkgconfig", "python*/config-*", "python*/__pycache__/_sysconfigdata_*")
    notes = ("*.pth", "*.egg-link", "__editable__*.py")
    found = [name for pattern in build for name in _glob(pattern, source)]
    for folder in ("", *(f"{name}/" for name in _glob("python*/*-packages", source))):
        names = [name for pattern in notes for name in _glob(folder + pattern, source)]
        found += _glob(f"{folder}*.dist-info/direct_url.json", source)  # also names registries, and passwords to them
        found += [name for name in names if _NAMES_A_PATH.search(Path(source, name).read_bytes())]
    return [f"{path}/{name}" for name in found]


def _glob(pattern: str, folder: str) -> list[str]:
    """Matching paths, relative to the folder; unlike Path.glob it passes over what this user may not read."""
    return glob.glob(pattern, root_dir=folder)  # noqa: PTH207


def _binary() -> Path:
    """The program that is running, or Python's own of the same version if this user may not read that."""
    running = Path(os.path.realpath(sys.executable))
    usual = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    return running if os.access(running, os.R_OK) else usual
