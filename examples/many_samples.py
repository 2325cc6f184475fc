"""Accuracy, pass@k and maj@k of several samples per problem, each with its interval and its count."""

from slipstick import Metric, Solution, Text, compare
from slipstick.metrics import accuracy, maj_at_k, pass_at_k

# Expected answer -> what a model answered, four times. With a model, `slipstick evaluate` does all of this.
ANSWERS = {"12": ["12", "12.0", "13", "12"], "1/2": ["0.5", "2", "2", "1/2"]}


def sampled(expected: str, sample: int, answer: str) -> Solution:
    """One sample with its verdict."""
    return Solution(
        id=f"demo/{expected}#cot#{sample}",
        problem_id=f"demo/{expected}",
        sample=sample,
        format="cot",
        blocks=[Text(text=f"The answer is {answer}.")],
        answer=answer,
        verdict=compare(answer, expected),
    )


def same(first: str, second: str) -> bool:
    """Whether two answers vote together."""
    return compare(first, second).outcome == "correct"


def show(metric: Metric) -> None:
    """One line: the value with its 95 % interval and its count."""
    print(f"{metric.measure:>9} {metric.value:.2f} ({metric.low:.2f} to {metric.high:.2f}, n = {metric.n})")


solutions = [sampled(gold, number, text) for gold, texts in ANSWERS.items() for number, text in enumerate(texts)]
show(accuracy(solutions))
for k in (1, 2, 4):
    show(pass_at_k(solutions, k))
    show(maj_at_k(solutions, k, same=same))
