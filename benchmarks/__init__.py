"""What measures slipstick: each `python -m benchmarks.NAME` prints one JSON object as its last line."""
