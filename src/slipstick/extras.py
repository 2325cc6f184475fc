"""Optional packages: which extra of slipstick brings one, and what to say where it is missing."""

from importlib.metadata import requires
from importlib.util import find_spec

from slipstick.errors import UserError


def extra_of(package: str) -> str | None:
    """The extra that brings a package, by the name it is imported by: "train" for torch; None if none does."""
    name = package.partition(".")[0].replace("_", "-")
    for line in requires("slipstick") or ():
        requirement, _, condition = line.partition(";")
        bare = requirement[: len(name)]
        if bare.lower() == name and not requirement[len(name) : len(name) + 1].isalnum() and "extra ==" in condition:
            return condition.partition("extra ==")[2].strip(" '\")")
    return None


def how_to_install(package: str) -> str:
    """The command that installs a package, and with it what else slipstick's extra brings."""
    extra = extra_of(package)
    return f"pip install 'slipstick[{extra}]'" if extra else f"pip install {package}"


def require(*packages: str, to: str) -> None:
    """Raises UserError, before any work is done, if a package is not installed. to: what it is needed for."""
    for package in packages:
        if find_spec(package) is None:
            raise UserError(f"{to} needs {package}, which is not installed: {how_to_install(package)}")
