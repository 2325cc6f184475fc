"""Rules that look at one problem or one solution alone: each gives the reason to drop it, or None."""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from slipstick.curate.hardcoded import prints_literals
from slipstick.curate.settings import CurateSettings, LicenceFilter
from slipstick.errors import InputError
from slipstick.schema import Code, Output, Problem, Solution, Text

UNKNOWN = "unknown"
_NO_LICENCE = frozenset({"", "none", "unknown", "unlicensed", "n/a"})
_TOKEN = re.compile(r"[^\W\d_]+|\d|[^\w\s]|_|\n")
_FORMULA = re.compile(
    r"\$\$.*?\$\$|\$.*?\$|\\\[.*?\\\]|\\\(.*?\\\)|\[asy\].*?\[/asy\]|\\[a-zA-Z]+|```.*?```", re.DOTALL
)
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_MIN_WORDS = 12
_MIN_PROBABILITY = 0.5
"""Least probability of the language a text is dropped for."""
_MAX_WANTED = 0.05
"""Greatest probability of the wanted languages with which a text is dropped."""
_MIN_ENGLISH_WORDS = 3
# fmt: off
_ENGLISH = frozenset({
    "the", "of", "and", "to", "is", "are", "was", "how", "many", "what", "which", "if", "find", "that", "each", "for",
    "with", "from", "has", "have", "does", "much", "be", "this", "there",
})
# fmt: on
"""Words that no English question of some length does without."""


class DropReason(NamedTuple):
    """Why a row is dropped."""

    rule: str
    """Short name of the rule."""
    reason: str
    """One line."""


def licence_of(problem: Problem) -> str:
    """The licence a problem states, or "unknown"."""
    licence = (problem.licence or "").strip()
    return UNKNOWN if licence.lower() in _NO_LICENCE or licence.lower().startswith("unknown") else licence


def licence(problem: Problem, allowed: LicenceFilter) -> str | None:
    """Unknown licences if they are to go, denied ones, and those not allowed if any are."""
    stated = licence_of(problem)
    if stated == UNKNOWN:
        return "no licence is stated" if allowed.unknown == "drop" else None
    if hit := _matching(stated, allowed.deny):
        return f"licence {stated} is denied by `{hit}`"
    if allowed.allow and not _matching(stated, allowed.allow):
        return f"licence {stated} is not among {', '.join(allowed.allow)}"
    return None


def language(text: str, wanted: list[str]) -> str | None:
    """Texts that are clearly in another language. Formulas and code do not count; a few words are not enough."""
    words = _LETTERS.findall(_FORMULA.sub(" ", text).lower())
    if "en" in wanted and len(_ENGLISH.intersection(words)) >= _MIN_ENGLISH_WORDS:
        return None
    # A script without spaces makes few words of many letters.
    if len(words) < _MIN_WORDS and sum(len(word) for word in words if not word.isascii()) < _MIN_WORDS:
        return None
    ranked: dict[str, float] = dict(_identifier().rank(" ".join(words)))
    found = max(ranked, key=ranked.__getitem__)
    if ranked[found] < _MIN_PROBABILITY or sum(ranked.get(name, 0.0) for name in wanted) > _MAX_WANTED:
        return None
    return f"is in `{found}` ({ranked[found]:.0%} sure), not in {', '.join(wanted)}"


def verdict(solution: Solution, *, has_gold: bool, unverified_stays: bool) -> str | None:
    """Solutions that are not graded correct; one without a verdict stays if `unverified_stays` and there is no gold."""
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
    outputs = [block.text.strip() for block in solution.blocks if isinstance(block, Output)]
    printed = repr(outputs[-1][:60]) if outputs else "a literal"
    return f"the program only prints {printed}, nothing of it is computed"


def no_code_run(solution: Solution) -> str | None:
    """Solutions without code, or of whose code none was run."""
    kinds = [block.type for block in solution.blocks]
    if "code" not in kinds:
        return f"is in the format {solution.format} and has no code"
    if "output" not in kinds[kinds.index("code") :]:
        return f"is in the format {solution.format}, but none of its code was run: slipstick execute runs it"
    return None


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


def count_tokens(text: str) -> int:
    """Words, digits and signs: within some 20 % of what the tokenizers of today's models give."""
    return len(_TOKEN.findall(text))


def token_counter(tokenizer: str | None) -> Callable[[str], int]:
    """A function that counts tokens, by a model's tokenizer (its folder, or its `tokenizer.json`) if one is given.

    Raises InputError if there is no such file or it does not load.
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
