"""The confusion matrix drawn as a heat table: vectors and text, from 2 to MAX_CLASSES classes on one page's width."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from reportlab.lib.colors import white
from reportlab.platypus import Flowable

from eobench_dash.reports.style import BORDER, MUTED, TEXT, shade
from eobench_dash.reports.text import draw, fit, width

MAX_CLASSES = 40
COUNTS_UP_TO = 14
"""More classes than this, and a cell has room for the row's percentage only."""


class ConfusionTable(Flowable):  # type: ignore[misc]
    """Rows: the label patches have; columns: what was foretold. Colour and the small number: share of the row in %."""

    def __init__(
        self,
        counts: npt.NDArray[np.int64],
        totals: npt.NDArray[np.int64],
        names: Sequence[str],
        *,
        room: float,
        limit: float,
    ) -> None:
        """``counts`` (k, k) shown, ``totals`` (k,) of the rows (more than their sums where classes are left out)."""
        super().__init__()
        self.counts, self.totals, self.names = counts, np.maximum(totals, 1), list(names)
        k = len(self.names)
        name_size = 8 if k <= COUNTS_UP_TO else 6.5 if k <= 26 else 5.6
        longest = max((width(name, name_size) for name in self.names), default=0.0)
        self.name_size = name_size
        self.name_room = min(longest + 6, room * 0.26)
        self.head_room = min(longest + 6, 92.0)
        self.cell = min(38.0, (room - self.name_room - 14) / max(k, 1), (limit - self.head_room - 26) / max(k, 1))
        self.width = room
        self.height = self.head_room + self.cell * k + 16

    def draw(self) -> None:
        canvas, k, cell = self.canv, len(self.names), self.cell
        left, top = 14 + self.name_room, self.height - 12 - self.head_room
        canvas.setFillColor(MUTED)
        draw(canvas, left, self.height - 8, "foretold by the classifier →", 6.8)
        canvas.saveState()
        canvas.translate(7, top)
        canvas.rotate(90)
        draw(canvas, 0, 0, "label in the dataset", 6.8, align=1)
        canvas.restoreState()
        for i, name in enumerate(self.names):
            canvas.setFillColor(TEXT)
            baseline = top - (i + 0.5) * cell - self.name_size * 0.34
            draw(canvas, left - 4, baseline, fit(name, self.name_size, self.name_room - 5), self.name_size, align=1)
            canvas.saveState()
            canvas.translate(left + (i + 0.5) * cell + self.name_size * 0.34, top + 4)
            canvas.rotate(90)
            draw(canvas, 0, 0, fit(name, self.name_size, self.head_room - 6), self.name_size)
            canvas.restoreState()
        canvas.setLineWidth(0.5)
        for i in range(k):
            for j in range(k):
                self._cell(i, j, left + j * cell, top - (i + 1) * cell, float(self.counts[i, j] / self.totals[i]))
        canvas.setStrokeColor(BORDER)
        canvas.rect(left, top - k * cell, k * cell, k * cell, stroke=1, fill=0)

    def _cell(self, i: int, j: int, x: float, y: float, share: float) -> None:
        canvas, cell, count = self.canv, self.cell, int(self.counts[i, j])
        canvas.setFillColor(shade(share**0.7))
        canvas.setStrokeColor(white)
        canvas.rect(x, y, cell, cell, stroke=1, fill=1)
        if not count:
            return
        canvas.setFillColor(white if share**0.7 > 0.62 else TEXT)
        percent = f"{100 * share:.0f}" if share >= 0.005 else "<1" if cell > 14 else "·"
        if len(self.names) > COUNTS_UP_TO:
            draw(canvas, x + cell / 2, y + cell / 2 - cell * 0.15, percent, min(7.0, cell * 0.46), align=0.5)
            return
        size = min(8.0, cell * 0.3)
        while width(f"{count:,}", size) > cell - 3 and size > 3:
            size -= 0.25
        draw(canvas, x + cell / 2, y + cell * 0.54, f"{count:,}", size, align=0.5)
        draw(canvas, x + cell / 2, y + cell * 0.2, f"{percent} %", min(6.0, cell * 0.2), align=0.5)
