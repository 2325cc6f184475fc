"""Value models in use: they score sampled solutions, and the scores choose among them.

scoring.py    a value model and its solutions -> solutions with values
quality.py    do the values rank correct above incorrect, and are they probabilities?
reranking.py  the majority, the best value and the weighted vote side by side, and advice on which to take
display.py    the same as tables for a terminal
"""

from slipstick.value.scoring import ValueModel, open_value_model, score

__all__ = ["ValueModel", "open_value_model", "score"]
