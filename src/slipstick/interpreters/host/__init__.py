"""The caller's side: what runs in slipstick's own process. It trusts nothing that comes back from a session.

sandbox.py      `slipstick.Sandbox`, the local interpreter for synchronous callers
local.py        the plug-in `local`: sessions of this machine, which process runs a step, what happens when one is lost
remote.py       the plug-in `remote`: sessions of a service over HTTP
session.py      client of one session's process: sends a step, keeps its time, checks the reply
fork_server.py  client of one fork server: asks for sessions, has them killed
isolation.py    which isolation this machine can give
zygote.py       client of one zygote: starts it, asks for fork servers

Each client talks to the module of the same name in `slipstick.interpreters.guest`.
"""
