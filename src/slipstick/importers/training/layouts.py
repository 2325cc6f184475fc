"""Code and outputs in the text of a solution, however it is laid out."""

import functools
import re
from collections.abc import Sequence

from slipstick.formats import Format, parse_whole, read_format
from slipstick.replies.calls import find_calls
from slipstick.replies.fences import FENCE, find_fenced
from slipstick.replies.programs import is_program
from slipstick.schema import Block, Code, Output, Text
from slipstick.thoughts import split_thoughts

_TAGGED = (
    *("mario", "react", "tools"),  # our own formats, as others write them too
    ("<llm-code>", "\n</llm-code>\n", "<llm-code-output>\n", "\n</llm-code-output>\n"),
    ("<code>\n", "\n</code>\n", "<output>\n", "\n</output>\n"),
)
_OUTPUTS = frozenset(
    {"output", "outputs", "stdout", "result", "results", "execution", "text", "console", "plaintext", ""}
)
_SAID_OUTPUTS = _OUTPUTS - {"text", "console", "plaintext", ""}
_LABEL = re.compile(
    r"[\s*_#]*(?:the )?(?:code |program |execution )*(?:output|result|stdout)s?(?: is)?[:\s*_]*", re.IGNORECASE
)
_BARE = re.compile(
    r"\s*[*_#]*(?:code )?(?:execution (?:result|output)|output)s?[*_]*:[*_]*[ \t]*\n(?P<text>\S.*?)(?:\n\s*\n|\Z)",
    re.IGNORECASE | re.DOTALL,
)
"""A line that says "Output:" behind code, and what it printed, until an empty line."""
_RESPONSE = re.compile(r"\s*<tool_response>\n?(?P<text>.*?)\n?(?:</tool_response>\n*|\Z)", re.DOTALL)
_FAILED = "Traceback (most recent call last)"


def read_text(text: str, *, named: Format | None = None) -> list[Block]:
    """The blocks of a whole response. named: the format that it is known to be in."""
    if named is not None:
        exactly, loosely = parse_whole(named, text), _tagged(_loose(named.name), text) if named.name in _TAGGED else []
        return max(exactly, loosely, key=_outputs)  # tools that strip texts break what closes the last output
    if _is_bare_program(text):
        return [Code(text=text.strip("\n"))]
    for layout in _TAGGED:
        if blocks := _tagged(_loose(layout), text):
            return blocks
    blocks = _fenced(text)
    return blocks if any(isinstance(block, Code) for block in blocks) else _answered_calls(text) or blocks


def output(text: str) -> Output:
    """What an interpreter answered, by another tool's record; a traceback says that it failed."""
    return Output(text=text, status="error" if _FAILED in text else "ok")


def _outputs(blocks: Sequence[Block]) -> int:
    return sum(isinstance(block, Output) for block in blocks)


def format_of(blocks: Sequence[Block]) -> str:
    """The format that blocks are in: words only are cot, one program and no word is pot, all else is tir."""
    if not any(isinstance(block, Code | Output) for block in blocks):
        return "cot"
    return "pot" if len(blocks) == 1 else "tir"


def joined(blocks: Sequence[Block]) -> list[Block]:
    """The blocks with neighbouring words as one, and code on a line of its own; empty words are left out."""
    found: list[Block] = []
    for block in blocks:
        before = found[-1] if found else None
        if isinstance(block, Text) and not block.text.strip() and not isinstance(before, Text):
            continue
        if isinstance(block, Text) and isinstance(before, Text):
            between = "" if before.text.endswith("\n") or block.text.startswith("\n") else "\n"
            found[-1] = Text(text=before.text + between + block.text)
        elif isinstance(block, Code) and isinstance(before, Text) and not before.text.endswith("\n"):
            found[-1:] = [Text(text=before.text + "\n"), block]
        else:
            found.append(block)
    return found


def _fenced(text: str) -> list[Block]:
    """Words, fenced Python, and what stands in a fence directly behind it and is no Python: its output."""
    blocks: list[Block] = []
    at = 0
    for fenced in find_fenced(text):
        between = text[at : fenced.start]
        if fenced.is_python and fenced.closed:
            blocks += [Text(text=between)] if between.strip() else []
            blocks.append(Code(text=fenced.code))
        elif blocks and isinstance(blocks[-1], Code) and _is_output(fenced.language, between):
            blocks.append(output(fenced.code))
            blocks += [] if not between.strip() or _LABEL.fullmatch(between) else [Text(text=between)]
        else:
            continue
        at = fenced.end
    rest = text[at:]
    blocks += [Text(text=rest)] if rest.strip() else []
    return [part for place, block in enumerate(blocks) for part in _parted(block, blocks[place - 1 : place])]


