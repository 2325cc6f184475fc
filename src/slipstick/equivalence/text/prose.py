r"""Compares answers in words: the same words in other forms, yes and no, a name or a number in a sentence.

What decides is narrow on purpose: "The winner is Tom" is Tom, "an isosceles triangle" is no "triangle". Two sentences
that differ stay open.
"""

import re

from slipstick.equivalence.decision import Decision
from slipstick.equivalence.normalize.notation import plain_words
from slipstick.equivalence.normalize.vocabulary import (
    DOUBTING,
    FUNCTIONS,
    KINDS_OF_THINGS,
    LIMITS,
    MONTH_NAMES,
    OPERATIONS,
    SAME_WORDS,
    WEEKDAYS,
    stem,
)
from slipstick.equivalence.policies import SLIPSTICK, Policy
from slipstick.equivalence.text import statements
from slipstick.equivalence.values.numbers import Number, numbers_equal, read_number
from slipstick.equivalence.values.numerals import read_roman
from slipstick.number_words import CARDINALS

SHORT_WORDS = 4
"""Up to this many words two answers that differ are different; two sentences may still mean the same."""
_MAX_LENGTH = 2_000
_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")
_NO_WORDS = re.compile(r"[\\^_=<>+*/|\[\]{}]|[A-Za-z]\(")
_PRODUCT = re.compile(r"[b-df-hj-np-tv-z]{3,4}|[a-z]?(?:sin|cos|tan|cot|sec|csc|ln|log)[a-z]|(?=\w*[a-z][A-Z])\w{3,4}")
"""One word that is a product of letters or a function beside one: xyz, sinx, xlnx, mgH."""
_NUMBER = re.compile(r"(?<![\w.,])[-$€£]{0,2}\d[\d,]*(?:\.\d+)?(?:/\d+)?(?!\w)")
_FILLERS = frozenset(["there", "is", "are", "exist", "exists", "it", "has", "have", "that", "i", "think", "so"])
_VERDICT = re.compile(
    r"(yes|no|true|false)(?:\s*[,.;:!–-]+(?:\s|$)|\s+(?:it|they|he|she|this|that|there|because|since)\b)"
)
_QUANTITIES = re.compile(
    r"[\s$]*(?P<number>\d[\d,]*(?:\.\d+)?)\s*(?P<noun>(?:[A-Za-z \\{}()%,.-]|(?<=at)\d+(?=%)|(?<=of)\d+(?=\\?%))+)"
    r"[\s$\\]*\d[\d,]*(?:\.\d+)?\s*(?P<other>[A-Za-z \\{}()%.-]\D*)"
)
_SECOND_THOUGHTS = frozenset(
    ("actually", "also", "but", "maybe", "mean", "perhaps", "possibly", "rather", "sorry", "wait")
)
"""Words behind a number that make the next one another answer and no second quantity."""
_TRUTHS = ("true", "false")
_TRUTHS_BY_LETTER = {"Y": "true", "T": "true", "N": "false", "F": "false"}
"""What a data set may write for a truth value; it is read so only if the answer is yes or no in words."""
_CONDITION = re.compile(
    r"\b(?:or|if|when|where|unless|cases?|scenario|otherwise|for (?:all|any|every|even|odd|some|[a-z]))\b"
)
_LEAD = re.compile(
    r"(?:(?:so|thus|hence|therefore) )?(?:correct |final )?(?:answer|claim|result|statement)(?: is)? "
    r"|(?:definitely|certainly|indeed) |(?:it|this|that|limit|sum|series|integral|value) (?=does not exist|dne)"
    r"|it is (?=impossible|not possible|possible)"
)
"""What stands before a set phrase and says no more."""
_COUNTED = re.compile(r"(?<=[A-Za-z]{2})\s+\((?:(?:about|with)\s+)?[-$€£]{0,2}\d[\d.,]*%?(?:\s[a-z][a-z ]*)?\)$")
"""A quantity in brackets behind words, which says how many or how much they have: "red (5 balls)"."""
_HYPHEN = re.compile(r"(?<=\w)-|-(?=\s|$)")
"""A hyphen or dash; what else stands before a word is a minus sign: -\\infty."""
_ITEMS = re.compile(r"\s*(?:,\s*(?:and|or)\b|,|;|\band\b|&)\s*")


