"""Two builds side by side, as values and in words."""

import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipecat_nb.analysis import frame
from pipecat_nb.analysis.comparison import FIELDS
from pipecat_nb.errors import UnknownBuild

from .made import build, failure, table

ROWS = frame(
    [
        build(1, id="abc1", imageSizeBytes=500 * 1024**2),
        build(3, id="abd2", buildDurationSeconds=90, imageSizeBytes=400 * 1024**2),
        failure(5, "<b>no</b>\nspace", id="x", region="eu-central"),
    ],
    record={"abc1": {"note": "old", "files": 10, "cached": False}, "abd2": {"note": "new", "files": 12}},
)


def test_values_and_their_changes() -> None:
    found = ROWS.builds.compare("abc", "abd2")
    assert (found.before, found.after) == ("abc1", "abd2")
    values = found.table
    assert [*values.index] == [*FIELDS]
    assert [*values.columns] == ["before", "after", "change"]
    assert values.loc["build_time"].tolist() == [pd.Timedelta(seconds=60 + each) for each in (0, 30)] + [
        pd.Timedelta(seconds=30)
    ]
    assert values.loc["image_size", "change"] == -100 * 1024**2
    assert values.loc["files"].tolist() == [10, 12, 2]
    assert values.loc["note"].tolist() == ["old", "new", "changed"]
    assert values.loc["region", "change"] == "same"
    assert values.loc["created_at", "change"] == pd.Timedelta(minutes=2)
    assert values.loc["cached", "before"] == False  # noqa: E712
    assert values.loc["cached", ["after", "change"]].isna().all()


def test_in_words() -> None:
    lines = [re.split(r"\s{2,}", line) for line in repr(ROWS.builds.compare("abc1", "abd2")).splitlines()]
    assert ["built in", "1 min 00 s", "1 min 30 s", "+30 s (+50%)"] in lines
    assert ["image", "500 MB", "400 MB", "−100 MB (−20%)"] in lines
    assert ["reused", "no", "–"] in lines
    assert ["status", "success", "success"] in lines
    assert "error" not in [title for title, *_ in lines]


def test_html_is_escaped() -> None:
    html = ROWS.builds.compare("abc1", "x")._repr_html_()
    assert "<bdi>&lt;b&gt;no&lt;/b&gt; space</bdi>" in html
    assert "<b>" not in html
    assert html.count("<tr>") == html.count("</tr>")
    assert '<th scope="col"><bdi>abc1</bdi></th>' in html


def test_an_id_that_is_none_or_not_the_only_one() -> None:
    with pytest.raises(UnknownBuild, match="2 builds begin with 'ab'") as caught:
        ROWS.builds.compare("ab", "x")
    assert "abc1, abd2" in caught.value.hint
    for wanted in ("nothing", ""):
        with pytest.raises(UnknownBuild):
            ROWS.builds.compare("x", wanted)


@given(st.text(), st.text())
def test_whatever_is_written_is_shown_in_a_line_and_escaped(note: str, error: str) -> None:
    rows = table(build(1, ref=note), failure(2, error))
    found = rows.drop(columns=["directory", "files"]).builds.compare("b1", "b2")
    assert len(repr(found).split("\n")) <= len(FIELDS) + 1
    assert found._repr_html_().count("<") == found._repr_html_().count(">")
