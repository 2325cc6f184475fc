"""Lays out suspects and solvers as tables for the terminal."""

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from slipstick.audit.ranking import Suspect
from slipstick.audit.reliability import Solver
from slipstick.terminal import headed_table


def suspects_table(suspects: Iterable[Suspect]) -> Table:
    """A line a suspect, with its heaviest evidence."""
    table = headed_table("rank", "score", "problem", "label", "instead", "looks", "why")
    for each in suspects:
        label = "; ".join(each.gold) if isinstance(each.gold, list) else each.gold
        why = each.evidence[0].says if each.evidence else ""
        cells = (str(each.rank), f"{each.score:.2f}", each.id, label, each.answer or "", each.looks, why)
        table.add_row(*map(Text, cells))
    return table


def one_model(solvers: Sequence[Solver]) -> str:
    """What a ranking by the answers of a single model is; "" if there are several models or none."""
    models = {solver.name.rpartition(" ")[0] for solver in solvers}
    if len(models) != 1:
        return ""
    wrong = 1 - min(solver.agreement for solver in solvers)
    return (
        f"Only {models.pop()} was asked: this is above all a list of its own errors, as it disagrees with {wrong:.1%} "
        "of the labels and no other model says which side is right. Add runs of other models: runs = [...]"
    )


def solvers_table(solvers: Iterable[Solver]) -> Table:
    """A line a solver."""
    table = headed_table("solver", "problems", "says the label", "weight")
    for each in solvers:
        cells = (each.name, f"{each.problems:,}", f"{each.agreement:.1%}", f"{each.weight:.2f}")
        table.add_row(*map(Text, cells))
    return table
