"""What the cache saved."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from pipecat_nb.analysis.buckets import Span
from pipecat_nb.analysis.plots.bars import bucket_axis, bucketed
from pipecat_nb.analysis.plots.canvas import canvas, count, day_numbers, head, nothing
from pipecat_nb.analysis.plots.palette import BLUE, GREY
from pipecat_nb.analysis.plots.units import unit_for, words

_TITLE = "Builds found again in the cache"

#: Bars that have room for their number of hits.
_ROOM = 31


def cache(table: pd.DataFrame, ax: Axes | None = None, *, by: Span | None = None) -> Axes:
    """Time spent on building, and on top of it the time that would have been spent again without the cache.

    Both are in the same unit, and stand where the build was created, not where it was found again; a build that
    was found several times counts once.
    """
    rows = table[~np.isnan(day_numbers(table["created_at"]))]
    hits = rows["cached"].fillna(False).astype(bool).to_numpy()
    known = int(rows["cached"].notna().sum())
    seconds = rows["build_time"].dt.total_seconds().fillna(0.0).to_numpy(dtype="float64")
    with canvas(ax) as axes:
        if not known:
            none = (
                "Of none of {} it is known whether it was found in the cache:\nonly what was started here tells."
            )
            return nothing(axes, _TITLE, none.format(count(len(table))) if len(table) else "There are no builds.")
        span, numbers = bucketed(rows["created_at"], by)
        each = pd.DataFrame(
            {
                "spent": seconds,
                "saved": np.where(hits, seconds, 0.0),
                "hits": hits.astype("int64"),
                "known": rows["cached"].notna().to_numpy(dtype="int64"),
            }
        )
        sums = each.groupby(numbers.to_numpy(dtype="int64")).sum()
        unit = unit_for(float((sums["spent"] + sums["saved"]).max()))
        places = sums.index.to_numpy()
        spent, saved = sums["spent"].to_numpy() / unit.each, sums["saved"].to_numpy() / unit.each
        handles = [
            axes.bar(places, spent, width=0.78, facecolor=GREY, edgecolor="white", linewidth=0, label="spent"),
            axes.bar(
                places,
                saved,
                bottom=spent,
                width=0.78,
                facecolor=BLUE,
                edgecolor="white",
                linewidth=0,
                hatch="\\\\\\\\",
                label="saved",
            ),
        ]
        bucket_axis(axes, numbers, span)
        roomy = int(numbers.max()) - int(numbers.min()) < _ROOM
        if roomy:
            # A number over each bar; of a bar without a hit there is nothing to say.
            for place, top, found in zip(places, spent + saved, sums["hits"], strict=True):
                if found:
                    axes.annotate(
                        f"{found:,}", (place, top), (0, 2), textcoords="offset points", ha="center", fontsize=8
                    )
        axes.set_ylim(0, float((spent + saved).max()) * 1.12 or 1)
        axes.set_ylabel(f"build time ({unit.name})")
        head(
            axes,
            _TITLE,
            f"{int(hits.sum()):,} of {known:,} started here ({100 * hits.sum() / known:.0f} %)",
            f"{words(float(each['saved'].sum()))} saved, {words(float(each['spent'].sum()))} spent",
            "above the bars: how many were found" if roomy and hits.any() else "",
            key=handles,
        )
        return axes