def _is_output(language: str, between: str) -> bool:
    """Whether a fence behind code has what it printed: nothing, a label, or a line that announces it is between."""
    if language in _SAID_OUTPUTS and between.strip().endswith(":") and "\n\n" not in between.strip():
        return True
    return language in _OUTPUTS and (not between.strip() or _LABEL.fullmatch(between) is not None)


def _parted(block: Block, before: Sequence[Block]) -> list[Block]:
    """Words behind code that begin with its output under a label, as output and words; any other block as it is."""
    found = _BARE.match(block.text) if isinstance(block, Text) and before and isinstance(before[0], Code) else None
    if not found:
        return [block]
    rest = block.text[found.end() :]
    return [output(found["text"]), *([Text(text=rest)] if rest.strip() else [])]


def _is_bare_program(text: str) -> bool:
    """Whether a whole response is Python that prints or imports, and not a word or a formula that happens to parse."""
    shows = "print(" in text or text.lstrip().startswith(("import ", "from ", "def "))
    return shows and "```" not in text and is_program(text)


def _tagged(layout: re.Pattern[str], text: str) -> list[Block]:
    """Words, code and outputs between a layout's tags; none if it has no code."""
    blocks: list[Block] = []
    at = 0
    for match in layout.finditer(text):
        words = text[at : match.start()]
        blocks += [Text(text=words)] if words.strip() else []
        blocks.append(Code(text=match["code"]))
        printed = match["closed"] if match["closed"] is not None else match["open"]
        blocks += [] if printed is None else [output(printed.rstrip())]
        at = match.end()
    rest = text[at:]
    return [*blocks, Text(text=rest)] if at and rest.strip() else blocks


@functools.cache
def _loose(layout: str | tuple[str, str, str, str]) -> re.Pattern[str]:
    """A layout's code and the output behind it, whatever white space is around its tags.

    An output that is not closed goes on to the end of the text; one that has no tags of its own, to an empty line or
    the answer. So what an interpreter printed is never words of the model's.
    """
    if isinstance(layout, str):
        format = read_format(layout)
        layout = (format.code_begin, format.code_end, format.code_output_begin, format.code_output_end)
    begin, end, output_begin, output_end = (_line_by_line(marker) for marker in layout)
    opened = rf"{begin}[ \t]*\r?\n" if layout[0].endswith("\n") else rf"{begin}[ \t]*(?:\r?\n)?"
    before_end = r"\r?\n[ \t]*" if FENCE in end else r"(?:\r?\n)?[ \t]*"
    code = rf"{opened}(?P<code>(?:(?!{begin}).)*?){before_end}{end}[ \t]*(?:\r?\n)?"
    inside = rf"(?:(?!{begin}).)*?"
    unclosed = r"\Z" if layout[2].startswith("<") else r"(?:(?=\r?\n[ \t]*\r?\n|\r?\nFinal Answer)|\Z)"
    closed = rf"(?P<closed>{inside}){output_end}[ \t]*(?:\r?\n)?"
    printed = rf"\s*(?:{_LABEL.pattern})?{output_begin}[ \t]*(?:\r?\n)?(?:{closed}|(?P<open>{inside}){unclosed})"
    return re.compile(rf"{code}(?:{printed})?", re.DOTALL | re.IGNORECASE)


def _line_by_line(marker: str) -> str:
    """The pattern of a marker of one or several lines, without the white space around it."""
    return r"[ \t]*\r?\n".join(re.escape(line) for line in marker.strip().split("\n"))


def _answered_calls(text: str) -> list[Block]:
    """Calls of the tool in a text, each with its response behind it, as code and output; none if there are none.

    The last call may be without a response, at the end of the text.
    """
    said = split_thoughts(text).said
    begin, calls = text.rfind(said), find_calls(said)
    if begin < 0:
        return []
    blocks: list[Block] = []
    at = -begin  # the thoughts before what is said stay in front
    for call in calls:
        response = _RESPONSE.match(said, call.end)
        unanswered = call is calls[-1] and at > 0 and not said[call.end :].strip() and call.closed
        if len(call.codes) != 1 or not (response or unanswered):
            return []
        words = text[begin + at : begin + call.start]
        blocks += [Text(text=words)] if words.strip() else []
        blocks.append(Code(text=call.codes[0]))
        blocks += [output(response["text"])] if response else []
        at = response.end() if response else len(said)
    rest = text[begin + at :]
    return [*blocks, Text(text=rest)] if blocks and rest.strip() else blocks
