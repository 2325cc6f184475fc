"""The page: numbers and marks are there, nothing is fetched, no text comes alive, rows survive the packing."""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from rich.console import Console

from slipstick.comparison import compare_runs
from slipstick.metrics import summarize
from slipstick.report import metrics_table, render_report, write_report
from slipstick.report.content import (
    breakdown_sections,
    chart_groups,
    format_styles,
    interval,
    metric_sections,
    number,
    recipe_text,
)
from slipstick.report.page_data import pack_problems
from slipstick.report.plots import draw_plots
from slipstick.report.table import latex_table, markdown_table
from slipstick.schema import Code, Metric, Outcome, Output, Problem, Run, Solution, Text, Verdict
from slipstick.store import RunFolder

HOSTILE = "</script><script>document.title='alive'</script><img src=x onerror=\"document.title='alive'\">{{ 7*7 }}&amp;"
FORMATS = ("cot", "pot", "tir", "hybrid")
SPLITS = ("known", "unseen")


class Elements(HTMLParser):
    """Start tags with their attributes, and the text of the page's title."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def count(self, tag: str, css_class: str | None = None) -> int:
        return sum(
            name == tag and (css_class is None or css_class in (attrs.get("class") or "").split())
            for name, attrs in self.tags
        )


def make_run(**changes: object) -> Run:
    started = datetime(2026, 11, 21, 14, 2, 11, tzinfo=UTC)
    run = Run(
        name="demo",
        verb="evaluate",
        status="finished",
        started=started,
        finished=started + timedelta(seconds=253),
        recipe={"problems": "synthetic:eval", "model": "hf:tiny", "formats": ["cot", "pot"], "seed": 1, "limit": None},
        inputs={"recipes/quickstart.toml": "9f2c" * 16},
        versions={"python": "3.11.9", "slipstick": "0.1.0"},
        commit="4be1f0c2d7e8a9b0c1d2e3f4a5b6c7d8e9f0a1b2",
        counts={"problems": 8},
    )
    return run.model_copy(update=changes)


def make_rows(*, n: int = 8, words: str = "") -> tuple[list[Problem], list[Solution]]:
    problems, solutions = [], []
    for i in range(n):
        metadata = {"split": SPLITS[i % 2], "topic": ["gcd", "rate"][i // 2 % 2]}
        problems.append(Problem(id=f"p/{i}", text=f"How many? {words}", answer=str(i), metadata=metadata))
        outcome: Outcome = "correct" if i % 3 else "incorrect"
        pot = Solution(
            id=f"p/{i}#pot#0",
            problem_id=f"p/{i}",
            format="pot",
            blocks=[
                Code(text=f"total = {i}  # {words}\nprint(total)"),
                Output(text=f"{i}{words}\n", status="error" if i == 0 else "ok", seconds=0.0123),
            ],
            answer=f"{i}{words}",
            verdict=Verdict(outcome=outcome, method="number", expected=str(i), reason=f"{outcome} because {words}"),
            model=f"tiny {words}".strip(),
            tokens=12,
        )
        cot = pot.model_copy(
            update={"id": f"p/{i}#cot#0", "format": "cot", "blocks": [Text(text=f"It is {i}. {words}")]}
        )
        tir = pot.model_copy(update={"id": f"p/{i}#tir#0", "format": "tir", "blocks": [*cot.blocks, *pot.blocks]})
        hybrid = cot.model_copy(update={"id": f"p/{i}#hybrid#0", "format": "hybrid", "previous_attempts": [pot]})
        solutions += [cot, pot, tir, hybrid]
    return problems, solutions


def make_page(words: str = "") -> str:
    problems, solutions = make_rows(words=words)
    metrics = summarize(problems, solutions, ks=[], same=str.__eq__)
    return render_report(make_run(), problems, solutions=solutions, metrics=metrics)


@pytest.fixture(scope="module")
def page() -> str:
    return make_page()


def test_page_fetches_nothing(page: str) -> None:
    for tag, attributes in Elements(page).tags:
        assert tag not in ("iframe", "img", "object", "embed", "base")
        assert "src" not in attributes
        if tag == "link":
            assert attributes == {"rel": "icon", "href": "data:,"}
        elif "href" in attributes:
            assert (attributes["href"] or "").startswith("#")
    names = ("http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML")  # of namespaces, never fetched
    assert set(re.findall(r"https?:[^\"'\s]*", page)) <= set(names)
    assert not re.search(r"url\((?!data:font/woff2;base64,)|@import", page)
    policy = next(attributes["content"] for tag, attributes in Elements(page).tags if "http-equiv" in attributes)
    assert policy and policy.startswith("default-src 'none'; script-src 'sha256-")


def test_chart_has_one_mark_for_each_format_and_group(page: str) -> None:
    assert Elements(page).count("svg", "mark") == len(FORMATS) * (1 + len(SPLITS))
    assert Elements(page).count("div", "tile") == len(FORMATS)


def test_numbers_intervals_and_counts_appear(page: str) -> None:
    problems, solutions = make_rows()
    for metric in summarize(problems, solutions, ks=[], same=str.__eq__):
        assert f"<b>{number(metric)}</b>" in page
        assert interval(metric) in page
    assert "n = 8" in page
    assert "21 November 2026" in page
    assert "4 min 13 s" in page


def test_page_says_how_to_repeat_the_run(page: str) -> None:
    assert "git checkout 4be1f0c2d7e8a9b0c1d2e3f4a5b6c7d8e9f0a1b2" in page
    assert "slipstick evaluate demo/recipe.toml --out demo-again" in page
    assert "formats = [&#34;cot&#34;, &#34;pot&#34;]" in page
    assert "3.11.9" in page
    assert "limit" not in recipe_text(make_run().recipe)


def test_an_unfinished_run_says_so() -> None:
    problems, solutions = make_rows(n=2)
    html = render_report(make_run(status="stopped", finished=None), problems, solutions=solutions, metrics=[])
    assert "This run is <b>stopped</b>" in html


def test_a_run_without_solutions_still_has_a_page() -> None:
    html = render_report(make_run(), [Problem(id="p", text="?")], solutions=[], metrics=[])
    assert "0 solutions" in html


def test_hostile_texts_stay_texts() -> None:
    problems, solutions = make_rows(words=HOSTILE)
    problems = [
        each.model_copy(update={"metadata": {"split": HOSTILE + each.id, "topic": each.id}}) for each in problems
    ]
    strange = [
        each.model_copy(update={"format": HOSTILE if each.format == "tir" else each.format}) for each in solutions
    ]
    metrics = summarize(problems, strange, ks=[], same=str.__eq__)
    run = make_run(name=HOSTILE, recipe={"model": HOSTILE, HOSTILE: 1}, versions={HOSTILE: HOSTILE}, commit=HOSTILE)
    found = Elements(render_report(run, problems, solutions=strange, metrics=metrics))
    assert found.count("script") == 3
    assert found.count("img") == 0
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]


def unpack(packed: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(gzip.decompress(base64.b64decode(packed)))
    return rows


def test_rows_survive_the_packing() -> None:
    odd = "π \U0001f600 \x00 \u2028 </script> \ud800"
    problems, solutions = make_rows(n=3, words=odd)
    packed = pack_problems(problems, solutions)
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", packed)
    assert pack_problems(problems, reversed(solutions[:4])) != packed
    rows = unpack(packed)
    assert [row["id"] for row in rows] == ["p/0", "p/1", "p/2"]
    assert [one["format"] for one in rows[1]["solutions"]] == list(FORMATS)
    tir = rows[1]["solutions"][2]
    assert tir["blocks"] == [
        ["text", f"It is 1. {odd}"],
        ["code", f"total = 1  # {odd}\nprint(total)"],
        ["output", f"1{odd}\n", "ok", 0.012],
    ]
    assert (tir["answer"], tir["outcome"], tir["reason"]) == (f"1{odd}", "correct", f"correct because {odd}")
    assert rows[1]["solutions"][3]["previous_attempts"][0]["format"] == "pot"


def test_numbers_that_json_cannot_say_do_not_break_the_rows() -> None:
    problems, solutions = make_rows(n=1)
    problems = [problems[0].model_copy(update={"metadata": {"level": float("nan")}})]
    odd = [each.model_copy(update={"value": float("inf"), "seconds": float("nan")}) for each in solutions]
    row = unpack(pack_problems(problems, odd))[0]
    assert "value" not in row["solutions"][0]
    assert row["metadata"] == {"level": "nan"}


def test_twelve_thousand_solutions_stay_below_ten_megabytes() -> None:
    draw = random.Random(5)
    lexicon = ["".join(draw.choices("etaoinshrdlu", k=draw.randint(2, 9))) for _ in range(3000)]
    problems = [Problem(id=f"p/{i}", text=" ".join(draw.choices(lexicon, k=40)), answer="1") for i in range(3000)]
    template = make_rows(n=1)[1][1]
    solutions = [
        template.model_copy(
            update={
                "id": f"{problem.id}#{format}#0",
                "problem_id": problem.id,
                "format": format,
                "blocks": [Text(text=" ".join(draw.choices(lexicon, k=100)))],
            }
        )
        for problem in problems
        for format in FORMATS
    ]
    html = render_report(make_run(), problems, solutions=solutions, metrics=[])
    assert len(html.encode()) < 10_000_000


def test_report_of_a_run_folder(tmp_path: Path) -> None:
    problems, solutions = make_rows()
    folder = RunFolder.start(tmp_path / "demo", make_run(status="running", finished=None), recipe_text="seed = 1\n")
    folder.write_problems(problems)
    for solution in solutions:
        folder.append(solution.model_copy(update={"verdict": None}))
    folder.write_verdicts(solutions)
    metrics = summarize(problems, solutions, ks=[], same=str.__eq__)
    folder.finish("finished", counts={"problems": 8}, metrics=metrics)
    path = write_report(tmp_path / "demo")
    assert path == tmp_path / "demo" / "report.html"
    assert f"<b>{number(metrics[0])}</b>" in path.read_text("utf-8")
    elsewhere = write_report(folder, out=tmp_path / "pages" / "one.html")
    assert elsewhere.read_text("utf-8") == path.read_text("utf-8")
    assert sorted(entry.name for entry in elsewhere.parent.iterdir()) == ["figures", "one.html"]


def test_formats_keep_their_colours_and_others_take_free_ones() -> None:
    assert [view.style for view in format_styles(FORMATS)] == [0, 1, 2, 3]
    views = format_styles(["mario", "pot", "react"])
    assert {view.name: view.style for view in views} == {"mario": 0, "pot": 1, "react": 2}
    assert len(format_styles([f"f{i}" for i in range(9)])) == 9


def test_chart_and_tables_follow_the_metrics() -> None:
    def accuracy(format: str, group_by: str = "", group: str = "", value: float = 0.5) -> Metric:
        return Metric(
            measure="accuracy", format=format, group_by=group_by, group=group, value=value, low=0.4, high=0.6, n=10
        )

    metrics = [
        accuracy("pot"),
        accuracy("cot", "split", "known"),
        accuracy("pot", "split", "known"),
        accuracy("pot", "topic", "gcd"),
        Metric(measure="minutes", value=0.5, low=0.4, high=0.6, n=10),
        accuracy("pot", "topic", "rate", 0.1),
    ]
    formats = format_styles(["cot", "pot"])
    assert [(group.label, [style.name for style, _ in group.lanes]) for group in chart_groups(metrics, formats)] == [
        ("all problems", ["pot"]),
        ("known", ["cot", "pot"]),
    ]
    sections = metric_sections(metrics, formats)
    assert [section.label for section in sections] == ["Accuracy", "Other"]
    assert sections[0].rows[0].cells == [None, metrics[0]]
    (topics,) = breakdown_sections(metrics, formats)
    assert (topics.label, [row.label for row in topics.rows]) == ("topic", ["rate", "gcd"])
    assert (number(metrics[4]), interval(metrics[4])) == ("0.5", "[0.4, 0.6]")


def test_only_splits_are_links_to_a_split() -> None:
    """The browser of problems filters by split; a set is not one."""
    fields = {"format": "pot", "value": 0.5, "low": 0.4, "high": 0.6, "n": 10}
    metrics = [
        Metric.model_validate({"measure": "accuracy", "group_by": group_by, "group": group, **fields})
        for group_by, group in [("", ""), ("set", "gsm8k"), ("split", "known"), ("average", "all sets")]
    ]
    assert [(group.label, group.split) for group in chart_groups(metrics, format_styles(["pot"]))] == [
        ("all problems", ""),
        ("gsm8k", ""),
        ("known", "known"),
        ("average, all sets", ""),
    ]


def test_terminal_table() -> None:
    problems, solutions = make_rows()
    console = Console(width=140, record=True, file=None, force_terminal=False)
    with console.capture() as capture:
        console.print(metrics_table(summarize(problems, solutions, ks=[], same=str.__eq__)))
    lines = [line for line in capture.get().splitlines() if line.strip()]
    assert re.search(r"cot +pot +tir +hybrid +n", lines[0])
    everything = next(line for line in lines if "all problems" in line)
    assert everything.count("62.5 30.6–86.3") == 4
    assert everything.rstrip().endswith("8")
    assert next(line for line in lines if "unseen" in line).rstrip().endswith("4")
    assert any("Programs that ran" in line for line in lines)
    assert not any("topic " in line for line in lines)


def test_terminal_table_cuts_nothing_on_a_narrow_terminal() -> None:
    problems, solutions = make_rows()
    console = Console(width=80, force_terminal=False)
    with console.capture() as capture:
        console.print(metrics_table(summarize(problems, solutions, ks=[], same=str.__eq__)))
    shown = capture.get()
    assert "…" not in shown and max(map(len, shown.splitlines())) <= 80
    assert shown.count("30.6–86.3") >= 4 and re.search(r"all problems .* 8 *$", shown, re.MULTILINE)


def test_terminal_table_of_nothing() -> None:
    assert metrics_table([]).row_count == 0


def dump_dom(page: Path, where: dict[str, str], profile: Path) -> tuple[str, str]:
    """The page's elements after its script ran, and what it wrote to the console."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not browser:
        pytest.skip("no chromium on this machine: the page's script is not run")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    flags += " --disable-component-update --disable-sync --enable-logging=stderr --virtual-time-budget=20000 --dump-dom"
    url = f"{page.resolve().as_uri()}#{urlencode(where)}"
    command = [browser, *flags.split(), "--window-size=1280,1000", f"--user-data-dir={profile}", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


def test_browser_opens_the_problem_of_the_address(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(make_page(words=HOSTILE), encoding="utf-8")
    dom, console = dump_dom(file, {"problem": "p/0", "split": "known", "outcome": "all"}, tmp_path / "profile")
    assert console == ""
    found = Elements(dom)
    assert (found.count("script"), found.count("img")) == (3, 0)
    assert "<title>demo · slipstick report</title>" in dom
    assert "4 of 8 problems" in dom
    assert found.count("a", "row") == 4
    assert found.count("details", "try") == len(FORMATS)
    assert found.count("details", "earlier") == 1
    assert found.count("pre", "code") == 3
    assert found.count("pre", "fails") == 3
    assert "number: incorrect because &lt;/script&gt;" in dom


def test_browser_filters_by_format_outcome_and_text(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(make_page(), encoding="utf-8")
    dom, console = dump_dom(file, {"format": "pot", "outcome": "incorrect", "text": "P/3"}, tmp_path / "profile")
    assert console == ""
    assert "1 of 8 problems" in dom
    assert [attrs["data-id"] for tag, attrs in Elements(dom).tags if tag == "a" and attrs.get("class") == "row"] == [
        "p/3"
    ]


def test_browser_shows_everything_where_nothing_went_wrong(tmp_path: Path) -> None:
    problems, solutions = make_rows(n=4)
    right = [each.model_copy(update={"verdict": Verdict(outcome="correct", method="text")}) for each in solutions]
    file = tmp_path / "report.html"
    file.write_text(render_report(make_run(), problems, solutions=right, metrics=[]), encoding="utf-8")
    dom, console = dump_dom(file, {}, tmp_path / "profile")
    assert console == ""
    assert "4 of 4 problems" in dom


def make_samples(*, k: int = 4) -> tuple[list[Problem], list[Solution]]:
    problems, solutions = make_rows()
    rng = random.Random(0)
    drawn = [
        solution.model_copy(
            update={
                "id": f"{solution.problem_id}#{solution.format}#{sample}",
                "sample": sample,
                "cost": 0.001,
                "value": rng.random(),
                "verdict": Verdict(outcome=rng.choice(["correct", "incorrect"]), method="number"),
            }
        )
        for solution in solutions
        if solution.format in ("cot", "pot")
        for sample in range(k)
    ]
    return problems, drawn


def test_plots_are_drawn_if_there_are_numbers_for_them() -> None:
    problems, solutions = make_samples()
    metrics = summarize(problems, solutions, ks=[1, 2, 4], same=str.__eq__)
    plots = {one.name: one for one in draw_plots(metrics, solutions, format_styles(["cot", "pot"]))}
    assert set(plots) == {"samples", "agreement", "cost", "tokens"}
    assert plots["samples"].svg.count("<polyline") == 2 * 4  # pass, maj, best, weighted, of two formats
    counts = [int(one) for one in re.findall(r"<title>[^<]*?, (\d+)</title>", plots["agreement"].svg)]
    assert abs(sum(counts) - len(problems)) <= 2  # four numbers, rounded
    for plot in plots.values():
        ElementTree.fromstring(plot.as_file())
    single, _ = make_rows()
    alone = [solution for solution in make_rows()[1] if solution.format == "cot"]
    assert draw_plots(summarize(single, alone, ks=[], same=str.__eq__), alone, format_styles(["cot"])) == []


def test_tables_for_papers_hold_every_number() -> None:
    problems, solutions = make_samples()
    metrics = summarize(problems, solutions, ks=[1, 2], same=str.__eq__)
    markdown, latex = markdown_table(metrics), latex_table(metrics)
    for metric in metrics:
        assert f"{number(metric)} {interval(metric)}" in markdown
        assert f"{number(metric)} {{\\scriptsize {interval(metric)}}}" in latex
    assert len({line.count("|") for line in markdown.splitlines()}) == 1
    assert latex.count("&") == 3 * (latex.count("\\\\"))
    assert "no_answer" not in latex.replace("\\_", "")


def test_page_compares_two_runs_and_links_what_flipped() -> None:
    problems, solutions = make_samples()
    _, others = make_rows()
    others = [solution for solution in others if solution.format in ("cot", "pot")]
    found = compare_runs(problems, solutions, problems, others)
    metrics = summarize(problems, solutions, ks=[], same=str.__eq__)
    compared = found.model_copy(update={"names": ("demo", "other"), "notes": ["both are unfinished"]})
    html = render_report(make_run(), problems, solutions=solutions, metrics=metrics, comparison=compared)
    assert "demo against other" in html and "both are unfinished" in html and compared.findings()[-1] in unescape(html)
    assert html.count('<a href="#problem=') >= len(found.flips) > 0


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_mathematics_is_typeset_and_money_is_not(tmp_path: Path) -> None:
    text = r"Where $x^2 = 4$ he pays $5 and gets $7 back, \(a<b\), \boxed{\frac{1}{2}}; broken: $\frac{1}$."
    problem = Problem(id="p/0", text=text, answer="1")
    solution = make_rows()[1][0].model_copy(update={"problem_id": "p/0", "blocks": [Text(text="$y_1$")]})
    file = tmp_path / "report.html"
    file.write_text(render_report(make_run(), [problem], solutions=[solution], metrics=[]), encoding="utf-8")
    dom, console = dump_dom(file, {"problem": "p/0", "outcome": "all"}, tmp_path / "profile")
    assert console == ""
    assert Elements(dom).count("span", "maths") == 4
    assert "he pays $5 and gets $7 back" in dom and r"broken: $\frac{1}$." in dom
