"""Opens the judge that settings name, which is closed once."""

from __future__ import annotations

from pathlib import Path

from slipstick.errors import ModelError, UserError
from slipstick.judge.labelled import read_labels
from slipstick.judge.settings import JudgeSettings
from slipstick.models import Model, ModelSettings, open_model


class OpenedJudge:
    """A judge that is closed once: in the event loop in which it was asked, or without having been asked."""

    def __init__(self, model: Model) -> None:
        self.model, self._closed = model, False

    async def close(self) -> None:
        """Closes the model, if it was not closed yet."""
        if not self._closed:
            self._closed = True
            await self.model.close()


def open_judge(settings: JudgeSettings) -> OpenedJudge | None:
    """The judge that settings name, None if they name none.

    Raises ModelError, and InputError for labels that cannot be read.
    """
    if not settings.judge:
        return None
    if settings.judge_labels:
        read_labels(Path(settings.judge_labels))
    try:
        return OpenedJudge(open_model(settings.judge, ModelSettings.model_validate(settings.judge_settings)))
    except UserError as error:
        remedy = "a judge's settings have names of their own, as --set judge_settings.base_url=ADDRESS"
        raise ModelError(f"judge = {settings.judge}: {error} ({remedy})") from error
