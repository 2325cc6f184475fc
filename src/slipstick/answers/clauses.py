"""Where a sentence that states a value goes on to say something else: "42, and each child gets 6"."""

import re

_NUMBER = (
    r"[-−–]?(?:\\?[$€£¥]\s?)?(?:\\[dt]?frac\s*\{[^{}]*\}\s*\{[^{}]*\}|\d(?:,?\d)*+(?:\.\d++)?(?:[/:]\d++)?|\.\d++)"
    r"(?:\s?\\?%|\s?[€£])?"
)
_NOUN = (
    r"(?!(?:than|times|plus|minus|divided|multiplied|over|out|of|more|less|fewer|if|unless|not|or|to|and|but|so|is|are|was"
    r"|were|equals?|with|while|whereas|as|since|because|that|who|whose|leaving|making|giving)\b)[A-Za-z°µ](?:\.*+[\w/^²³°'’-]++)*+"
)
_QUANTITY = rf"\**+{_NUMBER}\**+(?:\s?{_NOUN})?(?:\s{_NOUN}){{0,4}}?\**+"
_LEAD = rf"[\s*]*+{_QUANTITY}(?:(?:,\s|,?\sand\s|\s)(?=\d){_QUANTITY}){{0,2}}?"
_PART = (
    r"\d[\d.,/]*\s+(?:of\s+(?:which|whom|them|these|those|the)|per|each|apiece|more|fewer|less|an?\s+(?:day|week|month"
    r"|year|hour|minute|person|piece)|for\s+(?:each|every|the))\b"
)
"""A number that is said to be one of another thing: "6 per day", "3 of which"."""
_SUBJECT = (
    r"(?:each|every|he|she|it|they|we|you|this|these|those|there|here|everyone|everybody|both)\b"
    r"|(?:the|his|her|their|its|our)\s+\w+\s+\w+|[A-Z][a-z]+\s+(?!and\b|or\b)[a-z]+\b"
)
_GOES_ON = re.compile(
    rf"(?P<lead>{_LEAD})(?:\s*;\s+(?=[A-Za-z]+\s+\w)|\s+[-–—]\s+(?=[A-Za-z]+(?:['’][a-z]+)?\s+\w|{_PART})|\s*—\s*(?=[A-Za-z]+\s+\w|{_PART})"
    rf"|:\s+(?=(?:\S+\s+){{2}}\S)|,\s+(?:(?:and|but|so|then|with)\s+)?(?={_SUBJECT}|{_PART}|(?:of|in|for)\s+which\b|where\b|when\b)"
    rf"|\s+(?:and|but|so)\s+(?=(?:{_SUBJECT})\s+\S+\s+\S)|,?\s+[a-z]{{2,}}ing\s+(?=\S)|,?\s+(?:while|whereas|although|though)\s"
    r"|,?\s+(?:that|who|whose)\s+\w+\s|,?\s+as\s+(?=(?:there|it|he|she|they|each|every|\d)\b)"
    r"|,?\s+with\s+(?=(?:each|every|an?|the|\d+|all|only|just)\s)(?!an?\s+remainder|the\s+remainder|remainder)"
    r"|\s+\((?=[^()]*[A-Za-z]{3})(?=(?>[^()]*?\d)(?>[^()]*?[A-Za-z]{2})[^()]*?[A-Za-z]{2})(?![^()]*[×*+=])[^()]*\)[\s.*]*\Z)"
)
"""A value with its noun, and what begins behind it."""
_WAVERS = re.compile(
    r"(?i)\b(?:or|maybe|perhaps|possibly|probably|alternatively|wait|actually|rather|i\s+mean|no|sorry|hmm+|also|instead"
    r"|(?:could|might|may|can|should|must)(?:\s+(?:also|even|well|as))*\s+be)[\s,.:;–—-]+"
    r"(?:(?:it(?:['’]s|\s+is|\s+could\s+be)|the\s+answer\s+is|even|about|the|as)\s+){0,2}[$(*\\]*[-−]?\d"
    r"|\d[\d.,/]*+\s++(?:\w+\s++)?(?:as\s+(?:an?|the|another)\s+(?:alternative|option|other|possib\w+|second)\b|(?:is|are|would\s+be"
    r"|seems?)\s+(?:also\s+|just\s+as\s+|another\s+)?(?:possible|plausible|acceptable|alternative|valid)\b)"
)
"""A word that puts another value beside the one before it."""
_SEVERAL = re.compile(rf"[\s*]*+{_QUANTITY}(?:\s*+[,;]\s*+|(?:\s*+,)?\s++(?:and|or)\s++){_QUANTITY}")
_UNITS = (
    rf"[\s(]*+(?:(?:i\.\s?e\.,?|that\s+is,?|or|about|approximately|=|≈)\s*)?{_NUMBER}\s?{_NOUN}"
    rf"(?:(?:,\s|,?\sand\s|\s){_NUMBER}\s?{_NOUN}){{0,3}}[\s).*]*\Z"
)
_RESTATED = re.compile(rf"{_LEAD}{_UNITS}")
"""A value, and again in other units: "150 minutes (2 hours and 30 minutes)"."""


def clause_end(tail: str) -> int | None:
    """Where a statement of a value ends before another clause of its sentence; None if it goes on as it began.

    A value in brackets, which may be the same one in another unit, stays: the comparison reads it.
    """
    if not re.match(r"[\s*]*[-−–\\$€£¥]*[\d.f]", tail):
        return None
    match = _GOES_ON.match(tail)
    return None if match is None or _RESTATED.match(tail) else match.end("lead")


def wavers(tail: str) -> bool:
    """Whether a statement of a value names another one for it: "42, or maybe 43", "42, but it could be 43"."""
    return re.match(r"[\s*$]*[-−]?[$€£]?\d", tail) is not None and _WAVERS.search(tail) is not None


def states_several(tail: str) -> bool:
    """Whether a tail is several quantities, "3 red balls and 5 blue balls", or one in two units."""
    if _RESTATED.match(tail):
        return True
    several = _SEVERAL.match(tail)
    return several is not None and not re.search(r"\d", tail[several.end() :])
