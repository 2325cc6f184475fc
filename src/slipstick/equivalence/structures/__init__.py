"""Answers made of others: lists, tuples, matrices, named values, sets of reals."""
