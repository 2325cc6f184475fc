"""How answers are written: `vocabulary` (words and signs), `notation` (LaTeX, Unicode), `printed` (Python output)."""
