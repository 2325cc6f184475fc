"""The text of a value as a notebook shows it: its repr, long containers broken over lines, sets in order.

Models learned from outputs of IPython's pretty printer, and recorded sessions contain them. A container is broken if it
and what must follow it on the line do not fit, the outermost first; a thousand items are shown.
"""

from __future__ import annotations

import collections
import inspect
import itertools
import re
import types
from collections.abc import Callable, Collection, Iterable
from typing import Any

_WIDTH = 79
_DEEPEST = 50
_MOST = 1000
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,16}\b")
_NO_ADDRESS = "at 0x7f0000000000"
"""What is shown for an address, which would differ from one process to the next."""
_PLAIN = frozenset({int, float, complex, bool, str, bytes, type(None)})


class _Group:
    """A container: its items, each of one or more parts, between `start` and `end`; `levels` deeper than its own."""

    def __init__(self, start: str, items: list[list[_Text]], end: str, *, levels: int = 2) -> None:
        self.start = start
        self.items = items
        self.end = end
        self.levels = levels
        self.waiting = 0
        """Spaces between its items that may still become line breaks."""
        self.broken = False
        """Whether further spaces between its items are line breaks."""


_Text = str | _Group


def show(value: object) -> str:
    """The text of a value."""
    if type(value) in _PLAIN:
        return repr(value)
    text = _text(value, ())
    if isinstance(text, str):
        return text
    page = _Page()
    page.put(text, 0, 0)
    page.flush()
    return "".join(page.out)


