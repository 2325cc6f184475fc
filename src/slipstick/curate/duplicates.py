"""Finds texts that say the same: exactly, or nearly, by MinHash (Broder 1997) with every candidate checked."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slipstick.curate.shingles import Hashes, Places, chunks, hash_runs, hash_words, mix, sum_by_text

RUN = 3
"""Words in a run: one other word among fifty leaves a similarity of 0.89."""
_PERMUTATIONS = 126
_RECALL = 0.99
_MAX_BAND = 9


class NearDuplicate(NamedTuple):
    """A text and the earlier one it nearly repeats."""

    place: int
    """Number of the text, from 0."""
    earlier: int
    """Number of the earlier one."""
    similarity: float
    """Jaccard similarity of their runs of words, 0 to 1."""


def digest(text: str) -> int:
    """A 64-bit hash of a text, spacing and case aside."""
    plain = " ".join(text.lower().split()).encode("utf-8", "replace")
    return int.from_bytes(blake2b(plain, digest_size=8).digest(), "little")


def near_duplicates(
    texts: Iterable[str], *, similarity: float, groups: Sequence[int] | None = None
) -> list[NearDuplicate]:
    """The texts that nearly repeat an earlier one, in order, each with the first such.

    similarity: least Jaccard similarity of the sets of runs of three words. groups: only texts of one group are
    compared; None compares all. Texts whose numbers differ are never near duplicates. Every pair that is reported has
    been compared itself; of the pairs at just `similarity`, MinHash finds 99 % or more.
    Memory: about 400 bytes per text of fifty words.
    """
    bands, size = choose_bands(similarity)
    sketch = _sketch(texts, bands, size, groups)
    found: dict[int, NearDuplicate] = {}
    for earlier, place in _candidates(sketch.bands):
        if place in found and found[place].earlier <= earlier:
            continue
        ours, theirs = set(sketch.of(earlier).tolist()), set(sketch.of(place).tolist())
        if (alike := len(ours & theirs) / len(ours | theirs)) >= similarity:
            found[place] = NearDuplicate(place, earlier, alike)
    return [found[place] for place in sorted(found)]


def choose_bands(similarity: float) -> tuple[int, int]:
    """Number of bands and hashes in each: the longest that miss under 1 % of the pairs at just this similarity."""
    sizes = range(1, _MAX_BAND + 1)
    fits = [size for size in sizes if 1 - (1 - similarity**size) ** (_PERMUTATIONS // size) >= _RECALL]
    size = max(fits, default=1)
    return _PERMUTATIONS // size, size


class _Sketch(NamedTuple):
    bands: NDArray[np.uint64]
    """Shape (bands, texts): equal for two texts with the same hashes of that band, numbers and group."""
    runs: NDArray[np.uint32]
    """Hashes of the runs of all texts, end to end."""
    starts: Places
    """Where each text's runs begin, and the number of all."""

    def of(self, place: int) -> NDArray[np.uint32]:
        """The runs of one text."""
        return self.runs[self.starts[place] : self.starts[place + 1]]


def _sketch(texts: Iterable[str], bands: int, size: int, groups: Sequence[int] | None) -> _Sketch:
    factors = np.random.default_rng(0).integers(0, 1 << 63, bands * size, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    parts: list[_Sketch] = []
    done = 0
    for chunk in chunks(texts):
        words = hash_words(chunk)
        runs, starts = _runs_or_words(chunk, *hash_runs(words, RUN))
        keys = sum_by_text(np.where(words.numbers, words.hashes, np.uint64(0)), words.starts)
        if groups is not None:
            keys = keys + mix(np.asarray(groups[done : done + len(chunk)], np.uint64))
        parts.append(
            _Sketch(_band(runs, starts, keys, factors, size), (runs >> np.uint64(32)).astype(np.uint32), starts)
        )
        done += len(chunk)
    if not parts:
        return _Sketch(np.zeros((bands, 0), np.uint64), np.zeros(0, np.uint32), np.zeros(1, np.int64))
    offsets = np.cumsum([0, *(len(part.runs) for part in parts)])
    starts = np.concatenate([part.starts[:-1] + offset for part, offset in zip(parts, offsets, strict=False)])
    runs32 = np.concatenate([part.runs for part in parts])
    return _Sketch(np.concatenate([part.bands for part in parts], axis=1), runs32, np.append(starts, len(runs32)))


def _runs_or_words(texts: Sequence[str], runs: Hashes, starts: Places) -> tuple[Hashes, Places]:
    """The runs; a text too short for one gets a single hash of all of it."""
    short = np.flatnonzero(np.diff(starts) == 0)
    if not len(short):
        return runs, starts
    whole = np.array([digest(texts[place]) for place in short.tolist()], np.uint64)
    runs = np.insert(runs, starts[short], whole)
    return runs, starts + np.searchsorted(short, np.arange(len(starts)))


def _band(runs: Hashes, starts: Places, keys: Hashes, factors: Hashes, size: int) -> NDArray[np.uint64]:
    """One hash a band and text, of `size` least hashes and the text's key: shape (bands, texts)."""
    bands = np.empty((len(factors) // size, len(keys)), np.uint64)
    for band in range(len(bands)):
        value = keys + np.uint64(band)
        for factor in factors[band * size : (band + 1) * size]:
            least = np.minimum.reduceat((runs * factor) >> np.uint64(32), starts[:-1])
            value = mix(value) + least
        bands[band] = mix(value)
    return bands


def _candidates(bands: NDArray[np.uint64]) -> Iterator[tuple[int, int]]:
    """Pairs (earlier, later) that agree in a band: each text with the first of its bucket and with the one before."""
    texts = bands.shape[1]
    pairs = np.zeros(0, np.int64)  # earlier * texts + later
    for band in bands:
        order = np.argsort(band, kind="stable")
        same = band[order][1:] == band[order][:-1]
        later = np.flatnonzero(same) + 1
        first = np.maximum.accumulate(np.where(np.append(True, ~same)[:texts], np.arange(texts), 0))[later]
        found = np.concatenate([order[first], order[later - 1]]) * texts + np.tile(order[later], 2)
        pairs = np.union1d(pairs, found)
    for pair in pairs.tolist():
        yield divmod(pair, texts)
