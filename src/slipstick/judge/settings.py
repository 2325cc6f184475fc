"""The settings of a judge."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from slipstick.edges import first_mistake
from slipstick.errors import did_you_mean
from slipstick.judge.prompts import prompt_names
from slipstick.models import ModelSettings
from slipstick.recipe import placed
from slipstick.schema import Record


def _known(name: str) -> str:
    if name not in prompt_names():
        raise ValueError(f"no such prompt{did_you_mean(name, prompt_names())}; known: {', '.join(prompt_names())}")
    return name


def _of_a_model(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings, checked. Raises ValueError with the first mistake."""
    if unknown := next((key for key in settings if key not in ModelSettings.model_fields), None):
        raise ValueError(f"{unknown}: no such setting of a model{did_you_mean(unknown, ModelSettings.model_fields)}")
    if settings.get("mode", "live") != "live":
        raise ValueError("a judge is asked request by request: remove `mode`")
    try:
        return ModelSettings.model_validate(settings).model_dump(mode="json", exclude_unset=True)
    except ValidationError as error:
        raise ValueError(first_mistake(error).removeprefix("Value error, ")) from error


def _placed(path: str | None) -> str | None:
    if not path:
        return None
    if not placed(path).is_file():
        raise ValueError(
            "there is no such file; name one of rows with expected, answer and correct, or leave it empty for none"
        )
    return str(placed(path))


class JudgeSettings(Record):
    """Settings of a judge beside the rules."""

    judge: str | None = None
    """A model that is asked of the answers which rules call incorrect or undecided ("openai:NAME"); what it says stands
    in columns of its own, never in an accuracy or a reward. "" for none."""
    judge_prompt: Annotated[str, AfterValidator(_known)] = "plain"
    """How it is asked and its reply read: "plain", or as verifier models expect, "xverify", "compassverifier"."""
    judge_settings: Annotated[dict[str, Any], AfterValidator(_of_a_model)] = Field(default_factory=dict)
    """Its settings as a model: {base_url = "http://localhost:8001/v1", price_in = 0.1}."""
    judge_temperature: float = Field(default=0.0, ge=0, le=100)
    """0 takes the likeliest token."""
    judge_max_tokens: int = Field(default=2048, ge=1)
    """Most tokens of its reply, thoughts included."""
    judge_sample: int = Field(default=100, ge=0)
    """Solutions that rules call correct of which it is asked as well, chosen at random, to see whether it agrees."""
    judge_labels: Annotated[str | None, AfterValidator(_placed)] = None
    """A file of labelled answers (question, expected, answer, correct), by which its error rates are measured; without
    one no figure is corrected for them."""
