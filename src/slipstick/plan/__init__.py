"""What a training run will need, estimated before it starts: memory, time and money.

shapes.py    sizes of a model: from its config.json, or from a table
memory.py    a model and the work of a device -> bytes of memory by part, operations per token
fit.py       a training's settings -> the work of a device; whether it fits into this machine
dry_run.py   the first steps, run to measure speed and memory
estimate.py  the settings of a plan -> a GPU, the tokens to train on, the changes that make it fit
"""
