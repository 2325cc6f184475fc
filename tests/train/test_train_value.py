"""Training a value model: balanced samples, one checkpoint that writes and scores, resumed after a kill."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

pytest.importorskip("torch", reason="the extra `train` is not installed")

import torch

from slipstick.commands import Invocation
from slipstick.commands.train import run_train
from slipstick.commands.value import run_value
from slipstick.encode.encoding import IGNORED
from slipstick.encode.settings import EncodeSettings
from slipstick.errors import InputError, ModelError, RecipeError, UserError
from slipstick.metrics.labels import metric_label
from slipstick.models.hf import load_weights
from slipstick.models.hf.value_head import HeadSettings, ValueHead, hidden_and_logits, load_head
from slipstick.recipe import check_settings
from slipstick.schema import Outcome, Problem, Run, Solution, Text, Verdict
from slipstick.store import RunFolder
from slipstick.train.settings import ValueSettings
from slipstick.train.value import train_value
from slipstick.train.value_examples import ValueExample, balance, encode_sample, split_problems
from slipstick.train.value_loop import ModelWithValueHead
from slipstick.value import open_value_model, score
from slipstick.value.quality import within_problem_auc

Pairs = list[tuple[Solution, Problem]]
OUTCOMES: dict[str, Outcome] = {"right": "correct", "wrong": "incorrect", "none": "no_answer", "open": "undecided"}


def sample(number: int, problem: Problem, *, said: str, outcome: str) -> Solution:
    """A graded solution in words."""
    return Solution(
        id=f"{problem.id}#cot#{number}",
        problem_id=problem.id,
        sample=number,
        format="cot",
        blocks=[Text(text=said)],
        answer=said.rpartition(" ")[2].rstrip("."),
        verdict=Verdict(outcome=OUTCOMES[outcome], method="test"),
    )


def encoded(solution: Solution, problem: Problem, tokenizer: Any, **options: Any) -> ValueExample:
    """A sample that is not too long, as it is trained on."""
    example = encode_sample(solution, problem, tokenizer, **options)
    assert example
    return example


@pytest.fixture(scope="module")
def graded() -> list[tuple[Solution, Problem]]:
    """Two right and two wrong solutions of each of thirty sums; the wrong ones say so in their first word."""
    pairs = []
    for a in range(2, 32):
        problem = Problem(
            id=f"sums/graded/{a}", text=f"Ann has {a} nuts and finds 3 more. How many?", answer=str(a + 3)
        )
        said = [f"We add. {a + 3}.", f"We find. {a + 3}.", f"Ann has {a}.", f"Ann finds {a}."]
        outcomes = ["right", "right", "wrong", "wrong"]
        pairs += [
            (sample(i, problem, said=s, outcome=o), problem)
            for i, (s, o) in enumerate(zip(said, outcomes, strict=True))
        ]
    return pairs


@pytest.fixture(scope="module")
def settings(tiny_model: Path) -> ValueSettings:
    return ValueSettings(
        base=str(tiny_model),
        num_train_epochs=6,
        batch_tokens=512,
        learning_rate=3e-3,
        head_learning_rate=1e-2,
        device="cpu",
    )


@pytest.fixture(scope="module")
def value_model(graded: Pairs, settings: ValueSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("value") / "model"
    train_value(graded, settings=settings, out=out)
    return out


def test_it_writes_and_scores(graded: Pairs, value_model: Path) -> None:
    load_weights(str(value_model), dtype="float32")  # a stock model of transformers
    problems = {problem.id: problem for _, problem in graded}
    scored = list(score([s for s, _ in graded], problems, with_model=open_value_model(value_model, device="cpu")))
    assert [solution.id for solution in scored] == [solution.id for solution, _ in graded]
    assert all(solution.value is not None and 0 <= solution.value <= 1 for solution in scored)
    auc = within_problem_auc(scored)
    assert auc.value > 0.9 and auc.low > 0.5 and auc.n == 30


def test_a_value_does_not_depend_on_its_batch(graded: Pairs, value_model: Path) -> None:
    problems, scorer = {p.id: p for _, p in graded}, open_value_model(value_model, device="cpu")
    solutions = [solution for solution, _ in graded][:9]
    together = [s.value for s in score(solutions, problems, with_model=scorer)]
    alone = [s.value for s in score(solutions, problems, with_model=scorer, batch_tokens=1)]
    assert together == pytest.approx(alone, abs=1e-5)


def test_no_answer_has_the_lowest_value(graded: Pairs, value_model: Path) -> None:
    solution, problem = graded[0]
    silent = solution.model_copy(update={"answer": None})
    scorer = open_value_model(value_model, device="cpu")
    assert [s.value for s in score([silent], {problem.id: problem}, with_model=scorer)] == [0.0]


@pytest.mark.parametrize(
    "variant",
    [
        {"value_loss": "mse", "lm_on": "all", "dropout": 0.2},
        {"value_loss": "mse", "value_range": "pm1", "read_at": "steps", "value_weight": 0.1},
        {"lora_rank": 4, "lm_weight": 0.0},
    ],
)
def test_the_variants_train(graded: Pairs, settings: ValueSettings, tmp_path: Path, variant: dict[str, object]) -> None:
    given = check_settings({**settings.model_dump(), **variant, "num_train_epochs": 1}, ValueSettings)
    trained = train_value(graded[:40], settings=given, out=tmp_path)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "losses.jsonl").read_text().splitlines()]
    assert len(losses) == trained.steps and trained.examples == 40
    head = load_head(tmp_path)
    assert head.settings.squash == given.squash and head.settings.read_at == given.read_at
    load_weights(str(tmp_path), dtype="float32")


def test_it_scores_in_the_layout_it_was_trained_in(graded: Pairs, settings: ValueSettings, tmp_path: Path) -> None:
    (tmp_path / "chat.jinja").write_text(
        "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + eos_token }}{% endfor %}"
    )
    chat = {"template": "chat", "chat_template": str(tmp_path / "chat.jinja"), "num_train_epochs": 1.0}
    train_value(graded[:8], settings=settings.model_copy(update=chat), out=tmp_path / "model")
    scorer, (solution, problem) = open_value_model(tmp_path / "model", device="cpu"), graded[0]
    trained = encoded(solution, problem, scorer.tokenizer, settings=EncodeSettings(template="chat"))
    assert scorer.tokenizer.decode(trained.ids).endswith(f"assistant: {solution.blocks[0].text}<|end|>")
    with torch.no_grad():
        hidden, _ = hidden_and_logits(scorer.model, torch.tensor([trained.ids]), torch.tensor([0]))
        value = float(torch.sigmoid(scorer.head(hidden))[0, -1])
    (scored,) = score([solution], {problem.id: problem}, with_model=scorer)
    assert scored.value == pytest.approx(value, abs=1e-5)
    with pytest.raises(RecipeError, match="solutions are scored with one prompt"):
        check_settings({"base": "x", "template": "alpaca", "prompt_variant": "run"}, ValueSettings)
    with pytest.raises(InputError, match="max_length = 4096 is more than the 1024 tokens"):
        train_value(graded, settings=settings.model_copy(update={"max_length": 4096}), out=tmp_path / "long")


def test_an_interrupted_training_goes_on_along_the_same_losses(
    graded: Pairs, settings: ValueSettings, tmp_path: Path
) -> None:
    class StopError(Exception):
        pass

    short = settings.model_copy(update={"num_train_epochs": 2, "checkpoint_every": 1000, "dropout": 0.1})

    def stop(done: int, total: int, loss: float) -> None:
        if done > total / 2:
            raise StopError

    with pytest.raises(StopError):
        train_value(graded, settings=short, out=tmp_path / "cut", progress=stop)

    def draw(done: int, total: int, loss: float) -> None:
        torch.rand(1)

    # What others draw in between changes nothing: each step seeds every device's generator itself.
    train_value(graded, settings=short, out=tmp_path / "whole", progress=draw)
    steps: list[tuple[int, int, float]] = []
    train_value(graded, settings=short, out=tmp_path / "cut", progress=lambda *now: steps.append(now))
    read = [(tmp_path / name / "losses.jsonl").read_text() for name in ("whole", "cut")]
    assert read[0] == read[1]
    assert 0 < len(steps) < len(read[0].splitlines())
    done = train_value(graded, settings=short, out=tmp_path / "cut", progress=lambda *now: pytest.fail("done twice"))
    assert done.steps == len(read[0].splitlines())


def test_a_head_knows_nothing_before_it_is_trained(tiny_model: Path) -> None:
    model, _ = load_weights(str(tiny_model), dtype="float32")
    with torch.no_grad():
        model.get_output_embeddings().weight += 3.0  # as in pretrained models, the mean logit is far from zero
    joint = ModelWithValueHead(model, ValueSettings(base=str(tiny_model)))
    hidden, _ = hidden_and_logits(model, torch.arange(12)[None], torch.tensor([0]))
    assert torch.all(joint.head.squash(joint.head(hidden)) == 0.5)


def test_adapters_learn_faster_than_weights() -> None:
    assert ValueSettings(base="x").learning_rate == 1e-5
    assert ValueSettings(base="x", lora_rank=8).learning_rate == 2e-4
    assert ValueSettings(base="x", lora_rank=8, learning_rate=3e-5).learning_rate == 3e-5


def test_as_many_right_as_wrong_of_every_problem() -> None:
    problem, other = Problem(id="a", text="?"), Problem(id="b", text="?")
    outcomes = ["right", "right", "right", "wrong", "none", "open", "open"]
    rows = [sample(i, problem, said=f"It is {i}.", outcome=outcome) for i, outcome in enumerate(outcomes)]
    twice = rows[3].model_copy(update={"id": "again"})
    only_right = [sample(i, other, said=f"It is {i}.", outcome="right") for i in range(3)]
    chosen = balance([*rows, twice, *only_right], most=8, seed=0)
    outcomes = [solution.verdict.outcome for solution in chosen if solution.verdict]
    assert outcomes[:3] == ["correct"] * 3 and sorted(set(outcomes[3:])) == ["incorrect", "no_answer"]
    assert len(outcomes) == 6, "two are wrong, three right: one wrong one is taken twice"
    assert {solution.problem_id for solution in chosen} == {"a"}
    assert len(balance(rows, most=1, seed=0)) == 2
    seen, held = split_problems([*rows, *only_right], share=0.5, seed=0)
    assert {s.problem_id for s in seen} | {s.problem_id for s in held} == {"a", "b"} and seen and held


def test_wrong_solutions_teach_the_value_alone(graded: Pairs, tiny_model: Path) -> None:
    _, tokenizer = load_weights(str(tiny_model), dtype="float32")
    (right, problem), (wrong, _) = graded[0], graded[2]
    base = ValueSettings(base="x")
    taught = encoded(right, problem, tokenizer, settings=base)
    warned = encoded(wrong, problem, tokenizer, settings=base)
    assert taught.correct and [i for i, label in enumerate(taught.labels) if label != IGNORED] == taught.marks
    assert not warned.correct and set(warned.labels) == {IGNORED} and warned.marks
    assert encoded(wrong, problem, tokenizer, settings=base, lm_on_incorrect=True).labels != warned.labels
    lines = right.model_copy(update={"blocks": [Text(text="one\ntwo\nthree")]})
    assert len(encoded(lines, problem, tokenizer, settings=base, steps_only=True).marks) == 3


def test_the_verbs(graded: Pairs, settings: ValueSettings, tmp_path: Path) -> None:
    source = RunFolder.start(tmp_path / "samples", run_of("evaluate"))
    source.write_problems({problem.id: problem for _, problem in graded}.values())
    for solution, _ in graded:
        source.append(solution)
    source.finish("finished", counts={}, metrics=[])
    recipe = tmp_path / "value.toml"
    recipe.write_text(
        f'stage = "value"\nbase = "{settings.base}"\ndata = "{tmp_path / "samples"}"\nholdout = 0.2\n'
        "num_train_epochs = 6\nbatch_tokens = 512\nlearning_rate = 3e-3\nhead_learning_rate = 1e-2\ndevice = 'cpu'\n"
    )
    console = Console(record=True, width=120, quiet=True)
    with pytest.raises(UserError, match=r"training needs about .* GiB of memory .* set a smaller batch_tokens"):
        run_train(Invocation(str(recipe), ["batch_tokens=10000000000"], out=tmp_path / "none"), console)
    assert not (tmp_path / "none").exists()
    trained = run_train(Invocation(str(recipe), out=tmp_path / "trained"), console)
    names = {metric_label(metric) for metric in RunFolder(trained).metrics()}
    assert names == {"auc, cot", "brier, cot", "ece, cot"}
    card = (trained / "model" / "README.md").read_text()
    assert (
        "stage `value`" in card
        and "| auc, cot (n = " in card
        and "of the pairs (" in card
        and "num_train_epochs = 6" in card
    )

    told = Console(record=True, width=140)
    order = Invocation(str(tmp_path / "samples"), [f"value_model={trained / 'model'}", "device=cpu"])
    valued = run_value(order, told)
    assert valued == tmp_path / "samples-valued"
    assert all(solution.value is not None for solution in RunFolder(valued).solutions())
    metrics = {metric_label(metric): metric.value for metric in RunFolder(valued).metrics()}
    assert metrics["best@4, cot"] > metrics["maj@4, cot"] == 0.5 and metrics["auc, cot"] > 0.9
    assert "Choose by it: " in told.export_text()


def test_mistakes_are_said(graded: Pairs, settings: ValueSettings, tmp_path: Path, tiny_model: Path) -> None:
    with pytest.raises(InputError, match="no problem has both a correct and an incorrect one"):
        train_value([pair for pair in graded if pair[0].sample < 2], settings=settings, out=tmp_path / "a")
    with pytest.raises(RecipeError, match='needs value_loss = "mse"'):
        check_settings({"base": "x", "value_range": "pm1"}, ValueSettings)
    with pytest.raises(ModelError, match=r"is not a value model, because it has no value_head\.json"):
        open_value_model(tiny_model)
    head = ValueHead(HeadSettings(width=4, squash="tanh", read_at="steps"))
    assert head.squash(head(torch.ones(2, 3, 4))).shape == (2, 3)


def run_of(verb: str) -> Run:
    from datetime import UTC, datetime

    return Run(name="samples", verb=verb, status="running", started=datetime.now(UTC), recipe={})
