"""Mathematics: text is read into a tree, trees are evaluated with certain error bounds and compared.

In the order in which data passes them: `tokens`, `functions`, `arithmetic`, `names` and `reader` make an `expression`
of a text; `exact` (rational) and `evaluation` (balls) compute it; `equality` and `equations` compare two; `comparison`
is what the layers call. `bounds` and `algebra` are for what is left to computer algebra.
"""
