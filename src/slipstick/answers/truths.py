"""Yes or no, true or false, as the answer of a text: "No. 91 = 7 · 13", "It has two divisors, so yes"."""

import re

from slipstick.answers.found import Found

_WORD = r"(?P<word>yes|no|ja|nein|oui|non|sí|si|não|sim|да|нет|true|false)"
_TRUE = frozenset(("yes", "ja", "oui", "sí", "si", "sim", "да", "true"))
_CONCLUDES = (
    r"(?:so|thus|hence|therefore|conclusion|also|donc|portanto|por tanto|por lo tanto|итак|因此|所以)[:,，]?\s?"
)
_HEAD = re.compile(
    rf"(?i)(?:{_CONCLUDES})?{_WORD}(?=\*{{0,2}}\s?[-,.!:;—–]|\*{{0,2}}$)"
    r"(?!\*{0,2}\s?[-,:;—–]+\s?(?:but\s+)?(?:only\s+)?(?:if|unless|when|provided|except|depending)\b)"
)
"""At the head of the text or of its last paragraph; not with a condition: "Yes, if n is even"."""
_CONCLUSION = re.compile(
    rf"(?i)(?:\b(?:so|thus|hence|therefore|i['’]d\s+say|i\s+would\s+say),?\s+)(?:the\s+(?:answer|statement|claim)\s+is\s+)?\**{_WORD}\**[\s.!]*\Z"
)
"""At the end of the text: "so no", "I'd say yes"."""
_AGAIN = re.compile(
    r"(?i)(?:(?:[.!;]|\n)[\s*_>#]{0,20}(?=(?:yes|no|true|false)\b\**\s*(?:[.!]|\n|\Z))"
    r"|\b(?:wait|actually|hmm+|sorry|oops|mean|rather|or|and|but|also)\b[\s,.:;—–-]*"
    r"|(?<=\byes),\s*|(?<=\bno),\s*|(?<=\btrue),\s*|(?<=\bfalse),\s*)"
    r"\**(?P<word>yes|no|true|false)(?=\**\s*(?:[-,.!:;—–\n]|\Z))"
)
"""A verdict of its own behind another one: "Yes. No.", "Yes. Actually, no", "Yes, no"."""


def find_truth(text: str) -> Found | None:
    """The yes or no that begins the first or the last paragraph or ends the text; both if the text says both."""
    end = len(text.rstrip())
    line = text.rfind("\n", 0, end) + 1
    said: list[re.Match[str]] = []
    for begin in (len(text) - len(text.lstrip()), line):
        head = re.compile(r"[\s*_>#]*").match(text, begin)
        if match := _HEAD.match(text, head.end() if head else begin):
            said.append(match)
    if match := _CONCLUSION.search(text, max(0, end - 80), end):
        said.append(match)
    if not said:
        return None
    said += list(_AGAIN.finditer(text, said[0].start("word")))
    last = said[-1] if len(said) < 2 or said[-1].start() > said[0].start() else said[0]
    if len({match["word"].lower() in _TRUE for match in said}) > 1:
        return Found(f"{said[0]['word']}, {last['word']}", said[0].start("word"), last.end("word"), "word")
    return Found(last["word"], *last.span("word"), "word")
