"""What all charts share: a figure that shows itself, a head, a date axis, a legend, and words for nothing to draw.

Figures are made without pyplot: it would keep each of them, and show it a second time.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import dates as untyped_dates
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.transforms import offset_copy

from pipecat_nb.analysis.buckets import naive_utc
from pipecat_nb.analysis.plots.palette import UNKNOWN
from pipecat_nb.text import printable

# Of all modules that are used here, matplotlib has no types of this one.
dates: Any = untyped_dates

_WIDTH, _DPI = 8.6, 100

#: The height of the line that says what looks how, in points.
_KEY = 15

#: Paper and ink of our own: no text colour reaches a contrast of 4.5 on both of JupyterLab's themes at once.
_PAPER, _INK, _QUIET, _LINE = "#ffffff", "#24292f", "#57606a", "#d8dee4"

_STYLE: Any = {
    "figure.facecolor": _PAPER,
    "axes.facecolor": _PAPER,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _QUIET,
    "axes.titlecolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "text.color": _INK,
    "text.parse_math": False,
    "xtick.color": _LINE,
    "xtick.labelcolor": _QUIET,
    "ytick.color": _LINE,
    "ytick.labelcolor": _QUIET,
    "font.size": 9,
    "hatch.linewidth": 0.7,
    "legend.frameon": False,
}

#: Builds were not made before, and an axis that goes to the year 9999 shows nothing.
_EARLIEST, _LATEST = np.datetime64("1990-01-01", "us"), np.datetime64("2200-01-01", "us")


class BuildsAxes(Axes):
    """Axes that a notebook shows as their figure, where of others it shows only what their class is called."""

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        figure = self.get_figure(root=True)
        if figure is None:
            raise NotImplementedError
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=2 * _DPI)
        width, height = (round(inches * _DPI) for inches in figure.get_size_inches())
        return buffer.getvalue(), {"width": width, "height": height, "alt": self.get_title(loc="left")}


@contextmanager
def canvas(ax: Axes | None, *, height: float = 3.4) -> Iterator[Axes]:
    """The axes to draw on: those given, in their owner's style, or those of a figure of our own, in ours."""
    if ax is not None:
        yield ax
        return
    with mpl.rc_context():
        # Ours is the same whatever style is set: a dark style's white text would be lost on our paper.
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, layout="constrained")
        yield figure.add_subplot(axes_class=BuildsAxes)


def head(ax: Axes, title: str, *facts: str, key: Sequence[Any] = ()) -> None:
    """The title; below it, smaller, what is shown of what; below that in one line what looks how (`key`)."""
    raised = _KEY if key else 0
    ax.set_title(title, loc="left", fontweight="bold", fontsize=11, pad=21 + raised)
    ax.annotate(
        "; ".join(filter(None, facts)),
        (0, 1),
        (0, 7 + raised),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=9,
        parse_math=False,
    )
    if key:
        legend = ax.legend(
            handles=key,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            bbox_transform=offset_copy(ax.transAxes, ax.get_figure(root=True), y=5, units="points"),
            ncols=len(key),
            frameon=False,
            fontsize=8.5,
            borderaxespad=0,
            borderpad=0,
            handlelength=1.3,
            handletextpad=0.5,
            columnspacing=1.4,
        )
        for text in legend.get_texts():
            text.set_parse_math(False)


def nothing(ax: Axes, title: str, why: str) -> Axes:
    """Axes that say why there is nothing on them."""
    head(ax, title)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", va="center", fontsize=10, parse_math=False)
    return ax


def day_numbers(times: "pd.Series[Any]") -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Times as matplotlib counts them; NaN for missing ones, and for those that no build can have."""
    moments = naive_utc(times)
    # Comparing NaT is false and no error.
    possible = (moments >= _EARLIEST) & (moments < _LATEST)
    numbers = np.full(len(moments), np.nan)
    numbers[possible] = dates.date2num(moments[possible])
    return numbers


def date_axis(ax: Axes, numbers: "np.ndarray[Any, np.dtype[np.float64]]", *, label: str) -> None:
    """An x axis from the first to the last of these times, in UTC, right for one moment as well as for years."""
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    # A single moment stands in the middle of an hour; without this, matplotlib shows four years.
    margin = max(0.03 * (high - low), (1 / 24 / 60) if high > low else 1 / 48)
    locator = dates.AutoDateLocator(tz=UTC, minticks=3, maxticks=8)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=UTC))
    ax.set_xlim(low - margin, high + margin)
    ax.set_xlabel(f"{label} (UTC)")


def marks_at(
    ax: Axes,
    table: pd.DataFrame,
    numbers: "np.ndarray[Any, np.dtype[np.float64]]",
    marks: Mapping[str, str] | None,
) -> None:
    """A dashed line with a few words at each of these builds that is in the frame."""
    if not marks:
        return
    for build_id, number in zip(table.index, numbers, strict=True):
        if pd.notna(build_id) and build_id in marks and not np.isnan(number):
            ax.axvline(number, color=ink(ax), linewidth=0.9, linestyle=(0, (4, 3)), zorder=4)
            ax.annotate(
                shown(marks[build_id]),
                (number, 1),
                (3, -2),
                xycoords=ax.get_xaxis_transform(),
                textcoords="offset points",
                va="top",
                fontsize=8,
                parse_math=False,
            )


def statuses_of(table: pd.DataFrame) -> "pd.Series[Any]":
    """Each build's status as text; `unknown` where it is missing."""
    status = table["status"].astype(object)
    return status.where(status.notna(), UNKNOWN).astype(str)


def ink(ax: Axes) -> Any:
    """The colour of text on these axes, which may be somebody's dark ones."""
    return ax.title.get_color()


def shown(text: str, *, limit: int = 40) -> str:
    """Text of unknown origin in one line, with a `?` for each sign that the font does not have."""
    line = " ".join(printable(text).split())
    line = line if len(line) <= limit else f"{line[: limit - 1]}…"
    font = get_font(findfont(FontProperties()))
    return "".join(sign if font.get_char_index(ord(sign)) else "?" for sign in line)


def count(number: int, name: str = "build") -> str:
    """`1 build`, `10,000 builds`."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def left_out(number: int, why: str) -> str:
    """What a chart says of rows that it cannot draw; nothing where there are none."""
    return f"{number:,} {why} left out" if number else ""
