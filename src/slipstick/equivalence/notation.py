r"""Brings the many ways of writing one thing to one: white space, formula signs, LaTeX variants, Unicode."""

from __future__ import annotations

import re

from slipstick.equivalence.vocabulary import SIGNS

MAX_LENGTH = 20_000
"""Longest text, in characters, that is read at all."""

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_SUBSCRIPT = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
_MIRRORED = re.compile(r"([^∋∌⊃⊇⊅⊉]+)([∋∌⊃⊇⊅⊉])([^∋∌⊃⊇⊅⊉]+)")
_MIRROR = str.maketrans("∋∌⊃⊇⊅⊉", "∈∉⊂⊆⊄⊈")
_ROOT = re.compile(r"√\s*(\d+|[A-Za-z]|\([^()]*\))")
_TEXT_COMMAND = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|tt|normal|up)?|textnormal|mathrm|mathbf|mathit|mathsf|boldsymbol|bm|mbox|hbox|rm|operatorname\*?)"
    r"\s*\{"
)
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\\(?:displaystyle|textstyle|scriptstyle|limits|nolimits|bigskip|medskip|noindent|hfill)(?![A-Za-z])", ""),
        (r",\\!\s*", ","),  # 11,\! 111 is one number
        (r"\{,\}", ","),
        (r"\\[!]", ""),
        (r"(?<!\\)\\[,;: ]", " "),  # "\\;" in a matrix ends a row
        (r"\\q?quad|\\(?:thinspace|enspace|space|hspace\*?\{[^{}]*\}|phantom\{[^{}]*\}|ldotp)(?![A-Za-z])|~", " "),
        (r"\\(?:left|right|[bB]igg?[lrm]?)(?=\s*(?:[()\[\]|./]|\\[{}|]|\\[lr](?:angle|vert|floor|ceil|brac)))", ""),
        (r"\\lbrace(?![a-z])", r"\\{"),
        (r"\\rbrace(?![a-z])", r"\\}"),
        (r"\\lbrack(?![a-z])", "["),
        (r"\\rbrack(?![a-z])", "]"),
        (r"\\[lr]?vert(?![a-z])", "|"),
        (r"\\[dtc]frac(?![a-z])", r"\\frac"),
        (r"\\[dt]binom(?![a-z])", r"\\binom"),
        (r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}"),
        (r"\\frac\s*(\d)\s*\{", r"\\frac{\1}{"),
        (r"\\frac\s*\{([^{}]*)\}\s*(\d)", r"\\frac{\1}{\2}"),
        (r"\\sqrt\s*(\d|[A-Za-z])", r"\\sqrt{\1}"),
        (r"\\(?:le|leqslant|leqq)(?![a-z])", r"\\leq"),
        (r"\\(?:ge|geqslant|geqq)(?![a-z])", r"\\geq"),
        (r"\\ne(?![a-z])", r"\\neq"),
        (r"\\lt(?![a-z])", "<"),
        (r"\\gt(?![a-z])", ">"),
        (r"<=", r"\\leq "),
        (r">=", r"\\geq "),
        (r"!=|=/=|/=", r"\\neq "),
        (r"\\varnothing(?![a-z])|\\O(?![a-z])", r"\\emptyset"),
        (r"\\(?:mathbb|mathbf|Bbb)\s*\{?R\}?(?![a-z])|\\R(?![a-z])", r"(-\\infty,\\infty)"),
        (r"\+\s*\\infty", r"\\infty"),
        (r"\\%", "%"),
        (r"\\(?:degree|deg)(?![a-z])", r"^\\circ"),
        (r"\^\s*\{\s*\\circ\s*\}", r"^\\circ"),
        (r"\\langle(?![a-z])", "("),
        (r"\\rangle(?![a-z])", ")"),
        (r"\{\s*([^{}]+?)\s*\\choose\s*([^{}]+?)\s*\}", r"\\binom{\1}{\2}"),
        (r"\\bmod(?![a-z])", r"\\mod"),
        (r"\\cdotp|\\ast(?![a-z])", r"\\cdot"),
        (r"\\(sin|cos|tan|cot|sec|csc|log|ln)([a-gi-z])(?![A-Za-z])", r"\\\1 \2"),
        (r"\\(?:dots|ldots|cdots|dotsc|dotso)(?![a-z])", "..."),
        (r"\s+", " "),
    )
)  # fmt: skip


