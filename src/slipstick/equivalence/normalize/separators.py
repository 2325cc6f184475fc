r"""Puts semicolons between the parts of an answer that only lines or wide spaces separate: x = 3 \quad y = 5.

What is no part of its own stays: a chain that goes on in the next line (= 6), a unit, a word, a condition in brackets.
"""

import re

from slipstick.equivalence.normalize.notation import closing_place, split_top

MAX_LENGTH = 8_000
"""Longer texts stay as they are."""
_HINT = re.compile(r"\n|\\q?quad(?![A-Za-z])|\\hspace|~\s*~|\\\\|\\begin\{(?:align|gather|split|eqnarray)")
_BREAK = re.compile(
    r"\s*(?:\n|\\q?quad(?![A-Za-z])|\\hspace\*?\{[^{}]*\}|~(?:\s*~)+|\\\\(?:\[[^\]]*\])?(?=[\s$]|[A-Za-z](?:[_(']\S{1,8})?\s*=))\s*"
)
_LINES = re.compile(
    r"(?:\\\[|\$\$)?\s*\\begin\{(?P<name>(?:align|aligned|gather|gathered|split|eqnarray)\*?)\}(?P<rows>.*?)"
    r"\\end\{(?P=name)\}\s*(?:\\\]|\$\$)?",
    re.DOTALL,
)
_SIGN = r"(?:[=<>]|\\(?:leq?|geq?|neq?|leqslant|geqslant|equiv|approx|in|notin|sim)(?![A-Za-z]))"
_STATEMENT = re.compile(rf"(?!{_SIGN})[^=<>]*{_SIGN}\s*[^\s=<>].*", re.DOTALL)
_VALUE = re.compile(r"(?=.*\d)(?!.*\\(?:text|mbox|mathrm|operatorname))(?!.*(?<![\\A-Za-z])[A-Za-z]{3})[^=<>]*")
_GOES_ON = re.compile(
    r"[=<>+*/^_,;:&)]|\\(?:cdot|times|text|mbox|mathrm|pmod|bmod|mod|forall|to|cup|cap|right)(?![A-Za-z])"
)
_NOT_ENDED = re.compile(
    r"(?:[=<>+*/^_(,;:&-]|\\(?:cdot|times|text\s*\{\s*(?:or|and)\s*\}|cup|cap|left)|\b(?:or|and))\s*$"
)
_NUMBER = r"-?\d+(?:[./]\d+)?"
_LISTED = re.compile(rf"\\text\s*\{{\s*({_NUMBER}(?:\s*(?:,\s*and\b|,\s*or\b|,|;|\band\b|\bor\b)\s*{_NUMBER})+)\s*\}}")
_FRENCH = re.compile(
    r"\[[^\[\](),;]*\]|(?P<open>[\[\]])(?P<low>[^\[\](),;]+)[,;](?P<high>[^\[\](),;]+)(?P<close>[\[\]])"
)
_INDEXED = re.compile(r"(?<![A-Za-z0-9_\\^])([a-z])(\d)(?=\s*=)")
_JOINING = re.compile(r"\b(?:(?P<or>oder|ou)|und|et)\b(?=\s*\S)")
"""German and French between the parts of an answer."""
_SHELLS = (("$$", "$$"), ("$", "$"), (r"\[", r"\]"), (r"\(", r"\)"))


def separate(text: str) -> str:
    r"""A text as it was written, with ";" where lines, \\ or \quad separate statements, or values with digits."""
    if not _HINT.search(text) or len(text) > MAX_LENGTH:
        return text
    if lines := _LINES.fullmatch(text.strip()):
        if "&&" in lines["rows"]:
            return text
        text = re.sub(r"\\\\(?:\[[^\]]*\])?", "\n", lines["rows"].replace("&", ""))
    parts = [part.strip() for part in split_top(text, _BREAK) if part.strip()]
    if len(parts) < 2:
        return parts[0] if parts else text
    joined = [parts[0]]
    for part in parts[1:]:
        if _goes_on(joined[-1], part):
            joined[-1] += f" {part}"
        else:
            joined.append(part)
    bare = [_bare(part.rstrip(" .,;")) for part in joined]
    if len(bare) < 2 or not all(_STATEMENT.fullmatch(part) or _VALUE.fullmatch(part) for part in bare):
        return " ".join(parts)
    return "; ".join(bare)


def usual_marks(text: str) -> str:
    r"""A tidied text with (1,5] for ]1,5], x_1 = for x1 =, "and" for "und", a list all in \\text{} without it."""
    if listed := _LISTED.fullmatch(text):
        text = listed[1]
    if "]" in text or "[" in text:
        text = _FRENCH.sub(_in_round_brackets, text)
    if "=" in text:
        text = _INDEXED.sub(r"\1_\2", text)
    if len(text) <= MAX_LENGTH and _JOINING.search(text) and re.search(r"\d", text):
        text = _JOINING.sub(lambda match: "or" if match["or"] else "and", text)
    return text


def _in_round_brackets(match: re.Match[str]) -> str:
    if match["low"] is None or (match["open"] == "[" and match["close"] == "]"):
        return match[0]
    opening, closing = "(" if match["open"] == "]" else "[", ")" if match["close"] == "[" else "]"
    return f"{opening}{match['low'].strip()},{match['high'].strip()}{closing}"


def _goes_on(before: str, part: str) -> bool:
    begin = _bare(part)
    if begin[:1] == "(":  # a note or a condition, if it is no point
        return closing_place(begin, 0) != len(begin) - 1 or "," not in begin or before[-1:] != ")"
    return bool(_GOES_ON.match(begin) or _NOT_ENDED.search(_bare(before)))


def _bare(part: str) -> str:
    """A part without formula signs around it."""
    for opening, closing in _SHELLS:
        if part.startswith(opening) and part.endswith(closing) and len(part) > len(opening) + len(closing):
            inside = part[len(opening) : -len(closing)]
            return inside.strip() if opening not in inside and closing not in inside else part
    return part
