"""What a model's reply holds, however it writes it: thoughts, words, and the code that it wants to have run.

turns.py       one turn: where it ends, its words and its code
calls.py       calls of the tool that stand in the text, by the forms of calls.toml
arguments.py   the code in the arguments of a call
programs.py    the one program of a reply that should be nothing else
fences.py      fenced blocks, whatever their fences look like

A reply's text is read here once; how a solution is rendered again is said by `formats`.
"""
