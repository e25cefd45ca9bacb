"""Where the time of builds goes, step by step."""

import pandas as pd
from matplotlib.axes import Axes

from pipecat_nb.analysis.plots.canvas import canvas, count, head, nothing, shown
from pipecat_nb.analysis.plots.palette import BLUE
from pipecat_nb.analysis.plots.units import unit_for, words
from pipecat_nb.errors import NotBuilds

_TITLE = "Where the time goes"

#: Rows that there is room for at least.
_LEAST = 4


def draw_steps(steps: pd.DataFrame, ax: Axes | None = None, *, most: int = 15) -> Axes:
    """The costliest steps by the sum of their durations over builds, with how often each came from the cache.

    `steps` has the columns of `steps_frame`, of one build or of many. Raises NotBuilds.
    """
    lacking = [name for name in ("name", "state", "duration") if name not in steps.columns]
    if lacking:
        raise NotBuilds(f"This is no frame of steps: it lacks {', '.join(lacking)}.")
    each = pd.DataFrame(
        {
            "name": steps["name"].astype(object).where(steps["name"].notna(), "").astype(str).to_numpy(),
            "cached": steps["state"].eq("cached").to_numpy(),
            "seconds": steps["duration"].dt.total_seconds().to_numpy(dtype="float64"),
        }
    )
    ran = each[~each["cached"]]
    totals = ran.groupby("name")["seconds"].agg(["sum", "median"])
    totals = totals[totals["sum"] > 0].sort_values("sum", ascending=False, kind="stable")
    rows = totals.head(max(1, most))
    with canvas(ax, height=1.1 + 0.24 * max(_LEAST, len(rows))) as axes:
        if rows.empty:
            none = (
                f"None of {count(len(each), 'step')} tells how long it took."
                if len(each)
                else "There are no steps."
            )
            return nothing(axes, _TITLE, none)
        unit = unit_for(float(rows["sum"].max()))
        places = range(len(rows))
        axes.barh(places, (rows["sum"] / unit.each).to_numpy(), height=0.62, color=BLUE)
        axes.set_yticks(places, [shown(str(name), limit=44) for name in rows.index], fontsize=8, parse_math=False)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(max(_LEAST, len(rows)) - 0.4, -0.6)
        axes.set_xlim(0, float(rows["sum"].max()) / unit.each * 1.02)
        axes.set_xlabel(f"time of all runs ({unit.name})")
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        cached = each.groupby("name")["cached"].agg(["sum", "size"])
        cached = cached.reindex(rows.index)
        for place, (median, found, times) in enumerate(
            zip(rows["median"], cached["sum"], cached["size"], strict=True)
        ):
            told = f"median {words(median)}, cached {found:,} of {times:,}"
            axes.text(
                1.012, place, told, transform=axes.get_yaxis_transform(), va="center", fontsize=8, alpha=0.85
            )
        whole = float(ran["seconds"].sum())
        head(
            axes,
            _TITLE,
            f"{len(rows)} of {len(totals)} steps that took time",
            f"{100 * rows['sum'].sum() / whole:.0f} % of {words(whole)}",
        )
        return axes
