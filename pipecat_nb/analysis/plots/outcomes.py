"""How builds ended, by day, week or month."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from pipecat_nb.analysis.buckets import Span
from pipecat_nb.analysis.outcome import ended, succeeded
from pipecat_nb.analysis.plots.bars import bucket_axis, bucketed
from pipecat_nb.analysis.plots.canvas import (
    canvas,
    count,
    day_numbers,
    head,
    left_out,
    nothing,
    shown,
    statuses_of,
)
from pipecat_nb.analysis.plots.palette import in_order, look

_TITLE = "Outcomes"


def outcomes(table: pd.DataFrame, ax: Axes | None = None, *, by: Span | None = None) -> Axes:
    """The number of builds of each status, stacked, by when they were created."""
    rows = table[~np.isnan(day_numbers(table["created_at"]))]
    with canvas(ax) as axes:
        if rows.empty:
            none = (
                f"None of {count(len(table))} says when it was created." if len(table) else "There are no builds."
            )
            return nothing(axes, _TITLE, none)
        span, numbers = bucketed(rows["created_at"], by)
        status = statuses_of(rows)
        counts = pd.crosstab(numbers.to_numpy(dtype="int64"), status.to_numpy())
        places = counts.index.to_numpy()
        bottom = np.zeros(len(counts))
        handles = []
        for kind in in_order(status):
            heights = counts[kind].to_numpy()
            there = heights > 0
            looks = look(kind)
            handles.append(
                axes.bar(
                    places[there],
                    heights[there],
                    bottom=bottom[there],
                    width=0.78,
                    facecolor=looks.colour,
                    edgecolor="white",
                    linewidth=0,
                    hatch=looks.hatch,
                    label=f"{shown(kind)} {int(heights.sum()):,}",
                )
            )
            bottom = bottom + heights
        axes.set_ylim(0, float(bottom.max()) * 1.06)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
        axes.set_ylabel("builds")
        bucket_axis(axes, numbers, span)
        over, well = int(ended(rows).sum()), int(succeeded(rows).sum())
        rate = f"{100 * well / over:.0f} % of {over:,} that have ended succeeded" if over else "none has ended"
        head(axes, _TITLE, rate, left_out(len(table) - len(rows), "without a time of creation"), key=handles)
        return axes
