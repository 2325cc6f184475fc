"""Calls of the tool that a server's parser left in a model's text, in the notation of any family (calls.toml).

Between a form's markers a call is read as parameters in tags (`<parameter=code>`, `<parameter name="code">`,
`<arg_key>code</arg_key>`), as JSON, perhaps behind its name, as a call in Python (`python(code="...")`), or as
bare code.
"""

import ast
import functools
import re
import tomllib
from importlib.resources import files
from itertools import islice
from typing import NamedTuple

from slipstick.replies.arguments import UnreadableCallError, check_name, is_whole, read_arguments
from slipstick.replies.fences import find_fenced
from slipstick.replies.programs import computes, parse_python

# gpt-oss: a message to a function, with the tokens around its parts or without; it stands in a channel of thoughts.
_HARMONY = re.compile(
    r"(?:<\|channel\|>\s*\w+\s+)?\bto=(?P<name>(?:functions\.)?\w+)[^{\n]{0,80}?"
    r"(?:<\|message\|>|(?:json|code)\s*(?=\{)|\s(?=\{))(?P<inside>.*?)(?P<end><\|(?:call|end|return|start)\|>|\Z)",
    re.DOTALL,
)
_PARAMETER = re.compile(
    r"<[^<>\s]*parameter(?:=|\s+name=)[\"']?(?P<name>\w+)[\"']?[^<>\n]*>\n?(?P<value>.*?)\n?(?:</[^<>\n]*parameter>|\Z)"
    r"|<arg_key>\s*(?P<key>\w+)\s*</arg_key>\s*<arg_value>\n?(?P<argument>.*?)\n?(?:</arg_value>|\Z)",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\b(?P<name>\w+)\s*:\s*(?:<escape>|<\|\"\|>)(?P<value>.*?)(?:<escape>|<\|\"\|>|\Z)", re.DOTALL)
_NAME = re.compile(r"(?:function=|name=)?[\"']?(?P<name>[\w.]+)")
_BEFORE_JSON = re.compile(r"[^(=;]{0,120}")
_NAMED = re.compile(r"\s*[\[{]\s*(?:\{\s*)?[\"'](?:name|tool|tool_name|function|type|action)[\"']\s*:")
_CALL_FENCES = frozenset({"tool_code", "tool_call", "tool_calls", "function_call"})
_HAS_ARGUMENTS = re.compile(r"[\"'](?:arguments|parameters|code)[\"']\s*:")
# What may begin a call that is not closed: arguments, a name, tags or a fence. Anything else only mentions the marker.
_BEGINS_CALL = re.compile(r"\s*(?:(?:function|functions\.)?[\w.:<｜▁|>]{0,60}\s*)?(?:[\[{<\"]|```)")
_LONGEST = 200_000
_MOST = 64
"""Markers that are looked at in one text."""
_DEEPEST = 2
"""Markers that may stand around one call, beside its own."""


class LeftCall(NamedTuple):
    """A call in a model's text."""

    codes: list[str]
    """The programs that it wants to have run; none if it cannot be read."""
    refused: str
    """Why it cannot be read; '' if it can."""
    text: str
    """What stands between its markers."""
    start: int
    """Where it begins in the text."""
    end: int
    """Where it ends."""
    closed: bool
    """Whether its end is there."""


def find_calls(text: str, tool: str = "python") -> list[LeftCall]:
    """The calls that stand in a text, in order; none overlap. tool: the name of the function that runs code."""
    return _marked_calls(text, tool, 0) or _without_markers(text, tool)


def _marked_calls(text: str, tool: str, depth: int) -> list[LeftCall]:
    """The calls between markers; depth: how many markers are around this text already."""
    found: list[LeftCall] = []
    at = 0
    for _ in range(_MOST):
        match = _begins().search(text, at)
        if match is None:
            break
        end = _end_of(text, match)
        inside = text[match.end() : end.start() if end else len(text)]
        behind = end.end() if end else len(text)
        if _is_call(inside, match, closed=end is not None):
            found += _calls_inside(inside, match.group(), (match.start(), behind), tool, depth, closed=end is not None)
            at = behind
        else:
            at = match.end()
    return found


def find_messages(text: str, tool: str = "python") -> list[LeftCall]:
    """The calls that gpt-oss writes as messages to a function; they stand between its thoughts."""
    if "to=" not in text:
        return []
    found = []
    for match in _HARMONY.finditer(text):
        closed = bool(match["end"])
        found.append(read_call(match["inside"], match["name"], match.span(), tool, closed=closed))
    return found


def _is_call(inside: str, begin: re.Match[str], *, closed: bool) -> bool:
    """Whether a marker begins a call and is not only mentioned; tags for code have code between them."""
    if begin.group() in _code_tags():
        return computes(inside.strip()) or inside.lstrip()[:1] == "{" or not closed
    if closed:
        return True
    quoted = begin.string[: begin.start()].endswith(("`", "'", '"'))
    return not quoted and (not inside.strip() or _BEGINS_CALL.match(inside) is not None or computes(inside.strip()))


def _end_of(text: str, begin: re.Match[str]) -> re.Match[str] | None:
    """The marker that ends a call; one inside a JSON string of the call ends nothing."""
    ends = list(islice(_ends()[begin.group()].finditer(text, begin.end()), 5))
    for end in ends:
        inside = text[begin.end() : end.start()].strip()
        if inside[:1] not in ("{", "[") or is_whole(inside):
            return end
    return ends[0] if ends else None


def read_call(inside: str, name: str, span: tuple[int, int], tool: str, *, closed: bool) -> LeftCall:
    """A call from what stands between its markers; span: where it stands in its text."""
    try:
        codes, refused = _codes(inside, name, tool), ""
    except UnreadableCallError as error:
        codes, refused = [], str(error)
    return LeftCall(codes, refused, inside, *span, closed=closed)


def _calls_inside(
    inside: str, marker: str, span: tuple[int, int], tool: str, depth: int, *, closed: bool
) -> list[LeftCall]:
    """The call between two markers, or the calls whose own markers are inside."""
    if (
        depth < _DEEPEST
        and not marker.endswith("=")
        and (inner := _begins().search(inside))
        and not inside[: inner.start()].strip()
    ):
        nested = _marked_calls(inside, tool, depth + 1)
        return [call._replace(start=span[0], end=span[1], closed=closed or call.closed) for call in nested]
    name = match["name"] if marker.endswith("=") and (match := _NAME.match(inside)) else ""
    inside = inside[inside.find(">") + 1 :] if name and ">" in inside[:200] else inside
    inside = f"[{inside}" if marker.endswith("[") else inside
    return [read_call(inside, name, span, tool, closed=closed)]


def _codes(inside: str, name: str, tool: str) -> list[str]:
    """The programs in what stands between the markers. Raises UnreadableCallError."""
    if parameters := _parameters(inside):
        named = re.search(r"(?:function=|invoke name=)[\"']?([\w.]+)", inside)
        check_name(name or (named[1] if named else ""), tool, parameters)
        return read_arguments(parameters)
    if (json := _json_part(inside)) is not None:
        arguments, before = json
        named = re.search(r"[\"'](?:tool_)?name[\"']\s*:\s*[\"']([^\"']*)", arguments)
        check_name(name or (named[1] if named else "") or _name_in(before), tool, arguments)
        return read_arguments(arguments)
    if pythonic := _pythonic(inside, tool):
        return pythonic
    bare = re.sub(rf"\A\s*(?:{re.escape(tool)}|python)[^\S\n]*\n", "", inside).strip("\n")
    if not bare.strip():
        raise UnreadableCallError("the call has no code")
    codes = read_arguments(bare)
    if not all(map(parse_python, codes)):
        raise UnreadableCallError("the call is neither JSON nor Python")
    return codes


def _parameters(inside: str) -> dict[str, str]:
    """Parameters in tags or between escape marks, by name."""
    found = {m["name"] or m["key"]: m["value"] if m["name"] else m["argument"] for m in _PARAMETER.finditer(inside)}
    if not found and ("<escape>" in inside or '<|"|>' in inside):
        found = {match["name"]: match["value"] for match in _ESCAPED.finditer(inside)}
    return found


def _json_part(inside: str) -> tuple[str, str] | None:
    """The JSON in a call and what stands before it, if that is no more than a name."""
    first = re.search(r"[\[{]", inside)
    if first is None or _BEFORE_JSON.fullmatch(inside, 0, first.start()) is None:
        return None
    if "[ARGS]" in inside:
        at = inside.index("[ARGS]") + len("[ARGS]")
        return inside[at:], inside[: first.start()]
    part = inside[first.start() :]
    if not re.match(r"[\[{\s]*(?:[\"']|\}|\Z)", part):
        return None
    return part.strip().removesuffix("```").rstrip(), inside[: first.start()]


def _name_in(before: str) -> str:
    words = re.findall(r"[A-Za-z_][\w.]*", before.replace("function<", "<"))
    return next((word for word in words if word not in ("function", "json", "tool", "sep", "call", "type")), "")


def _pythonic(inside: str, tool: str) -> list[str]:
    """The programs in calls of the tool in Python: `[python(code="...")]`, `print(python("..."))`."""
    tree = parse_python(inside.strip())
    codes: list[str] = []
    for node in ast.walk(tree) if tree else ():
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name | ast.Attribute):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        if name not in (tool, "python", "code_interpreter", "run_python", "execute_python"):
            continue
        given = {word.arg: word.value for word in node.keywords if word.arg}
        value = given.get("code") or next(iter([*node.args, *given.values()]), None)
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            codes.append(value.value)
    return codes


