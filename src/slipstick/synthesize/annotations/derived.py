"""Names for results that no words stand beside, from the names of what they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from slipstick.synthesize.annotations.read.phrases import MONEY_NOUNS, UNITS, singular
from slipstick.synthesize.annotations.trees import Call, Name, Number, Operation, Solve, Tree, leaves

_WHOLES = {Number(Fraction(1)), Number(Fraction(100))}
_PARTS = {2: "half", 3: "third", 4: "quarter"}
_ROUNDED = {"ceil": "rounded_up", "floor": "whole", "sqrt": "root", "comb": "ways", "perm": "ways", "factorial": "ways"}


def derived_names(tree: Tree, names: Mapping[str, str]) -> list[str]:
    """Names for a tree whose inputs and earlier results are called `names` (key -> name), the best first."""
    return list(dict.fromkeys(name for name in _names(tree, names) if name))


def _names(tree: Tree, names: Mapping[str, str]) -> Iterator[str]:
    own = [names[leaf.name] for leaf in leaves(tree) if isinstance(leaf, Name) and leaf.name in names]
    if isinstance(tree, Solve) or not own:
        yield "amount"
        return
    if isinstance(tree, Call):
        yield (
            f"{_ROUNDED[tree.function]}_{own[0]}"
            if tree.function in ("ceil", "floor", "sqrt")
            else _ROUNDED.get(tree.function, "result")
        )
        return
    if isinstance(tree, Operation):
        yield from {"+": _sums, "-": _differences, "*": _products, "/": _shares}.get(tree.sign, _powers)(tree, own)


def _sums(tree: Operation, own: list[str]) -> Iterator[str]:
    heads = {_head(name) for name in own}
    if "percent" in own[0] and _WHOLES & {tree.left, tree.right}:
        yield "growth_factor" if Number(Fraction(1)) in (tree.left, tree.right) else "increased_percent"
    if len(own) > 1 and len(heads) == 1:
        yield f"total_{_head(own[0])}"
    elif len(own) > 1 and all(_is_money(name) for name in own):
        yield "total_cost"
        yield "total_money"
    yield f"total_{_head(own[0])}" if len(own) == 1 else "total"
    yield "sum_of_both" if len(own) == 2 else "sum_of_all"


def _differences(tree: Operation, own: list[str]) -> Iterator[str]:
    if isinstance(tree.left, Number) and "percent" in own[0]:
        yield "remaining_percent" if tree.left.value == 100 else "remaining_share"
    if isinstance(tree.left, Name) and not own[0].startswith("remaining"):
        stem = own[0].removeprefix("total_")
        yield f"remaining_{stem}"
    if len(own) > 1 and _head(own[0]) == _head(own[1]):
        yield f"{singular(_head(own[0]))}_difference"
    yield "difference"


def _products(tree: Operation, own: list[str]) -> Iterator[str]:
    rate = next((name for name in own if "_per_" in name), "")
    percent = next((name for name in own if "percent" in name), "")
    others = [name for name in own if name not in (rate, percent)]
    if percent and others:
        kind = percent.replace("percent_of_", "").replace("_percent", "").replace("percent_", "")
        yield f"part_of_{others[0]}" if kind in ("", "percentage") else f"{kind}_amount"
    if rate:
        yield f"total_{rate.partition('_per_')[0]}"
    money = next((name for name in own if _is_money(name)), "")
    if money and len(others) > 1:
        goods = next((name for name in others if name != money), "")
        yield f"{goods}_cost" if goods and goods not in UNITS else "total_cost"
        yield "total_cost"
    yield f"total_{own[0].removeprefix('total_')}"
    yield "product"


def _shares(tree: Operation, own: list[str]) -> Iterator[str]:
    if isinstance(tree.right, Number) and tree.right.value == 100 and "percent" in own[0]:
        stem = own[0].replace("percent_of_", "share_of_").replace("_percent", "_rate").replace("percentage", "share")
        yield stem.replace("percent_", "rate_")
        return
    if isinstance(tree.left, Name) and isinstance(tree.right, Name):
        yield f"{own[0]}_per_{singular(own[1].split('_')[0] if _head(own[1]) in UNITS else _head(own[1]))}"
    if isinstance(tree.right, Number) and isinstance(tree.left, Name):
        yield f"{_PARTS.get(int(tree.right.value), 'share')}_of_{own[0]}"
    yield f"share_of_{_head(own[0])}"
    yield "ratio"


def _powers(tree: Operation, own: list[str]) -> Iterator[str]:
    yield f"{own[0]}_squared" if tree.right == Number(Fraction(2)) else "power"


def _head(name: str) -> str:
    """The noun a name is about: "large_stickers" -> "stickers", "cups_of_tea" -> "cups"."""
    for join in ("_of_", "_per_", "_in_", "_on_", "_for_", "_from_", "_at_", "_left"):
        name = name.partition(join)[0]
    return name.split("_")[-1]


def _is_money(name: str) -> bool:
    return bool(set(name.split("_")) & MONEY_NOUNS)
