"""Code and outputs in the text of a solution, however it is laid out."""

import functools
import re
from collections.abc import Sequence

from slipstick.formats import Format, parse, read_format
from slipstick.replies.fences import find_fenced
from slipstick.replies.programs import is_program
from slipstick.schema import Block, Code, Output, Text

_TAGGED = (
    *("mario", "react", "tools"),  # our own formats, as others write them too
    ("<llm-code>\n", "\n</llm-code>\n", "<llm-code-output>\n", "\n</llm-code-output>\n"),
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
_FAILED = "Traceback (most recent call last)"


def read_text(text: str, *, named: Format | None = None) -> list[Block]:
    """The blocks of a whole response. named: the format that it is known to be in."""
    if named is not None:
        closing = named.code_output_end if named.code_output_end and _ends_in_output(named, text) else named.code_end
        return parse(named, text + "\n" if closing.endswith("\n") and text.endswith(closing[:-1]) else text)
    if _is_bare_program(text):
        return [Code(text=text.strip("\n"))]
    for layout in _TAGGED:
        blocks = parse(_format(layout), text)
        if any(isinstance(block, Code) for block in blocks):
            return blocks
    return _fenced(text)


def output(text: str) -> Output:
    """What an interpreter answered, by another tool's record; a traceback says that it failed."""
    return Output(text=text, status="error" if _FAILED in text else "ok")


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


@functools.cache
def _format(layout: str | tuple[str, str, str, str]) -> Format:
    if isinstance(layout, str):
        return read_format(layout)
    begin, end, output_begin, output_end = layout
    return Format(
        name="tagged",
        executes="steps",
        code_begin=begin,
        code_end=end,
        code_output_begin=output_begin,
        code_output_end=output_end,
    )


def _ends_in_output(format: Format, text: str) -> bool:
    return text.rfind(format.code_output_begin) > text.rfind(format.code_begin)
