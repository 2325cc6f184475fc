"""Prints what choosing by value does."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from slipstick.schema import Metric, Solution
from slipstick.value.quality import Bin, reliability
from slipstick.value.reranking import RerankResult, advice, describe_samples


def print_reranking(result: RerankResult, solutions: Sequence[Solution], console: Console) -> None:
    """Prints the numbers of one group, their reliability table if it is all problems, and the advice."""
    title = f"{result.format}, {result.group or 'all problems'}, {describe_samples(result)}"
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    for name in (f"maj@{result.k}", f"best@{result.k}", f"weighted@{result.k}", "AUC within problems", "Brier", "ECE"):
        table.add_column(name, justify="right")
    shares = [percent(metric) for metric in (result.majority, result.best, result.weighted, result.auc)]
    table.add_row(*shares, *(plain(metric) for metric in (result.brier, result.ece)))
    console.print(table)
    if not result.group:
        console.print(_reliability_table(reliability(solutions)))
    console.print(Text(advice(result)), soft_wrap=True)


def percent(metric: Metric) -> str:
    """A share as percent, with its interval; "-" if nothing was measured."""
    if not metric.n:
        return "-"
    return f"{100 * metric.value:.1f} ({100 * metric.low:.1f}-{100 * metric.high:.1f})"


def plain(metric: Metric) -> str:
    """A metric with its interval; "-" if nothing was measured."""
    if not metric.n:
        return "-"
    return f"{metric.value:.3f} ({metric.low:.3f}-{metric.high:.3f})"


def _reliability_table(rows: Sequence[Bin]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("value", "solutions", "mean value", "correct, %"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(f"{row.low:.1f}-{row.high:.1f}", f"{row.n:,}", f"{row.value:.3f}", percent(row.correct))
    return table
