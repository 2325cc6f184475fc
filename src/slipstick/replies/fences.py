"""Finds fenced blocks in what a model wrote, however it writes its fences.

Beside Markdown's own rules: a line that begins with a fence and names a language ends the block before it, a fence may
end the last line of the code, and one inside a Python string of several lines ends nothing.
"""

import re
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

FENCE = "```"
_PYTHON = re.compile(
    r"(?:i?python|py|ipy)[\d.]*|pycon|sage(?:math)?|tool_code|jupyter(?:-?python)?"
    r"|(?:i?python|py|code)[-_ ]?(?:repl|code|script|interpreter|console|cell|exec(?:ute)?)"
)
_OPENING = re.compile(
    r"(?P<before>.*?)(?P<fence>(?<!`)`{3,}+|(?<!~)~{3,}+)[^\S\n]*(?P<info>\{?\.?[A-Za-z][\w.+#-]*)?(?P<rest>[^`\n]*)",
    re.DOTALL,
)
_INDENT = re.compile(r"[^\S\n]*(?:(?:[-*+>]|\d{1,3}[.)])[^\S\n]+)*")
_ONE_LINE = re.compile(
    r"(?P<before>.*?)(?P<fence>(?<!`)`{3,}+)[^\S\n]*(?P<info>[A-Za-z][\w.+#-]*)[^\S\n]+(?P<code>[^`\n]*[^`\s])[^\S\n]*`{3,}"
)
# Behind "```python" on the same line: code, and no attributes of the block.
_CODE = re.compile(
    r"\s+((?:(?:from|import|def|for|while|if|class|return)\s|[A-Za-z_][\w.]*\s*(?:\(|[-+*/]?=(?![\"']))))"
)
_QUOTED = re.compile(r"(?m)^[^\S\n]*>[^\S\n]?")
_QUOTE = re.compile(r"\\.|#|\"\"\"|'''|\"|'", re.DOTALL)


class Fenced(NamedTuple):
    """A fenced block."""

    language: str
    """The first word behind the opening fence, in small letters; '' if there is none."""
    code: str
    """What stands between the fences, without the indentation of the fence, every line ended by a line feed alone."""
    start: int
    """Where the opening fence begins in the text, its indentation included."""
    end: int
    """Where the line of the closing fence ends."""
    closed: bool
    """Whether there is a closing fence."""

    @property
    def is_python(self) -> bool:
        """Whether its language says Python, by any of the names models give it."""
        return _PYTHON.fullmatch(self.language) is not None


class _Opening(NamedTuple):
    language: str
    mark: str
    """The fence itself."""
    indent: int
    start: int
    inside: int
    """Where the code begins."""
    quoted: bool
    """Whether it stands in a quotation, every line behind ">"."""


def find_fenced(text: str) -> list[Fenced]:
    """The fenced blocks of a text in order, the last one perhaps not closed. Takes time linear in its length."""
    if "```" not in text and "~~~" not in text:
        return []
    found: list[Fenced] = []
    at = 0
    while at < len(text):
        end = _line_end(text, at)
        line = text[at:end]
        if ("```" in line or "~~~" in line) and (block := _block_at(text, line, at)):
            found.append(block)
            at = block.end
        else:
            at = end
    return found


def _block_at(text: str, line: str, at: int) -> Fenced | None:
    if (match := _ONE_LINE.match(line)) and _PYTHON.fullmatch(match["info"].lower()):
        start = at + match.start("fence") if match["before"].strip() else at
        return Fenced(match["info"].lower(), match["code"], start, at + match.end(), closed=True)
    opening = _opening(line, at)
    return _read_block(text, opening) if opening else None


