"""Fixtures for tests of several folders."""

from pathlib import Path

import pytest

from slipstick.schema import Code, Output, Problem, Solution, Text


@pytest.fixture(scope="session")
def sums() -> list[tuple[Solution, Problem]]:
    """Solutions of small sums in the formats cot, pot and tir, with their problems."""
    pairs = []
    for a in range(2, 40):
        b = (7 * a) % 50 + 1
        problem = Problem(
            id=f"sums/train/{a}", text=f"Ann has {a} nuts and finds {b} more. How many are they?", answer=str(a + b)
        )
        solutions = {
            "cot": [Text(text=f"{a} + {b} = {a + b}. The answer is {a + b}.")],
            "pot": [Code(text=f"nuts = {a} + {b}\nprint(nuts)")],
            "tir": [
                Text(text="We add.\n"),
                Code(text=f"{a} + {b}"),
                Output(text=f"{a + b}"),
                Text(text=f"The answer is \\boxed{{{a + b}}}."),
            ],
        }
        for name, blocks in solutions.items():
            solution_id = f"{problem.id}#{name}#0"
            pairs.append((Solution(id=solution_id, problem_id=problem.id, format=name, blocks=blocks), problem))
    return pairs


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, sums: list[tuple[Solution, Problem]]) -> Path:
    """Folder of a model of some 40,000 parameters that saw a few sums: it answers, mostly nonsense. About a second."""
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    pytest.importorskip("transformers", reason="the extra `train` is not installed")
    from slipstick.train import TrainSettings, train

    folder = tmp_path_factory.mktemp("tiny") / "model"
    size = {"d_model": 32, "layers": 2, "heads": 2, "d_ff": 64, "vocab": 340}
    rates = {"batch_tokens": 512, "learning_rate": 8e-3, "embedding_rate": 8e-3, "threads": 1}
    settings = TrainSettings(tokens=6000, **size, **rates)
    train(sums, settings=settings, out=folder)
    return folder
