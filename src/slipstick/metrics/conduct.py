"""How solutions were made, whatever their answers: programs, turns, cut ends, open thoughts, faults."""

from collections.abc import Sequence

from slipstick.schema import Output, Solution, Text
from slipstick.thoughts import split_thoughts


def conduct_of(solutions: Sequence[Solution]) -> dict[str, float]:
    """Means over solutions, of which there is one at least.

    "tool_use": the share with a program that was run; "turns": programs run in one; "truncated": the share cut by
    max_tokens; "unfinished_thoughts": the share that ends in thoughts that never ended; "sandbox_fault": the share with
    a fault of the sandbox.
    """
    outputs = [[block for block in one.blocks if isinstance(block, Output)] for one in solutions]
    sums = {
        "tool_use": sum(bool(each) for each in outputs),
        "turns": sum(map(len, outputs)),
        "truncated": sum(one.finish == "length" for one in solutions),
        "unfinished_thoughts": sum(map(thinks_to_the_end, solutions)),
        "sandbox_fault": sum(any(output.status == "sandbox_fault" for output in each) for each in outputs),
    }
    return {name: total / len(solutions) for name, total in sums.items()}


def thinks_to_the_end(solution: Solution) -> bool:
    """Whether a solution ends in thoughts that never ended."""
    if not solution.blocks or not isinstance(solution.blocks[-1], Text):
        return False
    return not split_thoughts("".join(block.text for block in solution.blocks if isinstance(block, Text))).finished
