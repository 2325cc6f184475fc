"""New questions for topics without data: what is asked, what is new enough, and that a kill changes nothing."""

from __future__ import annotations

import io
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.synthesize import run_synthesize
from slipstick.errors import InputError
from slipstick.models import Reply, Request
from slipstick.models.fake import FakeModel
from slipstick.schema import Solution, Text
from slipstick.store import RunFolder
from slipstick.synthesize.novelty import Pool, longest_common_subsequence, rouge_l, words
from slipstick.synthesize.self_instruct import SelfInstructSettings, Writing, read_topic

TOPICS = ("abstract_algebra", "calculus", "college_algebra", "formal_logic", "linear_algebra", "probability")


def slowly(first: list[str], second: list[str]) -> int:
    """The longest common subsequence by the textbook's table."""
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            table[i + 1][j + 1] = table[i][j] + 1 if a == b else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


def test_the_longest_common_subsequence_is_that_of_the_textbook() -> None:
    draw = random.Random(1)
    for _ in range(300):
        first, second = (draw.choices("abcde", k=draw.randrange(0, 90)) for _ in range(2))
        assert longest_common_subsequence(first, second) == slowly(first, second)


def test_likeness() -> None:
    assert rouge_l(words("How many units?"), words("How many units?")) == 1
    assert rouge_l([], []) == 0
    assert rouge_l(words("a b c d"), words("a x c y")) == 0.5
    pool = Pool(["How many units does Z/60Z have?", "What is 1 + 1?"])
    assert pool.nearest("How many units does Z/30Z have?").text == "How many units does Z/60Z have?"
    assert Pool().nearest("anything").rouge_l == 0


@pytest.mark.parametrize("name", TOPICS)
def test_our_topics_have_seeds_that_are_new_to_one_another(name: str) -> None:
    topic = read_topic(name)
    assert topic.name == name and len(topic.seeds) >= 8
    pool = Pool()
    for seed in topic.seeds:
        assert pool.nearest(seed).rouge_l < 0.7
        pool.add(seed)


def test_topics_of_ones_own_and_broken_ones(tmp_path: Path) -> None:
    mine = tmp_path / "knots.toml"
    mine.write_text(
        'name = "knots"\nabout = "knots"\nseeds = ["What is the unknotting number of the trefoil?", "b?"]\n'
    )
    assert read_topic(str(mine)).name == "knots"
    mine.write_text('name = "knots"\nseeds = "one"\n')
    with pytest.raises(InputError, match=r"knots\.toml is not a topic: about: Field required"):
        read_topic(str(mine))
    mine.write_text("name = ")
    with pytest.raises(InputError, match=r"knots\.toml cannot be read: Invalid value"):
        read_topic(str(mine))
    with pytest.raises(InputError, match="did you mean `calculus`"):
        read_topic("calculos")


def test_a_request_shows_seeds_and_later_what_was_written() -> None:
    topic = read_topic("calculus")
    writing = Writing(
        topic, SelfInstructSettings(topics=["calculus"], questions=6, per_request=2, num_examples=3, at_once=2), seed=0
    )
    first = writing.asks()
    assert [ask.id for ask in first] == ["self_instruct/calculus/ask/0", "self_instruct/calculus/ask/1"]
    assert sum(seed in first[0].text for seed in topic.seeds) == 3 and "Write 2 more questions" in first[0].text
    new = "Which curve bounds the largest region that a rope of ten metres can enclose against a straight wall?"
    bad = [
        "Why is it?",
        "Look at it: in the figure, which of the three functions has the largest derivative at zero?",
        "What is the derivative of x^3 at two? The answer is 12, as one finds by the power rule.",
        topic.seeds[0].replace("3x", "5x"),
    ]
    blocks = [Text(text="".join(f"<question>{text}</question>" for text in [new, *bad]))]
    writing.hear(Solution(id="r", problem_id=first[0].id, format="self_instruct", blocks=blocks, model="m", seed=3))
    writing.hear(Solution(id="s", problem_id=first[1].id, format="self_instruct", blocks=[], error="HTTP 500"))
    assert [problem.text for problem in writing.kept] == [new] and writing.kept[0].id == "self_instruct/calculus/0.0"
    assert writing.kept[0].metadata["reply"] == "r" and writing.kept[0].answer is None
    rules = ["length", "not by itself", "tells its answer", "not new", "no question"]
    assert [drop.rule for drop in writing.dropped] == rules and writing.dropped[-1].reason == "HTTP 500"
    assert all(new in ask.text for ask in writing.asks()), "a third of what is shown is new"


