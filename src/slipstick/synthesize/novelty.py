"""How like a question is to those there are: ROUGE-L (Lin 2004), as in Self-Instruct (Wang et al. 2022)."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_WORD = re.compile(r"\d+(?:\.\d+)?|\w+|[^\w\s]")


class Nearest(NamedTuple):
    """The known question that is most like one."""

    rouge_l: float
    """ROUGE-L's F measure, 0 to 1."""
    text: str
    """The known question."""


class Pool:
    """Questions that are known."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._known: list[tuple[list[str], str]] = []
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """Makes a question known."""
        self._known.append((words(text), text))

    def nearest(self, text: str) -> Nearest:
        """The known question most like this one; rouge_l 0 if none is known."""
        mine = words(text)
        # Ties go to the question that was known first.
        best = max(((rouge_l(mine, theirs), -place) for place, (theirs, _) in enumerate(self._known)), default=None)
        return Nearest(best[0], self._known[-best[1]][1]) if best else Nearest(0.0, "")


def words(text: str) -> list[str]:
    """Words, numbers and signs in lower case."""
    return _WORD.findall(text.lower())


def rouge_l(first: Sequence[str], second: Sequence[str]) -> float:
    """The F measure of the longest common subsequence: 2 LCS / (n + m); 0 if both are empty."""
    total = len(first) + len(second)
    return 2 * longest_common_subsequence(first, second) / total if total else 0.0


def longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Its length, all rows of the table at once in the bits of one number (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << place
    full = (1 << len(first)) - 1
    row = full
    for word in second:
        matched = row & places.get(word, 0)
        row = (row + matched | row - matched) & full
    return (full ^ row).bit_count()
