"""The same problem with other numbers: its program, run again with them, gives the new answer.

A number is changed where the program gives it a name once (`eggs = 16`) and the text says it once. What was whole
stays whole, what was positive stays positive, at every step: so nobody buys half a ticket. Where a problem has no
program, its text alone is changed, and its answer is left to the teacher's agreement.
"""

import ast
import io
import json
import random
import re
from decimal import Decimal
from typing import NamedTuple

from slipstick.answers import answer_of
from slipstick.equivalence import compare
from slipstick.equivalence.verdicts import acceptable_answers
from slipstick.execute import run_program
from slipstick.interpreters import Interpreter
from slipstick.schema import Code, Drop, Output, Problem
from slipstick.synthesize.augment import child, refuse
from slipstick.synthesize.numerals import Numeral, numerals, once

_TRIES = 20
_MOST_PLACES = 2  # decimals of a new answer, unless the old one has more
_ROUNDING = frozenset({"int", "round", "floor", "ceil", "trunc"})
_LOOK = """
import json as _json, numbers as _numbers
_json.dumps({_k: [bool(_v == int(_v)), bool(_v > 0)] for _k, _v in list(globals().items())
    if not _k.startswith("_") and isinstance(_v, _numbers.Real) and not isinstance(_v, bool)})
"""


class Worked(NamedTuple):
    """What a program came to."""

    answer: str
    """Its answer."""
    output: Output
    """Its output."""
    traits: dict[str, list[bool]]
    """Name of each number it found -> whether it is whole, whether it is positive."""


async def varied(
    parent: Problem, number: int, *, program: str | None, interpreter: Interpreter, seed: int
) -> tuple[Problem | Drop, list[Code | Output]]:
    """The problem with other numbers and the program that solves it with its output; no program if there is none.

    program: a verified one that solves `parent`, if there is one.
    """
    draw = random.Random(f"{seed}/{parent.id}/vary/{number}")
    if parent.choices or parent.kind == "choice":
        return refuse(parent, "vary", number, "cannot be varied", "it is multiple choice"), []
    if program is None:
        return _text_alone(parent, number, draw), []
    inputs = _inputs(parent.text, program)
    before = await _work(program, interpreter) if inputs else None
    if not inputs or before is None:
        reason = (
            "its program cannot be run" if inputs else "no number is both in the text and named in the program, once"
        )
        return refuse(parent, "vary", number, "cannot be varied", reason), []
    gold = acceptable_answers(parent.answer or [])
    if not gold or compare(before.answer, gold, kind=parent.kind).outcome != "correct":
        reason = f"its program comes to {before.answer}, the gold is {parent.answer}"
        return refuse(parent, "vary", number, "program misses the gold", reason), []
    for _ in range(_TRIES):
        changes = _draw_changes(inputs, parent.text, draw)
        changed = _with_inputs(program, changes)
        after = await _work(changed, interpreter)
        if after and _keeps_traits(before, after, gold[0]):
            told = {numeral.text: new for numeral, new in changes.items()}
            text = _replace(parent.text, changes)
            about = {"changed": told, "program": changed, "validated": True}
            made = child(parent, "vary", number, text=text, answer=_whole(after.answer), **about)
            return made, [Code(text=changed), after.output]
    reason = f"in {_TRIES} tries no other numbers gave steps and an answer of the same sort"
    return refuse(parent, "vary", number, "no other numbers fit", reason), []


async def is_determined(turned: Problem, parent: Problem, *, program: str | None, interpreter: Interpreter) -> bool:
    """Whether no other number near the hidden one of a problem turned round gives its parent's answer.

    Checked with the parent's program, if there is one that names the number; otherwise assumed.
    """
    inputs = _inputs(parent.text, program) if program is not None else []
    hidden = next((numeral for numeral in inputs if numeral.text == turned.metadata["hidden"]), None)
    if program is None or hidden is None:
        return True
    value, gold = Decimal(hidden.value), acceptable_answers(parent.answer or [])
    shifts = {Decimal(1), Decimal(2), *(Decimal(other.value) for other in numerals(parent.text))}
    others = {2 * value, *(value + shift for shift in shifts), *(value - shift for shift in shifts)} - {value}
    for other in sorted(others):
        found = await _work(_with_inputs(program, {hidden: str(other)}), interpreter) if other > 0 else None
        if found and compare(found.answer, gold, kind=parent.kind).outcome == "correct":
            return False
    return True


def _text_alone(parent: Problem, number: int, draw: random.Random) -> Problem | Drop:
    found = [numeral for numeral in once(parent.text) if Decimal(numeral.value) > 1]
    if not found:
        return refuse(parent, "vary", number, "too few numbers", "no number above 1 occurs exactly once")
    changes = _draw_changes(found, parent.text, draw)
    told = {numeral.text: new for numeral, new in changes.items()}
    text = _replace(parent.text, changes)
    return child(parent, "vary", number, text=text, answer=None, changed=told, validated=False)


