r"""Brings the many ways of writing one thing to one: white space, formula signs, LaTeX variants, Unicode."""

import functools
import re
import unicodedata
from collections.abc import Callable

from slipstick.equivalence.normalize.vocabulary import SIGNS

MAX_LENGTH = 20_000
"""Longest text, in characters, that is read at all."""
MAX_WRAPPERS = 40
"""Pairs of braces, brackets and marks that are taken off around an answer."""

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_SUBSCRIPT = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
_MIRRORED = re.compile(r"([^∋∌⊃⊇⊅⊉]+)([∋∌⊃⊇⊅⊉])([^∋∌⊃⊇⊅⊉]+)")
_MIRROR = str.maketrans("∋∌⊃⊇⊅⊉", "∈∉⊂⊆⊄⊈")
_NTH_ROOT = re.compile(r"(?<![\w)\]}])([²³⁴⁵⁶⁷⁸⁹])√\s*(\d+|[A-Za-z]|\([^()]*\))")
_SIGN_ROOT = re.compile(r"([∛∜])\s*(\d+|[A-Za-z]|\([^()]*\))")
_LETTERED = re.compile(r"(?<=[A-Za-z])(?=[Α-Ωα-ωϕℏħ])")
_CIRCLED = re.compile("[①-⑳]+")
_CHOICES = re.compile(r"(?<![A-Za-z\\])([CPA])_\s*\{?\s*(\d+)\s*\}?\s*\^\s*\{?\s*(\d+)\s*\}?")
_CHOICES_BEFORE = re.compile(r"(?:\{\s*\})?\s*[_^]\s*\{?\s*(\d+|[a-z])\s*\}?\s*([CP])\s*_\s*\{?\s*(\d+|[a-z])\s*\}?")
_FORMULA_OF_ATOMS = re.compile(
    r"(?:(?:\\text\s*\{\s*)?(?:[A-Z][a-z]?\s*)++(?:\}\s*)?(?:_\s*\{?\s*\d{1,3}\s*\}?\s*)?(?:\}\s*)?)++"
)
_NOT_HEXADECIMAL = re.compile("[G-Z]|(?<=[A-Z])[a-z]")
_LOST_ESCAPE = re.compile(
    r"\t(?=ext|imes|heta|an(?![a-z])|au(?![a-z])|frac)|\f(?=rac)|\x08(?=inom|oxed|egin|eta(?![a-z])|ar(?![a-z]))|\r(?=ight|ho(?![a-z]))|\v(?=ec|arphi)"
)
_LOST_LETTERS = {"\t": "\\t", "\f": "\\f", "\x08": "\\b", "\r": "\\r", "\v": "\\v"}
_MARKUP = re.compile(r"<(su[bp])>\s*([^<>]{1,40}?)\s*</\1>", re.IGNORECASE)
_OVERLINED = re.compile("(?:\\d[\u0304\u0305])+")
_DOTTED = re.compile("(\\d)\u0307")
_ROOT = re.compile(r"√\s*(\d+|[A-Za-z]|\([^()]*\))")
_OHM = re.compile("(?<=\\d)\\s*([kMGm]?)[\u03a9\u2126](?![A-Za-z])")
_MICRO = re.compile("(?<=\\d)\\s*[\u00b5\u03bc](Pa|mol|[mgsLlACFVWTHNJ])(?![A-Za-z])")
_ESCAPED_TWICE = re.compile(r"\\\\(?=[A-Za-z(){}\[\]])")
_ROWS_ESCAPED_TWICE = re.compile(r"(?<!\\)\\\\begin(?![A-Za-z])")
_RAISED_FIRST = re.compile(r"([BD-OQ-Za-z])\s?\^\s?(\{[^{}]{1,20}\}|[\dA-Za-z])\s?_\s?(\{[^{}]{1,20}\}|[\dA-Za-z])")
"""v^2_0; not C^3_5, of which the upper letter may be either."""
_DISPLAYED = re.compile(r"^\\[(\[]\s*(.*?)\s*\\[)\]]$", re.DOTALL)
_TEXT_COMMAND = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|tt|normal|up)?|textnormal|mathrm|mathbf|mathit|mathsf|boldsymbol|bm|mbox|hbox|rm|operatorname\*?)"
    r"\s*\{"
)
_UNIT_VECTOR = re.compile(
    r"\\(?:mathbf|textbf|boldsymbol|bm|vec|hat|overrightarrow)\s*\{\s*(?:\\(?:mathbf|boldsymbol)\s*)?\{?\s*"
    r"\\?([ijk])(?:math)?\s*\}?\s*\}"
)


def _expanding(template: str) -> str | Callable[[re.Match[str]], str]:
    """A template that is only looked at where something matches: `sub` reads one with a backslash in every call."""
    return (lambda match: match.expand(template)) if "\\" in template else template


