"""What stands behind an answer and is no part of it: "6 (not 5)", "6 (I double-checked)", "Tom, with 12 points".

A bracket that may change the answer stays, for the comparison to read: "42 (43)", "6 (wrong)", "5 (in thousands)".
"""

import re

from slipstick.number_words import CARDINALS, MAGNITUDES

_BRACKET = re.compile(
    r"(?P<answer>[^()]*[\w%°}$)].*?)\*{0,2}\s+\(\**(?P<said>[^()]{3,100}?)[.!]?\**\)[\s.*]*\Z", re.DOTALL
)
_NOT = re.compile(
    r"not\s+(?:(?:the|an?)\s+)?(?P<other>(?P<sign>[-−$€£])?\d[\d.,/]*%?(?:\s[a-z]+)?|[A-Z][a-z]*(?:\s[A-Z][a-z]+)*)"
)
_HOW = re.compile(
    r"(?i)rounded(?:\s+(?:up|down|off))?(?:\s+from\s+[\d.]+|\s+to\s+(?:the\s+|an?\s+)?(?:nearest\b[^()\d]*|whole\s+[a-z]+"
    r"|integer|\w+\s+(?:decimals?|places?|significant|digits?|figures?)\b[^()\d]*))?"
    r"|(?:(?:double|cross)[- ])?(?:checked|verified|confirmed)(?:\s+(?:by|with|twice|again)\b[^()\d]*)?"
    r"|(?:in\s+)?(?:its\s+)?(?:simplified|simplest|lowest|reduced)(?:\s+(?:form|terms))?|final(?:\s+answer)?|exact(?:ly)?"
    r"|as\s+(?:required|requested|asked|expected|wanted|desired)"
)
_SENTENCE = re.compile(r"(?i)(?:i|we|it|this|that|you)(?:['’][a-z]+)?\s+[a-z][^()\d]*")
_CHANGES = re.compile(
    r"(?i)\b(?:not|never|no|n[o']?t|think|guess|believe|suppose|assum\w+|doubt|maybe|perhaps|probably|possibly|might|may|could"
    r"|should|would|must|can|un\w+|if|unless|or|wrong|incorrect|mistaken?|error|actually|meant?|mod|base|less|more|than|times"
    r"|negative|minus|squared|per|each|only|approximately|about|around|half|doubled?(?!-)|twice|needs?|say|want\w*|depends?"
    rf"|{'|'.join(sorted({*CARDINALS, *MAGNITUDES}))})\b|n['’]t\b"
)
"""Words of a sentence that may take the answer before it back, doubt it or make it another one."""
_ANOTHER = (
    r".*?\b(?:and|or|but|tied?s?|shared?s?|together|along)\s+(?:with\s+)?(?:also\s+)?(?:the\s+)?[A-Z]"
    r"|.*?\b(?:or|maybe|perhaps|not|could|might)\b"
)
"""What puts another name beside the first, or takes it back."""
_NAME = r"[A-Z][a-z]+(?:\s[A-Z][a-z]+){0,2}"
_WORDS = r"(?:[Tt]he\s|[Aa]n?\s)?[A-Za-z][a-z]{2,}(?:\s[A-Za-z][a-z]+){0,2}"
_QUANTITY = r"(?:(?:a\s+total\s+of|about|only|exactly|just)\s+)?[-−$€£]?\d[\d.,/]*%?"
_HAS = (
    rf"(?:,?\s+(?:with|having)\s+(?:his|her|its|their|an?|the|{_QUANTITY})|,\s+(?:with|who|whose|which))\s"
    rf"(?!{_ANOTHER}).*"
)
_OF_A_NAME = re.compile(
    rf"(?P<name>{_WORDS})\*{{0,2}}(?:{_HAS}|\s+\({_QUANTITY}(?:\s+[a-z][^()]*)?\))[\s.*]*"
    rf"|(?P<capital>{_NAME})\*{{0,2}}(?:(?:\s+[-–—]|:|,)\s+{_QUANTITY}(?:\s+[a-z]+){{0,3}})[\s.*]*",
    re.DOTALL,
)
_TRUTHS = frozenset(("yes", "no", "true", "false"))
_NOT_ANOTHER = re.compile(
    rf"(?:,?\s+(?:(?:and|but)\s+)?not|,?\s+rather\s+than|,?\s+instead\s+of)\s+(?P<other>{_NAME})[\s.]*\Z"
)


def without_remark(answer: str, *, kind: str | None) -> str:
    """An answer without what is only said about it; of a name, if the kind is "text", also what it has and is not."""
    if kind == "text":
        answer = without_denial(answer)
        if of_a_name := _OF_A_NAME.fullmatch(answer.strip(" *")):
            return of_a_name["name"] or of_a_name["capital"]
    bracket = _BRACKET.fullmatch(answer)
    return bracket["answer"] if bracket and _is_remark(bracket["said"], bracket["answer"].strip(" *$")) else answer


def without_denial(answer: str) -> str:
    """The answer without another name that it is not: "Tom wins, not Ann"."""
    denial = _NOT_ANOTHER.search(answer)
    if denial and not re.search(rf"\b(?:not|{denial['other']})\b", answer[: denial.start()]):
        return answer[: denial.start()]
    return answer


def _is_remark(said: str, answer: str) -> bool:
    if denial := _NOT.fullmatch(said):
        return denial["other"] not in (answer, answer.split(maxsplit=1)[0])
    if answer.casefold() in _TRUTHS:
        return _CHANGES.search(said) is None  # a reason: "Yes (12 is even)"
    return _HOW.fullmatch(said) is not None or (_SENTENCE.fullmatch(said) is not None and not _CHANGES.search(said))
