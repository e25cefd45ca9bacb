"""Steps as a DataFrame."""

import pandas as pd

from pipecat_nb.analysis import steps_frame
from pipecat_nb.logs import Step

STEPS = [
    Step("load build definition", state="done", seconds=0.1),
    Step("FROM python:3.12", "1/3", "builder", "cached"),
    Step("RUN make", "2/3", "builder", "failed", 2.25, ("cc", "error")),
]


def test_one_row_a_step() -> None:
    table = steps_frame(STEPS)
    assert table.index.tolist() == [1, 2, 3]
    assert table.index.name == "step"
    assert table["name"].tolist() == ["load build definition", "FROM python:3.12", "RUN make"]
    assert table["state"].tolist() == ["done", "cached", "failed"]
    assert table["lines"].tolist() == [0, 0, 2]
    assert table["duration"].iloc[2] == pd.Timedelta(seconds=2.25)
    assert pd.isna(table["duration"].iloc[1])
    assert table.groupby("stage")["lines"].sum().to_dict() == {"": 0, "builder": 2}


def test_the_dtypes_are_the_same_when_it_is_empty() -> None:
    empty = steps_frame([])
    assert empty.dtypes.to_dict() == steps_frame(STEPS).dtypes.to_dict()
    assert list(empty) == ["stage", "position", "name", "state", "duration", "lines"]
    assert len(empty) == 0