_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern), _expanding(replacement))
    for pattern, replacement in (
        (r"\\(?:displaystyle|textstyle|scriptstyle|limits|nolimits|bigskip|medskip|noindent|hfill)(?![A-Za-z])", ""),
        (r"(?<=\d)\s*(?:\\[,: ]|~)\s*\\Omega(?![A-Za-z])", " ohm"),  # a thin space before a unit
        (r",\\!\s*", ","),  # 11,\! 111 is one number
        (r"\s?\{\s?,\s?\}\s?", ","),
        (r"\\[!]", ""),
        (r"(?<!\\)\\[,;: ]", " "),  # "\\;" in a matrix ends a row
        (r"\\q?quad|\\(?:(?:neg)?(?:thin|med|thick)space|enspace|space|ldotp)(?![A-Za-z])|~", " "),
        (r"\\(?:hspace\*?|phantom)\{[^{}]*\}", " "),
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
        (r"\\sqrt\s*(\\[a-z]{2,7})(?![A-Za-z]|\s*[{\[(])", r"\\sqrt{\1}"),
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
        (r"\{([^{}]+)\\choose(?![a-z])([^{}]+)\}", r"\\binom{\1}{\2}"),
        (r"\{([^{}]+)\\over(?![a-z])([^{}]+)\}", r"\\frac{\1}{\2}"),
        (r"(?<=\d)\s*\\text\s*\{\s*i\s*\}", "i"),
        (r"\s*\\colon(?![a-z])\s*", ":"),
        (r"\\bmod(?![a-z])", r"\\mod"),
        (r"\\mathcal\s*\{?\s*O\s*\}?(?![A-Za-z])", "O"),
        (r"\^?\s*\\text(?:circ|degree)(?![a-z])", r"^\\circ"),
        (r"[|]\s*([A-Z]{2})\s*[|]", r"\1"),  # the length of a segment
        (r"[|]\s*\\(?:overline|overrightarrow|vec)\s*\{?\s*([A-Z]{2})\s*\}?\s*[|]", r"\1"),
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
    if "<" in text:
        text = _MARKUP.sub(lambda match: f"{'^' if match[1].lower() == 'sup' else '_'}{{{match[2]}}}", text)
    if "\\begin" not in text:
        text = _ESCAPED_TWICE.sub(r"\\", text)
    elif _ROWS_ESCAPED_TWICE.search(text):
        text = text.replace(r"\\", "\\")
    if "\\" in text or "{" in text:
        text = _TEXT_COMMAND.sub(r"\\text{", _unit_vectors(text))
        for pattern, replacement in _RULES:
            text = pattern.sub(replacement, text)
    else:
        for pattern, replacement in _PLAIN_RULES:
            text = pattern.sub(replacement, text)
    if r"\text" in text and "_" in text and _FORMULA_OF_ATOMS.fullmatch(text) and _NOT_HEXADECIMAL.search(text):
        text = re.sub(r"\\text|[{}_\s]", "", text)
    if "^" in text and "_" in text:
        text = _RAISED_FIRST.sub(r"\1_\3^\2", text)
    if "^" in text and ("C" in text or "P" in text or "A" in text):
        text = _CHOICES.sub(_choices, text)
    if "C" in text or "P" in text:
        text = _CHOICES_BEFORE.sub(lambda match: _chosen(match[2], match[1], match[3]), text)
    return _peel(_money(text))


def with_escapes(text: str) -> str:
    r"""The text with the backslashes that a wrong escape made control characters: a tab and "ext" were \text."""
    if text.isprintable():
        return text
    return _LOST_ESCAPE.sub(lambda match: _LOST_LETTERS[match.group()], text)


def _choices(match: re.Match[str]) -> str:
    r"""C_{10}^3 -> \binom{10}{3}; C_1^2 stays, the square of a constant."""
    return _chosen(match[1], match[2], match[3]) if int(match[2]) >= int(match[3]) else match.group()


def _chosen(letter: str, n: str, k: str) -> str:
    return rf"\binom{{{n}}}{{{k}}}" if letter == "C" else rf"nPr({n},{k})"


def _unit_vectors(text: str) -> str:
    r"""\mathbf{i}, \vec{\imath} -> \hat{i} beside a j or k; alone it may be the imaginary unit."""
    if any(match[1] != "i" for match in _UNIT_VECTOR.finditer(text)):
        return _UNIT_VECTOR.sub(r"\\hat{\1}", text)
    return text


_PLAIN_RULES = tuple((pattern, new) for pattern, new in _RULES if "\\\\" not in pattern.pattern)


def _unicode(text: str) -> str:
    if text.isascii():
        return text
    if any(_is_dressed(sign) for sign in text):
        text = "".join(unicodedata.normalize("NFKC", sign) if _is_dressed(sign) else sign for sign in text)
        text = "".join(str(unicodedata.decimal(sign, sign)) for sign in text)
    text = _OVERLINED.sub(lambda match: rf"\overline{{{re.sub('[^0-9]', '', match.group())}}}", text)
    text = _DOTTED.sub(r"\\dot{\1}", text)
    text = re.sub(r"(?<=\d)\s*∘", r"^\\circ ", text)
    text = _NTH_ROOT.sub(lambda match: rf"\sqrt[{match[1].translate(_SUPERSCRIPTS)}]{{{match[2]}}}", text)
    text = _SIGN_ROOT.sub(lambda match: rf"\sqrt[{'3' if match[1] == '∛' else '4'}]{{{match[2]}}}", text)
    text = _ROOT.sub(r"\\sqrt{\1}", text)
    text = _SUPERSCRIPT.sub(lambda match: "^{" + match.group().translate(_SUPERSCRIPTS) + "}", text)
    text = _SUBSCRIPT.sub(lambda match: "_{" + match.group().translate(_SUBSCRIPTS) + "}", text)
    text = _MICRO.sub(r" \\text{u\1}", _OHM.sub(r" \\text{\1ohm}", text))
    if mirrored := _MIRRORED.fullmatch(text):
        text = f"{mirrored[3].strip()} {mirrored[2].translate(_MIRROR)} {mirrored[1].strip()}"
    text = _CIRCLED.sub(lambda match: ",".join(str(ord(sign) - 0x245F) for sign in match.group()), text)
    return _LETTERED.sub(" ", text).translate(SIGNS)


def _is_dressed(sign: str) -> bool:
    """Whether a sign is a digit of another script or a full-width, bold or italic form of an ASCII one."""
    return sign > "\u0600" and (
        sign.isdecimal() or "\uff01" <= sign <= "\uff5e" or "\U0001d400" <= sign <= "\U0001d7ff"
    )


def _money(text: str) -> str:
    r"""Formula signs off, signs of money kept: `\$5` and `$5` are money, `$5$` is a formula."""
    if "$" not in text:
        return text
    text = text.replace(r"\$", "\0").replace("$$", " ")
    if text.count("$") == 1 and re.match(r"[-+(]?\s*(?:US\s?)?\$\s*[-+]?[\d.]", text):
        text = text.replace("$", "\0")
    return " ".join(text.replace("$", " ").replace("\0", "$").split())


def _peel(text: str) -> str:
    """Without full stops, bold marks, display brackets and one pair of braces around everything."""
    for _ in range(MAX_WRAPPERS):
        before = text
        text = text.strip().strip("*`")
        if text.startswith("=") and text.count("=") == 1:
            text = text[1:].lstrip()
        if len(text) > 2 and text[0] == text[-1] and text[0] in "'\"":
            text = text[1:-1]
        if text.endswith((".", ",", ";", ":")) and not text.endswith("..."):
            text = text[:-1]
        text = _DISPLAYED.sub(r"\1", text) if text.startswith("\\") else text
        text = _without_open_end(text.rstrip("\\"))
        if text.startswith("{") and closing_place(text, 0) == len(text) - 1 and "," not in text:
            text = text[1:-1] if text != "{}" else r"\{\}"
        if text == before:
            break
    return text


def without_spaces(text: str) -> str:
    """The text without white space, but for that between digits that is not one of thousands."""
    return re.sub(r"(?<!\d)\s+|\s+(?!\d)|(?<=\d)\s(?=\d{3}(?!\d))", "", text)


def _without_open_end(text: str) -> str:
    r"""Without what closes or raises nothing at the end of a text that was cut: \\], .], ^."""
    if text.endswith("^") or (text.endswith((r"\]", r"\)")) and r"\[" not in text and r"\(" not in text):
        return text.rstrip("^").removesuffix(r"\]").removesuffix(r"\)")
    if text.endswith((".]", ".)")) and not any(sign in text for sign in "[("):
        return text[:-2]
    return text


def plain_words(text: str) -> str:
    r"""The words of a text without \text{}, braces and signs, in lower case."""
    text = re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", text)
    text = re.sub(r"[{}$\\.,;:!?\"'()*]", " ", text.casefold())
    return " ".join(word for word in text.split() if word not in ("the", "a", "an"))


_PAIRS = {"(": ")", "[": "]", "{": "}"}


def closing_place(text: str, start: int) -> int | None:
    """Place of the bracket that closes the one at `start`, None if none does; [ and ) may pair, as in intervals."""
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
    depth = begin = 0
    for match in _or_bracket(separators).finditer(text):
        sign = match.group()
        if match["bracket"] is None:
            if depth == 0 and sign:
                parts.append(text[begin : match.start()])
                begin = match.end()
        else:
            depth += 1 if sign in _OPENING else -1
    return [*parts, text[begin:]]


_OPENING = frozenset(("(", "[", "{", "\\begin"))


@functools.lru_cache(maxsize=64)
def _or_bracket(separators: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(rf"(?:{separators.pattern})|(?P<bracket>\\begin|\\end|[()\[\]{{}}])", separators.flags)