class _Page:
    """Lines as they fill: spaces wait, and become line breaks if what follows them does not fit on the line."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self._column = 0
        self._waiting: collections.deque[tuple[str, _Group | None, int]] = collections.deque()
        self._width = 0
        self._open: list[list[_Group]] = []
        """Groups that are not broken, by depth."""

    def put(self, text: _Text, depth: int, indent: int) -> None:
        """Adds a text that is in containers of this depth."""
        if isinstance(text, str):
            first, *lines = text.split("\n")
            self._add(first)
            for line in lines:
                if (group := self._outermost()) is not None:
                    self._break(group)
                self.flush()
                self._new_line(indent)
                self._add(line)
            return
        self._add(text.start)
        depth, indent = depth + text.levels, indent + len(text.start)
        self._open += [[] for _ in range(depth + 1 - len(self._open))]
        self._open[depth].append(text)
        for number, parts in enumerate(text.items):
            if number:
                self._add(",")
                self._space(text, indent)
            for part in parts:
                self.put(part, depth, indent)
        if not text.waiting and text in self._open[depth]:
            self._open[depth].remove(text)
        self._add(text.end)

    def flush(self) -> None:
        """Writes all that waits."""
        while self._waiting:
            self._write()

    def _add(self, text: str) -> None:
        if self._waiting:
            self._wait(text, None, 0)
        else:
            self.out.append(text)
            self._column += len(text)

    def _space(self, group: _Group, indent: int) -> None:
        if group.broken:
            self.flush()
            self._new_line(indent)
        else:
            group.waiting += 1
            self._wait(" ", group, indent)

    def _wait(self, text: str, group: _Group | None, indent: int) -> None:
        self._waiting.append((text, group, indent))
        self._width += len(text)
        while self._column + self._width > _WIDTH and (outermost := self._outermost()) is not None:
            self._break(outermost)

    def _outermost(self) -> _Group | None:
        """The outermost group with a space that waits, marked as broken; groups around it that have none are, too."""
        for groups in self._open:
            for place, group in enumerate(reversed(groups)):
                if group.waiting:
                    del groups[place]
                    group.broken = True
                    return group
            for group in groups:
                group.broken = True
            groups.clear()
        return None

    def _break(self, group: _Group) -> None:
        while group.waiting:
            self._write()
        while self._waiting and self._waiting[0][1] is None:
            self._write()

    def _write(self) -> None:
        text, group, indent = self._waiting.popleft()
        self._width -= len(text)
        if group is not None:
            group.waiting -= 1
            if group.broken:
                self._new_line(indent)
                return
            for groups in self._open:
                if not group.waiting and group in groups:
                    groups.remove(group)
        self.out.append(text)
        self._column += len(text)

    def _new_line(self, indent: int) -> None:
        self.out.append("\n" + " " * indent)
        self._column = indent


def _text(value: Any, above: tuple[int, ...]) -> _Text:
    """A value as text; `above`: ids of the containers it is in."""
    kind = type(value)
    if kind in _PLAIN or len(above) > _DEEPEST:
        return repr(value)
    for each in kind.__mro__:
        if each in _MAKERS:
            return _cycle(value) if id(value) in above else _MAKERS[each](value, (*above, id(value)))
        if each is not object and callable(each.__dict__.get("__repr__")):
            return _ADDRESS.sub(_NO_ADDRESS, "\n".join(repr(value).splitlines()))
    return f"<{_name(kind)} {_NO_ADDRESS}>"


def _cycle(value: object) -> str:
    """What is shown for a container inside itself."""
    for kind, text in ((list, "[...]"), (tuple, "(...)"), (dict, "{...}")):
        if type(value) is kind:
            return text
    return f"{type(value).__name__}(...)"


def _items(values: Collection[object], above: tuple[int, ...]) -> list[list[_Text]]:
    parts: list[list[_Text]] = [[_text(item, above)] for item in itertools.islice(values, _MOST)]
    return [*parts, ["..."]] if len(values) > _MOST else parts


def _sequence(value: Any, above: tuple[int, ...]) -> _Text:
    start, end = "()" if isinstance(value, tuple) else "[]"
    single = "," if isinstance(value, tuple) and len(value) == 1 else ""
    return _Group(start, _items(value, above), single + end)


def _set(value: Any, above: tuple[int, ...]) -> _Text:
    start, end = ("frozenset({", "})") if isinstance(value, frozenset) else ("{", "}")
    if not value:
        return f"{'frozenset' if isinstance(value, frozenset) else 'set'}()"
    return _Group(start, _items(value if len(value) >= _MOST else _ordered(value), above), end)


def _ordered(items: Iterable[Any]) -> list[Any]:
    for key in (None, str):
        try:
            return sorted(items, key=key)
        except Exception:  # what cannot be compared is put in the order of its text, if it has one
            continue
    return list(items)


def _mapping(value: Any, above: tuple[int, ...]) -> _Text:
    proxy = isinstance(value, types.MappingProxyType)
    items: list[list[_Text]] = [
        [_text(key, above), ": ", _text(item, above)] for key, item in itertools.islice(value.items(), _MOST)
    ]
    if len(value) > _MOST:
        items.append(["..."])
    return _Group("mappingproxy({" if proxy else "{", items, "})" if proxy else "}")


def _call(name: str, arguments: list[list[_Text]]) -> _Text:
    return _Group(f"{name}(", arguments, ")", levels=3)


def _named(name: str, text: _Text) -> list[_Text]:
    return [_Group(f"{name}=", [[text]], "", levels=1)]


def _collection(value: Any, above: tuple[int, ...]) -> _Text:
    name = type(value).__name__
    inner: list[object] = [dict(value) if isinstance(value, dict) else list(value)] if len(value) else []
    if isinstance(value, collections.OrderedDict):
        inner = [list(value.items())] if value else []
    elif isinstance(value, collections.Counter):
        inner = [dict(value.most_common())] if value else []
    elif isinstance(value, collections.defaultdict):
        inner = [value.default_factory, dict(value)]
    arguments: list[list[_Text]] = [[_text(each, above)] for each in inner]
    if isinstance(value, collections.deque):
        arguments = [
            [_text(list(value), above)],
            *([_named("maxlen", repr(value.maxlen))] if value.maxlen is not None else []),
        ]
    return _call(name, arguments)


def _error(value: BaseException, above: tuple[int, ...]) -> _Text:
    return _call(_name(type(value)), [[_text(each, above)] for each in value.args])


def _namespace(value: types.SimpleNamespace, above: tuple[int, ...]) -> _Text:
    return _call("namespace", [_named(key, _text(item, above)) for key, item in vars(value).items()])


def _pattern(value: re.Pattern[Any], _above: tuple[int, ...]) -> _Text:
    flags = "|".join(f"re.{flag.name}" for flag in re.RegexFlag if flag & value.flags)
    raw = f"r{value.pattern!r}".replace("\\\\", "\\")
    arguments: list[list[_Text]] = [[raw]]
    return _call("re.compile", [*arguments, [flags]] if flags else arguments)


def _class(value: type, _above: tuple[int, ...]) -> _Text:
    own = next(each for each in type.mro(type(value)) if "__repr__" in vars(each)) is not type
    return repr(value) if own else _name(value)


def _function(value: Any, _above: tuple[int, ...]) -> _Text:
    try:
        signature = str(inspect.signature(value))
    except (ValueError, TypeError):
        signature = ""
    return f"<function {_name(value)}{_ADDRESS.sub(_NO_ADDRESS, signature)}>"


def _name(value: Any) -> str:
    module = value.__module__
    return value.__qualname__ if module in (None, "builtins") else f"{module}.{value.__qualname__}"


_MAKERS: dict[type, Callable[[Any, tuple[int, ...]], _Text]] = {
    list: _sequence,
    tuple: _sequence,
    set: _set,
    frozenset: _set,
    collections.Counter: _collection,
    collections.OrderedDict: _collection,
    collections.defaultdict: _collection,
    collections.deque: _collection,
    dict: _mapping,
    types.MappingProxyType: _mapping,
    BaseException: _error,
    types.SimpleNamespace: _namespace,
    re.Pattern: _pattern,
    type: _class,
    types.FunctionType: _function,
    types.BuiltinFunctionType: _function,
}
"""How containers and names are shown; the rest is its own repr."""
