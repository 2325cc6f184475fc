"""Figures that a program shows, as PNG, instead of windows that nobody sees.

matplotlib is imported with the largest tier, drawing with Agg and its own fonts. What `show` shows is kept and closed,
as in a notebook; a figure left open at the end of a cell is shown too.
"""

from __future__ import annotations

import base64
import gc
import io
import os
import sys
import tempfile
import threading
from typing import Any

MAX_FIGURES = 4
MAX_BYTES = 1 << 20
"""Figures kept of one step, and the bytes of each."""
_MOST_PIXELS = 1600
"""Of a figure's longer side."""


class Figures:
    """The figures of one step."""

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self._left_out: list[str] = []

    def watch(self) -> None:
        """Has matplotlib, if it is imported, keep here what a program shows; nothing waits for whoever looks at it."""
        bases: Any = sys.modules.get("matplotlib.backend_bases")
        pyplot: Any = sys.modules.get("matplotlib.pyplot")
        if bases and pyplot:
            bases.FigureManagerBase.show = lambda manager: self._keep(manager.canvas.figure)
            bases.FigureCanvasBase.start_event_loop = _nothing
            pyplot.pause = _nothing

    def keep_open(self) -> None:
        """Keeps every figure that is open, at the end of a cell."""
        if helpers := sys.modules.get("matplotlib._pylab_helpers"):
            for manager in helpers.Gcf.get_all_fig_managers():
                try:
                    self._keep(manager.canvas.figure)
                except Exception as error:  # the cell has ended: what its figure does is told, not raised
                    self._left_out.append(" ".join(f"{type(error).__name__}: {error}".split()))

    def _keep(self, figure: Any) -> None:
        """Keeps a figure, if it has anything to show, and closes it."""
        try:
            if len(self._kept) == MAX_FIGURES:
                self._left_out.append(f"at most {MAX_FIGURES} are kept")
            elif figure.axes or figure.lines or figure.texts or figure.images:
                data = _png(figure)
                if len(data) > MAX_BYTES:
                    self._left_out.append(f"its PNG has {len(data)} bytes, at most {MAX_BYTES} are kept")
                else:
                    self._kept.append(data)
        finally:
            sys.modules["matplotlib.pyplot"].close(figure)

    def take(self) -> tuple[list[str], str]:
        """The figures kept since the last call, in base64, and a line on those that were left out, or ""."""
        images = [base64.b64encode(data).decode("ascii") for data in self._kept]
        reasons = self._left_out
        self._kept, self._left_out = [], []
        if not reasons:
            return images, ""
        return images, f"[{len(reasons)} figure{'s' * (len(reasons) > 1)} not shown: {reasons[0]}]"


def prepare() -> None:
    """Imports matplotlib, if it is installed, so that forks need no file of its own and write to none."""
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ)
        os.environ.update(MPLCONFIGDIR=folder, PATH="")  # no settings and no fonts of this machine's user
        try:
            import matplotlib as mpl
            from matplotlib import font_manager, pyplot
        except ImportError:
            return
        finally:
            os.environ.clear()
            os.environ.update(environment)
        own = mpl.get_data_path()
        fonts = font_manager.fontManager
        fonts.ttflist = [font for font in fonts.ttflist if font.fname.startswith(own)]
        fonts.afmlist = [font for font in fonts.afmlist if font.fname.startswith(own)]
        pyplot.switch_backend("agg")
        pyplot.set_loglevel("ERROR")
        _draw_once(pyplot)
    for thread in threading.enumerate():  # a timer that watches how long the fonts take
        if thread is not threading.main_thread():
            thread.join()


def _draw_once(pyplot: Any) -> None:
    figure, axes = pyplot.subplots()
    axes.plot([1, 2], [3, 4], label="$x^2$")
    axes.set_title("warm")
    axes.legend()
    _png(figure)
    pyplot.close(figure)
    gc.collect()


def _png(figure: Any) -> bytes:
    """A figure as notebooks draw it, of at most so many pixels; nothing in it says when or by what."""
    out = io.BytesIO()
    dpi = min(figure.dpi, _MOST_PIXELS / max(figure.get_size_inches()))
    figure.canvas.print_figure(out, format="png", dpi=dpi, bbox_inches="tight", metadata={"Software": None})
    return out.getvalue()


def _nothing(*_values: object, **_named: object) -> None:
    """Does nothing."""
