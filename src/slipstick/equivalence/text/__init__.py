"""Answers in words: `choices` (letters of options), `labels` (names before values), `prose`."""