def tidy(text: str) -> str:
    """The answer in one way of writing: what is the same after this is the same answer.

    Keeps the mathematics as LaTeX: fractions are \\frac{a}{b}, words are \\text{...}, inequalities \\leq and \\geq.
    """
    text = _unicode(text.strip())
    if not text or text.isalnum():
        return text
    if "\\begin" not in text:
        text = re.sub(r"\\\\(?=[A-Za-z(){}\[\]])", r"\\", text)  # a backslash that was escaped once too often
    if "\\" in text or "{" in text:
        text = _TEXT_COMMAND.sub(r"\\text{", text)
        for pattern, replacement in _RULES:
            text = pattern.sub(replacement, text)
    else:
        for pattern, replacement in _PLAIN_RULES:
            text = pattern.sub(replacement, text)
    return _peel(_money(text))


_PLAIN_RULES = tuple((pattern, new) for pattern, new in _RULES if "\\\\" not in pattern.pattern)


def _unicode(text: str) -> str:
    if text.isascii():
        return text
    text = _ROOT.sub(r"\\sqrt{\1}", text)
    text = _SUPERSCRIPT.sub(lambda match: "^{" + match.group().translate(_SUPERSCRIPTS) + "}", text)
    text = _SUBSCRIPT.sub(lambda match: "_{" + match.group().translate(_SUBSCRIPTS) + "}", text)
    if mirrored := _MIRRORED.fullmatch(text):
        text = f"{mirrored[3].strip()} {mirrored[2].translate(_MIRROR)} {mirrored[1].strip()}"
    return text.translate(SIGNS)


def _money(text: str) -> str:
    r"""Formula signs off, signs of money kept: `\$5` and `$5` are money, `$5$` is a formula."""
    if "$" not in text:
        return text
    text = text.replace(r"\$", "\0").replace("$$", " ")
    if text.count("$") == 1 and re.match(r"[-+(]?\s*\$\s*[-+]?[\d.]", text):
        text = text.replace("$", "\0")
    return text.replace("$", " ").replace("\0", "$").strip()


def _peel(text: str) -> str:
    """Without full stops, bold marks, display brackets and one pair of braces around everything."""
    before = None
    while text != before:
        before = text
        text = text.strip().strip("*`")
        if len(text) > 2 and text[0] == text[-1] and text[0] in "'\"":
            text = text[1:-1]
        if text.endswith((".", ",", ";", ":")) and not text.endswith("..."):
            text = text[:-1]
        text = re.sub(r"^\\[(\[]\s*(.*?)\s*\\[)\]]$", r"\1", text, flags=re.DOTALL)
        text = text.rstrip("\\") if text.endswith("\\") else text
        if text.startswith("{") and closing_place(text, 0) == len(text) - 1 and "," not in text:
            text = text[1:-1]
    return text


def plain_words(text: str) -> str:
    r"""The words of a text without \text{}, braces and signs, in lower case."""
    text = re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", text)
    text = re.sub(r"[{}$\\.,;:!?\"'()*]", " ", text.casefold())
    return " ".join(word for word in text.split() if word not in ("the", "a", "an"))


_PAIRS = {"(": ")", "[": "]", "{": "}"}


def closing_place(text: str, start: int) -> int | None:
    """Place of the bracket that closes the one at `start`, None where none does; [ and ) may pair, as in intervals."""
    depth = 0
    place = start
    while place < len(text):
        sign = text[place]
        if sign == "\\" and place + 1 < len(text) and text[place + 1] not in "{}":
            place += 2
            continue
        if sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
            if depth == 0:
                return place
        place += 1
    return None


def split_top(text: str, separators: re.Pattern[str]) -> list[str]:
    """The text cut at the separators that stand in no bracket."""
    parts: list[str] = []
    depth, begin, place = 0, 0, 0
    while place < len(text):
        if depth == 0 and (match := separators.match(text, place)) and match.end() > place:
            parts.append(text[begin:place])
            begin = place = match.end()
            continue
        if text.startswith("\\begin", place):
            depth += 1
        elif text.startswith("\\end", place):
            depth -= 1
        elif text[place] in "([{":
            depth += 1
        elif text[place] in ")]}":
            depth -= 1
        place += 1
    return [*parts, text[begin:]]
