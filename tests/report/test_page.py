"""The page: numbers and marks are there, nothing is fetched, no text becomes markup, its script filters and shows."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import pytest

from slipstick.alarms import Alarm
from slipstick.comparison import compare_runs
from slipstick.metrics import summarize
from slipstick.report import render_report
from slipstick.report.content import interval, number, recipe_text
from slipstick.schema import Problem, Text, Verdict
from tests.report.runs_to_report import FORMATS, SPLITS, make_rows, make_run, make_samples

HOSTILE = "</script><script>document.title='alive'</script><img src=x onerror=\"document.title='alive'\">{{ 7*7 }}&amp;"


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


def make_page(words: str = "") -> str:
    problems, solutions = make_rows(words=words)
    metrics = summarize(problems, solutions, ks=[], same=str.__eq__)
    return render_report(
        make_run(), problems, solutions=solutions, metrics=metrics, recipe=recipe_text(make_run().recipe)
    )


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
    assert not re.search(r"url\((?!data:font/woff2;base64,|#)|@import", page)
    policy = next(attributes["content"] for tag, attributes in Elements(page).tags if "http-equiv" in attributes)
    assert policy and policy.startswith("default-src 'none'; script-src 'sha256-")


def test_chart_has_one_mark_for_each_format_and_group(page: str) -> None:
    assert Elements(page).count("svg", "mark") == len(FORMATS) * (1 + len(SPLITS))
    assert Elements(page).count("div", "tile") == len(FORMATS)


def test_two_formats_are_compared_by_choice_and_told_apart_without_colour(page: str) -> None:
    pairs = [attrs for tag, attrs in Elements(page).tags if tag == "div" and attrs.get("class") == "pair"]
    assert [(attrs["data-pair"], "hidden" in attrs) for attrs in pairs] == [
        ("cot and pot", False),
        ("cot and tir", True),
        ("pot and tir", True),
    ]
    assert Elements(page).count("pattern") == 2 * 3 and '<select id="pair">' in page


def test_numbers_intervals_and_counts_appear(page: str) -> None:
    problems, solutions = make_rows()
    for metric in summarize(problems, solutions, ks=[], same=str.__eq__):
        assert f"<b>{number(metric)}</b>" in page
        assert interval(metric) in page
    assert "n = 8" in page
    assert "21 November 2026" in page
    assert "4 min 13 s" in page


def test_the_only_error_is_named_and_sets_are_called_sets() -> None:
    problems, solutions = make_rows(n=4)
    names = {each.id: f"{each.metadata['split']}/test/{each.id[2:]}" for each in problems}
    problems = [each.model_copy(update={"id": names[each.id], "metadata": {}}) for each in problems]
    solutions = [each.model_copy(update={"problem_id": names[each.problem_id]}) for each in solutions]
    metrics = summarize(problems, solutions, ks=[], same=str.__eq__)
    html = render_report(make_run(), problems, solutions=solutions, metrics=metrics)
    assert ">Programs that failed, error</th>" in html and "Accuracy by set</b>" in html
    assert "Accuracy by split</b>" in make_page()


def test_page_says_how_to_repeat_the_run(page: str) -> None:
    assert "git checkout 4be1f0c2d7e8a9b0c1d2e3f4a5b6c7d8e9f0a1b2" in page
    assert "slipstick evaluate recipe.toml --out ../demo-again" in page
    assert "formats = [&#34;cot&#34;, &#34;pot&#34;]" in page
    assert "3.11.9" in page
    assert "limit" not in recipe_text(make_run().recipe)


def test_alarms_and_the_profile_stand_at_the_top() -> None:
    run = make_run(recipe={"profile": "mammoth"})
    page = render_report(run, [], solutions=[], metrics=[], alarms=[Alarm(name="empty_answers", message="9 % <b>")])
    head = page.partition("</header>")[0]
    assert "Alarm, empty_answers:</b> 9 % &lt;b&gt;" in head and "graded by profile mammoth" in head


def test_a_run_without_a_recipe_is_repeated_by_its_command() -> None:
    run = make_run(command="slipstick grade out.jsonl --set profile=mammoth", directory="/home/me")
    page = render_report(run, [], solutions=[], metrics=[])
    assert "cd /home/me\nslipstick grade out.jsonl --set profile=mammoth" in page


def test_an_unfinished_run_says_so() -> None:
    problems, solutions = make_rows(n=2)
    html = render_report(make_run(status="stopped", finished=None), problems, solutions=solutions, metrics=[])
    assert "This run is <b>stopped</b>" in html


def test_a_run_without_solutions_still_has_a_page() -> None:
    html = render_report(make_run(), [Problem(id="p", text="?")], solutions=[], metrics=[])
    assert "no solutions" in html and "1 problems" in html and 'class="tiles"' not in html


def test_hostile_texts_stay_texts() -> None:
    problems, solutions = make_rows(words=HOSTILE)
    problems = [
        each.model_copy(update={"metadata": {"split": HOSTILE + each.id, "topic": each.id}}) for each in problems
    ]
    hostile = [
        each.model_copy(update={"format": HOSTILE if each.format == "tir" else each.format}) for each in solutions
    ]
    metrics = summarize(problems, hostile, ks=[], same=str.__eq__)
    run = make_run(name=HOSTILE, recipe={"model": HOSTILE, HOSTILE: 1}, versions={HOSTILE: HOSTILE}, commit=HOSTILE)
    found = Elements(render_report(run, problems, solutions=hostile, metrics=metrics))
    assert found.count("script") == 3
    assert found.count("img") == 0
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]


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


def test_browser_folds_thoughts_and_takes_no_markup_from_them(tmp_path: Path) -> None:
    problems, solutions = make_rows(n=1)
    text = Text(text=f"<think>Or {HOSTILE} {'9 ' * 1500}</think>It is 0.")
    solutions = [one.model_copy(update={"blocks": [text], "thought_tokens": 9}) for one in solutions[:1]]
    file = tmp_path / "report.html"
    file.write_text(render_report(make_run(), problems, solutions=solutions, metrics=[]), encoding="utf-8")
    dom, console = dump_dom(file, {"problem": "p/0", "outcome": "all"}, tmp_path / "profile")
    found = Elements(dom)
    assert console == "" and (found.count("script"), found.count("img")) == (3, 0)
    (thought,) = [attrs for tag, attrs in found.tags if tag == "details" and attrs.get("class") == "thought"]
    assert "open" not in thought and "Thoughts (1,50" in dom and "12 tokens, 9 of them thoughts" in dom


def test_browser_filters_by_format_outcome_and_text(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(make_page(), encoding="utf-8")
    dom, console = dump_dom(file, {"format": "pot", "outcome": "incorrect", "text": "P/3"}, tmp_path / "profile")
    assert console == ""
    assert "1 of 8 problems" in dom
    assert [attrs["data-id"] for tag, attrs in Elements(dom).tags if tag == "a" and attrs.get("class") == "row"] == [
        "p/3"
    ]


def test_browser_shows_everything_if_all_is_correct(tmp_path: Path) -> None:
    problems, solutions = make_rows(n=4)
    correct = [each.model_copy(update={"verdict": Verdict(outcome="correct", method="text")}) for each in solutions]
    file = tmp_path / "report.html"
    file.write_text(render_report(make_run(), problems, solutions=correct, metrics=[]), encoding="utf-8")
    dom, console = dump_dom(file, {}, tmp_path / "profile")
    assert console == ""
    assert "4 of 4 problems" in dom


def test_page_compares_two_runs_and_links_what_flipped() -> None:
    problems, solutions = make_samples()
    _, others = make_rows()
    others = [solution for solution in others if solution.format in ("cot", "pot")]
    found = compare_runs(problems, solutions, problems, others)
    metrics = summarize(problems, solutions, ks=[], same=str.__eq__)
    compared = found.model_copy(update={"names": ("other", "demo"), "notes": ["both are unfinished"]})
    html = render_report(make_run(), problems, solutions=solutions, metrics=metrics, comparison=compared)
    assert (
        "demo compared with other" in html
        and "both are unfinished" in html
        and compared.findings()[-1] in unescape(html)
    )
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
