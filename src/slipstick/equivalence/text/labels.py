r"""Reads the names that answers give their values: x = 3, f(x) = x^2, A(1,2), "Paolo: 18, Qing: 14", (x,y) = (1,2)."""

import re
from collections.abc import Sequence

from slipstick.equivalence.normalize.notation import split_top
from slipstick.equivalence.normalize.vocabulary import DOUBTING, GENERIC_LABELS, LIMITS, PROGRAM_WORDS
from slipstick.equivalence.relations import Relation, read_relation
from slipstick.equivalence.values.numbers import read_number

_INDEX = r"(?:_(?:\{(?:[^{}+*/=<>-]|\{[^{}]*\})*\}|\\[A-Za-z]+|\w+))"
_VARIABLE = r"(?:[a-z]|\\(?:alpha|beta|theta|phi|varphi|lambda|mu|omega|xi|tau))"
NAME = re.compile(
    rf"""\\?[A-Za-z]{_INDEX}?'*                               # x, x_{{12}}, f', \alpha, n_{{\min}}
    | \\(?:alpha|beta|gamma|delta|theta|lambda|mu|phi|rho|sigma|tau|omega|Delta|Omega|ell){_INDEX}?
    | \\Delta\ ?\{{?(?:\\[a-z]+|[A-Za-z]){_INDEX}?'*\}}?                       # \Delta p
    | \\?[A-Za-z]\w*{_INDEX}?'*\s*\([^()=<>+*/^-]{{1,20}}\)         # f(x), P(n), but y(x-1) is a product
    | [fghFGH](?:'*|\^\{{(?:\\prime|\(\d\)|\s)+\}})\s*\([^()=<>]{{1,20}}\)   # f(x + 1)
    | \|?[A-Z]{{2,}}\|?{_INDEX}?                              # AB, |AB|
    | \[[A-Z]{{3,}}\]                                         # [ABC], an area
    | \\text\s*\{{[^{{}}]+\}}
    | (?!(?:all|any|every|no|not|x|y)\b)[A-Za-z]{{3,}}(?:\ (?!except\b|than\b)[A-Za-z]+){{0,4}}  # number of apples
    | \(\s*[A-Za-z]\w*(?:\s*,\s*[A-Za-z]\w*)*\s*\)            # (p, q)
    | \\(?:angle|overline|vec|hat|triangle|overrightarrow)\s*\{{?\s*[A-Za-z]+\s*\}}?
    | \\frac\s*\{{[A-Z]+\}}\s*\{{[A-Z]+\}}
    | \\frac\s*\{{d\s*[a-z]\}}\s*\{{d\s*[a-z]\}}                   # dy/dx
    | [fghFGH]\^\s*\{{\s*-1\s*\}}\s*\([^()=<>]{{1,20}}\)           # f^{{-1}}(x)
    | (?:P|Pr|E|Var|\\mathbb\s*\{{[EP]\}})\s*[(\[].{{1,40}}[)\]]     # P(X = 2)
    | [A-Za-z]\w*{_INDEX}?(?:\s*:\s*[A-Za-z]\w*{_INDEX}?)+          # A:B
    """,
    re.VERBOSE,
)
_ARGUMENTS = re.compile(rf"({_VARIABLE}(?:,{_VARIABLE})*)")
_CALL = re.compile(r"(?P<function>.*[\w'}])\((?P<arguments>[^()]*)\)")
_DERIVATIVE = re.compile(r"\\frac\{?d([a-z])\}?\{?d[a-z]\}?")
_TERM = re.compile(r"([a-dp-zLST]_)([nkm])")
"""The term of a sequence with its index; F_n is a force."""
_WORD_LABEL = re.compile(r"(?:\\text\s*\{\s*)?([A-Za-z][A-Za-z' ]{2,40}|[A-Za-z](?=:\s))(?:\s*\})?\s*:\s*(?=\S)")
_COLON = re.compile(r"((?:\\text\s*\{)?['\"]?[A-Za-z][A-Za-z0-9_ {}]{0,40}['\"]?)\s*:\s*(?![:=])(.+)", re.DOTALL)
_OF_ANSWERS = frozenset((
    "a", "accepted", "an", "answer", "be", "certainly", "choice", "correct", "definitely", "final", "is", "it", "my",
    "no", "not", "option", "possible", "result", "right", "solution", "surely", "that", "the", "this", "true", "valid",
    "value",
))  # fmt: skip
"""Words of labels about an answer, beside which "not" denies it."""
_POINT = re.compile(r"([A-Z](?:_\{?\d\}?|'|\d)?)\s*(\([^()]*,[^()]*\))")
_NAMES = re.compile(r"\(\s*([A-Za-z]\w*(?:_\{\w+\})?(?:\s*,\s*[A-Za-z]\w*(?:_\{\w+\})?)+)\s*\)")
_COMMA = re.compile(r"\s*,\s*")
_PART = re.compile(r"(?:^|(?<=[\s,;.]))(?:\\text\s*\{\s*)?\(?([a-e]|i{1,3}|iv|v)\)\s*\}?[:.]?\s*")
_PARTS = ("a", "b", "c", "d", "e"), ("i", "ii", "iii", "iv", "v")


