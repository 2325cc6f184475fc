"""Single values: numbers, quantities with units, times and dates, ratios."""
