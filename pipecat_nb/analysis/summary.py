"""What builds come to: how many succeeded, how long they took, what the cache saved. Pure."""

from collections.abc import Sequence
from typing import Any, cast

import pandas as pd

from pipecat_nb.analysis import buckets
from pipecat_nb.analysis.outcome import ended, succeeded
from pipecat_nb.errors import InvalidGrouping

_TIME = "timedelta64[us]"

#: column -> dtype
DTYPES = {
    "builds": "Int64",
    "ended": "Int64",
    "success_rate": "Float64",
    "cache_known": "Int64",
    "cache_hits": "Int64",
    "cache_hit_rate": "Float64",
    "time_saved": _TIME,
    "median_queue_time": _TIME,
    "p95_queue_time": _TIME,
    "median_build_time": _TIME,
    "p95_build_time": _TIME,
    "median_context_size": "Int64",
    "median_image_size": "Int64",
}


def summary(table: pd.DataFrame, *, by: str | Sequence[str] | None = None) -> pd.DataFrame:
    """One row for all builds, or one for each value of a column, of several, or each `day`, `week` or `month`.

    Columns: `builds`, `ended`, `success_rate` (of those that have ended), `cache_known` (builds started on this
    machine), `cache_hits` and `cache_hit_rate` (of these, found again in the cache), `time_saved` (the build times
    of those found again, each counted once: it is the least that was saved), `median_` and `p95_` of `queue_time`
    and of `build_time` (of builds that succeeded: one that failed soon tells nothing), `median_context_size` and
    `median_image_size` (bytes). Rates are from 0 to 1; what cannot be told is missing. Days are UTC's, weeks
    begin on Monday. Raises InvalidGrouping.
    """
    keys, observed = _keys(table, by)
    known = table["cached"].notna()
    hits = table["cached"].fillna(False).astype(bool)
    queue = _seconds(table["queue_time"])
    build = _seconds(table["build_time"])
    over = ended(table)
    well = succeeded(table)
    values = pd.DataFrame(
        {
            "builds": 1,
            "ended": over.astype("int64"),
            "succeeded": well.astype("int64"),
            "cache_known": known.astype("int64"),
            "cache_hits": hits.astype("int64"),
            "time_saved": build.where(hits, 0.0).fillna(0.0),
            "queue_time": queue,
            "build_time": build.where(well),
            "context_size": table["context_size"].astype("Float64").astype("float64"),
            "image_size": table["image_size"].astype("Float64").astype("float64"),
        },
        index=table.index,
    )
    groups = values.groupby(cast("Any", keys), observed=observed, dropna=False, sort=True)
    sums = groups[["builds", "ended", "succeeded", "cache_known", "cache_hits", "time_saved"]].sum()
    middles = groups[["queue_time", "build_time", "context_size", "image_size"]].median()
    slow = groups[["queue_time", "build_time"]].quantile(0.95)
    data = {
        "builds": sums["builds"],
        "ended": sums["ended"],
        "success_rate": _rate(sums["succeeded"], sums["ended"]),
        "cache_known": sums["cache_known"],
        "cache_hits": sums["cache_hits"],
        "cache_hit_rate": _rate(sums["cache_hits"], sums["cache_known"]),
        "time_saved": _times(sums["time_saved"]),
        "median_queue_time": _times(middles["queue_time"]),
        "p95_queue_time": _times(slow["queue_time"]),
        "median_build_time": _times(middles["build_time"]),
        "p95_build_time": _times(slow["build_time"]),
        "median_context_size": middles["context_size"].round(),
        "median_image_size": middles["image_size"].round(),
    }
    return pd.DataFrame(data, index=sums.index).astype(DTYPES)


def _keys(table: pd.DataFrame, by: str | Sequence[str] | None) -> tuple[list[Any], bool]:
    """What to group by, and whether only what occurs makes a row: of no builds at all there is a row too."""
    if by is None:
        return [pd.Series(pd.Categorical(["all"] * len(table), categories=["all"]), index=table.index)], False
    names = [by] if isinstance(by, str) else list(by)
    if not names:
        return _keys(table, None)
    return [key_of(table, name) for name in names], True


def key_of(table: pd.DataFrame, name: str) -> "pd.Series[Any]":
    """A column, or each build's `day`, `week` or `month`, as values to group by; raises InvalidGrouping."""
    if name in table.columns:
        key = table[name]
        # Fields that the service may add one day can be lists or objects, which are in no order and have no hash.
        return key.astype(pd.StringDtype("python")).rename(name) if key.dtype == object else key
    if name in buckets.SPANS:
        return buckets.starts(buckets.ordinals(table["created_at"], name), name).rename(name)
    raise InvalidGrouping(
        f"Builds have no {name!r} to be grouped by.",
        hint=f"Group by {', '.join(buckets.SPANS)}, or by a column: {', '.join(map(str, table.columns))}.",
    )


def _seconds(times: "pd.Series[Any]") -> "pd.Series[Any]":
    seconds: pd.Series[Any] = times.dt.total_seconds()
    return seconds


def _times(seconds: "pd.Series[Any]") -> "pd.Series[Any]":
    # Not by `to_timedelta`, which counts in nanoseconds and so refuses 300 years, which nonsense can come to.
    missing = seconds.isna()
    counts = (seconds.fillna(0) * 1e6).round().to_numpy().astype("int64")
    return pd.Series(counts.astype("timedelta64[us]"), index=seconds.index).mask(missing)


def _rate(part: "pd.Series[Any]", whole: "pd.Series[Any]") -> "pd.Series[Any]":
    counts = whole.astype("Float64")
    return part.astype("Float64") / counts.mask(counts.eq(0))
