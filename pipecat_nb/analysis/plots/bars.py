"""An x axis of days, weeks or months, each with a bar."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from pipecat_nb.analysis.buckets import Span, fitting, ordinals, starts

#: The least number of bars that an axis has room for: one bar alone is no wall.
_LEAST = 7
_TICKS = 9


def bucketed(created: "pd.Series[Any]", span: Span | None) -> tuple[Span, "pd.Series[Any]"]:
    """The span that is given or fits, and each build's number of it."""
    span = span or fitting(ordinals(created, "day"))
    return span, ordinals(created, span)


def bucket_axis(axes: Axes, numbers: "pd.Series[Any]", span: Span, *, label: str = "created") -> None:
    """Ticks at whole days, weeks or months, each with its date, the year where it is another one."""
    first, last = int(numbers.min()), int(numbers.max())
    spare = max(0, _LEAST - (last - first + 1)) / 2
    axes.set_xlim(first - 0.6 - spare, last + 0.6 + spare)
    step = -(-(last - first + 1) // _TICKS)
    ticks = np.arange(first, last + 1, step)
    texts, year = [], None
    for day in starts(pd.Series(ticks, dtype="Int64"), span):
        text = f"{day:%b}" if span == "month" else f"{day.day} {day:%b}"
        texts.append(text if day.year == year else f"{text}\n{day.year}")
        year = day.year
    axes.set_xticks(ticks, texts)
    beginning = {"day": "day", "week": "week from Monday", "month": "month"}[span]
    axes.set_xlabel(f"{label}, by {beginning} (UTC)")
