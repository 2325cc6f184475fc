"""A judge beside the rules: a run that is graded with a scripted judge at a real server."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from slipstick.errors import InputError
from slipstick.judge import Judgement, JudgeSummary, read_summary
from slipstick.judge.asking import asked_as
from slipstick.judge.labelled import read_labels
from slipstick.judge.prompts import load_prompt
from slipstick.judge.settings import JudgeSettings
from slipstick.schema import Metric
from slipstick.store import RunFolder, read_records
from tests.invoked import Invoke
from tests.judge.scripted import ScriptedJudge, chance

SENSITIVITY, SPECIFICITY = 0.85, 0.9
START = dict[str, float]


def rows_and_truth() -> tuple[list[dict[str, object]], dict[tuple[str, str], bool]]:
    """300 rows of no tool, 40 % in words that rules know, 30 % correct in words that only a judge knows, and the truth
    of every pair (expected answer, answer)."""
    rng, rows, truth = random.Random(7), list[dict[str, object]](), dict[tuple[str, str], bool]()
    for n in range(300):
        expected = f"the {n}th kestrel"
        kind = rng.choices(["same", "other words", "wrong"], [4, 3, 3])[0]
        answer = {"same": expected, "other words": f"windhover number {n}", "wrong": f"sparrow number {n}"}[kind]
        truth[expected, answer] = kind != "wrong"
        rows.append(
            {
                "id": f"birds/{n}",
                "question": f"Which bird is {n}?",
                "answer": expected,
                "response": f"\\boxed{{{answer}}}",
            }
        )
    return rows, truth


def labelled(n: int = 200) -> tuple[list[dict[str, object]], dict[tuple[str, str], bool]]:
    rows = [
        {"expected": f"finch {k}", "answer": f"{'serin' if k % 2 else 'magpie'} of {k}", "correct": bool(k % 2)}
        for k in range(n)
    ]
    return rows, {(str(row["expected"]), str(row["answer"])): bool(row["correct"]) for row in rows}


def write(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def start_judge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ScriptedJudge]]:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    started: list[ScriptedJudge] = []

    def start(truth: Mapping[tuple[str, str], bool], **rates: float) -> ScriptedJudge:
        settings: START = {"sensitivity": SENSITIVITY, "specificity": SPECIFICITY, **rates}
        started.append(ScriptedJudge(truth, **settings))
        return started[-1]

    yield start
    for judge in started:
        judge.stop()


def settings_of(judge: ScriptedJudge, *more: str) -> list[str]:
    each = ["judge=openai:judge", f"judge_settings.base_url={judge.url}", *more]
    return [part for one in each for part in ("--set", one)]


def summary_of(run: str) -> JudgeSummary:
    summary = read_summary(Path(run))
    assert summary
    return summary


def columns(summary: JudgeSummary) -> dict[str, Metric]:
    return {metric.measure: metric for metric in summary.metrics if not metric.group}


def test_the_corrected_figure_is_the_one_expected(invoke: Invoke, start_judge: Callable[..., ScriptedJudge]) -> None:
    rows, truth = rows_and_truth()
    labels, of_labels = labelled()
    write(Path("birds.jsonl"), rows)
    write(Path("labels.jsonl"), labels)
    judge = start_judge(truth | of_labels)
    assert invoke("grade", "birds.jsonl", "--out", "run").code == 0
    before = {name: Path("run", name).read_bytes() for name in ("verdicts.jsonl", "metrics.json")}
    code, out, err = invoke("grade", "run", *settings_of(judge, "judge_labels=labels.jsonl"))
    assert code == 0, err
    assert {name: Path("run", name).read_bytes() for name in before} == before  # rules are untouched

    summary, true = summary_of("run"), sum(truth.values()) / len(truth)
    found, rules = columns(summary), sum(expected == answer for expected, answer in truth) / len(truth)
    assert found["accuracy"].value == pytest.approx(rules)
    said = sum(expected == answer or judge.says(expected, answer) for expected, answer in truth) / len(truth)
    assert found["accuracy_with_judge"].value == pytest.approx(said)
    fixed = found["accuracy_corrected"]
    assert fixed.low <= true <= fixed.high and abs(fixed.value - true) < 0.05 and fixed.n == 300
    assert fixed.high - fixed.low > found["accuracy"].high - found["accuracy"].low  # it carries more uncertainty

    quality = {(metric.measure, metric.group): metric for metric in summary.quality}
    for measure, rate in (("judge_sensitivity", SENSITIVITY), ("judge_specificity", SPECIFICITY)):
        metric = quality[measure, ""]
        assert metric.n == 100 and metric.low <= rate <= metric.high
    assert quality["judge_agreement", "rules say correct"].n == 100 and quality["judge_kappa", ""].n == 200
    judged = list(read_records(Path("run/judgements.jsonl"), Judgement))
    assert len(judged) == len({row.key for row in judged}) == summary.judgements == len(judge.bodies)
    assert judge.bodies[0]["temperature"] == 0 and judge.bodies[0]["max_tokens"] == 2048
    page = Path("run/report.html").read_text("utf-8")
    assert "A judge beside the rules" in page and "How far the judge can be trusted" in page
    assert "corrected" in out and "Cohen" in out and invoke("report", "run").out.count("corrected") == 1


def test_nothing_is_asked_twice_and_another_judge_is_asked_again(
    invoke: Invoke, start_judge: Callable[..., ScriptedJudge]
) -> None:
    rows, truth = rows_and_truth()
    write(Path("birds.jsonl"), rows[:40])
    judge = start_judge(truth)
    options = settings_of(judge, "judge_sample=5")
    assert invoke("grade", "birds.jsonl", "--out", "run", *options).code == 0
    asked, first = len(judge.bodies), Path("run/judge.json").read_bytes()
    assert asked > 5
    assert invoke("grade", "run").code == 0  # by the settings that the run keeps
    assert len(judge.bodies) == asked and Path("run/judge.json").read_bytes() == first
    assert "nobody knows them: judge_labels = FILE" in summary_of("run").notes[0]
    assert "accuracy_corrected" not in columns(summary_of("run"))
    assert invoke("grade", "run", "--set", "judge_max_tokens=64").code == 0
    assert len(judge.bodies) == 2 * asked
    assert invoke("grade", "run", "--set", "judge=").code == 0 and not Path("run/judge.json").exists()
    assert "A judge beside" not in Path("run/report.html").read_text("utf-8")
    assert len(list(read_records(Path("run/judgements.jsonl"), Judgement))) == 2 * asked
    assert invoke("grade", "birds.jsonl", "--out", "run", "--overwrite").code == 0
    assert not Path("run/judgements.jsonl").exists()


def test_a_judge_is_another_one_if_a_setting_may_change_what_it_says() -> None:
    def asked(**settings: object) -> str:
        model = {"base_url": "http://one/v1", "top_k": 3, "extra_headers": {"X-Team": "a"}}
        others = {key: settings.pop(key) for key in tuple(settings) if not key.startswith("judge")}
        return asked_as(
            JudgeSettings.model_validate({"judge": "openai:j", **settings, "judge_settings": model | others})
        )

    known = asked()
    for key, value in {"base_url": "http://two/v1", "request_timeout": 9, "stall_timeout": 9, "stream": True}.items():
        assert asked(**{key: value}) == known, key
    for key, value in {"cache": True, "cache_mb": 9, "price_in": 1, "max_concurrent_requests": 3}.items():
        assert asked(**{key: value}) == known, key
    others = [
        asked(judge="openai:k"),
        asked(judge_prompt="xverify"),
        asked(judge_temperature=0.5),
        asked(judge_max_tokens=9),
        asked(top_k=4),
        asked(extra_headers={"X-Team": "b"}),
        asked(extra_body={"repetition_penalty": 1.1}),
    ]
    assert len({known, *others}) == len(others) + 1


def test_replies_that_are_no_label_are_counted_and_shown(
    invoke: Invoke, start_judge: Callable[..., ScriptedJudge]
) -> None:
    rows, truth = rows_and_truth()
    write(Path("birds.jsonl"), rows[:60])
    judge = start_judge(truth)
    judge.garbage = 0.5
    code, out, _ = invoke("grade", "birds.jsonl", "--out", "run", *settings_of(judge, "judge_sample=0"))
    replies = summary_of("run").replies["incorrect"]
    asked = [(str(row["answer"]), str(row["response"])[7:-1]) for row in rows[:60]]
    unclear = sum(chance("garbage", *pair) < 0.5 for pair in asked if pair[0] != pair[1])
    assert code == 0 and replies["unclear"] == unclear > 0 and f"{unclear} unclear" in out


def test_requests_that_fail_are_told_and_asked_again(invoke: Invoke, start_judge: Callable[..., ScriptedJudge]) -> None:
    rows, truth = rows_and_truth()
    write(Path("birds.jsonl"), rows[:40])
    judge = start_judge(truth)
    judge.faults = [(400, {"error": {"message": "too odd"}}, {})] * 3
    options = settings_of(judge, "judge_settings.max_concurrent_requests=1")
    judge.faults.insert(0, None)  # the first is answered, so that the failures are the requests' own
    assert invoke("grade", "birds.jsonl", "--out", "run", *options).code == 0
    assert "3 answers without a judgement" in summary_of("run").notes[0]
    before = len(judge.bodies)
    assert invoke("grade", "run").code == 0
    assert len(judge.bodies) == before + 3 and "without a judgement" not in summary_of("run").notes[0]


def test_a_kill_in_the_middle_loses_nothing_and_asks_nothing_twice(
    tmp_path: Path, invoke: Invoke, start_judge: Callable[..., ScriptedJudge]
) -> None:
    rows, truth = rows_and_truth()
    write(Path("birds.jsonl"), rows[:80])
    judge = start_judge(truth)
    judge.seconds = 0.05
    assert invoke("grade", "birds.jsonl", "--out", "run").code == 0
    options = settings_of(judge, "judge_settings.max_concurrent_requests=2")
    command = [sys.executable, "-m", "slipstick", "grade", "run", *options]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    file = Path("run/judgements.jsonl")
    while process.poll() is None and (not file.is_file() or file.read_bytes().count(b"\n") < 10):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    killed = [json.loads(line)["key"] for line in file.read_bytes().split(b"\n")[:-1]]
    with file.open("ab") as torn:
        torn.write(b'{"key": "cut')
    judge.seconds = 0
    while judge.at_once:
        time.sleep(0.02)
    before = len(judge.bodies)
    assert invoke("grade", "run").code == 0
    judged = list(read_records(file, Judgement))
    assert [row.key for row in judged][: len(killed)] == killed and len({row.key for row in judged}) == len(judged)
    assert len(judge.bodies) - before == len(judged) - len(killed) > 0
    assert not summary_of("run").failed


def test_evaluate_asks_the_judge_when_it_has_graded(invoke: Invoke, start_judge: Callable[..., ScriptedJudge]) -> None:
    truth = {("4", "4"): True, ("6", "7"): False}
    problems: list[dict[str, object]] = [
        {"id": f"sums/{n}", "text": f"{n} + {n}?", "answer": str(2 * n)} for n in (2, 3)
    ]
    write(Path("sums.jsonl"), problems)
    script: list[dict[str, object]] = [
        {"problem_id": f"sums/{n}", "text": f"The answer is {said}."} for n, said in ((2, 4), (3, 7))
    ]
    write(Path("script.jsonl"), script)
    judge = start_judge(truth, specificity=0.0)
    options = ["--set", "model=fake:script.jsonl", "--out", "run", *settings_of(judge)]
    code, _, err = invoke("evaluate", "sums.jsonl", *options)
    assert code == 0, err
    accuracy = next(metric for metric in RunFolder("run").metrics() if metric.measure == "accuracy")
    found = columns(summary_of("run"))
    assert accuracy.value == found["accuracy"].value == 0.5 and found["accuracy_with_judge"].value == 1.0
    assert not any("judge" in metric.measure or "corrected" in metric.measure for metric in RunFolder("run").metrics())
    assert invoke("evaluate", "sums.jsonl", *options, "--resume").code == 0 and len(judge.bodies) == 2
    assert "judge_prompt = " in Path("run/recipe.toml").read_text()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("judge_prompt=xverifi", "did you mean `xverify`"),
        ("judge_settings.base_ur=x", "base_ur: no such setting of a model"),
        ("judge_settings.mode=batch", "a judge is asked request by request"),
        ("judge_labels=none.jsonl", "there is no such file"),
        ("judge=opena:x", "opena"),
    ],
)
def test_mistakes_are_told_before_anything_is_graded(invoke: Invoke, setting: str, said: str) -> None:
    write(Path("birds.jsonl"), rows_and_truth()[0][:3])
    code, _, err = invoke("grade", "birds.jsonl", "--out", "run", "--set", setting)
    assert code == 2 and said in err and not Path("run").exists()


def test_a_reward_takes_no_judge(invoke: Invoke) -> None:
    code, _, err = invoke("train", "--set", "stage=grpo", "--set", "judge=openai:x")
    assert code == 2 and "a reward is the verdict of rules alone" in err


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"expected": "1", "answer": "1"}, "has no `correct`"),
        ({"expected": "1", "answer": "1", "correct": "maybe"}, "must be true or false"),
        ({"expected": "2", "answer": "2", "correct": False}, "says that it is correct"),
    ],
)
def test_labels_that_cannot_be_read_are_told(tmp_path: Path, row: dict[str, object], said: str) -> None:
    path = tmp_path / "labels.jsonl"
    write(path, [{"expected": "2", "answer": "2", "correct": "yes"}, row])
    with pytest.raises(InputError, match=said):
        read_labels(path)


@pytest.mark.parametrize(
    ("prompt", "reply", "label"),
    [
        ("plain", "They agree.\n**Verdict:** correct\n", "correct"),
        ("plain", "Verdict: correct or incorrect", "unclear"),
        ("plain", "Verdict: not correct", "unclear"),
        ("plain", "Verdict: \u0130ncorrect", "unclear"),  # Turkish: in lower case no word of the table
        ("xverify", "[\u0131ncorrect]", "unclear"),
        ("plain", "не correct", "unclear"),
        ("plain", "<think>Verdict: correct", "unclear"),
        ("xverify", "Incorrect", "incorrect"),
        ("xverify", "Judgement: [Correct]", "correct"),
        ("xverify", "[Correct] or [Incorrect]", "unclear"),
        ("compassverifier", "A", "correct"),
        ("compassverifier", "C", "incorrect"),
        ("compassverifier", "1. Checked.\nFinal Judgment: \\boxed{B} - INCORRECT", "incorrect"),
        ("compassverifier", "CORRECT", "correct"),
        ("compassverifier", "A or B", "unclear"),
        ("compassverifier", "", "unclear"),
    ],
)
def test_replies_are_read(prompt: str, reply: str, label: str) -> None:
    assert load_prompt(prompt).label(reply) == label


@pytest.mark.parametrize("prompt", ["plain", "xverify", "compassverifier"])
def test_a_prompt_has_all_three_texts_as_they_are(prompt: str) -> None:
    text = load_prompt(prompt).fill("How many {answer}?", ["2", "two"], r"\frac{1}{2} {expected}")
    assert all(part in text for part in ("How many {answer}?", "2 or two", r"\frac{1}{2} {expected}"))
