"""A build's steps as a DataFrame: one row a step, the same columns and dtypes whatever the log says."""

from collections.abc import Iterable
from typing import get_args

import pandas as pd

from pipecat_nb.logs.steps import State, Step

_TEXT = pd.StringDtype("python")
_STATES = pd.CategoricalDtype(list(get_args(State)))


def steps_frame(steps: Iterable[Step]) -> pd.DataFrame:
    """Steps in the order in which they began: step, stage, position, name, state, duration, lines (how many).

    The index counts from 1. `duration` is missing where the log does not tell it: of buildah, podman and docker's
    classic builder it never does. `position` is empty for what is the engine's own.
    """
    rows = list(steps)
    seconds = pd.Series([step.seconds for step in rows], dtype="float64")
    table = pd.DataFrame(
        {
            "stage": pd.Series([step.stage for step in rows], dtype=_TEXT),
            "position": pd.Series([step.position for step in rows], dtype=_TEXT),
            "name": pd.Series([step.name for step in rows], dtype=_TEXT),
            "state": pd.Series([step.state for step in rows], dtype=_STATES),
            "duration": pd.to_timedelta(seconds, unit="s").astype("timedelta64[us]"),
            "lines": pd.Series([len(step.lines) for step in rows], dtype="Int64"),
        }
    )
    table.index = pd.RangeIndex(1, len(rows) + 1, name="step")
    return table
