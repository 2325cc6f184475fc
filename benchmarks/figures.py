"""The figures of README and docs from one file: `python -m benchmarks.figures` writes them, `--check` compares.

docs/figures.toml has each figure with its count, date and command. In a page `<!--figure GROUP.NAME-->99.6<!--/-->`
shows one, `<!--figures GROUP-->...<!--/figures-->` a group's table. A test runs the comparison.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docs" / "figures.toml"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ONE = re.compile(r"<!--figure (\w+)\.(\w+)-->(.*?)<!--/-->", re.DOTALL)
TABLE = re.compile(r"<!--figures (\w+)-->\n(.*?)<!--/figures-->", re.DOTALL)

Groups = dict[str, dict[str, Any]]


def read_groups() -> Groups:
    """Group -> its title, command, date and figures."""
    with FILE.open("rb") as file:
        return tomllib.load(file)


def table(group: dict[str, Any]) -> str:
    """A group's figures as a Markdown table, then when and how they were measured."""
    rows = [
        f"| {figure['says']} | {figure['value']}{interval(figure)} | {figure.get('n', '')} |"
        for figure in group["figures"].values()
    ]
    measured = f"Measured {group['date']}: `{group['command']}`. {group.get('note', '')}".strip()
    return "\n".join(["", "| figure | value | of |", "|---|---|---|", *rows, "", measured, "", ""])


def interval(figure: dict[str, Any]) -> str:
    """The 95 % interval in brackets; "" where there is none."""
    return f" ({figure['interval']})" if "interval" in figure else ""


def written(text: str, groups: Groups) -> str:
    """A page with every figure as the file has it."""
    text = ONE.sub(
        lambda hit: f"<!--figure {hit[1]}.{hit[2]}-->{groups[hit[1]]['figures'][hit[2]]['value']}<!--/-->", text
    )
    return TABLE.sub(lambda hit: f"<!--figures {hit[1]}-->\n{table(groups[hit[1]])}<!--/figures-->", text)


def main() -> None:
    """Writes the pages, or says which differ from the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page differs from the file")
    check = parser.parse_args().check
    groups, differ = read_groups(), []
    for page in PAGES:
        now = page.read_text("utf-8")
        if (then := written(now, groups)) != now:
            differ.append(page.name)
            if not check:
                page.write_text(then, "utf-8")
    print(f"{'different' if check else 'written'}: {', '.join(differ) or 'none'}")
    sys.exit(bool(differ) if check else 0)


if __name__ == "__main__":
    main()