def compare_words(
    a: str, e: str, number_a: Number | None, number_e: Number | None, policy: Policy = SLIPSTICK
) -> Decision | None:
    """Whether two answers of which at least one is in words mean the same; None if words cannot decide."""
    if max(len(a), len(e)) > _MAX_LENGTH:
        return None
    a = a if re.search(r"\d", e) else _COUNTED.sub("", a)
    words_a, words_e = plain_words(a), plain_words(e)
    if not words_a or not words_e:
        return None
    meaning_a, meaning_e = _meaning(a, words_a), _meaning(e, words_e)
    if meaning_a and meaning_e:
        return Decision(meaning_a == meaning_e, "words", f"{meaning_a} against {meaning_e}")
    if meaning_a in _TRUTHS and (letter := _TRUTHS_BY_LETTER.get(e)):
        return Decision(meaning_a == letter, "words", f"{meaning_a} against {letter}")
    prose_a, prose_e = is_prose(a), is_prose(e)
    if words_a == words_e and (prose_a or prose_e):
        return Decision(True, "words", "the same words")
    if not re.search(r"\d", a + e) and (named := _named(a, e, words_a, words_e)) and named.equal:
        return named
    if number_a and (roman := read_roman(_TEXT.sub(r"\1", e).strip())):
        return Decision(number_a.value == roman, "number", "a Roman numeral")
    if number_e and not number_a:
        if (first := _first_quantity(a)) is not None:
            same_first = _as_numbers(first, number_e, policy)
            if same_first.equal and policy.several == "incorrect":
                return Decision(False, "words", f"several quantities for one ({policy.setting('several')})")
            return same_first
        if found := _number_in_words(a, number_e, policy, prose=prose_a):
            return found
    if number_a and not number_e and (found := _number_in_words(e, number_a, policy, prose=prose_e)):
        return found
    if prose_a and not prose_e:
        return Decision(False, "words", "words against mathematics")
    if not prose_e:
        return None
    if not prose_a:
        short = len(words_e.split()) <= SHORT_WORDS
        return Decision(False, "words", "mathematics against words") if short else None
    return _texts(_flat(a), _flat(e), words_a.split(), words_e.split())


def is_prose(text: str) -> bool:
    r"""Whether a text is words and not mathematics: all of it in \text{...}, or words of three letters and more."""
    if re.fullmatch(r"\\text\s*\{[^{}]*[A-Za-z]{2}[^{}]*\}", text) or text.casefold() in SAME_WORDS:
        return True
    if _NO_WORDS.search(_TEXT.sub("", text)) or re.match(r"[-+]?[\d(\[]", text):
        return False
    words = re.findall(r"[A-Za-z]+", text)
    if words == [text] and _PRODUCT.fullmatch(text):
        return False
    return any(len(word) >= 3 for word in words) and not any(word.casefold() in FUNCTIONS for word in words)


def _flat(text: str) -> str:
    return re.sub(r"(?<=\w)'s\b", "", _TEXT.sub(r" \1 ", text).casefold()).strip(" .")


def _meaning(text: str, words: str) -> str | None:
    """What a set phrase says: yes, none, infinitely many; None if a text is none."""
    if known := SAME_WORDS.get(words) or SAME_WORDS.get(_LEAD.sub("", words)):
        return known
    if len(words) > 200:
        return None
    content = " ".join(word for word in words.split() if word not in _FILLERS)
    if known := SAME_WORDS.get(content):
        return known
    verdict, flat = _VERDICT.match(_flat(text)), _flat(text)
    if not verdict and statements.is_without_solution(content.split()):
        return SAME_WORDS["no solution"]
    if verdict and not statements.is_conditional(flat[verdict.end() :]):
        return SAME_WORDS.get(verdict[1], verdict[1])
    return None


def _number_in_words(text: str, number: Number, policy: Policy, *, prose: bool) -> Decision | None:
    """A number compared with a text: the same if it is the only one in it and the words around it only state it."""
    flat = statements.without_tail(_flat(text))
    if (hedged := re.sub(r"^(?:minus|negative)\s+(?=\d)", "-", statements.without_hedge(flat))) != _flat(text) and (
        read := read_number(hedged)
    ):
        return _as_numbers(read, number, policy)
    if not prose and not _is_sentence(flat):
        return None
    words = plain_words(flat).split()
    if not words or len(words) > 40 or any(word in LIMITS or word.endswith("n't") for word in flat.split()):
        return Decision(False, "words", "a number against words")
    around = [words[place] for place in _around_number(words)]
    if not OPERATIONS.isdisjoint(around) and not statements.states_number(" ".join(words[: words.index(around[0])])):
        return Decision(False, "words", "a number against words")
    shown = list(_NUMBER.finditer(flat))
    spelled = [
        place for place, word in enumerate(words) if word.partition("-")[0] in CARDINALS and word not in ("one", "zero")
    ]
    if len(shown) == 1 and not spelled and len(re.findall(r"\d+(?:[.,/]\d+)*", flat)) == 1:
        begin, end = shown[0].span()
        return _stated(flat[:begin], flat[begin:end], flat[end:], number, policy)
    if not shown and spelled and spelled == list(range(spelled[0], spelled[-1] + 1)):
        parts = (words[: spelled[0]], words[spelled[0] : spelled[-1] + 1], words[spelled[-1] + 1 :])
        before, name, behind = (" ".join(part) for part in parts)
        return _stated(before, name, f" {behind}" if behind else "", number, policy)
    return Decision(False, "words", "a number against words")