WORDS = [
    f"{a}{b}" for a in ("lim", "sum", "der", "tan", "arc", "log", "pol", "vec") for b in ("ora", "ine", "umi", "eta")
]


def teacher(request: Request) -> Reply:
    """Writes questions of drawn words; answers 1 or 2 by the sample."""
    draw = random.Random(f"{request.problem.text}{request.sample}")
    if request.format.name != "self_instruct":
        return Reply(text=f"The answer is {1 if request.sample != 1 else 2}.", tokens=4, cost=0.01)
    texts = [" ".join(draw.choices(WORDS, k=12)) for _ in range(3)]
    return Reply(text="".join(f"<question>{text}?</question>\n" for text in texts), tokens=40, cost=0.01)


def run(folder: Path, *overrides: str, **flags: Any) -> tuple[RunFolder, str]:
    recipe = 'method = "self_instruct"\ntopics = ["calculus", "formal_logic"]\nmodel = "fake:"\nquestions = 20\n'
    (folder / "r.toml").write_text(recipe + "per_request = 3\nat_once = 3\n")
    console = Console(record=True, width=120, file=io.StringIO())
    order = Invocation(str(folder / "r.toml"), list(overrides), out=folder / "run", model=FakeModel(teacher), **flags)
    return RunFolder(run_synthesize(order, console)), console.export_text()


def rows(folder: RunFolder) -> list[str]:
    return [(folder.path / f"{name}.jsonl").read_text() for name in ("problems", "dropped", "questions/problems")]


def test_questions_without_answers(tmp_path: Path) -> None:
    folder, shown = run(tmp_path)
    problems = list(folder.problems())
    assert Counter(problem.metadata["topic"] for problem in problems) == {"calculus": 20, "formal_logic": 20}
    assert all(problem.answer is None and problem.metadata["validated"] is False for problem in problems)
    assert "40 new problems" in shown and not list(folder.solutions())


def test_a_budget_in_the_middle_of_the_questions_comes_to_the_same(tmp_path: Path) -> None:
    whole, _ = run(tmp_path)
    expected = rows(whole)
    folder, shown = run(tmp_path, "max_cost=0.07", "max_concurrent_solutions=1", overwrite=True)
    assert folder.run().status == "stopped" and "Stopped at $0.07" in shown
    folder, _ = run(tmp_path, "max_concurrent_solutions=1", resume=True)
    assert folder.run().status == "finished" and rows(folder) == expected


def test_answers_by_agreement(tmp_path: Path) -> None:
    folder, shown = run(tmp_path, "formats=['cot']", "num_samples=3", "temperature=0.7", "estimate=true")
    assert "14 requests, judged by 6" in shown and "rows kept" in shown
    folder, _ = run(tmp_path, "formats=['cot']", "num_samples=3", "temperature=0.7", resume=True)
    problems = list(folder.problems())
    assert {problem.answer for problem in problems} == {"1"} and len(problems) == 40
    assert all(problem.metadata["votes"] == [2, 3] for problem in problems)
    assert len(list(folder.solutions())) == 80
    assert Counter(drop.rule for drop in folder.dropped()) >= Counter({"outvoted": 40})


def test_the_budget_covers_questions_and_answers_together(tmp_path: Path) -> None:
    settings = ("formats=['cot']", "num_samples=3", "temperature=0.7", "max_concurrent_solutions=1")
    folder, _ = run(tmp_path, *settings, "max_cost=0.3")
    part = RunFolder(folder.path / "questions")
    spent = sum(solution.cost for solution in [*folder.solutions(), *part.solutions()])
    assert folder.run().status == "stopped" and 0.2 < spent <= 0.3 + 1e-9