def read_label(relation: Relation) -> tuple[str, str] | None:
    """(name, value) if an equation only names a value: x = 3, 3 = x, f(x) = x^2; None if it says more."""
    if r"\approx" in relation.signs:
        cut = relation.signs.index(r"\approx")
        if cut == 0:
            relation = Relation(relation.sides, ("=", *relation.signs[1:]))
        else:
            relation = Relation(relation.sides[: cut + 1], relation.signs[:cut])
    if not relation.signs or not set(relation.signs) <= {"=", r"\equiv"} or not relation.sides[-1]:
        return None
    name, value = relation.sides[0], relation.sides[-1]
    if not NAME.fullmatch(name) and len(relation.sides) == 2 and re.fullmatch(r"[A-Za-z](?:_\{?\w+\}?)?", value):
        name, value = value, name
    if not NAME.fullmatch(name) or not value or (len(name) == 1 and occurs(name, value)):
        return None
    return flat(name), value


def occurs(name: str, value: str) -> bool:
    """Whether a letter stands in an expression."""
    return re.search(rf"(?<![A-Za-z\\]){re.escape(name)}(?![A-Za-z])", value) is not None


def flat(name: str) -> str:
    """A name without spaces, braces and quotes around it."""
    name = re.sub(r"[\s{}\"]|\\text", "", name) if len(name) > 1 else name
    return name[1:-1] if name[:1] == name[-1:] == "'" else name


def head(name: str) -> str:
    """A name without what may be called otherwise: f(x) and f(n), a_n and a_k are the same, no f(2), f' or P(A)."""
    name = re.sub(r"\s+", "", name)
    if term := _TERM.fullmatch(name):
        return term[1]
    if derivative := _DERIVATIVE.fullmatch(name):
        return f"{derivative[1]}'"
    call = _CALL.fullmatch(name)
    if call is None or _ARGUMENTS.fullmatch(call["arguments"]):
        return call["function"] if call else name
    number = read_number(call["arguments"])
    return f"{call['function']}({number.value})" if number else name


def arguments(name: str) -> tuple[str, ...]:
    """The letters that a name says its value is a function of: x and y of f(x, y), n of a_n; none of f(2)."""
    name = re.sub(r"\s+", "", name)
    if (call := _CALL.fullmatch(name)) and _ARGUMENTS.fullmatch(call["arguments"]):
        return tuple(call["arguments"].split(","))
    return (term[2],) if (term := _TERM.fullmatch(name)) else ()


def same_name(a: str, e: str) -> bool:
    """Whether two names may stand for the same thing: f(x) and f(n), and y for a function's value."""
    if head(a) == head(e):
        return True
    return any(
        one == "y" and re.fullmatch(r"[fghFGH](?:\^-1)?\([a-z]\)", flat(other)) for one, other in ((a, e), (e, a))
    )


