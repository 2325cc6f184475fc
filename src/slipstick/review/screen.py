"""The screen in a terminal: shows an item, reads a line, stores the decision, shows the next."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from slipstick.review.decisions import Decision, DecisionKind, DecisionStore, current_decisions, last_of
from slipstick.review.queue import Item, Show, select_items
from slipstick.schema import Code, Output

_KEYS: Mapping[str, DecisionKind] = {"a": "accept", "c": "correct", "r": "reject", "s": "skip", "u": "undo"}
_PROMPT = "accept, correct, reject, skip, undo, quit (a c r s u q, ? for help): "
_HELP = """a  accept: the label is correct (of a sample: a good solution)
c  correct: the correct answer follows, "c 42"
r  reject: the problem is ambiguous (of a sample: a bad solution)
s  skip: decide later (--set show=skipped)
u  undo your last decision
q  quit; the next session continues here
A note may follow, as in "r two readings" and in "c 42 # she keeps one"."""


class Command(NamedTuple):
    """A typed line, parsed."""

    what: DecisionKind | Literal["quit"]
    """What to do."""
    correction: str | None = None
    """The correct answer, for `correct`."""
    note: str = ""
    """The rest of the line."""


def review(
    items: Sequence[Item],
    store: DecisionStore,
    reviewer: str,
    *,
    show: Show = "open",
    console: Console,
    ask: Callable[[str], str],
) -> None:
    """Shows the items selected by `show` until there are no more, `q`, or the end of the input.

    ask: shows a prompt and gives the typed line; EOFError ends the session. Every decision is in the store before the
    next item is shown. `undo` returns to what the reviewer decided last, in an earlier session too.
    """
    every = {item.id: item for item in items}
    todo, place = select_items(items, current_decisions(store.read()), reviewer, show), 0
    while place < len(todo):
        item = todo[place]
        others = _others(store, item, reviewer) if show == "disagreements" else []
        console.print(draw_item(item, f"{place + 1} of {len(todo)}, {reviewer}", others))
        typed = _read(ask, console)
        if typed.what == "quit":
            return
        if typed.what != "undo":
            store.add(_decision(item.id, reviewer, typed.what, typed))
            place += 1
        elif last := last_of(store.read(), reviewer):
            store.add(_decision(last.item, reviewer, "undo", typed))
            if last.item in every and every[last.item] not in todo:
                todo.insert(place, every[last.item])
            place = next((at for at, each in enumerate(todo) if each.id == last.item), place)
        else:
            console.print("there is nothing to undo")
    console.print("nothing is left to review here")


def parse_line(line: str) -> Command | str:
    """What a line means, or a message about what is wrong with it."""
    key, _, rest = line.strip().partition(" ")
    key, rest = key.lower(), rest.strip()
    if key == "q":
        return Command("quit")
    if key not in _KEYS:
        return _HELP if key == "?" else f"{line.strip()!r} is none of a, c, r, s, u, q; ? says what they do"
    if key != "c":
        return Command(_KEYS[key], note=rest)
    correction, _, note = f" {rest}".partition(" #")
    return (
        Command("correct", correction.strip(), note.strip()) if correction.strip() else "give the correct answer: c 42"
    )


def draw_item(item: Item, title: str, others: Sequence[Decision] = ()) -> Group:
    """An item as the screen shows it."""
    answer = item.problem.answer
    label = "; ".join(answer) if isinstance(answer, list) else answer
    parts: list[RenderableType] = [Rule(Text(f"{title}: {item.id}")), Text(item.problem.text)]
    if item.problem.rationale:
        parts.append(Panel(Text(item.problem.rationale.strip()), title="rationale", title_align="left"))
    if item.solution:
        for block in item.solution.blocks:
            kind = "program" if isinstance(block, Code) else "output" if isinstance(block, Output) else "words"
            parts.append(Panel(Text(block.text.strip()), title=kind, title_align="left"))
        parts.append(Text.assemble("answer: ", (item.solution.answer or "none", "bold")))
    parts.append(Text.assemble("label: ", (label or "none", "bold")))
    parts += [Text(f"- {note}") for note in item.notes]
    parts += [Text(f"{each.reviewer}: {_says(each)}", style="yellow") for each in others]
    return Group(*parts)


def _says(decision: Decision) -> str:
    said = f"{decision.decision} {decision.correction}" if decision.correction else decision.decision
    return f"{said} ({decision.note})" if decision.note else said


def _read(ask: Callable[[str], str], console: Console) -> Command:
    """The next valid line; the end of the input is `q`."""
    while True:
        try:
            typed = parse_line(ask(_PROMPT))
        except EOFError:
            return Command("quit")
        if isinstance(typed, Command):
            return typed
        console.print(Text(typed))


def _decision(item: str, reviewer: str, kind: DecisionKind, typed: Command) -> Decision:
    now = datetime.now(UTC)
    return Decision(item=item, reviewer=reviewer, when=now, decision=kind, correction=typed.correction, note=typed.note)


def _others(store: DecisionStore, item: Item, reviewer: str) -> list[Decision]:
    said = current_decisions(store.read()).get(item.id, {})
    return [decision for name, decision in said.items() if name != reviewer]
