"""`df.builds` is there for frames of builds, and for no other."""

import io
import subprocess
import sys

import pandas as pd
import pytest

from pipecat_nb.analysis import frame
from pipecat_nb.errors import NotBuilds

from .made import build, failure, table


def test_filtered_sorted_and_widened_frames_have_it() -> None:
    rows = table(build(1), failure(2, "x"), build(3))
    assert len(rows[rows["status"] == "failed"].builds.failures()) == 1
    assert rows.sort_values("region").assign(more=1).builds.summary().loc["all", "builds"] == 3
    assert rows.drop(columns=["note", "target", "directory"]).builds.plot.timeline() is not None
    assert "3 rows" in repr(rows.builds)
    assert "timeline" in repr(rows.builds.plot)


def test_frames_after_parquet_like_changes_of_dtypes_have_it() -> None:
    rows = table(build(1), build(2), cached={"b1": True})
    changed = rows.astype({"status": object, "context_size": "float64", "cached": "boolean"})
    assert changed.builds.summary().loc["all", "cache_hits"] == 1


def test_another_frame_says_what_it_lacks() -> None:
    other = pd.DataFrame({"status": ["success"], "x": [1]})
    with pytest.raises(NotBuilds, match="lacks error_message, created_at") as caught:
        _ = other.builds
    assert "history()" in str(caught.value)
    assert not hasattr(other, "builds")
    assert "builds" not in dir(other)


def test_what_came_from_csv_is_told_apart_by_its_types() -> None:
    rows = pd.read_csv(io.StringIO(table(build(1)).to_csv()), index_col="id")
    with pytest.raises(NotBuilds, match=r"created_at is .*times with a zone") as caught:
        _ = rows.builds
    assert "Parquet" in caught.value.hint


def test_a_column_that_is_there_twice() -> None:
    rows = table(build(1))
    with pytest.raises(NotBuilds, match="status more than once"):
        _ = pd.concat([rows, rows[["status"]]], axis=1).builds


def test_matplotlib_is_imported_when_something_is_drawn() -> None:
    code = (
        "import sys, pipecat_nb; rows = pipecat_nb.frame([]); rows.builds.summary(); rows.builds.failures();"
        "plot = rows.builds.plot; assert 'matplotlib' not in sys.modules;"
        "plot.sizes(); assert 'matplotlib' in sys.modules; assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_nothing_is_changed() -> None:
    rows = table(build(1), failure(2, "x"), {})
    before = rows.copy(deep=True)
    plot = rows.builds.plot
    for draw in (plot.timeline, plot.durations, plot.sizes, plot.outcomes, plot.cache):
        draw()
    rows.builds.summary("day")
    rows.builds.failures()
    pd.testing.assert_frame_equal(rows, before)
    assert frame([]).builds.plot.timeline().get_title(loc="left") == "Timeline of builds"
