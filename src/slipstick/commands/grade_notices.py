"""What `slipstick grade FILE` says of the files before it grades."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from slipstick.importers import Attempt, Source
from slipstick.schema import Drop


def notices(
    sources: Sequence[Source], skipped: Sequence[Path], attempts: Sequence[Attempt], drops: Sequence[Drop]
) -> Iterator[str]:
    """One line for what was skipped, guessed, dropped, is empty, and has no gold."""
    if skipped:
        names = ", ".join(path.name for path in skipped[:5]) + (", ..." if len(skipped) > 5 else "")
        yield f"skipped {len(skipped)} of no known format: {names}"
    for source in sources:
        if source.field_map:
            yield f"{source.path.name}: " + ", ".join(f"{field} = `{key}`" for field, key in source.field_map.items())
    if drops:
        yield f"dropped {len(drops):,} of {len(attempts) + len(drops):,} samples: {drops[0].reason}"
    empty = [one.recorded[0].where for one in attempts if "".join(b.text for b in one.solution.blocks).strip() == ""]
    if empty:
        yield f"{len(empty):,} of {len(attempts):,} outputs are empty, {empty[0]} first: no answer"
    without = list(dict.fromkeys(one.problem.id for one in attempts if not one.problem.answer))
    if without:
        yield f"{len(without):,} problems have no gold, {without[0]} first: undecided"
