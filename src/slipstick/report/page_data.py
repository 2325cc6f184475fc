"""Packs problems with their solutions into the text that a page embeds and its script unpacks."""

import base64
import gzip
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from slipstick.metrics.measures import by_problem
from slipstick.schema import Block, Output, Problem, Solution, Text
from slipstick.thoughts import split_thoughts

_ABOUT = ("split", "dataset", "subject", "topic", "level", "kind")
_HASH = re.compile(r"(?=.*\d)[0-9a-f]{7,64}")
_ORIGIN = re.compile(r"(?:^|_)(?:origin|commit|revision|sha\d*|hash|md5|url|file|path|row|uid|uuid)(?:_|$)")


def pack_problems(problems: Iterable[Problem], solutions: Iterable[Solution]) -> str:
    """Base64 of gzipped JSON: a list of problems in order, each with its solutions.

    Base64 has no `<`, so nothing in a row can end the element that holds it. The same rows give the same text.
    """
    attempts = by_problem(solutions)
    rows = [_problem_row(problem, attempts.get(problem.id, ())) for problem in problems]
    # A lone surrogate, which a program can print, cannot be encoded in UTF-8; ASCII-escaped JSON can hold it.
    raw = json.dumps(rows, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    return base64.b64encode(gzip.compress(raw, compresslevel=9, mtime=0)).decode("ascii")


def _problem_row(problem: Problem, solutions: Sequence[Solution]) -> dict[str, Any]:
    plain = {key: str(problem.metadata[key]) for key in useful_first(problem.metadata)}
    row = {
        "id": problem.id,
        "text": problem.text,
        "answer": problem.answer,
        "kind": problem.kind,
        "choices": problem.choices,
        "rationale": problem.rationale,
        "metadata": plain,
        "solutions": [_solution_row(solution) for solution in sorted(solutions, key=lambda each: each.sample)],
    }
    return _without_empty(row)


def useful_first(metadata: Mapping[str, Any]) -> list[str]:
    """The keys of plain values: what a problem is about first, then what else there is, hashes and places last."""
    plain = {key: str(value) for key, value in metadata.items() if isinstance(value, str | int | float)}

    def rank(key: str) -> int:
        if _HASH.fullmatch(plain[key]) or _ORIGIN.search(key):
            return len(_ABOUT) + 1
        return _ABOUT.index(key) if key in _ABOUT else len(_ABOUT)

    return sorted(plain, key=rank)


def _solution_row(solution: Solution) -> dict[str, Any]:
    verdict = solution.verdict
    row = {
        "format": solution.format,
        "sample": solution.sample,
        "blocks": [row for block in solution.blocks for row in _block_rows(block)],
        "answer": solution.answer,
        "outcome": verdict.outcome if verdict else None,
        "method": verdict.method if verdict else None,
        "expected": verdict.expected if verdict else None,
        "reason": verdict.reason if verdict else None,
        "finish": solution.finish,
        "tokens": solution.tokens,
        "thought_tokens": solution.thought_tokens,
        "seconds": _finite(solution.seconds),
        "value": None if solution.value is None else _finite(solution.value),
        "model": solution.model,
        "previous_attempts": [_solution_row(each) for each in solution.previous_attempts],
    }
    return _without_empty(row)


def _block_rows(block: Block) -> list[list[Any]]:
    """A block as the page shows it; thoughts in a text are rows of their own, which it folds."""
    if isinstance(block, Output):
        return [[block.type, block.text, block.status, _finite(block.seconds)]]
    thoughts = split_thoughts(block.text) if isinstance(block, Text) else None
    if thoughts is None or not thoughts.thought_places:
        return [[block.type, block.text]]
    said = [(place, "text") for place in thoughts.places]
    parts = sorted([*said, *((place, "thought") for place in thoughts.thought_places)])
    return [[kind, block.text[start:end]] for (start, end), kind in parts]


def _finite(value: float) -> float | None:
    """Three decimals; None for infinity and NaN, which JSON lacks."""
    return round(value, 3) if math.isfinite(value) else None


def _without_empty(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value not in (None, "", 0, [], {})}
