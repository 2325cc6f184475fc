"""Finds questions of evaluation sets among training questions."""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from slipstick.curate.shingles import Places, Words, chunks, hash_runs, hash_words
from slipstick.number_words import CARDINALS, ORDINALS
from slipstick.schema import Problem, Record

OverlapKind = Literal["exact", "13-gram", "8-gram", "template"]
"""OverlapKind two questions overlap, the strongest first."""

SHARES = {13: 0.5, 8: 0.5}
"""Length of a run of words -> least share of the evaluation question's runs that the training question has to have."""
_MAX_QUESTIONS = 24
"""Runs of words that more evaluation questions have are set phrases ("what is the greatest common divisor of")."""
_MIN_SHARED_RUNS = 2
"""Fewer shared runs than this prove nothing."""
_MIN_SHARE_WITHOUT_NUMBERS = 0.9
"""Least share if neither question has a number: then a single other word makes another problem."""
_FILTER_BITS = 26
_NAMES: dict[int, OverlapKind] = {13: "13-gram", 8: "8-gram"}

_CHOICES = re.compile(r"\n\s*(?:Answer Choices|Options|Choices)\s*:.*", re.DOTALL | re.IGNORECASE)
_NOT_ALNUM = bytes(byte for byte in range(128) if not chr(byte).isalnum())
_HYPHEN = re.compile(r"-(?=\s*[^\W\d_]{2})")
_SIGN = re.compile(r"[-+*/^=<>]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?|[a-z]+")
_NUMERALS = {word: str(value) for word, value in {**CARDINALS, **ORDINALS}.items() if value <= 12}
_WORD = re.compile(r"[^\W_]+")


class Overlap(Record):
    """A training question that contains an evaluation question: a line of contamination.jsonl."""

    problem_id: str
    """The training problem."""
    evaluation_id: str
    """The evaluation problem."""
    kind: OverlapKind
    """`exact`: the same letters, digits and signs. `13-gram`, `8-gram`: runs of so many words, and the same numbers.
    `template`: as these, but with other numbers or signs: most often another problem in the same words."""
    share: float
    """Share of the evaluation question's runs of words that the training question has too, 0 to 1."""
    text: str
    """The longest run of words they share."""


def find_overlaps(train: Iterable[Problem], evaluation: Iterable[Problem]) -> Iterator[Overlap]:
    """Every pair of a training question and an evaluation question that overlap, in the order of `train`.

    Compared are questions without their answer choices, by letters and digits, then by the share of 13-grams (Brown et
    al. 2020, appendix C) and of 8-grams of the evaluation question; runs of words that many evaluation questions have
    are left out. Training problems are read a few thousand at a time; evaluation problems stay in memory.
    """
    index = _Index(list(evaluation))
    for chunk in chunks(train):
        yield from index.overlaps(chunk)


class _Match(NamedTuple):
    """Rows of training questions and evaluation questions that share runs of words, a pair a place."""

    train: Places
    evaluation: Places
    share: NDArray[np.float64]


