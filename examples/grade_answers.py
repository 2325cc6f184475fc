"""Compares pairs of answers, and finds and grades the final answer of a text."""

import slipstick

PAIRS = [
    ("0.5", r"\frac{1}{2}"),
    ("x^2 + 2x + 1", "(x+1)^2"),
    ("$1,200", "1200"),
    ("1200", "12000"),
    ("(-oo, 3]", "x <= 3"),
]
TEXT = "Half of the 84 marbles are red, that is 42. The answer is \\boxed{42}."

for answer, expected in PAIRS:
    verdict = slipstick.compare(answer, expected)
    print(f"{answer:>14}  {expected:<14} {verdict.outcome:<10} {verdict.method}: {verdict.reason}")

found = slipstick.find_answer(TEXT)
print(f"\nThe final answer is {found.text!r}, found by the rule {found.rule!r}" if found else "\nNo answer")
print(slipstick.grade(TEXT, ["42", "forty-two"]).outcome)
