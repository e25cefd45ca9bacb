"""Days, weeks and months of UTC, as what builds are counted by. Pure."""

from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

Span = Literal["day", "week", "month"]
SPANS: tuple[Span, ...] = get_args(Span)

#: 1970-01-01 was a Thursday; weeks begin on Monday.
_MONDAY = 3


def ordinals(times: "pd.Series[Any]", span: Span) -> "pd.Series[Any]":
    """The number of each time's day, week or month, without gaps in the calendar (Int64); missing of none."""
    moments = naive_utc(times)
    missing = np.isnat(moments)
    unit = "datetime64[M]" if span == "month" else "datetime64[D]"
    counts = moments.astype(unit).astype("int64")
    counts[missing] = 0
    if span == "week":
        counts = (counts + _MONDAY) // 7
    return pd.Series(counts, index=times.index, dtype="Int64").mask(missing)


def starts(numbers: "pd.Series[Any]", span: Span) -> "pd.Series[Any]":
    """When the days, weeks or months of these numbers begin (datetime64[us, UTC])."""
    missing = numbers.isna().to_numpy()
    counts = numbers.fillna(0).to_numpy(dtype="int64")
    if span == "week":
        counts = counts * 7 - _MONDAY
    unit = "datetime64[M]" if span == "month" else "datetime64[D]"
    moments = counts.astype(unit).astype("datetime64[us]")
    moments[missing] = np.datetime64("NaT")
    return pd.Series(moments, index=numbers.index).dt.tz_localize("UTC")


def fitting(numbers_of_days: "pd.Series[Any]") -> Span:
    """The span that makes between one and about a hundred bars of these days."""
    days = numbers_of_days.dropna()
    length = int(days.max() - days.min()) if len(days) else 0
    return "day" if length <= 62 else "week" if length <= 730 else "month"


def naive_utc(times: "pd.Series[Any]") -> "np.ndarray[Any, np.dtype[np.datetime64]]":
    """Aware times as numpy's, which have no zone; NaT stays."""
    moments: np.ndarray[Any, np.dtype[np.datetime64]]
    moments = times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    return moments