def _opening(line: str, at: int) -> _Opening | None:
    """The fence that a line opens: at its beginning, or at its end if it names Python or JSON."""
    match = _OPENING.match(line)
    if match is None:
        return None
    language = (match["info"] or "").lstrip("{.").lower()
    alone = _INDENT.fullmatch(match["before"]) is not None
    ends = match.end() >= len(line.rstrip("\r\n"))
    known = language == "json" or _PYTHON.fullmatch(language)
    if not ends or not (alone or (known and not match["rest"].strip())):
        return None
    start = at if not match["before"].strip() else at + match.start("fence")
    code = _CODE.match(match["rest"]) if _PYTHON.fullmatch(language) else None
    inside = at + (code.start(1) + match.start("rest") if code else len(line))
    indent = len(match["before"]) if alone else 0
    return _Opening(language, match["fence"], indent, start, inside, quoted=alone and ">" in match["before"])


def _read_block(text: str, opening: _Opening) -> Fenced:
    """The block from its opening fence to the fence that closes it, or to the end of the text."""
    quotes = not opening.language or _PYTHON.fullmatch(opening.language)
    quote, inside_string = "", None
    for at, line in _lines(text, opening.inside):
        closing = _closing(line, opening.mark)
        if closing is not None:
            if not quote:
                return _closed(text, opening, at + closing, at + _closed_length(line, closing))
            named = _opening(line, at)
            if inside_string is not None and named and _PYTHON.fullmatch(named.language):
                break  # the string was never closed, and another program begins
            inside_string = inside_string or (at + closing, at + _closed_length(line, closing))
        if quotes:
            quote, _ = _scan(line, quote)
    if inside_string is not None:
        return _closed(text, opening, *inside_string)
    code = re.sub(r"\n[^\S\n]*[`~]{1,2}[^\S\n]*$", "\n", text[opening.inside :])
    return Fenced(opening.language, _clean(code, opening), opening.start, len(text), closed=False)


def _closed(text: str, opening: _Opening, ends: int, behind: int) -> Fenced:
    return Fenced(opening.language, _clean(text[opening.inside : ends], opening), opening.start, behind, closed=True)


def _closing(line: str, mark: str) -> int | None:
    """Where in a line of the block the closing fence stands; None if there is none."""
    bare = line.strip()
    if bare.startswith(mark):
        return line.index(mark)
    return line.rindex(mark) if bare.endswith(mark) and not _scan(line, "")[1] else None


def _closed_length(line: str, closing: int) -> int:
    """How much of its line belongs to the block: not a fence that opens the next one, not the words behind it."""
    behind = line[closing:].lstrip("`~")
    return len(line) if not behind.strip() else closing if behind[:1].isalpha() else len(line) - len(behind)


def _clean(code: str, opening: _Opening) -> str:
    code = code.replace("\r\n", "\n")
    code = _QUOTED.sub("", code) if opening.quoted else code
    code = code.rstrip(" \t") if code.endswith((" ", "\t")) else code
    code = code[:-1] if code.endswith("\n") else code
    if opening.indent:
        lines = [line[min(opening.indent, len(line) - len(line.lstrip())) :] for line in code.split("\n")]
        code = "\n".join(lines)
    code = textwrap.dedent(code) if code[:1] in (" ", "\t") else code
    if code.startswith(">>> "):  # an interactive session: its inputs are the program
        lines = [line for line in code.split("\n") if re.match(r"(?:>>>|\.\.\.)(?: |$)", line)]
        code = "\n".join(line[4:] for line in lines)
    return code


def _scan(line: str, quote: str) -> tuple[str, bool]:
    """The quotes of a string that is still open at the end of a line of Python, if any; and whether it has a comment.

    quote: those of a string that was open before the line.
    """
    at = 0
    while match := _QUOTE.search(line, at):
        at, mark = match.end(), match.group()
        if quote:
            quote = "" if mark == quote else quote
        elif mark == "#":
            return "", True
        elif len(mark) == 3 and mark[0] != "\\":
            quote = mark
        elif mark in "\"'":
            closing = re.compile(rf"(?:\\.|[^\\{mark}])*{mark}").match(line, at)
            at = closing.end() if closing else len(line)
    return quote, False


def _lines(text: str, at: int) -> Iterator[tuple[int, str]]:
    while at < len(text):
        end = _line_end(text, at)
        yield at, text[at:end]
        at = end


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1
