"""Words and runs of words of many texts as 64-bit hashes, in arrays: what overlaps and near duplicates are found by."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]

CHUNK = 8192
"""Texts that are hashed at one time: a few megabytes of them."""

_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)
_DIGIT = np.array([chr(byte) in "0123456789" for byte in range(256)])
_WORD = np.array([byte >= 0x80 or chr(byte).isalnum() for byte in range(256)])
_NO_WORD = re.compile(r"[^\w\s]|_")
_SIGN_OF_ITS_OWN = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])")  # scripts that put no space between words


class Words(NamedTuple):
    """The words of several texts, end to end."""

    hashes: Hashes
    """One a word."""
    starts: Places
    """Where each text's words begin, and at the end the number of all: shape (texts + 1,)."""
    numbers: NDArray[np.bool_]
    """Whether a word begins with a digit."""


def hash_words(texts: Sequence[str]) -> Words:
    """The words of texts: runs of letters and digits, case ignored, "1,000" read as 1000.

    A word's hash is the polynomial of its bytes modulo 2^64, computed for all words together as a difference of running
    sums, then mixed. It is the same in every process and on every machine.
    """
    encoded = [_plain(text).encode() for text in texts]
    data = np.frombuffer(b" ".join(encoded) + b" ", np.uint8)
    ends = np.cumsum([len(text) + 1 for text in encoded], dtype=np.int64)
    data, ends = _without_thousands_commas(data, ends)
    inside = _WORD[data]
    edges = np.flatnonzero(np.diff(inside, prepend=False))
    begins, stops = edges[::2], edges[1::2]
    sums = np.zeros(len(data) + 1, np.uint64)
    np.cumsum((data + np.uint64(1)) * _powers(_BASE, len(data)), out=sums[1:])
    hashes = mix((sums[stops] - sums[begins]) * _powers(_INVERSE, len(data))[begins])
    starts = np.concatenate([[0], np.searchsorted(begins, ends)])
    return Words(hashes, starts, _DIGIT[data[begins]])


def hash_runs(words: Words, length: int) -> tuple[Hashes, Places]:
    """Hashes of all runs of `length` words, and where each text's runs begin (with the number of all at the end).

    A text of fewer words has none.
    """
    sizes = np.maximum(np.diff(words.starts) - length + 1, 0)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    if not starts[-1]:
        return np.zeros(0, np.uint64), starts
    runs = np.zeros(len(words.hashes) - length + 1, np.uint64)
    for place in range(length):
        runs *= np.uint64(_BASE)
        runs += words.hashes[place : place + len(runs)]
    at = np.arange(starts[-1]) + np.repeat(words.starts[:-1] - starts[:-1], sizes)
    return mix(runs[at]), starts


def sum_by_text(values: Hashes, starts: Places) -> Hashes:
    """The sum of each text's values, modulo 2^64: a hash of them whatever their order."""
    sums = np.zeros(len(values) + 1, np.uint64)
    np.cumsum(values, out=sums[1:])
    return np.subtract(sums[starts[1:]], sums[starts[:-1]])


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The items in lists of `size`."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _plain(text: str) -> str:
    text = text.lower()
    if text.isascii():
        return text
    text = text.encode("utf-8", "replace").decode()  # half a surrogate pair
    return _SIGN_OF_ITS_OWN.sub(r" \1 ", _NO_WORD.sub(" ", text))


def _without_thousands_commas(data: NDArray[np.uint8], ends: Places) -> tuple[NDArray[np.uint8], Places]:
    commas = np.flatnonzero(data == ord(","))
    commas = commas[(commas > 0) & (commas < len(data) - 4)]
    digit = _DIGIT[data]
    fits = digit[commas - 1] & digit[commas + 1] & digit[commas + 2] & digit[commas + 3] & ~digit[commas + 4]
    commas = commas[fits]
    return np.delete(data, commas), ends - np.searchsorted(commas, ends)


_cached: dict[int, Hashes] = {}


def _powers(base: int, number: int) -> Hashes:
    """base^0, base^1, ... modulo 2^64, kept from call to call."""
    known = _cached.get(base)
    if known is None or len(known) < number:
        factors = np.full(max(number, 1 << 20), base, np.uint64)
        factors[0] = 1
        known = _cached[base] = np.multiply.accumulate(factors)
    return known[:number]


def mix(values: Hashes) -> Hashes:
    """Spreads what differs over all 64 bits (the finaliser of SplitMix64, Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
