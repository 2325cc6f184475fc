"""The caller's side, in slipstick's own process. Each client talks to the module of the same name in `guest`.

sandbox.py      `slipstick.Sandbox`, an interpreter for synchronous callers; async_sandbox.py: `AsyncSandbox`
background.py   the thread that both work in, and what they do there
files.py        files of a session's scratch folder: what is asked, and what an answer says
local.py        the plug-in `local`: sessions of this machine, which process runs a step, what happens when one is lost
remote.py       the plug-in `remote`: sessions of a service over HTTP
session.py      client of one session's process: sends a step, keeps its time, checks the reply
timing.py       how long a step may take, by processor time first
replay.py       when the steps of a session are run again, and whether they did the same
pipes.py        the standard streams of a script, seen from outside
channel.py      the socket to one session's process
fork_server.py  client of one fork server: asks for sessions, has them killed
isolation.py    which isolation this machine can give
scratch.py      scratch folders on this machine's disk, and how they are removed
zygote.py       client of one zygote: starts it, asks for fork servers
"""
