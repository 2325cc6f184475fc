"""Plays every problem of an exported OpenEnv environment, or NeMo Gym resources server; run in the tool's environment.

    python exported_client.py openenv|nemo_gym http://HOST:PORT/v1 ENDED.jsonl

in the folder of the environment or server. The address is that of a model of the OpenAI API. Writes a line for each
problem, with `id`, `reward` and `outcome`. It imports nothing of slipstick: the exported files do.
"""

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TOOLS = [{"type": "function", "function": {"name": "python", "parameters": {"type": "object"}}}]
PATIENCE = 300
"""Seconds in which a server has to answer."""


def ask(address: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """The model's next message."""
    body = json.dumps({"model": "m", "messages": messages, "tools": TOOLS}).encode()
    request = urllib.request.Request(f"{address}/chat/completions", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        found: dict[str, Any] = json.loads(answer.read())["choices"][0]["message"]
    return found


def openenv(address: str) -> Iterator[dict[str, Any]]:
    """Episodes of the environment, whose server runs in a process of its own meanwhile."""
    from openenv import GenericEnvClient

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", "uvicorn", "server.app:app", "--port", str(port)])
    try:
        _wait_for(f"http://127.0.0.1:{port}")
        with GenericEnvClient(base_url=f"http://127.0.0.1:{port}").sync() as environment:
            for number, row in enumerate(_rows(Path("problems.jsonl"))):
                yield {"id": row["id"], **_episode(environment, address, number)}
    finally:
        server.terminate()
        server.wait()


def nemo_gym(address: str) -> Iterator[dict[str, Any]]:
    """Rollouts at the resources server, without Ray: each a client with cookies of its own, as NeMo Gym's agent is."""
    import httpx

    url = _serve()
    for row in _rows(Path("data/problems.jsonl")):
        with httpx.Client(base_url=url, timeout=PATIENCE) as client:
            yield {"id": row["id"], **_rollout(client, address, row)}


def _episode(environment: Any, address: str, number: int) -> dict[str, Any]:
    """One episode."""
    messages = environment.reset(index=number).observation["messages"]
    while True:
        said = ask(address, messages)
        messages.append(said)
        calls = said.get("tool_calls") or []
        code = json.loads(calls[0]["function"]["arguments"])["code"] if calls else None
        action = {"text": said["content"] or ""} | ({} if code is None else {"code": code})
        result = environment.step(action)
        if result.done:
            return {"reward": result.reward, "outcome": result.observation["outcome"]}
        messages.append({"role": "tool", "tool_call_id": calls[0]["id"], "content": result.observation["text"]})


def _wait_for(url: str) -> None:
    """Until a server answers. Raises TimeoutError."""
    for _ in range(PATIENCE):
        try:
            urllib.request.urlopen(f"{url}/health").close()
        except OSError:
            time.sleep(1)
        else:
            return
    raise TimeoutError(f"{url} does not answer")


def _rollout(client: Any, address: str, row: dict[str, Any]) -> dict[str, Any]:
    """One rollout."""
    client.post("/seed_session", json=row).raise_for_status()
    messages, items = list(row["responses_create_params"]["input"]), list[dict[str, Any]]()
    while calls := (said := ask(address, messages)).get("tool_calls"):
        messages.append(said)
        call = {"type": "function_call", "call_id": calls[0]["id"], **calls[0]["function"]}
        given = client.post(f"/{call['name']}", json=json.loads(call["arguments"])).raise_for_status().text
        items += [call, {"type": "function_call_output", "call_id": call["call_id"], "output": given}]
        messages.append({"role": "tool", "tool_call_id": call["call_id"], "content": given})
    part = {"type": "output_text", "text": said["content"], "annotations": []}
    items.append({"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part]})
    made = {"id": "r", "created_at": 0, "model": "m", "object": "response", "output": items, "tools": []}
    response = {**made, "parallel_tool_calls": False, "tool_choice": "auto"}
    ended = client.post("/verify", json={**row, "response": response}).raise_for_status().json()
    return {"reward": None if ended["mask_sample"] else ended["reward"], "outcome": ended["outcome"]}


def _serve() -> str:
    """The address of the server of app.py, which runs in a thread until this process ends."""
    import uvicorn
    from nemo_gym.config_types import BaseServerConfig
    from nemo_gym.server_utils import ServerClient
    from omegaconf import OmegaConf

    sys.path.insert(0, str(Path.cwd()))
    from app import SlipstickConfig, SlipstickResourcesServer

    head = ServerClient(
        head_server_config=BaseServerConfig(host="127.0.0.1", port=1), global_config_dict=OmegaConf.create({})
    )
    config = SlipstickConfig(name=Path.cwd().name, host="127.0.0.1", port=0, entrypoint="app.py")
    app = SlipstickResourcesServer(config=config, server_client=head).setup_webserver()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.1)
    port = server.servers[0].sockets[0].getsockname()[1]
    return f"http://127.0.0.1:{port}"


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def main() -> None:
    """Plays, and writes how each problem ended."""
    play = {"openenv": openenv, "nemo_gym": nemo_gym}[sys.argv[1]]
    with Path(sys.argv[3]).open("w") as file:
        for ended in play(sys.argv[2]):
            file.write(json.dumps(ended) + "\n")


if __name__ == "__main__":
    main()
