"""Finds problems whose label is wrong or ambiguous, ranked, each with its evidence.

Two kinds of evidence add up as log-odds: what solvers say, and what a worked solution says against itself or its
label. Nothing is learned from corrections that people made. The files, in the order data passes them:

- `equations`: the equations of a worked solution, calculated again
- `rationale`: contradictions in a worked solution, each a piece of evidence (`signals.toml` has the weights)
- `votes`: answers of solvers, equal ones grouped, and the runs that they are read from
- `reliability`: how much each solver's word counts
- `ranking`: all evidence of a problem -> one score
- `curve`: how good a ranking is, if people have said which labels are wrong
- `display`: suspects and solvers as tables for the terminal
"""
