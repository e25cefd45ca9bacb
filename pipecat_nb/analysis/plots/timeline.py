"""Builds as bars from their creation to their end."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from pipecat_nb.analysis.outcome import ended
from pipecat_nb.analysis.plots.canvas import (
    canvas,
    count,
    date_axis,
    day_numbers,
    head,
    left_out,
    nothing,
    shown,
    statuses_of,
)
from pipecat_nb.analysis.plots.palette import GREY, in_order, look
from pipecat_nb.analysis.plots.units import words

_TITLE = "Timeline of builds"
_LIGHT = 0.4

#: Rows that there is room for at least: one bar alone is no wall.
_LEAST = 4


def timeline(table: pd.DataFrame, ax: Axes | None = None, *, most: int = 40) -> Axes:
    """Each of the latest `most` builds as a bar, the latest on top; a marker shows its status."""
    created = day_numbers(table["created_at"])
    drawable = ~np.isnan(created)
    order = [number for number in np.argsort(-created, kind="stable") if drawable[number]][: max(1, most)]
    rows = table.iloc[order]
    with canvas(ax, height=1.3 + 0.19 * max(_LEAST, len(rows))) as axes:
        if rows.empty:
            without = (
                f"None of {count(len(table))} says when it was created." if len(table) else "There are no builds."
            )
            return nothing(axes, _TITLE, without)
        begin, turn, end = _times(rows, now=_now(table))
        status = statuses_of(rows)
        places = np.arange(len(rows))
        kinds = in_order(status)
        for kind in kinds:
            is_it = (status == kind).to_numpy()
            looks = look(kind)
            spot = places[is_it]
            axes.barh(
                spot, (turn - begin)[is_it], left=begin[is_it], height=0.62, color=looks.colour, alpha=_LIGHT
            )
            axes.barh(
                spot,
                (end - turn)[is_it],
                left=turn[is_it],
                height=0.62,
                facecolor=looks.colour,
                edgecolor="white",
                linewidth=0,
                hatch=looks.hatch,
            )
            axes.plot(
                end[is_it],
                spot,
                linestyle="none",
                marker=looks.marker,
                markersize=6.5,
                color=looks.colour,
                markeredgecolor="white",
                markeredgewidth=0.6,
                zorder=3,
                clip_on=False,
            )
        _label(axes, rows, status)
        date_axis(axes, np.concatenate([begin, end]), label="from created to completed")
        axes.grid(visible=True, axis="both")
        lines = [
            Line2D([], [], linestyle="none", marker=look(kind).marker, color=look(kind).colour, label=shown(kind))
            for kind in kinds
        ]
        whole = int(drawable.sum())
        head(
            axes,
            _TITLE,
            count(whole) if len(rows) == whole else f"the latest {len(rows):,} of {count(whole)}",
            left_out(len(table) - whole, "without a time of creation"),
            "to scale: most bars are shorter than their marker" if _short(begin, end) else "",
            key=[Patch(color=GREY, alpha=_LIGHT, label="queued"), *lines],
        )
        return axes


def _times(rows: pd.DataFrame, *, now: float) -> tuple[Any, Any, Any]:
    """When each build was created, began to be built, and ended: what is not known yet, or cannot be, is mended so
    that it runs forwards.
    """
    begin = day_numbers(rows["created_at"])
    started, completed = day_numbers(rows["started_at"]), day_numbers(rows["completed_at"])
    over = ended(rows).to_numpy()
    # One that goes on reaches to when it was looked at; of one that is over, its build time tells the end.
    built = rows["build_time"].dt.total_seconds().to_numpy(dtype="float64") / 86400
    known_end = np.where(np.isnan(completed), np.where(np.isnan(started), begin, started) + built, completed)
    end = np.where(
        over, np.where(np.isnan(known_end), begin, known_end), np.where(np.isnan(completed), now, completed)
    )
    end = np.fmax(begin, end)
    turn = np.where(np.isnan(started), np.where(over, begin, end), started)
    return begin, np.clip(turn, begin, end), end


def _short(begin: Any, end: Any) -> bool:
    """Whether days lie between builds of minutes, so that of most bars nothing is seen."""
    return bool(np.median(end - begin) < 0.006 * (end.max() - begin.min()))


def _now(table: pd.DataFrame) -> float:
    """When the builds were looked at; of a frame that does not say, the latest time in it."""
    fetched = pd.to_datetime(
        pd.Series([table.attrs.get("fetched_at")]), utc=True, errors="coerce", format="ISO8601"
    )
    columns = [fetched, *(table[name] for name in ("created_at", "started_at", "completed_at", "updated_at"))]
    numbers = [day_numbers(column) for column in columns]
    return float(numbers[0][0]) if not np.isnan(numbers[0][0]) else float(np.nanmax(np.concatenate(numbers)))


def _label(axes: Axes, rows: pd.DataFrame, status: "pd.Series[Any]") -> None:
    """On the left which build it is, on the right how long it took; of one without a build time, its status."""
    names = []
    directories = rows["directory"] if "directory" in rows else pd.Series([None] * len(rows))
    for build_id, directory in zip(rows.index, directories, strict=True):
        known = "" if pd.isna(build_id) else str(build_id)[:8]
        place = "" if pd.isna(directory) else str(directory).rstrip("/\\").replace("\\", "/").rpartition("/")[2]
        names.append(shown(f"{place} {known}".strip(), limit=32))
    axes.set_yticks(range(len(rows)), names, fontsize=8, parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(max(_LEAST, len(rows)) - 0.4, -0.6)
    for line, (build, queue, word) in enumerate(zip(rows["build_time"], rows["queue_time"], status, strict=True)):
        told = [shown(word) if pd.isna(build) else words(build.total_seconds())]
        if pd.notna(queue):
            told.append(f"queued {words(queue.total_seconds())}")
        axes.text(
            1.012,
            line,
            ", ".join(told),
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=8,
            alpha=0.85,
            parse_math=False,
        )
