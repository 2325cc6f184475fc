"""The sandbox's side: all that runs in processes of the sandbox, and all that a security review has to read.

zygote.py       imports once what programs import, then forks fork servers
fork_server.py  confines itself, then forks, kills and reaps sessions
confinement.py  what a fork server gives up: privileges, files, limits, with
filesystem.py     namespaces and a root of its own, and
seccomp.py        filters of system calls (syscalls.toml)
session.py      runs the steps of one program as a notebook would (notebook.py has commands and shows values)
script.py       runs a whole program as `python main.py` does
tracebacks.py   the error that ended a program, in short or as Python tells it
reuse.py        runs one simple program after another in one process (simple.py and simple.toml say what is simple)
protocol.py     messages between sessions and their clients; the host imports it too, and
capture.py      what a step has printed, in memory that the host reads

Imports the standard library, and of slipstick nothing outside this package: `host.zygote` starts it with a boot string
in which the packages above are empty.
"""
