"""What `slipstick import` counts and says of the rows it read."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from slipstick.errors import counted
from slipstick.importers.training import Notes
from slipstick.schema import Drop
from slipstick.trainable import SPLIT_COUNT, in_order

UNCHECKED = "without a gold"
SEVERAL_SPLITS = "questions in several splits"
_SHOWN = 5


def notices(counts: Mapping[str, int], notes: Notes, drops: Sequence[Drop]) -> Iterator[str]:
    """One line each for what was read, graded, left ungraded, dropped, and read in a way that a user should know."""
    formats = ", ".join(f"{n:,} {name.removeprefix('in ')}" for name, n in counts.items() if name.startswith("in "))
    found = f"{counted(counts['solutions'], 'solution')} of {counted(counts['problems'], 'problem')}"
    yield f"{found}, read as {notes.shape}: {formats}"
    yield from _splits(counts, notes.splits)
    if notes.keys:
        yield "keys: " + ", ".join(f"{field} = `{key}`" for field, key in notes.keys.items())
    outcomes = [(name, counts.get(name, 0)) for name in ("correct", "incorrect", "no_answer", "undecided")]
    if graded := sum(n for _, n in outcomes):
        said = ", ".join(f"{n:,} {name}" for name, n in outcomes if n)
        yield f"graded, or with a verdict of their own: {graded:,}; {said}"
    if notes.score:
        yield f"numbers that are no verdicts ({notes.score}): kept in `metadata`, no row is left out by them"
    if unchecked := counts.get(UNCHECKED, 0):
        yield (
            f"without a gold: {unchecked:,}; nothing checks them, so they have no verdict and are trained on and "
            "exported as they are (--set field_map.answer=KEY names a gold)"
        )
    if notes.contradictions:
        yield (
            f"questions with several golds: {len(notes.contradictions):,}, the first "
            f"{next(iter(notes.contradictions.values()))}; each row is graded by its own"
        )
    if ran := counts.get("programs run"):
        yield f"programs run, as the file does not hold what they print: {ran:,}"
    if notes.several:
        yield f"dialogues of several turns: {notes.several:,}; each reply is a row, the turns before it in its question"
    if notes.untrained:
        yield (
            f"replies that say they are not trained on (`weight` is 0): {notes.untrained:,}; left out, and only part "
            "of the questions after them"
        )
    if notes.systems:
        yield (
            f"system messages: {notes.systems:,}; kept, and `export` gives them back, while `train` asks in the prompt "
            "of the format"
        )
    if drops:
        yield f"dropped, see dropped.jsonl: {counted(len(drops), 'row')}, the first {drops[0].reason}"


def _splits(counts: Mapping[str, int], unknown: Counter[str]) -> Iterator[str]:
    """How many solutions each split has, if the rows have splits, and which of them are trained on.

    unknown: value of `split` that names none -> rows.
    """
    names = in_order(name.removeprefix(SPLIT_COUNT) for name in counts if name.startswith(SPLIT_COUNT))
    if unknown:
        said = ", ".join(f"`{name[:40]}` {n:,}" for name, n in unknown.most_common(_SHOWN))
        more = f" and {len(unknown) - _SHOWN:,} more" if len(unknown) > _SHOWN else ""
        apart = "each is a split of its own, which only --set split=NAME trains on"
        become = apart if names else "all rows are trained on"
        yield (
            f"values of `split` that name none of train, valid and test: {said}{more}; {become} (to hold rows out, "
            "write one of the three into them)"
        )
    if not names:
        return
    yield "splits: " + ", ".join(f"{name} {counts[SPLIT_COUNT + name]:,}" for name in names)
    if "train" not in names:
        yield f"no row is of the split train, which `train` takes by default: --set split={names[0]} trains on these"
    if several := counts.get(SEVERAL_SPLITS):
        yield f"{SEVERAL_SPLITS}: {several:,}; held out in all of their rows, as test before valid"
