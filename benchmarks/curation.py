"""Near-duplicate removal and decontamination of a million synthetic rows, compared with datatrove's MinHash.

    python -m benchmarks.curation [--rows 1000000]

Rows are word problems from a grammar of our own, each with a worked solution. Of every hundred questions
  5  repeat an earlier one except for one or two words      (near duplicates: to be found)
  3  repeat an earlier one with other numbers               (other problems: to be kept)
  1  are an evaluation question, exactly or with words before it       (to be found)
  1  are an evaluation question with other numbers          (other problems: to be kept)
`minutes` and `peak_gib` are those of `slipstick curate` on a run folder of all rows, in a separate process: every
rule that works on texts, with reading and writing. `vs_datatrove` is the time of datatrove's four MinHash
steps (two processes, its own defaults: 5-grams, 14 buckets of 8 hashes) over ours for near duplicates alone, both from
the same questions to the list of those dropped. Recall and precision are over the copies that were planted.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from slipstick.schema import Problem, Solution, Text, Verdict

EVALUATION = 20_000
_SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "el", "or")]
_SIMILARITY = 0.7
_NO_SPACY = "ace_Arab"  # a language for which datatrove loads no spaCy until it has words to split


class Question(NamedTuple):
    """A question and what it is a copy of."""

    text: str
    """The question."""
    kind: str
    """`fresh`, `near`, `numbers`, `leaked`, `leaked numbers`."""


def make_questions(rows: int, *, seed: int = 0) -> tuple[list[Question], list[str]]:
    """Training questions, copies among them, and evaluation questions."""
    rng = random.Random(seed)
    nouns = sorted({"".join(rng.choices(_SYLLABLES, k=rng.randint(2, 3))) for _ in range(20_000)})
    evaluation = [_fresh(rng, nouns) for _ in range(EVALUATION)]
    made: list[Question] = []
    fresh: list[int] = []
    for row in range(rows):
        draw = rng.random() if fresh else 1.0
        if draw < 0.05:
            made.append(Question(_edit(rng, made[rng.choice(fresh)].text, nouns), "near"))
        elif draw < 0.08:
            made.append(Question(_renumber(rng, made[rng.choice(fresh)].text), "numbers"))
        elif draw < 0.09:
            text = rng.choice(evaluation)
            made.append(Question(text if rng.random() < 0.5 else f"Read this with care. {text}", "leaked"))
        elif draw < 0.10:
            made.append(Question(_renumber(rng, rng.choice(evaluation)), "leaked numbers"))
        else:
            made.append(Question(_fresh(rng, nouns), "fresh"))
            fresh.append(row)
    return made, evaluation


def _fresh(rng: random.Random, nouns: list[str]) -> str:
    who, what, where, other, kind = (rng.choice(nouns) for _ in range(5))
    name = who.capitalize()
    sentences = [
        f"{name} has {rng.randint(2, 999)} {what}s in a {where} and {rng.randint(2, 999)} {other}s at home.",
        f"On the way to the {rng.choice(nouns)}, {name} gives {rng.randint(2, 99)} {what}s to a {rng.choice(nouns)}.",
        f"Each {other} costs {rng.randint(2, 99)} coins, and every {what} is worth {rng.randint(2, 9)} {kind}s.",
        f"A {rng.choice(nouns)} takes {rng.randint(2, 60)} minutes to fill the {where} with {rng.choice(nouns)}.",
    ]
    rng.shuffle(sentences)
    asked = rng.choice(
        [
            f"How many {what}s does {name} have left?",
            f"What is the greatest number of {other}s that {name} can buy with all of the coins?",
            f"How many {what}s and {other}s are there in all?",
        ]
    )
    return " ".join([*sentences[: rng.randint(3, 4)], asked])


def _edit(rng: random.Random, text: str, nouns: list[str]) -> str:
    words = text.split()
    places = [place for place, word in enumerate(words) if word.isalpha()]
    for place in rng.sample(places, rng.randint(1, 2)):
        words[place] = rng.choice(nouns)
    return " ".join(words)


def _renumber(rng: random.Random, text: str) -> str:
    return " ".join(str(int(word) + rng.randint(1, 500)) if word.isdigit() else word for word in text.split())


def write_run(folder: Path, made: list[Question]) -> None:
    """A finished run of the questions, each with a worked solution that was graded correct."""
    from datetime import UTC, datetime

    from slipstick.schema import Run

    folder.mkdir(parents=True)
    verdict = Verdict(outcome="correct", method="number", expected="1")
    with (folder / "problems.jsonl").open("w") as problems, (folder / "solutions.jsonl").open("w") as solutions:
        for row, question in enumerate(made):
            name = f"made{row % 7}/train/{row}"
            problem = Problem(id=name, text=question.text, answer="1", licence="CC0-1.0")
            words = f"We go through it. {question.text} So there is one. The answer is 1."
            solution = Solution(
                id=f"{name}#cot#0",
                problem_id=name,
                format="cot",
                blocks=[Text(text=words)],
                answer="1",
                verdict=verdict,
            )
            problems.write(problem.model_dump_json() + "\n")
            solutions.write(solution.model_dump_json() + "\n")
    run = Run(name=folder.name, verb="solve", status="finished", started=datetime.now(UTC), recipe={})
    (folder / "run.json").write_text(run.model_dump_json())


def curate_run(folder: Path) -> None:
    """`slipstick curate` as its users call it."""
    from rich.console import Console

    from slipstick.commands import Invocation
    from slipstick.commands.curate import run_curate

    recipe = folder / "curate.toml"
    recipe.write_text(
        f'data = "{folder / "run"}"\ndecontaminate_against = "{folder / "evaluation.jsonl"}"\n'
        'language = ["en"]\nmin_solution_tokens = 8\n'
        f"near_duplicates = {{questions = {_SIMILARITY}, solutions = 0.9}}\nsplits = {{train = 0.98, valid = 0.02}}\n"
    )
    run_curate(Invocation(str(recipe), out=folder / "curated"), Console())


def find_near(folder: Path) -> None:
    """Near duplicates alone, from the file of questions to the list of those dropped."""
    from slipstick.curate.duplicates import near_duplicates

    with (folder / "questions.jsonl").open() as file:
        texts = (json.loads(line)["text"] for line in file)
        found = near_duplicates(texts, similarity=_SIMILARITY)
    (folder / "near.json").write_text(json.dumps([near.place for near in found]))


def find_near_with_datatrove(folder: Path) -> None:
    """The same with datatrove, in two processes if a step allows it.

    Words are split by `str.split`, which is faster than spaCy, its own tokenizer of English. Reader and writer are
    ours, as its own need packages that it does not install.
    """
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
    )

    config = MinhashConfig()
    work = folder / "datatrove"
    signatures, buckets, remove = str(work / "signatures"), str(work / "buckets"), str(work / "remove")
    read, write = partial(_read_part, folder), partial(_write_kept, folder)
    signature = MinhashDedupSignature(signatures, config=config, language=_NO_SPACY)
    signature.word_tokenizer = _Split()
    signature._hash_func = _xxhash
    steps: list[tuple[list[Any], int]] = [
        ([read, signature], 2),
        ([MinhashDedupBuckets(signatures, buckets, config=config)], config.num_buckets),
        ([MinhashDedupCluster(buckets, remove, config=config)], 1),
        ([read, MinhashDedupFilter(remove), write], 2),
    ]
    for number, (step, tasks) in enumerate(steps):
        LocalPipelineExecutor(
            step,
            tasks=tasks,
            workers=min(tasks, 2),
            logging_dir=str(work / f"logs{number}"),
            skip_completed=False,
            start_method="fork",  # so that its processes are counted as ours
        ).run()


class _Split:
    """A tokenizer with the interface that datatrove calls."""

    def word_tokenize(self, text: str) -> list[str]:
        return text.split()


def _xxhash(text: str) -> int:
    """datatrove's hash of a run of words; later releases of xxhash no longer take a str, which it passes."""
    import xxhash

    number: int = xxhash.xxh64_intdigest(text.encode())
    return number


