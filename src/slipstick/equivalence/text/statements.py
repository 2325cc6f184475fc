r"""Reads sentences that only state a short answer: "the winner is Tom", "Tom wins", "she has 12 apples left".

A short answer in a sentence counts only if what stands around it is known to state it and nothing else; "Tom is last"
and "a multiple of 6" are not read.
"""

import re
from collections.abc import Sequence

from slipstick.equivalence.normalize.notation import plain_words
from slipstick.equivalence.normalize.vocabulary import (
    BETWEEN,
    DOUBTING,
    HEDGES,
    KINDS_OF_THINGS,
    LIMITS,
    OPERATIONS,
    SAID_OF_A_NAME,
    SOLUTION_WORDS,
    SOLUTIONS,
    STATING,
    SUBJECT_WORDS,
    SUBJECTS,
    singular,
    stem,
)

_MOST_WORDS = 12
_MAX_HEDGED = 500
_SIGN = r"(?:\\(?:approx|approxeq|sim|simeq)(?![a-z])|≈|~)\s*"
_BEFORE = rf"(?:{'|'.join(HEDGES)})\b[\s.,]*(?:(?:that )?it is\s+)?(?=\S)"
_HEDGED = re.compile(rf"(?:(?:it(?:'s| is)|its)\s+)?{_BEFORE}|{_SIGN}")
_BEHIND = (
    r"approximately|approx\.?|roughly|or so|more or less|give or take|maybe|probably|perhaps|i (?:think|guess|believe)"
)
_HEDGED_BEHIND = re.compile(rf"[\s,(]+(?:{_BEHIND})\)?$")
_NAMED = re.compile(rf"(?:the )?(?:answer|[a-z]\w?|it)\s*(?:=|is|:)?\s*(?={_SIGN}|(?:{'|'.join(HEDGES)})\b)")
_YEAR = re.compile(r"^(?:exactly|precisely|only|in|the year|year)\s+(?=\S)")
_TAILS = (
    r"in total|in all|altogether|all together|all told|overall|respectively|exactly|only|left over|to be exact"
    r"|as (?:required|desired|claimed|needed|expected)"
)
_TAIL = re.compile(rf"[,;]?\s*\(?\b(?:{_TAILS})\)?$")
_OPTION = re.compile(r"\(?[a-j]\)[.:]?\s*(?:after)?")
_CONDITIONS = frozenset((
    "assuming", "but", "except", "however", "if", "maybe", "only", "or", "otherwise", "perhaps", "possibly", "provided",
    "sometimes", "though", "unless", "when", "whenever",
))  # fmt: skip
_GOES_ON = frozenset((
    "as", "because", "he", "i", "indeed", "it", "it's", "she", "since", "so", "sure", "that", "that's", "there", "they",
    "this", "we", "you", "of", "always", "never", "exactly", "definitely", "certainly",
))  # fmt: skip
_VERDICT_AND_VALUE = re.compile(
    r"\s*(?:\\text\s*\{\s*)?(?:yes|no|true|false)\s*(?:[,.;:!–-]+\s*\}?|\}\s*[,.;:!–-]*)\s*(?P<value>.+)",
    re.IGNORECASE | re.DOTALL,
)
_NAMED_VALUE = re.compile(r"\\?[A-Za-z]+(?:_\w)?(?:\s*\([A-Za-z ,]{1,20}\))?\s*=[^=]+")
_SAYS_MORE = re.compile(
    r"(?<!\\)\b[A-Za-z]{3,}\b|\\text|[=<>]|\\(?:n?leq|n?geq|neq|approx|equiv|in|perp|parallel|mid|nmid)(?![A-Za-z])"
)
VERDICTS = frozenset(("yes", "no", "true", "false"))
"""Truth values in words."""
_GENERIC = frozenset(("answer", "result", "solution", "value", "it", "this", "that", "x", "n"))


def without_hedge(flat: str) -> str:
    """The text, in lower case, without "about", "maybe" before it or behind."""
    return _HEDGED_BEHIND.sub("", _YEAR.sub("", _HEDGED.sub("", flat)))


def is_hedged(text: str) -> bool:
    """Whether an answer says that it is about right: "about 6", "≈ 6", "x ≈ 6", "maybe 6"."""
    if len(text) > _MAX_HEDGED:
        return False
    flat = re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", text.casefold()).strip(" $*.")
    return bool(_HEDGED.match(_NAMED.sub("", flat, count=1)) or _HEDGED_BEHIND.search(flat))


