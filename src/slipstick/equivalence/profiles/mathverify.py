r"""Math-Verify's own rules, by calling the library (huggingface/Math-Verify): `math_verify.parse` and `verify`.

As it is set up where it does best: both sides in `$`, and relations and sets compared. Its clock, which
needs the main thread's signals, is off; the worker is killed instead. A gold that it cannot read is undecided here,
although the library says no.
"""

from itertools import groupby
from typing import Any

from slipstick.equivalence.decision import Method
from slipstick.equivalence.profiles.rules import NeedsWorkerError, Profile, UndecidableError


def find(output: str, kind: str | None) -> str:
    """What the library's patterns find: of the strongest that occur, the match that ends last.

    The library tries a weaker match if it cannot read the strongest; here the strongest is the answer.
    """
    for _, group in groupby(_patterns(kind), key=lambda entry: entry[0]):
        matches = [match for _, pattern in group for match in pattern.finditer(output)]
        if matches:
            return _content(max(matches, key=lambda match: (match.end(), -match.start())))
    return ""


def match(answer: str, expected: str, kind: str | None, worker: bool) -> Method | None:
    """The rule by which an answer is accepted, None if by none."""
    if not worker:
        raise NeedsWorkerError
    from math_verify import parse, verify

    gold = parse(_in_math(expected), parsing_timeout=None)
    if not gold or (all(isinstance(part, str) for part in gold) and answer.strip() != expected.strip()):
        raise UndecidableError("math-verify cannot read the expected answer")
    given = parse(_in_math(answer), parsing_timeout=None)
    same = verify(gold, given, allow_set_relation_comp=True, timeout_seconds=None, raise_on_error=True)
    return "symbolic" if same else None


def _in_math(text: str) -> str:
    return text if "$" in text or "boxed{" in text else f"${text}$"


def _patterns(kind: str | None) -> list[tuple[int, Any]]:
    """(priority, pattern), the strongest first."""
    from math_verify.parser import (
        ExprExtractionConfig,
        LatexExtractionConfig,
        StringExtractionConfig,
        get_extraction_regexes,
    )

    wanted = [StringExtractionConfig()] if kind == "choice" else [LatexExtractionConfig(), ExprExtractionConfig()]
    found = [entry for patterns, _ in get_extraction_regexes(wanted) for entry in patterns]
    return sorted(((priority, pattern) for pattern, priority in found), key=lambda entry: entry[0])


def _content(match: Any) -> str:
    """The mathematics in a match: its LaTeX, several joined by commas, else its number, expression or letter."""
    groups = {name: text for name, text in match.groupdict().items() if text}
    latex = [text for name, text in groups.items() if "_latex" in name]
    if latex:
        percent = "\\%" if any(name.endswith("_percent") for name in groups) else ""
        return ", ".join(latex) + percent
    content = groups.get("expr") or groups.get("string_keys") or match.group()
    return f"{content}%" if "percent" in groups and "%" not in content else str(content)


MATH_VERIFY = Profile(find, match)
