"""Datasets from the Hub: its own client talks to a small Hub on this machine, in a process of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from slipstick.store import RunFolder
from tests.problems.hub_server import serve_hub

pytest.importorskip("datasets", reason="the extra `data` is not installed")

CODE = """
import json, sys
from slipstick.errors import UserError
from slipstick.problems import load_problems

for source in sys.argv[1:]:
    try:
        found = [[problem.id, problem.answer] for problem in load_problems(source)]
    except UserError as error:
        found = str(error)
    print(json.dumps(found))
"""


def ask(folder: Path, *sources: str, **environment: str) -> list[object]:
    """What `load_problems` gives for each source: ids and golds, or the message."""
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment = {**clean, "HF_HOME": str(folder), "HF_HUB_DISABLE_TELEMETRY": "1", **environment}
    environment.pop("SLIPSTICK_PROBLEMS_DIR", None)
    done = subprocess.run(
        [sys.executable, "-c", CODE, *sources], env=environment, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def parquet(*rows: Mapping[str, object]) -> bytes:
    import pyarrow
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(list(rows)), buffer)
    return buffer.getvalue()


def test_datasets_are_read_from_the_hub(tmp_path: Path) -> None:
    card = "---\nconfigs:\n- config_name: main\n  data_files:\n  - split: test\n    path: main/test.jsonl\n---\n"
    lines = "".join(json.dumps({"question": f"{n}+1?", "answer": f"#### {n + 1}"}) + "\n" for n in range(3))
    options = "a ) 1 , b ) 2 , c ) 3 , d ) 4 , e ) 5"
    row = {"Problem": "?", "Rationale": "", "options": options, "correct": "d", "category": "gain"}
    repositories = {
        "openai/gsm8k": {"README.md": card.encode(), "main/test.jsonl": lines.encode()},
        "allenai/math_qa": {"default/test/0000.parquet": parquet(row, row)},
    }
    with serve_hub(repositories) as (address, asked):
        gsm8k, mathqa, train, gone = ask(
            tmp_path, "gsm8k:test", "mathqa:test", "gsm8k:train", "svamp:test", HF_ENDPOINT=address
        )
    assert gsm8k == [["gsm8k/test/0", "1"], ["gsm8k/test/1", "2"], ["gsm8k/test/2", "3"]]
    assert mathqa == [["mathqa/test/0", "D"], ["mathqa/test/1", "D"]]
    assert "openai/gsm8k@740312a/main/train cannot be read from the Hub: Bad split: train" in str(train)
    assert "ChilleD/SVAMP@5e0bf1e/test cannot be read from the Hub" in str(gone) and "svamp_test.jsonl" in str(gone)
    assert {"740312add88f781978c0658806c59bc2815b9866", "refs/convert/parquet"} <= set(asked)


def test_a_language_of_polymath_is_its_four_levels_one_after_the_other(tmp_path: Path) -> None:
    levels = ("low", "medium", "high", "top")
    files = "".join(f"    - split: {level}\n      path: de/{level}.parquet\n" for level in levels)
    repository = {"README.md": f"---\nconfigs:\n  - config_name: de\n    data_files:\n{files}---\n".encode()}
    for level in levels:
        row = {"id": f"{level}-de-0", "question": "Wie viel ist 3 mal 4?", "answer": "$12$"}
        repository[f"de/{level}.parquet"] = parquet(row)
    with serve_hub({"Qwen/PolyMath": repository}) as (address, asked):
        (found,) = ask(tmp_path, "polymath:de", HF_ENDPOINT=address)
    assert found == [[f"polymath/de/{level}/{level}-de-0", "12"] for level in levels]
    assert "71e0db902e0ece05e208dfd8b1695bd3d95cf130" in asked


def test_without_the_hub_the_remedy_is_named(tmp_path: Path) -> None:
    """Port 9 of this machine answers nobody; it is found out at once and not after the client's five tries."""
    unreachable, offline = (
        ask(tmp_path, "gsm8k:test", **how)[0]
        for how in ({"HF_ENDPOINT": "http://127.0.0.1:9"}, {"HF_HUB_OFFLINE": "1"})
    )
    for message in (str(unreachable), str(offline)):
        assert message.startswith("`gsm8k:test`: openai/gsm8k@740312a/main/test cannot be read from the Hub: ")
        remedy = "put one of these files into the folder that problems_dir or SLIPSTICK_PROBLEMS_DIR names"
        assert f". Without the Hub, {remedy}" in message
        assert "gsm8k_test.jsonl" in message
    assert "refused" in str(unreachable)


def test_training_data_of_the_hub_becomes_a_run(tmp_path: Path) -> None:
    card = "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: train.jsonl\n---\n"
    turns = [{"from": "human", "value": "6*7?"}, {"from": "gpt", "value": "It is 42."}]
    files = {"README.md": card.encode(), "train.jsonl": json.dumps({"conversations": turns}).encode() + b"\n"}
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    command = [str(Path(sys.executable).with_name("slipstick")), "import", "hub:me/mine", "--set", "split=train"]
    with serve_hub({"me/mine": files}) as (address, _):
        environment = {
            **clean,
            "HF_HOME": str(tmp_path / "hub"),
            "HF_ENDPOINT": address,
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "1 solution of 1 problem, read as sharegpt: 1 cot" in done.stdout, done.stderr
    (problem,) = RunFolder(tmp_path / "runs" / "mine").problems()
    assert (problem.id, problem.text, problem.metadata["where"]) == ("mine/1", "6*7?", "me/mine/train:1")
