"""Which builds of a frame have ended, and which of them well. Pure."""

from typing import Any

import pandas as pd

from pipecat_nb.models import FAILED, FINAL_STATUSES, STATUSES, SUCCESS, TIMEOUT


def succeeded(table: pd.DataFrame) -> "pd.Series[Any]":
    """Whether each build ended well."""
    return _text(table).eq(SUCCESS)


def failed(table: pd.DataFrame) -> "pd.Series[Any]":
    """Whether each build failed, or was stopped by the service at its time limit."""
    return _text(table).isin([FAILED, TIMEOUT])


def ended(table: pd.DataFrame) -> "pd.Series[Any]":
    """Whether each build has ended; of a status yet unknown, the time of its end tells, as for `Build.final`."""
    status = _text(table)
    other = status.ne("") & ~status.isin(STATUSES)
    return status.isin(list(FINAL_STATUSES)) | (other & table["completed_at"].notna())


def _text(table: pd.DataFrame) -> "pd.Series[Any]":
    # As objects: a categorical compares with its own categories only, and keeps missing values to itself.
    return table["status"].astype(object).where(table["status"].notna(), "")