def _inputs(text: str, program: str) -> list[Numeral]:
    """The numbers above 1 that the text says once and the program assigns to a name, once and nowhere else."""
    try:
        tree = ast.parse(program)
    except (SyntaxError, ValueError):
        return []
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    calls |= {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    if calls & _ROUNDING:
        return []
    values = [_value(node) for node in ast.walk(tree)]
    assigned = {_value(node.value) for node in tree.body if isinstance(node, ast.Assign)} - {None}
    return [
        numeral
        for numeral in once(text)
        if (value := Decimal(numeral.value)) > 1 and value in assigned and values.count(value) == 1
    ]


def _value(node: ast.AST) -> Decimal | None:
    """The number that a literal is."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return Decimal(str(node.value))
    return None


def _draw_changes(inputs: list[Numeral], text: str, draw: random.Random) -> dict[Numeral, str]:
    """Another number of the same size and look for some of the inputs, at least one."""
    chosen = [numeral for numeral in inputs if draw.random() < 0.7] or [draw.choice(inputs)]
    return {numeral: _other(numeral, text, draw) for numeral in chosen}


def _other(numeral: Numeral, text: str, draw: random.Random) -> str:
    old = Decimal(numeral.value)
    places = -int(old.as_tuple().exponent) if "." in numeral.value else 0
    unit = Decimal(1).scaleb(-places)
    whole = int(old / unit)
    step = next((size for size in (1000, 100, 10, 5) if whole % size == 0 and whole > size), 1)
    percent = text[numeral.end :].lstrip().startswith(("%", "percent", "\\%"))
    most = min(2 * whole, int(99 / unit)) if percent and old < 100 else 2 * whole
    least = max(2, whole // 2)
    others = [value for value in range(least // step * step, most + 1, step) if value >= least and value != whole]
    new = Decimal(draw.choice(others) if others else whole + step) * unit
    return f"{new:,}" if "," in numeral.text else str(new)


def _replace(text: str, changes: dict[Numeral, str]) -> str:
    for numeral in sorted(changes, key=lambda numeral: -numeral.start):
        text = text[: numeral.start] + changes[numeral] + text[numeral.end :]
    return text


def _with_inputs(program: str, changes: dict[Numeral, str]) -> str:
    """The program with other literals; everything else of it stays as it is written."""
    new = {Decimal(numeral.value): written.replace(",", "") for numeral, written in changes.items()}
    lines = list(io.StringIO(program, newline=""))  # as Python counts lines
    found = [node for node in ast.walk(ast.parse(program)) if _value(node) in new]
    for node in sorted(found, key=lambda node: (-node.lineno, -node.col_offset)):  # type: ignore[attr-defined]
        line, start, end = node.lineno - 1, node.col_offset, node.end_col_offset  # type: ignore[attr-defined]
        raw = lines[line].encode()  # columns are bytes
        value = _value(node)
        lines[line] = (raw[:start] + new[value].encode() + raw[end:]).decode() if value is not None else lines[line]
    return "".join(lines)


async def _work(program: str, interpreter: Interpreter) -> Worked | None:
    """What a program evaluates to; None if it fails or a division `//` in it is not exact."""
    session = interpreter.session()
    try:
        output = await run_program(session, program)
        answer = answer_of([Code(text=program), output])
        look = await session.run(_LOOK)
        exact = program.replace("//", "/")
        if exact != program:
            await session.close()
            session = interpreter.session()
            again = answer_of([Code(text=exact), await run_program(session, exact)])
            if answer is None or again is None or compare(again, answer).outcome != "correct":
                return None
    finally:
        await session.close()
    if output.status != "ok" or answer is None or look.status != "ok":
        return None
    try:
        return Worked(answer, output, json.loads(ast.literal_eval(look.text)))
    except (ValueError, SyntaxError):
        return None


def _keeps_traits(before: Worked, after: Worked, gold: str) -> bool:
    """Whether what was whole is whole, what was positive is positive, and the answer is no longer than is usual."""
    for name, (whole, positive) in before.traits.items():
        now = after.traits.get(name)
        if now is None or (whole and not now[0]) or (positive and not now[1]):
            return False
    if after.answer == before.answer:
        return False
    return _places(after.answer) <= max(_MOST_PLACES, _places(gold)) and ("." in gold or "." not in _trim(after.answer))


def _whole(number: str) -> str:
    """ "18.0" as people write it."""
    return _trim(number) if re.fullmatch(r"-?\d+\.0+", number) else number


def _places(number: str) -> int:
    return len(_trim(number).partition(".")[2])


def _trim(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number
