"""Sizes of images and contexts over time."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

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
)
from pipecat_nb.analysis.plots.palette import BLUE
from pipecat_nb.analysis.plots.units import SIZE, size_ticks, words

_TITLE = "Sizes of images and contexts"
_MANY = 150


def sizes(table: pd.DataFrame, ax: Axes | None = None, *, marks: Mapping[str, str] | None = None) -> Axes:
    """Two lines on a logarithmic scale: an image has a hundred times its context's size, and both matter."""
    created = day_numbers(table["created_at"])
    columns = {
        name: table[column].astype("Float64").to_numpy(dtype="float64", na_value=np.nan)
        for name, column in (("image", "image_size"), ("context", "context_size"))
    }
    # Nothing has a size of 0, and a logarithmic scale has no place for it.
    known = {name: ~np.isnan(created) & (values > 0) for name, values in columns.items()}
    either = known["image"] | known["context"]
    with canvas(ax) as axes:
        if not either.any():
            none = f"None of {count(len(table))} has a size." if len(table) else "There are no builds."
            return nothing(axes, _TITLE, none)
        axes.set_yscale("log")
        ends: list[tuple[float, str]] = []
        for name, colour, marker, dashes in (("image", BLUE, "o", "-"), ("context", ink(axes), "^", "--")):
            at = np.flatnonzero(known[name])
            if not len(at):
                continue
            at = at[np.argsort(created[at], kind="stable")]
            axes.plot(
                created[at],
                columns[name][at],
                color=colour,
                marker="" if len(at) > _MANY else marker,
                markersize=4.5,
                linestyle=dashes,
                linewidth=1.2,
                label=name,
            )
            ends.append((columns[name][at[-1]], f"{name} {words(columns[name][at[-1]], SIZE)}"))
        _size_axis(axes, [values[known[name]] for name, values in columns.items()])
        for value, text in _apart(ends, axes):
            axes.text(1.012, value, text, transform=axes.get_yaxis_transform(), va="center", fontsize=8.5)
        date_axis(axes, created[either], label="created")
        marks_at(axes, table, created, marks)
        whole = int(either.sum())
        head(axes, _TITLE, count(whole), left_out(len(table) - whole, "without a size"), "logarithmic scale")
        return axes


def _size_axis(axes: Axes, values: list["np.ndarray[tuple[int], np.dtype[np.float64]]"]) -> None:
    everything = np.concatenate(values)
    low, high = float(everything.min()) / 1.6, float(everything.max()) * 1.6
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(FixedLocator(size_ticks(low, high)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{words(value, SIZE)}".replace(".0 ", " ")))
    axes.set_ylabel("size")


def _apart(ends: list[tuple[float, str]], axes: Axes) -> list[tuple[float, str]]:
    """Where the lines' names stand: beside their ends, and never on each other."""
    if len(ends) < 2:
        return ends
    low, high = np.log(axes.get_ylim())
    (upper, upper_text), (lower, lower_text) = sorted(ends, reverse=True)
    least = 0.075 * (high - low)
    middle, gap = (np.log(upper) + np.log(lower)) / 2, np.log(upper) - np.log(lower)
    if gap >= least:
        return ends
    return [(float(np.exp(middle + least / 2)), upper_text), (float(np.exp(middle - least / 2)), lower_text)]
