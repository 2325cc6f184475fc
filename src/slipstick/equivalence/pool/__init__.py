"""Worker processes: `main` (what one does), `process` (its handle), `pool` (lends them), `stream` (many rows)."""
