"""What long replies cost, of signs to search for an answer and of pieces to join: `python -m benchmarks.long_replies`.

Every start before every piece, 8,000 and 16,000 signs long, in processor time of this process. An expression that goes
back and forth over a run of signs takes seconds, and twice as many signs take it four times as long or longer.
A text above 0.1 s is read three times, and the shortest counts.

The last line is one JSON object: `texts`, `signs`, `worst_seconds` with its `start` and `piece`, `seconds` of all, and
`growth`, the largest ratio of times from 8,000 to 16,000 signs among texts of at least 0.02 s, with its text;
`stream_growth`, the same ratio of a streamed reply of 2,000 and of 30,000 pieces (15 if each is joined once).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from itertools import product

import httpx2

from slipstick import final_answer
from slipstick.answers import find_conclusion
from slipstick.models.openai.streaming import read_stream

STARTS = {
    "": None,
    "The answer is 42": None,
    "The answer is ": None,
    "The answer": None,
    "42\nq": None,
    "option": "choice",
    "The correct answer is A,": "choice",
}
"""What stands before the repeated piece -> the kind of the problem."""
PIECES = [
    "5", " ", ",", ".", "(", ")", "[", "{", "}", "*", "**", "\n", "\t", "$", "-", "_", "#", "=", "<", ">", "|",
    "\\", "'", "!", "?", "%", "/", ":", ";", "~", "a", "A", "个", "5,", "5.", "5 ", "5/", "5a", "a5", ". ", ", ",
    "( ", ") ", "(5", "* ", "\n ", "[5]", "a ", "A ", "A, ", "and ", "or ", "5 and ", "is ", "no, ", "wait 5. ",
    "answer:", "\\boxed{", "(A) ", "the answer is ", "correction: ", "**check:**\n", "\nq 5", "<answer>",
    "<think>", "```", "5 of ", "if ", "**5** and ", "a **5** ",
    "5 ab of ", "= 5 ", "5 + 5 = ", "(x + 5)", "5 000 ", "would be 5, ", "it could be 5. But ",
    "- 5\n", "- a: 5\n", "$$5$$\n", "$5 ab (", "5 🍎 ", "| A | no |\n",
]  # fmt: skip
TEXTS = list(product(STARTS, PIECES))
SHORT, LONG = 8_000, 16_000
FEW, MANY = 2_000, 30_000
WORDS = "x" * 30
ARGUMENTS = "print(6 * 7)"
"""What each piece of a streamed reply has of its text, and of the arguments of its call."""


def seconds(start: str, piece: str, signs: int) -> float:
    """Processor time of the search for an answer, and for what is named beside it, in so many signs."""
    text = (start + piece * signs)[: signs - 1] + "x"
    took: list[float] = []
    while len(took) < (3 if took and took[0] > 0.1 else 1):
        begin = time.process_time()
        final_answer(text, kind=STARTS[start])
        find_conclusion(text, kind=STARTS[start])
        took.append(time.process_time() - begin)
    return min(took)


def stream(pieces: int) -> httpx2.Response:
    """A server's reply in so many pieces, each with a part of the text and of a call's arguments."""
    call = {"index": 0, "function": {"arguments": ARGUMENTS}}
    piece = {"choices": [{"index": 0, "delta": {"content": WORDS, "tool_calls": [call]}}]}
    event = f"data: {json.dumps(piece)}\n\n".encode()

    async def events() -> AsyncIterator[bytes]:
        for _ in range(pieces):
            yield event
        yield b"data: [DONE]\n\n"

    request, headers = httpx2.Request("POST", "http://127.0.0.1:1/v1"), {"content-type": "text/event-stream"}
    return httpx2.Response(200, content=events(), request=request, headers=headers)


def stream_seconds(pieces: int) -> float:
    """Processor time of joining a reply of so many pieces, the shortest of three times."""
    took = []
    for _ in range(3):
        begin = time.process_time()
        asyncio.run(read_stream(stream(pieces), stall_timeout=60))
        took.append(time.process_time() - begin)
    return min(took)


def main() -> None:
    """Reads every text in both lengths, and streams of few and of many pieces."""
    final_answer("The answer is 42.")  # what the first call loads is not counted
    short, long = ({text: seconds(*text, signs) for text in TEXTS} for signs in (SHORT, LONG))
    worst = max(TEXTS, key=lambda text: long[text])
    growth = {text: long[text] / short[text] for text in TEXTS if long[text] >= 0.02}
    grown = max(growth, key=lambda text: growth[text], default=None)
    figures = {
        "texts": len(TEXTS),
        "signs": LONG,
        "worst_seconds": round(long[worst], 3),
        "start": worst[0],
        "piece": worst[1],
        "seconds": round(sum(long.values()), 1),
        "growth": round(growth[grown], 1) if grown else None,
        "growth_of": grown,
        "stream_growth": round(stream_seconds(MANY) / stream_seconds(FEW), 1),
    }
    print(json.dumps(figures, ensure_ascii=False))


if __name__ == "__main__":
    main()