def _without_markers(text: str, tool: str) -> list[LeftCall]:
    """A call that is the whole text as JSON or in Python, or in a fence that says so."""
    bare = text.strip()
    start = text.find(bare)
    whole = (start, start + len(bare))
    is_json = bare[:1] in ("{", "[") and len(bare) < _LONGEST
    named = is_json and _NAMED.match(bare) and _HAS_ARGUMENTS.search(bare)
    if named or (is_json and re.match(r"\{\s*[\"']code[\"']\s*:", bare)):
        return [read_call(bare, "", whole, tool, closed=bare[-1] in "}]")]
    if re.match(rf"\[?(?:print\()?{re.escape(tool)}\(", bare) and (codes := _pythonic(bare, tool)):
        return [LeftCall(codes, "", bare, *whole, closed=True)]
    found = []
    for block in find_fenced(text):
        in_json = block.language in ("json", "") and _NAMED.match(block.code)
        if block.language in _CALL_FENCES or (in_json and _HAS_ARGUMENTS.search(block.code)):
            found.append(read_call(block.code, "", (block.start, block.end), tool, closed=block.closed))
    return found


@functools.cache
def _begins() -> re.Pattern[str]:
    markers = sorted((marker for form in _forms() for marker in form["begin"]), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, markers)))


@functools.cache
def _ends() -> dict[str, re.Pattern[str]]:
    """For each marker that begins a call the one of its own that ends it, else any of its form."""
    ends = {}
    for form in _forms():
        for place, marker in enumerate(form["begin"]):
            own = form["end"][place : place + 1] if len(form["end"]) == len(form["begin"]) else form["end"]
            ends[marker] = re.compile("|".join(map(re.escape, own)))
    return ends


@functools.cache
def _code_tags() -> frozenset[str]:
    return frozenset(_forms()[-1]["begin"])


@functools.cache
def _forms() -> tuple[dict[str, list[str]], ...]:
    table = files("slipstick.replies").joinpath("calls.toml").read_text("utf-8")
    return tuple(tomllib.loads(table)["forms"])
