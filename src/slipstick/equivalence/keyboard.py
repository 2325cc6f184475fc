r"""Turns mathematics typed on a keyboard (sqrt(x), x**2, sin^(-1)(x), pi) into LaTeX for the parser."""

from __future__ import annotations

import re

from slipstick.equivalence.notation import closing_place

# Longer names before those they begin with.
_FUNCTIONS = (
    "arcsinh|arccosh|arctanh|arcsin|arccos|arctan|arccot|arcsec|arccsc|sinh|cosh|tanh|coth|sech|csch|"
    "sin|cos|tan|cot|sec|csc|ln|log"
)
_SHORT = "asinh|acosh|atanh|asin|acos|atan|acot|asec|acsc"
_GREEK = "alpha|beta|gamma|delta|epsilon|theta|lambda|mu|phi|psi|rho|sigma|tau|omega|pi"
_CALL = re.compile(r"(?<![A-Za-z\\])(?:\\text\s*\{\s*)?(sqrt|cbrt|abs|exp|binom|nCr|floor|ceil)(?:\s*\})?\s*\(")
_NAMES = re.compile(rf"(?<![A-Za-z\\])({_SHORT}|{_FUNCTIONS}|{_GREEK}|oo|infinity|inf)(?![A-Za-z])")
_RECIPROCAL = re.compile(
    r"(?<![A-Za-z])\\?(?P<arc>arc|a)?(?P<name>csch|sech|coth)(?P<inverse>\^[({]?-1[)}]?)?(?P<power>\^[{(]?\d+[)}]?)?\s*"
    r"(?P<open>\(|[A-Za-z0-9])"
)
_POWER = re.compile(r"\^\s*\(")


def to_latex(text: str) -> str:
    """The same mathematics as LaTeX; what is LaTeX already stays."""
    if "**" in text:
        text = text.replace("**", "^")
    if "\\" not in text:
        text = re.sub(r"(?<![A-Za-z])log(?![A-Za-z_])", "ln", text)  # programs mean the natural logarithm
    text = _calls(_reciprocals(text))
    text = re.sub(r"(?:[-+]\s*){2,}", lambda signs: "-" if signs.group().count("-") % 2 else "+", text)
    text = re.sub(r"(?<![\w.)}^])(\d+)/(\d+)(?=\s*[A-Za-z(\\])", r"\\frac{\1}{\2}", text)
    text = re.sub(r"(\d+(?:\.\d+)?)\s*\^\\circ", r"{(\\frac{\1\\pi}{180})}", text)
    text = re.sub(r"\\angle\s*\{?\s*([A-Z]{3})\}?", lambda m: f"a_{{{min(m.group(1), m.group(1)[::-1])}}}", text)
    text = _NAMES.sub(_name, text)
    text = _powers(text)
    text = re.sub(r"\^\s*(-?\d+(?:\.\d+)?|-[A-Za-z])(?!\})", r"^{\1}", text)
    text = re.sub(r"\*", r" \\cdot ", text)
    return re.sub(r"(?<![\d.])\.(\d)", r"0.\1", text)


def _reciprocals(text: str) -> str:
    """csch(x) -> 1/sinh(x), arcsech(x) -> arcosh(1/x): functions the parser has no name for."""
    for _ in range(50):
        match = _RECIPROCAL.search(text)
        if match is None:
            break
        end = closing_place(text, match.end() - 1) if match["open"] == "(" else match.end() - 1
        if end is None:
            break
        inside = text[match.end() : end] if match["open"] == "(" else match["open"]
        name = {"csch": "sinh", "sech": "cosh", "coth": "tanh"}[match["name"]]
        if match["arc"] or match["inverse"]:
            written = rf"\arc{name}(\frac{{1}}{{{inside}}})"
        else:
            written = rf"\frac{{1}}{{\{name}{match['power'] or ''}({inside})}}"
        text = text[: match.start()] + written + text[end + 1 :]
    return text


def _name(match: re.Match[str]) -> str:
    name = match.group(1)
    if name in ("oo", "infinity", "inf"):
        return r"\infty "
    return rf"\arc{name[1:]} " if name in _SHORT.split("|") else rf"\{name} "


def _calls(text: str) -> str:
    """sqrt(x) -> \\sqrt{x} and the like, innermost last, at most fifty of them."""
    for _ in range(50):
        match = _CALL.search(text)
        end = closing_place(text, match.end() - 1) if match else None
        if match is None or end is None:
            return text
        inside = text[match.end() : end]
        text = text[: match.start()] + _call(match.group(1), inside) + text[end + 1 :]
    return text


def _call(name: str, inside: str) -> str:
    if name in ("binom", "nCr") and inside.count(",") == 1:
        top, bottom = inside.split(",")
        return rf"\binom{{{top}}}{{{bottom}}}"
    written = {
        "sqrt": r"\sqrt{%s}", "cbrt": r"\sqrt[3]{%s}", "abs": r"\left|%s\right|", "exp": r"e^{%s}",
        "floor": r"\lfloor %s\rfloor", "ceil": r"\lceil %s\rceil",
    }.get(name)  # fmt: skip
    return written.replace("%s", inside) if written else rf"{name}\left({inside}\right)"


def _powers(text: str) -> str:
    """x^(1/2) -> x^{1/2}."""
    for _ in range(50):
        match = _POWER.search(text)
        end = closing_place(text, match.end() - 1) if match else None
        if match is None or end is None:
            return text
        text = f"{text[: match.start()]}^{{{text[match.end() : end]}}}{text[end + 1 :]}"
    return text
