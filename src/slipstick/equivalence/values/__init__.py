"""Single values: `numerals` (in words), `units`, `numbers`, `quantities` (in several units), `times`, `ratios`."""
