"""Matches the items of two answers, in order or in any order, comparing each with each only if necessary."""

from collections.abc import Sequence

from slipstick.equivalence.decision import NEEDS_ALGEBRA, Decision, Same, structure
from slipstick.equivalence.values.numbers import read_plain

MAX_UNMATCHED = 20
"""Most items on each side that are compared, not counting those that are the same text or number."""


def in_order(a: Sequence[str], e: Sequence[str], same: Same) -> Decision:
    """The first with the first, and so on."""
    if len(a) != len(e):
        return structure(False, f"{len(a)} items against {len(e)}")
    opened: list[Decision] = []
    for item_a, item_e in zip(a, e, strict=True):
        decision = same(item_a, item_e)
        if decision.equal is False:
            return structure(False, f"items differ: {decision.reason}")
        if decision.equal is None:
            opened.append(decision)
    return _open(opened) or structure(True, "the same items in order")


def _open(decisions: Sequence[Decision]) -> Decision | None:
    """Of several open decisions the one that algebra may still close."""
    return NEEDS_ALGEBRA if NEEDS_ALGEBRA in decisions else decisions[0] if decisions else None


def in_any_order(a: Sequence[str], e: Sequence[str], same: Same, *, as_sets: bool = False) -> Decision:
    """Each expected item is among the answer's, each of which is matched once; one that is named twice counts once."""
    if as_sets:
        e = list({_key(item): item for item in e}.values())
    if len(a) < len(e):
        return structure(False, f"{len(a)} different items against {len(e)}")
    left_a, left_e = _unmatched(a, e)
    if max(len(left_a), len(left_e)) > MAX_UNMATCHED:
        if len(a) == len(e) and in_order(left_a, left_e, same).equal:
            return structure(True, "the same items in order")
        return Decision(None, "bounds", f"more than {MAX_UNMATCHED} items to compare")
    opened: list[Decision] = []
    for item_e in left_e:
        place, decisions = _find(left_a, item_e, same)
        if place is not None:
            left_a.pop(place)
        elif unsure := _open([decision for decision in decisions if decision.equal is None]):
            opened.append(unsure)
        else:
            return structure(False, "an expected item is missing")
    if unsure := _open(opened):
        return unsure
    for item_a in left_a:
        decisions = [same(item_a, item_e) for item_e in e[:MAX_UNMATCHED]]
        if not any(decision.equal for decision in decisions):
            unsure = _open([decision for decision in decisions if decision.equal is None])
            return unsure or structure(False, f"{len(a)} different items against {len(e)}")
    return structure(True, "the same items")


def _find(items: Sequence[str], wanted: str, same: Same) -> tuple[int | None, list[Decision]]:
    decisions: list[Decision] = []
    for place, item in enumerate(items):
        decisions.append(same(item, wanted))
        if decisions[-1].equal:
            return place, decisions
    return None, decisions


def _unmatched(a: Sequence[str], e: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is left without those that are the same text or number on both sides; of a, one that is there twice goes."""
    left: dict[object, list[str]] = {}
    for item in a:
        left.setdefault(_key(item), []).append(item)
    left_e, taken = [], set()
    for item in e:
        key = _key(item)
        if left.get(key):
            left[key].pop()
            taken.add(key)
        else:
            left_e.append(item)
    return [item for key, items in left.items() if key not in taken for item in items], left_e


def _key(item: str) -> object:
    number = read_plain(item)
    return number.value if number else "".join(item.split())
