"""`df.builds`: what a DataFrame of builds tells. Nothing here fetches anything."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from pandas.api import types

from pipecat_nb.analysis.buckets import Span
from pipecat_nb.analysis.comparison import Comparison, compare
from pipecat_nb.analysis.failures import failures
from pipecat_nb.analysis.regressions import Measure, regressions, told
from pipecat_nb.analysis.summary import summary
from pipecat_nb.errors import NotBuilds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Check = Callable[[Any], bool]

_NEEDED: dict[str, tuple[str, Check]] = {
    "status": ("statuses", lambda dtype: True),
    "error_message": ("texts", lambda dtype: True),
    **dict.fromkeys(
        ("created_at", "started_at", "completed_at", "updated_at"),
        ("times with a zone", lambda dtype: isinstance(dtype, pd.DatetimeTZDtype)),
    ),
    **dict.fromkeys(("queue_time", "build_time"), ("durations", types.is_timedelta64_dtype)),
    **dict.fromkeys(("context_size", "image_size"), ("numbers", types.is_numeric_dtype)),
    "cached": ("true or false", types.is_bool_dtype),
}


@pd.api.extensions.register_dataframe_accessor("builds")
class Builds:
    """What a DataFrame of builds, a filtered or an empty one too, tells: `summary()`, `failures()`,
    `regressions()`, `compare(a, b)`, `plot`.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        _check(table)
        self._table = table

    def summary(self, by: str | Sequence[str] | None = None) -> pd.DataFrame:
        """How many builds, how they ended, how long they took, what the cache saved; see `analysis.summary`.

        `by` is a column, several, or `day`, `week`, `month` (of UTC). Raises InvalidGrouping.
        """
        return summary(self._table, by=by)

    def failures(self, logs: Mapping[str, Sequence[str]] | None = None) -> pd.DataFrame:
        """Equal failures counted together: step, cause, count, last_seen, example; see `analysis.failures`.

        `logs` maps ids of builds to their logs' lines, and makes step and cause known in more cases.
        """
        return failures(self._table, logs=logs)

    def regressions(self, of: Measure = "build_time", by: str | Sequence[str] | None = None) -> pd.DataFrame:
        """The builds since which build times, or with `of="image_size"` images, are larger, and by how much.

        Each is compared with builds of its directory, Dockerfile and region, or of the same `by`; see
        `analysis.regressions`, which says how a jump is told from noise. Raises InvalidMeasure, InvalidGrouping.
        """
        return regressions(self._table, of=of, by=by)

    def compare(self, a: str, b: str) -> Comparison:
        """Two builds side by side, by ids or unique beginnings, shown in words; `.table` has the values.

        Raises UnknownBuild.
        """
        return compare(self._table, a, b)

    @property
    def plot(self) -> "Plot":
        """Charts: `timeline`, `durations`, `sizes`, `outcomes`, `cache`, `steps`."""
        return Plot(self._table)

    def __repr__(self) -> str:
        return f"<builds of {len(self._table):,} rows: summary(), failures(), regressions(), compare(a, b), plot>"


class Plot:
    """Charts of builds. Each draws on `ax`, or on a figure of its own, and returns the axes, which show themselves
    at a cell's end. Times are UTC's.
    """

    # matplotlib is imported when something is drawn.

    def __init__(self, table: pd.DataFrame) -> None:
        self._table = table

    def timeline(self, ax: "Axes | None" = None, *, most: int = 40) -> "Axes":
        """Each build as a bar from its creation to its end, the wait in the queue lighter; the latest `most`."""
        from pipecat_nb.analysis.plots.timeline import timeline  # noqa: PLC0415

        return timeline(self._table, ax, most=most)

    def durations(self, ax: "Axes | None" = None, *, marks: Mapping[str, str] | bool = True) -> "Axes":
        """Build times, and the rolling median of those of builds that succeeded.

        `marks` are drawn as lines: the builds since which it is slower, as `regressions()` has them, or others
        (build id -> a few words), or with `False` none.
        """
        from pipecat_nb.analysis.plots.durations import durations  # noqa: PLC0415

        return durations(self._table, ax, marks=self._marks("build_time", marks))

    def sizes(self, ax: "Axes | None" = None, *, marks: Mapping[str, str] | bool = True) -> "Axes":
        """Sizes of images and of contexts, on a logarithmic scale; `marks` as of `durations`, of larger images."""
        from pipecat_nb.analysis.plots.sizes import sizes  # noqa: PLC0415

        return sizes(self._table, ax, marks=self._marks("image_size", marks))

    def outcomes(self, ax: "Axes | None" = None, *, by: Span | None = None) -> "Axes":
        """How builds ended, by day, week or month: what fits, or `by`."""
        from pipecat_nb.analysis.plots.outcomes import outcomes  # noqa: PLC0415

        return outcomes(self._table, ax, by=by)

    def cache(self, ax: "Axes | None" = None, *, by: Span | None = None) -> "Axes":
        """Time spent on building and time that the cache saved, by day, week or month, with the number of hits."""
        from pipecat_nb.analysis.plots.cache import cache  # noqa: PLC0415

        return cache(self._table, ax, by=by)

    def steps(self, steps: pd.DataFrame, ax: "Axes | None" = None, *, most: int = 15) -> "Axes":
        """Where the time goes: the `most` costly steps of a frame of steps, those from the cache apart."""
        from pipecat_nb.analysis.plots.steps import draw_steps  # noqa: PLC0415

        return draw_steps(steps, ax, most=most)

    def _marks(self, of: Measure, marks: Mapping[str, str] | bool) -> Mapping[str, str]:
        if isinstance(marks, bool):
            return told(regressions(self._table, of=of)) if marks else {}
        return marks

    def __repr__(self) -> str:
        return "<plot: timeline(), durations(), sizes(), outcomes(), cache(), steps(steps)>"


def _check(table: pd.DataFrame) -> None:
    """Raises NotBuilds for what is no frame of builds, and says in what it is none."""
    lacking = [name for name in _NEEDED if name not in table.columns]
    if lacking:
        raise NotBuilds(
            f"This is no frame of builds: it lacks {', '.join(lacking)}.",
            hint="pipecat_nb.history() and pipecat_nb.frame(builds) make them; keep these columns.",
        )
    for name, (what, right) in _NEEDED.items():
        if list(table.columns).count(name) > 1:
            raise NotBuilds(f"This is no frame of builds: it has {name} more than once.")
        dtype = table[name].dtype
        if not right(dtype):
            raise NotBuilds(
                f"This is no frame of builds: {name} is {dtype}, and should be {what}.",
                hint="Parquet keeps the types of columns (to_parquet, read_parquet); CSV does not.",
            )