def without_tail(flat: str) -> str:
    """The text without "in total", "altogether" at its end."""
    return _TAIL.sub("", flat)


def is_conditional(behind: str) -> bool:
    """Whether what follows a yes or no takes it back or bounds it, "if n is even", "but no", or is another answer."""
    words = re.findall(r"[a-z']+", behind)
    if words and (words[0] in VERDICTS or not _CONDITIONS.isdisjoint(words)):
        return True
    return 0 < len(words) <= 2 and words[0] not in _GOES_ON and not re.search(r"\d|=", behind)


def behind_verdict(text: str) -> str:
    """What stands behind yes or no and a sign of punctuation; nothing if a text does not begin so."""
    found = _VERDICT_AND_VALUE.fullmatch(text)
    return found["value"].strip(" $.") if found else ""


def is_value(behind: str) -> bool:
    """Whether what stands behind yes or no is the second half of an answer, "Yes, F = 3x", and no reason."""
    if not re.search(r"[\dA-Za-z]", behind):
        return False
    return _NAMED_VALUE.fullmatch(behind) is not None or not _SAYS_MORE.search(behind)


def is_without_solution(words: Sequence[str]) -> bool:
    """Whether words without "there are" say that nothing is found: "no such integers"."""
    if len(words) < 2 or words[0] != "no":
        return False
    names = [singular(word) for word in words[1:]]
    return any(name in SOLUTIONS for name in names) and all(
        name in SOLUTIONS or name in SOLUTION_WORDS for name in names
    )


def states_number(before: str) -> bool:
    """Whether words before a number only say what it is the value of: "the total number of apples is"."""
    words = plain_words(before).split()
    if not words or words in (["after"], ["in"], ["on"], ["for"], ["at"], ["by"]) or _OPTION.fullmatch(before.strip()):
        return True
    while words and words[-1] in BETWEEN:
        words.pop()
    if not words or words[-1] not in STATING or len(words) > _MOST_WORDS:
        return False
    subject = words[:-1]
    if any(word in DOUBTING or word in _CONDITIONS or word.endswith("n't") for word in subject):
        return False
    return OPERATIONS.isdisjoint(subject) or _GENERIC.isdisjoint(subject)


def says_it_is_it(behind: str) -> bool:
    """Whether words behind a value only say that it is the answer: "is the answer"."""
    return plain_words(behind) in SAID_OF_A_NAME


def names(name: Sequence[str], sentence: Sequence[str]) -> bool | None:
    """Whether a sentence states a name and nothing else; None if it has the name, and is not known to state it.

    Both are words without articles. False if the name is not there or something limits it: "not Tom", "Tom or Ann".
    """
    size, stems = len(name), [stem(word) for word in sentence]
    place = next((n for n in range(len(stems) - size + 1) if stems[n : n + size] == list(name)), None)
    if place is None or len(stems) == size or len(sentence) > _MOST_WORDS:
        return False
    if any(word in LIMITS or word == "and" or word == "," or word.endswith("n't") for word in sentence):
        return False
    before, behind = list(sentence[:place]), list(sentence[place + size :])
    kind = len(behind) == 1 and behind[0] in KINDS_OF_THINGS
    if before and (kind or not behind):
        return _introduces(before) or _open(before)
    if behind and not before:
        said = " ".join(behind)
        return kind or said in SAID_OF_A_NAME or _open(behind)
    return None if before and _open(before) is None else False


def _introduces(before: Sequence[str]) -> bool:
    """Whether words before a name only say what it is: "so the correct answer is", "it is", and "the series" alone."""
    words = list(before)
    while words and words[-1] in BETWEEN:
        words.pop()
    if words and words[-1] in STATING:
        words = [word for word in words[:-1] if word not in ("will", "must", "would", "should")]
    elif len(words) != 1:
        return False
    return (
        bool(words)
        and all(word in SUBJECTS or word in SUBJECT_WORDS for word in words)
        and any(word in SUBJECTS for word in words)
    )


def _open(words: Sequence[str]) -> bool | None:
    """None if words with a verb say something of a name that is not read; False if they only describe it."""
    verb = any(word in STATING or word in ("will", "can", "must", "may") or word.endswith("ed") for word in words)
    return None if verb or len(words) > 2 else False
