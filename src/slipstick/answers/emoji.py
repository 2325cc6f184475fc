"""Emoji and ticks behind an answer, which decorate it: "8 apples 🍎", "42 ✓"."""

import re

_DENY = "❌❎✖✗✘❓❔⁉☹⚠🚫🛑👎🤔🤷😕😟🙁🤨"
"""Those that deny or doubt."""
_SHAPED = "\u2660-\u2667\u2669-\u266f\u2680-\u2685\u2776-\u2793"
"""Suits of cards, notes, dice and digits in circles, which are answers."""
_RANGES = "\u231a-\u23ff\u2600-\u27bf\u2b50\u2b55\U0001f000-\U0001faff"
_CHANGED = "[\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff]{0,3}"
"""Signs that change the emoji before them."""
_RUN = re.compile(rf"(?:(?![{_SHAPED}])[{_RANGES}]{_CHANGED}[ \t]{{0,3}}){{1,8}}")
_TYPED = re.compile(r"\s[:;]-?[)D](?=[\s.!*]*\Z)")
"""A smile in plain signs."""
_ENDS = re.compile(r"[.!*]{0,4}\s*(?:\Z|(?<=[\s.!*])[A-Z]|\n)")
_DENIES = re.compile(f"[{_DENY}]")


def without_emoji(text: str) -> str:
    """A text up to its first emoji, if a sentence ends with them; as it is if one of them denies or doubts."""
    if typed := _TYPED.search(text):
        return text[: typed.start()]
    if text.isascii() or not (run := _RUN.search(text)) or not _ENDS.match(text, run.end()):
        return text
    before = text[: run.start()].rstrip()
    return before if re.search(r"\w", before) and not _DENIES.search(text) else text