def _read_part(folder: Path, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
    from datatrove.data import Document

    with (folder / "parts" / f"{rank}.jsonl").open() as file:
        for line in file:
            row = json.loads(line)
            yield Document(text=row["text"], id=row["id"])


def _write_kept(folder: Path, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
    with (folder / f"kept{rank}").open("w") as file:
        for document in data:
            file.write(f"{document.id}\n")
            yield document


class Cost(NamedTuple):
    """What a function took."""

    minutes: float
    """Wall-clock minutes."""
    cpu_minutes: float
    """Of all its processes together: comparable on a machine that others use as well."""
    peak_gib: float
    """Of its largest process."""


def measure(work: Callable[[Path], None], folder: Path) -> Cost:
    """Runs a function in a process of its own and gives its time and the peak memory of it or of a child."""
    pipe, end = multiprocessing.get_context("fork").Pipe()
    process = multiprocessing.get_context("fork").Process(target=_run_measured, args=(work, folder, end))
    process.start()
    end.close()
    try:
        cost: Cost = pipe.recv()
    except EOFError:
        raise SystemExit(f"{work.__name__} failed") from None
    process.join()
    return cost


def _run_measured(work: Callable[[Path], None], folder: Path, end: Any) -> None:
    started = time.monotonic()
    work(folder)
    minutes = (time.monotonic() - started) / 60
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(each.ru_utime + each.ru_stime for each in used) / 60
    end.send(Cost(minutes, cpu, max(each.ru_maxrss for each in used) / (1 << 20)))


def prepare(folder: Path, rows: int) -> None:
    """Writes the run, the evaluation set, and the questions as one file and, for datatrove's two processes, as two."""
    made, evaluation = make_questions(rows)
    write_run(folder / "run", made)
    with (folder / "evaluation.jsonl").open("w") as file:
        for number, text in enumerate(evaluation):
            file.write(json.dumps({"id": f"held/test/{number}", "text": text, "answer": "1"}) + "\n")
    lines = [json.dumps({"id": str(row), "text": question.text}) + "\n" for row, question in enumerate(made)]
    (folder / "questions.jsonl").write_text("".join(lines))
    (folder / "parts").mkdir()
    for part in range(2):
        (folder / "parts" / f"{part}.jsonl").write_text("".join(lines[part * rows // 2 : (part + 1) * rows // 2]))
    (folder / "kinds.json").write_text(json.dumps([question.kind for question in made]))


def dropped_rows(folder: Path) -> Iterator[tuple[int, str]]:
    """Number and rule of every row that curation dropped."""
    with (folder / "curated" / "dropped.jsonl").open() as file:
        for line in file:
            drop = json.loads(line)
            yield int(drop["row"]["problem_id"].rpartition("/")[2]), drop["rule"]


def quality(folder: Path) -> dict[str, float]:
    """Recall and precision over the planted copies."""
    kinds = json.loads((folder / "kinds.json").read_text())
    near, leaked = set[int](), set[int]()
    for row, rule in dropped_rows(folder):
        (leaked if rule == "contaminated" else near).add(row)
    planted_near = {row for row, kind in enumerate(kinds) if kind == "near"}
    planted_leaks = {row for row, kind in enumerate(kinds) if kind == "leaked"}
    return {
        "near_recall": _share(len(near & planted_near), len(planted_near)),
        "near_precision": _share(len(near & planted_near), len(near)),
        "leak_recall": _share(len(leaked & planted_leaks), len(planted_leaks)),
        "leak_precision": _share(len(leaked & planted_leaks), len(leaked)),
    }


def datatrove_quality(folder: Path) -> dict[str, float]:
    """Recall and precision of datatrove's near duplicates."""
    kinds = json.loads((folder / "kinds.json").read_text())
    removed = set(range(len(kinds)))
    for part in range(2):
        removed -= set(map(int, (folder / f"kept{part}").read_text().split()))
    copies = {row for row, kind in enumerate(kinds) if kind == "near"}
    return {
        "datatrove_near_recall": _share(len(removed & copies), len(copies)),
        "datatrove_near_precision": _share(len(removed & copies), len(removed)),
    }


def known_overlaps(data: Path = Path("../shared/data")) -> tuple[int, int]:
    """Of the known pairs of equal questions in train and evaluation files, how many are found, and how many there are.

    Raises FileNotFoundError if the data are missing.
    """
    from slipstick.curate.contamination import find_overlaps

    pairs = {(row["train_id"], row["eval_id"]) for row in _rows(data / "label_errors/train_eval_exact_overlap.jsonl")}
    train, evaluation = (
        [
            Problem(id=row["id"], text=row["question"])
            for path in sorted((data / part).glob("*.jsonl*"))
            for row in _rows(path)
        ]
        for part in ("train", "eval")
    )
    found = {(hit.problem_id, hit.evaluation_id) for hit in find_overlaps(train, evaluation)}
    return len(pairs & found), len(pairs)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        yield from map(json.loads, file)


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="slipstick-curation-") as name:
        folder = Path(name)
        measure(lambda place: prepare(place, arguments.rows), folder)
        whole = measure(curate_run, folder)
        ours = measure(find_near, folder)
        theirs = measure(find_near_with_datatrove, folder)
        figures: dict[str, Any] = {
            "rows": arguments.rows,
            "minutes": round(whole.minutes, 2),
            "peak_gib": round(whole.peak_gib, 2),
            "vs_datatrove": round(theirs.minutes / ours.minutes, 2),
            "vs_datatrove_everything": round(theirs.minutes / whole.minutes, 2),
            "vs_datatrove_cpu": round(theirs.cpu_minutes / ours.cpu_minutes, 2),
            "cpu_minutes": round(whole.cpu_minutes, 2),
            "near_cpu_minutes": round(ours.cpu_minutes, 2),
            "datatrove_cpu_minutes": round(theirs.cpu_minutes, 2),
            "near_minutes": round(ours.minutes, 2),
            "datatrove_minutes": round(theirs.minutes, 2),
            "datatrove_peak_gib": round(theirs.peak_gib, 2),
            **quality(folder),
            **datatrove_quality(folder),
        }
    if (data := Path("../shared/data")).is_dir():
        figures["overlaps_found"], figures["overlaps_known"] = known_overlaps(data)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