def _stated(before: str, shown: str, behind: str, number: Number, policy: Policy) -> Decision | None:
    """The number of a sentence compared with another: open if they are the same and what is around it is not read."""
    alone = read_number(shown)
    if alone is None:
        return None
    with_unit = alone if statements.says_it_is_it(behind) else read_number(shown + behind.rstrip(" .,;:!"))
    if with_unit and statements.states_number(before):
        return _as_numbers(with_unit, number, policy)
    if not _as_numbers(with_unit or alone, number, policy).equal:
        return Decision(False, "words", "another number in words")
    return Decision(None, "words", "the number is there, but what the words around it say is not read")


def _first_quantity(text: str) -> Number | None:
    """The first of several quantities that an answer names by different nouns: "128 children and 150 adults" -> 128.

    The first, since that is what the question asks first; any of them would reward listing guesses.
    """
    match = _QUANTITIES.match(text)
    if match is None:
        return None
    first, second = (
        set(re.findall(r"[a-z]{3,}|%", match[noun].casefold())) - {"and", "as", "with"} for noun in ("noun", "other")
    )
    if not _SECOND_THOUGHTS.isdisjoint(first):
        return None
    if not first or not second or first == second or not DOUBTING.isdisjoint(first | second):
        return None
    if _CONDITION.search(match["noun"].casefold()):
        return None
    return read_number(match["number"])


def _around_number(words: list[str]) -> list[int]:
    """The places next to a number: "half of 12", "5 squared"."""
    places = [place for place, word in enumerate(words) if word[:1].isdigit() or word.partition("-")[0] in CARDINALS]
    return [near for place in places for near in (place - 2, place - 1, place + 1) if 0 <= near < len(words)]


def _as_numbers(read: Number, number: Number, policy: Policy) -> Decision:
    equal, reason = numbers_equal(read, number, policy)
    return Decision(equal, "words", reason)


def _is_sentence(flat: str) -> bool:
    """Whether a text that begins with a number goes on in words: "12 apples are left"."""
    words = re.findall(r"[a-z]+", flat)
    return (
        len(words) >= 2
        and not _NO_WORDS.search(flat)
        and not any(word in FUNCTIONS or (len(word) == 1 and word != "a") for word in words)
    )


def _texts(a: str, e: str, words_a: list[str], words_e: list[str]) -> Decision:
    """Two texts in words."""
    stems_a, stems_e = _stems(a), _stems(e)
    if stems_a == stems_e or "".join(stems_a) == "".join(stems_e):
        return Decision(True, "words", "the same words in another form")
    if named := _named(a, e, " ".join(words_a), " ".join(words_e)):
        return named
    items_a, items_e = _items(a), _items(e)
    if items_a and items_e and items_a == items_e:
        return Decision(True, "words", "the same names in another order")
    if min(len(words_e), len(words_a)) <= SHORT_WORDS:
        return Decision(False, "words", "different words")
    return Decision(None, "words", "two sentences, not compared in meaning")


def _named(a: str, e: str, words_a: str, words_e: str) -> Decision | None:
    """Whether one of two answers is a sentence that states the other; open if it has it and says something else."""
    a, e = _flat(a), _flat(e)
    for name, words, sentence in ((e, words_e, a), (a, words_a, e)):
        stems = _stems(name)
        named = statements.names(stems, _words(sentence)) if 0 < len(words.split()) <= SHORT_WORDS else False
        if named and (sentence is a or _words(sentence)[-1] not in KINDS_OF_THINGS):
            return Decision(True, "words", f"the {'answer' if sentence is a else 'expected'} sentence names it")
        if named is None:
            return Decision(None, "words", "the name is there, but what the sentence says of it is not read")
    return None


def _stems(text: str) -> list[str]:
    words = _HYPHEN.sub("", re.sub(r"^(?:on|in|at|by|to) ", "", text))
    return [stem(WEEKDAYS.get(word, MONTH_NAMES.get(word, word))) for word in plain_words(words).split()]


def _words(sentence: str) -> list[str]:
    """The words of a sentence and its commas, without articles."""
    words = _HYPHEN.sub("", re.sub(r"[,;:](?=\s)", " , ", sentence)).replace("-", " - ").split()
    return ["," if word == "," else plain_words(word) for word in words if word == "," or plain_words(word)]


def _items(text: str) -> list[str] | None:
    """The names of a list in words, in the order of the alphabet; None if it is no list of short names.

    Truth values are none: true, false has an order.
    """
    if not re.search(r"[,;&]|\band\b", text):
        return None
    items = [" ".join(_stems(item)) for item in _ITEMS.split(text) if item.strip()]
    if any(item in statements.VERDICTS for item in items):
        return None
    return sorted(items) if len(items) > 1 and all(0 < len(item.split()) <= 3 for item in items) else None
