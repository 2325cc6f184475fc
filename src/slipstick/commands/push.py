"""`slipstick push RUN`: exported data or a trained model to the Hub."""

from pathlib import Path
from typing import Literal

from rich.console import Console

from slipstick.errors import InputError, UserError
from slipstick.recipe import check_settings
from slipstick.schema import Record
from slipstick.store import RunFolder

_KEPT_BACK = [".*", "checkpoints/*", "checkpoint*.pt", "job/*"]  # what a stopped training resumes from


class PushSettings(Record):
    """Settings of `slipstick push`."""

    repo: str
    """Repository on the Hub: "user/name"."""
    private: bool = True
    """Whether a repository that is created for it is private."""
    endpoint: str | None = None
    """Address of another Hub; None takes that of the environment variable HF_ENDPOINT, or the Hub itself."""
    dry_run: bool = False
    """Only list what would be sent; nothing is, and no connection is needed."""


def run_push(target: str, overrides: list[str], console: Console) -> str:
    """Sends RUN/exports as a data set, or RUN/model as a model, and gives the address of what was sent, if anything."""
    settings = check_settings({}, PushSettings, overrides=overrides)
    folder, kind = find_upload(RunFolder(target))
    import httpx2

    try:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError as error:
        raise UserError("push needs huggingface_hub: pip install 'slipstick[data]'") from error
    if settings.dry_run:
        _show(folder, kind, settings, console)
        return ""
    api = HfApi(endpoint=settings.endpoint)
    try:
        api.create_repo(settings.repo, repo_type=kind, private=settings.private, exist_ok=True)
        sent = api.upload_folder(repo_id=settings.repo, repo_type=kind, folder_path=folder, ignore_patterns=_KEPT_BACK)
    except HFValidationError as error:
        raise InputError(f"repo = {settings.repo!r} is not the name of a repository: {error}") from error
    except ValueError as error:  # what the Hub finds wrong with a card, for one
        raise InputError(f"the Hub refuses {folder}: {error}; fix that and repeat the command") from error
    except (HfHubHTTPError, httpx2.HTTPError, OSError) as error:
        raise UserError(
            f"the Hub did not take {folder} as {settings.repo}: {str(error).strip().splitlines()[0]}; log in with "
            "`hf auth login` or set HF_TOKEN, then repeat the command"
        ) from error
    address = str(getattr(sent, "commit_url", sent))
    console.print(f"{folder} is at {address}", highlight=False, soft_wrap=True)
    return address


def _show(folder: Path, kind: str, settings: PushSettings, console: Console) -> None:
    """Lists what would be sent. Raises InputError for what is no name of a repository."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._paths import filter_repo_objects
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(settings.repo)
    except HFValidationError as error:
        raise InputError(f"repo = {settings.repo!r} is not the name of a repository: {error}") from error
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    sizes = {name: (folder / name).stat().st_size for name in filter_repo_objects(found, ignore_patterns=_KEPT_BACK)}
    for name, size in sizes.items():
        console.print(f"{size:>15,} {name}", highlight=False, soft_wrap=True)
    who = "private" if settings.private else "public"
    end = (
        f"{sum(sizes.values()):,} bytes in {len(sizes)} files would go to the {kind} {settings.repo} ({who} if created)"
    )
    console.print(f"{end}; nothing was sent", highlight=False, soft_wrap=True)


def find_upload(run: RunFolder) -> tuple[Path, Literal["dataset", "model"]]:
    """What a run has to send: its weights, or its exports. Raises InputError if it has neither."""
    if (run.path / "model" / "config.json").is_file():
        return run.path / "model", "model"
    if (run.path / "exports" / "README.md").is_file():
        return run.path / "exports", "dataset"
    raise InputError(f"{run.path} has nothing to send: export it first (slipstick export {run.path})")