def without_word_label(text: str) -> tuple[str, str]:
    """('Minimum', '1') of 'Minimum: 1'; no name if there is none."""
    if ":" not in text or (match := _WORD_LABEL.match(text)) is None or ":" in (value := text[match.end() :]):
        return "", text
    return match[1].strip(), value


def doubts(label: str) -> bool:
    """Whether a label says that the value is not the answer, as "wrong" or "not the answer"; "not eaten" names one."""
    words = label.casefold().split()
    doubting = DOUBTING.intersection(words)
    return bool(doubting - {"not"}) or ("not" in doubting and _OF_ANSWERS.issuperset(words))


def is_denial(label: str) -> bool:
    """Whether a label may say that it is not the value, as "Wrong", or is a program's, as "lambda"."""
    return doubts(label) or not (PROGRAM_WORDS | (LIMITS - {"not"})).isdisjoint(label.casefold().split())


def same_words(a: str, e: str) -> bool:
    """Whether two labels in words share a word, or one of them says nothing: "Minimum" and "the minimum", "Answer"."""
    words_a, words_e = (set(label.casefold().split()) - GENERIC_LABELS for label in (a, e))
    return not words_a or not words_e or bool(words_a & words_e)


def read_parts(text: str) -> list[tuple[str, str]] | None:
    """The labelled parts of '(a) 3 (b) 4'."""
    if ")" not in text:
        return None
    marks = list(_PART.finditer(text))
    if len(marks) < 2 or marks[0].start() or len(marks) > len(_PARTS[0]):
        return None
    names = tuple(mark[1] for mark in marks)
    if not any(names == row[: len(names)] for row in _PARTS):
        return None
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    values = [text[mark.end() : end].strip(" ,;.") for mark, end in zip(marks, ends, strict=True)]
    return list(zip(names, values, strict=True)) if all(values) else None


def read_item(item: str, *, colon: bool) -> tuple[str, str] | None:
    """(name, value) of one item of a list: x = 3, A(1,2), and with `colon` x: 3."""
    if "=" in item or "\\" in item:
        relation = None if "," in item and len(split_top(item, _COMMA)) > 1 else read_relation(item)
        if relation:
            return read_label(relation)
    if colon and (match := _COLON.fullmatch(item)):
        return flat(match[1]), match[2]
    if match := _POINT.fullmatch(item):
        return match[1], match[2]
    return None


def read_names(items: Sequence[str], *, colon: bool) -> list[tuple[str, str]] | None:
    r"""(name, value) of each item; if only the first has a name it is the name of all: x = 1, 2."""
    named = [read_item(item, colon=colon) for item in items]
    found = [pair for pair in named if pair]
    if len(found) == len(named):
        return found
    if named[0] and len(found) == 1 and not any(read_relation(item) for item in items[1:]):
        return [named[0], *((named[0][0], item) for item in items[1:])]
    return None


def read_header(name: str, value: str) -> list[tuple[str, str]] | None:
    """The names and values of (x,y) = (1,2)."""
    names = _NAMES.fullmatch(name)
    if names is None or value[:1] not in "([" or value[-1:] not in ")]":
        return None
    values = split_top(value[1:-1], _COMMA)
    header = [flat(part) for part in _COMMA.split(names[1])]
    return list(zip(header, values, strict=True)) if len(values) == len(header) else None


def are_roots(pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether the names only count the values: x_1 and x_2, whose order means nothing."""
    return all(re.fullmatch(r"[xzt]_?\d", name) for name, _ in pairs)


def in_usual_order(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """The values as a tuple of them is written: x, y, z and x_1, x_2 by name, other names as they come."""
    names = sorted(name for name, _ in pairs)
    letters = [ord(name[0]) for name in names]
    run = all(len(name) == 1 for name in names) and letters == list(range(letters[0], letters[0] + len(letters)))
    counted = len({name.rstrip("0123456789") for name in names}) == 1
    if counted:
        return [value for _, value in sorted(pairs, key=lambda pair: int(re.sub(r"\D", "", pair[0]) or 0))]
    return [value for _, value in (sorted(pairs) if run else pairs)]