class _Runs:
    """Which evaluation questions have a run of `length` words."""

    def __init__(self, words: Words, length: int) -> None:
        self._length = length
        hashes, starts = hash_runs(words, length)
        questions = len(starts) - 1
        rows = np.repeat(np.arange(questions), np.diff(starts))
        order = np.lexsort((rows, hashes))
        hashes, rows = hashes[order], rows[order]
        first = np.append(True, (hashes[1:] != hashes[:-1]) | (rows[1:] != rows[:-1]))[: len(hashes)]
        hashes, rows = hashes[first], rows[first]
        distinct, counts = np.unique(hashes, return_counts=True)
        rare = np.repeat(counts <= _MAX_QUESTIONS, counts)
        self._rows = rows[rare]
        self._hashes, counts = distinct[counts <= _MAX_QUESTIONS], counts[counts <= _MAX_QUESTIONS]
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self._sizes = np.bincount(self._rows, minlength=questions)
        self._filter = np.zeros(1 << _FILTER_BITS, np.bool_)
        self._filter[self._hashes >> np.uint64(64 - _FILTER_BITS)] = True

    def match(self, words: Words) -> _Match:
        """The pairs that share enough runs."""
        hashes, starts = hash_runs(words, self._length)
        maybe = np.flatnonzero(self._filter[hashes >> np.uint64(64 - _FILTER_BITS)])
        found = np.searchsorted(self._hashes, hashes[maybe])
        known = np.append(self._hashes, np.uint64(0))[found] == hashes[maybe]
        rows = np.searchsorted(starts, maybe[known], side="right") - 1
        runs, questions = len(self._hashes), len(self._sizes)
        rows, once = np.divmod(np.unique(rows * runs + found[known]), max(runs, 1))  # a run counts once a question
        counts = np.diff(self._starts)[once]
        # starts[0], starts[0] + 1, ... counts[0] of them, then those of the next.
        ends = np.cumsum(counts)
        total = int(ends[-1]) if len(ends) else 0
        evaluation = self._rows[np.arange(total) + np.repeat(self._starts[once] - ends + counts, counts)]
        pairs, shared = np.unique(np.repeat(rows, counts) * questions + evaluation, return_counts=True)
        train, evaluation = np.divmod(pairs, max(questions, 1))
        share = shared / self._sizes[evaluation]
        enough = (share >= SHARES[self._length]) & (shared >= _MIN_SHARED_RUNS)
        return _Match(train[enough], evaluation[enough], share[enough])


class _Index:
    """The evaluation questions, by their letters and by their runs of words."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self._problems = problems
        self._texts = [question(problem) for problem in problems]
        self._by_letters: dict[bytes, list[int]] = {}
        for place, text in enumerate(self._texts):
            if letters := alphanumeric(text):
                self._by_letters.setdefault(letters, []).append(place)
        self._signs = [signs(text) for text in self._texts]
        words = hash_words(self._texts)
        self._runs = {length: _Runs(words, length) for length in SHARES}

    def overlaps(self, train: Sequence[Problem]) -> Iterator[Overlap]:
        """The overlaps of some training problems, those of one problem in the order of the evaluation problems."""
        texts = [question(problem) for problem in train]
        words = hash_words(texts)
        found: dict[tuple[int, int], tuple[OverlapKind, float]] = {}
        for row, text in enumerate(texts):
            for place in self._by_letters.get(alphanumeric(text), ()):
                found[row, place] = "exact" if signs(text) == self._signs[place] else "template", 1.0
        for length, runs in self._runs.items():
            match = runs.match(words)
            for row, place, share in zip(*(part.tolist() for part in match), strict=True):
                if (row, place) not in found:
                    ours, theirs = numbers(texts[row]), numbers(self._texts[place])
                    same = ours == theirs and (share >= _MIN_SHARE_WITHOUT_NUMBERS or bool(ours))
                    found[row, place] = _NAMES[length] if same else "template", share
        for (row, place), (kind, share) in sorted(found.items()):
            yield Overlap(
                problem_id=train[row].id,
                evaluation_id=self._problems[place].id,
                kind=kind,
                share=round(share, 3),
                text=_words(texts[row]) if kind == "exact" else longest_run(texts[row], self._texts[place]),
            )


def question(problem: Problem) -> str:
    """A problem's text without its answer choices."""
    return _CHOICES.sub("", problem.text) if problem.choices else problem.text


def alphanumeric(text: str) -> bytes:
    """The letters and digits of a text and nothing else, case ignored."""
    if text.isascii():
        return text.lower().encode().translate(None, _NOT_ALNUM)
    return "".join(_WORD.findall(text.lower())).encode("utf-8", "replace")


def signs(text: str) -> str:
    """The signs of arithmetic in a text, in order; a hyphen before a word is none."""
    return "".join(_SIGN.findall(_HYPHEN.sub("", text)))


def numbers(text: str) -> list[str]:
    """The numbers of a text, sorted; those up to twelve may be words."""
    found = (_NUMERALS.get(word, word) for word in _NUMBER.findall(text.lower().replace(",", "")))
    return sorted(word for word in found if word[0].isdigit())


def longest_run(left: str, right: str) -> str:
    """The longest run of words that two texts share."""
    ours, theirs = _words(left).split(), _words(right).split()
    match = difflib.SequenceMatcher(None, ours, theirs, autojunk=False).find_longest_match()
    return " ".join(ours[match.a : match.a + match.size])


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))
