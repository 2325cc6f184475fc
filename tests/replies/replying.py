"""A model that says what a test tells it, solved by the real interpreter."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from slipstick.formats import load_format
from slipstick.interpreters import InterpreterSettings, open_interpreter
from slipstick.models import Reply
from slipstick.models.fake import FakeModel
from slipstick.schema import Problem, Solution
from slipstick.solve import SolveSettings, attempt


def solve_all(replies: Sequence[str | Reply], *, format: str, kind: str | None = None) -> list[Solution]:
    """A solution for each reply to the first turn; in later turns the model says "Done."."""
    told = [reply if isinstance(reply, Reply) else Reply(text=reply) for reply in replies]
    model = FakeModel(lambda request: told[request.sample] if not request.turn else "Done.")
    problem = Problem.model_validate({"id": "p/1", "text": "?", "kind": kind})

    async def run() -> list[Solution]:
        interpreter = open_interpreter(InterpreterSettings(sandbox_workers=2))
        solving = (
            attempt(
                problem,
                load_format(format),
                sample=sample,
                model=model,
                interpreter=interpreter,
                settings=SolveSettings(),
            )
            for sample in range(len(told))
        )
        try:
            return await asyncio.gather(*solving)
        finally:
            await interpreter.close()

    return asyncio.run(run())
