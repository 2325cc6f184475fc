r"""Rewrites what Python prints for lists, sets, intervals, matrices and equations to how they are written by hand.

FiniteSet(1, 2) is \{1,2\}, Interval.open(0, 1) is (0,1), Matrix([[1, 2]]) is [[1, 2]], Eq(x, 3) is x=3.
"""

import re
from collections.abc import Callable, Sequence

from slipstick.equivalence.normalize.notation import closing_place, split_top

MAX_LENGTH = 4_000
"""Longer texts stay as they are."""
MAX_DEPTH = 8
_COMMA = re.compile(r"\s*,\s*")
_REALS = r"(-\infty,\infty)"


def _interval(args: Sequence[str]) -> str:
    left, right = (place < len(args) and args[place].casefold() == "true" for place in (2, 3))
    return f"{'(' if left else '['}{args[0]},{args[1]}{')' if right else ']'}"


def _is_flat(text: str) -> bool:
    return text.startswith("[") and not re.search(r"[\[(]", text[1:])


def _column(args: Sequence[str]) -> str:
    return f"[{','.join(f'[{cell}]' for cell in _COMMA.split(args[0][1:-1]))}]" if _is_flat(args[0]) else args[0]


def _array(args: Sequence[str]) -> str:
    return f"({args[0][1:-1]})" if _is_flat(args[0]) else args[0]


def _set(args: Sequence[str]) -> str:
    inside = args[0][1:-1] if args[0][:1] in ("[", "{", "(") else ",".join(args)
    return rf"\{{{inside}\}}"


def _repeated(command: str) -> Callable[[Sequence[str]], str]:
    def written(args: Sequence[str]) -> str:
        bounds = [part.strip() for part in args[1].strip("()").split(",")]
        if len(bounds) != 3:
            return f"Sum({','.join(args)})"
        return rf"{command}_{{{bounds[0]}={bounds[1]}}}^{{{bounds[2]}}} ({args[0]})"

    return written


_CALLS: dict[str, tuple[int, Callable[[Sequence[str]], str]]] = {  # least number of arguments, how to write it
    "FiniteSet": (1, lambda args: rf"\{{{','.join(args)}\}}"),
    "Interval": (2, _interval),
    "Interval.open": (2, lambda args: f"({args[0]},{args[1]})"),
    "Interval.Lopen": (2, lambda args: f"({args[0]},{args[1]}]"),
    "Interval.Ropen": (2, lambda args: f"[{args[0]},{args[1]})"),
    "Union": (2, r"\cup ".join),
    "Intersection": (2, r"\cap ".join),
    "Complement": (2, lambda args: rf"{args[0]}\setminus {args[1]}"),
    "Tuple": (1, lambda args: f"({','.join(args)})"),
    **dict.fromkeys(("Sum", "summation"), (2, _repeated(r"\sum"))),
    **dict.fromkeys(("Product", "product"), (2, _repeated(r"\prod"))),
    "factorial2": (1, lambda args: f"({args[0]})!!"),
    "Eq": (2, "=".join),
    "Ne": (2, r"\neq ".join),
    "Or": (2, " or ".join),
    "And": (2, " and ".join),
    "Rational": (2, lambda args: rf"\frac{{{args[0]}}}{{{args[1]}}}"),
    "Fraction": (2, lambda args: rf"\frac{{{args[0]}}}{{{args[1]}}}"),
    **dict.fromkeys(("set", "frozenset"), (1, _set)),
    **dict.fromkeys(
        ("Decimal", "Integer", "Float", "mpf", "float64", "int64", "float32", "int32"),
        (1, lambda args: args[0].strip("'\"")),
    ),
    **dict.fromkeys(("Matrix", "ImmutableMatrix", "MutableDenseMatrix", "ImmutableDenseMatrix"), (1, _column)),
    **dict.fromkeys(("array", "matrix", "tensor"), (1, _array)),
    **dict.fromkeys(("dict_values", "dict_keys", "deque"), (1, lambda args: args[0])),
}
_CALL = re.compile(
    rf"(?<![A-Za-z\\_.])(?:np\.|numpy\.|torch\.|sympy\.|fractions\.|decimal\.)?"
    rf"({'|'.join(re.escape(name) for name in sorted(_CALLS, key=len, reverse=True))})\("
)
_COMPLEX = re.compile(r"(?<![\w.])([-+]?\d+(?:\.\d*)?\s*[-+]\s*\d*(?:\.\d+)?)[jJ](?![A-Za-z])")
_DICT = re.compile(r"(?:\{([A-Za-z]\w{0,8})|^([f-z]\d?)): ([^{},:=<>]*)(?:\}|$)")
_GLUED = re.compile(r"(?<=[\d)}])(or|and)(?=[A-Za-z][=(<>]|-?\d)")
_OPERATION = re.compile(r"(?<=[)\]}A-Z]) (union|intersect) (?=[(\[{\\A-Z])")
_QUOTED = re.compile(r"(?<=[\[{(,: ])'([^']*)'(?=\s*[,\])}:])")
_NAMES = (
    (re.compile(r"(?<![A-Za-z])(?:S\.)?EmptySet(?:\(\))?(?![A-Za-z])|(?<![A-Za-z])(?:frozen)?set\(\)"), r"\\emptyset "),
    (re.compile(r"(?<![A-Za-z])(?:S\.)?Reals(?![A-Za-z])"), _REALS.replace("\\", "\\\\")),
)


def as_written(text: str) -> str:
    """The text without calls and names that only Python writes; what has none stays."""
    if len(text) > MAX_LENGTH:
        return text
    if "Reals" in text or "EmptySet" in text or "set()" in text:
        for name, meaning in _NAMES:
            text = name.sub(meaning, text)
    if "or" in text or "and" in text:
        text = _GLUED.sub(r" \1 ", text)
    if " union " in text or " intersect " in text:
        text = _OPERATION.sub(lambda match: r"\cup " if match[1] == "union" else r"\cap ", text)
    if ":" in text:
        text = _DICT.sub(r"\1\2=\3", text)
    if ("j" in text or "J" in text) and "i" not in text:
        text = _COMPLEX.sub(r"\1i", text)
    if "'" in text and text[:1] in ("[", "{", "("):
        text = _QUOTED.sub(r"\1", text)
    return _calls(text, 0) if "(" in text else text


def _calls(text: str, depth: int) -> str:
    written: list[str] = []
    place = 0
    while depth < MAX_DEPTH and (match := _CALL.search(text, place)):
        end = closing_place(text, match.end() - 1)
        least, write = _CALLS[match.group(1)]
        if end is None:
            break
        args = [arg.strip() for arg in split_top(text[match.end() : end], _COMMA) if arg.strip()]
        if len(args) < least:
            break
        written += text[place : match.start()], write([_calls(arg, depth + 1) for arg in args])
        place = end + 1
    return "".join(written) + text[place:] if written else text
