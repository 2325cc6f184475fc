"""What `attack_search` tries: sequences of allowed system calls with arguments of every kind, from a seed.

Calls and their rules are read from the sandbox's own table, so that a call that is newly allowed is tried too.
"""

from __future__ import annotations

import functools
import json
import os
import random
import tomllib
from pathlib import Path
from typing import Any

from slipstick.interpreters.guest import seccomp

Call = list[int | str]
"""The number of a system call, then its arguments: numbers, or names that stand for what the program finds or makes."""

_FOLDER = Path(__file__).parent
_SEQUENCES, _LONGEST = 120, 6
"""Sequences of a program, calls of a sequence."""
_MOST_ARGUMENTS = 6
_NOT_OF_SESSIONS = ("fork_server", "setup", "other")
_AS_THE_RULE_SAYS, _OF_ANY_KIND, _FROM_A_THREAD, _WITH_THE_CHANNEL = 0.5, 0.03, 0.2, 0.02
_OF_ONE_CALL, _WEIGHT_OF_RULES = 0.5, 4
_LAST = 0.03
"""Share of sequences that may end the program, which come last."""


def make_plan(seed: str, names: dict[str, str], *, scratch: bool, only: tuple[str, ...] = ()) -> dict[str, Any]:
    """One program's sequences of calls; `names`: paths that it may name; `only`: calls to try, if not all."""
    chance = random.Random(seed)
    calls = {name: number for name, number in allowed_calls(scratch=scratch).items() if not only or name in only}
    harmless = {name: number for name, number in calls.items() if name not in _values()["last"]}
    lasts = [chance.random() < _LAST or not harmless for _ in range(_SEQUENCES)]
    sequences = [_sequence(chance, calls if last else harmless, last=last) for last in sorted(lasts)]
    return {"names": names, "sequences": sequences}


def _sequence(chance: random.Random, calls: dict[str, int], *, last: bool) -> dict[str, Any]:
    """Some calls: any, or one call with different arguments on the same descriptor."""
    names = sorted(calls)
    weights = [_WEIGHT_OF_RULES if name in _rules() else 1 for name in names]
    chosen = chance.choices(names, weights, k=chance.randint(1, _LONGEST))
    same: int | str | None = None
    if chance.random() < _OF_ONE_CALL:
        chosen = [chosen[0]] * _LONGEST
        same = chance.choice(_values()["values"]["fd"])
    made = [_call(chance, name, calls[name], same, last=last) for name in chosen]
    return {"calls": made, "thread": chance.random() < _FROM_A_THREAD, "last": last}


def program(plan: dict[str, Any]) -> str:
    """The program that carries out a plan."""
    text = (_FOLDER / "attack_program.py").read_text("utf-8")
    return text.replace('json.loads("{}")', f"json.loads({json.dumps(plan)!r})")


def in_words(sequence: dict[str, Any]) -> str:
    """A sequence as a reader would write it."""
    numbers = {number: name for name, number in allowed_calls(scratch=True).items()}
    calls = [f"{numbers[call[0]]}({', '.join(map(str, call[1:]))})" for call in sequence["calls"]]
    return "; ".join(calls) + (" in a thread" if sequence["thread"] else "")


@functools.cache
def allowed_calls(*, scratch: bool) -> dict[str, int]:
    """Name -> number of every call that sessions may make, or that is answered as if they might."""
    kinds = {part: calls for part, calls in seccomp.table().items() if not part.endswith("arguments")}
    parts = [part for part in kinds if part not in _NOT_OF_SESSIONS and (scratch or not part.startswith("scratch"))]
    column = 0 if os.uname().machine == "x86_64" else 1
    pairs = ((name, numbers[column]) for part in parts for name, numbers in kinds[part].items())
    return {name: number for name, number in pairs if number >= 0}


@functools.cache
def _values() -> dict[str, Any]:
    return tomllib.loads((_FOLDER / "attack_calls.toml").read_text("utf-8"))


@functools.cache
def _rules() -> dict[str, list[seccomp.Rule]]:
    both = [seccomp.argument_rules(part) for part in ("session_arguments", "arguments")]
    return {name: both[0].get(name, []) + both[1].get(name, []) for name in {*both[0], *both[1]}}


def _call(chance: random.Random, name: str, number: int, same: int | str | None, *, last: bool) -> Call:
    kinds = _values()["calls"].get(name, ["any"] * _MOST_ARGUMENTS)
    arguments = [_argument(chance, kind, last=last) for kind in kinds]
    for rule in _rules().get(name, []):
        if rule.place < len(arguments) and chance.random() < _AS_THE_RULE_SAYS:
            arguments[rule.place] = _near(chance, rule)
    if (together := _values()["together"].get(name)) and chance.random() < _AS_THE_RULE_SAYS:
        for place, value in zip(together["places"], chance.choice(together["values"]), strict=True):
            arguments[place] = value
    if same is not None:
        arguments = [same if kind == "fd" else value for kind, value in zip(kinds, arguments, strict=True)]
    return [number, *arguments]


def _argument(chance: random.Random, kind: str, *, last: bool) -> int | str:
    values = _values()["values"]
    if last and kind in ("fd", "region") and chance.random() < _WITH_THE_CHANNEL:
        kind = "channel"
    if kind == "any" or chance.random() < _OF_ANY_KIND:
        kind = chance.choice(sorted(set(values) - {"channel"}))
    if kind == "bits":
        return int(chance.choice(values[kind])) | int(chance.choice(values[kind]))
    chosen: int | str = chance.choice(values[kind])
    return chosen


def _near(chance: random.Random, rule: seccomp.Rule) -> int | str:
    """A value that the rule allows, or a neighbour of one, with a bit more at times."""
    if rule.itself:
        return "self"
    if rule.one_of:
        value = chance.choice(rule.one_of)
    else:
        value = chance.randrange(rule.below) if rule.below else 0
        value |= (1 << chance.randrange(32)) & ~rule.without
    return value | (1 << chance.randrange(64)) if chance.random() < _AS_THE_RULE_SAYS / 2 else value
