"""Build times over time, and their rolling median."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from pipecat_nb.analysis.outcome import succeeded
from pipecat_nb.analysis.plots.canvas import (
    canvas,
    count,
    date_axis,
    day_numbers,
    head,
    ink,
    left_out,
    marks_at,
    nothing,
    shown,
    statuses_of,
)
from pipecat_nb.analysis.plots.palette import in_order, look
from pipecat_nb.analysis.plots.units import unit_for, words

_TITLE = "Build times"

#: Points are drawn small and light from so many on, to show where there are most.
_MANY = 400


def durations(table: pd.DataFrame, ax: Axes | None = None, *, marks: Mapping[str, str] | None = None) -> Axes:
    """The build time of each build by when it was created, and the rolling median of those that succeeded."""
    created = day_numbers(table["created_at"])
    seconds = table["build_time"].dt.total_seconds().to_numpy(dtype="float64")
    drawable = ~np.isnan(created) & ~np.isnan(seconds)
    with canvas(ax) as axes:
        if not drawable.any():
            none = f"None of {count(len(table))} has a build time." if len(table) else "There are no builds."
            return nothing(axes, _TITLE, none)
        order = np.flatnonzero(drawable)[np.argsort(created[drawable], kind="stable")]
        rows, times = table.iloc[order], created[order]
        unit = unit_for(float(np.quantile(seconds[order], 0.98)))
        values = seconds[order] / unit.each
        status = statuses_of(rows)
        many = len(rows) > _MANY
        handles = []
        for kind in in_order(status):
            is_it = (status == kind).to_numpy()
            looks = look(kind)
            axes.plot(
                times[is_it],
                values[is_it],
                linestyle="none",
                marker=looks.marker,
                markersize=3 if many else 6.5,
                alpha=0.45 if many else 0.9,
                color=looks.colour,
                markeredgewidth=0 if many else 0.6,
                markeredgecolor="white",
                label=kind,
            )
            name = f"{shown(kind)} {int(is_it.sum()):,}"
            handles.append(Line2D([], [], linestyle="none", marker=looks.marker, color=looks.colour, label=name))
        date_axis(axes, times, label="created")
        axes.set_ylim(0, float(values.max()) * 1.08 or 1)
        axes.set_ylabel(f"build time ({unit.name})")
        good = succeeded(rows).to_numpy()
        _median(axes, times[good], values[good], each=unit.each)
        marks_at(axes, rows, times, marks)
        head(axes, _TITLE, count(len(rows)), left_out(len(table) - len(rows), "without a build time"), key=handles)
        return axes


def window_of(builds: int) -> int:
    """Over how many builds the median rolls: odd, 5 of few, a twentieth of many, 101 at most."""
    return max(5, min(101, builds // 20 | 1))


def rolling_median(values: Any, window: int) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """The median of so many values around each; of half of them at the ends."""
    rolled = pd.Series(values).rolling(window, center=True, min_periods=window // 2 + 1).median()
    return rolled.to_numpy(dtype="float64")


def _median(axes: Axes, times: Any, values: Any, *, each: float) -> None:
    window = window_of(len(values))
    if len(values) < window:
        return
    medians = rolling_median(values, window)
    axes.plot(times, medians, color=ink(axes), linewidth=1.6, zorder=3, label="_median")
    axes.text(
        1.012,
        medians[-1],
        f"median of {window}\nbuilds: {words(medians[-1] * each)}",
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize=8.5,
    )
