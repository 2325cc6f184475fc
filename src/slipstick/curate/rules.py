"""Rules that look at one problem or one solution alone: each gives the reason why it goes, or None."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

from slipstick.curate.hardcoded import prints_literals
from slipstick.curate.settings import CurateSettings, LicenceFilter
from slipstick.curate.words import word_lists
from slipstick.errors import InputError
from slipstick.schema import Code, Output, Problem, Solution, Text

UNKNOWN = "unknown"
_NO_LICENCE = frozenset({"", "none", "unknown", "unlicensed", "n/a"})
_TOKEN = re.compile(r"[^\W\d_]+|\d|[^\w\s]|_|\n")
_FORMULA = re.compile(
    r"\$\$.*?\$\$|\$.*?\$|\\\[.*?\\\]|\\\(.*?\\\)|\[asy\].*?\[/asy\]|\\[a-zA-Z]+|```.*?```", re.DOTALL
)
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_FEWEST_WORDS = 12
_SURE = 0.5
_DOUBT = 0.05
_ENOUGH_ENGLISH = 3
_ENGLISH = frozenset(word_lists()["english"])


def licence_of(problem: Problem) -> str:
    """The licence a problem states, or "unknown"."""
    licence = (problem.licence or "").strip()
    return UNKNOWN if licence.lower() in _NO_LICENCE or licence.lower().startswith("unknown") else licence


def licence(problem: Problem, allowed: LicenceFilter) -> str | None:
    """Unknown licences, those that are denied, and those that are not allowed where any are."""
    stated = licence_of(problem)
    if stated == UNKNOWN:
        return "nobody states a licence" if allowed.unknown == "drop" else None
    if hit := _matching(stated, allowed.deny):
        return f"licence {stated} is denied by `{hit}`"
    if allowed.allow and not _matching(stated, allowed.allow):
        return f"licence {stated} is not among {', '.join(allowed.allow)}"
    return None


def language(text: str, wanted: list[str]) -> str | None:
    """Texts that are surely in another language. Formulas and code do not count, and few words are no evidence."""
    words = _LETTERS.findall(_FORMULA.sub(" ", text).lower())
    if "en" in wanted and len(_ENGLISH.intersection(words)) >= _ENOUGH_ENGLISH:
        return None
    # A script without spaces makes few words of many letters.
    if len(words) < _FEWEST_WORDS and sum(len(word) for word in words if not word.isascii()) < _FEWEST_WORDS:
        return None
    ranked: dict[str, float] = dict(_identifier().rank(" ".join(words)))
    found = max(ranked, key=ranked.__getitem__)
    if ranked[found] < _SURE or sum(ranked.get(name, 0.0) for name in wanted) > _DOUBT:
        return None
    return f"is in `{found}` ({ranked[found]:.0%} sure), not in {', '.join(wanted)}"


def verdict(solution: Solution, *, has_gold: bool, unverified_stays: bool) -> str | None:
    """Solutions that are not graded correct; of an unverified source those with no verdict, where there is no gold."""
    if solution.verdict is None:
        if has_gold:
            return "has no verdict: grade its run first (slipstick grade)"
        return None if unverified_stays else "its problem has no gold, and its source is not among `unverified`"
    if solution.verdict.outcome == "correct":
        return None
    return f"{solution.verdict.outcome}: {solution.verdict.reason}"[:300]


def hardcoded_answer(solution: Solution) -> str | None:
    """Programs that print a literal instead of computing it."""
    steps = [block.text for block in solution.blocks if isinstance(block, Code)]
    if not steps or not prints_literals(steps):
        return None
    return f"the program only prints {shown(solution) or 'a literal'}, nothing of it is computed"


def length(solution: Solution, settings: CurateSettings, *, tokens: int) -> str | None:
    """Solutions with too few or too many tokens or characters; outputs do not count."""
    characters = len(text_of(solution))
    for unit, size, low, high in (
        ("tokens", tokens, settings.min_solution_tokens, settings.max_solution_tokens),
        ("characters", characters, settings.min_characters, settings.max_characters),
    ):
        if low is not None and size < low:
            return f"{size:,} {unit}, fewer than {low:,}"
        if high is not None and size > high:
            return f"{size:,} {unit}, more than {high:,}"
    return None


def text_of(solution: Solution) -> str:
    """What was written: words and code, without outputs."""
    return "\n".join(block.text for block in solution.blocks if not isinstance(block, Output))


def words_of(solution: Solution) -> str:
    """The words of a solution without its code and outputs."""
    return "\n".join(block.text for block in solution.blocks if isinstance(block, Text))


def shown(solution: Solution) -> str:
    """What its last program printed, cut short."""
    outputs = [block.text.strip() for block in solution.blocks if isinstance(block, Output)]
    return repr(outputs[-1][:60]) if outputs else ""


def count_tokens(text: str) -> int:
    """Words, digits and signs: what tokenizers of today's models make of such text, within some 20 %."""
    return len(_TOKEN.findall(text))


def token_counter(tokenizer: str | None) -> Callable[[str], int]:
    """Counts tokens by a model's tokenizer (its folder, or its `tokenizer.json`), or without one.

    Raises InputError where there is no such file or it does not load.
    """
    if tokenizer is None:
        return count_tokens
    path = Path(tokenizer)
    path = path / "tokenizer.json" if path.is_dir() else path
    if not path.is_file():
        raise InputError(f"tokenizer = {tokenizer!r}: {path} does not exist; name a folder with a tokenizer.json")
    from tokenizers import Tokenizer

    try:
        loaded = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises its own bare Exception
        raise InputError(f"tokenizer = {tokenizer!r}: {path} cannot be read: {error}") from error
    return lambda text: len(loaded.encode(text, add_special_tokens=False).ids)


def _matching(stated: str, patterns: list[str]) -> str | None:
    return next((pattern for pattern in patterns if fnmatchcase(stated.lower(), pattern.lower())), None)


@lru_cache(maxsize=1)
def _identifier() -> Any:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError as error:
        raise InputError("`language` needs py3langid: pip install 'slipstick[data]'") from error
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
