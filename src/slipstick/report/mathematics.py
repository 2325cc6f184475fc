"""KaTeX as a page carries it: its script, and its style sheet with the fonts inside."""

from __future__ import annotations

import base64
import re
from functools import cache
from importlib.resources import files

_FOLDER = files("slipstick.report").joinpath("katex")
_SOURCE = re.compile(r"src:url\(fonts/([\w-]+\.woff2)\)[^;}]*")


@cache
def katex_script() -> str:
    """The script; it makes one global, `katex`."""
    return _FOLDER.joinpath("katex.min.js").read_text("utf-8")


@cache
def katex_style() -> str:
    """The style sheet, every font as data: a page asks for nothing from anywhere."""
    css = _FOLDER.joinpath("katex.min.css").read_text("utf-8")
    return _SOURCE.sub(lambda found: f'src:url({_font(found[1])}) format("woff2")', css)


def _font(name: str) -> str:
    data = _FOLDER.joinpath("fonts", name).read_bytes()
    return f"data:font/woff2;base64,{base64.b64encode(data).decode('ascii')}"
