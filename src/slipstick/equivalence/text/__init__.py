"""Answers in words: prose, choice letters, labels before values."""
